//! What an import takes and tells. It stores nothing of its own.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::WireError;

crate::coded! {
    /// What is imported.
    pub enum ImportKind {
        /// Customers.
        Customer = 1, "customer", "客户";
        /// Contacts.
        Contact = 2, "contact", "联系人";
        /// Products.
        Product = 3, "product", "产品";
        /// Opportunities, also ended ones.
        Opportunity = 4, "opportunity", "商机";
    }
}

crate::coded! {
    /// How a file's text is encoded.
    #[derive(Default)]
    pub enum TextEncoding {
        /// By its byte-order mark; without one UTF-8 if it is valid as such, and GB18030 otherwise.
        #[default]
        Auto = 1, "auto", "自动识别";
        /// UTF-8.
        Utf8 = 2, "utf8", "UTF-8";
        /// GBK; read as GB18030, which includes it.
        Gbk = 3, "gbk", "GBK";
        /// GB18030.
        Gb18030 = 4, "gb18030", "GB18030";
    }
}

crate::coded! {
    /// What happens to a row whose key is known.
    #[derive(Default)]
    pub enum OnExisting {
        /// It is left alone.
        #[default]
        Skip = 1, "skip", "跳过";
        /// The record takes what the mapped columns say; an empty cell empties the field.
        Update = 2, "update", "更新";
    }
}

/// A file's content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// As text; the encoding does not matter then.
    Text(String),
    /// As bytes in base64.
    Base64(String),
}

/// What a field is filled from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnMapping {
    /// The column by its name in the header; left out, every row takes `default`.
    #[serde(default)]
    pub column: Option<String>,
    /// The field of the record.
    pub field: String,
    /// Values of the file and what they stand for: `{"GTXPro": "GTX Pro"}`; others are taken as they are.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// For dates: their form in the file, as `%m/%d/%Y`; YYYY-MM-DD when left out.
    #[serde(default)]
    pub date_format: Option<String>,
    /// What an empty cell stands for; dates as YYYY-MM-DD.
    #[serde(default)]
    pub default: Option<String>,
    /// Keep spaces around values, which are dropped otherwise.
    #[serde(default)]
    pub keep_spaces: bool,
}

/// A field that a file can fill, as declared.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// Name.
    pub name: &'static str,
    /// Chinese label.
    pub zh: &'static str,
    /// Whether a mapping must name it.
    pub required: bool,
    /// Whether it is a date.
    pub date: bool,
}

/// A field that a file can fill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImportedField {
    /// Name.
    pub name: String,
    /// Chinese label.
    pub zh: String,
    /// Whether a mapping must name it.
    pub required: bool,
    /// Whether it is a date.
    pub date: bool,
}

/// How an import went.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImportReport {
    /// Rows in the file, the header not counted.
    pub rows: u32,
    /// Rows that became new records.
    pub created: u32,
    /// Rows that changed a record.
    pub updated: u32,
    /// Rows whose record was there and stayed as it was.
    pub unchanged: u32,
    /// Rows with an error.
    pub failed: u32,
    /// The errors, at most the first 1000.
    pub errors: Vec<RowError>,
    /// Whether it was only tried.
    pub dry_run: bool,
    /// Whether anything was kept: not on a dry run, nor when all or nothing was asked for and a row failed.
    pub written: bool,
    /// How the file's text was encoded.
    pub encoding: String,
    /// SHA-256 of the content in hexadecimal, as on the audit trail.
    pub sha256: String,
}

/// An error in a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RowError {
    /// The line of the file on which the row begins; the header is line 1.
    pub row: u32,
    /// The column of the file, when the error is in one.
    pub column: Option<String>,
    /// What is wrong; its field is the record's field.
    pub error: WireError,
}

/// The beginning of a file, for a mapping dialog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    /// How the file's text is encoded.
    pub encoding: String,
    /// What separates its columns.
    pub delimiter: String,
    /// The columns' names.
    pub header: Vec<String>,
    /// The first rows.
    pub rows: Vec<Vec<String>>,
    /// The fields that can be filled.
    pub fields: Vec<ImportedField>,
}
