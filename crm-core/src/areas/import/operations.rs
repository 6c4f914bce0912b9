//! Operations of importing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::engine::{self, Importable, open_csv, read_row};
use super::model::{
    ColumnMapping, Content, ImportKind, ImportReport, ImportedField, OnExisting, Preview, TextEncoding,
};
use super::rules::{self, COLUMN_AMBIGUOUS, COLUMN_UNKNOWN, DATE_FORMAT_WRONG, FIELD_MAPPED_TWICE};
use super::target::{Contacts, Customers, Opportunities, Products};
use crate::app::{Cx, DENIED};
use crate::areas::access::required;
use crate::catalog::{Access, Entry, Example, Operation};
use crate::kernel::error::{self, Code, Error, Result};
use crate::store::engine::Mode;

pub(super) const LIST: fn() -> Vec<Entry> = crate::operations![RunImport, PreviewImport];

/// Names the importer of a kind: one line for each.
macro_rules! with_kind {
    ($kind:expr, $target:ident => $then:expr) => {
        match $kind {
            ImportKind::Customer => {
                type $target = Customers;
                $then
            }
            ImportKind::Contact => {
                type $target = Contacts;
                $then
            }
            ImportKind::Product => {
                type $target = Products;
                $then
            }
            ImportKind::Opportunity => {
                type $target = Opportunities;
                $then
            }
        }
    };
}

/// Imports records from a CSV file with a header.
///
/// Customers, contacts, products and owners are named by id, by their key in the same system (customers), by code
/// (products) or login (owners), or by a name that only one of them has. Opportunities may be imported as won or lost,
/// with the stage that says so and `closed_on`; the stages between are not replayed, and a lost one counts as having reached
/// the first. Everything else is checked as the ordinary operations do.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunImport {
    /// What the rows are.
    pub kind: ImportKind,
    /// The file.
    pub content: Content,
    /// How its bytes are encoded.
    #[serde(default)]
    pub encoding: TextEncoding,
    /// What separates its columns: one ASCII character; a comma when left out.
    #[serde(default = "comma")]
    pub delimiter: String,
    /// The system that the file comes from, such as `u8`.
    pub system: String,
    /// The column with each row's key in that system, unique within it for records of every kind.
    pub key: String,
    /// What fields are filled from.
    pub mapping: Vec<ColumnMapping>,
    /// What happens to rows whose key is known.
    #[serde(default)]
    pub on_existing: OnExisting,
    /// Only try: everything is checked and told, nothing is kept.
    #[serde(default)]
    pub dry_run: bool,
    /// Keep nothing when any row fails.
    #[serde(default)]
    pub all_or_nothing: bool,
}

fn comma() -> String {
    ",".to_owned()
}

/// The bytes of a content.
fn bytes(content: Content) -> Result<Vec<u8>> {
    match content {
        Content::Text(text) => Ok(text.into_bytes()),
        Content::Base64(text) => STANDARD.decode(text.trim()).map_err(|wrong| {
            Error::new(&error::WRONG_TYPE)
                .at("content.base64")
                .with("reason", format!("this is not base64: {wrong}"))
        }),
    }
}

/// The text of a content, how it was encoded, and the SHA-256 of its bytes.
fn read(content: Content, encoding: TextEncoding) -> Result<(String, &'static str, String)> {
    let encoding = match content {
        Content::Text(_) => TextEncoding::Utf8,
        Content::Base64(_) => encoding,
    };
    let bytes = bytes(content)?;
    let sha256 = crate::store::dataset::to_hex(&Sha256::digest(&bytes));
    let (text, encoding) = rules::decode(bytes, encoding).map_err(|error| error.at("content"))?;
    Ok((text, encoding, sha256))
}

