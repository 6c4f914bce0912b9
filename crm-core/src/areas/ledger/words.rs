//! Amounts and dates in capital figures, as invoices, receipts, contracts and bills carry them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::Cx;
use crate::catalog::{Access, Example, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::words::{
    ZeroStyle, bill_date, bill_date_accepted, bill_day, bill_month, rmb_accepted, rmb_spelled,
};
use crate::store::engine::Mode;

/// An amount of renminbi in capital figures (人民币大写), by the rules of the People's Bank of China.
///
/// The rules are those of 《支付结算办法》附一; where they leave open whether 零 is written, `style` says, and `accepted` lists every
/// spelling that they allow. They also take 正 for 整, and 整 after 角 (伍角整), which are not listed one by one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoneyInWords {
    /// The amount, with at most two decimal places; below zero it begins with 负.
    pub amount: Amount,
    /// Its currency: only CNY has capital figures. CNY when left out.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Where 零 is written when the rules leave it open.
    #[serde(default)]
    pub style: ZeroStyle,
}

/// An amount in capital figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AmountWords {
    /// The figures: 壹仟陆佰捌拾元叁角贰分.
    pub words: String,
    /// The same with the prefix that bills need: 人民币壹仟陆佰捌拾元叁角贰分.
    pub prefixed: String,
    /// Every spelling of the digits that the rules accept, without the prefix, the usual one first.
    pub accepted: Vec<String>,
}

impl Operation for MoneyInWords {
    type Output = AmountWords;
    const NAME: &'static str = "money.words";
    const ZH: &'static str = "人民币金额大写";
    const ACCESS: Access = Access::Everyone;
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::TOO_MANY_DECIMALS, &error::NOT_ALLOWED];
    const EXAMPLE: Example = Example { given: &[], input: r#"{"amount": "107000.53"}"# };
    fn run(self, _: &mut Cx<'_>) -> Result<AmountWords> {
        if let Some(other) = self.currency.filter(|currency| *currency != Currency::CNY) {
            return Err(Error::new(&error::NOT_ALLOWED)
                .at("currency")
                .with("value", other)
                .with("allowed", Currency::CNY));
        }
        let at = |error: Error| error.at("amount");
        let words = rmb_spelled(self.amount, self.style).map_err(at)?;
        let accepted = rmb_accepted(self.amount).map_err(at)?;
        Ok(AmountWords { prefixed: format!("人民币{words}"), words, accepted })
    }
}

/// A date in capital figures as bills and cheques need it (票据日期大写): 贰零贰陆年零壹月壹拾伍日.
///
/// 零 stands before months 1, 2 and 10 and before days 1 to 10, 20 and 30, and 壹 before 拾 (《支付结算办法》附一).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DateInWords {
    /// The date.
    pub date: Date,
}

/// A date in capital figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DateWords {
    /// The whole date: 贰零贰陆年零壹月壹拾伍日.
    pub words: String,
    /// The year: 贰零贰陆年.
    pub year: String,
    /// The month: 零壹月.
    pub month: String,
    /// The day: 壹拾伍日.
    pub day: String,
    /// Every spelling of the whole date that banks take, the usual one first: 零 may also stand before the other months.
    pub accepted: Vec<String>,
}

impl Operation for DateInWords {
    type Output = DateWords;
    const NAME: &'static str = "date.words";
    const ZH: &'static str = "票据日期大写";
    const ACCESS: Access = Access::Everyone;
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[];
    const EXAMPLE: Example = Example { given: &[], input: r#"{"date": "2026-01-15"}"# };
    fn run(self, _: &mut Cx<'_>) -> Result<DateWords> {
        let words = bill_date(self.date);
        let (month, day) = (bill_month(self.date), bill_day(self.date));
        let year = words.strip_suffix(&format!("{month}{day}")).unwrap_or(&words).to_owned();
        Ok(DateWords { year, month, day, accepted: bill_date_accepted(self.date), words })
    }
}
