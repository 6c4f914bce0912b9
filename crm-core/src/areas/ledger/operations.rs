//! Operations on the ledger itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::model::{CalendarDay, DayStatus, ExternalReference};
use crate::app::{AuditEntry, Cx, ListRequest, Page, Rows, Summary, verify_chain};
use crate::areas::access::Reach;
use crate::catalog::{Access, Entry, Example, Level, Operation};
use crate::kernel::date::Date;
use crate::kernel::error::{self, Code, Error, Result};
use crate::store::dataset::to_json;
use crate::store::engine::Mode;
use crate::store::record::{Big, Record};

pub(super) const LIST: fn() -> Vec<Entry> = crate::operations![
    GetLedger,
    SetCalendarDays,
    WorkingDay,
    super::SetRate,
    super::ListRates,
    super::SetCashRounding,
    super::ListCashRoundings,
    super::MoneyInCash,
    SetReference,
    FindReference,
    ListAudit,
    VerifyAudit,
    ReadChanges,
    QueryRows,
    QuerySummary,
    super::MoneyInWords,
    super::DateInWords,
];

crate::codes! {
    /// The external key names another record.
    REFERENCE_TAKEN = 1250, Conflict, "{system} {value} already stands for another record.", "{system} 编码 {value} 已被其他记录占用。";
    /// No record has this external key.
    REFERENCE_UNKNOWN = 1251, NotFound, "No record is known as {system} {value}.", "没有外部编码为 {system} {value} 的记录。";
}

/// The ledger's name, currency and time zone.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetLedger {}

impl Operation for GetLedger {
    type Output = super::LedgerInfo;
    const NAME: &'static str = "ledger.get";
    const ZH: &'static str = "账套信息";
    const ACCESS: Access = Access::Everyone;
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[];
    const EXAMPLE: Example = Example { given: &[], input: "{}" };
    fn run(self, cx: &mut Cx<'_>) -> Result<super::LedgerInfo> {
        Ok(cx.ledger().info().clone())
    }
}

/// Adds days off and moved working days to the ledger's calendar.
///
/// The years of these days count as known from then on, weekends being free unless said otherwise. Due dates that were worked out
/// before stay as they are until `contract.follow_calendar` brings them up to it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetCalendarDays {
    /// The days; a day given before is replaced.
    pub days: Vec<CalendarDayInput>,
}

/// A day of the calendar.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalendarDayInput {
    /// The day.
    pub date: Date,
    /// Whether people work on it.
    pub status: DayStatus,
    /// Why.
    #[serde(default)]
    pub note: String,
}

impl Operation for SetCalendarDays {
    type Output = u32;
    const NAME: &'static str = "ledger.set_calendar_days";
    const ZH: &'static str = "设置工作日历";
    const ACCESS: Access = Access::Level("ledger", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&error::EMPTY_LIST];
    const EXAMPLE: Example = Example {
        given: &[],
        input: r#"{"days": [{"date": "2027-01-01", "status": "holiday", "note": "元旦"}]}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<u32> {
        if self.days.is_empty() {
            return Err(Error::new(&error::EMPTY_LIST).at("days"));
        }
        let c = CalendarDay::C;
        for day in &self.days {
            let after = CalendarDay { date: day.date, status: day.status, note: day.note.clone() };
            match cx.query::<CalendarDay>().equal(c.date, day.date).first(cx.tx())? {
                Some(before) => cx.replace(&before, &after)?,
                None => cx.insert(&after)?,
            }
        }
        Ok(u32::try_from(self.days.len()).unwrap_or(u32::MAX))
    }
}

/// The n-th working day after (or, negative, before) a date by the ledger's calendar.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkingDay {
    /// From this date; it does not count itself.
    pub date: Date,
    /// How many working days.
    pub count: i32,
}

impl Operation for WorkingDay {
    type Output = Date;
    const NAME: &'static str = "ledger.working_day";
    const ZH: &'static str = "推算工作日";
    const ACCESS: Access = Access::Everyone;
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_CALENDAR_YEAR, &error::DATE_OUT_OF_RANGE];
    const EXAMPLE: Example = Example { given: &[], input: r#"{"date": "2026-09-30", "count": 1}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Date> {
        cx.calendar()?.add_working_days(self.date, self.count).map_err(|error| error.at("date"))
    }
}

