//! Facts of deferred revenue, and which contracts exist.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::calendar::Day;
use ledger_core::event::EventData;
use ledger_core::event::credit::{CreditIssued, CreditedLine};
use ledger_core::event::invoice::{DecidedPolicy, InvoiceIssued, InvoiceVoided};
use ledger_core::event::order::{DeliveryRecorded, OrderPlaced, PlacedLine, UsageRecorded};
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::{ContractId, Functional, Posting, Target, contract_moves};
use ledger_core::revenue::progress::Step;
use ledger_core::revenue::schedule::Schedule;
use ledger_core::revenue::usage::MeterTerms;

mod losses;

/// One fact.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub enum DeferredFact {
    /// A contract began: an order, or an invoice without one.
    Contract {
        /// Which one.
        id: ContractId,
        /// Whose.
        customer: Identifier,
        /// Its currency.
        currency: Currency,
    },
    /// A line of a contract got a schedule, its first one or another.
    Version {
        /// The contract.
        contract: ContractId,
        /// The line.
        line: Identifier,
        /// Its product.
        product: Option<Identifier>,
        /// From when on it earns what.
        schedule: Schedule,
    },
    /// A line that earns by usage got terms, its first ones or others.
    Metered {
        /// The contract.
        contract: ContractId,
        /// The line.
        line: Identifier,
        /// Its product.
        product: Option<Identifier>,
        /// What usage costs.
        terms: MeterTerms,
    },
    /// Something of a line was delivered.
    Delivered {
        /// The contract.
        contract: ContractId,
        /// The line.
        line: Identifier,
        /// What.
        step: Step,
    },
    /// Usage of a line was read.
    Used {
        /// The contract.
        contract: ContractId,
        /// The line.
        line: Identifier,
        /// The day of the reading.
        day: Day,
        /// The reading.
        quantity: Amount,
    },
    /// What a contract was billed moved: up by an invoice, down by a credit.
    Billed {
        /// The contract.
        contract: ContractId,
        /// Net of tax.
        amount: Amount,
        /// What it is worth in the book's currency, where that is another one.
        valued: Option<Box<BillValue>>,
    },
    /// Contra revenue was posted: above zero it lowers revenue.
    Contra {
        /// The contract, where it is one's.
        contract: Option<ContractId>,
        /// Its line.
        line: Option<Identifier>,
        /// Whose.
        customer: Identifier,
        /// Its currency.
        currency: Currency,
        /// Net of tax.
        amount: Amount,
    },
    /// The policies that the event's versions were decided by.
    Shaped {
        /// The contract.
        contract: ContractId,
        /// Values by name.
        policy: DecidedPolicy,
    },
    /// All days up to one are closed now; none: no day is.
    Closed {
        /// The last closed day.
        through: Day,
    },
}

/// What a bill is worth in the book's currency.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct BillValue {
    /// The invoice that billed it, or whose bill is lowered.
    pub invoice: Option<Identifier>,
    /// Net of tax.
    pub amount: Amount,
}

impl DeferredFact {
    /// Whether it changes what a line earns.
    pub fn earns(&self) -> bool {
        matches!(
            self,
            Self::Version { .. }
                | Self::Metered { .. }
                | Self::Delivered { .. }
                | Self::Used { .. }
        )
    }

    /// The contract that it is about, where it is one's.
    pub fn contract(&self) -> Option<&ContractId> {
        match self {
            Self::Contract { id: contract, .. }
            | Self::Version { contract, .. }
            | Self::Metered { contract, .. }
            | Self::Delivered { contract, .. }
            | Self::Used { contract, .. }
            | Self::Billed { contract, .. }
            | Self::Shaped { contract, .. } => Some(contract),
            Self::Contra { contract, .. } => contract.as_ref(),
            Self::Closed { .. } => None,
        }
    }
}

