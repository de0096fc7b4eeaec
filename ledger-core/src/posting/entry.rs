//! The entry of each event.

use crate::command::payment::ChargebackTreatment;
use crate::event::EventData;
use crate::event::credit::{CreditVoided, CreditedLine};
use crate::event::invoice::{InvoiceIssued, InvoiceVoided};
use crate::event::loss::{InvoiceWrittenOff, WriteOffRecovered};
use crate::event::payment::{
    ChargebackWon, PaymentAllocated, PaymentAllocation, PaymentChargedBack, PaymentDeallocated,
    PaymentReceived, Taken,
};
use crate::id::Identifier;
use crate::money::Amount;
use crate::posting::{ContractId, Posting, Role, Target};

/// Collects the legs of an entry.
#[derive(Default)]
struct Legs(Vec<Posting>);

impl Legs {
    fn post(&mut self, target: Target, amount: Amount) {
        if !amount.is_zero() {
            self.0.push(Posting { target, amount });
        }
    }

    fn role(&mut self, role: Role, amount: Amount) {
        self.post(Target::Role(role), amount);
    }

    fn contract(&mut self, contract: ContractId, amount: Amount) {
        self.post(Target::Contract(contract), amount);
    }
}

/// The legs of an event's own entry: they sum to zero. Recognition posts by itself, from the
/// contracts' schedules.
pub fn postings(data: &EventData) -> Vec<Posting> {
    let mut legs = Legs::default();
    match data {
        EventData::BookOpened(_)
        | EventData::ProductDefined(_)
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
        | EventData::OrderPlaced(_)
        | EventData::TaxRateDefined(_)
        | EventData::PeriodClosed(_)
        | EventData::PeriodReopened(_)
        | EventData::OrderAmended(_)
        | EventData::EstimateRevised(_)
        | EventData::OrderRenewed(_)
        | EventData::OrderCancelled(_)
        | EventData::OrderSuspended(_)
        | EventData::OrderResumed(_)
        | EventData::DeliveryRecorded(_)
        | EventData::UsageRecorded(_)
        | EventData::BillingRunCompleted(_)
        | EventData::DisputeOpened(_)
        | EventData::DisputeResolved(_) => {}
        EventData::InvoiceIssued(invoice) => issued(&mut legs, invoice),
        EventData::InvoiceVoided(invoice) => voided(&mut legs, invoice),
        EventData::PaymentReceived(payment) => received(&mut legs, payment),
        EventData::PaymentAllocated(payment) => allocated(&mut legs, payment),
        EventData::PaymentDeallocated(payment) => deallocated(&mut legs, payment),
        EventData::PaymentRefunded(payment) => {
            legs.role(Role::UnappliedCash, payment.amount);
            legs.role(Role::Cash, -payment.amount);
        }
        EventData::PaymentFailed(failed) => {
            if let Some(back) = &failed.taken {
                taken(&mut legs, back, true);
            }
        }
        EventData::PaymentChargedBack(back) => charged_back(&mut legs, back),
        EventData::ChargebackWon(won) => chargeback_won(&mut legs, won),
        EventData::InvoiceWrittenOff(written) => written_off(&mut legs, written),
        EventData::WriteOffRecovered(recovered) => self::recovered(&mut legs, recovered),
        EventData::AllowanceRecorded(allowance) => {
            legs.role(Role::BadDebtExpense, allowance.change);
            legs.role(Role::Allowance, -allowance.change);
        }
        EventData::CreditIssued(credit) => {
            credited(&mut legs, &credit.lines, credit.invoice.as_ref(), &credit.credit, false);
            legs.role(Role::CustomerCredits, -credit.total);
        }
        EventData::CreditApplied(credit) => {
            let applied: Amount = credit.allocations.iter().map(|one| one.amount).sum();
            legs.role(Role::CustomerCredits, applied);
            legs.role(Role::AccountsReceivable, -applied);
        }
        EventData::CreditRefunded(credit) => {
            legs.role(Role::CustomerCredits, credit.amount);
            legs.role(Role::Cash, -credit.amount);
        }
        EventData::CreditVoided(credit) => credit_voided(&mut legs, credit),
    }
    legs.0
}

fn received(legs: &mut Legs, payment: &PaymentReceived) {
    legs.role(Role::Cash, payment.amount - payment.fee);
    legs.role(Role::PaymentFees, payment.fee);
    legs.role(Role::UnappliedCash, -payment.amount);
}

fn issued(legs: &mut Legs, invoice: &InvoiceIssued) {
    legs.role(Role::AccountsReceivable, invoice.total);
    legs.role(Role::TaxPayable, -invoice.tax);
    for line in &invoice.lines {
        legs.contract(line.contract(invoice.order.as_ref(), &invoice.invoice), -line.net);
    }
}

fn voided(legs: &mut Legs, invoice: &InvoiceVoided) {
    legs.role(Role::AccountsReceivable, -invoice.total);
    legs.role(Role::TaxPayable, invoice.tax);
    for line in &invoice.lines {
        legs.contract(own_or(line.order.as_ref(), &invoice.invoice), line.net);
    }
}

