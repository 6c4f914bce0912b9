//! Records: Rust structs that are rows of a table.
//!
//! [`record!`](crate::record) declares a struct, its table and its typed column handles in one place; [`coded!`](crate::coded) declares a
//! closed set of names with stored codes. Both only spell out what [`Field`] says of each type; there is no other mapping.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::currency::Currency;
use crate::kernel::date::{self, Date, Instant};
use crate::kernel::decimal::{Amount, Price, Quantity, Rate};
use crate::kernel::error::{self, Error, Result};
use crate::kernel::id::{Id, IdCodec, Named};
use crate::store::cell::{Cell, CellRef, Row, check_text};
use crate::store::schema::{EnumInfo, FieldType, INDEXED_TEXT_MAX, Table};

/// A type that a column can hold.
pub trait Field: Sized {
    /// What the column means.
    const TYPE: FieldType;
    /// Whether it may be empty.
    const NULLABLE: bool = false;
    /// The table it refers to.
    const REFERENCES: Option<&'static str> = None;
    /// The stored value.
    ///
    /// # Errors
    /// `NOT_AN_ID` for an id of another ledger; `OUT_OF_RANGE` for a value that storage cannot hold; `INVALID_TEXT`.
    fn encode(&self, ids: IdCodec) -> Result<Cell>;
    /// The value of a stored cell.
    ///
    /// # Errors
    /// `INTERNAL` when the store holds what was never written: the file was changed from outside.
    fn decode(cell: CellRef<'_>, ids: IdCodec) -> Result<Self>;
}

fn corrupt(expected: &str, found: CellRef<'_>) -> Error {
    Error::new(&error::INTERNAL).with("what", format!("a stored {expected} is {found:?}"))
}

/// The integer of a cell that must hold one.
pub(crate) fn integer(cell: CellRef<'_>, expected: &str) -> Result<i64> {
    match cell {
        CellRef::Int(value) => Ok(value),
        other => Err(corrupt(expected, other)),
    }
}

/// The text of a cell that must hold one.
pub(crate) fn text<'a>(cell: CellRef<'a>, expected: &str) -> Result<&'a str> {
    match cell {
        CellRef::Text(value) => Ok(value),
        other => Err(corrupt(expected, other)),
    }
}

/// A whole number of 64 bits that travels as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Big(pub i64);

impl Serialize for Big {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Big {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map(Big).map_err(|_| serde::de::Error::custom("expected a whole number written as text"))
    }
}

impl schemars::JsonSchema for Big {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Big".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "int64", "pattern": "^-?[0-9]+$" })
    }
}

impl Field for Big {
    const TYPE: FieldType = FieldType::Int;
    fn encode(&self, _: IdCodec) -> Result<Cell> {
        Ok(Cell::Int(self.0))
    }
    fn decode(cell: CellRef<'_>, _: IdCodec) -> Result<Self> {
        integer(cell, "number").map(Big)
    }
}

impl Field for u32 {
    const TYPE: FieldType = FieldType::Small;
    fn encode(&self, _: IdCodec) -> Result<Cell> {
        Ok(Cell::Int(i64::from(*self)))
    }
    fn decode(cell: CellRef<'_>, _: IdCodec) -> Result<Self> {
        u32::try_from(integer(cell, "number")?).map_err(|_| corrupt("number", cell))
    }
}

impl Field for i32 {
    const TYPE: FieldType = FieldType::Small;
    fn encode(&self, _: IdCodec) -> Result<Cell> {
        Ok(Cell::Int(i64::from(*self)))
    }
    fn decode(cell: CellRef<'_>, _: IdCodec) -> Result<Self> {
        i32::try_from(integer(cell, "number")?).map_err(|_| corrupt("number", cell))
    }
}

impl Field for bool {
    const TYPE: FieldType = FieldType::Bool;
    fn encode(&self, _: IdCodec) -> Result<Cell> {
        Ok(Cell::Int(i64::from(*self)))
    }
    fn decode(cell: CellRef<'_>, _: IdCodec) -> Result<Self> {
        Ok(integer(cell, "yes or no")? != 0)
    }
}

