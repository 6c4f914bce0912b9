//! Value added tax rates of mainland China by date.
//!
//! The rates in force and their sources:
//!
//! | category | rates |
//! |---|---|
//! | standard: goods, processing, leasing of movables | 17% from 1994-01-01, 16% from 2018-05-01, 13% from 2019-04-01 |
//! | goods at the reduced rate: grain, books, water, gas … | 13% from 1994-01-01, 11% from 2017-07-01, 10% from 2018-05-01, 9% from 2019-04-01 |
//! | construction, transport, real estate, basic telecom | 11% from 2012-01-01, 10% from 2018-05-01, 9% from 2019-04-01 |
//! | services and intangibles | 6% from 2012-01-01 |
//! | exports and the like | 0 from 1994-01-01 |
//! | small-scale taxpayers | 3% from 2009-01-01 |
//! | small-scale taxpayers, for a time | 1% from 2020-03-01 to 2022-03-31 and from 2023-01-01 to 2027-12-31 |
//! | real estate by levy rate | 5% from 2016-05-01 |
//!
//! 《增值税暂行条例》; 财税〔2016〕36号 (services; before it pilots, from 2012-01-01 on); 财税〔2017〕37号 (13% to 11%); 财税〔2018〕32号
//! (17% to 16%, 11% to 10%); 财政部 税务总局 海关总署公告2019年第39号 (16% to 13%, 10% to 9%); the VAT law of 2026 keeps 13%, 9%, 6%, 0
//! and 3%. The 1% is 公告2020年第13号, extended to 2022-03-31 (公告2022年第15号, which then exempts until the year's end), and again from
//! 2023-01-01 (公告2023年第1号 and 第19号, until 2027-12-31). A ledger adds to these, or replaces them, by stored rates.
//!
//! The rate of an invoice is that of the day the tax duty arose (纳税义务发生时间), which may lie before the day of issue: then the
//! earlier rate applies, and the caller says why.

use crate::kernel::date::Date;
use crate::kernel::decimal::Rate;
use crate::store::record::Coded;

crate::coded! {
    /// What is taxed, as far as it decides the rate.
    pub enum TaxCategory {
        /// Goods, processing and repair, leasing of movables.
        Standard = 1, "standard", "货物及加工修理修配";
        /// Goods at the reduced rate: grain, water, gas, books and others.
        ReducedGoods = 2, "reduced_goods", "低税率货物";
        /// Construction, transport, post, basic telecommunication, real estate.
        Construction = 3, "construction", "建筑、交通运输、不动产等";
        /// Modern and other services, value added telecommunication, intangibles, finance.
        Services = 4, "services", "现代服务及无形资产";
        /// Exports and what is taxed as they are.
        Zero = 5, "zero", "零税率";
        /// Small-scale taxpayers, by levy rate.
        SmallScale = 6, "small_scale", "小规模纳税人征收率";
        /// Small-scale taxpayers, by the levy rate that is lowered for a time.
        SmallScaleLowered = 7, "small_scale_lowered", "小规模纳税人减按征收率";
        /// Real estate by levy rate.
        RealEstateLevy = 8, "real_estate_levy", "不动产征收率";
    }
}

/// A rate and the days on which it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateSpan {
    /// The category's name, or a name of the ledger's own.
    pub name: String,
    /// First day.
    pub from: Date,
    /// Last day; the day before the next span of the same name when none is given.
    pub until: Option<Date>,
    /// The rate: `0.13` is 13%.
    pub rate: Rate,
}

/// One built-in span: category, first and last day as (year, month, day), rate in parts of ten thousand.
type Row = (TaxCategory, (i32, u32, u32), Option<(i32, u32, u32)>, i64);

