//! Reading contracts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GIVEN_CONTRACT, installments, lines};
use crate::app::{Cx, ListRequest, NOT_FOUND, Page};
use crate::areas::contract::CONTRACTS;
use crate::areas::contract::model::{
    Amendment, Contract, ContractDecision, ContractEvent, ContractLine, Installment,
};
use crate::areas::party::GIVEN_CUSTOMER;
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::error::{self, Code, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;
use crate::store::record::Record;

/// A contract with its lines, approval decisions, installments, events and amendments; its payment terms are in the contract.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetContract {
    /// The contract.
    pub id: Id<Contract>,
}

/// A contract with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContractDetails {
    /// The contract.
    pub contract: Contract,
    /// Its lines, in order.
    pub lines: Vec<ContractLine>,
    /// Its approval, in order.
    pub decisions: Vec<ContractDecision>,
    /// Its installments, in order.
    pub installments: Vec<Installment>,
    /// What happened to it, in order; with what was withdrawn.
    pub events: Vec<ContractEvent>,
    /// Its amendments, in order.
    pub amendments: Vec<Amendment>,
}

impl Operation for GetContract {
    type Output = ContractDetails;
    const NAME: &'static str = "contract.get";
    const ZH: &'static str = "查看合同";
    const ACCESS: Access = Access::Level("contract", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example =
        Example { given: &[GIVEN_CUSTOMER, GIVEN_CONTRACT], input: r#"{"id": "${contract.id}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<ContractDetails> {
        let contract = cx.get_owned(self.id, Level::Read)?;
        let lines = lines(cx, contract.id)?;
        let c = ContractDecision::C;
        let decisions = cx.query::<ContractDecision>().equal(c.contract, contract.id).ascending(c.seq);
        let decisions = decisions.fetch(cx.tx())?;
        let installments = installments(cx, &contract)?;
        let c = ContractEvent::C;
        let events = cx.query::<ContractEvent>().equal(c.contract, contract.id).ascending(c.seq);
        let events = events.fetch(cx.tx())?;
        let c = Amendment::C;
        let amendments = cx.query::<Amendment>().equal(c.contract, contract.id).ascending(c.seq);
        let amendments = amendments.fetch(cx.tx())?;
        Ok(ContractDetails { contract, lines, decisions, installments, events, amendments })
    }
}

/// Lists contracts in scope.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListContracts(pub ListRequest);

impl Operation for ListContracts {
    type Output = Page<Contract>;
    const NAME: &'static str = "contract.list";
    const ZH: &'static str = "合同列表";
    const ACCESS: Access = Access::Level("contract", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER, GIVEN_CONTRACT],
        input: r#"{"filter": {"and": [{"equal": ["status", "draft"]}, {"prefix": ["customer_name", "杭州"]}]}}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<Contract>> {
        cx.list(&CONTRACTS, &self.0)
    }
}