impl Field for String {
    const TYPE: FieldType = FieldType::Text;
    fn encode(&self, _: IdCodec) -> Result<Cell> {
        check_text(self)?;
        Ok(Cell::Text(self.clone()))
    }
    fn decode(cell: CellRef<'_>, _: IdCodec) -> Result<Self> {
        text(cell, "text").map(str::to_owned)
    }
}

impl Field for Vec<u8> {
    const TYPE: FieldType = FieldType::Bytes;
    fn encode(&self, _: IdCodec) -> Result<Cell> {
        Ok(Cell::Bytes(self.clone()))
    }
    fn decode(cell: CellRef<'_>, _: IdCodec) -> Result<Self> {
        match cell {
            CellRef::Bytes(bytes) => Ok(bytes.to_owned()),
            other => Err(corrupt("byte string", other)),
        }
    }
}

impl Field for Date {
    const TYPE: FieldType = FieldType::Date;
    fn encode(&self, _: IdCodec) -> Result<Cell> {
        Ok(Cell::Int(date::to_day_number(*self)))
    }
    fn decode(cell: CellRef<'_>, _: IdCodec) -> Result<Self> {
        date::from_day_number(integer(cell, "date")?)
    }
}

impl Field for Instant {
    const TYPE: FieldType = FieldType::Instant;
    fn encode(&self, _: IdCodec) -> Result<Cell> {
        Ok(Cell::Int(self.to_micros()))
    }
    fn decode(cell: CellRef<'_>, _: IdCodec) -> Result<Self> {
        Instant::from_micros(integer(cell, "instant")?)
    }
}

macro_rules! decimal_field {
    ($($type:ty),+) => {$(
        impl Field for $type {
            const TYPE: FieldType = FieldType::Decimal(<$type>::SCALE);
            fn encode(&self, _: IdCodec) -> Result<Cell> {
                Ok(Cell::Int(self.to_scaled()))
            }
            fn decode(cell: CellRef<'_>, _: IdCodec) -> Result<Self> {
                Ok(<$type>::from_scaled(integer(cell, "decimal")?))
            }
        }
    )+};
}
decimal_field!(Amount, Quantity, Price, Rate);

impl Field for Currency {
    const TYPE: FieldType = FieldType::Text;
    fn encode(&self, _: IdCodec) -> Result<Cell> {
        Ok(Cell::Text(self.code().to_owned()))
    }
    fn decode(cell: CellRef<'_>, _: IdCodec) -> Result<Self> {
        Currency::from_code(text(cell, "currency")?)
    }
}

impl<K: Named> Field for Id<K> {
    const TYPE: FieldType = FieldType::Id;
    const REFERENCES: Option<&'static str> = Some(K::NAME);
    fn encode(&self, ids: IdCodec) -> Result<Cell> {
        ids.key(self.uuid()).map(Cell::Int)
    }
    fn decode(cell: CellRef<'_>, ids: IdCodec) -> Result<Self> {
        Ok(ids.id(integer(cell, "id")?))
    }
}

/// An id of any kind of record; not kept as a foreign key.
impl Field for Uuid {
    const TYPE: FieldType = FieldType::Id;
    fn encode(&self, ids: IdCodec) -> Result<Cell> {
        ids.key(*self).map(Cell::Int)
    }
    fn decode(cell: CellRef<'_>, ids: IdCodec) -> Result<Self> {
        Ok(ids.uuid(integer(cell, "id")?))
    }
}

impl<T: Field> Field for Option<T> {
    const TYPE: FieldType = T::TYPE;
    const NULLABLE: bool = true;
    const REFERENCES: Option<&'static str> = T::REFERENCES;
    fn encode(&self, ids: IdCodec) -> Result<Cell> {
        self.as_ref().map_or(Ok(Cell::Null), |value| value.encode(ids))
    }
    fn decode(cell: CellRef<'_>, ids: IdCodec) -> Result<Self> {
        match cell {
            CellRef::Null => Ok(None),
            cell => T::decode(cell, ids).map(Some),
        }
    }
}

