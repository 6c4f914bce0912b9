//! Ids are UUID version 7 (RFC 9562), typed by the record they name.
//!
//! The 74 bits that RFC 9562 leaves free hold a counter (22 bits, started at random in each millisecond and counted up
//! within it) and the *ledger tag* (52 random bits, drawn once when a ledger is created):
//!
//! ```text
//! unix milliseconds 48 | version 4 | counter 12 | variant 2 | counter 10 | ledger tag 52
//! ```
//!
//! Inside one ledger the tag is a constant, so an engine stores only milliseconds and counter: one 63-bit integer, the
//! *key*. Keys are half the size of a UUID, grow with time, and need no second index to be found from outside;
//! [`IdCodec`] turns one into the other.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::kernel::clock::Entropy;
use crate::kernel::date::Instant;
use crate::kernel::error::{self, Error, Result};
use crate::kernel::refusal;

const COUNTER_BITS: u32 = 22;
const COUNTER_MASK: u64 = (1 << COUNTER_BITS) - 1;
const TAG_BITS: u32 = 52;
const TAG_MASK: u64 = (1 << TAG_BITS) - 1;
/// 2020-01-01T00:00:00Z: keys count milliseconds from here, and last until September 2089.
const EPOCH_MS: u64 = 1_577_836_800_000;
const SPAN_MS_MAX: u64 = (1 << (63 - COUNTER_BITS)) - 1;

/// What an [`Id`] names: implemented by every record that is addressed from outside.
pub trait Named: 'static {
    /// The table, and the word used for the record at every boundary.
    const NAME: &'static str;
}

/// The id of a `K`.
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

impl<K> Id<K> {
    /// Takes a UUID as the id of a `K`; whether it belongs to the ledger shows when it is used.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Id { uuid, kind: PhantomData }
    }

    /// The UUID.
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}
impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.fmt(f)
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.fmt(f)
    }
}
impl<K> FromStr for Id<K> {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Uuid::try_parse(text)
            .map(Id::from_uuid)
            .map_err(|_| Error::new(&error::NOT_AN_ID).with("value", text))
    }
}
impl<K> From<Id<K>> for Uuid {
    fn from(id: Id<K>) -> Uuid {
        id.uuid
    }
}
impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.uuid.serialize(serializer)
    }
}
impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        refusal::from_text(deserializer, "an id", |text| text.parse(), &error::NOT_AN_ID)
    }
}
impl<K> schemars::JsonSchema for Id<K> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "uuid" })
    }
}

/// Turns ids into the integer keys that engines store, and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdCodec {
    tag: u64,
}

impl IdCodec {
    /// The codec of the ledger with this tag; only the lowest 52 bits count.
    pub fn new(tag: u64) -> Self {
        IdCodec { tag: tag & TAG_MASK }
    }

    /// The ledger tag.
    pub fn tag(self) -> u64 {
        self.tag
    }

    /// The key of an id.
    ///
    /// # Errors
    /// `NOT_AN_ID` when the id was not made by this ledger.
    pub fn key(self, uuid: Uuid) -> Result<i64> {
        let refused = || Error::new(&error::NOT_AN_ID).with("value", uuid);
        let (high, low) = uuid.as_u64_pair();
        let (milliseconds, version) = (high >> 16, (high >> 12) & 0xF);
        if version != 7 || low >> 62 != 0b10 || low & TAG_MASK != self.tag {
            return Err(refused());
        }
        let counter = ((high & 0xFFF) << 10) | ((low >> TAG_BITS) & 0x3FF);
        let span =
            milliseconds.checked_sub(EPOCH_MS).filter(|span| *span <= SPAN_MS_MAX).ok_or_else(refused)?;
        i64::try_from(span << COUNTER_BITS | counter).map_err(|_| refused())
    }

    /// The id of a key; a negative key, which no engine holds, is taken as zero.
    pub fn uuid(self, key: i64) -> Uuid {
        let key = u64::try_from(key).unwrap_or(0);
        let (milliseconds, counter) = ((key >> COUNTER_BITS) + EPOCH_MS, key & COUNTER_MASK);
        let high = milliseconds << 16 | 7 << 12 | counter >> 10;
        let low = 0b10 << 62 | (counter & 0x3FF) << TAG_BITS | self.tag;
        Uuid::from_u64_pair(high, low)
    }

