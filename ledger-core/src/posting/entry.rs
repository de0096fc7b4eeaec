//! The entry of each event.

use crate::command::payment::ChargebackTreatment;
use crate::command::shared::Allocation;
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
use crate::policy::WriteOffTo;
use crate::posting::{ContractId, Posting, Role, Target};

/// By what a leg in another currency than the book's is valued in the book's (accounting,
/// section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis<'a> {
    /// At the event's own rate.
    Own,
    /// By the part that it takes of what the invoice stands at: of the receivable, of its tax, or
    /// of its net.
    Invoice(&'a Identifier),
    /// At the rate of an invoice.
    AtInvoice(&'a Identifier),
    /// At the rate at which an invoice was written off last.
    AtLoss(&'a Identifier),
    /// By the part that it takes of what the payment stands at.
    Payment(&'a Identifier),
    /// At the rate of a payment.
    AtPayment(&'a Identifier),
    /// By the part that it takes of what the credit stands at.
    Credit(&'a Identifier),
    /// At the rate of a credit.
    AtCredit(&'a Identifier),
}

/// One leg with its basis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg<'a> {
    /// Where it goes.
    pub target: Target,
    /// Debit-positive, in the document's currency.
    pub amount: Amount,
    /// By what it is valued.
    pub basis: Basis<'a>,
}

/// Collects the legs of an entry.
struct Legs<'a> {
    list: Vec<Leg<'a>>,
    /// Whether what several invoices have in common is told invoice by invoice.
    by_invoice: bool,
}

impl<'a> Legs<'a> {
    fn post(&mut self, target: Target, amount: Amount, basis: Basis<'a>) {
        if !amount.is_zero() {
            self.list.push(Leg { target, amount, basis });
        }
    }

    fn role(&mut self, role: Role, amount: Amount, basis: Basis<'a>) {
        self.post(Target::Role(role), amount, basis);
    }

    fn contract(&mut self, contract: ContractId, amount: Amount, basis: Basis<'a>) {
        self.post(Target::Contract(contract), amount, basis);
    }
}

/// The legs of an event's own entry: they sum to zero. Recognition posts by itself, from the
/// contracts' schedules.
pub fn postings(data: &EventData) -> Vec<Posting> {
    let legs = legs(data, false).into_iter();
    legs.map(|Leg { target, amount, .. }| Posting { target, amount }).collect()
}

/// The same legs, invoice by invoice, with what each is valued by.
pub fn valued_legs(data: &EventData) -> Vec<Leg<'_>> {
    legs(data, true)
}

fn legs(data: &EventData, by_invoice: bool) -> Vec<Leg<'_>> {
    let mut legs = Legs { list: Vec::new(), by_invoice };
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
        | EventData::FxRateRecorded(_)
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
            legs.role(Role::UnappliedCash, payment.amount, Basis::Payment(&payment.payment));
            legs.role(Role::Cash, -payment.amount, Basis::Own);
        }
        EventData::PaymentFailed(failed) => {
            if let Some(back) = &failed.taken {
                let payment = failed.payment.as_ref().unwrap_or(&failed.invoice);
                taken(&mut legs, payment, back, true);
                // There never was any money: at the rate at which it was thought to come.
                legs.role(Role::Cash, -back.amount, Basis::AtPayment(payment));
            }
        }
        EventData::PaymentChargedBack(back) => charged_back(&mut legs, back),
        EventData::ChargebackWon(won) => chargeback_won(&mut legs, won),
        EventData::InvoiceWrittenOff(written) => written_off(&mut legs, written),
        EventData::WriteOffRecovered(recovered) => self::recovered(&mut legs, recovered),
        EventData::AllowanceRecorded(allowance) => {
            legs.role(Role::BadDebtExpense, allowance.change, Basis::Own);
            legs.role(Role::Allowance, -allowance.change, Basis::Own);
        }
        EventData::CreditIssued(credit) => {
            credited(&mut legs, &credit.lines, (credit.invoice.as_ref(), &credit.credit), false);
            legs.role(Role::CustomerCredits, -credit.total, Basis::Credit(&credit.credit));
        }
        EventData::CreditApplied(credit) => {
            let applied: Amount = credit.allocations.iter().map(|one| one.amount).sum();
            legs.role(Role::CustomerCredits, applied, Basis::Credit(&credit.credit));
            receivable(&mut legs, &credit.allocations, true);
        }
        EventData::CreditRefunded(credit) => {
            legs.role(Role::CustomerCredits, credit.amount, Basis::Credit(&credit.credit));
            legs.role(Role::Cash, -credit.amount, Basis::Own);
        }
        EventData::CreditVoided(credit) => credit_voided(&mut legs, credit),
    }
    legs.list
}

