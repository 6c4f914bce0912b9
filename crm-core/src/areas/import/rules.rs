//! Rules of reading files: pure functions.

use chrono::NaiveDate;
use chrono::format::{Item, Parsed, StrftimeItems};
use encoding_rs::{DecoderResult, Encoding, GB18030, UTF_8};

use super::model::{ColumnMapping, FieldInfo, TextEncoding};
use crate::kernel::date::Date;
use crate::kernel::error::{self, Error, Result};
use crate::store::record::{Coded, Tags};

crate::codes! {
    /// The file has no column of this name.
    COLUMN_UNKNOWN = 1850, Invalid, "The file has no column {column}. Columns: {known}.", "文件中没有名为 {column} 的列。已有列:{known}。";
    /// Two columns have the name that a mapping uses.
    COLUMN_AMBIGUOUS = 1851, Invalid, "The file has more than one column {column}.", "文件中有多个名为 {column} 的列。";
    /// A field is mapped twice.
    FIELD_MAPPED_TWICE = 1852, Invalid, "The field {field} is mapped twice.", "字段 {field} 被重复映射。";
    /// A row has another number of cells than the header.
    ROW_LENGTH = 1853, Invalid, "The row has {found} cells, the header has {expected}.", "该行有 {found} 个单元格,表头有 {expected} 个。";
    /// A key occurs twice in the file.
    KEY_REPEATED = 1854, Conflict, "The key {value} occurred in an earlier row of this file.", "键值 {value} 在本文件前面的行中已出现。";
    /// A value names nothing that is known.
    NAME_UNKNOWN = 1855, NotFound, "{value} is not a known {kind}.", "找不到{kind}:{value}。";
    /// A value names several records.
    NAME_AMBIGUOUS = 1856, Conflict, "{value} names more than one {kind}; use its key or id.", "名称 {value} 对应多个{kind},请改用外部编码或标识。";
    /// A date format is wrong.
    DATE_FORMAT_WRONG = 1857, Invalid, "{value} is not a date format such as %m/%d/%Y.", "{value} 不是有效的日期格式,例如 %m/%d/%Y。";
    /// The file was read, and everything undone.
    NOTHING_WRITTEN = 1858, State, "Nothing was written.", "未写入任何数据。";
}

/// The text of a file and the name of its encoding. A byte-order mark is dropped.
///
/// ```
/// use crm_core::areas::import::{TextEncoding, rules::decode};
/// let gbk = vec![0xD6, 0xD0, 0xCE, 0xC4];
/// assert_eq!(decode(gbk, TextEncoding::Auto)?, ("中文".to_owned(), "gb18030"));
/// # Ok::<(), crm_core::kernel::error::Error>(())
/// ```
///
/// # Errors
/// `INVALID_TEXT` with the detail `row`: the line of the first byte that does not belong.
pub fn decode(bytes: Vec<u8>, encoding: TextEncoding) -> Result<(String, &'static str)> {
    let marked = Encoding::for_bom(&bytes);
    let (encoding, skip) = match (encoding, marked) {
        (TextEncoding::Auto, Some((marked, length))) => (marked, length),
        (TextEncoding::Utf8, Some((marked, length))) if marked == UTF_8 => (UTF_8, length),
        (TextEncoding::Utf8, _) => (UTF_8, 0),
        (TextEncoding::Gbk | TextEncoding::Gb18030, _) => (GB18030, 0),
        (TextEncoding::Auto, None) if std::str::from_utf8(&bytes).is_ok() => (UTF_8, 0),
        (TextEncoding::Auto, None) => (GB18030, 0),
    };
    let name = if encoding == UTF_8 {
        "utf8"
    } else if encoding == GB18030 {
        "gb18030"
    } else if encoding == encoding_rs::UTF_16LE {
        "utf16le"
    } else {
        "utf16be"
    };
    let invalid = |before: &str| {
        let row = before.matches('\n').count() + 1;
        Error::new(&error::INVALID_TEXT).with("encoding", name).with("row", row)
    };
    if encoding == UTF_8 && skip == 0 {
        return match String::from_utf8(bytes) {
            Ok(text) => Ok((text, name)),
            Err(broken) => {
                let valid = broken.utf8_error().valid_up_to();
                let bytes = broken.as_bytes();
                Err(invalid(std::str::from_utf8(&bytes[..valid]).unwrap_or_default()))
            }
        };
    }
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let source = &bytes[skip..];
    let length = decoder
        .max_utf8_buffer_length_without_replacement(source.len())
        .ok_or_else(|| Error::new(&error::OVERFLOW))?;
    let mut text = String::with_capacity(length);
    match decoder.decode_to_string_without_replacement(source, &mut text, true) {
        (DecoderResult::InputEmpty, _) => Ok((text, name)),
        _ => Err(invalid(&text)),
    }
}

