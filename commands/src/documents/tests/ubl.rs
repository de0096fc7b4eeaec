//! UBL: what is written is read back, and no fatal rule of EN 16931 is broken.

use en16931::profiles::EN16931;
use ledger_core::money::Amount;
use serde_json::json;

use super::book;
use crate::documents::model::Document;
use crate::documents::words::Language;
use crate::documents::{DocumentFormat, render};

fn written(document: &Document) -> (String, en16931::Invoice) {
    let bytes = render(document, DocumentFormat::Ubl, Language::English).unwrap();
    let read = en16931_formats::read(&bytes).unwrap();
    let report = EN16931.validate(&read.invoice);
    let fatal: Vec<String> = report.fatal().map(ToString::to_string).collect();
    assert_eq!(fatal, Vec::<String>::new());
    assert_eq!(read.entries, [], "nothing of the document was lost or is unknown");
    (String::from_utf8(bytes).unwrap(), read.invoice)
}

fn of(invoice: &ledger_core::event::invoice::InvoiceIssued) -> Document {
    Document::of_invoice(&book::book(), &book::customer(), invoice, Amount::ZERO).unwrap()
}

#[test]
fn an_invoice_of_two_rates_and_a_discount_is_valid() {
    let (text, invoice) = written(&of(&book::two_rates()));
    for part in
        ["urn:cen.eu:en16931:2017", ">380<", ">INV-7<", ">1410.10<", ">DE02120300000000202051<"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let breakdown: Vec<(String, String)> = invoice
        .vat_breakdown
        .iter()
        .map(|one| (one.taxable_amount.to_string(), one.tax_amount.to_string()))
        .collect();
    let pair = |net: &str, tax: &str| (net.to_owned(), tax.to_owned());
    assert_eq!(breakdown, [pair("50.00", "3.50"), pair("1140.00", "216.60")]);
    assert_eq!(invoice.lines[0].price.net_price.to_string(), "100");
    assert_eq!(invoice.lines[0].allowances[0].amount.to_string(), "60.00");
}

#[test]
fn a_credit_note_names_the_invoice_that_it_credits() {
    let day = "2026-02-10".parse().unwrap();
    let invoice = book::two_rates();
    let document =
        Document::of_credit(&book::book(), &book::customer(), &book::credit(), day, Some(&invoice));
    let (text, read) = written(&document.unwrap());
    assert!(text.contains("<CreditNote") && text.contains(">381<"), "{text}");
    assert_eq!(read.preceding_invoices[0].reference.as_str(), "INV-7");
    assert_eq!(read.totals.due.to_string(), "119.00");
}

#[test]
fn zero_rated_exempt_and_reverse_charge_lines_say_why() {
    let exempt = json!({"tax_rate": "0", "tax_treatment":
        {"category": "E", "exemption_reason": "Education, article 132"}});
    let reversed = json!({"tax_rate": "0", "tax_treatment": {"category": "AE"}});
    let lines = [
        book::line(1, "10.00", "0.00", json!({"tax_rate": "0"})),
        book::line(2, "20.00", "0.00", exempt),
        book::line(3, "30.00", "0.00", reversed),
    ];
    let (_, read) = written(&of(&book::invoice(&lines, "60.00", "0.00", "60.00")));
    let groups: Vec<(&str, Option<&str>)> = read
        .vat_breakdown
        .iter()
        .map(|one| (one.category.as_str(), one.exemption_reason.as_deref()))
        .collect();
    let reasons =
        [("Z", None), ("E", Some("Education, article 132")), ("AE", Some("Reverse charge"))];
    assert_eq!(groups, reasons);
}

#[test]
fn a_price_that_does_not_divide_and_a_line_below_zero_stay_exact() {
    let lines = [
        book::line(1, "100.00", "19.00", json!({"quantity": "3", "tax_rate": "19"})),
        book::line(2, "-10.00", "-1.90", json!({"quantity": "1", "tax_rate": "19"})),
    ];
    let (_, read) = written(&of(&book::invoice(&lines, "90.00", "17.10", "107.10")));
    let price = &read.lines[0].price;
    assert_eq!(price.net_price.to_string(), "100");
    assert_eq!(price.base_quantity.map(|one| one.to_string()).as_deref(), Some("3"));
    assert_eq!(read.lines[1].quantity.to_string(), "-1");
    assert_eq!(read.lines[1].price.net_price.to_string(), "10");
}

/// Three lines of 0.10 at 19 %: 0.30 × 19 % = 0.057, so 0.06; each line alone would be 0.02.
#[test]
fn tax_that_is_rounded_once_needs_no_rounding_in_the_document() {
    let shares = ["0.02", "0.02", "0.02"];
    let lines: Vec<_> = shares
        .iter()
        .zip(1..)
        .map(|(tax, number)| book::line(number, "0.10", tax, json!({"tax_rate": "19"})))
        .collect();
    let (text, read) = written(&of(&book::invoice(&lines, "0.30", "0.06", "0.36")));
    assert_eq!(read.vat_breakdown.len(), 1);
    assert_eq!(read.vat_breakdown[0].tax_amount.to_string(), "0.06");
    assert!(!text.contains("PayableRoundingAmount"));
}

#[test]
fn what_is_missing_is_named_by_its_term() {
    let mut document = of(&book::two_rates());
    document.buyer.country = None;
    let refused = render(&document, DocumentFormat::Ubl, Language::English).unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.field.as_deref()),
        ("document.incomplete", Some("BT-55"))
    );
    assert!(refused.message.contains("C-1"), "{}", refused.message);

    let mut document = of(&book::two_rates());
    document.seller.tax_id = None;
    let refused = render(&document, DocumentFormat::Ubl, Language::English).unwrap_err();
    assert_eq!(refused.field.as_deref(), Some("BT-31"));

    let untaxed = [book::line(1, "5.00", "0.00", json!({}))];
    let document = of(&book::invoice(&untaxed, "5.00", "0.00", "5.00"));
    let refused = render(&document, DocumentFormat::Ubl, Language::English).unwrap_err();
    assert_eq!(refused.field.as_deref(), Some("BT-151"));
}
