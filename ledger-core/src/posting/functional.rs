//! What an event posts in the book's currency, where its document has another one (accounting,
//! section 6).
//!
//! Each open document stands at its own historical rate. What is taken of it goes out in
//! proportion, so that nothing is left when it is settled; what the two sides of an entry differ
//! by is the realised gain or loss. The postings are decided once and kept with the event.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::EventData;
use crate::event::invoice::InvoiceIssued;
use crate::fx::ExchangeRate;
use crate::id::Identifier;
use crate::money::{Amount, Currency, Rounding, multiply_divide};
use crate::posting::entry::{Basis, Leg};
use crate::posting::{ContractId, Posting, Role, Target, valued_legs};

mod moves;

pub use moves::{ContractMove, OpenMove, contract_moves, open_moves};

/// The entry of an event in the book's currency.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct Functional {
    /// The event's own rate.
    pub rate: ExchangeRate,
    /// Its postings: they sum to zero.
    pub postings: Vec<FunctionalPosting>,
}

/// One posting in the book's currency: to the account of a role, or to the balance of a contract.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct FunctionalPosting {
    /// The role of the account; none for the balance of a contract.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub role: Option<Role>,
    /// The order whose contract balance it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<Identifier>,
    /// The invoice whose own contract balance it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoice: Option<Identifier>,
    /// The invoice, payment or credit that stands at more or less by it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub of: Option<Identifier>,
    /// Debit-positive, in the book's currency.
    pub amount: Amount,
}

impl FunctionalPosting {
    /// Where it goes; none where neither a role nor a contract is named.
    pub fn target(&self) -> Option<Target> {
        match (self.role, &self.order, &self.invoice) {
            (Some(role), ..) => Some(Target::Role(role)),
            (None, Some(order), _) => Some(Target::Contract(ContractId::Order(order.clone()))),
            (None, None, Some(id)) => Some(Target::Contract(ContractId::Invoice(id.clone()))),
            (None, None, None) => None,
        }
    }

    fn new(target: &Target, of: Option<&Identifier>, amount: Amount) -> Self {
        let (role, order, invoice) = match target {
            Target::Role(role) => (Some(*role), None, None),
            Target::Contract(ContractId::Order(id)) => (None, Some(id.clone()), None),
            Target::Contract(ContractId::Invoice(id)) => (None, None, Some(id.clone())),
        };
        Self { role, order, invoice, of: of.cloned(), amount }
    }
}

impl Functional {
    /// The postings as the legs of an entry.
    pub fn legs(&self) -> Vec<Posting> {
        let legs = self.postings.iter();
        legs.filter_map(|one| Some(Posting { target: one.target()?, amount: one.amount })).collect()
    }

    /// What it posts for a leg.
    fn value_of(&self, leg: &Leg<'_>) -> Amount {
        let of = moved(leg);
        let same = self
            .postings
            .iter()
            .find(|one| one.of.as_ref() == of && one.target().as_ref() == Some(&leg.target));
        same.map_or(Amount::ZERO, |one| one.amount)
    }

    /// The balance that it posts to an account.
    pub fn role(&self, role: Role) -> Amount {
        self.postings.iter().filter(|one| one.role == Some(role)).map(|one| one.amount).sum()
    }
}

/// An amount of a document, and what of it is left, in both currencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Pool {
    total: Amount,
    value: Amount,
    left: Amount,
    left_value: Amount,
}

impl Pool {
    fn new(total: Amount, value: Amount) -> Self {
        Self { total, value, left: total, left_value: value }
    }

    /// The value of a part that is taken, below zero of one that is given back: what is left is
    /// always its proportion of the whole.
    fn value_of(&self, part: Amount, (currency, rounding): (Currency, Rounding)) -> Amount {
        let left = (self.left - part).decimal();
        let exact = multiply_divide(self.value.decimal(), left, self.total.decimal());
        let after =
            if self.total.is_zero() { Amount::ZERO } else { currency.round(exact, rounding) };
        self.left_value - after
    }

