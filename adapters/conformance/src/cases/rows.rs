//! Rows go in and come out as they were.

use crm_core::kernel::error::{INVALID_TEXT, Result};
use crm_core::store::engine::{DUPLICATE_KEY, Mode, Nest, Tx};
use crm_core::store::plan::{Compare, Output, Pred, Select};
use crm_core::store::schema::INDEXED_TEXT_MAX;

use crate::Fixture;
use crate::kit::{
    NULL, ascending, base, bytes, check, column, fails, ids, int, read, rows, same, text, write,
};
use crate::sample::{item, item_row, line, place, region, schema, with};

pub(super) fn inserted_rows_are_found_by_key(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    let row = with(with(item_row(7, "合同"), item::CODE, text("c-7")), item::AMOUNT, int(1250));
    write(&*store, |tx| {
        tx.insert(item(), std::slice::from_ref(&row))?;
        same(tx.get(item(), &[int(7)])?, Some(row.clone()), "before the commit")
    })?;
    read(&*store, |tx| {
        same(tx.get(item(), &[int(7)])?, Some(row.clone()), "after the commit")?;
        same(tx.get(item(), &[int(8)])?, None, "a key that is not there")
    })
}

pub(super) fn rows_survive_opening_again(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        tx.insert(item(), &[item_row(1, "a")])?;
        tx.number("contract", 5)
    })?;
    drop(store);
    let store = fixture.open_again(&schema())?;
    read(&*store, |tx| same(tx.get(item(), &[int(1)])?, Some(item_row(1, "a")), "the row"))?;
    let number = write(&*store, |tx| tx.number("contract", 1))?;
    same(number, 6, "the next number")
}

pub(super) fn update_changes_what_it_finds(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        tx.insert(item(), &[item_row(1, "a"), item_row(2, "b"), item_row(3, "c")])?;
        let filter = Pred::Compare(base(item::NAME), Compare::AtLeast, text("b"));
        let changed = tx.update(item(), &[(item::AMOUNT, int(5)), (item::CODE, NULL)], &filter)?;
        same(changed, 2, "rows changed")?;
        same(tx.update(item(), &[(item::RANK, int(9))], &Pred::False)?, 0, "rows changed by nothing")?;
        same(tx.update(item(), &[], &filter)?, 2, "rows found without a change")
    })?;
    read(&*store, |tx| {
        same(tx.get(item(), &[int(1)])?, Some(item_row(1, "a")), "the row left alone")?;
        same(tx.get(item(), &[int(3)])?, Some(with(item_row(3, "c"), item::AMOUNT, int(5))), "a changed row")
    })?;
    // Optimistic locking: the expected version is part of the filter.
    write(&*store, |tx| {
        let expected =
            |rank| Pred::equal(base(item::ID), int(1)).and(Pred::equal(base(item::RANK), int(rank)));
        same(tx.update(item(), &[(item::RANK, int(1))], &expected(0))?, 1, "the expected version")?;
        same(tx.update(item(), &[(item::RANK, int(1))], &expected(0))?, 0, "a stale version")
    })
}

pub(super) fn delete_removes_what_it_finds(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        tx.insert(item(), &[item_row(1, "a"), item_row(2, "b"), item_row(3, "c")])?;
        same(tx.delete(item(), &Pred::equal(base(item::NAME), text("b")))?, 1, "rows removed")?;
        same(ids(tx, item(), Pred::True)?, vec![1, 3], "the rows left")?;
        same(tx.delete(item(), &Pred::True)?, 2, "all rows removed")?;
        same(ids(tx, item(), Pred::True)?, vec![], "no rows left")
    })
}

