//! Amounts and dates in capital figures (大写), as Chinese bills, receipts and contracts write them.
//!
//! The rules are those of the People's Bank of China, 《支付结算办法》附一《正确填写票据和结算凭证的基本规定》:
//! - 整 follows an amount that ends with 元; after 角 it may be left out, and is; after 分 it is never written.
//! - Zeros between digits are read as one 零, however many.
//! - Where the digit of 万 or of 元 is 0 and its neighbour to the right is not, 零 may be written or left out. It is
//!   left out (1680.32 is 壹仟陆佰捌拾元叁角贰分), except that thousands which stand between a zero at 万 and zeros down to 元,
//!   with 角 following, are set off by one 零 (107000.53 is 壹拾万柒仟元零伍角叁分), as the bank's own example has it.
//! - Where 角 is 0 and 分 is not, 零 stands before 分.
//!
//! The regulation also has the word 人民币 before the figures; callers print it where their form has not.

use chrono::Datelike;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::date::Date;
use super::decimal::{Amount, too_many_decimals};
use super::error::Result;

const DIGITS: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];

fn digit(value: u64) -> char {
    DIGITS[(value % 10) as usize]
}

/// An amount of renminbi in capital figures, without the prefix 人民币.
///
/// Zero is 零元整, a negative amount begins with 负, an amount below one yuan begins with its 角 or 分. Every amount of
/// whole fen has a form; `TOO_MANY_DECIMALS` (details `value`, `max`) for one that is finer.
///
/// ```
/// use crm_core::kernel::{decimal::Amount, words::rmb_capital};
/// assert_eq!(rmb_capital(Amount::parse("6007.14")?)?, "陆仟零柒元壹角肆分");
/// assert_eq!(rmb_capital(Amount::parse("10001")?)?, "壹万零壹元整");
/// # Ok::<(), crm_core::kernel::error::Error>(())
/// ```
pub fn rmb_capital(amount: Amount) -> Result<String> {
    rmb_spelled(amount, ZeroStyle::Usual)
}

/// Where 零 is written when the regulation leaves it open: the digit of 万 or of 元 is 0, its neighbour to the right is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ZeroStyle {
    /// As the module says: nowhere, but before 角 where thousands have to be set off.
    #[default]
    Usual,
    /// Between 元 and 角: 壹仟陆佰捌拾元零叁角贰分, 壹拾万柒仟元零伍角叁分.
    AfterYuan,
    /// After 万: 壹拾万零柒仟元伍角叁分.
    AfterWan,
}

/// Every spelling of an amount that the regulation accepts, the usual one first. That 整 may also be 正, and may follow 角, is left to
/// the reader.
///
/// ```
/// use crm_core::kernel::{decimal::Amount, words::rmb_accepted};
/// assert_eq!(rmb_accepted(Amount::parse("107000.53")?)?, ["壹拾万柒仟元零伍角叁分", "壹拾万零柒仟元伍角叁分"]);
/// # Ok::<(), crm_core::kernel::error::Error>(())
/// ```
///
/// # Errors
/// As [`rmb_capital`].
pub fn rmb_accepted(amount: Amount) -> Result<Vec<String>> {
    let mut accepted: Vec<String> = Vec::new();
    for style in [ZeroStyle::Usual, ZeroStyle::AfterYuan, ZeroStyle::AfterWan] {
        let spelled = rmb_spelled(amount, style)?;
        if !accepted.contains(&spelled) {
            accepted.push(spelled);
        }
    }
    Ok(accepted)
}

/// As [`rmb_capital`], with 零 where the style says, if the amount leaves it open there; otherwise the usual spelling.
///
/// # Errors
/// As [`rmb_capital`].
pub fn rmb_spelled(amount: Amount, style: ZeroStyle) -> Result<String> {
    let scaled = amount.to_scaled();
    if scaled % 100 != 0 {
        return Err(too_many_decimals(amount, 2));
    }
    let fen_total = scaled.unsigned_abs() / 100;
    let (yuan, jiao, fen) = (fen_total / 100, fen_total / 10 % 10, fen_total % 10);
    let lower = yuan % 10_000;
    let wan_is_zero = yuan / 10_000 % 10_000 > 0 && yuan / 10_000 % 10 == 0;
    let open_after_wan = wan_is_zero && lower >= 1000;
    let open_after_yuan = yuan > 0 && yuan % 10 == 0 && jiao > 0;
    // 万 is zero, and thousands are followed by zeros only.
    let set_off = wan_is_zero && lower > 0 && lower % 1000 == 0;
    let after_wan = style == ZeroStyle::AfterWan && open_after_wan;
    let after_yuan = match style {
        ZeroStyle::AfterYuan => open_after_yuan,
        ZeroStyle::AfterWan if after_wan => false,
        ZeroStyle::Usual | ZeroStyle::AfterWan => set_off,
    };
    let mut text = String::new();
    if scaled < 0 {
        text.push('负');
    }
    if yuan > 0 || fen_total == 0 {
        text.push_str(&whole(yuan, after_wan));
        text.push('元');
    }
    if jiao > 0 {
        if after_yuan {
            text.push('零');
        }
        text.push(digit(jiao));
        text.push('角');
    }
    if fen > 0 {
        if jiao == 0 && yuan > 0 {
            text.push('零');
        }
        text.push(digit(fen));
        text.push('分');
    }
    if jiao == 0 && fen == 0 {
        text.push('整');
    }
    Ok(text)
}

