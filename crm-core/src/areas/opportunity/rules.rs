//! Rules on pipelines and opportunities: pure functions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{OpportunityStatus, Stage, StageKind};
use crate::areas::product::rules::check_share;
use crate::kernel::date::{DATE_MIN, Date};
use crate::kernel::decimal::{Amount, Rate};
use crate::kernel::error::{self, Error, Result};

crate::codes! {
    /// The opportunity has ended.
    OPPORTUNITY_CLOSED = 1550, State, "The opportunity {number} is {status} and can no longer be changed.", "商机 {number} 已结束({status}),不能再修改。";
    /// The pipeline has no such stage.
    STAGE_UNKNOWN = 1551, Invalid, "The pipeline {pipeline} has no stage {stage}. Stages: {known}.", "销售流程 {pipeline} 没有阶段 {stage}。可用阶段:{known}。";
    /// A stage that ends the opportunity was named where one on the way is needed.
    STAGE_ENDS = 1552, Invalid, "The stage {stage} ends the opportunity; win or lose it instead.", "阶段 {stage} 会结束商机,请使用赢单或输单操作。";
    /// An opportunity without a customer cannot be won.
    CUSTOMER_NEEDED = 1553, State, "An opportunity can be won only when its customer is known.", "商机尚未关联客户,不能赢单。";
    /// The contact is another customer's.
    CONTACT_ELSEWHERE = 1554, Invalid, "The contact does not belong to this customer.", "该联系人不属于此客户。";
    /// The stages do not make a pipeline.
    STAGES_WRONG = 1555, Invalid, "These stages do not make a pipeline: {reason}.", "销售流程的阶段设置不正确:{reason}。";
    /// Another pipeline has this name.
    PIPELINE_NAME_TAKEN = 1556, Conflict, "There is a pipeline named {value} already.", "已存在名为 {value} 的销售流程。";
}

/// What can be done with an opportunity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Change its data.
    Update,
    /// Bring it into another open stage.
    Move,
    /// Sell.
    Win,
    /// Give up.
    Lose,
}

impl Action {
    /// Every action.
    pub const ALL: &'static [Action] = &[Action::Update, Action::Move, Action::Win, Action::Lose];
}

/// The status after an action; `None` when the status does not allow it. Only an open opportunity can be acted on.
///
/// ```
/// use crm_core::areas::opportunity::{OpportunityStatus as Status, rules::{Action, next_status}};
/// assert_eq!(next_status(Status::Open, Action::Win), Some(Status::Won));
/// assert_eq!(next_status(Status::Won, Action::Lose), None);
/// ```
pub fn next_status(status: OpportunityStatus, action: Action) -> Option<OpportunityStatus> {
    match (status, action) {
        (OpportunityStatus::Open, Action::Update | Action::Move) => Some(OpportunityStatus::Open),
        (OpportunityStatus::Open, Action::Win) => Some(OpportunityStatus::Won),
        (OpportunityStatus::Open, Action::Lose) => Some(OpportunityStatus::Lost),
        (OpportunityStatus::Won | OpportunityStatus::Lost, _) => None,
    }
}

/// The status of an opportunity in a stage of this kind.
pub fn status_of(kind: StageKind) -> OpportunityStatus {
    match kind {
        StageKind::Open => OpportunityStatus::Open,
        StageKind::Won => OpportunityStatus::Won,
        StageKind::Lost => OpportunityStatus::Lost,
    }
}

/// A stage as it is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageInput {
    /// Name, unique in the pipeline, up to 50 characters.
    pub name: String,
    /// Probability of winning as a fraction from 0 to 1; for won and lost it is 1 and 0 and may be left out.
    #[serde(default)]
    pub probability: Option<Rate>,
    /// On the way (when left out), won or lost.
    #[serde(default)]
    pub kind: StageKind,
}

/// Name and stages of the pipeline that a ledger has unless it makes its own.
pub const BUILT_IN_NAME: &str = "标准销售流程";
const BUILT_IN: &[(&str, i64)] =
    &[("线索确认", 100_000), ("需求分析", 300_000), ("方案报价", 500_000), ("商务谈判", 800_000)];

/// The stages of the built-in pipeline.
pub fn built_in_stages() -> Vec<Stage> {
    let open = BUILT_IN.iter().map(|(name, probability)| (*name, *probability, StageKind::Open));
    let ends = [("赢单", 1_000_000, StageKind::Won), ("输单", 0, StageKind::Lost)];
    (1..)
        .zip(open.chain(ends))
        .map(|(seq, (name, probability, kind))| Stage {
            seq,
            name: name.to_owned(),
            probability: Rate::from_scaled(probability),
            kind,
        })
        .collect()
}