    /// The least id that can have been made at an instant: what was made before it is smaller, what is made from then on
    /// is not. Instants outside 2020–2089 take the nearest one inside.
    pub fn first_at(self, instant: Instant) -> Uuid {
        self.uuid(i64::try_from(span_ms(instant) << COUNTER_BITS).unwrap_or(i64::MAX))
    }

    /// When an id was made, to the millisecond.
    ///
    /// # Errors
    /// `NOT_AN_ID` when the id was not made by this ledger.
    pub fn made_at(self, uuid: Uuid) -> Result<Instant> {
        let key = u64::try_from(self.key(uuid)?).unwrap_or(0);
        let milliseconds = (key >> COUNTER_BITS) + EPOCH_MS;
        Instant::from_micros(i64::try_from(milliseconds).unwrap_or(0) * 1000)
    }

    /// The typed id of a key.
    pub fn id<K>(self, key: i64) -> Id<K> {
        Id::from_uuid(self.uuid(key))
    }
}

/// Milliseconds of an instant since the first that an id can name, within what ids can name.
fn span_ms(instant: Instant) -> u64 {
    let milliseconds = u64::try_from(instant.to_micros() / 1000).unwrap_or(0);
    milliseconds.saturating_sub(EPOCH_MS).min(SPAN_MS_MAX)
}

/// Makes new ids of one ledger; they grow, also when the clock stands still or goes back.
pub struct IdSource {
    codec: IdCodec,
    entropy: Arc<dyn Entropy>,
    last_key: Mutex<u64>,
}

impl IdSource {
    /// A source for the ledger of `codec`.
    pub fn new(codec: IdCodec, entropy: Arc<dyn Entropy>) -> Self {
        IdSource { codec, entropy, last_key: Mutex::new(0) }
    }

    /// The codec of the ids made here.
    pub fn codec(&self) -> IdCodec {
        self.codec
    }

    /// A new id for something that happens at `now`. Instants outside 2020–2089 take the nearest one inside.
    pub fn next<K>(&self, now: Instant) -> Id<K> {
        let span = span_ms(now);
        let mut last = self.last_key.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *last = if span > *last >> COUNTER_BITS {
            // A random start in the lower half leaves room to count up within the millisecond.
            span << COUNTER_BITS | (self.entropy.next() & (COUNTER_MASK >> 1))
        } else {
            *last + 1
        };
        self.codec.id(i64::try_from(*last).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::clock::SeededEntropy;

    #[test]
    fn an_id_is_a_version_7_uuid_and_its_key_brings_it_back() {
        let source = IdSource::new(IdCodec::new(0xFFFF_1234_5678_9ABC), Arc::new(SeededEntropy::new(7)));
        let at = Instant::from_micros(1_772_000_000_123_456).unwrap();
        let ids: Vec<Id<()>> = (0..3000).map(|_| source.next(at)).collect();
        for pair in ids.windows(2) {
            assert!(pair[0] < pair[1], "ids grow");
        }
        for id in ids {
            assert_eq!(id.uuid().get_version_num(), 7);
            let key = source.codec().key(id.uuid()).unwrap();
            assert_eq!(source.codec().id::<()>(key), id);
            assert_eq!(id.uuid().as_u64_pair().0 >> 16, 1_772_000_000_123, "the id tells its millisecond");
        }
    }

    #[test]
    fn ids_of_another_ledger_and_other_uuids_are_refused() {
        let ours = IdCodec::new(1);
        let theirs = IdSource::new(IdCodec::new(2), Arc::new(SeededEntropy::new(7)));
        let id: Id<()> = theirs.next(Instant::from_micros(1_772_000_000_000_000).unwrap());
        assert_eq!(ours.key(id.uuid()).unwrap_err().code(), &error::NOT_AN_ID);
        assert_eq!(ours.key(Uuid::nil()).unwrap_err().code(), &error::NOT_AN_ID);
        assert_eq!(ours.key(Uuid::max()).unwrap_err().code(), &error::NOT_AN_ID);
    }

    #[test]
    fn the_clock_may_stand_before_the_first_key_or_go_back() {
        let source = IdSource::new(IdCodec::new(1), Arc::new(SeededEntropy::new(7)));
        let early: Id<()> = source.next(Instant::from_micros(0).unwrap());
        let later: Id<()> = source.next(Instant::from_micros(1_772_000_000_000_000).unwrap());
        let back: Id<()> = source.next(Instant::from_micros(1_600_000_000_000_000).unwrap());
        assert!(early < later && later < back);
        assert!(source.codec().key(early.uuid()).unwrap() > 0);
    }
}