/// A set of labels, in the order given, each once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct Tags(Vec<String>);

impl From<Vec<String>> for Tags {
    fn from(labels: Vec<String>) -> Tags {
        let mut tags = Tags::default();
        for label in labels {
            if !tags.0.contains(&label) {
                tags.0.push(label);
            }
        }
        tags
    }
}

impl From<Tags> for Vec<String> {
    fn from(tags: Tags) -> Vec<String> {
        tags.0
    }
}

impl Tags {
    /// The labels.
    pub fn labels(&self) -> &[String] {
        &self.0
    }

    /// The stored text of one label, as it stands within the whole.
    pub(crate) fn needle(label: &str) -> Result<String> {
        if label.trim().is_empty() {
            return Err(Error::new(&error::EMPTY));
        }
        if label.contains('\n') {
            return Err(Error::new(&error::WRONG_TYPE).with_both(
                "reason",
                "a label is one line",
                "标签只能有一行",
            ));
        }
        check_text(label)?;
        Ok(format!("\n{label}\n"))
    }
}

impl Field for Tags {
    const TYPE: FieldType = FieldType::Tags;
    fn encode(&self, _: IdCodec) -> Result<Cell> {
        let mut stored = String::new();
        for (position, label) in self.0.iter().enumerate() {
            stored.push_str(&Tags::needle(label).map_err(|error| error.at(format!("[{position}]")))?);
        }
        Ok(Cell::Text(stored))
    }
    fn decode(cell: CellRef<'_>, _: IdCodec) -> Result<Self> {
        Ok(Tags(
            text(cell, "labels")?.split('\n').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        ))
    }
}

/// A structured value that is only read and written as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct Json<T>(pub T);

impl<T: Serialize + DeserializeOwned> Field for Json<T> {
    const TYPE: FieldType = FieldType::Json;
    fn encode(&self, _: IdCodec) -> Result<Cell> {
        serde_json::to_string(&self.0).map(Cell::Text).map_err(|error| {
            Error::new(&error::INTERNAL).with("what", "a value has no JSON form").because(error)
        })
    }
    fn decode(cell: CellRef<'_>, _: IdCodec) -> Result<Self> {
        serde_json::from_str(text(cell, "document")?).map(Json).map_err(|error| {
            Error::new(&error::INTERNAL).with("what", "a stored document cannot be read").because(error)
        })
    }
}

/// A closed set of names with stored codes; declared with [`coded!`](crate::coded).
pub trait Coded: Copy + 'static {
    /// Names and codes.
    const INFO: &'static EnumInfo;
    /// The stored code.
    fn code(self) -> i64;
    /// The value of a code.
    fn from_code(code: i64) -> Option<Self>;
    /// The name at every boundary.
    fn name(self) -> &'static str {
        Self::INFO.name_of(self.code()).unwrap_or("")
    }
    /// The Chinese label.
    fn zh(self) -> &'static str {
        Self::INFO.zh_of(self.code()).unwrap_or("")
    }
}