/// Separators that files are known to use.
const DELIMITERS: &[u8] = b",;\t|";

/// What separates the columns of a text: of comma, semicolon, tab and bar the one that its first line has most of,
/// quoted parts left out; comma when there is none.
pub fn find_delimiter(text: &str) -> u8 {
    let mut counts = [0_usize; 4];
    let mut quoted = false;
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => {
                if let Some(at) = DELIMITERS.iter().position(|known| *known == byte) {
                    counts[at] += 1;
                }
            }
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    counts.iter().position(|count| *count == most).map_or(b',', |at| DELIMITERS[at])
}

/// The separator as asked for: one ASCII character, but neither quote nor line break.
///
/// # Errors
/// `NOT_ALLOWED`.
pub fn check_delimiter(delimiter: &str) -> Result<u8> {
    match *delimiter.as_bytes() {
        [byte] if byte.is_ascii() && !b"\"\r\n".contains(&byte) => Ok(byte),
        _ => Err(Error::new(&error::NOT_ALLOWED)
            .with("value", delimiter)
            .with("allowed", "one ASCII character such as , ; | or tab")),
    }
}

/// How one field is filled, resolved against the header.
#[derive(Debug)]
pub struct PlannedField {
    /// The field.
    pub info: &'static FieldInfo,
    /// The column's position and name.
    pub column: Option<(usize, String)>,
    values: std::collections::BTreeMap<String, String>,
    date_items: Option<Vec<Item<'static>>>,
    default: Option<String>,
    keep_spaces: bool,
}

/// The position of the column with this name.
///
/// # Errors
/// `COLUMN_UNKNOWN`, `COLUMN_AMBIGUOUS`.
pub fn find_column(header: &[String], column: &str) -> Result<usize> {
    let mut found = (0..).zip(header).filter(|(_, name)| name.as_str() == column);
    match (found.next(), found.next()) {
        (Some((at, _)), None) => Ok(at),
        (None, _) => Err(Error::new(&COLUMN_UNKNOWN).with("column", column).with("known", header.join(", "))),
        (Some(_), Some(_)) => Err(Error::new(&COLUMN_AMBIGUOUS).with("column", column)),
    }
}

/// Resolves a mapping against the fields there are and the file's header, before any row is read.
///
/// # Errors
/// With the place in the mapping: `UNKNOWN_FIELD`, `FIELD_MAPPED_TWICE`, `COLUMN_UNKNOWN`, `COLUMN_AMBIGUOUS`,
/// `DATE_FORMAT_WRONG`, `NOT_APPLICABLE` for a date format at what is no date or a mapping with neither column nor
/// default; `MISSING_FIELD` when a required field is not mapped.
pub fn plan(
    fields: &'static [FieldInfo],
    mapping: &[ColumnMapping],
    header: &[String],
) -> Result<Vec<PlannedField>> {
    let mut planned: Vec<PlannedField> = Vec::with_capacity(mapping.len());
    for (index, entry) in mapping.iter().enumerate() {
        let field = plan_field(fields, entry, header, &planned);
        planned.push(field.map_err(|error| error.within(format!("[{index}]")))?);
    }
    let missing = |field: &&FieldInfo| field.required && planned.iter().all(|p| p.info.name != field.name);
    match fields.iter().find(missing) {
        Some(field) => Err(Error::new(&error::MISSING_FIELD).with("name", field.name)),
        None => Ok(planned),
    }
}

