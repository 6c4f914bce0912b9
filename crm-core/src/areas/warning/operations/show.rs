//! What people see: lists, counts, a customer's credit.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::item;
use crate::app::{Cx, ListRequest, NOT_FOUND, Page};
use crate::areas::access::User;
use crate::areas::contract::GIVEN_TO_EFFECTIVE;
use crate::areas::ledger::{NO_RATE, home_value, stated_rate};
use crate::areas::party::Customer;
use crate::areas::warning::model::{WarningLevel, WarningState, WarningTiming};
use crate::areas::warning::rules::credit::{CreditStanding, standing};
use crate::areas::warning::rules::notices::in_force;
use crate::areas::warning::rules::{NO_RULE, built_in, is_not_computable, window};
use crate::areas::warning::watch::{
    Everybody, Key, Look, Rule, Shown, areas, batch, everybody, marks, named, not_a_cursor, rules, totals,
};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::calendar::Calendar;
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::{Amount, Price};
use crate::kernel::error::{self, Code, Error, Locale, Result, WireError};
use crate::kernel::id::Id;
use crate::kernel::money::Money;
use crate::store::engine::Mode;

/// Rows read at once while counting.
const COUNTED_AT_ONCE: usize = 1000;

/// Warnings of records in scope, earliest deadline first.
///
/// Where working days of a year that the calendar does not know would have to be counted, a rule or single warnings of it are
/// passed over, and the rule is named by `warning.count` and `warning.scan`; when it is asked for by name, that is an error.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListWarnings {
    /// The day on which it is looked at; today when left out.
    pub as_of: Option<Date>,
    /// Only these rules, by name; all that are enabled when left out.
    pub rules: Vec<String>,
    /// Only these levels; all when left out.
    pub levels: Vec<WarningLevel>,
    /// Only those that you are told of, by the recipients of their rules.
    pub mine: bool,
    /// Whether to show what has been acknowledged or snoozed too.
    pub include_handled: bool,
    /// At most so many, up to 1000; 100 when left out.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// A warning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WarningItem {
    /// The rule, by name.
    pub rule: String,
    /// How grave it is.
    pub level: WarningLevel,
    /// What has been done about it.
    pub state: WarningState,
    /// The record: a contract, an opportunity, a follow-up, a customer.
    pub subject: Uuid,
    /// The row below the record: an installment, by its position.
    pub seq: Option<u32>,
    /// What names it.
    pub title: String,
    /// The customer's name.
    pub customer_name: Option<String>,
    /// The date in the record that it goes by: due date, last day, since when in the stage, next step. For a state rule,
    /// the day on which a scan or a person first met it; until then the day that is looked at.
    pub date: Date,
    /// The day by which something had or has to be done; for a state rule the day that is looked at.
    pub due_date: Date,
    /// Days since that day; below zero when it is still ahead. For a state rule: days since `date`.
    pub days_late: i32,
    /// The amount in question.
    pub amount: Option<Amount>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// Who is responsible.
    pub owner: Option<Id<User>>,
    /// When snoozed: the day from which it shows again.
    pub snoozed_until: Option<Date>,
}

/// The place of a warning in the list.
type Place = (Date, u32, Uuid, u32);

/// A warning with its place in the order of its rule.
type Found = (WarningItem, Key);

/// Which warnings are wanted.
struct Wanted<'a> {
    as_of: Date,
    calendar: &'a Calendar,
    levels: &'a [WarningLevel],
    told: Option<(Id<User>, &'a Everybody)>,
    include_handled: bool,
    only: Option<(Uuid, Option<u32>)>,
    shown: Shown,
    /// Whether the rules were asked for by name: then it is an error that one cannot be worked out.
    is_named: bool,
}

/// Some of the warnings of a rule.
struct Part {
    found: Vec<Found>,
    /// The place behind which to read on, unless these were the last.
    last: Option<Key>,
    /// Why there are others that could not be worked out, if there are.
    missing: Option<Error>,
}

