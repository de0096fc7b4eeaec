//! A book on which steps are played, and which is then brought to its end.

use ledger_core::calendar::Day;
use ledger_core::command::shared::{Method, Timing};
use ledger_core::money::Amount;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::common;
use super::steps::Step;

#[derive(Clone)]
pub(crate) struct Book {
    pub(crate) inner: common::Book,
    commands: usize,
    /// The credits that were issued.
    credits: Vec<String>,
    /// Whether something billed was forfeited.
    has_forfeited: bool,
}

/// Behind all that a step can begin; the first day of the ending.
fn eve() -> Day {
    "2027-03-01".parse().unwrap()
}

/// Behind all that is left to be billed.
pub(crate) fn far() -> Day {
    "2033-12-31".parse().unwrap()
}

impl Book {
    pub(crate) fn open(policies: &Value) -> Self {
        Self {
            inner: common::Book::open(policies),
            commands: 0,
            credits: Vec::new(),
            has_forfeited: false,
        }
    }

    /// Sends a step's command; whether it was accepted.
    pub(crate) fn step(&mut self, step: &Step) -> bool {
        self.commands += 1;
        let (name, data) = step.command(self.commands, &self.credits);
        // Nothing says what becomes of what was forfeited of an invoice that is void afterwards.
        if name == "VoidInvoice" && self.has_forfeited {
            return false;
        }
        if data["changes"][0].get("end").is_some() && self.shares_without_end(&data) {
            return false;
        }
        if name == "CancelOrder" || data["changes"][0].get("remove").is_some() {
            self.deliver_first(data["order"].as_str().unwrap(), step.date());
        }
        // What a change left to give back is given back first: a credit of it would give it twice.
        if name == "IssueCredit" {
            self.bill_through(step.date());
        }
        let is_accepted = self.inner.send(name, step.date(), &data);
        self.has_forfeited |= is_accepted && data["unearned"] == "forfeit";
        if is_accepted && name == "IssueCredit" {
            self.credits.push(data["credit"].as_str().unwrap().to_owned());
        }
        is_accepted
    }

    /// Voids the credit that was issued last; whether that was accepted.
    pub(crate) fn void(&mut self, credit: &str, day: i32) -> bool {
        let on = "2026-01-01".parse::<Day>().unwrap().plus_days(day);
        self.inner.send("VoidCredit", on, &json!({"credit": credit}))
    }

    /// Lets what rests go on, delivers what is left to deliver, cancels what has no end, and bills
    /// what is left to be billed.
    pub(crate) fn end(&mut self) {
        let orders: Vec<_> = self.inner.ledger.orders.keys().cloned().collect();
        for id in orders {
            let order = self.inner.ledger.orders.get(&id).unwrap().clone();
            let last = order.end.map_or(eve(), |end| end.min(eve()));
            if order.suspended.is_some() && order.cancelled.is_none() {
                assert!(self.inner.send("ResumeOrder", last, &json!({"order": id})), "{id}");
            }
            if order.cancelled.is_none() {
                self.deliver(id.as_str());
            }
            if order.end.is_none() && order.cancelled.is_none() {
                let data = json!({"order": id, "unearned": "credit"});
                assert!(self.inner.send("CancelOrder", eve(), &data), "{id}");
            }
        }
        self.bill();
        let events = self.inner.events.len();
        self.bill();
        let again = &self.inner.events[events..];
        let invoices = again.iter().filter(|event| event.data.type_name() != "BillingRunCompleted");
        assert_eq!(invoices.count(), 0, "the second run bills nothing");
    }

    fn bill(&mut self) {
        assert!(self.bill_through(far()));
    }

    pub(crate) fn bill_through(&mut self, day: Day) -> bool {
        self.inner.send("RunBilling", day, &json!({"through": day}))
    }

    /// Whether lines of an order without an end may share what they recur for. When one of them gets
    /// an end, the others keep their shares, and the contract drifts: known, and left out.
    fn shares_without_end(&self, data: &Value) -> bool {
        let id = data["order"].as_str().unwrap().parse().unwrap();
        self.inner.ledger.orders.get(&id).is_some_and(|order| {
            order.end.is_none() && order.lines.iter().any(|line| line.placed.ssp.is_some())
        })
    }

    /// A line that is billed on delivery, and of which nothing is delivered, is earned on its start
    /// (readings, 12) and never billed: one unit of it is delivered before its end.
    fn deliver_first(&mut self, id: &str, day: Day) {
        let Some(order) = self.inner.ledger.orders.get(&id.parse().unwrap()).cloned() else {
            return;
        };
        for line in order.lines {
            let is_point = line.placed.recognition.method == Method::PointInTime;
            let timing = line.placed.billing.and_then(|billing| billing.timing);
            if is_point && timing == Some(Timing::OnDelivery) && line.progress.is_empty() {
                let data = json!({"order": id, "line": line.placed.line, "quantity": "1"});
                self.inner.send("RecordDelivery", day, &data);
            }
        }
    }

    fn deliver(&mut self, id: &str) {
        let order = self.inner.ledger.orders.get(&id.parse().unwrap()).unwrap().clone();
        for line in order.lines.iter().filter(|line| !line.removed) {
            let left = line.placed.quantity.decimal() - line.progress.done(far());
            let mut data = match line.placed.recognition.method {
                Method::Milestone => json!({"percent_complete": "100"}),
                Method::PointInTime if left <= Decimal::ZERO => continue,
                Method::PointInTime => json!({"quantity": Amount::from_decimal(left)}),
                Method::OverTime | Method::Usage | Method::OnInvoice => continue,
            };
            data["order"] = json!(id);
            data["line"] = json!(line.placed.line);
            let on = eve().previous().max(line.placed.start);
            assert!(self.inner.send("RecordDelivery", on, &data), "{data}");
        }
    }

    /// The credit that was issued last.
    pub(crate) fn last_credit(&self) -> Option<&str> {
        self.credits.last().map(String::as_str)
    }

    /// Takes a credit out of those that a step can void.
    pub(crate) fn forget_last_credit(&mut self) {
        self.credits.pop();
    }

    /// Whether an order is cancelled.
    pub(crate) fn is_cancelled_any(&self) -> bool {
        self.inner.ledger.orders.values().any(|order| order.cancelled.is_some())
    }

    pub(crate) fn skip_a_number(&mut self) {
        self.commands += 1;
    }
}