fn plan_field(
    fields: &'static [FieldInfo],
    entry: &ColumnMapping,
    header: &[String],
    before: &[PlannedField],
) -> Result<PlannedField> {
    let info = fields.iter().find(|field| field.name == entry.field).ok_or_else(|| {
        let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
        Error::new(&error::UNKNOWN_FIELD)
            .at("field")
            .with("name", &entry.field)
            .with("known", known.join(", "))
    })?;
    if before.iter().any(|planned| planned.info.name == info.name) {
        return Err(Error::new(&FIELD_MAPPED_TWICE).at("field").with("field", info.name));
    }
    let refused = |field: &str, reason: &str, zh: &str| {
        Error::new(&error::NOT_APPLICABLE).at(field).with_both("reason", reason, zh)
    };
    if entry.column.is_none() && entry.default.is_none() {
        return Err(refused("column", "give a column or a default", "请指定列或默认值"));
    }
    let column = match &entry.column {
        Some(name) => Some((find_column(header, name).map_err(|error| error.at("column"))?, name.clone())),
        None => None,
    };
    let date_items = match &entry.date_format {
        Some(_) if !info.date => {
            return Err(refused("date_format", "the field is not a date", "该字段不是日期"));
        }
        Some(format) => Some(date_items(format).map_err(|error| error.at("date_format"))?),
        None => None,
    };
    Ok(PlannedField {
        info,
        column,
        values: entry.values.clone(),
        date_items,
        default: entry.default.clone().filter(|text| !text.is_empty()),
        keep_spaces: entry.keep_spaces,
    })
}

/// A date format taken apart once for all rows.
fn date_items(format: &str) -> Result<Vec<Item<'static>>> {
    let wrong = || Error::new(&DATE_FORMAT_WRONG).with("value", format);
    let items = StrftimeItems::new(format).parse_to_owned().map_err(|_| wrong())?;
    // A format that names no full date would fail on every row.
    let sample = NaiveDate::from_ymd_opt(2026, 3, 9).ok_or_else(wrong)?;
    let mut shown = String::new();
    std::fmt::Write::write_fmt(&mut shown, format_args!("{}", sample.format_with_items(items.iter())))
        .map_err(|_| wrong())?;
    if parse_by(&items, &shown) == Some(sample) { Ok(items) } else { Err(wrong()) }
}

fn parse_by(items: &[Item<'_>], text: &str) -> Option<NaiveDate> {
    let mut parsed = Parsed::new();
    chrono::format::parse(&mut parsed, text, items.iter()).ok()?;
    parsed.to_naive_date().ok()
}

impl PlannedField {
    /// The value that a cell stands for: spaces dropped, translated, an empty one replaced by the default, and a date
    /// brought into the form YYYY-MM-DD.
    ///
    /// # Errors
    /// `NOT_A_DATE`, `DATE_OUT_OF_RANGE`, at the field.
    pub fn value(&self, cell: Option<&str>) -> Result<Option<String>> {
        let cell = cell.unwrap_or_default();
        let cell = if self.keep_spaces { cell } else { cell.trim() };
        let text = self.values.get(cell).map_or(cell, String::as_str);
        if text.is_empty() {
            return Ok(self.default.clone());
        }
        let Some(items) = &self.date_items else { return Ok(Some(text.to_owned())) };
        let date = parse_by(items, text)
            .ok_or_else(|| Error::new(&error::NOT_A_DATE).at(self.info.name).with("value", text))?;
        Ok(Some(Date::new(date).map_err(|error| error.at(self.info.name))?.to_string()))
    }
}

/// The value of an enumeration by its name or its Chinese label.
///
/// # Errors
/// `NOT_ALLOWED`.
pub fn coded<T: Coded>(text: &str) -> Result<T> {
    let value = T::INFO.values.iter().find(|value| value.name == text || value.zh == text);
    value
        .and_then(|value| T::from_code(value.code))
        .ok_or_else(|| Error::new(&error::NOT_ALLOWED).with("value", text).with("allowed", T::INFO.names()))
}

/// Yes or no: `true`, `yes`, `1`, `是`, and their opposites.
///
/// # Errors
/// `NOT_ALLOWED`.
pub fn yes_or_no(text: &str) -> Result<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" | "是" => Ok(true),
        "false" | "no" | "n" | "0" | "否" => Ok(false),
        _ => Err(Error::new(&error::NOT_ALLOWED)
            .with("value", text)
            .with("allowed", "true, false, yes, no, 1, 0, 是, 否")),
    }
}

