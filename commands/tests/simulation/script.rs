//! What clients ask for: commands that mostly make sense, on what they know of the book.

use serde_json::{Value, json};

use crate::rng::Rng;

/// What the clients know of the book from their own replies.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) customers: Vec<String>,
    pub(crate) invoices: Vec<Document>,
    pub(crate) payments: Vec<Document>,
    pub(crate) credits: Vec<Document>,
    pub(crate) orders: Vec<String>,
    /// Months that were closed, counted from January.
    pub(crate) closed: u64,
}

/// A document with an amount, which is a guess where a billing run made it.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) id: String,
    pub(crate) customer: String,
    pub(crate) cents: u64,
}

/// A command before it has an id.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) name: &'static str,
    pub(crate) effective: String,
    pub(crate) reason: Option<&'static str>,
    pub(crate) data: Value,
    /// What it is about in cents.
    pub(crate) cents: u64,
}

impl Wish {
    pub(crate) fn text(&self, id: &str) -> String {
        let mut command = json!({
            "id": id, "command": self.name, "effective": self.effective, "data": self.data,
        });
        if let Some(reason) = self.reason {
            command["reason"] = reason.into();
        }
        command.to_string()
    }
}

/// Half of the books refuse what is late for a closed period, the others post it later.
pub(crate) fn open_book(refuses_late: bool) -> Wish {
    let policies = if refuses_late { json!({"late": "reject"}) } else { json!({}) };
    wish("OpenBook", "2026-01-01".to_owned(), json!({"currency": "USD", "policies": policies}))
}

fn wish(name: &'static str, effective: String, data: Value) -> Wish {
    Wish { name, effective, reason: None, data, cents: 0 }
}