/// A whole number in capital figures, in groups of four: 亿 counts what is above 10^8, itself read in groups. 零 may be asked for after 万.
fn whole(number: u64, zero_after_wan: bool) -> String {
    if number == 0 {
        return "零".to_owned();
    }
    let mut text = String::new();
    let upper = number / 100_000_000;
    if upper > 0 {
        text.push_str(&whole(upper, false));
        text.push('亿');
    }
    // 零 is owed when a group of zeros, or zeros at the head of a group, stand between digits.
    let mut owed = upper > 0 && upper.is_multiple_of(10_000);
    for (value, unit) in [(number / 10_000 % 10_000, "万"), (number % 10_000, "")] {
        if value == 0 {
            owed = true;
            continue;
        }
        let after_wan = zero_after_wan && unit.is_empty();
        if !text.is_empty() && (owed || after_wan || value < 1000) {
            text.push('零');
        }
        push_group(&mut text, value);
        text.push_str(unit);
        owed = false;
    }
    text
}

/// Four digits from the first that is not zero.
fn push_group(text: &mut String, value: u64) {
    let mut started = false;
    let mut zeros = false;
    for (place, unit) in [(1000, "仟"), (100, "佰"), (10, "拾"), (1, "")] {
        let figure = value / place % 10;
        if figure == 0 {
            zeros = started;
            continue;
        }
        if zeros {
            text.push('零');
        }
        text.push(digit(figure));
        text.push_str(unit);
        (started, zeros) = (true, false);
    }
}

/// A date in capital figures as bills need it: 2026-01-15 is 贰零贰陆年零壹月壹拾伍日.
///
/// The year is read digit by digit, months and days as [`bill_month`] and [`bill_day`] say.
pub fn bill_date(date: Date) -> String {
    let year: String =
        date.year().unsigned_abs().to_string().bytes().map(|byte| digit(u64::from(byte - b'0'))).collect();
    format!("{year}年{}{}", bill_month(date), bill_day(date))
}

/// Every spelling of a bill date that banks take, the usual one first: beside what [`bill_month`] says, 零 may stand before every
/// other month too (practice of the banks: 零叁月, 零壹拾壹月).
pub fn bill_date_accepted(date: Date) -> Vec<String> {
    let usual = bill_date(date);
    let month = bill_month(date);
    if month.starts_with('零') {
        return vec![usual];
    }
    let other = usual.replacen(&format!("年{month}"), &format!("年零{month}"), 1);
    vec![usual, other]
}

/// The month of a bill date: 零 before months 1, 2 and 10, so that they cannot be altered (零壹月, 零壹拾月, 壹拾壹月, 叁月).
pub fn bill_month(date: Date) -> String {
    let month = u64::from(date.month());
    let zero = if matches!(month, 1 | 2 | 10) { "零" } else { "" };
    format!("{zero}{}月", tens(month))
}

/// The day of a bill date: 零 before days 1 to 9, 10, 20 and 30, and 壹 before 拾 (零伍日, 零贰拾日, 壹拾伍日, 贰拾叁日).
pub fn bill_day(date: Date) -> String {
    let day = u64::from(date.day());
    let zero = if day < 10 || day % 10 == 0 { "零" } else { "" };
    format!("{zero}{}日", tens(day))
}

