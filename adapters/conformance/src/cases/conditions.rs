//! Conditions find what three-valued logic says.

use crm_core::kernel::error::Result;
use crm_core::store::cell::Cell;
use crm_core::store::engine::Tx;
use crm_core::store::plan::{Compare, Pred};

use crate::Fixture;
use crate::kit::{NULL, base, ids, int, same, text, write};
use crate::sample::{item, item_row, schema, with};

const COMPARES: [Compare; 6] =
    [Compare::Equal, Compare::NotEqual, Compare::Less, Compare::AtMost, Compare::Greater, Compare::AtLeast];

/// Runs `work` on items numbered from 1 that have these values in `column`.
fn on_items(
    fixture: &mut dyn Fixture,
    column: usize,
    values: &[Cell],
    work: impl FnOnce(&mut dyn Tx) -> Result<()>,
) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        for (position, value) in values.iter().enumerate() {
            tx.insert(item(), &[with(item_row(position as i64 + 1, "x"), column, value.clone())])?;
        }
        work(tx)
    })
}

fn finds(tx: &mut dyn Tx, pred: Pred, expected: &[i64]) -> Result<()> {
    let what = format!("{pred:?}");
    same(ids(tx, item(), pred)?, expected.to_vec(), what)
}

pub(super) fn comparisons(fixture: &mut dyn Fixture) -> Result<()> {
    let expected: [&[i64]; 6] = [&[3], &[1, 4], &[1], &[1, 3], &[4], &[3, 4]];
    on_items(fixture, item::AMOUNT, &[int(-5), NULL, int(0), int(7)], |tx| {
        for (compare, expected) in COMPARES.into_iter().zip(expected) {
            finds(tx, Pred::Compare(base(item::AMOUNT), compare, int(0)), expected)?;
            finds(tx, Pred::Compare(base(item::AMOUNT), compare, NULL), &[])?;
            finds(tx, Pred::Compare(base(item::AMOUNT), compare, NULL).not(), &[])?;
        }
        Ok(())
    })?;
    on_items(fixture, item::CODE, &[text("B"), NULL, text("a"), text("中")], |tx| {
        for (compare, expected) in COMPARES.into_iter().zip(expected) {
            finds(tx, Pred::Compare(base(item::CODE), compare, text("a")), expected)?;
        }
        Ok(())
    })?;
    on_items(
        fixture,
        item::PAYLOAD,
        &[Cell::Bytes(vec![0]), NULL, Cell::Bytes(vec![0, 0]), Cell::Bytes(vec![200])],
        |tx| {
            for (compare, expected) in COMPARES.into_iter().zip(expected) {
                finds(tx, Pred::Compare(base(item::PAYLOAD), compare, Cell::Bytes(vec![0, 0])), expected)?;
            }
            Ok(())
        },
    )
}

pub(super) fn columns_compare_with_columns(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        for (id, amount, day) in [
            (1, int(1), int(2)),
            (2, int(2), int(2)),
            (3, int(3), int(2)),
            (4, NULL, int(2)),
            (5, NULL, NULL),
        ] {
            tx.insert(item(), &[with(with(item_row(id, "x"), item::AMOUNT, amount), item::DAY, day)])?;
        }
        let expected: [&[i64]; 6] = [&[2], &[1, 3], &[1], &[1, 2], &[3], &[2, 3]];
        for (compare, expected) in COMPARES.into_iter().zip(expected) {
            finds(tx, Pred::CompareColumns(base(item::AMOUNT), compare, base(item::DAY)), expected)?;
        }
        Ok(())
    })
}

pub(super) fn unknown_is_neither_true_nor_false(fixture: &mut dyn Fixture) -> Result<()> {
    on_items(fixture, item::AMOUNT, &[int(1), NULL, int(2)], |tx| {
        let one = || Pred::equal(base(item::AMOUNT), int(1));
        finds(tx, one(), &[1])?;
        finds(tx, one().not(), &[3])?;
        finds(tx, one().not().not(), &[1])?;
        finds(tx, one().or(one().not()), &[1, 3])?;
        finds(tx, Pred::Or(vec![one(), Pred::True]), &[1, 2, 3])?;
        finds(tx, Pred::And(vec![one(), Pred::False]).not(), &[1, 2, 3])?;
        finds(tx, Pred::And(vec![one(), Pred::True]).not(), &[3])?;
        finds(tx, Pred::Or(vec![one(), Pred::False]).not(), &[3])?;
        finds(tx, Pred::In(base(item::AMOUNT), vec![int(1)]).not(), &[3])?;
        finds(tx, Pred::And(vec![one(), Pred::IsNull(base(item::AMOUNT))]), &[])?;
        finds(tx, Pred::Or(vec![one(), Pred::IsNull(base(item::AMOUNT))]), &[1, 2])
    })
}

