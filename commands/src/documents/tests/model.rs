//! The model, and how each language writes numbers.

use ledger_core::money::{Amount, Currency};

use super::book;
use crate::documents::format;
use crate::documents::model::Document;
use crate::documents::words::Language;

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

#[test]
fn an_invoice_has_its_parties_dates_breakdown_and_totals() {
    let invoice = book::two_rates();
    let document =
        Document::of_invoice(&book::book(), &book::customer(), &invoice, amount("10.10")).unwrap();
    assert_eq!(document.seller.name, "Muster Werke GmbH");
    assert_eq!(document.buyer.address, ["1 rue de la Paix", "75002 Paris"]);
    let service = document.service.unwrap();
    assert_eq!(
        (service.0.to_string(), service.1.to_string()),
        ("2026-02-01".into(), "2027-01-31".into())
    );
    let groups: Vec<(String, String, String)> = document
        .taxes
        .iter()
        .map(|one| (one.taxed.rate.unwrap().to_string(), one.net.to_string(), one.tax.to_string()))
        .collect();
    let group =
        |rate: &str, net: &str, tax: &str| (rate.to_owned(), net.to_owned(), tax.to_owned());
    assert_eq!(groups, [group("7", "50.00", "3.50"), group("19", "1140.00", "216.60")]);
    assert_eq!(document.totals.gross, amount("1410.10"));
    assert_eq!(document.totals.due, amount("1400.00"));
}

#[test]
fn a_credit_is_taxed_as_the_line_that_it_credits() {
    let (invoice, credit) = (book::two_rates(), book::credit());
    let day = "2026-02-10".parse().unwrap();
    let document =
        Document::of_credit(&book::book(), &book::customer(), &credit, day, Some(&invoice))
            .unwrap();
    assert_eq!(document.taxes.len(), 1);
    assert_eq!(document.taxes[0].taxed.rate, Some(amount("19")));
    assert_eq!(document.lines[0].description.as_deref(), Some("Service 1"));
    assert_eq!(document.credited.unwrap().0.as_str(), "INV-7");
    assert_eq!(document.totals.due, amount("119.00"));
}

#[test]
fn a_book_without_a_seller_says_how_to_name_one() {
    let mut book = book::book();
    book.seller = None;
    let refused = Document::of_invoice(&book, &book::customer(), &book::two_rates(), Amount::ZERO);
    let refused = refused.unwrap_err();
    assert_eq!(refused.code, "document.seller_missing");
    assert!(refused.message.contains("OpenBook"), "{}", refused.message);
}

#[test]
fn money_and_dates_are_written_as_each_language_does() {
    let (euro, yen) = (Currency::parse("EUR").unwrap(), Currency::parse("JPY").unwrap());
    let money = |text, currency, language| format::money(amount(text), currency, language);
    assert_eq!(money("1234.56", euro, Language::German), "1.234,56\u{a0}€");
    assert_eq!(money("1234567.50", euro, Language::French), "1\u{a0}234\u{a0}567,50\u{a0}€");
    assert_eq!(money("-1234.5", euro, Language::Spanish), "-1.234,50\u{a0}€");
    let dollar = Currency::parse("USD").unwrap();
    assert_eq!(money("1234.56", dollar, Language::English), "$1,234.56");
    assert_eq!(money("-999", dollar, Language::English), "-$999.00");
    assert_eq!(money("1000", yen, Language::English), "JPY\u{a0}1,000");
    let day = "2026-01-31".parse().unwrap();
    let written = Language::ALL.map(|language| format::day(day, language));
    assert_eq!(written, ["2026-01-31", "31.01.2026", "31/01/2026", "31/01/2026"]);
}

#[test]
fn the_language_is_the_customers_and_english_otherwise() {
    assert_eq!(Language::of_locale(Some("de-AT")), Language::German);
    assert_eq!(Language::of_locale(Some("it-IT")), Language::English);
    assert_eq!(Language::of_locale(None), Language::English);
    assert_eq!("xx".parse::<Language>().unwrap_err().code, "document.format");
}