pub(crate) fn money(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// A day of the first months, mostly of one that is still open.
fn day(rng: &mut Rng, known: &Known) -> String {
    let first = if rng.in_thousand(60) { 1 } else { (known.closed + 1).min(5) };
    let last = if rng.in_thousand(400) { first } else { 5 };
    format!("2026-{:02}-{:02}", rng.between(first, last), rng.between(1, 28))
}

/// An invoice for each of 1,100 days, which no group takes in one.
pub(crate) fn long_order() -> Wish {
    let line = json!({
        "line": "L", "price": {"model": "flat", "amount": "1.00", "per": {"days": 1}},
        "recognition": {"method": "over_time"}, "billing": {"every": {"days": 1}},
    });
    let data = json!({
        "order": "LONG", "customer": "C-1", "currency": "USD",
        "start": "2026-05-01", "end": "2029-05-04", "lines": [line],
    });
    wish("PlaceOrder", "2026-05-01".to_owned(), data)
}

pub(crate) fn long_run() -> Wish {
    wish("RunBilling", "2026-05-01".to_owned(), json!({"through": "2029-06-01", "order": "LONG"}))
}

pub(crate) fn customer(number: u64) -> Wish {
    let data = json!({"customer": format!("C-{number}"), "name": format!("Customer {number}")});
    wish("RegisterCustomer", "2026-01-01".to_owned(), data)
}

/// The next command of a client; `tag` makes the names of its documents its own.
pub(crate) fn next(rng: &mut Rng, known: &Known, tag: &str) -> Wish {
    let effective = day(rng, known);
    let Some(customer) = rng.pick(&known.customers).cloned() else {
        return customer(rng.between(1, 4));
    };
    match rng.below(100) {
        0..10 => self::customer(rng.between(1, 12)),
        10..35 => invoice(rng, effective, &customer, tag),
        35..55 => payment(rng, known, effective, &customer, tag),
        55..61 => allocation(rng, known, effective),
        61..69 => credit(rng, known, effective, tag),
        69..73 => used_credit(rng, known, effective),
        73..81 => order(rng, &customer, tag),
        81..88 => run(rng, effective),
        88..93 => close(rng, known),
        93..96 => taken_back(rng, known, effective),
        _ => update(rng, effective, &customer),
    }
}

/// Two commands of which the second one stands on the first: both are sent at once.
pub(crate) fn pair(rng: &mut Rng, known: &Known, tag: &str) -> (Wish, Wish) {
    let effective = day(rng, known);
    let own = format!("OWN-{tag}");
    let Some(customer) = rng.pick(&known.customers).filter(|_| rng.in_thousand(500)) else {
        let customer = format!("C-{tag}");
        let data = json!({"customer": customer, "name": "One that is billed at once"});
        let registered = wish("RegisterCustomer", "2026-01-01".to_owned(), data);
        return (registered, invoice_of(effective, &customer, &own, 1_000));
    };
    let cents = rng.between(1, 30_000);
    let one = json!({"invoice": own, "amount": money(cents)});
    let data = json!({
        "payment": format!("PAY-{tag}"), "customer": customer, "currency": "USD",
        "amount": money(cents), "allocate": [one],
    });
    let payment = Wish { cents, ..wish("RecordPayment", effective.clone(), data) };
    (invoice_of(effective, customer, &own, cents), payment)
}

fn invoice_of(effective: String, customer: &str, name: &str, cents: u64) -> Wish {
    let data = json!({
        "invoice": name, "customer": customer, "currency": "USD",
        "lines": [{"amount": money(cents)}],
    });
    Wish { cents, ..wish("IssueInvoice", effective, data) }
}

fn invoice(rng: &mut Rng, effective: String, customer: &str, tag: &str) -> Wish {
    let mut lines = Vec::new();
    let mut cents = 0;
    for _ in 0..rng.between(1, 2) {
        let amount = rng.between(1, 30_000);
        cents += amount;
        lines.push(if rng.in_thousand(500) {
            json!({"amount": money(amount)})
        } else {
            json!({
                "amount": money(amount), "recognition": {"method": "over_time"},
                "service_start": effective, "service_end": format!("2026-{:02}-17", rng.between(6, 12)),
            })
        });
    }
    let mut data = json!({"customer": customer, "currency": "USD", "lines": lines});
    if rng.in_thousand(200) {
        data["invoice"] = format!("OWN-{tag}").into();
    }
    Wish { cents, ..wish("IssueInvoice", effective, data) }
}

/// Part of it, all of it, or a little too much.
fn share(rng: &mut Rng, cents: u64) -> u64 {
    match rng.below(10) {
        0..5 => cents,
        5..9 => rng.between(1, cents.max(1)),
        _ => cents + 1,
    }
}

fn payment(rng: &mut Rng, known: &Known, effective: String, customer: &str, tag: &str) -> Wish {
    let invoice = rng.pick(&known.invoices).cloned();
    let whose = invoice.as_ref().map_or(customer, |invoice| invoice.customer.as_str()).to_owned();
    let cents = invoice.as_ref().map_or(5_000, |invoice| share(rng, invoice.cents)).max(1);
    let allocate = match (rng.below(3), invoice) {
        (0, Some(invoice)) => json!([{"invoice": invoice.id, "amount": money(cents)}]),
        (1, _) => json!("none"),
        _ => json!("auto"),
    };
    let data = json!({
        "payment": format!("PAY-{tag}"), "customer": whose, "currency": "USD",
        "amount": money(cents), "allocate": allocate,
    });
    Wish { cents, ..wish("RecordPayment", effective, data) }
}

fn allocation(rng: &mut Rng, known: &Known, effective: String) -> Wish {
    let (Some(payment), Some(invoice)) = (rng.pick(&known.payments), rng.pick(&known.invoices))
    else {
        return customer(rng.between(1, 12));
    };
    let own = known.invoices.iter().rev().find(|one| one.customer == payment.customer);
    let invoice = own.unwrap_or(invoice);
    let cents = share(rng, invoice.cents.min(payment.cents)).max(1);
    let name = if rng.in_thousand(750) { "AllocatePayment" } else { "DeallocatePayment" };
    let one = json!({"invoice": invoice.id, "amount": money(cents)});
    wish(name, effective, json!({"payment": payment.id, "allocations": [one]}))
}

fn credit(rng: &mut Rng, known: &Known, effective: String, tag: &str) -> Wish {
    let Some(invoice) = rng.pick(&known.invoices) else { return customer(rng.between(1, 12)) };
    let cents = rng.between(1, (invoice.cents / 3).max(1));
    let mut data = json!({
        "credit": format!("CR-{tag}"), "customer": invoice.customer, "currency": "USD",
        "lines": [{"amount": money(cents)}], "apply": "account",
    });
    if rng.in_thousand(600) {
        data["invoice"] = invoice.id.clone().into();
        data["apply"] = (*rng.pick(&["invoice", "account"]).unwrap()).into();
    }
    Wish { cents, ..wish("IssueCredit", effective, data) }
}

fn used_credit(rng: &mut Rng, known: &Known, effective: String) -> Wish {
    let Some(credit) = rng.pick(&known.credits) else { return customer(rng.between(1, 12)) };
    let own = known.invoices.iter().rev().find(|one| one.customer == credit.customer);
    let Some(invoice) = own.filter(|_| rng.in_thousand(700)) else {
        return wish("RefundCredit", effective, json!({"credit": credit.id}));
    };
    let cents = share(rng, credit.cents.min(invoice.cents)).max(1);
    let one = json!({"invoice": invoice.id, "amount": money(cents)});
    wish("ApplyCredit", effective, json!({"credit": credit.id, "allocations": [one]}))
}

fn order(rng: &mut Rng, customer: &str, tag: &str) -> Wish {
    let amount = money(rng.between(100, 20_000));
    let mut line = json!({
        "line": "L1", "price": {"model": "flat", "amount": amount, "per": "month"},
        "recognition": {"method": "over_time"}, "billing": {"every": "month"},
    });
    if rng.in_thousand(300) {
        line["price"]["per"] = "once".into();
        line["billing"]["every"] = "once".into();
    }
    let start = format!("2026-{:02}-{:02}", rng.between(1, 4), rng.between(1, 28));
    let data = json!({
        "order": format!("ORD-{tag}"), "customer": customer, "currency": "USD",
        "start": start, "end": format!("2026-{:02}-20", rng.between(5, 9)), "lines": [line],
    });
    wish("PlaceOrder", start, data)
}

fn run(rng: &mut Rng, effective: String) -> Wish {
    let through = format!("2026-{:02}-{:02}", rng.between(1, 6), rng.between(1, 28));
    wish("RunBilling", effective, json!({"through": through}))
}

fn close(rng: &mut Rng, known: &Known) -> Wish {
    if known.closed > 0 && rng.in_thousand(200) {
        let data = json!({"from": format!("2026-{:02}-01", known.closed)});
        let effective = format!("2026-{:02}-01", known.closed + 1);
        let reason = Some("something was forgotten");
        return Wish { reason, ..wish("ReopenPeriod", effective, data) };
    }
    let month = (known.closed + 1).min(4);
    let last = ["31", "28", "31", "30"][usize::try_from(month - 1).unwrap()];
    let data = json!({"through": format!("2026-{month:02}-{last}")});
    Wish {
        reason: Some("all of it is known"),
        ..wish("ClosePeriod", format!("2026-{:02}-01", month + 1), data)
    }
}

fn taken_back(rng: &mut Rng, known: &Known, effective: String) -> Wish {
    match (rng.below(3), rng.pick(&known.invoices), rng.pick(&known.payments)) {
        (0, Some(invoice), _) => wish("VoidInvoice", effective, json!({"invoice": invoice.id})),
        (1, Some(invoice), _) => wish("WriteOffInvoice", effective, json!({"invoice": invoice.id})),
        (_, _, Some(payment)) => wish("RefundPayment", effective, json!({"payment": payment.id})),
        _ => customer(rng.between(1, 12)),
    }
}

fn update(rng: &mut Rng, effective: String, customer: &str) -> Wish {
    let data = json!({"customer": customer, "payment_terms_days": rng.between(1, 60)});
    wish("UpdateCustomer", effective, data)
}

impl Known {
    /// Learns from the reply to a command that was accepted.
    pub(crate) fn learn(&mut self, wish: &Wish, reply: &Value) {
        match wish.name {
            "ClosePeriod" => self.closed = (self.closed + 1).min(4),
            "ReopenPeriod" => self.closed = self.closed.saturating_sub(1),
            _ => {}
        }
        for event in reply["events"].as_array().into_iter().flatten() {
            let subject: Vec<&str> = event["subject"].as_str().unwrap_or("").split('.').collect();
            let [_, _, _, _, customer, _, id] = subject[..] else { continue };
            let (id, customer) = (id.to_owned(), customer.to_owned());
            let cents = if wish.cents == 0 { 1_000 } else { wish.cents };
            let document = Document { id: id.clone(), customer: customer.clone(), cents };
            match event["type"].as_str().unwrap_or("") {
                "CustomerRegistered" => self.customers.push(customer),
                "InvoiceIssued" => self.invoices.push(document),
                "PaymentReceived" => self.payments.push(document),
                "CreditIssued" => self.credits.push(document),
                "OrderPlaced" => self.orders.push(id),
                _ => {}
            }
        }
    }
}