impl Wanted<'_> {
    /// The next warnings of a rule behind a place, of at most so many rows read.
    fn read(&self, cx: &mut Cx<'_>, rule: &Rule, after: Option<&Key>, limit: usize) -> Result<Part> {
        let definition = &rule.definition;
        let look = Look {
            as_of: self.as_of,
            calendar: self.calendar,
            range: window(definition.timing, &definition.settings, self.as_of, self.calendar)?,
            only: self.only,
            places: &[],
            told: self.told,
            shown: self.shown,
        };
        let (rows, exhausted, last) = batch(cx, rule, &look, after, limit)?;
        let keys: Vec<Key> = rows.iter().map(|row| row.key).collect();
        let marks = marks(cx, rule, &keys)?;
        let (mut found, mut missing) = (Vec::with_capacity(rows.len()), None);
        for row in rows {
            let key = row.key;
            let item = match item(rule, row, in_force(marks.get(&key)), self.as_of, self.calendar) {
                Ok(item) => item,
                Err(error) if !self.is_named && is_not_computable(&error) => {
                    missing = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if (self.include_handled || item.state == WarningState::Open)
                && (self.levels.is_empty() || self.levels.contains(&item.level))
            {
                found.push((item, key));
            }
        }
        Ok(Part { found, last: last.filter(|_| !exhausted), missing })
    }

    /// All warnings of a rule, by level, and why there are others, if there are.
    fn count(&self, cx: &mut Cx<'_>, rule: &Rule) -> Result<(WarningLevelCounts, Option<Error>)> {
        let (mut levels, mut after, mut missing) = (WarningLevelCounts::default(), None, None);
        loop {
            let part = self.read(cx, rule, after.as_ref(), COUNTED_AT_ONCE)?;
            part.found.iter().for_each(|(item, _)| levels.add(item.level));
            missing = missing.or(part.missing);
            after = part.last;
            if after.is_none() {
                return Ok((levels, missing));
            }
        }
    }
}

/// One rule being read: what is buffered, and where it goes on.
struct Stream {
    rule: Rule,
    /// The last warning that was handed out.
    taken: Option<Key>,
    /// The last row that was read.
    read: Option<Key>,
    buffer: VecDeque<Found>,
    exhausted: bool,
}

impl Stream {
    /// The place of the next warning; reads on when nothing is buffered.
    fn peek(&mut self, cx: &mut Cx<'_>, wanted: &Wanted<'_>, limit: usize) -> Result<Option<Place>> {
        while self.buffer.is_empty() && !self.exhausted {
            let part = wanted.read(cx, &self.rule, self.read.as_ref(), limit)?;
            self.exhausted = part.last.is_none();
            self.read = part.last;
            self.buffer.extend(part.found);
        }
        let number = self.rule.number;
        Ok(self.buffer.front().map(|(item, key)| (item.due_date, number, key.subject, key.seq)))
    }
}

/// The rules asked for that are enabled and of which the caller may read the areas.
fn wanted_rules(cx: &mut Cx<'_>, names: &[String]) -> Result<Vec<Rule>> {
    let mut rules = rules(cx)?;
    for (index, name) in names.iter().enumerate() {
        named(&rules, name).map_err(|error| error.at(format!("rules[{index}]")))?;
    }
    let actor = cx.actor().clone();
    rules.retain(|rule| {
        rule.definition.settings.enabled
            && (names.is_empty() || names.contains(&rule.definition.name))
            && areas(cx, &rule.definition).into_iter().all(|access| actor.allows(access))
    });
    Ok(rules)
}

/// The places of the streams in one text: `rule=place` for each that has handed out something.
fn join_cursors(streams: &[Stream]) -> String {
    let parts = streams.iter().filter_map(|stream| {
        stream.taken.as_ref().map(|taken| format!("{}={taken}", stream.rule.definition.name))
    });
    parts.collect::<Vec<String>>().join(",")
}

fn split_cursors(streams: &mut [Stream], cursor: &str) -> Result<()> {
    for part in cursor.split(',') {
        let (name, key) = part.split_once('=').ok_or_else(not_a_cursor)?;
        let key: Key = key.parse().map_err(|_| not_a_cursor())?;
        // A rule that has been switched off meanwhile is passed over.
        if let Some(stream) = streams.iter_mut().find(|stream| stream.rule.definition.name == name) {
            let is_state = stream.rule.definition.timing == WarningTiming::State;
            if key.date.is_none() != is_state {
                return Err(not_a_cursor());
            }
            stream.taken = Some(key);
            stream.read = Some(key);
        }
    }
    Ok(())
}

impl Operation for ListWarnings {
    type Output = Page<WarningItem>;
    const NAME: &'static str = "warning.list";
    const ZH: &'static str = "预警列表";
    const ACCESS: Access = Access::Level("warning", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] =
        &[&NO_RULE, &error::OUT_OF_RANGE, &error::WRONG_TYPE, &error::OVERFLOW, &error::DATE_OUT_OF_RANGE];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_EFFECTIVE,
        input: r#"{"rules": ["installment_due", "installment_overdue"], "limit": 50}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<WarningItem>> {
        let limit = ListRequest { limit: self.limit, ..ListRequest::default() }.page_limit()? as usize;
        let calendar = cx.calendar()?;
        let everybody = if self.mine { Some(everybody(cx)?) } else { None };
        let wanted = Wanted {
            as_of: self.as_of.unwrap_or(cx.today()),
            calendar: &calendar,
            levels: &self.levels,
            told: everybody.as_ref().map(|everybody| (cx.actor().user.id, everybody)),
            include_handled: self.include_handled,
            only: None,
            shown: Shown::Caller,
            is_named: !self.rules.is_empty(),
        };
        let stream =
            |rule| Stream { rule, taken: None, read: None, buffer: VecDeque::new(), exhausted: false };
        let mut streams: Vec<Stream> = wanted_rules(cx, &self.rules)?.into_iter().map(stream).collect();
        if let Some(cursor) = &self.cursor {
            split_cursors(&mut streams, cursor)?;
        }
        let mut items = Vec::new();
        loop {
            let mut earliest: Option<(Place, usize)> = None;
            for (at, stream) in streams.iter_mut().enumerate() {
                let place = match stream.peek(cx, &wanted, limit + 1) {
                    Err(error) if !wanted.is_named && is_not_computable(&error) => {
                        stream.exhausted = true;
                        None
                    }
                    place => place?,
                };
                if let Some(place) = place
                    && earliest.is_none_or(|(first, _)| place < first)
                {
                    earliest = Some((place, at));
                }
            }
            let Some((_, at)) = earliest else { return Ok(Page { items, next: None }) };
            if items.len() == limit {
                return Ok(Page { items, next: Some(join_cursors(&streams)) });
            }
            if let Some((item, key)) = streams[at].buffer.pop_front() {
                streams[at].taken = Some(key);
                items.push(item);
            }
        }
    }
}

