//! What is sure, and what is not.

use super::*;

fn item(invoice: &str, customer: &str, open: &str) -> OpenItem {
    let (invoice, customer) = (invoice.to_owned(), customer.to_owned());
    OpenItem { invoice, customer, currency: "EUR".to_owned(), open: open.parse().unwrap() }
}

fn matcher() -> Matcher {
    let payer = |customer: &str, name: &str, marks: &[&str]| Payer {
        customer: customer.to_owned(),
        name: name.to_owned(),
        marks: marks.iter().map(|mark| (*mark).to_owned()).collect(),
    };
    Matcher::new(
        [
            payer("C-1", "Acme, Ltd.", &["XX11 2222"]),
            payer("C-2", "Bolt", &[]),
            payer("C-3", "Twin", &[]),
            payer("C-4", "TWIN", &[]),
        ],
        [
            item("INV-1", "C-1", "100.00"),
            item("INV-1-2", "C-2", "40.00"),
            item("INV-2", "C-1", "50.00"),
            item("2026", "C-2", "70.00"),
            item("T-1", "C-3", "9.00"),
            item("T-2", "C-4", "8.00"),
            item("S-1", "C-2", "33.00"),
            item("S-2", "C-2", "33.00"),
        ],
    )
}

/// The customer, what is settled, and the candidates of money in euros.
fn found(matcher: &mut Matcher, amount: &str, text: &str, name: &str) -> String {
    let amount = amount.parse().unwrap();
    let counterparty = (!name.is_empty()).then_some(name);
    let receipt =
        Receipt { amount, currency: "EUR", remittance: text, counterparty, account: None };
    told(&matcher.find(&receipt))
}

fn told(found: &Match) -> String {
    let settles: Vec<String> =
        found.settles.iter().map(|(invoice, amount)| format!("{invoice} {amount}")).collect();
    let customer = found.customer.as_deref().unwrap_or("-");
    format!("{customer} [{}] ({})", settles.join(", "), found.candidates.join(", "))
}

#[test]
fn an_id_counts_as_a_whole_token_alone() {
    let mut book = matcher();
    let mut check = |text: &str, expected: &str| {
        assert_eq!(found(&mut book, "100.00", text, ""), expected, "{text}");
    };
    check("for INV-1, thanks", "C-1 [INV-1 100.00] ()");
    check("(inv-1)", "C-1 [INV-1 100.00] ()");
    check("INV-1-3", "- [] (INV-1)");
    check("XINV-1", "- [] (INV-1)");
    check("INV-12", "- [] (INV-1)");
    check("pay INV-1-2", "C-2 [INV-1-2 40.00] ()");
}

#[test]
fn several_ids_count_where_the_money_is_enough_for_all() {
    let mut book = matcher();
    let text = "INV-1 and INV-2";
    assert_eq!(found(&mut book, "150.00", text, ""), "C-1 [INV-1 100.00, INV-2 50.00] ()");
    assert_eq!(found(&mut book, "160.00", text, ""), "C-1 [INV-1 100.00, INV-2 50.00] ()");
    assert_eq!(found(&mut book, "120.00", text, ""), "C-1 [] (INV-1, INV-2)");
    assert_eq!(found(&mut book, "60.00", "INV-1", ""), "C-1 [INV-1 60.00] ()", "a part");
    let text = "INV-1 and INV-1-2";
    assert_eq!(found(&mut book, "140.00", text, ""), "- [] (INV-1, INV-1-2)", "two customers");
}

#[test]
fn an_id_of_digits_needs_the_amount_or_the_payer() {
    let mut book = matcher();
    assert_eq!(found(&mut book, "100.00", "March 2026", ""), "- [] (INV-1)");
    assert_eq!(found(&mut book, "70.00", "March 2026", ""), "C-2 [2026 70.00] ()");
    assert_eq!(found(&mut book, "10.00", "2026", "bolt"), "C-2 [2026 10.00] ()");
}

#[test]
fn amount_and_payer_must_say_the_same() {
    let mut book = matcher();
    assert_eq!(found(&mut book, "100.00", "", "ACME LTD"), "C-1 [INV-1 100.00] ()");
    assert_eq!(found(&mut book, "100.00", "", "Bolt"), "C-2 [] (INV-1)", "not this payer's");
    assert_eq!(found(&mut book, "33.00", "", "Bolt"), "C-2 [] (S-1, S-2)", "two of them");
    assert_eq!(found(&mut book, "9.00", "", "Twin"), "C-3 [T-1 9.00] ()", "two of that name");
    assert_eq!(found(&mut book, "7.00", "", "Twin"), "- [] ()");
    let amount = "50.00".parse().unwrap();
    let by_account = Receipt {
        amount,
        currency: "EUR",
        remittance: "",
        counterparty: Some("Somebody"),
        account: Some("xx112222"),
    };
    assert_eq!(told(&book.find(&by_account)), "C-1 [INV-2 50.00] ()");
    let dollars = Receipt { currency: "USD", ..by_account };
    assert_eq!(told(&book.find(&dollars)), "C-1 [] ()", "another currency");
}

#[test]
fn what_one_receipt_settles_is_gone_for_the_next() {
    let mut book = matcher();
    let amount = "60.00".parse().unwrap();
    let receipt =
        Receipt { amount, currency: "EUR", remittance: "INV-1", counterparty: None, account: None };
    for expected in ["C-1 [INV-1 60.00] ()", "C-1 [INV-1 40.00] ()", "C-1 [] (INV-1)"] {
        let found = book.find(&receipt);
        assert_eq!(told(&found), expected);
        book.take(&found);
    }
    assert_eq!(found(&mut book, "100.00", "", "Acme Ltd"), "C-1 [] ()");
}
