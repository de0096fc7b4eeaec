//! A book in memory with several customers, on which each one's own steps are played.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::event::EventData;
use serde_json::{Value, json};

use super::closes_book::Step;
use super::common;
use super::money_steps::Names;

/// A command that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) name: String,
    pub(crate) date: Day,
    pub(crate) data: Value,
    pub(crate) is_accepted: bool,
}

#[derive(Clone)]
pub(crate) struct Book {
    pub(crate) inner: common::Book,
    /// Commands so far, by customer: they name new documents.
    counts: BTreeMap<String, u32>,
    pub(crate) sent: Vec<Sent>,
    /// Whether invoices are issued without early-payment discounts.
    pub(crate) without_discounts: bool,
}

impl std::ops::Deref for Book {
    type Target = common::Book;

    fn deref(&self) -> &common::Book {
        &self.inner
    }
}

impl Book {
    /// A book in a currency, with these customers; the documents are in USD.
    pub(crate) fn open(currency: &str, policies: &Value, customers: &[&str]) -> Self {
        let inner = common::Book::open_in(currency, policies);
        let mut book =
            Self { inner, counts: BTreeMap::new(), sent: Vec::new(), without_discounts: false };
        for customer in customers {
            let data = json!({"customer": customer, "name": customer});
            assert!(book.send("RegisterCustomer", first(), &data));
        }
        book
    }

    /// The same with documents in USD in a book in EUR, and two rates.
    pub(crate) fn foreign(policies: &Value, customers: &[&str]) -> Self {
        let mut book = Self::open("EUR", policies, customers);
        for (date, rate) in [("2025-01-01", "0.9137"), ("2026-02-10", "0.8451")] {
            let data = json!({"from": "USD", "to": "EUR", "rate": rate, "date": date});
            assert!(book.send("RecordFxRate", first(), &data));
        }
        book
    }

    pub(crate) fn send(&mut self, name: &str, date: Day, data: &Value) -> bool {
        let is_accepted = self.inner.send(name, date, data);
        self.sent.push(Sent { name: name.to_owned(), date, data: data.clone(), is_accepted });
        is_accepted
    }

    pub(crate) fn close(&mut self, through: Day) -> bool {
        self.send("ClosePeriod", through.next(), &json!({"through": through}))
    }

    /// Plays a customer's step, on documents of theirs alone.
    pub(crate) fn step(&mut self, customer: &str, step: &Step) {
        let count = self.counts.entry(customer.to_owned()).or_default();
        *count += 1;
        let number = *count;
        let names = self.names(customer);
        let (name, date, mut data) = match step {
            Step::Order(step) => {
                let (name, mut data) = step.command(number);
                // Its steps count the book's invoices: here the customer's.
                if let Some(Value::String(invoice)) = data.get_mut("invoice") {
                    *invoice = nth(&names.invoices, invoice);
                }
                (name, step.date(), data)
            }
            Step::Money(step) => {
                let (name, data) = step.on(&names, number);
                (name, step.date(), data)
            }
        };
        // The allowance is the book's, and no customer's.
        if name == "RecordAllowance" {
            return;
        }
        let is_new =
            name == "RunBilling" || name == "IssueInvoice" && data.get("invoice").is_none();
        if is_new {
            let (field, value) = match name {
                "RunBilling" => ("customer", "C".to_owned()),
                _ => ("invoice", format!("S-{number}")),
            };
            data[field] = json!(value);
        }
        if self.without_discounts && data.get("cash_discounts").is_some() {
            data["cash_discounts"] = json!([]);
        }
        own(&mut data, customer);
        self.send(name, date, &data);
    }

    /// The customer's documents in the order in which they were made.
    fn names(&self, customer: &str) -> Names {
        let mut names = Names::default();
        for made in self.inner.events.iter().filter_map(|event| Made::of(&event.data)) {
            let kind = match made.kind {
                "payment" => &mut names.payments,
                "credit" => &mut names.credits,
                _ => &mut names.invoices,
            };
            // What a test adds of its own is left alone by the steps.
            if made.customer == customer && !made.id.starts_with('X') {
                kind.push(made.id.to_owned());
            }
        }
        names
    }

    /// By the name of the book's series, that of the customer: which of theirs it is.
    pub(crate) fn of_series(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for made in self.inner.events.iter().filter_map(|event| Made::of(&event.data)) {
            if let Some((series @ ("INV" | "CN"), _)) = made.id.split_once('-') {
                let count = counts.entry((made.customer, series)).or_default();
                *count += 1;
                all.insert(made.id.to_owned(), format!("{} {series} {count}", made.customer));
            }
        }
        all
    }
}

/// A document that an event made.
struct Made<'a> {
    kind: &'static str,
    customer: &'a str,
    id: &'a str,
}

impl<'a> Made<'a> {
    fn of(data: &'a EventData) -> Option<Self> {
        if let EventData::InvoiceIssued(one) = data {
            Some(Self {
                kind: "invoice",
                customer: one.customer.as_str(),
                id: one.invoice.as_str(),
            })
        } else if let EventData::PaymentReceived(one) = data {
            Some(Self {
                kind: "payment",
                customer: one.customer.as_str(),
                id: one.payment.as_str(),
            })
        } else if let EventData::CreditIssued(one) = data {
            Some(Self { kind: "credit", customer: one.customer.as_str(), id: one.credit.as_str() })
        } else {
            None
        }
    }
}

pub(crate) fn first() -> Day {
    "2026-01-01".parse().unwrap()
}

/// The invoice of which a step says the number.
fn nth(invoices: &[String], name: &str) -> String {
    let Some(number) = name.strip_prefix("INV-") else { return name.to_owned() };
    let index = number.parse::<usize>().unwrap() - 1;
    invoices.get(index).map_or("none", String::as_str).to_owned()
}

/// Puts the customer before the names that steps make up.
fn own(data: &mut Value, customer: &str) {
    match data {
        Value::Object(fields) => {
            for (field, value) in fields {
                match (field.as_str(), &mut *value) {
                    ("customer", name) => *name = json!(customer),
                    (
                        "order" | "amendment" | "invoice" | "payment" | "credit",
                        Value::String(name),
                    ) => {
                        let known = ["none", "INV-", "CN-", customer];
                        if !known.iter().any(|start| name.starts_with(start)) {
                            *name = format!("{customer}-{name}");
                        }
                    }
                    _ => own(value, customer),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| own(value, customer)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
