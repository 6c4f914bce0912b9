//! Amending the settlement schedule: how installments that exist follow a contract that says something else now.
//!
//! What each payment term comes to is planned anew, as for a new contract, and laid beside the installments that the term
//! has. A difference falls on what is outstanding of them: on what waits for its event first, then on what is due last. So
//! what was settled stays where it is, and the installments sum to the new amount. Terms correspond by position; a term
//! that is gone leaves its installments without an amount. Recurring periods correspond by their first day.

use super::SETTLED_EXCEEDS;
use super::journal::Change;
use super::schedule::{outstanding, restated};
use crate::areas::contract::model::Installment;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{Error, Result};

/// What becomes of the installments of a contract when its payment terms come to `terms`, one row each in their order, and
/// its recurring periods to `periods`; these stay as they are when there are none. `live` when it is in effect.
///
/// Dates by payment terms are not looked at: they follow from the terms once the amounts stand.
///
/// # Errors
/// `SETTLED_EXCEEDS` when less is left for a term or a period than was settled of it.
pub fn followed(
    installments: &[Installment],
    terms: &[Installment],
    periods: Option<&[Installment]>,
    live: bool,
) -> Result<Vec<Change>> {
    let is_followed = |installment: &&Installment| installment.is_period() && periods.is_some();
    let (of_periods, others): (Vec<&Installment>, Vec<&Installment>) =
        installments.iter().partition(is_followed);
    let mut next = installments.iter().map(|installment| installment.seq).max().unwrap_or(0) + 1;
    let mut changes = by_terms(&others, terms, &mut next)?;
    changes.extend(by_periods(&of_periods, periods.unwrap_or_default(), live, &mut next)?);
    Ok(changes)
}

/// What was settled of installments beyond what `terms` and `periods` leave of them, as [`followed`] takes them: by position, and
/// of what is due last first.
///
/// # Errors
/// `OVERFLOW`.
pub fn surplus(
    installments: &[Installment],
    terms: &[Installment],
    periods: Option<&[Installment]>,
) -> Result<Vec<(u32, Amount)>> {
    let mut found = Vec::new();
    for (plan, position) in terms.iter().zip(1_u32..) {
        let of_term = installments.iter().filter(|installment| installment.term == position);
        beyond(of_term.cloned().collect(), plan.amount, &mut found)?;
    }
    let kept = u32::try_from(terms.len()).unwrap_or(u32::MAX);
    for gone in installments.iter().filter(|installment| installment.term > kept) {
        beyond(vec![gone.clone()], Amount::ZERO, &mut found)?;
    }
    for period in installments.iter().filter(|installment| installment.is_period()) {
        let Some(periods) = periods else { break };
        let plan = periods.iter().find(|plan| plan.period_from == period.period_from);
        let freed = Installment { cancelled: Amount::ZERO, ..period.clone() };
        beyond(vec![freed], plan.map(|plan| plan.amount).unwrap_or_default(), &mut found)?;
    }
    Ok(found)
}

/// What was settled of these installments beyond `total`.
fn beyond(mut installments: Vec<Installment>, total: Amount, found: &mut Vec<(u32, Amount)>) -> Result<()> {
    let mut over = total.checked_neg()?;
    for installment in &installments {
        over = over.checked_add(installment.amount.checked_sub(outstanding(installment)?)?)?;
    }
    installments.sort_by_key(last_due_first);
    for installment in installments {
        let part = installment.settled.min(over);
        if part.is_positive() {
            found.push((installment.seq, part));
            over = over.checked_sub(part)?;
        }
    }
    Ok(())
}

/// The order in which differences fall on installments: on what waits for its event first, then on what is due last.
fn last_due_first(installment: &Installment) -> impl Ord + use<> {
    std::cmp::Reverse((installment.due_date.is_none(), installment.due_date, installment.seq))
}

fn by_terms(installments: &[&Installment], planned: &[Installment], next: &mut u32) -> Result<Vec<Change>> {
    let mut changes = Vec::with_capacity(installments.len() + planned.len());
    for (plan, position) in planned.iter().zip(1_u32..) {
        let known: Vec<&Installment> =
            installments.iter().copied().filter(|installment| installment.term == position).collect();
        if known.is_empty() {
            changes.push(Change::new(None, Installment { seq: *next, ..plan.clone() }));
            *next += 1;
            continue;
        }
        let is_whole = known.len() == 1;
        for (before, amount) in resized(&known, plan.amount)? {
            let mut after = Installment { amount, anchor: plan.anchor, ..before.clone() };
            if is_whole {
                after.label.clone_from(&plan.label);
            }
            if after.released_on.is_none() {
                after.kind = plan.kind;
            }
            changes.push(Change::new(Some(before.clone()), after));
        }
    }
    let kept = u32::try_from(planned.len()).unwrap_or(u32::MAX);
    for before in installments {
        if before.term > kept {
            let gone = resized(&[*before], Amount::ZERO)?;
            for (before, amount) in gone {
                // A payment term may stand at this position again one day; it is not this installment's.
                let after = Installment { amount, term: 0, forecast_date: None, ..before.clone() };
                changes.push(Change::new(Some(before.clone()), after));
            }
        } else if before.term == 0 {
            changes.push(Change::new(Some((*before).clone()), (*before).clone()));
        }
    }
    Ok(changes)
}

