//! How a value type tells its own error through serde, which knows only texts.
//!
//! A type that refuses a JSON value writes its [`Error`] as `name: {details}`, for example
//! `not_a_decimal: {"value":"12a"}`; whoever decoded the request turns that text back into the same error with
//! [`read`] and adds the field's path. serde_json may append a position, which is ignored.

use std::collections::BTreeMap;
use std::fmt;

use serde::de;

use super::error::{self, Code, Error};

const DETAILS: [&str; 7] = ["value", "max", "min", "actual", "expected", "allowed", "reason"];

/// Longest piece of a caller's text that an error repeats, in characters.
const SHOWN_MAX: usize = 60;

/// `text` as an error may repeat it: cut after 60 characters.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `error` as a serde error.
pub(crate) fn refuse<E: de::Error>(error: &Error) -> E {
    let details: BTreeMap<&str, &str> = error.details().collect();
    let details = serde_json::to_string(&details).unwrap_or_default();
    E::custom(format_args!("{}: {details}", error.code().name()))
}

/// The error that a value type of the kernel put into a serde message, or `None` for any other message.
///
/// ```
/// use crm_core::kernel::{decimal::Amount, error, refusal};
/// let refused = serde_json::from_str::<Amount>("12.5").unwrap_err();
/// assert_eq!(refusal::read(&refused.to_string()).unwrap().code(), &error::NOT_A_DECIMAL);
/// ```
pub fn read(message: &str) -> Option<Error> {
    let (name, rest) = message.split_once(": ")?;
    let code: Code = error::ALL.iter().copied().find(|code| code.name() == name)?;
    let details =
        serde_json::Deserializer::from_str(rest).into_iter::<BTreeMap<String, String>>().next()?.ok()?;
    let known = DETAILS.iter().filter_map(|name| details.get(*name).map(|value| (*name, value)));
    Some(known.fold(Error::new(code), |error, (name, value)| error.with(name, value)))
}

/// Decodes a text with `parse`; a JSON number or boolean in its place is refused with `wrong` of what was written.
///
/// The visitor takes texts only. What serde then says of a number or a boolean ("invalid type: integer `5`, …") is
/// turned into our own error; errors of the JSON itself stay as they are.
pub(crate) fn from_text<'de, D, T>(
    deserializer: D,
    expecting: &'static str,
    parse: fn(&str) -> error::Result<T>,
    wrong: Code,
) -> Result<T, D::Error>
where
    D: de::Deserializer<'de>,
{
    deserializer.deserialize_str(Text { expecting, parse }).map_err(|refused| {
        let message = refused.to_string();
        let written = message
            .strip_prefix("invalid type: ")
            .and_then(|rest| rest.split_once('`'))
            .and_then(|(_, rest)| rest.split_once('`'));
        match written {
            Some((value, _)) => refuse(&Error::new(wrong).with("value", shown(value))),
            None => refused,
        }
    })
}

struct Text<T> {
    expecting: &'static str,
    parse: fn(&str) -> error::Result<T>,
}

impl<T> de::Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(|error| refuse(&error))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::kernel::decimal::Amount;

    #[test]
    fn an_error_survives_serde() {
        let refused = serde_json::from_str::<Vec<Amount>>(r#"["1", "1.23456"]"#).unwrap_err().to_string();
        let error = read(&refused).unwrap();
        assert_eq!(error.code(), &error::TOO_MANY_DECIMALS);
        assert_eq!(error.details().collect::<Vec<_>>(), [("max", "4"), ("value", "1.23456")]);
    }

    #[test]
    fn other_messages_are_left_alone() {
        for message in
            ["", "missing field `amount`", "nonsense: {}", "not_a_decimal: not json", "not_a_decimal"]
        {
            assert_eq!(read(message), None, "{message}");
        }
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(shown(&"零".repeat(61)).chars().count(), 61);
        assert_eq!(shown(&"零".repeat(60)), "零".repeat(60));
    }
}
