//! The funnel: the store groups, this folds. Amounts are summed per currency and weighted once per stage.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{OpportunityStatus, Pipeline, StageKind};
use super::rules::ratio;
use crate::kernel::currency::Currency;
use crate::kernel::decimal::{Amount, Rate};
use crate::kernel::error::{self, Error, Result};
use crate::kernel::id::Id;
use crate::kernel::money::Money;
use crate::kernel::rounding::Rounding;

/// Opportunities of one status, stage, furthest stage and currency, as the store groups them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) status: OpportunityStatus,
    pub(super) stage: u32,
    pub(super) reached: u32,
    pub(super) currency: Currency,
    pub(super) count: u64,
    pub(super) expected: Amount,
    pub(super) closed: Amount,
}

/// The opportunities of a pipeline by stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Funnel {
    /// The pipeline.
    pub pipeline: Id<Pipeline>,
    /// Its name.
    pub pipeline_name: String,
    /// The open stages in order.
    pub stages: Vec<FunnelStage>,
    /// The won and the lost ones.
    pub closed: FunnelClosed,
}

/// One open stage of a funnel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunnelStage {
    /// Position in the pipeline.
    pub stage: u32,
    /// Name.
    pub name: String,
    /// Probability of winning as a fraction.
    pub probability: Rate,
    /// Open opportunities that are in this stage now.
    pub count: u32,
    /// Their amounts, one entry per currency.
    pub amounts: Vec<FunnelAmount>,
    /// Opportunities that ever reached this stage: the open and the lost ones by the furthest stage they were in, and all
    /// that were won.
    pub reached: u32,
    /// The share of those that reached the next stage or, after the last, were won; none when nothing reached this one.
    pub conversion: Option<Rate>,
}

/// Expected amounts of a stage in one currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunnelAmount {
    /// Currency.
    pub currency: Currency,
    /// Sum of expected amounts.
    pub amount: Amount,
    /// That sum times the stage's probability, rounded half up to the minor unit.
    pub weighted: Amount,
}

/// The closed opportunities of a funnel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunnelClosed {
    /// Won, with the amounts they were won with.
    pub won: FunnelOutcome,
    /// Lost, with the amounts that were expected.
    pub lost: FunnelOutcome,
    /// The won ones' share of the closed ones; none when nothing is closed.
    pub win_rate: Option<Rate>,
}

/// Opportunities that ended in one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunnelOutcome {
    /// How many.
    pub count: u32,
    /// Sums, one entry per currency.
    pub amounts: Vec<Money>,
}

/// A count and sums per currency in the making.
#[derive(Default)]
struct Tally {
    count: u64,
    sums: BTreeMap<&'static str, Money>,
}

impl Tally {
    fn add(&mut self, count: u64, amount: Amount, currency: Currency) -> Result<()> {
        self.count += count;
        let sum = self.sums.entry(currency.code()).or_insert(Money::zero(currency));
        *sum = sum.checked_add(Money::new(amount, currency)?)?;
        Ok(())
    }

    fn outcome(self) -> Result<FunnelOutcome> {
        Ok(FunnelOutcome { count: small(self.count)?, amounts: self.sums.into_values().collect() })
    }
}

fn small(count: u64) -> Result<u32> {
    u32::try_from(count).map_err(|_| Error::new(&error::OVERFLOW))
}

