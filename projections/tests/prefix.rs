//! Every invariant is checked behind every event: a fault that is planted in one event, as a fault of
//! the program would, is found there and nowhere else.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::money::Amount;
use ledger_core::posting::{Role, Target};
use projections::facts::{DeferredFact, EventFacts, ReceivablesFact, WrittenFacts};
use projections::invariants::Violation;
use projections::prefix::Checked;
use projections::replay::Fold;
use serde_json::{Value, json};

#[path = "common/book.rs"]
mod common;

/// A book in EUR with documents in both currencies; the sequences are 1 and up.
fn facts() -> Vec<EventFacts> {
    let mut book = common::Book::open_in("EUR", &json!({}));
    let mut send = |name: &str, data: Value| {
        assert!(book.send(name, "2026-01-10".parse().unwrap(), &data), "{name}");
    };
    let invoice = |id: Option<&str>, currency: &str| {
        let mut data =
            json!({"customer": "C", "currency": currency, "lines": [{"amount": "100.00"}]});
        if let Some(id) = id {
            data["invoice"] = json!(id);
        }
        data
    };
    send("RecordFxRate", json!({"from": "USD", "to": "EUR", "rate": "0.9", "date": "2026-01-01"}));
    send("IssueInvoice", invoice(None, "EUR"));
    send("IssueInvoice", invoice(None, "USD"));
    send("IssueInvoice", invoice(Some("OWN"), "EUR"));
    send(
        "RecordPayment",
        json!({"payment": "P", "customer": "C", "currency": "USD", "amount": "70.00",
               "allocate": "auto"}),
    );
    send(
        "IssueCredit",
        json!({"credit": "K", "customer": "C", "currency": "EUR", "apply": "account",
               "lines": [{"amount": "4.00"}]}),
    );
    let events = book.events.into_iter();
    events.map(EventFacts::of).collect()
}

fn first(all: &[EventFacts]) -> Option<Violation> {
    let mut checked = Checked::default();
    for facts in all {
        let written = WrittenFacts::of(facts);
        written.events().try_for_each(|written| checked.take(facts, written)).unwrap();
    }
    checked.finish()
}

/// What is found once the facts of an event are bent.
fn bent(sequence: usize, bend: impl Fn(&mut EventFacts)) -> String {
    let mut all = facts();
    bend(&mut all[sequence - 1]);
    let found = first(&all).unwrap();
    format!("{} {}: {}", found.sequence.unwrap_or(0), found.invariant, found.message)
}

fn cent() -> Amount {
    "0.01".parse().unwrap()
}

/// Moves a cent from one account of the entry to another: it still sums to zero.
fn shift(facts: &mut EventFacts, from: Role, to: Role) {
    for fact in &mut facts.receivables {
        if let ReceivablesFact::Entry { legs, .. } = fact {
            for leg in legs {
                leg.amount += match leg.target {
                    Target::Role(role) if role == from => -cent(),
                    Target::Role(role) if role == to => cent(),
                    Target::Role(_) | Target::Contract(_) => Amount::ZERO,
                };
            }
        }
    }
}

#[test]
fn a_book_without_a_fault_passes() {
    assert_eq!(first(&facts()), None);
    let mut book = common::Book::open(&json!({}));
    let order = json!({"order": "O", "customer": "C", "currency": "USD", "start": "2026-01-01",
        "term_months": 3, "lines": [{"line": "L", "recognition": {"method": "over_time"},
        "price": {"model": "flat", "amount": "10.01", "per": "month"},
        "billing": {"every": "month", "timing": "advance"}}]});
    let day = "2026-01-01".parse().unwrap();
    assert!(book.send("PlaceOrder", day, &order));
    assert!(book.send("RunBilling", day, &json!({"through": "2026-02-01"})));
    let all: Vec<EventFacts> = book.events.into_iter().map(EventFacts::of).collect();
    assert_eq!(first(&all), None);
}