fn received<'a>(legs: &mut Legs<'a>, payment: &'a PaymentReceived) {
    legs.role(Role::Cash, payment.amount - payment.fee, Basis::Own);
    legs.role(Role::PaymentFees, payment.fee, Basis::Own);
    legs.role(Role::UnappliedCash, -payment.amount, Basis::Payment(&payment.payment));
}

fn issued<'a>(legs: &mut Legs<'a>, invoice: &'a InvoiceIssued) {
    let basis = Basis::Invoice(&invoice.invoice);
    legs.role(Role::AccountsReceivable, invoice.total, basis);
    legs.role(Role::TaxPayable, -invoice.tax, basis);
    for line in &invoice.lines {
        legs.contract(line.contract(invoice.order.as_ref(), &invoice.invoice), -line.net, basis);
    }
}

fn voided<'a>(legs: &mut Legs<'a>, invoice: &'a InvoiceVoided) {
    let basis = Basis::Invoice(&invoice.invoice);
    legs.role(Role::AccountsReceivable, -invoice.total, basis);
    legs.role(Role::TaxPayable, invoice.tax, basis);
    for line in &invoice.lines {
        legs.contract(own_or(line.order.as_ref(), &invoice.invoice), line.net, basis);
    }
}

/// The contract of an order, or an invoice's own.
fn own_or(order: Option<&Identifier>, invoice: &Identifier) -> ContractId {
    match order {
        Some(order) => ContractId::Order(order.clone()),
        None => ContractId::Invoice(invoice.clone()),
    }
}

fn allocated<'a>(legs: &mut Legs<'a>, payment: &'a PaymentAllocated) {
    let id = &payment.payment;
    let paid: Amount = payment.allocations.iter().map(|one| one.amount).sum();
    legs.role(Role::UnappliedCash, paid + payment.overpayment, Basis::Payment(id));
    settled(legs, &payment.allocations, false);
    legs.role(Role::SmallBalanceWriteOff, -payment.overpayment, Basis::AtPayment(id));
}

fn deallocated<'a>(legs: &mut Legs<'a>, payment: &'a PaymentDeallocated) {
    let id = &payment.payment;
    let paid: Amount = payment.allocations.iter().map(|one| one.amount).sum();
    settled(legs, &payment.allocations, true);
    legs.role(Role::UnappliedCash, -(paid + payment.overpayment), Basis::Payment(id));
    legs.role(Role::SmallBalanceWriteOff, payment.overpayment, Basis::AtPayment(id));
}

fn charged_back<'a>(legs: &mut Legs<'a>, back: &'a PaymentChargedBack) {
    let reopens = back.treatment == ChargebackTreatment::ReopenReceivable;
    taken(legs, &back.payment, &back.taken, reopens);
    legs.role(Role::Cash, -back.taken.amount, Basis::Own);
    for one in &back.reversed {
        credited(legs, &one.lines, (Some(&one.invoice), &one.invoice), false);
    }
    legs.role(Role::Recoveries, back.recoveries, Basis::Own);
    legs.role(Role::PaymentFees, back.fee, Basis::Own);
    legs.role(Role::Cash, -back.fee, Basis::Own);
}

fn chargeback_won<'a>(legs: &mut Legs<'a>, won: &'a ChargebackWon) {
    legs.role(Role::Cash, won.amount, Basis::Own);
    settled(legs, &won.allocations, false);
    legs.role(Role::UnappliedCash, -won.unapplied, Basis::Payment(&won.payment));
    legs.role(Role::Recoveries, -won.recoveries, Basis::Own);
}

/// What a loss is valued by. One that lowers revenue does it at the rate at which that was billed.
fn of_loss<'a>(
    write_off_to: WriteOffTo,
    invoice: &'a Identifier,
    otherwise: Basis<'a>,
) -> (Role, Basis<'a>) {
    let basis = match write_off_to {
        WriteOffTo::ContraRevenue => Basis::AtInvoice(invoice),
        WriteOffTo::Expense | WriteOffTo::Allowance => otherwise,
    };
    (Role::of_loss(write_off_to), basis)
}

fn written_off<'a>(legs: &mut Legs<'a>, written: &'a InvoiceWrittenOff) {
    let basis = Basis::Invoice(&written.invoice);
    legs.role(Role::AccountsReceivable, -written.amount, basis);
    legs.role(Role::TaxPayable, written.tax, basis);
    let (role, of_loss) = of_loss(written.write_off_to, &written.invoice, Basis::Own);
    legs.role(role, written.loss, of_loss);
    for line in &written.lines {
        let contract = own_or(line.order.as_ref(), &written.invoice);
        legs.contract(contract, line.contract_balance, basis);
    }
}