/// The facts of one event, whose entry has these legs.
pub(super) fn facts(
    data: &EventData,
    legs: &[Posting],
    functional: Option<&Functional>,
) -> Vec<DeferredFact> {
    let mut facts = Vec::new();
    let billed = |facts: &mut Vec<DeferredFact>| billed(facts, data, legs, functional);
    match data {
        EventData::OrderPlaced(data) => placed(&mut facts, data),
        EventData::OrderAmended(data) => order(&mut facts, &data.order, &data.lines, &data.policy),
        EventData::EstimateRevised(data) => {
            order(&mut facts, &data.order, &data.lines, &data.policy);
        }
        EventData::OrderRenewed(data) => order(&mut facts, &data.order, &data.lines, &data.policy),
        EventData::OrderCancelled(data) => {
            order(&mut facts, &data.order, &data.lines, &data.policy);
        }
        EventData::OrderSuspended(data) | EventData::OrderResumed(data) => {
            order(&mut facts, &data.order, &data.lines, &data.policy);
        }
        EventData::DeliveryRecorded(data) => delivered(&mut facts, data),
        EventData::UsageRecorded(data) => facts.push(used(data)),
        EventData::InvoiceIssued(data) => {
            invoiced(&mut facts, data);
            billed(&mut facts);
        }
        EventData::InvoiceVoided(data) => {
            voided(&mut facts, data);
            billed(&mut facts);
        }
        EventData::CreditIssued(_)
        | EventData::CreditVoided(_)
        | EventData::PaymentAllocated(_)
        | EventData::PaymentDeallocated(_)
        | EventData::PaymentFailed(_)
        | EventData::PaymentChargedBack(_)
        | EventData::ChargebackWon(_)
        | EventData::InvoiceWrittenOff(_)
        | EventData::WriteOffRecovered(_) => {
            losses::facts(&mut facts, data);
            billed(&mut facts);
        }
        EventData::PeriodClosed(data) => {
            facts.push(DeferredFact::Closed { through: data.through });
        }
        EventData::PeriodReopened(data) => {
            facts.push(DeferredFact::Closed { through: data.from.previous() });
        }
        EventData::BookOpened(_)
        | EventData::ProductDefined(_)
        | EventData::TaxRateDefined(_)
        | EventData::FxRateRecorded(_)
        | EventData::CustomerRegistered(_)
        | EventData::CustomerUpdated(_)
        | EventData::CustomerHeld(_)
        | EventData::CustomerReleased(_)
        | EventData::PaymentPromised(_)
        | EventData::ReminderIssued(_)
        | EventData::DunningRunCompleted(_)
        | EventData::PaymentRequested(_)
        | EventData::PaymentRequestCanceled(_)
        | EventData::PaymentRequestsCompleted(_)
        | EventData::BillingRunCompleted(_)
        | EventData::DisputeOpened(_)
        | EventData::DisputeResolved(_)
        | EventData::PaymentReceived(_)
        | EventData::PaymentRefunded(_)
        | EventData::AllowanceRecorded(_)
        | EventData::CreditApplied(_)
        | EventData::CreditRefunded(_) => {}
    }
    facts
}

fn placed(facts: &mut Vec<DeferredFact>, data: &OrderPlaced) {
    let id = ContractId::Order(data.order.clone());
    facts.push(contract(&id, &data.customer, data.currency));
    order(facts, &data.order, &data.lines, &data.policy);
}

fn voided(facts: &mut Vec<DeferredFact>, data: &InvoiceVoided) {
    let id = ContractId::Invoice(data.invoice.clone());
    versions(facts, &id, data.lines.iter().map(|one| (&one.line, &one.schedule)));
}

fn invoiced(facts: &mut Vec<DeferredFact>, data: &InvoiceIssued) {
    let id = ContractId::Invoice(data.invoice.clone());
    if data.lines.iter().any(|line| line.schedule.is_some()) {
        facts.push(contract(&id, &data.customer, data.currency));
    }
    versions(facts, &id, data.lines.iter().map(|one| (&one.line, &one.schedule)));
}

fn used(data: &UsageRecorded) -> DeferredFact {
    DeferredFact::Used {
        contract: ContractId::Order(data.order.clone()),
        line: data.line.clone(),
        day: data.day,
        quantity: data.quantity,
    }
}

/// The versions of an invoice's own lines.
fn versions<'a>(
    facts: &mut Vec<DeferredFact>,
    contract: &ContractId,
    lines: impl Iterator<Item = (&'a Identifier, &'a Option<Schedule>)>,
) {
    for (line, schedule) in lines {
        if let Some(schedule) = schedule {
            facts.push(version(contract, line, None, schedule));
        }
    }
}

fn delivered(facts: &mut Vec<DeferredFact>, data: &DeliveryRecorded) {
    let contract = ContractId::Order(data.order.clone());
    if let Some(schedule) = &data.schedule {
        facts.push(version(&contract, &data.line, None, schedule));
    }
    let (line, step) = (data.line.clone(), data.step);
    facts.push(DeferredFact::Delivered { contract, line, step });
}

/// The lines of an order after a change of it.
fn order(
    facts: &mut Vec<DeferredFact>,
    order: &Identifier,
    changed: &[PlacedLine],
    policy: &DecidedPolicy,
) {
    let id = ContractId::Order(order.clone());
    lines(facts, &id, changed);
    facts.push(shaped(&id, policy));
}

