//! How much to ask a customer for on a day, and what an amount typed in its place means.
//!
//! What is suggested is everything overdue, or else what is due next; when that is all there is, it is the whole. An
//! amount typed in its place leaves the suggestion, unless it is the suggested one: it then counts towards the whole, and
//! the difference is what of the whole it leaves open, or below zero what it pays beyond.

use super::progress::{Item, next_amount};
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::Result;

crate::coded! {
    /// What an amount is asked or paid for.
    pub enum PaymentMode {
        /// Nothing has a day on which it is due.
        Nothing = 1, "nothing", "暂无到期";
        /// What is due next.
        Next = 2, "next", "下一期";
        /// Everything overdue.
        Overdue = 3, "overdue", "逾期款";
        /// All that is outstanding, or a part of it that is not the suggested one.
        Full = 4, "full", "全部款项";
    }
}

/// What is suggested: the mode and the amount.
pub type Suggested = (PaymentMode, Amount);

/// What is suggested on `day`, and all that is outstanding, with a due date or without.
///
/// # Errors
/// `OVERFLOW`.
pub fn suggested(items: &[Item], day: Date) -> Result<(Suggested, Amount)> {
    let outstanding = items.iter().map(Item::outstanding).collect::<Result<Vec<Amount>>>()?;
    let total = Amount::checked_sum(outstanding)?;
    let suggested = match next_amount(items, day)? {
        None => (PaymentMode::Nothing, Amount::ZERO),
        Some((_, amount)) if amount == total => (PaymentMode::Full, amount),
        Some((true, amount)) => (PaymentMode::Overdue, amount),
        Some((false, amount)) => (PaymentMode::Next, amount),
    };
    Ok((suggested, total))
}

/// What an amount comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// What it is for.
    pub mode: PaymentMode,
    /// The amount: the typed one, or else the suggested one.
    pub amount: Amount,
    /// What the mode asks for less the amount; below zero it is paid beyond.
    pub difference: Amount,
    /// What of the whole stays open.
    pub left_open: Amount,
    /// What is more than the whole, and would be an advance.
    pub over: Amount,
}

/// What the suggestion, or an amount typed in its place, comes to.
///
/// # Errors
/// `OVERFLOW`.
pub fn answer(total: Amount, suggested: Suggested, typed: Option<Amount>) -> Result<Answer> {
    let (mode, amount) = match typed {
        Some(typed) if typed == total || typed != suggested.1 => (PaymentMode::Full, typed),
        _ => suggested,
    };
    let asked = if mode == PaymentMode::Full { total } else { amount };
    let rest = total.checked_sub(amount)?;
    Ok(Answer {
        mode,
        amount,
        difference: asked.checked_sub(amount)?,
        left_open: rest.max(Amount::ZERO),
        over: rest.checked_neg()?.max(Amount::ZERO),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::date::parse_date;

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    #[test]
    fn what_is_asked_for() {
        use PaymentMode::{Full, Next, Nothing, Overdue};
        let item = |open: &str, due: Option<&str>| Item {
            amount: amount(open),
            settled: Amount::ZERO,
            cancelled: Amount::ZERO,
            discounted: Amount::ZERO,
            written_off: Amount::ZERO,
            due: due.map(|due| parse_date(due).unwrap()),
        };
        let dated = [item("10", Some("2026-01-10")), item("20", Some("2026-02-10"))];
        let waiting = [item("10", Some("2026-01-10")), item("5", None)];
        for (items, day, expected, total) in [
            (&dated[..], "2026-01-10", (Next, "10"), "30"),
            (&dated, "2026-01-11", (Overdue, "10"), "30"),
            (&dated, "2026-02-11", (Full, "30"), "30"),
            (&dated[1..], "2026-01-01", (Full, "20"), "20"),
            (&waiting, "2026-01-11", (Overdue, "10"), "15"),
            (&waiting[1..], "2026-01-11", (Nothing, "0"), "5"),
            (&[], "2026-01-11", (Nothing, "0"), "0"),
        ] {
            let found = suggested(items, parse_date(day).unwrap()).unwrap();
            assert_eq!(found, ((expected.0, amount(expected.1)), amount(total)), "{items:?} {day}");
        }
    }

    #[test]
    fn what_is_typed() {
        use PaymentMode::{Full, Next, Nothing, Overdue};
        for (total, suggested, typed, mode, found) in [
            ("1150", (Next, "115"), None, Next, ["115", "0", "1035", "0"]),
            ("1150", (Next, "115"), Some("115"), Next, ["115", "0", "1035", "0"]),
            ("1150", (Next, "115"), Some("116"), Full, ["116", "1034", "1034", "0"]),
            ("1150", (Overdue, "460"), Some("460"), Overdue, ["460", "0", "690", "0"]),
            ("1150", (Overdue, "460"), Some("1150"), Full, ["1150", "0", "0", "0"]),
            ("1150", (Overdue, "460"), Some("1200"), Full, ["1200", "-50", "0", "50"]),
            ("1150", (Full, "1150"), Some("1"), Full, ["1", "1149", "1149", "0"]),
            ("5", (Nothing, "0"), None, Nothing, ["0", "0", "5", "0"]),
            ("5", (Nothing, "0"), Some("2"), Full, ["2", "3", "3", "0"]),
            ("0", (Nothing, "0"), Some("2"), Full, ["2", "-2", "0", "2"]),
        ] {
            let suggested = (suggested.0, amount(suggested.1));
            let said = answer(amount(total), suggested, typed.map(amount)).unwrap();
            let figures = [said.amount, said.difference, said.left_open, said.over];
            assert_eq!((said.mode, figures), (mode, found.map(amount)), "{total} {suggested:?} {typed:?}");
        }
        let least = Amount::from_scaled(i64::MIN);
        assert!(answer(amount("1"), (Next, amount("1")), Some(least)).is_err());
    }
}
