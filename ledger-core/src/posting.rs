//! Event to balanced entries, by pure rules; nothing else ever posts (accounting, section 2).

use serde::{Deserialize, Serialize};

use crate::event::EventData;
use crate::event::credit::CreditedLine;
use crate::event::invoice::InvoiceIssued;
use crate::id::Identifier;
use crate::money::Amount;

/// What an account is for; the book maps each role to an account code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the contract's, section 8")]
pub enum Role {
    Cash,
    AccountsReceivable,
    UnbilledReceivable,
    DeferredRevenue,
    Revenue,
    ContraRevenue,
    Recoveries,
    TaxPayable,
    UnappliedCash,
    CustomerCredits,
    BadDebtExpense,
    Allowance,
    PaymentFees,
    FxGainLoss,
    SmallBalanceWriteOff,
}

impl Role {
    /// All roles in the order of a trial balance.
    pub const ALL: [Self; 15] = [
        Self::Cash,
        Self::AccountsReceivable,
        Self::UnbilledReceivable,
        Self::DeferredRevenue,
        Self::Revenue,
        Self::ContraRevenue,
        Self::Recoveries,
        Self::TaxPayable,
        Self::UnappliedCash,
        Self::CustomerCredits,
        Self::BadDebtExpense,
        Self::Allowance,
        Self::PaymentFees,
        Self::FxGainLoss,
        Self::SmallBalanceWriteOff,
    ];

    /// The role on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::AccountsReceivable => "accounts_receivable",
            Self::UnbilledReceivable => "unbilled_receivable",
            Self::DeferredRevenue => "deferred_revenue",
            Self::Revenue => "revenue",
            Self::ContraRevenue => "contra_revenue",
            Self::Recoveries => "recoveries",
            Self::TaxPayable => "tax_payable",
            Self::UnappliedCash => "unapplied_cash",
            Self::CustomerCredits => "customer_credits",
            Self::BadDebtExpense => "bad_debt_expense",
            Self::Allowance => "allowance",
            Self::PaymentFees => "payment_fees",
            Self::FxGainLoss => "fx_gain_loss",
            Self::SmallBalanceWriteOff => "small_balance_write_off",
        }
    }
}

/// Where a posting goes: a role's account, or the balance of a contract, which stands in
/// deferred_revenue or unbilled_receivable depending on the day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// The account of a role.
    Role(Role),
    /// The balance of a contract: an order, or an invoice without one.
    Contract(ContractId),
}

/// A contract: an order, or an invoice that bills none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ContractId {
    /// An order.
    Order(Identifier),
    /// An invoice whose lines bill no order.
    Invoice(Identifier),
}

/// One leg of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Where it goes.
    pub target: Target,
    /// Debit-positive, in the document's currency.
    pub amount: Amount,
}

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
        EventData::InvoiceIssued(invoice) => invoiced(&mut legs, invoice),
        EventData::InvoiceVoided(invoice) => {
            legs.role(Role::AccountsReceivable, -invoice.total);
            legs.role(Role::TaxPayable, invoice.tax);
            for line in &invoice.lines {
                let own = || ContractId::Invoice(invoice.invoice.clone());
                legs.contract(line.order.clone().map_or_else(own, ContractId::Order), line.net);
            }
        }
        EventData::PaymentReceived(payment) => {
            legs.role(Role::Cash, payment.amount - payment.fee);
            legs.role(Role::PaymentFees, payment.fee);
            legs.role(Role::UnappliedCash, -payment.amount);
        }
        EventData::PaymentAllocated(payment) => {
            let paid: Amount = payment.allocations.iter().map(|one| one.amount).sum();
            let small: Amount = payment.allocations.iter().map(|one| one.small_balance).sum();
            legs.role(Role::UnappliedCash, paid + payment.overpayment);
            legs.role(Role::SmallBalanceWriteOff, small - payment.overpayment);
            legs.role(Role::AccountsReceivable, -(paid + small));
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
        EventData::CreditVoided(credit) => {
            credited(&mut legs, &credit.lines, credit.invoice.as_ref(), &credit.credit, true);
            let reopened: Amount = credit.reopened.iter().map(|one| one.amount).sum();
            legs.role(Role::AccountsReceivable, reopened);
            legs.role(Role::CustomerCredits, credit.total - reopened);
        }
    }
    legs.0
}

/// What is owed, against the contracts that it bills.
fn invoiced(legs: &mut Legs, invoice: &InvoiceIssued) {
    legs.role(Role::AccountsReceivable, invoice.total);
    legs.role(Role::TaxPayable, -invoice.tax);
    for line in &invoice.lines {
        let contract = line.contract(invoice.order.as_ref(), &invoice.invoice);
        legs.contract(contract, -line.net);
    }
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
        let contract = credited_contract(line, invoice, credit);
        legs.contract(contract, sign(line.contract_balance));
    }
}

/// The contract whose balance a credited line moves.
fn credited_contract(
    line: &CreditedLine,
    invoice: Option<&Identifier>,
    credit: &Identifier,
) -> ContractId {
    match &line.order {
        Some(order) => ContractId::Order(order.clone()),
        // `decide` gives a line without an invoice no contract balance.
        None => ContractId::Invoice(invoice.unwrap_or(credit).clone()),
    }
}