/// The stages of a pipeline in order: the open ones as given, then won, then lost. An end that is not given is added as
/// 赢单 or 输单.
///
/// # Errors
/// `STAGES_WRONG` when there is no open stage, an end stands before an open stage or occurs twice, or two names are
/// equal; `OUT_OF_RANGE`, `EMPTY`, `TOO_LONG`, `MISSING_FIELD` with the place in the list.
pub fn stages(inputs: &[StageInput]) -> Result<Vec<Stage>> {
    let wrong = |reason: &str, zh: &str| Error::new(&STAGES_WRONG).with_both("reason", reason, zh);
    let ends = inputs.iter().position(|input| input.kind != StageKind::Open).unwrap_or(inputs.len());
    let (open, ending) = inputs.split_at(ends);
    if open.is_empty() {
        return Err(wrong("at least one open stage is needed", "至少需要一个进行中的阶段"));
    }
    if ending.iter().any(|input| input.kind == StageKind::Open) {
        return Err(wrong("open stages come before won and lost", "进行中的阶段须在赢单、输单之前"));
    }
    let mut found: Vec<Stage> = Vec::with_capacity(inputs.len() + 2);
    let mut push = |name: String, probability: Rate, kind: StageKind| {
        if found.iter().any(|stage| stage.name == name) {
            return Err(wrong("two stages have one name", "阶段名称重复").with("name", name));
        }
        let seq = u32::try_from(found.len() + 1).unwrap_or(u32::MAX);
        found.push(Stage { seq, name, probability, kind });
        Ok(())
    };
    for (index, input) in open.iter().enumerate() {
        let at = |error: Error| error.within(format!("[{index}]"));
        let name = crate::areas::party::rules::name("name", &input.name, 50).map_err(at)?;
        let probability = input.probability.ok_or_else(|| {
            at(Error::new(&error::MISSING_FIELD).at("probability").with("name", "probability"))
        })?;
        push(name, check_share("probability", probability).map_err(at)?, StageKind::Open)?;
    }
    for (kind, usual, sure) in [(StageKind::Won, "赢单", Rate::ONE), (StageKind::Lost, "输单", Rate::ZERO)]
    {
        let mut given = (ends..).zip(ending).filter(|(_, input)| input.kind == kind);
        let name = match given.next() {
            None => usual.to_owned(),
            Some((index, input)) => {
                let at = |error: Error| error.within(format!("[{index}]"));
                if input.probability.is_some_and(|probability| probability != sure) {
                    return Err(at(Error::new(&error::OUT_OF_RANGE)
                        .at("probability")
                        .with("value", input.probability.unwrap_or_default())
                        .with("min", sure)
                        .with("max", sure)));
                }
                crate::areas::party::rules::name("name", &input.name, 50).map_err(at)?
            }
        };
        if given.next().is_some() {
            return Err(wrong("won and lost may each occur once", "赢单、输单各只能有一个"));
        }
        push(name, sure, kind)?;
    }
    Ok(found)
}

/// How an opportunity ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// When.
    pub closed_on: Date,
    /// With what amount, when won.
    pub closed_amount: Option<Amount>,
}

/// What is claimed of an opportunity's standing, as old records bring it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Open, won or lost.
    pub status: OpportunityStatus,
    /// Whether its customer is known.
    pub has_customer: bool,
    /// When it began.
    pub opened_on: Date,
    /// When it ended.
    pub closed_on: Option<Date>,
    /// With what amount.
    pub closed_amount: Option<Amount>,
    /// What was expected.
    pub expected_amount: Amount,
}

/// The ending that goes with a claim; none while open.
///
/// An open one has neither end date nor amount; an ended one has a date that is not before its beginning; a won one has
/// a customer, and the expected amount where no other is given; a lost one has no amount, zero counting as none.
///
/// # Errors
/// `NOT_APPLICABLE`, `MISSING_FIELD`, `END_BEFORE_START`, `CUSTOMER_NEEDED`, `OUT_OF_RANGE`, at the field.
pub fn ending(claim: &Claim) -> Result<Option<Ending>> {
    let refused = |field: &str, reason: &str, zh: &str| {
        Error::new(&error::NOT_APPLICABLE).at(field.to_owned()).with_both("reason", reason, zh)
    };
    let amount = claim.closed_amount.map(|amount| check_amount("closed_amount", amount)).transpose()?;
    let some_amount = amount.filter(|amount| !amount.is_zero());
    if claim.status == OpportunityStatus::Open {
        return match (claim.closed_on, some_amount) {
            (None, None) => Ok(None),
            (Some(_), _) => Err(refused("closed_on", "the opportunity is open", "商机进行中")),
            (None, Some(_)) => Err(refused("closed_amount", "the opportunity is open", "商机进行中")),
        };
    }
    let closed_on = claim
        .closed_on
        .ok_or_else(|| Error::new(&error::MISSING_FIELD).at("closed_on").with("name", "closed_on"))?;
    check_order("closed_on", claim.opened_on, closed_on)?;
    if claim.status == OpportunityStatus::Lost {
        return match some_amount {
            None => Ok(Some(Ending { closed_on, closed_amount: None })),
            Some(_) => Err(refused("closed_amount", "the opportunity was lost", "商机已输单")),
        };
    }
    if !claim.has_customer {
        return Err(Error::new(&CUSTOMER_NEEDED).at("customer"));
    }
    Ok(Some(Ending { closed_on, closed_amount: Some(amount.unwrap_or(claim.expected_amount)) }))
}

