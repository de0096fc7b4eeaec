//! An order as an aggregate of the peers: its commands, its events, and what is checked.
//!
//! One aggregate is one order, which suits the peers: nothing is shared between orders. The events say as
//! much as the ledger's own do, in about as many bytes, and the checks are those that one expects of such
//! an aggregate; the ledger's many others (the customer's, the book's, closed days) are left out here,
//! which favours the peers, too.

use benches::orders::{Step, Terms, amount};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

mod event;
#[cfg(test)]
mod tests;

pub(crate) use event::{
    Allocation, Billing, InvoiceIssued, InvoiceLine, OrderEvent, OrderLine, OrderPlaced,
    PaymentReceived, Price, Recognition, Schedule, Trail,
};

/// The percentage of tax.
const TAX_RATE: u32 = 10;

/// A command on an order, as its JSON would be read.
#[derive(Debug, Clone)]
pub(crate) enum OrderCommand {
    /// Places it.
    Place(OrderPlaced),
    /// Issues its invoice.
    Invoice(InvoiceIssued),
    /// Records a payment of the invoice.
    Pay(PaymentReceived),
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// There is such an order already.
    #[error("order {0} was placed before; give another number")]
    PlacedBefore(String),
    /// There is no such order.
    #[error("the order was not placed; place it first")]
    NotPlaced,
    /// It has an invoice.
    #[error("order {0} was invoiced before; nothing is left to invoice")]
    InvoicedBefore(String),
    /// There is no invoice to pay.
    #[error("invoice {0} was not issued; issue it first")]
    NotInvoiced(String),
    /// A document does not add up to the order.
    #[error("the lines say {lines}, the document says {document}; correct one of them")]
    DoesNotAddUp {
        /// What its lines say.
        lines: Decimal,
        /// What it says itself.
        document: Decimal,
    },
    /// More than is open.
    #[error("{amount} is more than the {open} that are open; pay less")]
    PaidTooMuch {
        /// What was to be paid.
        amount: Decimal,
        /// What is open.
        open: Decimal,
    },
    /// It was placed in another currency.
    #[error("the order is in {0}; use that currency")]
    OtherCurrency(String),
}

/// What is known of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// Its number, once it is placed.
    order: Option<String>,
    currency: String,
    price: Decimal,
    /// Its invoice, once it is issued.
    invoice: Option<String>,
    total: Decimal,
    paid: Decimal,
}

impl Order {
    /// Decides a command: the event that it makes.
    ///
    /// # Errors
    /// [`Refused`]; nothing is to be stored then.
    pub(crate) fn decide(&self, command: OrderCommand) -> Result<OrderEvent, Refused> {
        match command {
            OrderCommand::Place(placed) => {
                if let Some(order) = &self.order {
                    return Err(Refused::PlacedBefore(order.clone()));
                }
                let lines = placed.lines.iter().map(|line| line.amount).sum();
                adds_up(lines, placed.transaction_price)?;
                Ok(OrderEvent::OrderPlaced(placed))
            }
            OrderCommand::Invoice(issued) => {
                let order = self.order.as_ref().ok_or(Refused::NotPlaced)?;
                if self.invoice.is_some() {
                    return Err(Refused::InvoicedBefore(order.clone()));
                }
                self.is_in(&issued.currency)?;
                let net: Decimal = issued.lines.iter().map(|line| line.net).sum();
                let tax: Decimal = issued.lines.iter().map(|line| line.tax).sum();
                adds_up(net, self.price)?;
                adds_up(net, issued.net)?;
                adds_up(net + tax, issued.total)?;
                Ok(OrderEvent::InvoiceIssued(issued))
            }
            OrderCommand::Pay(received) => {
                if self.invoice.is_none() {
                    return Err(Refused::NotInvoiced(received.reference));
                }
                self.is_in(&received.currency)?;
                let allocated = received.allocations.iter().map(|part| part.amount).sum();
                adds_up(allocated, received.amount)?;
                let open = self.total - self.paid;
                if received.amount > open {
                    return Err(Refused::PaidTooMuch { amount: received.amount, open });
                }
                Ok(OrderEvent::PaymentReceived(received))
            }
        }
    }

    /// Folds an event.
    pub(crate) fn fold(&mut self, event: OrderEvent) {
        match event {
            OrderEvent::OrderPlaced(placed) => {
                self.order = Some(placed.order);
                self.currency = placed.currency;
                self.price = placed.transaction_price;
            }
            OrderEvent::InvoiceIssued(issued) => {
                self.invoice = Some(issued.invoice);
                self.total = issued.total;
            }
            OrderEvent::PaymentReceived(received) => self.paid += received.amount,
        }
    }