    fn take(&mut self, part: Amount, value: Amount) {
        self.left -= part;
        self.left_value -= value;
    }
}

/// What an invoice stands at.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
struct InvoiceValue {
    rate: ExchangeRate,
    open: Pool,
    tax: Pool,
    net: Pool,
    /// The rate of its latest write-off.
    loss: ExchangeRate,
}

/// What a payment's unapplied money, or the unused part of a credit, stands at.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
struct Held {
    rate: ExchangeRate,
    left: Pool,
}

/// What the documents in other currencies than the book's stand at in the book's.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct Values {
    invoices: BTreeMap<Identifier, InvoiceValue>,
    payments: BTreeMap<Identifier, Held>,
    credits: BTreeMap<Identifier, Held>,
}

impl Values {
    /// Folds an event that was decided.
    pub fn take(&mut self, data: &EventData, functional: &Functional) {
        self.open(data, functional);
        for leg in merged(valued_legs(data)) {
            // The legs that opened a document count as its beginning.
            if !is_opening(data, &leg) {
                self.move_pool(&leg, functional.value_of(&leg));
            }
        }
        if let EventData::InvoiceWrittenOff(written) = data
            && let Some(invoice) = self.invoices.get_mut(&written.invoice)
        {
            invoice.loss = functional.rate;
        }
    }

    /// Takes the document that an event makes.
    fn open(&mut self, data: &EventData, functional: &Functional) {
        let rate = functional.rate;
        match opened(data) {
            Some(Opened::Invoice(invoice)) => {
                let open = functional.role(Role::AccountsReceivable);
                let tax = -functional.role(Role::TaxPayable);
                let value = InvoiceValue {
                    rate,
                    open: Pool::new(invoice.total, open),
                    tax: Pool::new(invoice.tax, tax),
                    net: Pool::new(invoice.net, open - tax),
                    loss: rate,
                };
                self.invoices.insert(invoice.invoice.clone(), value);
            }
            Some(Opened::Payment(id, amount)) => {
                let value = -functional.role(Role::UnappliedCash);
                self.payments.insert(id.clone(), Held { rate, left: Pool::new(amount, value) });
            }
            Some(Opened::Credit(id, amount)) => {
                let value = -functional.role(Role::CustomerCredits);
                self.credits.insert(id.clone(), Held { rate, left: Pool::new(amount, value) });
            }
            None => {}
        }
    }

    fn move_pool(&mut self, leg: &Leg<'_>, value: Amount) {
        if let Some(pool) = self.pool(leg) {
            let sign = sign_of(leg);
            let (part, value) = if sign { (leg.amount, value) } else { (-leg.amount, -value) };
            pool.take(part, value);
        }
    }

    /// The pool that a leg takes from.
    fn pool(&mut self, leg: &Leg<'_>) -> Option<&mut Pool> {
        match (leg.basis, &leg.target) {
            (Basis::Invoice(id), Target::Role(Role::AccountsReceivable)) => {
                self.invoices.get_mut(id).map(|one| &mut one.open)
            }
            (Basis::Invoice(id), Target::Role(Role::TaxPayable)) => {
                self.invoices.get_mut(id).map(|one| &mut one.tax)
            }
            (Basis::Invoice(id), _) => self.invoices.get_mut(id).map(|one| &mut one.net),
            (Basis::Payment(id), _) => self.payments.get_mut(id).map(|one| &mut one.left),
            (Basis::Credit(id), _) => self.credits.get_mut(id).map(|one| &mut one.left),
            (
                Basis::Own
                | Basis::AtInvoice(_)
                | Basis::AtLoss(_)
                | Basis::AtPayment(_)
                | Basis::AtCredit(_),
                _,
            ) => None,
        }
    }
}

/// Whether debits take from the pool of a leg: of a receivable credits do.
fn sign_of(leg: &Leg<'_>) -> bool {
    leg.target != Target::Role(Role::AccountsReceivable)
}

