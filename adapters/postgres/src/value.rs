//! Cells in PostgreSQL's binary form.

use std::error::Error as StdError;

use bytes::{BufMut, BytesMut};
use crm_core::kernel::error::{Error, INTERNAL};
use crm_core::store::cell::{Cell, CellRef, check_text};
use crm_sql::Value;
use postgres::types::{FromSql, IsNull, ToSql, Type};

type Boxed = Box<dyn StdError + Sync + Send>;

/// A value on its way to the server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound<'v> {
    Cell(CellRef<'v>),
    /// An array of the column's type.
    List(&'v [Cell]),
    /// An array of one column of many rows.
    Column(&'v [Vec<Cell>], usize),
}

impl<'v> From<&'v Value<'_>> for Bound<'v> {
    fn from(value: &'v Value<'_>) -> Self {
        match value {
            Value::List(values) => Bound::List(values),
            other => Bound::Cell(other.as_ref()),
        }
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Boxed> {
        match self {
            Bound::Cell(cell) => put(*cell, of, out),
            Bound::List(values) => put_array(values.iter().map(Cell::as_ref), values.len(), of, out),
            Bound::Column(rows, column) => {
                let cells = rows.iter().map(|row| row.get(*column).map_or(CellRef::Null, Cell::as_ref));
                put_array(cells, rows.len(), of, out)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    postgres::types::to_sql_checked!();
}

fn put(cell: CellRef<'_>, of: &Type, out: &mut BytesMut) -> Result<IsNull, Boxed> {
    match (cell, of) {
        (CellRef::Null, _) => return Ok(IsNull::Yes),
        (CellRef::Int(value), &Type::INT8) => out.put_i64(value),
        (CellRef::Text(text), &Type::TEXT) => {
            check_text(text)?;
            out.put_slice(text.as_bytes());
        }
        (CellRef::Bytes(bytes), &Type::BYTEA) => out.put_slice(bytes),
        _ => {
            let what = format!("a cell of another type where the server expects {of}");
            return Err(Error::new(&INTERNAL).with("what", what).into());
        }
    }
    Ok(IsNull::No)
}

/// One dimension from 1: how many dimensions, whether any is empty, the type, the length, the lower bound, the values.
fn put_array<'v>(
    cells: impl Iterator<Item = CellRef<'v>>,
    count: usize,
    of: &Type,
    out: &mut BytesMut,
) -> Result<IsNull, Boxed> {
    let member = match *of {
        Type::INT8_ARRAY => Type::INT8,
        Type::TEXT_ARRAY => Type::TEXT,
        Type::BYTEA_ARRAY => Type::BYTEA,
        _ => {
            return Err(Error::new(&INTERNAL)
                .with("what", format!("a list where the server expects {of}"))
                .into());
        }
    };
    out.put_i32(1);
    out.put_i32(1);
    out.put_u32(member.oid());
    out.put_i32(i32::try_from(count)?);
    out.put_i32(1);
    for cell in cells {
        let at = out.len();
        out.put_i32(-1);
        if let IsNull::No = put(cell, &member, out)? {
            let length = i32::try_from(out.len() - at - 4)?;
            out[at..at + 4].copy_from_slice(&length.to_be_bytes());
        }
    }
    Ok(IsNull::No)
}

/// A value on its way from the server.
pub(crate) struct Found<'r>(pub(crate) CellRef<'r>);

impl<'r> FromSql<'r> for Found<'r> {
    fn from_sql(of: &Type, raw: &'r [u8]) -> Result<Self, Boxed> {
        Ok(Found(match *of {
            Type::INT8 => CellRef::Int(i64::from_be_bytes(raw.try_into()?)),
            Type::TEXT => CellRef::Text(std::str::from_utf8(raw)?),
            Type::BYTEA => CellRef::Bytes(raw),
            _ => return Err(format!("a column of type {of}").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Boxed> {
        Ok(Found(CellRef::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
