//! Who sells, as a book is opened with it: texts that can be printed, and a country that could be one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::command::Command;
use ledger_core::content_hash::ContentHash;
use ledger_core::decide::decide;
use ledger_core::rejection::Rejection;
use ledger_core::state::Ledger;
use serde_json::{Value, json};

fn open(seller: &Value) -> Result<(), Rejection> {
    let data = json!({"command": "OpenBook", "data": {"currency": "USD", "seller": seller}});
    let command = Command {
        id: "c".parse().unwrap(),
        effective: "2026-01-01".parse().unwrap(),
        reason: None,
        correlation_id: "c".parse().unwrap(),
        actor: "a".to_owned(),
        content_hash: ContentHash::default(),
        data: serde_json::from_value(data).unwrap(),
    };
    decide(&"b".parse().unwrap(), &Ledger::default(), &command).map(|_| ())
}

#[test]
fn a_seller_can_be_printed() {
    let with = |country: &str| json!({"name": "N", "address": {"country": country}});
    assert_eq!(open(&json!({"name": "N"})), Ok(()));
    assert_eq!(open(&with("DE")), Ok(()));
    for (seller, field) in [
        (with("de"), "data.seller.address.country"),
        (with("D"), "data.seller.address.country"),
        (with("DEU"), "data.seller.address.country"),
        (with("D1"), "data.seller.address.country"),
        (json!({"name": " "}), "data.seller.name"),
        (json!({"name": "a\u{7}"}), "data.seller.name"),
        (json!({"name": "N", "iban": "a\u{7}"}), "data.seller.iban"),
        (
            json!({"name": "N", "address": {"country": "DE", "city": "a\u{7}"}}),
            "data.seller.address.city",
        ),
    ] {
        let refused = open(&seller).unwrap_err();
        assert_eq!(
            (refused.code.as_str(), refused.field.as_deref()),
            ("text.invalid", Some(field))
        );
    }
}