/// Labels in one cell, separated by `;`, `；`, `、` or `|`.
pub fn labels(text: &str) -> Tags {
    let parts = text.split([';', '；', '、', '|']).map(str::trim).filter(|part| !part.is_empty());
    Tags::from(parts.map(str::to_owned).collect::<Vec<_>>())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::areas::party::CustomerLevel;
    use proptest::prelude::*;

    #[test]
    fn encodings() {
        use TextEncoding::{Auto, Gb18030, Gbk, Utf8};
        let utf8 = "名称,级别\n中,A\n".as_bytes();
        let (gb, ..) = GB18030.encode("名称,级别\n中,A\n");
        let marked = [b"\xEF\xBB\xBF", utf8].concat();
        let wide: Vec<u8> = "\u{feff}名称,级别\n中,A\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let good: [(&[u8], TextEncoding, &str); 9] = [
            (utf8, Auto, "utf8"),
            (utf8, Utf8, "utf8"),
            (&marked, Auto, "utf8"),
            (&marked, Utf8, "utf8"),
            (&gb, Auto, "gb18030"),
            (&gb, Gbk, "gb18030"),
            (&gb, Gb18030, "gb18030"),
            (&wide, Auto, "utf16le"),
            (b"", Auto, "utf8"),
        ];
        for (bytes, encoding, name) in good {
            let (text, found) = decode(bytes.to_vec(), encoding).unwrap();
            assert_eq!(found, name);
            assert_eq!(text, if bytes.is_empty() { "" } else { "名称,级别\n中,A\n" }, "{encoding}");
        }
        let bad: [(&[u8], TextEncoding, &str); 5] = [
            (b"a\nb\n\xFF", Utf8, "3"),
            (b"\xEF\xBB\xBFa\n\xFF", Auto, "2"),
            (b"a\n\xD6\xD0\n\xFF\xFF\n", Auto, "3"),
            (b"\xFF", Gbk, "1"),
            (&gb, Utf8, "1"),
        ];
        for (bytes, encoding, row) in bad {
            let error = decode(bytes.to_vec(), encoding).unwrap_err();
            assert_eq!(error.code(), &error::INVALID_TEXT);
            assert!(error.details().any(|detail| detail == ("row", row)), "{encoding}: {error:?}");
        }
    }

    #[test]
    fn delimiters() {
        let found = [
            ("a,b,c\n", b','),
            ("a;b;c\n1,2,3,4,5\n", b';'),
            ("a\tb", b'\t'),
            ("a|b", b'|'),
            ("\"a,b,c,d\";e;f\n", b';'),
            ("a", b','),
            ("", b','),
        ];
        for (text, delimiter) in found {
            assert_eq!(find_delimiter(text), delimiter, "{text:?}");
        }
        for (text, good) in
            [(",", true), ("\t", true), ("", false), (",,", false), ("，", false), ("\"", false)]
        {
            assert_eq!(check_delimiter(text).is_ok(), good, "{text:?}");
        }
    }

    const FIELDS: &[FieldInfo] = &[
        FieldInfo { name: "name", zh: "名称", required: true, date: false },
        FieldInfo { name: "level", zh: "级别", required: false, date: false },
        FieldInfo { name: "day", zh: "日期", required: false, date: true },
    ];

    fn header() -> Vec<String> {
        ["N", "L", "D", "X", "X"].map(str::to_owned).to_vec()
    }

    fn entry(column: &str, field: &str) -> ColumnMapping {
        ColumnMapping { column: Some(column.to_owned()), field: field.to_owned(), ..ColumnMapping::default() }
    }

    #[test]
    fn mappings() {
        let name = || entry("N", "name");
        let form = |format: &str| ColumnMapping { date_format: Some(format.to_owned()), ..entry("D", "day") };
        assert_eq!(plan(FIELDS, &[name(), form("%m/%d/%Y")], &header()).unwrap().len(), 2);
        let constant = ColumnMapping { column: None, default: Some("A".to_owned()), ..entry("", "level") };
        assert!(plan(FIELDS, &[name(), constant], &header()).is_ok());
        let bad: [(Vec<ColumnMapping>, crate::kernel::error::Code, Option<&str>); 10] = [
            (vec![], &error::MISSING_FIELD, None),
            (vec![entry("L", "level")], &error::MISSING_FIELD, None),
            (vec![name(), entry("L", "colour")], &error::UNKNOWN_FIELD, Some("[1].field")),
            (vec![name(), entry("L", "name")], &FIELD_MAPPED_TWICE, Some("[1].field")),
            (vec![entry("n", "name")], &COLUMN_UNKNOWN, Some("[0].column")),
            (vec![entry("X", "name")], &COLUMN_AMBIGUOUS, Some("[0].column")),
            (vec![ColumnMapping { column: None, ..name() }], &error::NOT_APPLICABLE, Some("[0].column")),
            (
                vec![ColumnMapping { date_format: Some("%Y".to_owned()), ..name() }],
                &error::NOT_APPLICABLE,
                Some("[0].date_format"),
            ),
            (vec![name(), form("%m/%Y")], &DATE_FORMAT_WRONG, Some("[1].date_format")),
            (vec![name(), form("%Q")], &DATE_FORMAT_WRONG, Some("[1].date_format")),
        ];
        for (mapping, code, field) in bad {
            let error = plan(FIELDS, &mapping, &header()).unwrap_err();
            assert_eq!((error.code(), error.field()), (code, field), "{error}");
        }
    }

    #[test]
    fn cells() {
        let mut day = entry("D", "day");
        day.date_format = Some("%m/%d/%Y".to_owned());
        day.default = Some("2017-01-01".to_owned());
        let mut level = entry("L", "level");
        level.values = [("重要", "A"), ("无", "")].map(|(from, to)| (from.to_owned(), to.to_owned())).into();
        let mut name = entry("N", "name");
        name.keep_spaces = true;
        let plan = plan(FIELDS, &[name, level, day], &header()).unwrap();
        let cases = [
            (0, " a ", Ok(Some(" a "))),
            (0, "", Ok(None)),
            (1, " 重要 ", Ok(Some("A"))),
            (1, "无", Ok(None)),
            (1, "B", Ok(Some("B"))),
            (2, "3/1/2017", Ok(Some("2017-03-01"))),
            (2, " 12/31/2017", Ok(Some("2017-12-31"))),
            (2, "", Ok(Some("2017-01-01"))),
            (2, "13/1/2017", Err(&error::NOT_A_DATE)),
            (2, "2/29/2017", Err(&error::NOT_A_DATE)),
            (2, "2017-03-01", Err(&error::NOT_A_DATE)),
            (2, "3/1/0017", Err(&error::DATE_OUT_OF_RANGE)),
        ];
        for (field, cell, expected) in cases {
            let value = plan[field].value(Some(cell));
            let shown = value.as_ref().map(Option::as_deref).map_err(Error::code);
            assert_eq!(shown, expected, "{cell:?}");
        }
        assert_eq!(plan[0].value(None), Ok(None));
    }

    #[test]
    fn names_yes_and_labels() {
        for (text, level) in
            [("A", Some(CustomerLevel::A)), ("B级", Some(CustomerLevel::B)), ("E", None), ("", None)]
        {
            assert_eq!(coded::<CustomerLevel>(text).ok(), level, "{text}");
        }
        for (text, value) in
            [("是", Some(true)), ("TRUE", Some(true)), ("0", Some(false)), ("否", Some(false)), ("?", None)]
        {
            assert_eq!(yes_or_no(text).ok(), value, "{text}");
        }
        assert_eq!(labels(" 展会；VIP;;展会、老客户 ").labels(), ["展会", "VIP", "老客户"]);
    }

    proptest! {
        #[test]
        fn what_gb18030_writes_it_reads(text in "\\PC{0,40}") {
            let (bytes, _, lost) = GB18030.encode(&text);
            prop_assume!(!lost);
            prop_assert_eq!(decode(bytes.into_owned(), TextEncoding::Gb18030).unwrap().0, text);
        }

        #[test]
        fn dates_of_a_form_come_back(days in 0_i64..300_000, form in prop::sample::select(vec!["%m/%d/%Y", "%d.%m.%Y", "%Y年%m月%d日", "%Y%m%d"])) {
            let date = crate::kernel::date::add_days("1950-01-01".parse().unwrap(), days).unwrap();
            let mut day = entry("D", "day");
            day.date_format = Some(form.to_owned());
            let plan = plan(FIELDS, &[entry("N", "name"), day], &header()).unwrap();
            let cell = date.format(form).to_string();
            prop_assert_eq!(plan[1].value(Some(&cell)).unwrap(), Some(date.to_string()));
        }
    }
}
