//! The funnel as an operation: the store groups, [`fold`] folds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GIVEN_OPPORTUNITY;
use crate::app::{Cx, GroupBy, Measure, NOT_FOUND, Summary};
use crate::areas::access::{OrgUnit, User};
use crate::areas::opportunity::funnel::{Funnel, Group, fold};
use crate::areas::opportunity::model::Pipeline;
use crate::areas::opportunity::{OPPORTUNITIES, rules};
use crate::areas::party::GIVEN_CUSTOMER;
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::cell::Cell;
use crate::store::engine::Mode;
use crate::store::expr::{Expr, Operand};
use crate::store::record::{Field, Record};

/// The funnel of a pipeline: opportunities in scope by stage, with amounts, weighted amounts and conversion.
///
/// Open opportunities count under their present stage; won and lost ones are told apart from them. Amounts are told per
/// currency and never added across.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OpportunityFunnel {
    /// The pipeline; the default one when left out.
    pub pipeline: Option<Id<Pipeline>>,
    /// Only those of this user.
    pub owner: Option<Id<User>>,
    /// Only those of this org unit, without the units below.
    pub unit: Option<Id<OrgUnit>>,
    /// Only open ones expected to be won from this day on, and closed ones that ended from this day on.
    pub close_from: Option<Date>,
    /// Only open ones expected to be won up to this day, and closed ones that ended up to this day.
    pub close_to: Option<Date>,
}

impl OpportunityFunnel {
    fn filter(&self, pipeline: &Pipeline) -> Expr {
        let text = |value: &dyn std::fmt::Display| Operand::Text(value.to_string());
        let mut all = vec![Expr::Equal("pipeline".to_owned(), text(&pipeline.id))];
        all.extend(self.owner.map(|owner| Expr::Equal("owner".to_owned(), text(&owner))));
        all.extend(self.unit.map(|unit| Expr::Equal("unit".to_owned(), text(&unit))));
        if self.close_from.is_some() || self.close_to.is_some() {
            // An open one has only the first of these dates, and a closed one only the second.
            let within = |field: &str| {
                let from = self.close_from.map(|from| Expr::AtLeast(field.to_owned(), text(&from)));
                let to = self.close_to.map(|to| Expr::AtMost(field.to_owned(), text(&to)));
                Expr::And(from.into_iter().chain(to).collect())
            };
            all.push(Expr::Or(vec![within("open_expected_close"), within("closed_on")]));
        }
        Expr::And(all)
    }
}

impl Operation for OpportunityFunnel {
    type Output = Funnel;
    const NAME: &'static str = "opportunity.funnel";
    const ZH: &'static str = "销售漏斗";
    const ACCESS: Access = Access::Level("opportunity", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] =
        &[&NOT_FOUND, &error::NOT_AN_ID, &error::END_BEFORE_START, &error::OVERFLOW];
    const EXAMPLE: Example =
        Example { given: &[GIVEN_CUSTOMER, GIVEN_OPPORTUNITY], input: r#"{"owner": "${admin}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Funnel> {
        if let (Some(from), Some(to)) = (self.close_from, self.close_to) {
            rules::check_order("close_to", from, to)?;
        }
        let pipeline = match self.pipeline {
            Some(pipeline) => cx.get(pipeline).map_err(|error| error.at("pipeline"))?,
            None => match cx.query::<Pipeline>().equal(Pipeline::C.default, true).first(cx.tx())? {
                Some(pipeline) => pipeline,
                None => {
                    return Err(Error::new(&NOT_FOUND)
                        .at("pipeline")
                        .with("kind", "pipeline")
                        .with("id", rules::BUILT_IN_NAME));
                }
            },
        };
        let group = |field: &str| GroupBy { field: field.to_owned(), period: None };
        let frame = cx.summarise(&Summary {
            dataset: OPPORTUNITIES.name.to_owned(),
            group_by: ["status", "stage", "reached_stage", "currency"].map(group).to_vec(),
            measures: vec![
                Measure::Count("count".to_owned()),
                Measure::Sum("expected_amount".to_owned()),
                Measure::Sum("closed_amount".to_owned()),
            ],
            filter: Some(self.filter(&pipeline)),
        })?;
        let groups = frame.rows.iter().map(|row| read_group(cx, row)).collect::<Result<Vec<_>>>()?;
        fold(&pipeline, &groups)
    }
}

fn read_group(cx: &Cx<'_>, row: &[Cell]) -> Result<Group> {
    fn read<T: Field>(cx: &Cx<'_>, row: &[Cell], at: usize) -> Result<T> {
        T::decode(row.get(at).map(Cell::as_ref).unwrap_or_default(), cx.ids())
    }
    Ok(Group {
        status: read(cx, row, 0)?,
        stage: read(cx, row, 1)?,
        reached: read(cx, row, 2)?,
        currency: read(cx, row, 3)?,
        count: read::<u32>(cx, row, 4)?.into(),
        expected: read::<Option<Amount>>(cx, row, 5)?.unwrap_or_default(),
        closed: read::<Option<Amount>>(cx, row, 6)?.unwrap_or_default(),
    })
}