/// Notes the key under which a host system knows a record.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetReference {
    /// The host system, such as `u8`.
    pub system: String,
    /// The key there.
    pub value: String,
    /// The kind of record: `customer`, `contract`, …
    pub kind: String,
    /// The record.
    pub record: Uuid,
}

impl Operation for SetReference {
    type Output = ExternalReference;
    const NAME: &'static str = "ledger.set_reference";
    const ZH: &'static str = "登记外部编码";
    const ACCESS: Access = Access::Level("ledger", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] =
        &[&REFERENCE_TAKEN, &error::EMPTY, &error::NOT_ALLOWED, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example {
        given: &[],
        input: r#"{"system": "u8", "value": "USER-01", "kind": "user", "record": "${admin}"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<ExternalReference> {
        let reference = ExternalReference {
            system: self.system,
            value: self.value,
            kind: self.kind,
            record: self.record,
        };
        refer(cx, &reference)?;
        Ok(reference)
    }
}

/// Stores a reference; the same one twice is no error.
pub(crate) fn refer(cx: &mut Cx<'_>, reference: &ExternalReference) -> Result<()> {
    for (name, text) in [("system", &reference.system), ("value", &reference.value)] {
        if text.trim().is_empty() {
            return Err(Error::new(&error::EMPTY).at(name));
        }
    }
    if cx.catalog().schema().table(&reference.kind).is_none_or(|table| table.position("version").is_none()) {
        return Err(Error::new(&error::NOT_ALLOWED)
            .at("kind")
            .with("value", &reference.kind)
            .with("allowed", "customer, contact, product, opportunity, contract, …"));
    }
    match referred(cx, &reference.system, &reference.value)? {
        Some(found) if found == *reference => Ok(()),
        Some(_) => Err(Error::new(&REFERENCE_TAKEN)
            .at("value")
            .with("system", &reference.system)
            .with("value", &reference.value)),
        None => cx.insert(reference),
    }
}

/// The reference with this key, if there is one.
pub(crate) fn referred(cx: &mut Cx<'_>, system: &str, value: &str) -> Result<Option<ExternalReference>> {
    let c = ExternalReference::C;
    let query =
        cx.query::<ExternalReference>().equal(c.system, system.to_owned()).equal(c.value, value.to_owned());
    query.first(cx.tx())
}

/// The record that a host system knows under a key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindReference {
    /// The host system.
    pub system: String,
    /// The key there.
    pub value: String,
}

impl Operation for FindReference {
    type Output = ExternalReference;
    const NAME: &'static str = "ledger.find_reference";
    const ZH: &'static str = "按外部编码查找";
    const ACCESS: Access = Access::Everyone;
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&REFERENCE_UNKNOWN];
    const EXAMPLE: Example = Example {
        given: &[crate::catalog::Given {
            save: "reference",
            call: "ledger.set_reference",
            input: r#"{"system": "u8", "value": "USER-01", "kind": "user", "record": "${admin}"}"#,
        }],
        input: r#"{"system": "u8", "value": "USER-01"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<ExternalReference> {
        let found = match referred(cx, &self.system, &self.value)? {
            // What is out of the caller's reach is not there.
            Some(found) if cx.reach_of(found.record)? == Some(Reach::Hidden) => None,
            found => found,
        };
        found.ok_or_else(|| {
            Error::new(&REFERENCE_UNKNOWN).at("value").with("system", &self.system).with("value", &self.value)
        })
    }
}

/// Audit entries: who did what to which record when, with before and after.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAudit {
    /// Only entries about this record.
    #[serde(default)]
    pub subject: Option<Uuid>,
    /// Filter, order and page.
    #[serde(default)]
    pub list: ListRequest,
}