/// Folds groups into a funnel.
///
/// # Errors
/// `OVERFLOW`.
pub(super) fn fold(pipeline: &Pipeline, groups: &[Group]) -> Result<Funnel> {
    let mut tallies: BTreeMap<u32, Tally> = BTreeMap::new();
    let (mut won, mut lost) = (Tally::default(), Tally::default());
    for group in groups {
        match group.status {
            OpportunityStatus::Open => {
                tallies.entry(group.stage).or_default().add(group.count, group.expected, group.currency)?;
            }
            OpportunityStatus::Won => won.add(group.count, group.closed, group.currency)?,
            OpportunityStatus::Lost => lost.add(group.count, group.expected, group.currency)?,
        }
    }
    let reached = |seq: u32| -> u64 {
        let in_it = |group: &&Group| group.status == OpportunityStatus::Won || group.reached >= seq;
        groups.iter().filter(in_it).map(|group| group.count).sum()
    };
    let open: Vec<_> = pipeline.stages.0.iter().filter(|stage| stage.kind == StageKind::Open).collect();
    let mut stages = Vec::with_capacity(open.len());
    for (index, stage) in open.iter().enumerate() {
        let tally = tallies.remove(&stage.seq).unwrap_or_default();
        let amounts = tally.sums.into_values().map(|sum| {
            let weighted = sum.multiply(stage.probability, Rounding::HalfUp)?;
            Ok(FunnelAmount { currency: sum.currency(), amount: sum.amount(), weighted: weighted.amount() })
        });
        let here = reached(stage.seq);
        let beyond = open.get(index + 1).map_or(won.count, |next| reached(next.seq));
        stages.push(FunnelStage {
            stage: stage.seq,
            name: stage.name.clone(),
            probability: stage.probability,
            count: small(tally.count)?,
            amounts: amounts.collect::<Result<_>>()?,
            reached: small(here)?,
            conversion: ratio(beyond, here),
        });
    }
    let win_rate = ratio(won.count, won.count + lost.count);
    Ok(Funnel {
        pipeline: pipeline.id,
        pipeline_name: pipeline.name.clone(),
        stages,
        closed: FunnelClosed { won: won.outcome()?, lost: lost.outcome()?, win_rate },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::areas::opportunity::rules::built_in_stages;
    use crate::kernel::date::Instant;
    use crate::store::record::Json;
    use proptest::prelude::*;

    fn pipeline() -> Pipeline {
        Pipeline {
            id: Id::from_uuid(uuid::Uuid::nil()),
            name: "p".to_owned(),
            stages: Json(built_in_stages()),
            default: true,
            created_at: Instant::EPOCH,
            version: 1,
        }
    }

    fn group(status: OpportunityStatus, stage: u32, reached: u32, count: u64, minor: i64) -> Group {
        let amount = Money::from_minor(minor, Currency::CNY).unwrap().amount();
        let closed = if status == OpportunityStatus::Won { amount } else { Amount::ZERO };
        Group { status, stage, reached, currency: Currency::CNY, count, expected: amount, closed }
    }

    #[test]
    fn a_funnel_by_hand() {
        use OpportunityStatus::{Lost, Open, Won};
        let dollars = Group { currency: Currency::USD, ..group(Open, 2, 2, 1, 1001) };
        let groups = [
            group(Open, 1, 1, 4, 10_000),
            group(Open, 2, 2, 2, 333),
            // It was in the third stage and went back.
            group(Open, 2, 3, 1, 2),
            dollars,
            group(Won, 5, 1, 6, 99_900),
            group(Lost, 6, 1, 2, 500),
            group(Lost, 6, 4, 1, 700),
        ];
        let funnel = fold(&pipeline(), &groups).unwrap();
        let shown: Vec<String> = funnel
            .stages
            .iter()
            .map(|stage| {
                let amounts: Vec<String> = stage
                    .amounts
                    .iter()
                    .map(|a| format!("{} {} {}", a.currency, a.amount, a.weighted))
                    .collect();
                let conversion = stage.conversion.map(|rate| rate.to_string()).unwrap_or_default();
                format!(
                    "{}: {} [{}] {} {conversion}",
                    stage.name,
                    stage.count,
                    amounts.join(", "),
                    stage.reached
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "线索确认: 4 [CNY 100 10] 17 0.647059",
                "需求分析: 4 [CNY 3.35 1.01, USD 10.01 3] 11 0.727273",
                "方案报价: 0 [] 8 0.875",
                "商务谈判: 0 [] 7 0.857143",
            ]
        );
        assert_eq!((funnel.closed.won.count, funnel.closed.lost.count), (6, 3));
        assert_eq!(funnel.closed.won.amounts, [Money::from_minor(99_900, Currency::CNY).unwrap()]);
        assert_eq!(funnel.closed.win_rate.unwrap().to_string(), "0.666667");
        let nothing = fold(&pipeline(), &[]).unwrap();
        assert!(nothing.stages.iter().all(|stage| stage.reached == 0 && stage.conversion.is_none()));
        assert_eq!(nothing.closed.win_rate, None);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_stages_only_narrow(
            raw in prop::collection::vec((0_usize..3, 1_u32..=4, 1_u32..=4, 1_u64..50, 0_i64..1_000_000), 0..30)
        ) {
            let groups: Vec<Group> = raw
                .into_iter()
                .map(|(status, stage, reached, count, minor)| {
                    group(OpportunityStatus::ALL[status], stage, reached.max(stage), count, minor)
                })
                .collect();
            let funnel = fold(&pipeline(), &groups).unwrap();
            let open: u32 = funnel.stages.iter().map(|stage| stage.count).sum();
            let all: u64 = groups.iter().map(|group| group.count).sum();
            prop_assert_eq!(u64::from(open + funnel.closed.won.count + funnel.closed.lost.count), all);
            prop_assert!(funnel.stages.windows(2).all(|pair| pair[0].reached >= pair[1].reached));
            prop_assert_eq!(u64::from(funnel.stages[0].reached), all);
            for stage in &funnel.stages {
                prop_assert!(stage.conversion.is_none_or(|rate| !rate.is_negative() && rate <= Rate::ONE));
                prop_assert!(stage.amounts.iter().all(|amount| amount.weighted <= amount.amount));
            }
        }
    }
}
