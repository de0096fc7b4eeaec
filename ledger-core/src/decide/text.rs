//! Free texts: bounded, and without control characters.

use crate::limits::TEXT_BYTES_MAX;
use crate::rejection::{Code, Rejection};

/// Refuses a text that no report could show.
pub(super) fn check(field: &str, text: &str) -> Result<(), Rejection> {
    let is_control = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
    if text.len() > TEXT_BYTES_MAX || text.chars().any(is_control) {
        return Err(Rejection::at(
            Code::TextInvalid,
            field,
            format!("the text is longer than {TEXT_BYTES_MAX} bytes or has control characters"),
        ));
    }
    Ok(())
}

/// The same for a text that may be missing.
pub(super) fn check_optional(field: &str, text: Option<&String>) -> Result<(), Rejection> {
    text.map_or(Ok(()), |text| check(field, text))
}