fn tens(number: u64) -> String {
    let mut text = String::new();
    push_group(&mut text, number);
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::kernel::date::parse_date;
    use crate::kernel::error::{Error, TOO_MANY_DECIMALS};
    use proptest::prelude::*;

    #[test]
    fn amounts() {
        for (amount, capital) in [
            ("0", "零元整"),
            ("0.05", "伍分"),
            ("0.50", "伍角"),
            ("0.99", "玖角玖分"),
            ("-0.01", "负壹分"),
            ("-10000", "负壹万元整"),
            ("10", "壹拾元整"),
            ("15", "壹拾伍元整"),
            ("100.01", "壹佰元零壹分"),
            ("1409.50", "壹仟肆佰零玖元伍角"),
            ("1680.32", "壹仟陆佰捌拾元叁角贰分"),
            ("107000.53", "壹拾万柒仟元零伍角叁分"),
            ("107000", "壹拾万柒仟元整"),
            ("107000.03", "壹拾万柒仟元零叁分"),
            ("7000.53", "柒仟元伍角叁分"),
            ("7000000.70", "柒佰万元柒角"),
            ("83001803.40", "捌仟叁佰万壹仟捌佰零叁元肆角"),
            ("100000000.10", "壹亿元壹角"),
            ("100010000", "壹亿零壹万元整"),
            ("100000001", "壹亿零壹元整"),
            ("8400004023.80", "捌拾肆亿零肆仟零贰拾叁元捌角"),
            ("1000100000000", "壹万零壹亿元整"),
            ("1000023456789", "壹万亿零贰仟叁佰肆拾伍万陆仟柒佰捌拾玖元整"),
            ("1000000005000", "壹万亿零伍仟元整"),
            ("922337203685477.58", "玖佰贰拾贰万叁仟叁佰柒拾贰亿零叁佰陆拾捌万伍仟肆佰柒拾柒元伍角捌分"),
        ] {
            assert_eq!(rmb_capital(Amount::parse(amount).unwrap()).unwrap(), capital, "{amount}");
        }
        let refused = rmb_capital(Amount::parse("1.005").unwrap());
        assert_eq!(refused, Err(Error::new(&TOO_MANY_DECIMALS).with("value", "1.005").with("max", 2)));
    }

    #[test]
    fn spellings_that_the_regulation_leaves_open() {
        for (amount, accepted) in [
            ("1680.32", &["壹仟陆佰捌拾元叁角贰分", "壹仟陆佰捌拾元零叁角贰分"][..]),
            ("107000.53", &["壹拾万柒仟元零伍角叁分", "壹拾万零柒仟元伍角叁分"]),
            ("107000", &["壹拾万柒仟元整", "壹拾万零柒仟元整"]),
            ("1409.50", &["壹仟肆佰零玖元伍角"]),
            ("16409.02", &["壹万陆仟肆佰零玖元零贰分"]),
            ("100700.50", &["壹拾万零柒佰元伍角", "壹拾万零柒佰元零伍角"]),
            (
                "-101010.50",
                &["负壹拾万壹仟零壹拾元伍角", "负壹拾万壹仟零壹拾元零伍角", "负壹拾万零壹仟零壹拾元伍角"],
            ),
            ("0.50", &["伍角"]),
            ("0", &["零元整"]),
        ] {
            assert_eq!(rmb_accepted(Amount::parse(amount).unwrap()).unwrap(), accepted, "{amount}");
        }
        let dates = |text: &str| bill_date_accepted(parse_date(text).unwrap());
        assert_eq!(dates("2026-03-15"), ["贰零贰陆年叁月壹拾伍日", "贰零贰陆年零叁月壹拾伍日"]);
        assert_eq!(dates("2026-01-15"), ["贰零贰陆年零壹月壹拾伍日"]);
    }

    #[test]
    fn bill_dates() {
        for (date, capital) in [
            ("2026-01-15", "贰零贰陆年零壹月壹拾伍日"),
            ("2025-10-20", "贰零贰伍年零壹拾月零贰拾日"),
            ("2024-02-09", "贰零贰肆年零贰月零玖日"),
            ("2030-11-10", "贰零叁零年壹拾壹月零壹拾日"),
            ("2026-12-11", "贰零贰陆年壹拾贰月壹拾壹日"),
            ("2026-03-30", "贰零贰陆年叁月零叁拾日"),
            ("2026-09-21", "贰零贰陆年玖月贰拾壹日"),
            ("2026-08-31", "贰零贰陆年捌月叁拾壹日"),
        ] {
            assert_eq!(bill_date(parse_date(date).unwrap()), capital, "{date}");
        }
    }

    proptest! {
        #[test]
        fn every_amount_of_fen_has_one_form(fen in i64::MIN / 100..=i64::MAX / 100) {
            let capital = rmb_capital(Amount::from_scaled(fen * 100))?;
            prop_assert!(!capital.contains("零零"), "{capital}");
            prop_assert_eq!(capital.starts_with('负'), fen < 0);
            prop_assert_eq!(capital.ends_with('整'), fen % 100 == 0);
            prop_assert_eq!(capital.ends_with('分'), fen % 10 != 0);
        }

        #[test]
        fn small_amounts_have_one_form_too(fen in 0..200_000_000_i64, other in 0..200_000_000_i64) {
            let capital = |fen: i64| rmb_capital(Amount::from_scaled(fen * 100));
            prop_assert_eq!(capital(fen)? == capital(other)?, fen == other);
        }

        #[test]
        fn nothing_panics(scaled in any::<i64>()) {
            prop_assert_eq!(rmb_capital(Amount::from_scaled(scaled)).is_ok(), scaled % 100 == 0);
        }
    }
}