    fn is_in(&self, currency: &str) -> Result<(), Refused> {
        if self.currency == currency {
            Ok(())
        } else {
            Err(Refused::OtherCurrency(self.currency.clone()))
        }
    }
}

fn adds_up(lines: Decimal, document: Decimal) -> Result<(), Refused> {
    if lines == document { Ok(()) } else { Err(Refused::DoesNotAddUp { lines, document }) }
}

/// The command of a step of an order, with the same terms as the ledger's.
pub(crate) fn command(step: Step, number: u64, now: OffsetDateTime) -> OrderCommand {
    let terms = Terms::of(number);
    match step {
        Step::Place => OrderCommand::Place(place(&terms, now)),
        Step::Invoice => OrderCommand::Invoice(invoice(&terms, now)),
        Step::Pay => OrderCommand::Pay(pay(&terms, now)),
    }
}

fn place(terms: &Terms, now: OffsetDateTime) -> OrderPlaced {
    let start = format!("2026-01-{:02}", terms.day);
    // The day before, a year later.
    let end = if terms.day == 1 {
        "2026-12-31".to_owned()
    } else {
        format!("2027-01-{:02}", terms.day - 1)
    };
    let line = |line: &str, description: &str, cents, per: &str, method: &str| OrderLine {
        line: line.to_owned(),
        description: description.to_owned(),
        quantity: Decimal::ONE,
        price: Price { model: "flat".to_owned(), amount: money(cents), per: per.to_owned() },
        start: start.clone(),
        end: end.clone(),
        recognition: Recognition { method: method.to_owned() },
        billing: Billing { every: per.to_owned(), timing: "advance".to_owned() },
        amount: money(cents),
        schedule: Schedule { from: start.clone(), recognised: money(0), amount: money(cents) },
    };
    OrderPlaced {
        trail: trail("o", terms, now),
        order: order(terms),
        customer: terms.customer(),
        currency: "USD".to_owned(),
        start: start.clone(),
        end: end.clone(),
        purchase_order: format!("PO-{:07}", terms.number),
        transaction_price: money(terms.subscription + terms.setup),
        lines: vec![
            line("1", "Subscription, one year", terms.subscription, "term", "over_time"),
            line("2", "Setup", terms.setup, "once", "point_in_time"),
        ],
    }
}

fn invoice(terms: &Terms, now: OffsetDateTime) -> InvoiceIssued {
    let line = |line: &str, description: &str, cents| InvoiceLine {
        line: line.to_owned(),
        order_line: line.to_owned(),
        description: description.to_owned(),
        net: money(cents),
        tax: money(Terms::tax_of(cents)),
        tax_rate: TAX_RATE.into(),
    };
    let net = terms.subscription + terms.setup;
    InvoiceIssued {
        trail: trail("i", terms, now),
        invoice: format!("INV-{:07}", terms.number),
        customer: terms.customer(),
        order: order(terms),
        currency: "USD".to_owned(),
        issued: format!("2026-01-{:02}", terms.day),
        due: "2026-02-28".to_owned(),
        net: money(net),
        tax: money(Terms::tax_of(net)),
        total: money(terms.total()),
        lines: vec![
            line("1", "Subscription, one year", terms.subscription),
            line("2", "Setup", terms.setup),
        ],
    }
}

fn pay(terms: &Terms, now: OffsetDateTime) -> PaymentReceived {
    let invoice = format!("INV-{:07}", terms.number);
    PaymentReceived {
        trail: trail("p", terms, now),
        payment: format!("PAY-{:07}", terms.number),
        customer: terms.customer(),
        amount: money(terms.total()),
        currency: "USD".to_owned(),
        method: "card".to_owned(),
        reference: invoice.clone(),
        fee: money(0),
        received: format!("2026-02-{:02}", terms.day),
        allocations: vec![Allocation {
            invoice,
            amount: money(terms.total()),
            small_balance: money(0),
        }],
        overpayment: money(0),
    }
}

/// The number of an order, which is the peers' name of its aggregate.
pub(crate) fn order(terms: &Terms) -> String {
    format!("ORD-{:07}", terms.number)
}

fn trail(kind: &str, terms: &Terms, now: OffsetDateTime) -> Trail {
    Trail {
        actor: "bench".to_owned(),
        command_id: format!("{kind}-{}", terms.number),
        correlation_id: format!("{kind}-{}", terms.number),
        recorded_at: now.format(&Rfc3339).unwrap_or_else(|_| amount(0)),
    }
}

fn money(cents: u64) -> Decimal {
    Decimal::from_i128_with_scale(cents.into(), 2)
}
