//! One page of rows as a record batch.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Int32Builder, Int64Builder, ListBuilder,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use crm_core::app::{Frame, FrameColumn};
use crm_core::kernel::error::{self, Error, Result};
use crm_core::kernel::id::IdCodec;
use crm_core::store::cell::Cell;
use crm_core::store::schema::{EnumInfo, FieldType};

/// Digits of a decimal column: every integer of 64 bits fits.
const DECIMAL_DIGITS: u8 = 19;
const UTC: &str = "UTC";

/// The Arrow schema of these columns.
///
/// # Errors
/// `INTERNAL` for a decimal with more places than digits.
pub fn schema(columns: &[FrameColumn]) -> Result<SchemaRef> {
    let field = |column: &FrameColumn| Ok(Field::new(&column.name, data_type(column.field_type)?, true));
    Ok(Arc::new(Schema::new(columns.iter().map(field).collect::<Result<Vec<Field>>>()?)))
}

fn data_type(field_type: FieldType) -> Result<DataType> {
    Ok(match field_type {
        FieldType::Id | FieldType::Text | FieldType::Enum(_) | FieldType::Json => DataType::Utf8,
        FieldType::Int => DataType::Int64,
        FieldType::Small => DataType::Int32,
        FieldType::Bool => DataType::Boolean,
        FieldType::Date => DataType::Date32,
        FieldType::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        FieldType::Decimal(places) => DataType::Decimal128(DECIMAL_DIGITS, scale(places)?),
        FieldType::Tags => DataType::List(item()),
        FieldType::Bytes => DataType::Binary,
    })
}

fn item() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Utf8, true))
}

fn scale(places: u32) -> Result<i8> {
    i8::try_from(places)
        .ok()
        .filter(|places| places.unsigned_abs() <= DECIMAL_DIGITS)
        .ok_or_else(|| internal("a decimal has more places than digits"))
}

/// The rows of a frame as a record batch of `schema`, which must be that of its columns.
///
/// # Errors
/// `INTERNAL` when the store holds what was never written.
pub fn batch(frame: &Frame, schema: &SchemaRef, ids: IdCodec) -> Result<RecordBatch> {
    let columns = frame
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            array(&Values { rows: &frame.rows, at, name: &column.name }, column.field_type, ids)
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(frame.rows.len()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
        .map_err(|error| internal("rows do not fit their Arrow schema").because(error))
}

/// One column of the rows.
struct Values<'a> {
    rows: &'a [Vec<Cell>],
    at: usize,
    name: &'a str,
}

impl Values<'_> {
    fn wrong(&self) -> Error {
        internal(format!("the stored {} is of another type", self.name))
    }

    fn integers<'s, T: TryFrom<i64>>(&'s self) -> impl Iterator<Item = Result<Option<T>>> + 's {
        self.rows.iter().map(|row| match row.get(self.at) {
            Some(Cell::Int(value)) => T::try_from(*value).map(Some).map_err(|_| self.wrong()),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.wrong()),
        })
    }

    fn texts(&self) -> impl Iterator<Item = Result<Option<&str>>> {
        self.rows.iter().map(|row| match row.get(self.at) {
            Some(Cell::Text(value)) => Ok(Some(value.as_str())),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.wrong()),
        })
    }

    fn bytes(&self) -> impl Iterator<Item = Result<Option<&[u8]>>> {
        self.rows.iter().map(|row| match row.get(self.at) {
            Some(Cell::Bytes(value)) => Ok(Some(value.as_slice())),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.wrong()),
        })
    }
}

fn array(values: &Values<'_>, field_type: FieldType, ids: IdCodec) -> Result<ArrayRef> {
    let rows = values.rows.len();
    Ok(match field_type {
        FieldType::Id => {
            let mut builder = StringBuilder::with_capacity(rows, rows * 36);
            for value in values.integers::<i64>() {
                builder.append_option(value?.map(|key| ids.uuid(key).to_string()));
            }
            Arc::new(builder.finish())
        }
        FieldType::Enum(info) => {
            let mut builder = StringBuilder::with_capacity(rows, rows * 8);
            for value in values.integers::<i64>() {
                builder.append_option(value?.map(|code| name_of(info, code)).transpose()?);
            }
            Arc::new(builder.finish())
        }
        FieldType::Text | FieldType::Json => {
            let mut builder = StringBuilder::with_capacity(rows, rows * 16);
            for value in values.texts() {
                builder.append_option(value?);
            }
            Arc::new(builder.finish())
        }
        FieldType::Int => {
            let mut builder = Int64Builder::with_capacity(rows);
            for value in values.integers() {
                builder.append_option(value?);
            }
            Arc::new(builder.finish())
        }
        FieldType::Small => {
            let mut builder = Int32Builder::with_capacity(rows);
            for value in values.integers() {
                builder.append_option(value?);
            }
            Arc::new(builder.finish())
        }
        FieldType::Bool => {
            let mut builder = BooleanBuilder::with_capacity(rows);
            for value in values.integers::<i64>() {
                builder.append_option(value?.map(|value| value != 0));
            }
            Arc::new(builder.finish())
        }
        FieldType::Date => {
            let mut builder = Date32Builder::with_capacity(rows);
            for value in values.integers() {
                builder.append_option(value?);
            }
            Arc::new(builder.finish())
        }
        FieldType::Instant => {
            let mut builder = TimestampMicrosecondBuilder::with_capacity(rows);
            for value in values.integers() {
                builder.append_option(value?);
            }
            Arc::new(builder.finish().with_timezone(UTC))
        }
        FieldType::Decimal(places) => {
            let mut builder = Decimal128Builder::with_capacity(rows);
            for value in values.integers() {
                builder.append_option(value?);
            }
            let decimals = builder.finish().with_precision_and_scale(DECIMAL_DIGITS, scale(places)?);
            Arc::new(decimals.map_err(|error| internal("a decimal has no Arrow form").because(error))?)
        }
        FieldType::Tags => {
            let mut builder = ListBuilder::with_capacity(StringBuilder::new(), rows).with_field(item());
            for value in values.texts() {
                let value = value?;
                for label in value.unwrap_or_default().split('\n').filter(|label| !label.is_empty()) {
                    builder.values().append_value(label);
                }
                builder.append(value.is_some());
            }
            Arc::new(builder.finish())
        }
        FieldType::Bytes => {
            let mut builder = BinaryBuilder::with_capacity(rows, rows * 16);
            for value in values.bytes() {
                builder.append_option(value?);
            }
            Arc::new(builder.finish())
        }
    })
}