/// How many warnings there are: as long as the list of the same request, whoever asks.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CountWarnings {
    /// The day on which it is looked at; today when left out.
    pub as_of: Option<Date>,
    /// Only these rules, by name; all that are enabled when left out.
    pub rules: Vec<String>,
    /// Only these levels; all when left out.
    pub levels: Vec<WarningLevel>,
    /// Only those that you are told of, by the recipients of their rules.
    pub mine: bool,
    /// Whether to count what has been acknowledged or snoozed too.
    pub include_handled: bool,
}

/// Warnings by level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WarningLevelCounts {
    /// To be known.
    pub notice: u32,
    /// To be acted on.
    pub warning: u32,
    /// To be acted on at once.
    pub critical: u32,
}

/// Warnings of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WarningRuleCounts {
    /// The rule, by name.
    pub rule: String,
    /// All of them.
    pub total: u32,
    /// By level.
    pub levels: WarningLevelCounts,
    /// Why it, or some of it, could not be worked out and does not count, in English.
    pub not_computed: Option<WireError>,
}

/// Warnings by rule and level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WarningCounts {
    /// All of them.
    pub total: u32,
    /// By level.
    pub levels: WarningLevelCounts,
    /// Each rule that is enabled and that you may see, also when it warns of nothing.
    pub rules: Vec<WarningRuleCounts>,
}

impl WarningLevelCounts {
    fn add(&mut self, level: WarningLevel) {
        match level {
            WarningLevel::Notice => self.notice += 1,
            WarningLevel::Warning => self.warning += 1,
            WarningLevel::Critical => self.critical += 1,
        }
    }

    fn plus(self, other: Self) -> Self {
        WarningLevelCounts {
            notice: self.notice + other.notice,
            warning: self.warning + other.warning,
            critical: self.critical + other.critical,
        }
    }

    fn total(&self) -> u32 {
        self.notice + self.warning + self.critical
    }
}