pub(super) fn composite_keys_address_rows(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        tx.insert(item(), &[item_row(1, "a"), item_row(2, "b")])?;
        let row = |item, sequence| vec![int(item), int(sequence), NULL, int(item * 10 + sequence)];
        tx.insert(line(), &[row(1, 1), row(1, 2), row(2, 1)])?;
        same(tx.get(line(), &[int(1), int(2)])?, Some(row(1, 2)), "a line")?;
        same(tx.get(line(), &[int(2), int(2)])?, None, "a line that is not there")?;
        same(tx.delete(line(), &Pred::equal(base(line::ITEM), int(1)))?, 2, "lines of an item")?;
        same(rows(tx, &Select::all(line()))?, vec![row(2, 1)], "the line left")
    })
}

pub(super) fn empty_text_is_a_value(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        let empty = with(with(item_row(1, ""), item::CODE, text("")), item::PAYLOAD, bytes(b""));
        tx.insert(item(), &[empty.clone(), item_row(2, "b")])?;
        same(tx.get(item(), &[int(1)])?, Some(empty), "a row of empty values")?;
        same(ids(tx, item(), Pred::equal(base(item::CODE), text("")))?, vec![1], "equal to the empty text")?;
        same(ids(tx, item(), Pred::IsNull(base(item::CODE)))?, vec![2], "without a text")?;
        same(ids(tx, item(), Pred::IsPresent(base(item::PAYLOAD)))?, vec![1], "with bytes, if only none")
    })
}

pub(super) fn integers_keep_their_extremes(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    let extremes = [i64::MIN, i64::MIN + 1, -1, 0, 1, (1 << 53) + 1, i64::MAX - 1, i64::MAX];
    write(&*store, |tx| {
        for value in extremes {
            let row = with(item_row(value, "x"), item::AMOUNT, int(value));
            tx.insert(item(), std::slice::from_ref(&row))?;
            same(tx.get(item(), &[int(value)])?, Some(row), "the row")?;
        }
        for value in extremes {
            let equal = Pred::equal(base(item::AMOUNT), int(value));
            same(ids(tx, item(), equal)?, vec![value], "the row with this amount")?;
        }
        let above = Pred::Compare(base(item::AMOUNT), Compare::Greater, int(i64::MAX - 1));
        same(ids(tx, item(), above)?, vec![i64::MAX], "above the last but one")
    })
}

pub(super) fn long_texts_and_all_bytes_survive(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    let long = "长文本 with 'quotes', \"more\", \\ and 𠮷😀\r\n\t%_;--".repeat(20_000);
    let all: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let row = with(item_row(1, "long"), item::PAYLOAD, bytes(&all));
    let named = vec![int(1), text(""), NULL, text(&long)];
    write(&*store, |tx| {
        tx.insert(item(), std::slice::from_ref(&row))?;
        tx.insert(place(), std::slice::from_ref(&named))
    })?;
    read(&*store, |tx| {
        check(tx.get(place(), &[int(1)])? == Some(named.clone()), "a long text came back changed")?;
        same(ids(tx, place(), Pred::equal(base(place::NAME), text(&long)))?, vec![1], "equal to the text")?;
        check(tx.get(item(), &[int(1)])? == Some(row.clone()), "a long row came back changed")?;
        same(ids(tx, item(), Pred::equal(base(item::PAYLOAD), bytes(&all)))?, vec![1], "equal to the bytes")
    })
}

pub(super) fn the_longest_indexed_texts_are_found(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    // Four bytes each, and no two alike, so that compressing does not help an engine.
    let long = |id: u32| -> String {
        let character = |at: usize| char::from_u32(0x1_F000 + (id * 7919 + at as u32 * 613) % 0xFFF);
        (0..INDEXED_TEXT_MAX).filter_map(character).collect()
    };
    write(&*store, |tx| {
        for id in 1..=3 {
            let row = with(item_row(i64::from(id), &long(id)), item::CODE, text(&long(id)));
            tx.insert(item(), &[row])?;
            tx.insert(line(), &[vec![int(i64::from(id)), int(1), text(&long(id)), int(0)]])?;
        }
        same(ids(tx, item(), Pred::equal(base(item::CODE), text(&long(2))))?, vec![2], "by the whole")?;
        let part: String = long(3).chars().take(100).collect();
        same(ids(tx, item(), Pred::Prefix(base(item::NAME), part))?, vec![3], "by a part")
    })?;
    let mut tx = store.begin(Mode::Write)?;
    let again = with(item_row(9, "x"), item::CODE, text(&long(1)));
    fails(tx.insert(item(), &[again]), &DUPLICATE_KEY, "a long code again").map(|_| ())
}