fn name_of(info: &EnumInfo, code: i64) -> Result<&'static str> {
    info.name_of(code).ok_or_else(|| internal(format!("the stored {} {code} has no name", info.name)))
}

pub(crate) fn internal(what: impl std::fmt::Display) -> Error {
    Error::new(&error::INTERNAL).with("what", what)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType};
    use arrow_array::{Array, cast::as_boolean_array};
    use crm_core::store::schema::EnumValue;

    use super::*;

    static COLOUR: EnumInfo =
        EnumInfo { name: "colour", values: &[EnumValue { name: "red", code: 1, zh: "红" }] };

    const ALL: [FieldType; 12] = [
        FieldType::Id,
        FieldType::Int,
        FieldType::Small,
        FieldType::Bool,
        FieldType::Text,
        FieldType::Date,
        FieldType::Instant,
        FieldType::Decimal(4),
        FieldType::Enum(&COLOUR),
        FieldType::Tags,
        FieldType::Json,
        FieldType::Bytes,
    ];

    fn frame(types: &[FieldType], rows: Vec<Vec<Cell>>) -> Frame {
        let columns = types
            .iter()
            .enumerate()
            .map(|(at, field_type)| FrameColumn { name: format!("c{at}"), field_type: *field_type })
            .collect();
        Frame { columns, rows, next: None }
    }

    fn convert(frame: &Frame) -> Result<RecordBatch> {
        batch(frame, &schema(&frame.columns)?, IdCodec::new(7))
    }

    #[test]
    fn every_type_has_its_column() {
        let row = vec![
            Cell::Int(1 << 40),
            Cell::Int(i64::MIN),
            Cell::Int(-7),
            Cell::Int(1),
            Cell::Text("杭州".into()),
            Cell::Int(20_514),
            Cell::Int(1_772_413_200_000_001),
            Cell::Int(i64::MAX),
            Cell::Int(1),
            Cell::Text("\n展会\n\n老客户\n".into()),
            Cell::Text(r#"{"a":1}"#.into()),
            Cell::Bytes(vec![0, 255]),
        ];
        let batch = convert(&frame(&ALL, vec![row, vec![Cell::Null; ALL.len()]])).unwrap();
        assert_eq!(batch.num_rows(), 2);
        assert_eq!(batch.column(0).as_string::<i32>().value(0), IdCodec::new(7).uuid(1 << 40).to_string());
        assert_eq!(batch.column(1).as_primitive::<Int64Type>().value(0), i64::MIN);
        assert_eq!(batch.column(2).as_primitive::<Int32Type>().value(0), -7);
        assert!(as_boolean_array(batch.column(3)).value(0));
        assert_eq!(batch.column(4).as_string::<i32>().value(0), "杭州");
        assert_eq!(batch.column(5).as_primitive::<Date32Type>().value(0), 20_514);
        let instants = batch.column(6).as_primitive::<TimestampMicrosecondType>();
        assert_eq!((instants.value(0), instants.timezone()), (1_772_413_200_000_001, Some("UTC")));
        let decimals = batch.column(7).as_primitive::<Decimal128Type>();
        assert_eq!(decimals.value_as_string(0), "922337203685477.5807");
        assert_eq!(batch.column(8).as_string::<i32>().value(0), "red");
        let labels = batch.column(9).as_list::<i32>().value(0);
        let labels: Vec<_> = labels.as_string::<i32>().iter().flatten().collect();
        assert_eq!(labels, ["展会", "老客户"]);
        assert_eq!(batch.column(10).as_string::<i32>().value(0), r#"{"a":1}"#);
        assert_eq!(batch.column(11).as_binary::<i32>().value(0), [0, 255]);
        assert!(batch.columns().iter().all(|column| column.is_null(1)), "no value is null in every type");
    }

    #[test]
    fn no_rows_still_have_columns() {
        let batch = convert(&frame(&ALL, vec![])).unwrap();
        assert_eq!((batch.num_rows(), batch.num_columns()), (0, ALL.len()));
    }

    #[test]
    fn what_was_never_written_is_an_error_not_a_guess() {
        let cases = [
            (FieldType::Small, Cell::Int(i64::MAX)),
            (FieldType::Date, Cell::Int(i64::MIN)),
            (FieldType::Enum(&COLOUR), Cell::Int(2)),
            (FieldType::Text, Cell::Int(1)),
            (FieldType::Int, Cell::Text("1".into())),
            (FieldType::Bytes, Cell::Text("1".into())),
        ];
        for (field_type, cell) in cases {
            let error = convert(&frame(&[field_type], vec![vec![cell.clone()]])).unwrap_err();
            assert_eq!(error.code(), &error::INTERNAL, "{field_type:?} {cell:?}");
        }
        assert!(convert(&frame(&[FieldType::Decimal(20)], vec![])).is_err());
    }
}