/// The contract of an order, or an invoice's own.
fn own_or(order: Option<&Identifier>, invoice: &Identifier) -> ContractId {
    match order {
        Some(order) => ContractId::Order(order.clone()),
        None => ContractId::Invoice(invoice.clone()),
    }
}

fn allocated(legs: &mut Legs, payment: &PaymentAllocated) {
    let paid: Amount = payment.allocations.iter().map(|one| one.amount).sum();
    legs.role(Role::UnappliedCash, paid + payment.overpayment);
    settled(legs, &payment.allocations, false);
    legs.role(Role::SmallBalanceWriteOff, -payment.overpayment);
}

fn deallocated(legs: &mut Legs, payment: &PaymentDeallocated) {
    let paid: Amount = payment.allocations.iter().map(|one| one.amount).sum();
    settled(legs, &payment.allocations, true);
    legs.role(Role::UnappliedCash, -(paid + payment.overpayment));
    legs.role(Role::SmallBalanceWriteOff, payment.overpayment);
}

fn charged_back(legs: &mut Legs, back: &PaymentChargedBack) {
    taken(legs, &back.taken, back.treatment == ChargebackTreatment::ReopenReceivable);
    for one in &back.reversed {
        credited(legs, &one.lines, Some(&one.invoice), &one.invoice, false);
    }
    legs.role(Role::Recoveries, back.recoveries);
    legs.role(Role::PaymentFees, back.fee);
    legs.role(Role::Cash, -back.fee);
}

fn chargeback_won(legs: &mut Legs, won: &ChargebackWon) {
    legs.role(Role::Cash, won.amount);
    settled(legs, &won.allocations, false);
    legs.role(Role::UnappliedCash, -won.unapplied);
    legs.role(Role::Recoveries, -won.recoveries);
}

fn written_off(legs: &mut Legs, written: &InvoiceWrittenOff) {
    legs.role(Role::AccountsReceivable, -written.amount);
    legs.role(Role::TaxPayable, written.tax);
    legs.role(Role::of_loss(written.write_off_to), written.loss);
    for line in &written.lines {
        legs.contract(own_or(line.order.as_ref(), &written.invoice), line.contract_balance);
    }
}

fn recovered(legs: &mut Legs, recovered: &WriteOffRecovered) {
    legs.role(Role::AccountsReceivable, recovered.amount);
    legs.role(Role::TaxPayable, -recovered.tax);
    legs.role(Role::of_loss(recovered.write_off_to), -recovered.loss);
    legs.role(Role::Recoveries, -recovered.recoveries);
}

fn credit_voided(legs: &mut Legs, credit: &CreditVoided) {
    credited(legs, &credit.lines, credit.invoice.as_ref(), &credit.credit, true);
    let reopened: Amount = credit.reopened.iter().map(|one| one.amount).sum();
    legs.role(Role::AccountsReceivable, reopened);
    legs.role(Role::CustomerCredits, credit.total - reopened);
}

/// What allocations take off the receivable, with the rests and discounts that go with it; the
/// money itself is the caller's. `is_back`: the reverse.
fn settled(legs: &mut Legs, allocations: &[PaymentAllocation], is_back: bool) {
    let sum = |part: fn(&PaymentAllocation) -> Amount| {
        let sum: Amount = allocations.iter().map(part).sum();
        if is_back { -sum } else { sum }
    };
    legs.role(Role::SmallBalanceWriteOff, sum(|one| one.small_balance));
    legs.role(Role::AccountsReceivable, -sum(PaymentAllocation::settled));
    legs.role(Role::ContraRevenue, sum(PaymentAllocation::cash_discount_net));
    legs.role(Role::TaxPayable, sum(|one| one.cash_discount_tax));
}

/// Money that is taken back of a payment: from where it stood to cash.
fn taken(legs: &mut Legs, back: &Taken, reopens: bool) {
    legs.role(Role::UnappliedCash, back.unapplied);
    legs.role(Role::SmallBalanceWriteOff, back.overpayment);
    if reopens {
        settled(legs, &back.allocations, true);
    }
    legs.role(Role::Cash, -back.amount);
}

/// The debits of a credit's lines, or their reverse where it is voided.
fn credited(
    legs: &mut Legs,
    lines: &[CreditedLine],
    invoice: Option<&Identifier>,
    credit: &Identifier,
    is_void: bool,
) {
    let sign = |amount: Amount| if is_void { -amount } else { amount };
    for line in lines {
        legs.role(Role::ContraRevenue, sign(line.contra_revenue));
        legs.role(Role::TaxPayable, sign(line.tax));
        // `decide` gives a line without an invoice no contract balance.
        let contract = own_or(line.order.as_ref(), invoice.unwrap_or(credit));
        legs.contract(contract, sign(line.contract_balance));
    }
}