fn shaped(contract: &ContractId, policy: &DecidedPolicy) -> DeferredFact {
    DeferredFact::Shaped { contract: contract.clone(), policy: policy.clone() }
}

/// What the lines of a credit, or the voiding of one, do to contracts.
fn credited(
    facts: &mut Vec<DeferredFact>,
    (customer, currency, invoice): (&Identifier, Currency, Option<&Identifier>),
    lines: &[CreditedLine],
    is_void: bool,
) {
    for line in lines {
        let (contract, name) = match (&line.order, invoice) {
            (Some(order), _) => (Some(ContractId::Order(order.clone())), line.order_line.as_ref()),
            (None, Some(invoice)) => {
                (Some(ContractId::Invoice(invoice.clone())), line.invoice_line.as_ref())
            }
            (None, None) => (None, None),
        };
        if let (Some(contract), Some(name)) = (&contract, name) {
            facts.extend(line.versions().map(|schedule| version(contract, name, None, schedule)));
        }
        let amount = if is_void { -line.contra_revenue } else { line.contra_revenue };
        contra(facts, (customer, currency), contract.zip(name), amount);
    }
}

fn contra(
    facts: &mut Vec<DeferredFact>,
    (customer, currency): (&Identifier, Currency),
    of: Option<(ContractId, &Identifier)>,
    amount: Amount,
) {
    if amount.is_zero() {
        return;
    }
    let (contract, line) = of.map(|(contract, line)| (contract, line.clone())).unzip();
    let customer = customer.clone();
    facts.push(DeferredFact::Contra { contract, line, customer, currency, amount });
}

/// What a credit does to revenue shapes the versions that it makes.
fn credit_shaped(facts: &mut Vec<DeferredFact>, data: &CreditIssued) {
    let mut policy = data.policy.clone();
    policy.insert("credit_revenue".to_owned(), data.revenue.as_str().to_owned());
    let made = facts.iter().filter_map(|fact| match fact {
        DeferredFact::Version { contract, .. } => Some(contract.clone()),
        DeferredFact::Contract { .. }
        | DeferredFact::Metered { .. }
        | DeferredFact::Delivered { .. }
        | DeferredFact::Used { .. }
        | DeferredFact::Billed { .. }
        | DeferredFact::Contra { .. }
        | DeferredFact::Shaped { .. }
        | DeferredFact::Closed { .. } => None,
    });
    let contracts: BTreeSet<ContractId> = made.collect();
    facts.extend(contracts.iter().map(|contract| shaped(contract, &policy)));
}

fn contract(id: &ContractId, customer: &Identifier, currency: Currency) -> DeferredFact {
    DeferredFact::Contract { id: id.clone(), customer: customer.clone(), currency }
}

fn lines(facts: &mut Vec<DeferredFact>, id: &ContractId, lines: &[PlacedLine]) {
    for line in lines {
        if let Some(schedule) = &line.schedule {
            facts.push(version(id, &line.line, line.product.as_ref(), schedule));
        }
        if let Some(terms) = line.meter_terms() {
            facts.push(DeferredFact::Metered {
                contract: id.clone(),
                line: line.line.clone(),
                product: line.product.clone(),
                terms,
            });
        }
    }
}

fn version(
    contract: &ContractId,
    line: &Identifier,
    product: Option<&Identifier>,
    schedule: &Schedule,
) -> DeferredFact {
    DeferredFact::Version {
        contract: contract.clone(),
        line: line.clone(),
        product: product.cloned(),
        schedule: schedule.clone(),
    }
}

/// The contract legs of the event's own entry move what was billed.
fn billed(
    facts: &mut Vec<DeferredFact>,
    data: &EventData,
    legs: &[Posting],
    functional: Option<&Functional>,
) {
    if let Some(functional) = functional {
        facts.extend(contract_moves(data, functional).into_iter().map(|one| {
            let value = BillValue { invoice: one.invoice, amount: -one.value };
            DeferredFact::Billed {
                contract: one.contract,
                amount: -one.amount,
                valued: Some(Box::new(value)),
            }
        }));
        return;
    }
    for leg in legs {
        if let Target::Contract(contract) = &leg.target {
            let contract = contract.clone();
            facts.push(DeferredFact::Billed { contract, amount: -leg.amount, valued: None });
        }
    }
}

/// Which contracts exist.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct KnownContracts(BTreeSet<ContractId>);

impl KnownContracts {
    /// Hears that a contract began.
    pub(super) fn begin(&mut self, contract: &ContractId) {
        self.0.insert(contract.clone());
    }

    /// Whether an event before made it.
    pub(super) fn has(&self, contract: &ContractId) -> bool {
        self.0.contains(contract)
    }
}