pub(super) fn connectives_without_parts(fixture: &mut dyn Fixture) -> Result<()> {
    on_items(fixture, item::AMOUNT, &[int(1), NULL], |tx| {
        finds(tx, Pred::And(vec![]), &[1, 2])?;
        finds(tx, Pred::Or(vec![]), &[])?;
        finds(tx, Pred::And(vec![]).not(), &[])?;
        finds(tx, Pred::Or(vec![]).not(), &[1, 2])?;
        finds(tx, Pred::True.not(), &[])?;
        finds(tx, Pred::False.not(), &[1, 2])?;
        finds(tx, Pred::And(vec![Pred::Or(vec![Pred::And(vec![Pred::IsNull(base(item::AMOUNT))])])]), &[2])
    })
}

pub(super) fn lists(fixture: &mut dyn Fixture) -> Result<()> {
    on_items(fixture, item::AMOUNT, &[int(1), NULL, int(2), int(3), int(i64::MIN)], |tx| {
        let amount = base(item::AMOUNT);
        finds(tx, Pred::In(amount, vec![]), &[])?;
        finds(tx, Pred::In(amount, vec![]).not(), &[1, 2, 3, 4, 5])?;
        finds(tx, Pred::In(amount, vec![int(2)]), &[3])?;
        finds(tx, Pred::In(amount, vec![int(1), int(3), int(i64::MIN)]), &[1, 4, 5])?;
        finds(tx, Pred::In(amount, vec![int(1), int(3), int(9)]).not(), &[3, 5])?;
        finds(tx, Pred::In(amount, vec![int(1), int(1), int(1), int(1), int(1)]), &[1])
    })?;
    on_items(fixture, item::CODE, &[text("a"), text("'"), text("中")], |tx| {
        finds(tx, Pred::In(base(item::CODE), vec![text("A"), text("中"), text("'")]), &[2, 3])
    })
}

pub(super) fn long_lists(fixture: &mut dyn Fixture) -> Result<()> {
    let odd = ["\"", "\\", "\u{1}", "\n", "中", "", "\u{10FFFF}", "'", "a\\u0041", "\u{7f}"];
    let values: Vec<Cell> = odd.into_iter().map(text).chain([NULL]).collect();
    on_items(fixture, item::CODE, &values, |tx| {
        for length in [300, 5_000, 40_000] {
            let mut list: Vec<Cell> = (0..length).map(|number| text(&format!("n{number}"))).collect();
            finds(tx, Pred::In(base(item::CODE), list.clone()), &[])?;
            list.extend(odd.into_iter().map(text));
            finds(tx, Pred::In(base(item::CODE), list.clone()), &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10])?;
            let mut numbers: Vec<Cell> = (100..100 + length).map(int).collect();
            numbers.extend([int(i64::MIN), int(2), int(i64::MAX)]);
            finds(tx, Pred::In(base(item::ID), numbers), &[2])?;
        }
        Ok(())
    })
}

pub(super) fn long_chains(fixture: &mut dyn Fixture) -> Result<()> {
    on_items(fixture, item::AMOUNT, &[int(1), NULL, int(2_999)], |tx| {
        let amount = base(item::AMOUNT);
        let any = (0..3_000).map(|value| Pred::equal(amount, int(value))).collect();
        finds(tx, Pred::Or(any), &[1, 3])?;
        let all = (3..3_003).map(|value| Pred::Compare(amount, Compare::NotEqual, int(value))).collect();
        finds(tx, Pred::And(all), &[1])
    })
}

pub(super) fn prefixes(fixture: &mut dyn Fixture) -> Result<()> {
    let values = ["上海公司", "上海", "上", "北京", "abc", "Abc", "ab%", "ab_", ""].map(text);
    let values: Vec<Cell> = values.into_iter().chain([NULL]).collect();
    on_items(fixture, item::CODE, &values, |tx| {
        let prefix = |prefix: &str| Pred::Prefix(base(item::CODE), prefix.to_owned());
        finds(tx, prefix("上海"), &[1, 2])?;
        finds(tx, prefix("上"), &[1, 2, 3])?;
        finds(tx, prefix("ab"), &[5, 7, 8])?;
        finds(tx, prefix("A"), &[6])?;
        finds(tx, prefix("ab%"), &[7])?;
        finds(tx, prefix("ab_"), &[8])?;
        finds(tx, prefix("海"), &[])?;
        finds(tx, prefix(""), &[1, 2, 3, 4, 5, 6, 7, 8, 9])?;
        finds(tx, prefix("").not(), &[])?;
        finds(tx, prefix("上").not(), &[4, 5, 6, 7, 8, 9])
    })
}