/// The document whose value a leg moves.
fn moved<'a>(leg: &Leg<'a>) -> Option<&'a Identifier> {
    match leg.basis {
        Basis::Invoice(id) | Basis::Payment(id) | Basis::Credit(id) => Some(id),
        Basis::Own
        | Basis::AtInvoice(_)
        | Basis::AtLoss(_)
        | Basis::AtPayment(_)
        | Basis::AtCredit(_) => None,
    }
}

/// A document that an event makes.
enum Opened<'a> {
    Invoice(&'a InvoiceIssued),
    Payment(&'a Identifier, Amount),
    Credit(&'a Identifier, Amount),
}

fn opened(data: &EventData) -> Option<Opened<'_>> {
    if let EventData::InvoiceIssued(invoice) = data {
        return Some(Opened::Invoice(invoice));
    }
    if let EventData::PaymentReceived(payment) = data {
        return Some(Opened::Payment(&payment.payment, payment.amount));
    }
    if let EventData::CreditIssued(credit) = data {
        return Some(Opened::Credit(&credit.credit, credit.total));
    }
    None
}

/// Whether a leg is the beginning of the document that the event makes.
fn is_opening(data: &EventData, leg: &Leg<'_>) -> bool {
    match opened(data) {
        Some(Opened::Invoice(_)) => true,
        Some(Opened::Payment(..)) => matches!(leg.basis, Basis::Payment(_)),
        Some(Opened::Credit(..)) => matches!(leg.basis, Basis::Credit(_)),
        None => false,
    }
}

/// The amounts of an event that are valued at its own rate.
pub fn at_own_rate(data: &EventData) -> impl Iterator<Item = Amount> {
    let legs = merged(valued_legs(data)).into_iter();
    legs.filter(|leg| leg.basis == Basis::Own || is_opening(data, leg)).map(|leg| leg.amount)
}

/// Legs of one target and basis as one.
fn merged(legs: Vec<Leg<'_>>) -> Vec<Leg<'_>> {
    let mut merged: Vec<Leg<'_>> = Vec::with_capacity(legs.len());
    for leg in legs {
        match merged.iter_mut().find(|one| one.target == leg.target && one.basis == leg.basis) {
            Some(same) => same.amount += leg.amount,
            None => merged.push(leg),
        }
    }
    merged
}

/// Values the events of one command, one after another.
#[derive(Debug)]
pub struct Valuer<'a> {
    known: &'a Values,
    /// The documents that the command touches, as they stand after the events so far.
    touched: Values,
    currency: Currency,
    rounding: Rounding,
}

impl<'a> Valuer<'a> {
    /// A valuer of a book in this currency.
    pub fn new(known: &'a Values, currency: Currency, rounding: Rounding) -> Self {
        Self { known, touched: Values::default(), currency, rounding }
    }

    /// The entry of an event at its rate; none where it posts nothing.
    pub fn value(&mut self, data: &EventData, rate: ExchangeRate) -> Option<Functional> {
        let legs = merged(valued_legs(data));
        if legs.is_empty() {
            return None;
        }
        for leg in &legs {
            self.touch(leg);
        }
        let mut postings = match opened(data) {
            Some(Opened::Invoice(invoice)) => self.issued(&legs, invoice, rate),
            Some(Opened::Payment(..) | Opened::Credit(..)) | None => {
                let before = self.touched.clone();
                let mut values = Vec::with_capacity(legs.len() + 1);
                for leg in &legs {
                    let value = self.value_of(data, leg, rate);
                    if !is_opening(data, leg) {
                        self.touched.move_pool(leg, value);
                    }
                    values.push(FunctionalPosting::new(&leg.target, moved(leg), value));
                }
                self.touched = before;
                values
            }
        };
        self.even_out(data, &legs, &mut postings);
        postings.retain(|one| !one.amount.is_zero());
        let functional = Functional { rate, postings };
        self.touched.take(data, &functional);
        Some(functional)
    }

    /// What a leg is worth.
    fn value_of(&mut self, data: &EventData, leg: &Leg<'_>, rate: ExchangeRate) -> Amount {
        let rounding = self.rounding;
        let at = |rate: Option<ExchangeRate>| {
            rate.map_or(Amount::ZERO, |rate| rate.value(leg.amount, rounding))
        };
        if is_opening(data, leg) {
            return at(Some(rate));
        }
        let by = (self.currency, rounding);
        match leg.basis {
            Basis::Own => at(Some(rate)),
            Basis::AtInvoice(id) => at(self.touched.invoices.get(id).map(|one| one.rate)),
            Basis::AtLoss(id) => at(self.touched.invoices.get(id).map(|one| one.loss)),
            Basis::AtPayment(id) => at(self.touched.payments.get(id).map(|one| one.rate)),
            Basis::AtCredit(id) => at(self.touched.credits.get(id).map(|one| one.rate)),
            Basis::Invoice(_) | Basis::Payment(_) | Basis::Credit(_) => {
                let is_debit = sign_of(leg);
                let part = if is_debit { leg.amount } else { -leg.amount };
                let pool = self.touched.pool(leg);
                let value = pool.map_or(Amount::ZERO, |pool| pool.value_of(part, by));
                if is_debit { value } else { -value }
            }
        }
    }

    /// The entry of an invoice: the receivable and the tax at the rate, and the lines so that they
    /// sum to the difference.
    fn issued(
        &self,
        legs: &[Leg<'_>],
        invoice: &InvoiceIssued,
        rate: ExchangeRate,
    ) -> Vec<FunctionalPosting> {
        let at = |amount| rate.value(amount, self.rounding);
        let net = at(invoice.total) - at(invoice.tax);
        let last = legs.iter().rposition(|leg| matches!(leg.target, Target::Contract(_)));
        let (mut so_far, mut given) = (Amount::ZERO, Amount::ZERO);
        let mut value = |(index, leg): (usize, &Leg<'_>)| {
            let value = match &leg.target {
                Target::Role(_) => at(leg.amount),
                Target::Contract(_) if Some(index) == last => -net - given,
                Target::Contract(_) => {
                    so_far += leg.amount;
                    at(so_far) - given
                }
            };
            if matches!(leg.target, Target::Contract(_)) {
                given += value;
            }
            FunctionalPosting::new(&leg.target, moved(leg), value)
        };
        legs.iter().enumerate().map(&mut value).collect()
    }

    /// Posts what the entry is off by: the gain or loss between two rates; where all is at one
    /// rate, it is a matter of rounding, and goes to the largest posting.
    fn even_out(&self, data: &EventData, legs: &[Leg<'_>], postings: &mut Vec<FunctionalPosting>) {
        let off: Amount = postings.iter().map(|one| one.amount).sum();
        if off.is_zero() {
            return;
        }
        let is_one_rate = legs.iter().all(|leg| leg.basis == Basis::Own || is_opening(data, leg));
        let free = postings.iter_mut().filter(|one| one.of.is_none());
        let largest = free.max_by_key(|one| one.amount.decimal().abs());
        match largest {
            Some(largest) if is_one_rate => largest.amount -= off,
            Some(_) | None => {
                let target = Target::Role(Role::FxGainLoss);
                postings.push(FunctionalPosting::new(&target, None, -off));
            }
        }
    }

    /// Takes the documents of a leg that were not touched before.
    fn touch(&mut self, leg: &Leg<'_>) {
        match leg.basis {
            Basis::Own => {}
            Basis::Invoice(id) | Basis::AtInvoice(id) | Basis::AtLoss(id) => {
                copy(&mut self.touched.invoices, &self.known.invoices, id);
            }
            Basis::Payment(id) | Basis::AtPayment(id) => {
                copy(&mut self.touched.payments, &self.known.payments, id);
            }
            Basis::Credit(id) | Basis::AtCredit(id) => {
                copy(&mut self.touched.credits, &self.known.credits, id);
            }
        }
    }
}

fn copy<T: Clone>(
    to: &mut BTreeMap<Identifier, T>,
    from: &BTreeMap<Identifier, T>,
    id: &Identifier,
) {
    if !to.contains_key(id)
        && let Some(known) = from.get(id)
    {
        to.insert(id.clone(), known.clone());
    }
}