impl Operation for ListAudit {
    type Output = Page<AuditEntry>;
    const NAME: &'static str = "audit.list";
    const ZH: &'static str = "审计记录";
    const ACCESS: Access = Access::Permission("audit.read");
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example { given: &[], input: r#"{"list": {"limit": 10}}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<AuditEntry>> {
        use crate::store::expr::{Expr, Operand};
        let mut list = self.list;
        if let Some(subject) = self.subject {
            let about = Expr::Equal("subject".to_owned(), Operand::Text(subject.to_string()));
            list.filter = Some(match list.filter.take() {
                Some(filter) => Expr::And(vec![about, filter]),
                None => about,
            });
        }
        cx.list(&super::AUDIT, &list)
    }
}

/// Recomputes the whole audit trail and returns the number of its entries.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyAudit {}

impl Operation for VerifyAudit {
    type Output = Big;
    const NAME: &'static str = "audit.verify";
    const ZH: &'static str = "校验审计链";
    const ACCESS: Access = Access::Permission("audit.read");
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&crate::app::CHAIN_BROKEN];
    const EXAMPLE: Example = Example { given: &[], input: "{}" };
    fn run(self, cx: &mut Cx<'_>) -> Result<Big> {
        let ids = cx.ids();
        verify_chain(cx.tx(), ids).map(Big)
    }
}

/// The change feed: every committed change after a cursor, in order.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadChanges {
    /// `cursor` of the answer before; from the beginning when left out.
    #[serde(default)]
    pub cursor: Option<Big>,
    /// At most so many entries, up to 1000; 100 when left out.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A piece of the change feed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Changes {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// Where to go on; the same as before when there is nothing new.
    pub cursor: Big,
}

impl Operation for ReadChanges {
    type Output = Changes;
    const NAME: &'static str = "change.read";
    const ZH: &'static str = "读取变更流";
    const ACCESS: Access = Access::Permission("audit.read");
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example { given: &[], input: r#"{"limit": 100}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Changes> {
        let request = ListRequest { limit: self.limit, ..ListRequest::default() };
        let after = self.cursor.unwrap_or_default();
        let c = AuditEntry::C;
        let limit = request.page_limit()?;
        let query = cx.query::<AuditEntry>().greater(c.seq, after).ascending(c.seq).limit(u64::from(limit));
        let entries = query.fetch(cx.tx())?;
        let cursor = entries.last().map_or(after, |entry| entry.seq);
        Ok(Changes { entries, cursor })
    }
}

/// Rows of a dataset as objects by field name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct QueryRows(pub Rows);

impl Operation for QueryRows {
    type Output = Page<Value>;
    const NAME: &'static str = "query.rows";
    const ZH: &'static str = "查询明细";
    const ACCESS: Access = Access::Everyone;
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::OUT_OF_RANGE, &error::EMPTY_LIST];
    const EXAMPLE: Example = Example {
        given: &[],
        input: r#"{"dataset": "user", "select": ["login", "unit.name"], "sort": [{"field": "login"}]}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<Value>> {
        let limit = self.0.page_limit()?;
        let frame = cx.rows(&self.0, limit)?;
        Ok(Page { items: objects(&frame, cx)?, next: frame.next })
    }
}

/// Figures of a dataset by groups: count, sum, smallest and largest.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct QuerySummary(pub Summary);

impl Operation for QuerySummary {
    type Output = Vec<Value>;
    const NAME: &'static str = "query.summary";
    const ZH: &'static str = "汇总查询";
    const ACCESS: Access = Access::Everyone;
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] =
        &[&error::OUT_OF_RANGE, &crate::app::TOO_MANY_GROUPS, &error::EMPTY_LIST, &error::OVERFLOW];
    const EXAMPLE: Example = Example {
        given: &[],
        input: r#"{"dataset": "user", "group_by": [{"field": "active"}], "measures": [{"count": "users"}]}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Vec<Value>> {
        let frame = cx.summarise(&self.0)?;
        objects(&frame, cx)
    }
}

fn objects(frame: &crate::app::Frame, cx: &Cx<'_>) -> Result<Vec<Value>> {
    let object = |row: &crate::store::cell::Row| {
        let fields = frame.columns.iter().zip(row);
        let fields = fields.map(|(column, cell)| {
            Ok((column.name.clone(), to_json(column.field_type, cell.as_ref(), cx.ids())?))
        });
        fields.collect::<Result<serde_json::Map<_, _>>>().map(Value::Object)
    };
    frame.rows.iter().map(object).collect()
}
