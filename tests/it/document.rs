//! `revledger document`: PDF and UBL from the command line and over HTTP.

use serde_json::json;

use crate::daemon::Daemon;
use crate::harness::{BOOK, Ledger};

/// An exempt line of 40.00, one of 100.00 at 19 % and half of that one credited.
fn book() -> String {
    let seller = json!({"name": "Muster Werke GmbH", "tax_id": "DE123456789",
        "address": {"street": "Hauptstraße 1", "city": "Berlin", "postal_code": "10115",
                    "country": "DE"}});
    let commands = [
        json!({"command": "OpenBook", "data": {"currency": "EUR", "seller": seller}}),
        json!({"command": "DefineTaxRate", "data": {"tax_code": "EX", "rate": "0",
            "from": "2026-01-01", "category": "E", "exemption_reason": "Education"}}),
        json!({"command": "RegisterCustomer", "data": {"customer": "C-1", "name": "Exemple SARL",
            "country": "FR", "locale": "de-DE"}}),
        json!({"command": "IssueInvoice", "data": {"invoice": "INV-1", "customer": "C-1",
            "currency": "EUR", "lines": [
                {"description": "Course", "amount": "40.00", "tax_code": "EX"},
                {"description": "Seats", "quantity": "2", "unit_price": "50.00",
                 "tax_rate": "19"}]}}),
        json!({"command": "IssueCredit", "data": {"credit": "CR-1", "customer": "C-1",
            "invoice": "INV-1", "currency": "EUR", "apply": "account",
            "lines": [{"invoice_line": "2", "amount": "50.00"}]}}),
    ];
    let mut text = String::new();
    for (number, mut command) in commands.into_iter().enumerate() {
        command["id"] = json!(format!("c{number}"));
        command["effective"] = json!("2026-01-31");
        text.push_str(&format!("{command}\n"));
    }
    text
}

#[test]
fn an_invoice_and_a_credit_as_ubl_and_pdf() {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-"], &book());
    let invoice = ledger.expect(0, &["document", "INV-1", "--format", "ubl"], "").out;
    // 40.00 and 100.00 with 19.00 of tax.
    for part in [">380<", ">Education<", ">159.00<", ">140.00<", ">19.00<"] {
        assert!(invoice.contains(part), "{part} in {invoice}");
    }
    let credit = ledger.expect(0, &["document", "CR-1", "--format", "ubl"], "").out;
    for part in [">381<", ">INV-1<", ">59.50<", ">9.50<"] {
        assert!(credit.contains(part), "{part} in {credit}");
    }
    let file = ledger.path().join("out.pdf");
    let arguments = ["document", "INV-1", "--output", file.to_str().unwrap()];
    ledger.expect(0, &arguments, "");
    let first = std::fs::read(&file).unwrap();
    assert!(first.starts_with(b"%PDF-"));
    ledger.expect(0, &arguments, "");
    assert_eq!(std::fs::read(&file).unwrap(), first, "the same bytes");
}

#[test]
fn what_cannot_be_printed_has_a_code() {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-"], BOOK);
    let refused = |code, arguments: &[&str], expected: &str| {
        let run = ledger.expect(code, arguments, "");
        assert!(run.err.contains(&format!("error[{expected}]")), "{}", run.err);
    };
    refused(1, &["document", "INV-1"], "document.seller_missing");
    refused(1, &["document", "NONE-1"], "document.unknown");
    refused(2, &["document", "INV-1", "--format", "csv"], "document.format");
    refused(2, &["report", "revenue", "--format", "pdf"], "document.format");
}

#[test]
fn http_answers_with_the_bytes_of_the_command_line() {
    let ledger = Ledger::new();
    let mut daemon = Daemon::start(&ledger);
    assert_eq!(daemon.commands(&book()).status, 200);
    let answer = daemon.get("/v1/books/main/documents/INV-1.xml?language=de");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let missing = daemon.get("/v1/books/main/documents/INV-9.pdf");
    assert_eq!(
        (missing.status, &missing.json()["error"]["code"]),
        (404, &"document.unknown".into())
    );
    let wrong = daemon.get("/v1/books/main/documents/INV-1.doc");
    assert_eq!((wrong.status, &wrong.json()["error"]["code"]), (422, &"document.format".into()));
    daemon.kill();
    let told = ledger.expect(0, &["document", "INV-1", "--format", "ubl"], "").out;
    assert_eq!(answer.body, told);
}

#[test]
fn a_category_that_does_not_fit_its_rate_is_refused() {
    let ledger = Ledger::new();
    let open =
        r#"{"id":"o","command":"OpenBook","effective":"2026-01-01","data":{"currency":"EUR"}}"#;
    ledger.expect(0, &["apply", "-"], open);
    let wrong = [
        ("s", r#""rate":"0","category":"S""#, "data.category"),
        ("z", r#""rate":"7","category":"Z""#, "data.category"),
        ("e", r#""rate":"0","category":"E""#, "data.exemption_reason"),
        ("r", r#""rate":"0","exemption_reason":"why""#, "data.exemption_reason"),
        ("y", r#""rate":"0","category":"Z","exemption_reason":"why""#, "data.exemption_reason"),
    ];
    for (id, fields, field) in wrong {
        let command = format!(
            r#"{{"id":"{id}","command":"DefineTaxRate","effective":"2026-01-01","data":{{"tax_code":"T","from":"2026-01-01",{fields}}}}}"#
        );
        let reply = &ledger.expect(1, &["apply", "-"], &command).lines()[0];
        assert_eq!(reply["error"]["code"], "tax.invalid", "{reply}");
        assert_eq!(reply["error"]["field"], field, "{reply}");
    }
}
