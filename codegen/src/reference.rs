//! To come.

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Simplified Chinese.
    Chinese,
}

/// To come.
///
/// # Errors
/// To come.
pub fn reference(_language: Language) -> crate::Result<String> {
    Ok("To come.\n".to_owned())
}
