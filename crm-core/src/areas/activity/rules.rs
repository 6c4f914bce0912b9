//! Rules on follow-ups: pure functions.

use super::model::StepState;
use crate::kernel::date::{Date, Instant};
use crate::kernel::error::{self, Error, Result};

crate::codes! {
    /// There is no open next step.
    STEP_NOT_OPEN = 1500, State, "This follow-up has no open next step (it is {step}).", "该跟进记录没有待办的下一步(当前:{step})。";
    /// The opportunity is another customer's.
    OPPORTUNITY_ELSEWHERE = 1501, Invalid, "The opportunity does not belong to this customer.", "该商机不属于此客户。";
}

/// The state that the next step of a new follow-up begins in, where `later` says whether the same user has a later
/// follow-up with the customer already.
pub fn first_state(has_step: bool, later: bool) -> StepState {
    match (has_step, later) {
        (false, _) => StepState::None,
        (true, true) => StepState::Superseded,
        (true, false) => StepState::Open,
    }
}

/// Whether a follow-up that takes place at `new` closes the next step of one at `old`, both of one user with one customer.
pub fn supersedes(new: Instant, old: Instant, step: StepState) -> bool {
    step == StepState::Open && old <= new
}

/// The state of a next step that is reported as done.
///
/// # Errors
/// `STEP_NOT_OPEN` unless it is open.
pub fn finish(step: StepState) -> Result<StepState> {
    match step {
        StepState::Open => Ok(StepState::Done),
        StepState::None | StepState::Done | StepState::Superseded => {
            Err(Error::new(&STEP_NOT_OPEN).with("step", step))
        }
    }
}

/// Checks that a date belongs to a step.
///
/// # Errors
/// `MISSING_FIELD`, at `next_step`.
pub fn check_step(next_step: Option<&str>, next_date: Option<Date>) -> Result<()> {
    match (next_step, next_date) {
        (None, Some(_)) => Err(Error::new(&error::MISSING_FIELD).at("next_step").with("name", "next_step")),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use StepState::{Done, None as Nothing, Open, Superseded};
    use proptest::prelude::*;

    #[test]
    fn how_a_step_begins() {
        for (has_step, later, state) in
            [(false, false, Nothing), (false, true, Nothing), (true, false, Open), (true, true, Superseded)]
        {
            assert_eq!(first_state(has_step, later), state);
        }
    }

    #[test]
    fn every_state_finished_and_superseded() {
        let early = Instant::parse("2026-03-02T01:00:00Z").unwrap();
        let late = Instant::parse("2026-03-03T01:00:00Z").unwrap();
        let table = [(Nothing, false), (Open, true), (Done, false), (Superseded, false)];
        assert_eq!(table.len(), StepState::ALL.len());
        for (state, open) in table {
            assert_eq!(
                finish(state),
                if open { Ok(Done) } else { Err(Error::new(&STEP_NOT_OPEN).with("step", state)) }
            );
            assert_eq!(supersedes(late, early, state), open);
            assert_eq!(supersedes(early, early, state), open);
            assert!(!supersedes(early, late, state));
        }
    }

    #[test]
    fn a_date_needs_a_step() {
        let date = "2026-03-09".parse().ok();
        for (step, date, good) in
            [(None, None, true), (Some("报价"), None, true), (Some("报价"), date, true), (None, date, false)]
        {
            assert_eq!(check_step(step, date).is_ok(), good);
        }
    }

    proptest! {
        /// In whatever order follow-ups are entered, exactly the latest one's step is open at the end.
        #[test]
        fn one_step_stays_open(hours in prop::collection::hash_set(0_i64..10_000, 1..20)) {
            let start = Instant::parse("2026-03-02T01:00:00Z").unwrap();
            let mut kept: Vec<(Instant, StepState)> = Vec::new();
            for hour in hours {
                let at = start.add_seconds(hour * 3600).unwrap();
                let later = kept.iter().any(|(other, _)| *other > at);
                for (other, step) in &mut kept {
                    if supersedes(at, *other, *step) {
                        *step = Superseded;
                    }
                }
                kept.push((at, first_state(true, later)));
            }
            let latest = kept.iter().map(|(at, _)| *at).max();
            let open: Vec<Instant> =
                kept.iter().filter(|(_, step)| *step == Open).map(|(at, _)| *at).collect();
            prop_assert_eq!(open, Vec::from_iter(latest));
        }
    }
}