#[test]
fn an_entry_that_does_not_move_what_its_documents_do_is_found_where_it_stands() {
    // 7 is the payment, 8 its allocation.
    let found = bent(8, |facts| shift(facts, Role::AccountsReceivable, Role::UnappliedCash));
    assert_eq!(
        found,
        "8 control accounts are the sum of their documents: its entry moves accounts_receivable by \
         -70.01, unapplied cash and credits by -70.01, contracts by 0, its documents \
         accounts_receivable by -70.00, unapplied cash and credits by -70.00, contracts by 0"
    );
    let found = bent(7, |facts| shift(facts, Role::UnappliedCash, Role::Cash));
    assert!(found.starts_with("7 control accounts"), "{found}");
    let contract = |facts: &mut EventFacts| {
        for fact in &mut facts.deferred_revenue {
            if let DeferredFact::Billed { amount, .. } = fact {
                *amount += cent();
            }
        }
    };
    let found = bent(4, contract);
    assert!(found.starts_with("4 control accounts"), "{found}");
}

#[test]
fn an_entry_that_is_wrong_in_the_books_currency_alone_is_found() {
    let found = bent(8, |facts| {
        for fact in &mut facts.receivables {
            if let ReceivablesFact::Entry { functional: Some(functional), .. } = fact {
                for posting in &mut functional.postings {
                    posting.amount += match posting.role {
                        Some(Role::AccountsReceivable) => -cent(),
                        Some(Role::UnappliedCash) => cent(),
                        _ => Amount::ZERO,
                    };
                }
            }
        }
    });
    assert!(
        found.starts_with(
            "8 control accounts are the sum of their documents: in the book's currency"
        ),
        "{found}"
    );
}

#[test]
fn names_numbers_and_commands_are_used_once() {
    let numbered = |number: u64| {
        move |facts: &mut EventFacts| {
            for fact in &mut facts.receivables {
                if let ReceivablesFact::Invoice(data) = fact {
                    data.number = Some(number);
                }
            }
        }
    };
    let found = bent(5, numbered(3));
    assert_eq!(found, "5 a series has no gap and no repeat: INV-2 has the number 3, not 2");
    assert!(bent(5, numbered(1)).starts_with("5 a series has no gap"));
    let found = bent(6, |facts| {
        for fact in &mut facts.receivables {
            if let ReceivablesFact::Invoice(data) = fact {
                data.invoice = "INV-1".parse().unwrap();
            }
        }
    });
    assert_eq!(found, "6 a document's id is used once: the id INV-1 has a document already");
    let id = facts()[3].audit_trail.command_id.clone();
    let found = bent(9, |facts| facts.audit_trail.command_id = id.clone());
    assert!(found.starts_with("9 one command id, one effect"), "{found}");
}

#[test]
fn a_series_goes_round_the_names_that_callers_took() {
    let name = |facts: &mut EventFacts, invoice: &str, number: Option<u64>| {
        for fact in &mut facts.receivables {
            if let ReceivablesFact::Invoice(data) = fact {
                data.invoice = invoice.parse().unwrap();
                data.number = number;
            }
        }
    };
    let issued = |all: &[EventFacts]| -> Vec<usize> {
        let is_invoice = |facts: &EventFacts| {
            facts.receivables.iter().any(|fact| matches!(fact, ReceivablesFact::Invoice(_)))
        };
        (0..all.len()).filter(|at| is_invoice(&all[*at])).collect()
    };
    let mut all = facts();
    let [one, two, _] = issued(&all)[..] else { panic!("three invoices") };
    // A caller names the first one INV-1, so that the series begins with 2; then one is left out.
    name(&mut all[one], "INV-1", None);
    name(&mut all[two], "INV-2", Some(2));
    let told = first(&all[..=two]);
    assert_eq!(told, None);
    name(&mut all[two], "INV-3", Some(3));
    let told = first(&all[..=two]).unwrap();
    assert_eq!(told.message, "INV-3 has the number 3, not 2");
}