pub(super) fn prefixes_at_the_edges(fixture: &mut dyn Fixture) -> Result<()> {
    let edges = [
        "z\u{D7FF}",
        "z\u{E000}",
        "z\u{10FFFF}",
        "z\u{10FFFF}\u{10FFFF}",
        "\u{10FFFF}",
        "\u{10FFFF}a",
        "z",
        "{",
        "z\u{7F}",
        "z\u{80}",
    ];
    let values: Vec<Cell> = edges.into_iter().map(text).collect();
    on_items(fixture, item::CODE, &values, |tx| {
        let prefix = |prefix: &str| Pred::Prefix(base(item::CODE), prefix.to_owned());
        finds(tx, prefix("z\u{D7FF}"), &[1])?;
        finds(tx, prefix("z\u{E000}"), &[2])?;
        finds(tx, prefix("z\u{10FFFF}"), &[3, 4])?;
        finds(tx, prefix("z\u{10FFFF}").not(), &[1, 2, 5, 6, 7, 8, 9, 10])?;
        finds(tx, prefix("\u{10FFFF}"), &[5, 6])?;
        finds(tx, prefix("\u{10FFFF}").not(), &[1, 2, 3, 4, 7, 8, 9, 10])?;
        finds(tx, prefix("z\u{7F}"), &[9])?;
        finds(tx, prefix("z"), &[1, 2, 3, 4, 7, 9, 10])
    })
}

pub(super) fn contains_takes_letters_literally(fixture: &mut dyn Fixture) -> Result<()> {
    let values = ["100%", "100", "a_b", "aXb", "back\\slash", "it's", "折扣[1]", "", "a*b?"].map(text);
    let values: Vec<Cell> = values.into_iter().chain([NULL]).collect();
    on_items(fixture, item::CODE, &values, |tx| {
        let contains = |part: &str| Pred::Contains(base(item::CODE), part.to_owned());
        finds(tx, contains("%"), &[1])?;
        finds(tx, contains("_"), &[3])?;
        finds(tx, contains("\\"), &[5])?;
        finds(tx, contains("'"), &[6])?;
        finds(tx, contains("[1]"), &[7])?;
        finds(tx, contains("扣"), &[7])?;
        finds(tx, contains("*"), &[9])?;
        finds(tx, contains("?"), &[9])?;
        finds(tx, contains(""), &[1, 2, 3, 4, 5, 6, 7, 8, 9])?;
        finds(tx, contains("").not(), &[])?;
        finds(tx, contains("0").not(), &[3, 4, 5, 6, 7, 8, 9])
    })
}

pub(super) fn contains_matches_ascii_in_either_case(fixture: &mut dyn Fixture) -> Result<()> {
    on_items(
        fixture,
        item::CODE,
        &["Acme GmbH", "ACME", "acme", "ÄCME", "äcme", "公司ABC"].map(text),
        |tx| {
            let contains = |part: &str| Pred::Contains(base(item::CODE), part.to_owned());
            finds(tx, contains("acme"), &[1, 2, 3])?;
            finds(tx, contains("ACME"), &[1, 2, 3])?;
            finds(tx, contains("Cme"), &[1, 2, 3, 4, 5])?;
            finds(tx, contains("Ä"), &[4])?;
            finds(tx, contains("ä"), &[5])?;
            finds(tx, contains("司a"), &[6])?;
            let includes = |part: &str| Pred::Includes(base(item::CODE), part.to_owned());
            finds(tx, includes("acme"), &[3])?;
            finds(tx, includes("CME"), &[2, 4])?;
            finds(tx, includes("司A"), &[6])?;
            finds(tx, includes("司a"), &[])
        },
    )
}

pub(super) fn presence(fixture: &mut dyn Fixture) -> Result<()> {
    on_items(fixture, item::DAY, &[int(0), NULL, int(5)], |tx| {
        let day = base(item::DAY);
        finds(tx, Pred::IsNull(day), &[2])?;
        finds(tx, Pred::IsPresent(day), &[1, 3])?;
        finds(tx, Pred::IsNull(day).not(), &[1, 3])?;
        finds(tx, Pred::IsPresent(day).not(), &[2])?;
        // The index on days holds only rows that have one; it must not hide the others.
        finds(tx, Pred::Compare(day, Compare::AtMost, int(3)), &[1])?;
        finds(tx, Pred::Or(vec![Pred::IsNull(day), Pred::equal(day, int(5))]), &[2, 3])
    })
}