/// Declares an enumeration: `Variant = code, "name", "中文";`.
#[macro_export]
macro_rules! coded {
    ($(#[$doc:meta])* pub enum $name:ident {
        $($(#[$vdoc:meta])* $variant:ident = $code:literal, $text:literal, $zh:literal;)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+
        }
        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
        }
        impl $crate::store::record::Coded for $name {
            const INFO: &'static $crate::store::schema::EnumInfo = &$crate::store::schema::EnumInfo {
                name: stringify!($name),
                values: &[$($crate::store::schema::EnumValue { name: $text, code: $code, zh: $zh }),+],
            };
            fn code(self) -> i64 {
                match self { $($name::$variant => $code),+ }
            }
            fn from_code(code: i64) -> Option<Self> {
                match code { $($code => Some($name::$variant),)+ _ => None }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::store::record::Coded::name(*self))
            }
        }
        impl $crate::store::record::Field for $name {
            const TYPE: $crate::store::schema::FieldType =
                $crate::store::schema::FieldType::Enum(<$name as $crate::store::record::Coded>::INFO);
            fn encode(&self, _: $crate::kernel::id::IdCodec) -> $crate::kernel::error::Result<$crate::store::cell::Cell> {
                Ok($crate::store::cell::Cell::Int($crate::store::record::Coded::code(*self)))
            }
            fn decode(
                cell: $crate::store::cell::CellRef<'_>,
                _: $crate::kernel::id::IdCodec,
            ) -> $crate::kernel::error::Result<Self> {
                $crate::store::record::decode_code(cell)
            }
        }
    };
}

/// The enumeration value of a stored code.
#[doc(hidden)]
pub fn decode_code<T: Coded>(cell: CellRef<'_>) -> Result<T> {
    T::from_code(integer(cell, T::INFO.name)?).ok_or_else(|| corrupt(T::INFO.name, cell))
}

/// A typed column handle of a record.
pub struct Col<T> {
    position: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Col<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Col<T> {}

impl<T> Col<T> {
    /// The column at this position; [`record!`](crate::record) writes these.
    pub const fn at(position: usize) -> Self {
        Col { position, kind: PhantomData }
    }