/// An amount that is not below zero.
///
/// # Errors
/// `OUT_OF_RANGE`, at `field`.
pub fn check_amount(field: &str, amount: Amount) -> Result<Amount> {
    if amount.is_negative() {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .at(field)
            .with("value", amount)
            .with("min", Amount::ZERO)
            .with("max", Amount::from_scaled(i64::MAX)));
    }
    Ok(amount)
}

/// Checks that `end` is not before `start`.
///
/// # Errors
/// `END_BEFORE_START`, at `field`.
pub fn check_order(field: &str, start: Date, end: Date) -> Result<()> {
    if end < start {
        return Err(Error::new(&error::END_BEFORE_START).at(field).with("start", start).with("end", end));
    }
    Ok(())
}

/// Checks that a day is not in the future.
///
/// # Errors
/// `OUT_OF_RANGE`, at `field`.
pub fn check_past(field: &str, date: Date, today: Date) -> Result<()> {
    if date > today {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .at(field)
            .with("value", date)
            .with("min", DATE_MIN)
            .with("max", today));
    }
    Ok(())
}

/// `part` of `whole` as a rate, half a millionth rounded up; none when there is no whole.
///
/// ```
/// use crm_core::areas::opportunity::rules::ratio;
/// assert_eq!(ratio(4238, 4238 + 2473).map(|rate| rate.to_string()), Some("0.631501".to_owned()));
/// assert_eq!(ratio(0, 0), None);
/// ```
pub fn ratio(part: u64, whole: u64) -> Option<Rate> {
    let one = u128::from(Rate::ONE.to_scaled().unsigned_abs());
    let scaled = (u128::from(part) * one * 2 + u128::from(whole)).checked_div(u128::from(whole) * 2)?;
    i64::try_from(scaled).ok().map(Rate::from_scaled)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_status_with_every_action() {
        use Action::{Lose, Move, Update, Win};
        use OpportunityStatus::{Lost, Open, Won};
        let table = [
            (Open, Update, Some(Open)),
            (Open, Move, Some(Open)),
            (Open, Win, Some(Won)),
            (Open, Lose, Some(Lost)),
            (Won, Update, None),
            (Won, Move, None),
            (Won, Win, None),
            (Won, Lose, None),
            (Lost, Update, None),
            (Lost, Move, None),
            (Lost, Win, None),
            (Lost, Lose, None),
        ];
        assert_eq!(table.len(), OpportunityStatus::ALL.len() * Action::ALL.len());
        for (status, action, after) in table {
            assert_eq!(next_status(status, action), after, "{status} {action:?}");
        }
    }

    fn input(name: &str, probability: Option<&str>, kind: StageKind) -> StageInput {
        let probability = probability.map(|text| Rate::parse(text).unwrap());
        StageInput { name: name.to_owned(), probability, kind }
    }

    #[test]
    fn stages_of_pipelines() {
        use StageKind::{Lost, Open, Won};
        let shown = |inputs: &[StageInput]| {
            let shown =
                |stage: &Stage| format!("{}{}:{}:{}", stage.seq, stage.name, stage.probability, stage.kind);
            stages(inputs).map(|stages| stages.iter().map(shown).collect::<Vec<_>>().join(" "))
        };
        let open = input("A", Some("0.2"), Open);
        let good: [(&[StageInput], &str); 4] = [
            (std::slice::from_ref(&open), "1A:0.2:open 2赢单:1:won 3输单:0:lost"),
            (&[open.clone(), input("W", None, Won)], "1A:0.2:open 2W:1:won 3输单:0:lost"),
            (
                &[open.clone(), input("L", Some("0"), Lost), input("W", Some("1"), Won)],
                "1A:0.2:open 2W:1:won 3L:0:lost",
            ),
            (
                &[open.clone(), input(" B ", Some("1"), Open)],
                "1A:0.2:open 2B:1:open 3赢单:1:won 4输单:0:lost",
            ),
        ];
        for (inputs, expected) in good {
            assert_eq!(shown(inputs).unwrap(), expected);
        }
        let bad: [(&[StageInput], crate::kernel::error::Code, Option<&str>); 9] = [
            (&[], &STAGES_WRONG, None),
            (&[input("W", None, Won)], &STAGES_WRONG, None),
            (&[open.clone(), input("W", None, Won), open.clone()], &STAGES_WRONG, None),
            (&[open.clone(), open.clone()], &STAGES_WRONG, None),
            (&[open.clone(), input("W", None, Won), input("V", None, Won)], &STAGES_WRONG, None),
            (&[open.clone(), input("A", None, Lost)], &STAGES_WRONG, None),
            (&[input("A", None, Open)], &error::MISSING_FIELD, Some("[0].probability")),
            (&[open.clone(), input("B", Some("1.1"), Open)], &error::OUT_OF_RANGE, Some("[1].probability")),
            (&[open.clone(), input("W", Some("0.9"), Won)], &error::OUT_OF_RANGE, Some("[1].probability")),
        ];
        for (inputs, code, field) in bad {
            let error = stages(inputs).unwrap_err();
            assert_eq!((error.code(), error.field()), (code, field), "{error}");
        }
        let built_in = built_in_stages();
        let inputs: Vec<StageInput> = built_in
            .iter()
            .map(|stage| StageInput {
                name: stage.name.clone(),
                probability: Some(stage.probability),
                kind: stage.kind,
            })
            .collect();
        assert_eq!(stages(&inputs).unwrap(), built_in);
    }

    #[test]
    fn endings() {
        use OpportunityStatus::{Lost, Open, Won};
        let day = |text: &str| Some(text.parse::<Date>().unwrap());
        let amount = |text: &str| Some(Amount::parse(text).unwrap());
        let claim = |status, has_customer, closed_on, closed_amount| Claim {
            status,
            has_customer,
            opened_on: "2017-01-01".parse().unwrap(),
            closed_on,
            closed_amount,
            expected_amount: Amount::parse("70").unwrap(),
        };
        let march = day("2017-03-01");
        let good = [
            (claim(Open, false, None, None), None),
            (claim(Open, true, None, amount("0")), None),
            (claim(Won, true, march, amount("55")), Some(amount("55"))),
            (claim(Won, true, march, amount("0")), Some(amount("0"))),
            (claim(Won, true, march, None), Some(amount("70"))),
            (claim(Lost, false, march, None), Some(None)),
            (claim(Lost, true, march, amount("0")), Some(None)),
            (claim(Lost, true, day("2017-01-01"), None), Some(None)),
        ];
        for (claim, expected) in good {
            let ending = ending(&claim).unwrap();
            assert_eq!(ending.map(|ending| ending.closed_amount), expected, "{claim:?}");
            assert_eq!(ending.map(|ending| ending.closed_on), claim.closed_on);
        }
        let bad = [
            (claim(Open, true, march, None), &error::NOT_APPLICABLE, "closed_on"),
            (claim(Open, true, None, amount("1")), &error::NOT_APPLICABLE, "closed_amount"),
            (claim(Won, false, march, amount("55")), &CUSTOMER_NEEDED, "customer"),
            (claim(Won, true, None, amount("55")), &error::MISSING_FIELD, "closed_on"),
            (claim(Won, true, day("2016-12-31"), None), &error::END_BEFORE_START, "closed_on"),
            (claim(Won, true, march, amount("-1")), &error::OUT_OF_RANGE, "closed_amount"),
            (claim(Lost, true, march, amount("1")), &error::NOT_APPLICABLE, "closed_amount"),
            (claim(Lost, true, None, None), &error::MISSING_FIELD, "closed_on"),
        ];
        for (claim, code, field) in bad {
            let error = ending(&claim).unwrap_err();
            assert_eq!((error.code(), error.field()), (code, Some(field)), "{claim:?}");
        }
    }

    proptest! {
        #[test]
        fn ratios_lie_between_nothing_and_all(part in 0_u64..=1_000_000, more in 0_u64..=1_000_000) {
            let whole = part + more;
            match ratio(part, whole) {
                None => prop_assert_eq!(whole, 0),
                Some(rate) => {
                    prop_assert!(!rate.is_negative() && rate <= Rate::ONE);
                    let error = u128::from(part) * 1_000_000;
                    let back = u128::from(rate.to_scaled().unsigned_abs()) * u128::from(whole);
                    prop_assert!(error.abs_diff(back) * 2 <= u128::from(whole));
                }
            }
        }
    }
}