pub(super) fn equal_texts_have_equal_bytes(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    // Case, spaces, composed and decomposed letters, width: a unique index takes them for different.
    let texts = ["a", "A", "a ", " a", "a\t", "é", "e\u{301}", "1", "１", "ß", "ss", "\u{200B}a", "ı", "i"];
    write(&*store, |tx| {
        for (id, one) in texts.iter().enumerate() {
            tx.insert(item(), &[with(item_row(id as i64, one), item::CODE, text(one))])?;
        }
        for (id, one) in texts.iter().enumerate() {
            let equal = |column| Pred::equal(base(column), text(one));
            same(ids(tx, item(), equal(item::CODE))?, vec![id as i64], format_args!("equal to {one:?}"))?;
            same(ids(tx, item(), equal(item::NAME))?, vec![id as i64], format_args!("named {one:?}"))?;
        }
        let groups = Select {
            outputs: vec![column(item::NAME), Output::Count],
            sort: vec![ascending(base(item::NAME))],
            ..Select::all(item())
        };
        same(rows(tx, &groups)?.len(), texts.len(), "groups")
    })
}

pub(super) fn u0000_is_refused_in_texts(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| tx.insert(item(), &[item_row(1, "a")]))?;
    let attempt = |what: &str, work: &dyn Fn(&mut dyn Tx) -> Result<()>| -> Result<()> {
        let mut tx = store.begin(Mode::Write)?;
        tx.nest(Nest::Begin)?;
        fails(work(&mut *tx), &INVALID_TEXT, what)?;
        tx.nest(Nest::Undo)?;
        same(ids(&mut *tx, item(), Pred::True)?, vec![1], "rows after it")?;
        tx.commit()
    };
    attempt("a row", &|tx| tx.insert(item(), &[item_row(2, "a\0b")]))?;
    attempt("rows", &|tx| tx.insert(item(), &[item_row(2, "b"), item_row(3, "\0")]))?;
    attempt("a change", &|tx| tx.update(item(), &[(item::CODE, text("\0"))], &Pred::True).map(|_| ()))?;
    attempt("a series", &|tx| tx.number("\0", 1).map(|_| ()))?;
    let row = with(item_row(4, "c"), item::PAYLOAD, bytes(b"a\0b"));
    write(&*store, |tx| {
        tx.insert(item(), std::slice::from_ref(&row))?;
        same(tx.get(item(), &[int(4)])?, Some(row.clone()), "bytes may be 0")
    })
}

pub(super) fn many_rows_at_once(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    let many: Vec<_> = (0..5_000).map(|id| with(item_row(id, "many"), item::RANK, int(id % 7))).collect();
    write(&*store, |tx| {
        tx.insert(item(), &[])?;
        tx.insert(item(), &many)
    })?;
    let sorted = Select { sort: vec![ascending(base(item::ID))], ..Select::all(item()) };
    read(&*store, |tx| check(rows(tx, &sorted)? == many, "rows came back changed"))
}

pub(super) fn rows_keep_column_order(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        tx.insert(region(), &[vec![int(1), text("north")]])?;
        let reversed = Select {
            outputs: vec![crate::kit::column(region::NAME), crate::kit::column(region::ID)],
            ..Select::all(region())
        };
        same(rows(tx, &reversed)?, vec![vec![text("north"), int(1)]], "outputs as asked")?;
        let nothing = Select { outputs: Vec::new(), ..Select::all(region()) };
        same(rows(tx, &nothing)?, vec![vec![]], "a row without outputs")
    })
}
