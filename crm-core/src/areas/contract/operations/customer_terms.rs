//! A customer's default payment terms, and where a contract's terms come from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::term_set::{GIVEN_TERM_SET, revision};
use crate::app::{Cx, NOT_FOUND};
use crate::areas::contract::model::{Contract, ContractData, CustomerTerms, SettlementDirection, TermSet};
use crate::areas::contract::rules::TERM_SET_INACTIVE;
use crate::areas::contract::rules::term_source::{Stated, TermSource, term_source};
use crate::areas::party::{Customer, GIVEN_CUSTOMER};
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;
use crate::store::record::{Json, Record};

const GIVEN_ASSIGNED: Given = Given {
    save: "assigned",
    call: "term_set.assign",
    input: r#"{"customer": "${customer.id}", "term_set": "${set.id}"}"#,
};

/// Says which term set a customer's new contracts take when they say nothing of their payment terms.
///
/// It belongs to this ledger alone, and there is one for what is receivable and one for what is payable. Contracts made
/// before stay as they are. A default whose set is no longer active is not passed over in silence: `contract.create`
/// refuses with `term_set_inactive` until another is assigned or the contract states its terms.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignTermSet {
    /// The customer.
    pub customer: Id<Customer>,
    /// For what is receivable, or for what is payable; receivable when left out.
    #[serde(default)]
    pub direction: Option<SettlementDirection>,
    /// The set, which must be active; none when left out.
    #[serde(default)]
    pub term_set: Option<Id<TermSet>>,
}

/// The term set that a customer's new contracts take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DefaultTerms {
    /// The customer.
    pub customer: Id<Customer>,
    /// For what is receivable, or for what is payable.
    pub direction: SettlementDirection,
    /// The set with the revision that a contract would take now; none when there is no default.
    pub term_set: Option<TermSet>,
}

impl Operation for AssignTermSet {
    type Output = DefaultTerms;
    const NAME: &'static str = "term_set.assign";
    const ZH: &'static str = "设置客户默认付款条款";
    const ACCESS: Access = Access::Level("contract", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &error::NOT_AN_ID, &TERM_SET_INACTIVE];
    const EXAMPLE: Example =
        Example { given: &[GIVEN_CUSTOMER, GIVEN_TERM_SET], input: GIVEN_ASSIGNED.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<DefaultTerms> {
        let customer = cx.get_owned(self.customer, Level::Edit).map_err(|error| error.at("customer"))?.id;
        cx.subject(customer);
        let direction = self.direction.unwrap_or(SettlementDirection::Receivable);
        let term_set = self.term_set.map(|id| active(cx, id)).transpose()?;
        let before = stored(cx, customer, direction)?;
        let after = term_set.as_ref().map(|set| CustomerTerms { customer, direction, term_set: set.id });
        match (before, after) {
            (Some(before), Some(after)) => cx.replace(&before, &after)?,
            (Some(before), None) => cx.delete(&before)?,
            (None, Some(after)) => cx.insert(&after)?,
            (None, None) => {}
        }
        Ok(DefaultTerms { customer, direction, term_set })
    }
}

/// Which term set a customer's new contracts take when they say nothing of their payment terms.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultTermSet {
    /// The customer.
    pub customer: Id<Customer>,
    /// For what is receivable, or for what is payable; receivable when left out.
    #[serde(default)]
    pub direction: Option<SettlementDirection>,
}

impl Operation for DefaultTermSet {
    type Output = DefaultTerms;
    const NAME: &'static str = "term_set.default";
    const ZH: &'static str = "查看客户默认付款条款";
    const ACCESS: Access = Access::Level("contract", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER, GIVEN_TERM_SET, GIVEN_ASSIGNED],
        input: r#"{"customer": "${customer.id}"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<DefaultTerms> {
        let customer = cx.get_owned(self.customer, Level::Read).map_err(|error| error.at("customer"))?.id;
        let direction = self.direction.unwrap_or(SettlementDirection::Receivable);
        let assigned = stored(cx, customer, direction)?;
        let term_set = assigned.map(|assigned| cx.get(assigned.term_set)).transpose()?;
        Ok(DefaultTerms { customer, direction, term_set })
    }
}

fn stored(
    cx: &mut Cx<'_>,
    customer: Id<Customer>,
    direction: SettlementDirection,
) -> Result<Option<CustomerTerms>> {
    let c = CustomerTerms::C;
    cx.query::<CustomerTerms>().equal(c.customer, customer).equal(c.direction, direction).first(cx.tx())
}

fn active(cx: &mut Cx<'_>, id: Id<TermSet>) -> Result<TermSet> {
    let set = cx.get(id).map_err(|error| error.at("term_set"))?;
    if set.active {
        return Ok(set);
    }
    Err(Error::new(&TERM_SET_INACTIVE).at("term_set").with("name", set.name))
}

/// Gives a contract its own terms, or those of the set that it names; a new one that says nothing those of its customer's
/// default set.
pub(super) fn take_terms(
    cx: &mut Cx<'_>,
    contract: &mut Contract,
    data: &mut ContractData,
    is_new: bool,
) -> Result<()> {
    let terms = data.terms.take();
    let without_amount = data.lines.is_empty() && data.amount.unwrap_or_default().is_zero();
    let stated = Stated {
        terms: terms.as_ref().map(Vec::len),
        set: data.term_set,
        needs_none: data.recurrence.is_some() || without_amount,
    };
    let default = match is_new {
        true => stored(cx, contract.customer, contract.direction)?.map(|assigned| assigned.term_set),
        false => None,
    };
    let id = match term_source(stated, default)? {
        TermSource::Own => {
            contract.terms = Json(terms.unwrap_or_default());
            (contract.term_set, contract.term_set_revision) = (None, None);
            return Ok(());
        }
        // A draft that names its set again keeps the revision that it took.
        TermSource::Named(id) if contract.term_set == Some(id) => return Ok(()),
        TermSource::Named(id) | TermSource::Default(id) => id,
    };
    let set = active(cx, id)?;
    contract.terms = Json(revision(cx, id, set.revision)?.terms.0);
    (contract.term_set, contract.term_set_revision) = (Some(id), Some(set.revision));
    Ok(())
}