    /// The column's position in its table.
    pub const fn position(self) -> usize {
        self.position
    }
}

/// A struct that is a row of a table; declared with [`record!`](crate::record).
pub trait Record: Sized + Clone + Serialize + 'static {
    /// The typed column handles.
    type Columns: 'static;
    /// The typed column handles.
    const C: Self::Columns;
    /// The table.
    fn table() -> &'static Table;
    /// The row.
    ///
    /// # Errors
    /// As [`Field::encode`], with the field's name; `TOO_LONG` for a text that no index can hold.
    fn encode(&self, ids: IdCodec) -> Result<Row>;
    /// The record of a row with all columns in order.
    ///
    /// # Errors
    /// As [`Field::decode`].
    fn decode(cells: &[CellRef<'_>], ids: IdCodec) -> Result<Self>;
}

/// A record with an id and a version that grows with each change, so that two editors cannot overwrite each other.
pub trait Entity: Record + Named {
    /// The id.
    fn id(&self) -> Id<Self>;
    /// The version: 1 when created.
    fn version(&self) -> u32;
    /// Puts the version.
    fn set_version(&mut self, version: u32);
}

/// Declares a record.
///
/// ```text
/// record! {
///     /// What it is.
///     pub struct Contact, ContactColumns in "contact" key (id) {
///         /// What the field is.
///         id: Id<Contact>,
///         customer: Id<Customer>,
///     }
///     index contact_customer (customer);
///     unique contact_phone (customer, phone) where phone;
/// }
/// ```
/// `where` keeps only rows with a value in that column in the index. A field added in a later schema version is
/// written `name: Type = since 2 or Cell::Null`.
#[macro_export]
macro_rules! record {
    ($(#[$doc:meta])* pub struct $name:ident, $columns:ident in $table:literal key ($($key:ident),+) $(since $tsince:literal)? {
        $($(#[$fdoc:meta])* $field:ident : $type:ty $(= since $since:literal or $default:expr)?),+ $(,)?
    }
    $($kind:ident $index:ident ($($icol:ident),+) $(where $present:ident)? $(since $isince:literal)? ;)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub struct $name {
            $($(#[$fdoc])* pub $field: $type,)+
        }

        #[doc = concat!("Typed columns of [`", stringify!($name), "`].")]
        #[derive(Clone, Copy)]
        pub struct $columns {
            $($(#[$fdoc])* pub $field: $crate::store::record::Col<$type>,)+
        }

        impl $crate::kernel::id::Named for $name {
            const NAME: &'static str = $table;
        }

        impl $crate::store::record::Record for $name {
            type Columns = $columns;
            const C: $columns = {
                #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
                enum Position { $($field),+ }
                $columns { $($field: $crate::store::record::Col::at(Position::$field as usize)),+ }
            };

            fn table() -> &'static $crate::store::schema::Table {
                use $crate::store::record::{Field, Record, first};
                use $crate::store::schema::{Column, Table};
                static TABLE: std::sync::LazyLock<Table> = std::sync::LazyLock::new(|| {
                    let c = <$name as Record>::C;
                    let key = vec![$(c.$key.position()),+];
                    let columns = vec![$(Column {
                        name: stringify!($field),
                        field_type: <$type as Field>::TYPE,
                        nullable: <$type as Field>::NULLABLE,
                        references: <$type as Field>::REFERENCES
                            .filter(|referenced| *referenced != $table || key != [c.$field.position()]),
                        since: first(&[$($since)?], 1),
                        default: first(&[$(Some($default))?], None),
                    }),+];
                    let indexes = vec![$($crate::store::schema::Index {
                        name: stringify!($index),
                        columns: vec![$(c.$icol.position()),+],
                        unique: matches!(stringify!($kind), "unique"),
                        present: first(&[$(Some(c.$present.position()))?], None),
                        since: first(&[$($isince)?], 1),
                    }),*];
                    Table { name: $table, columns, key, indexes, since: first(&[$($tsince)?], 1) }
                });
                &TABLE
            }

            fn encode(&self, ids: $crate::kernel::id::IdCodec) -> $crate::kernel::error::Result<$crate::store::cell::Row> {
                static INDEXED: std::sync::LazyLock<Vec<usize>> =
                    std::sync::LazyLock::new(|| <$name as $crate::store::record::Record>::table().indexed_texts());
                let row = vec![$($crate::store::record::Field::encode(&self.$field, ids)
                    .map_err(|error| error.within(stringify!($field)))?),+];
                $crate::store::record::check_indexed(<Self as $crate::store::record::Record>::table(), &INDEXED, &row)?;
                Ok(row)
            }

            fn decode(
                cells: &[$crate::store::cell::CellRef<'_>],
                ids: $crate::kernel::id::IdCodec,
            ) -> $crate::kernel::error::Result<Self> {
                let mut cells = cells.iter().copied();
                Ok($name {
                    $($field: $crate::store::record::Field::decode(cells.next().unwrap_or_default(), ids)
                        .map_err(|error| error.within(concat!($table, ".", stringify!($field))))?,)+
                })
            }
        }
    };
}

/// Makes a record with the fields `id` and `version` an [`Entity`].
#[macro_export]
macro_rules! entity {
    ($($name:ident),+ $(,)?) => {$(
        impl $crate::store::record::Entity for $name {
            fn id(&self) -> $crate::kernel::id::Id<Self> {
                self.id
            }
            fn version(&self) -> u32 {
                self.version
            }
            fn set_version(&mut self, version: u32) {
                self.version = version;
            }
        }
    )+};
}

/// Refuses texts that an index cannot hold.
#[doc(hidden)]
pub fn check_indexed(table: &Table, indexed: &[usize], row: &[Cell]) -> Result<()> {
    for position in indexed {
        if let Cell::Text(text) = &row[*position]
            && text.len() > INDEXED_TEXT_MAX
        {
            let length = text.chars().count();
            if length > INDEXED_TEXT_MAX {
                let field = table.columns[*position].name;
                return Err(Error::new(&error::TOO_LONG)
                    .at(field)
                    .with("length", length)
                    .with("max", INDEXED_TEXT_MAX));
            }
        }
    }
    Ok(())
}

/// The given value, or the usual one: how [`record!`](crate::record) reads an optional mark.
#[doc(hidden)]
pub fn first<T: Clone>(given: &[T], usual: T) -> T {
    given.first().cloned().unwrap_or(usual)
}