impl Operation for RunImport {
    type Output = ImportReport;
    const NAME: &'static str = "import.run";
    const ZH: &'static str = "导入数据";
    const ACCESS: Access = Access::Permission("import.run");
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &DENIED,
        &error::EMPTY,
        &error::WRONG_TYPE,
        &error::INVALID_TEXT,
        &error::NOT_ALLOWED,
        &error::UNKNOWN_FIELD,
        &error::MISSING_FIELD,
        &error::NOT_APPLICABLE,
        &COLUMN_UNKNOWN,
        &COLUMN_AMBIGUOUS,
        &FIELD_MAPPED_TWICE,
        &DATE_FORMAT_WRONG,
    ];
    const EXAMPLE: Example = Example {
        given: &[],
        input: r#"{"kind": "customer", "content": {"text": "编号,名称,级别\nC01,杭州云栖仪器有限公司,重要\nC02,苏州精测科技有限公司,一般\n"}, "system": "u8", "key": "编号", "mapping": [{"column": "名称", "field": "name"}, {"column": "级别", "field": "level", "values": {"重要": "A", "一般": "C"}}, {"field": "owner", "default": "admin"}]}"#,
    };
    fn run(mut self, cx: &mut Cx<'_>) -> Result<ImportReport> {
        required("system", &self.system)?;
        let content = std::mem::replace(&mut self.content, Content::Text(String::new()));
        let (text, encoding, sha256) = read(content, self.encoding)?;
        let report = ImportReport {
            dry_run: self.dry_run,
            encoding: encoding.to_owned(),
            sha256,
            ..ImportReport::default()
        };
        with_kind!(self.kind, Target => engine::run::<Target>(cx, &self, &text, report))
    }
}

/// Shows the beginning of a CSV file, how it is encoded and what separates its columns, and the fields it can fill.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewImport {
    /// What the rows are.
    pub kind: ImportKind,
    /// The file, or its beginning cut after a line.
    pub content: Content,
    /// How its bytes are encoded.
    #[serde(default)]
    pub encoding: TextEncoding,
    /// What separates its columns; found out when left out.
    #[serde(default)]
    pub delimiter: Option<String>,
    /// At most so many rows, up to 100; 10 when left out.
    #[serde(default)]
    pub rows: Option<u32>,
}

impl Operation for PreviewImport {
    type Output = Preview;
    const NAME: &'static str = "import.preview";
    const ZH: &'static str = "预览导入文件";
    const ACCESS: Access = Access::Permission("import.run");
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] =
        &[&error::EMPTY, &error::WRONG_TYPE, &error::INVALID_TEXT, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example {
        given: &[],
        input: r#"{"kind": "customer", "content": {"base64": "seC6xTvD+7PGCkMwMTu6vNbd1MbGvNLHxvcK"}}"#,
    };
    fn run(self, _: &mut Cx<'_>) -> Result<Preview> {
        let limit = self.rows.unwrap_or(10);
        if limit > 100 {
            return Err(Error::new(&error::OUT_OF_RANGE)
                .at("rows")
                .with("value", limit)
                .with("min", 0)
                .with("max", 100));
        }
        let (text, encoding, _) = read(self.content, self.encoding)?;
        let delimiter = match &self.delimiter {
            Some(given) => rules::check_delimiter(given).map_err(|error| error.at("delimiter"))?,
            None => rules::find_delimiter(&text),
        };
        let (mut reader, header) = open_csv(&text, delimiter)?;
        let (mut rows, mut row) = (Vec::new(), csv::StringRecord::new());
        for _ in 0..limit {
            if !read_row(&mut reader, &mut row)? {
                break;
            }
            rows.push(row.iter().map(str::to_owned).collect());
        }
        let fields = with_kind!(self.kind, Target => Target::FIELDS).iter();
        let fields = fields.map(|field| ImportedField {
            name: field.name.to_owned(),
            zh: field.zh.to_owned(),
            required: field.required,
            date: field.date,
        });
        Ok(Preview {
            encoding: encoding.to_owned(),
            delimiter: char::from(delimiter).to_string(),
            header,
            rows,
            fields: fields.collect(),
        })
    }
}
