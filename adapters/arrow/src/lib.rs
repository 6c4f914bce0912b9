//! Rows of a dataset as [Apache Arrow](https://arrow.apache.org): what pandas, polars and DuckDB take without copying
//! it value by value.
//!
//! Each [`FieldType`](crm_core::store::schema::FieldType) has one Arrow type, chosen so that these three take it as it is:
//!
//! | field | Arrow | why |
//! |---|---|---|
//! | id | Utf8 | the UUID's text; Arrow's UUID is an extension type that few readers know |
//! | 64-bit number | Int64 | |
//! | 32-bit number | Int32 | |
//! | yes or no | Boolean | |
//! | text | Utf8 | |
//! | date | Date32 | |
//! | instant | Timestamp(µs, "UTC") | what the ledger keeps, exactly |
//! | decimal of n places | Decimal128(19, n) | 19 digits hold every stored value; sums stay exact |
//! | enumeration | Utf8 | dictionaries become categoricals here, enums there, and batches may not share one |
//! | labels | List of Utf8 | |
//! | document | Utf8 | its JSON text |
//! | bytes | Binary | |
//!
//! Every column may be empty, since a path along references can lead nowhere.
//!
//! [`RowStream`] reads page by page within one snapshot, so a stream needs the memory of one page however long it is.

mod batch;
mod stream;

pub use batch::{batch, schema};
pub use stream::{PAGE_ROWS, RowStream};