const BUILT_IN: &[Row] = &[
    (TaxCategory::Standard, (1994, 1, 1), None, 1700),
    (TaxCategory::Standard, (2018, 5, 1), None, 1600),
    (TaxCategory::Standard, (2019, 4, 1), None, 1300),
    (TaxCategory::ReducedGoods, (1994, 1, 1), None, 1300),
    (TaxCategory::ReducedGoods, (2017, 7, 1), None, 1100),
    (TaxCategory::ReducedGoods, (2018, 5, 1), None, 1000),
    (TaxCategory::ReducedGoods, (2019, 4, 1), None, 900),
    (TaxCategory::Construction, (2012, 1, 1), None, 1100),
    (TaxCategory::Construction, (2018, 5, 1), None, 1000),
    (TaxCategory::Construction, (2019, 4, 1), None, 900),
    (TaxCategory::Services, (2012, 1, 1), None, 600),
    (TaxCategory::Zero, (1994, 1, 1), None, 0),
    (TaxCategory::SmallScale, (2009, 1, 1), None, 300),
    (TaxCategory::SmallScaleLowered, (2020, 3, 1), Some((2022, 3, 31)), 100),
    (TaxCategory::SmallScaleLowered, (2023, 1, 1), Some((2027, 12, 31)), 100),
    (TaxCategory::RealEstateLevy, (2016, 5, 1), None, 500),
];

/// The built-in spans, by category and day.
pub fn built_in() -> Vec<RateSpan> {
    let day = |(year, month, day)| Date::from_ymd(year, month, day).ok();
    let span = |(category, from, until, points): &Row| {
        Some(RateSpan {
            name: category.name().to_owned(),
            from: day(*from)?,
            until: until.and_then(day),
            rate: Rate::from_scaled(points * 100),
        })
    };
    BUILT_IN.iter().filter_map(span).collect()
}

/// The spans with the ledger's own, which replace those of the same name and first day, by name and first day.
pub fn merged(mut spans: Vec<RateSpan>, own: Vec<RateSpan>) -> Vec<RateSpan> {
    for own in own {
        spans.retain(|span| (&span.name, span.from) != (&own.name, own.from));
        spans.push(own);
    }
    spans.sort_by(|one, other| (&one.name, one.from).cmp(&(&other.name, other.from)));
    spans
}

/// The span of each name that is in force on a day: the one that began last, unless it has ended.
pub fn in_force_on(spans: &[RateSpan], date: Date) -> Vec<&RateSpan> {
    let mut latest: Vec<&RateSpan> = Vec::new();
    for span in spans.iter().filter(|span| span.from <= date) {
        match latest.iter_mut().find(|found| found.name == span.name) {
            Some(found) if found.from <= span.from => *found = span,
            Some(_) => {}
            None => latest.push(span),
        }
    }
    latest.retain(|span| span.until.is_none_or(|until| date <= until));
    latest
}

/// The built-in rate of a category on a day; none before it existed or after it ended.
///
/// ```
/// use crm_core::areas::invoice::rules::vat::{TaxCategory, rate};
/// use crm_core::kernel::{date::parse_date, decimal::Rate};
/// let standard = |date: &str| rate(TaxCategory::Standard, parse_date(date).ok()?);
/// assert_eq!(standard("2018-04-30"), Some(Rate::parse("0.17")?));
/// assert_eq!(standard("2018-05-01"), Some(Rate::parse("0.16")?));
/// assert_eq!(standard("2019-04-01"), Some(Rate::parse("0.13")?));
/// # Ok::<(), crm_core::kernel::error::Error>(())
/// ```
pub fn rate(category: TaxCategory, date: Date) -> Option<Rate> {
    let spans = built_in();
    in_force_on(&spans, date).into_iter().find(|span| span.name == category.name()).map(|span| span.rate)
}

