//! Events of a small book, as the log holds them.

use ledger_core::event::book::BookOpened;
use ledger_core::event::credit::CreditIssued;
use ledger_core::event::customer::CustomerRegistered;
use ledger_core::event::invoice::InvoiceIssued;
use serde_json::{Value, json};

pub(super) fn book() -> BookOpened {
    serde_json::from_value(json!({
        "book": "main", "currency": "EUR", "time_zone": "Europe/Berlin", "fiscal_year_start": 1,
        "policies": {}, "accounts": {},
        "seller": {"name": "Muster Werke GmbH", "tax_id": "DE123456789",
                   "address": {"street": "Hauptstraße 1", "city": "Berlin",
                               "postal_code": "10115", "country": "DE"},
                   "email": "rechnung@muster.example", "iban": "DE02 1203 0000 0000 2020 51",
                   "bic": "BYLADEM1001", "registration": "HRB 1234"}
    }))
    .unwrap()
}

pub(super) fn customer() -> CustomerRegistered {
    serde_json::from_value(json!({
        "customer": "C-1", "name": "Café Exemple SARL", "country": "FR", "tax_id": "FR83404833048",
        "address": "1 rue de la Paix\n75002 Paris", "email": "achats@exemple.example",
        "locale": "fr-FR"
    }))
    .unwrap()
}

/// A line; `more` overrides its fields.
pub(super) fn line(number: usize, net: &str, tax: &str, more: Value) -> Value {
    let mut line = json!({"line": number.to_string(), "description": format!("Service {number}"),
                          "net": net, "tax": tax});
    for (name, value) in more.as_object().unwrap() {
        line[name] = value.clone();
    }
    line
}

/// An invoice of these lines, whose sums are given by hand.
pub(super) fn invoice(lines: &[Value], net: &str, tax: &str, total: &str) -> InvoiceIssued {
    serde_json::from_value(json!({
        "invoice": "INV-7", "customer": "C-1", "currency": "EUR", "issued": "2026-01-31",
        "due": "2026-03-02", "net": net, "tax": tax, "total": total, "lines": lines, "policy": {}
    }))
    .unwrap()
}

/// Two rates and a discount: 12 × 100.00 - 60.00 = 1140.00, 19 % of it 216.60; 50.00 at 7 %, 3.50.
pub(super) fn two_rates() -> InvoiceIssued {
    let first = json!({"quantity": "12", "unit_price": "100.00", "discount": "60.00",
                       "tax_rate": "19", "service_start": "2026-02-01",
                       "service_end": "2027-01-31"});
    let second = json!({"tax_rate": "7.00"});
    let lines = [line(1, "1140.00", "216.60", first), line(2, "50.00", "3.50", second)];
    invoice(&lines, "1190.00", "220.10", "1410.10")
}

/// A credit of 100.00 of the first line of [`two_rates`]: 19.00 of tax.
pub(super) fn credit() -> CreditIssued {
    serde_json::from_value(json!({
        "credit": "CR-1", "customer": "C-1", "invoice": "INV-7", "currency": "EUR",
        "net": "100.00", "tax": "19.00", "total": "119.00", "revenue": "split_pro_rata",
        "reason": "late delivery", "policy": {},
        "lines": [{"invoice_line": "1", "net": "100.00", "tax": "19.00",
                   "contra_revenue": "0.00", "contract_balance": "100.00"}]
    }))
    .unwrap()
}