/// What was cancelled of a period before is part of its new price.
fn by_periods(
    installments: &[&Installment],
    planned: &[Installment],
    live: bool,
    next: &mut u32,
) -> Result<Vec<Change>> {
    let mut changes = Vec::with_capacity(installments.len() + planned.len());
    for before in installments {
        let plan = planned.iter().find(|plan| plan.period_from == before.period_from);
        let amount = plan.map(|plan| plan.amount).unwrap_or_default();
        let freed = Installment { cancelled: Amount::ZERO, ..(*before).clone() };
        let (_, amount) = resized(&[&freed], amount)?.remove(0);
        let mut after = Installment { amount, ..freed };
        if let Some(plan) = plan {
            after.label.clone_from(&plan.label);
            (after.period_to, after.due_date) = (plan.period_to, plan.due_date);
        }
        changes.push(Change::new(Some((*before).clone()), restated(after, live)?));
    }
    for plan in planned {
        if !installments.iter().any(|known| known.period_from == plan.period_from) {
            changes.push(Change::new(None, restated(Installment { seq: *next, ..plan.clone() }, live)?));
            *next += 1;
        }
    }
    Ok(changes)
}

/// Installments with the amounts that make them sum to `total`.
fn resized<'i>(installments: &[&'i Installment], total: Amount) -> Result<Vec<(&'i Installment, Amount)>> {
    let mut sized: Vec<(&Installment, Amount)> =
        installments.iter().map(|installment| (*installment, installment.amount)).collect();
    sized.sort_by_key(|(installment, _)| last_due_first(installment));
    let now = Amount::checked_sum(sized.iter().map(|(_, amount)| *amount))?;
    let mut missing = total.checked_sub(now)?;
    if missing.is_positive() {
        let rests = sized.iter().map(|(installment, _)| outstanding(installment));
        let rests = rests.collect::<Result<Vec<Amount>>>()?;
        let grows = rests.iter().position(|rest| rest.is_positive()).unwrap_or(0);
        if let Some((_, amount)) = sized.get_mut(grows) {
            *amount = amount.checked_add(missing)?;
        }
        return Ok(sized);
    }
    for (installment, amount) in &mut sized {
        let taken = outstanding(installment)?.min(missing.checked_neg()?);
        *amount = amount.checked_sub(taken)?;
        missing = missing.checked_add(taken)?;
    }
    match sized.first().filter(|_| !missing.is_zero()) {
        Some((installment, amount)) => Err(Error::new(&SETTLED_EXCEEDS)
            .with("installment", installment.seq)
            .with("amount", amount.checked_add(missing)?)
            .with("settled", amount)),
        None => Ok(sized),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::areas::contract::model::{
        AnchorKind, InstallmentKind, InstallmentStatus, SettlementDirection,
    };
    use crate::kernel::currency::Currency;
    use crate::kernel::date::parse_date;
    use crate::kernel::id::IdCodec;

    /// A term's installment: `seq`, `term`, amount, settled, cancelled, due date or nothing.
    fn row((seq, term, amount, settled, cancelled, due): Row) -> Installment {
        let money = |whole: i64| Amount::from_scaled(whole * 10_000);
        let ids = IdCodec::new(7);
        let installment = Installment {
            contract: ids.id(1),
            seq,
            customer: ids.id(2),
            direction: SettlementDirection::Receivable,
            currency: Currency::CNY,
            label: format!("{term}"),
            amount: money(amount),
            settled: money(settled),
            cancelled: money(cancelled),
            discounted: Amount::ZERO,
            written_off: Amount::ZERO,
            open_amount: None,
            home_open: None,
            due_date: (!due.is_empty()).then(|| parse_date(due).unwrap()),
            status: InstallmentStatus::Open,
            anchor: AnchorKind::Date,
            anchor_date: None,
            term,
            kind: InstallmentKind::Scheduled,
            forecast_date: None,
            released_on: None,
            period_from: None,
            period_to: None,
            late_of: None,
        };
        restated(installment, true).unwrap()
    }

    type Row = (u32, u32, i64, i64, i64, &'static str);
    const EARLY: &str = "2026-03-01";
    const LATE: &str = "2026-06-01";

    #[test]
    fn differences_fall_on_what_is_outstanding() {
        // What stands, what the terms come to, and the amounts by position after it; or which installment holds too much.
        type Case = (&'static [Row], &'static [i64], Result<&'static [(u32, i64)], (u32, i64, i64)>);
        let table: &[Case] = &[
            (&[(1, 1, 30, 0, 0, EARLY), (2, 2, 70, 0, 0, LATE)], &[30, 70], Ok(&[(1, 30), (2, 70)])),
            (&[(1, 1, 30, 30, 0, EARLY), (2, 2, 70, 0, 0, "")], &[36, 84], Ok(&[(1, 36), (2, 84)])),
            (&[(1, 1, 30, 10, 0, EARLY), (2, 2, 70, 0, 0, "")], &[10, 20], Ok(&[(1, 10), (2, 20)])),
            (&[(1, 1, 30, 30, 0, EARLY), (2, 2, 70, 0, 0, "")], &[24, 56], Err((1, 24, 30))),
            // Of one term, what waits for its event changes first, then what is due last.
            (&[(1, 1, 60, 0, 0, EARLY), (2, 1, 40, 0, 0, "")], &[80], Ok(&[(2, 20), (1, 60)])),
            (&[(1, 1, 60, 0, 0, EARLY), (2, 1, 40, 0, 0, "")], &[50], Ok(&[(2, 0), (1, 50)])),
            (&[(1, 1, 60, 0, 0, LATE), (2, 1, 40, 0, 0, EARLY)], &[90], Ok(&[(1, 50), (2, 40)])),
            (&[(1, 1, 60, 0, 0, EARLY), (2, 1, 40, 0, 0, "")], &[110], Ok(&[(2, 50), (1, 60)])),
            // What grows is outstanding, if anything of the term is.
            (&[(1, 1, 60, 20, 0, EARLY), (2, 1, 40, 40, 0, LATE)], &[120], Ok(&[(2, 40), (1, 80)])),
            (&[(1, 1, 60, 60, 0, EARLY), (2, 1, 40, 40, 0, LATE)], &[120], Ok(&[(2, 60), (1, 60)])),
            // What was cancelled is part of the amount.
            (&[(1, 1, 30, 10, 5, EARLY)], &[15], Ok(&[(1, 15)])),
            (&[(1, 1, 30, 10, 5, EARLY)], &[14], Err((1, 14, 15))),
            // Terms that come and go.
            (&[(1, 1, 30, 0, 0, EARLY)], &[30, 20], Ok(&[(1, 30), (2, 20)])),
            (&[(1, 1, 30, 0, 0, EARLY), (2, 2, 70, 0, 0, LATE)], &[100], Ok(&[(1, 100), (2, 0)])),
            (&[(1, 1, 30, 0, 0, EARLY), (2, 2, 70, 1, 0, LATE)], &[100], Err((2, 0, 1))),
            // Beside the terms stands a late charge.
            (&[(1, 1, 30, 0, 0, EARLY), (2, 0, 3, 0, 0, LATE)], &[50], Ok(&[(1, 50), (2, 3)])),
        ];
        for (stands, comes_to, expected) in table {
            let installments: Vec<Installment> = stands.iter().copied().map(row).collect();
            let planned: Vec<Installment> = comes_to
                .iter()
                .zip(1_u32..)
                .map(|(amount, term)| row((term, term, *amount, 0, 0, EARLY)))
                .collect();
            let whole = |amount: Amount| amount.to_scaled() / 10_000;
            let found = followed(&installments, &planned, None, true).map(|changes| {
                changes
                    .iter()
                    .map(|change| (change.after.seq, whole(change.after.amount)))
                    .collect::<Vec<_>>()
            });
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, *expected, "{stands:?} {comes_to:?}"),
                (Err(refused), Err((seq, amount, settled))) => {
                    let money = |whole: &i64| Amount::from_scaled(whole * 10_000);
                    let wanted = Error::new(&SETTLED_EXCEEDS)
                        .with("installment", seq)
                        .with("amount", money(amount))
                        .with("settled", money(settled));
                    assert_eq!(refused, wanted, "{stands:?} {comes_to:?}");
                }
                (found, _) => unreachable!("{stands:?} {comes_to:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn periods_correspond_by_their_first_day() {
        let period = |seq, amount, settled, cancelled, from: &str| Installment {
            period_from: Some(parse_date(from).unwrap()),
            ..row((seq, 0, amount, settled, cancelled, "2026-03-01"))
        };
        let stands = [
            period(1, 20, 20, 0, "2026-01-01"),
            period(2, 20, 0, 8, "2026-02-01"),
            period(3, 20, 0, 0, "2026-03-01"),
            Installment { kind: InstallmentKind::LateCharge, ..row((4, 0, 2, 0, 0, "2026-04-01")) },
        ];
        let planned = [
            period(1, 20, 0, 0, "2026-01-01"),
            period(2, 15, 0, 0, "2026-02-01"),
            period(3, 21, 0, 0, "2026-04-01"),
        ];
        let changes = followed(&stands, &[], Some(&planned), true).unwrap();
        let found: Vec<_> = changes
            .iter()
            .filter(|change| change.after.is_period())
            .map(|change| &change.after)
            .map(|after| {
                (after.seq, after.amount.to_scaled() / 10_000, after.cancelled.to_scaled(), after.status)
            })
            .collect();
        let (open, settled) = (InstallmentStatus::Open, InstallmentStatus::Settled);
        assert_eq!(found, [(1, 20, 0, settled), (2, 15, 0, open), (3, 0, 0, settled), (5, 21, 0, open)]);
        let refused = followed(&stands[..1], &[], Some(&planned[1..]), true).unwrap_err();
        assert_eq!(refused.code(), &SETTLED_EXCEEDS);
    }
}
