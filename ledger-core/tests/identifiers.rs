//! Names of callers as tokens of NATS subjects (contract, section 6): by hand.

use ledger_core::id::{Identifier, subject_token};

#[test]
fn every_byte_that_a_subject_gives_a_meaning_is_written_in_percent() {
    for (text, token) in [
        ("INV-2026_001", "INV-2026_001"),
        ("INV/2026.001", "INV%2F2026%2E001"),
        ("C/1 \u{fc}", "C%2F1%20%C3%BC"),
        ("a*b>c", "a%2Ab%3Ec"),
        ("100%", "100%25"),
    ] {
        assert_eq!(subject_token(text), token);
        assert_eq!(text.parse::<Identifier>().map(|id| id.token()), Ok(token.to_owned()));
    }
}

#[test]
fn an_identifier_has_1_to_128_bytes_and_no_control_characters() {
    let reads = |text: &str| text.parse::<Identifier>().is_ok();
    assert!(reads("x") && reads(&"x".repeat(128)) && reads(&"\u{fc}".repeat(64)));
    for text in ["", &"x".repeat(129), &"\u{fc}".repeat(65), "a\nb", "\u{7f}"] {
        assert!(!reads(text), "{text:?}");
    }
}
