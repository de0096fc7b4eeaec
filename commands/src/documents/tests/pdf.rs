//! PDF: its text is read back by another program's parser.

use ledger_core::money::Amount;
use serde_json::json;

use super::book;
use crate::documents::model::Document;
use crate::documents::words::Language;
use crate::documents::{DocumentFormat, render};

fn of(invoice: &ledger_core::event::invoice::InvoiceIssued) -> Document {
    Document::of_invoice(&book::book(), &book::customer(), invoice, Amount::ZERO).unwrap()
}

fn pdf(document: &Document, language: Language) -> Vec<u8> {
    render(document, DocumentFormat::Pdf, language).unwrap()
}

/// The pages' texts with one plain space between words.
fn pages(document: &Document, language: Language) -> Vec<String> {
    let pages = pdf_extract::extract_text_from_mem_by_pages(&pdf(document, language)).unwrap();
    pages.iter().map(|page| page.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn each_language_says_it_in_its_own_words_and_numbers() {
    let document = of(&book::two_rates());
    let expected = [
        (Language::English, ["Invoice INV-7", "Amount due €1,410.10", "2026-03-02", "1,140.00"]),
        (Language::German, ["Rechnung INV-7", "Zu zahlen 1.410,10 €", "02.03.2026", "1.140,00"]),
        (Language::French, ["Facture INV-7", "Net à payer 1 410,10 €", "02/03/2026", "1 140,00"]),
        (Language::Spanish, ["Factura INV-7", "pagar 1.410,10 €", "02/03/2026", "1.140,00"]),
    ];
    for (language, parts) in expected {
        let text = pages(&document, language).join(" ");
        for part in parts {
            assert!(text.contains(part), "{part:?} in {text}");
        }
        for part in ["Muster Werke GmbH", "Hauptstraße 1", "Café Exemple SARL", "75002 Paris"] {
            assert!(text.contains(part), "{part:?} in {text}");
        }
    }
}

#[test]
fn the_same_document_has_the_same_bytes() {
    let document = of(&book::two_rates());
    let first = pdf(&document, Language::German);
    assert!(first.starts_with(b"%PDF-"));
    assert_eq!(first, pdf(&document, Language::German));
    assert!(first.len() < 100_000, "{} bytes: only the glyphs in use are embedded", first.len());
}

/// 300 lines of 10.00 at 19 %: 3000.00 and 570.00.
#[test]
fn three_hundred_lines_give_pages_with_the_head_on_each() {
    let more = json!({"quantity": "1", "unit_price": "10.00", "tax_rate": "19"});
    let lines: Vec<_> =
        (1..=300).map(|number| book::line(number, "10.00", "1.90", more.clone())).collect();
    let document = of(&book::invoice(&lines, "3000.00", "570.00", "3570.00"));
    let pages = pages(&document, Language::English);
    let count = pages.len();
    assert!((5..=9).contains(&count), "{count} pages");
    let with_lines = pages.iter().filter(|page| page.contains("Service "));
    assert!(with_lines.clone().count() >= 5);
    for page in with_lines {
        assert!(page.contains("Description Quantity Unit price Tax Net"), "{page}");
    }
    for (page, number) in pages.iter().zip(1..) {
        assert!(page.contains(&format!("Page {number} of {count}")), "{page}");
    }
    let text = pages.join(" ");
    for number in 1..=300 {
        assert!(text.contains(&format!("Service {number} ")), "line {number}");
    }
    assert!(text.contains("Total €3,570.00"), "{text}");
}

#[test]
fn a_credit_note_says_what_it_credits_and_why() {
    let day = "2026-02-10".parse().unwrap();
    let invoice = book::two_rates();
    let document =
        Document::of_credit(&book::book(), &book::customer(), &book::credit(), day, Some(&invoice));
    let text = pages(&document.unwrap(), Language::German).join(" ");
    for part in [
        "Gutschrift CR-1",
        "Gutgeschriebene Rechnung INV-7 (31.01.2026)",
        "Grund late delivery",
        "Gutgeschriebener Betrag 119,00 €",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn a_description_that_is_longer_than_the_column_is_wrapped_and_whole() {
    let long = format!("{}end", "abcdefghij".repeat(40));
    let lines = [book::line(1, "1.00", "0.00", json!({"description": long}))];
    let document = of(&book::invoice(&lines, "1.00", "0.00", "1.00"));
    let text: String = pages(&document, Language::English).concat().split(' ').collect();
    assert_eq!(text.matches("abcdefghij").count(), 40, "{text}");
    assert!(text.contains("1.00"));
}
