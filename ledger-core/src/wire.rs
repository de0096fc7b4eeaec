//! What our value types tell a deserializer, so that a refusal keeps its code through serde.

use crate::rejection::Rejection;

/// Marks the code inside the text of a deserializer's error.
const MARK: char = '\u{1}';

/// Carries a refusal through a deserializer, which knows only texts.
pub fn coded<E: serde::de::Error>(rejection: &Rejection) -> E {
    E::custom(format!("{MARK}{}{MARK}{}", rejection.code, rejection.message))
}

/// Finds the code and the message in the text of a deserializer's error.
pub fn uncoded(text: &str) -> Option<(&str, &str)> {
    let (_, coded) = text.split_once(MARK)?;
    coded.split_once(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_where_one_was_carried() {
        assert_eq!(uncoded("missing field `amount`"), None);
        let carried = format!("{MARK}amount.precision{MARK}three digits at line 1");
        assert_eq!(uncoded(&carried), Some(("amount.precision", "three digits at line 1")));
    }
}
