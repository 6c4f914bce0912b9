//! What is due.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GIVEN_TO_RECEIPT;
use super::since::cells as row;
use crate::app::{Cx, ListRequest, Page, Rows};
use crate::areas::access::User;
use crate::areas::contract::{Contract, Installment, SettlementDirection};
use crate::areas::party::Customer;
use crate::areas::settlement::INSTALLMENTS;
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::{self, Date};
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::{Id, IdCodec};
use crate::store::cell::CellRef;
use crate::store::dataset::SortBy;
use crate::store::engine::Mode;
use crate::store::expr::{Expr, Operand};
use crate::store::plan::Direction;
use crate::store::record::Field;

/// Lists installments of contracts in scope.
///
/// The filter knows, beside the fields of installments, `contract_number`, `contract_title`, `customer_name`, `owner` and
/// every path along references such as `contract.status`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListInstallments(pub ListRequest);

impl Operation for ListInstallments {
    type Output = Page<Installment>;
    const NAME: &'static str = "installment.list";
    const ZH: &'static str = "结算节点列表";
    const ACCESS: Access = Access::Level("settlement", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_RECEIPT,
        input: r#"{"filter": {"and": [{"equal": ["status", "open"]}, {"prefix": ["customer_name", "杭州"]}]},
            "sort": [{"field": "due_date"}]}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<Installment>> {
        cx.list(&INSTALLMENTS, &self.0)
    }
}

/// Open installments that are due until a day, earliest first, overdue ones included.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlementDue {
    /// Until so many calendar days from today; 0 is today.
    #[serde(default)]
    pub within_days: Option<u32>,
    /// Until this day, in place of `within_days`; today when both are left out.
    #[serde(default)]
    pub until: Option<Date>,
    /// Only from this day on; leaves out what was due before it.
    #[serde(default)]
    pub from: Option<Date>,
    /// Only what is receivable, or only what is payable.
    #[serde(default)]
    pub direction: Option<SettlementDirection>,
    /// Only this customer.
    #[serde(default)]
    pub customer: Option<Id<Customer>>,
    /// At most so many, up to 1000; 100 when left out.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// An open installment that is due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DueItem {
    /// The contract.
    pub contract: Id<Contract>,
    /// The installment's position.
    pub seq: u32,
    /// The contract's number.
    pub contract_number: String,
    /// The customer.
    pub customer: Id<Customer>,
    /// The customer's name.
    pub customer_name: String,
    /// Who is responsible for the contract.
    pub owner: Option<Id<User>>,
    /// What it is called.
    pub label: String,
    /// Receivable or payable.
    pub direction: SettlementDirection,
    /// The currency of both amounts.
    pub currency: Currency,
    /// How much in all.
    pub amount: Amount,
    /// How much is open.
    pub open_amount: Amount,
    /// When it is due.
    pub due_date: Date,
    /// Days overdue today; below zero when it is not due yet.
    pub days_late: i32,
}

impl Operation for SettlementDue {
    type Output = Page<DueItem>;
    const NAME: &'static str = "settlement.due";
    const ZH: &'static str = "到期应收应付";
    const ACCESS: Access = Access::Level("settlement", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[
        &error::OUT_OF_RANGE,
        &error::NOT_APPLICABLE,
        &error::DATE_OUT_OF_RANGE,
        &error::WRONG_TYPE,
        &error::NOT_AN_ID,
    ];
    const EXAMPLE: Example =
        Example { given: GIVEN_TO_RECEIPT, input: r#"{"within_days": 30, "limit": 20}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<DueItem>> {
        let today = cx.today();
        let until = match (self.until, self.within_days) {
            (Some(_), Some(_)) => {
                let (reason, zh) = ("either until or within_days", "until 与 within_days 只能二选一");
                return Err(Error::new(&error::NOT_APPLICABLE)
                    .at("within_days")
                    .with_both("reason", reason, zh));
            }
            (Some(until), None) => until,
            (None, days) => date::add_days(today, i64::from(days.unwrap_or(0)))
                .map_err(|error| error.at("within_days"))?,
        };
        let field = |name: &str| name.to_owned();
        let text = |value: &dyn std::fmt::Display| Operand::Text(value.to_string());
        let mut filter =
            vec![Expr::Present(field("open_amount")), Expr::AtMost(field("due_date"), text(&until))];
        if let Some(from) = self.from {
            filter.push(Expr::AtLeast(field("due_date"), text(&from)));
        }
        if let Some(direction) = self.direction {
            filter.push(Expr::Equal(field("direction"), text(&direction)));
        }
        if let Some(customer) = self.customer {
            filter.push(Expr::Equal(field("customer"), text(&customer)));
        }
        let select = [
            "contract",
            "seq",
            "contract_number",
            "customer",
            "customer_name",
            "owner",
            "label",
            "direction",
            "currency",
            "amount",
            "open_amount",
            "due_date",
        ];
        let request = Rows {
            dataset: field(INSTALLMENTS.name),
            select: select.map(str::to_owned).to_vec(),
            filter: Some(Expr::And(filter)),
            sort: vec![SortBy { field: field("due_date"), direction: Direction::Ascending }],
            limit: self.limit,
            cursor: self.cursor,
        };
        let limit = request.page_limit()?;
        let (ids, mut items) = (cx.ids(), Vec::new());
        let (_, next) = cx.each_row(&request, limit, |cells| {
            items.push(due_item(cells, today, ids)?);
            Ok(())
        })?;
        Ok(Page { items, next })
    }
}

/// A row of the columns that [`SettlementDue`] selects.
fn due_item(cells: &[CellRef<'_>], today: Date, ids: IdCodec) -> Result<DueItem> {
    let [contract, seq, number, customer, name, owner, label, direction, currency, amount, open, due] =
        row(cells)?;
    let due_date = Date::decode(due, ids)?;
    Ok(DueItem {
        contract: Field::decode(contract, ids)?,
        seq: Field::decode(seq, ids)?,
        contract_number: Field::decode(number, ids)?,
        customer: Field::decode(customer, ids)?,
        customer_name: Field::decode(name, ids)?,
        owner: Field::decode(owner, ids)?,
        label: Field::decode(label, ids)?,
        direction: Field::decode(direction, ids)?,
        currency: Field::decode(currency, ids)?,
        amount: Field::decode(amount, ids)?,
        open_amount: Field::decode(open, ids)?,
        due_date,
        days_late: days_late(due_date, today),
    })
}

/// Days from `due` to `day`, below zero when it is still ahead.
pub(super) fn days_late(due: Date, day: Date) -> i32 {
    i32::try_from(date::days_between(due, day)).unwrap_or(i32::MAX)
}