/// Whether any of the spans has this rate on a day.
pub fn is_in_force(spans: &[RateSpan], rate: Rate, date: Date) -> bool {
    in_force_on(spans, date).iter().any(|span| span.rate == rate)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::date::parse_date;

    fn day(text: &str) -> Date {
        parse_date(text).unwrap()
    }

    #[test]
    fn rates_on_the_days_around_each_change() {
        use TaxCategory::{
            Construction, RealEstateLevy, ReducedGoods, Services, SmallScale, SmallScaleLowered, Standard,
            Zero,
        };
        for (category, date, expected) in [
            (Standard, "1993-12-31", None),
            (Standard, "1994-01-01", Some("0.17")),
            (Standard, "2018-04-30", Some("0.17")),
            (Standard, "2018-05-01", Some("0.16")),
            (Standard, "2019-03-31", Some("0.16")),
            (Standard, "2019-04-01", Some("0.13")),
            (Standard, "2026-03-02", Some("0.13")),
            (ReducedGoods, "2017-06-30", Some("0.13")),
            (ReducedGoods, "2017-07-01", Some("0.11")),
            (ReducedGoods, "2018-05-01", Some("0.1")),
            (ReducedGoods, "2019-04-01", Some("0.09")),
            (Construction, "2011-12-31", None),
            (Construction, "2018-04-30", Some("0.11")),
            (Construction, "2018-05-01", Some("0.1")),
            (Construction, "2019-04-01", Some("0.09")),
            (Services, "2011-12-31", None),
            (Services, "2026-01-01", Some("0.06")),
            (Zero, "2000-01-01", Some("0")),
            (SmallScale, "2008-12-31", None),
            (SmallScale, "2026-01-01", Some("0.03")),
            (SmallScaleLowered, "2020-02-29", None),
            (SmallScaleLowered, "2020-03-01", Some("0.01")),
            (SmallScaleLowered, "2022-03-31", Some("0.01")),
            (SmallScaleLowered, "2022-04-01", None),
            (SmallScaleLowered, "2022-12-31", None),
            (SmallScaleLowered, "2023-01-01", Some("0.01")),
            (SmallScaleLowered, "2027-12-31", Some("0.01")),
            (SmallScaleLowered, "2028-01-01", None),
            (RealEstateLevy, "2016-04-30", None),
            (RealEstateLevy, "2016-05-01", Some("0.05")),
        ] {
            let expected = expected.map(|rate| Rate::parse(rate).unwrap());
            assert_eq!(rate(category, day(date)), expected, "{category} {date}");
        }
        assert_eq!(built_in().len(), BUILT_IN.len());
    }

    #[test]
    fn any_category_will_do() {
        let spans = built_in();
        for (rate, date, expected) in [
            ("0.13", "2026-03-02", true),
            ("0.13", "2018-06-01", false),
            // The reduced goods of the time.
            ("0.13", "2017-06-30", true),
            ("0.16", "2018-06-01", true),
            ("0.16", "2019-04-01", false),
            ("0.17", "2019-04-01", false),
            ("0.01", "2022-06-01", false),
            ("0.05", "2026-03-02", true),
            ("0.07", "2026-03-02", false),
        ] {
            assert_eq!(is_in_force(&spans, Rate::parse(rate).unwrap(), day(date)), expected, "{rate} {date}");
        }
    }

    #[test]
    fn the_ledgers_own_rates() {
        let own = |name: &str, from: &str, until: Option<&str>, rate: &str| RateSpan {
            name: name.to_owned(),
            from: day(from),
            until: until.map(day),
            rate: Rate::parse(rate).unwrap(),
        };
        let spans = merged(
            built_in(),
            vec![
                own("standard", "2030-01-01", None, "0.12"),
                own("services", "2012-01-01", Some("2029-12-31"), "0.06"),
                own("hong_kong", "2000-01-01", None, "0.02"),
            ],
        );
        for (rate, date, expected) in [
            ("0.13", "2029-12-31", true),
            ("0.13", "2030-01-01", false),
            ("0.12", "2030-01-01", true),
            ("0.06", "2029-12-31", true),
            ("0.06", "2030-01-01", false),
            ("0.02", "2026-01-01", true),
            ("0.02", "1999-12-31", false),
        ] {
            assert_eq!(is_in_force(&spans, Rate::parse(rate).unwrap(), day(date)), expected, "{rate} {date}");
        }
        assert!(spans.windows(2).all(|pair| (&pair[0].name, pair[0].from) < (&pair[1].name, pair[1].from)));
    }
}