fn recovered<'a>(legs: &mut Legs<'a>, recovered: &'a WriteOffRecovered) {
    let invoice = &recovered.invoice;
    legs.role(Role::AccountsReceivable, recovered.amount, Basis::Invoice(invoice));
    legs.role(Role::TaxPayable, -recovered.tax, Basis::Invoice(invoice));
    let (role, of_loss) = of_loss(recovered.write_off_to, invoice, Basis::AtLoss(invoice));
    legs.role(role, -recovered.loss, of_loss);
    legs.role(Role::Recoveries, -recovered.recoveries, Basis::AtInvoice(invoice));
}

fn credit_voided<'a>(legs: &mut Legs<'a>, credit: &'a CreditVoided) {
    credited(legs, &credit.lines, (credit.invoice.as_ref(), &credit.credit), true);
    let reopened: Amount = credit.reopened.iter().map(|one| one.amount).sum();
    receivable(legs, &credit.reopened, false);
    legs.role(Role::CustomerCredits, credit.total - reopened, Basis::Credit(&credit.credit));
}

/// The receivable of invoices that a credit settles, or whose voiding opens them again.
fn receivable<'a>(legs: &mut Legs<'a>, allocations: &'a [Allocation], is_settled: bool) {
    let sign = |amount: Amount| if is_settled { -amount } else { amount };
    let Some(first) = allocations.first() else { return };
    if legs.by_invoice {
        for one in allocations {
            legs.role(Role::AccountsReceivable, sign(one.amount), Basis::Invoice(&one.invoice));
        }
        return;
    }
    let sum: Amount = allocations.iter().map(|one| one.amount).sum();
    legs.role(Role::AccountsReceivable, sign(sum), Basis::Invoice(&first.invoice));
}

/// What allocations take off the receivable, with the rests and discounts that go with it; the
/// money itself is the caller's. `is_back`: the reverse.
fn settled<'a>(legs: &mut Legs<'a>, allocations: &'a [PaymentAllocation], is_back: bool) {
    if legs.by_invoice {
        for one in allocations {
            settled_together(legs, std::slice::from_ref(one), is_back);
        }
    } else {
        settled_together(legs, allocations, is_back);
    }
}

fn settled_together<'a>(legs: &mut Legs<'a>, allocations: &'a [PaymentAllocation], is_back: bool) {
    let Some(first) = allocations.first() else { return };
    let (basis, at) = (Basis::Invoice(&first.invoice), Basis::AtInvoice(&first.invoice));
    let sum = |part: fn(&PaymentAllocation) -> Amount| {
        let sum: Amount = allocations.iter().map(part).sum();
        if is_back { -sum } else { sum }
    };
    legs.role(Role::SmallBalanceWriteOff, sum(|one| one.small_balance), at);
    legs.role(Role::AccountsReceivable, -sum(PaymentAllocation::settled), basis);
    legs.role(Role::ContraRevenue, sum(PaymentAllocation::cash_discount_net), basis);
    legs.role(Role::TaxPayable, sum(|one| one.cash_discount_tax), basis);
}

/// Money that is taken back of a payment, from where it stood; the cash is the caller's.
fn taken<'a>(legs: &mut Legs<'a>, payment: &'a Identifier, back: &'a Taken, reopens: bool) {
    legs.role(Role::UnappliedCash, back.unapplied, Basis::Payment(payment));
    legs.role(Role::SmallBalanceWriteOff, back.overpayment, Basis::AtPayment(payment));
    if reopens {
        settled(legs, &back.allocations, true);
    }
}

/// The debits of a credit's lines, or their reverse where it is voided. A credit of no invoice is
/// valued at its own rate (readings, 34).
fn credited<'a>(
    legs: &mut Legs<'a>,
    lines: &'a [CreditedLine],
    (invoice, credit): (Option<&'a Identifier>, &'a Identifier),
    is_void: bool,
) {
    let sign = |amount: Amount| if is_void { -amount } else { amount };
    let basis = match invoice {
        Some(invoice) => Basis::Invoice(invoice),
        None if is_void => Basis::AtCredit(credit),
        None => Basis::Own,
    };
    for line in lines {
        legs.role(Role::ContraRevenue, sign(line.contra_revenue), basis);
        legs.role(Role::TaxPayable, sign(line.tax), basis);
        // `decide` gives a line without an invoice no contract balance.
        let contract = own_or(line.order.as_ref(), invoice.unwrap_or(credit));
        legs.contract(contract, sign(line.contract_balance), basis);
    }
}