impl Operation for CountWarnings {
    type Output = WarningCounts;
    const NAME: &'static str = "warning.count";
    const ZH: &'static str = "预警计数";
    const ACCESS: Access = Access::Level("warning", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&NO_RULE, &error::OVERFLOW, &error::DATE_OUT_OF_RANGE];
    const EXAMPLE: Example = Example { given: GIVEN_TO_EFFECTIVE, input: r#"{"mine": true}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<WarningCounts> {
        let calendar = cx.calendar()?;
        let everybody = if self.mine { Some(everybody(cx)?) } else { None };
        let wanted = Wanted {
            as_of: self.as_of.unwrap_or(cx.today()),
            calendar: &calendar,
            levels: &self.levels,
            told: everybody.as_ref().map(|everybody| (cx.actor().user.id, everybody)),
            include_handled: self.include_handled,
            only: None,
            shown: Shown::Nobody,
            is_named: !self.rules.is_empty(),
        };
        let (mut sum, mut by_rule) = (WarningLevelCounts::default(), Vec::new());
        for rule in wanted_rules(cx, &self.rules)? {
            let (levels, missing) = match wanted.count(cx, &rule) {
                Err(error) if !wanted.is_named && is_not_computable(&error) => {
                    (WarningLevelCounts::default(), Some(error))
                }
                counted => counted?,
            };
            let not_computed = missing.map(|error| error.to_wire(Locale::English));
            sum = sum.plus(levels);
            let (rule, total) = (rule.definition.name, levels.total());
            by_rule.push(WarningRuleCounts { rule, total, levels, not_computed });
        }
        Ok(WarningCounts { total: sum.total(), levels: sum, rules: by_rule })
    }
}

/// The warning of this rule on this record now.
pub(super) fn present(
    cx: &mut Cx<'_>,
    rule: &str,
    subject: Uuid,
    seq: Option<u32>,
) -> Result<Option<(WarningItem, Key, Rule)>> {
    named(&rules(cx)?, rule).map_err(|error| error.at("rule"))?;
    let calendar = cx.calendar()?;
    let wanted = Wanted {
        as_of: cx.today(),
        calendar: &calendar,
        levels: &[],
        told: None,
        include_handled: true,
        only: Some((subject, seq)),
        shown: Shown::Caller,
        is_named: true,
    };
    let Some(rule) = wanted_rules(cx, &[rule.to_owned()])?.pop() else { return Ok(None) };
    let part = wanted.read(cx, &rule, None, 2)?;
    Ok(part.found.into_iter().next().map(|(item, key)| (item, key, rule)))
}

/// How a customer stands against its credit limit, and how it would with a further amount.
///
/// What is open or in advance in another currency than the ledger's counts with the value that it is booked at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerCredit {
    /// The customer.
    pub customer: Id<Customer>,
    /// A further amount, zero or more: of a contract that is about to be signed.
    #[serde(default)]
    pub further: Option<Amount>,
    /// The currency of the further amount; the ledger's when left out.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// What one unit of that currency is worth in the ledger's; the rate of today when left out. Not for the ledger's own
    /// currency.
    #[serde(default)]
    pub rate: Option<Price>,
}

impl Operation for CustomerCredit {
    type Output = CreditStanding;
    const NAME: &'static str = "customer.credit";
    const ZH: &'static str = "客户信用占用";
    const ACCESS: Access = Access::Level("settlement", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &error::NOT_AN_ID,
        &error::OUT_OF_RANGE,
        &error::TOO_MANY_DECIMALS,
        &error::OVERFLOW,
        &error::NOT_APPLICABLE,
        &NO_RATE,
    ];
    const EXAMPLE: Example =
        Example { given: GIVEN_TO_EFFECTIVE, input: r#"{"customer": "${customer.id}", "further": "20000"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<CreditStanding> {
        let customer = cx.get_owned(self.customer, Level::Read).map_err(|error| error.at("customer"))?;
        let home = cx.ledger().info().currency;
        let further = self.further.unwrap_or(Amount::ZERO);
        if further < Amount::ZERO {
            return Err(Error::new(&error::OUT_OF_RANGE)
                .at("further")
                .with("value", further)
                .with("min", 0)
                .with("max", Amount::from_scaled(i64::MAX)));
        }
        let currency = self.currency.unwrap_or(home);
        let further = Money::new(further, currency).map_err(|error| error.at("further"))?;
        let rate = stated_rate(cx, self.rate, currency, cx.today())?;
        let further = home_value(further, rate, home)?;
        let calendar = cx.calendar()?;
        let look = Look {
            as_of: cx.today(),
            calendar: &calendar,
            range: (None, None),
            only: None,
            places: &[],
            told: None,
            shown: Shown::Nobody,
        };
        let subject = self.customer.uuid();
        let mut sums = [Amount::ZERO; 2];
        for (sum, figure) in sums.iter_mut().zip(built_in::credit_figures()) {
            let found = totals(cx, &[figure], &[subject], &look)?;
            *sum = Amount::from_scaled(found.get(&subject).copied().unwrap_or(0));
        }
        let [open, advance] = sums;
        standing(home, customer.credit_limit, open, advance.checked_neg()?, further)
    }
}
