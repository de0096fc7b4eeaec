//! Event to balanced entries, by pure rules; nothing else ever posts (accounting, section 2).

use serde::{Deserialize, Serialize};

use crate::event::EventData;
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

/// The legs of an event's own entry: they sum to zero. Recognition posts by itself, from the
/// contracts' schedules.
pub fn postings(data: &EventData) -> Vec<Posting> {
    let mut legs = Vec::new();
    let mut post = |target: Target, amount: Amount| {
        if !amount.is_zero() {
            legs.push(Posting { target, amount });
        }
    };
    let role = Target::Role;
    match data {
        EventData::BookOpened(_)
        | EventData::ProductDefined(_)
        | EventData::CustomerRegistered(_)
        | EventData::OrderPlaced(_)
        | EventData::OrderAmended(_)
        | EventData::DisputeOpened(_)
        | EventData::DisputeResolved(_) => {}
        EventData::InvoiceIssued(invoice) => {
            post(role(Role::AccountsReceivable), invoice.total);
            post(role(Role::TaxPayable), -invoice.tax);
            for line in &invoice.lines {
                let contract = match (&invoice.order, &line.order_line) {
                    (Some(order), Some(_)) => ContractId::Order(order.clone()),
                    (None, _) | (Some(_), None) => ContractId::Invoice(invoice.invoice.clone()),
                };
                post(Target::Contract(contract), -line.net);
            }
        }
        EventData::PaymentReceived(payment) => {
            post(role(Role::Cash), payment.amount - payment.fee);
            post(role(Role::PaymentFees), payment.fee);
            post(role(Role::UnappliedCash), -payment.amount);
        }
        EventData::PaymentAllocated(payment) => {
            let paid: Amount = payment.allocations.iter().map(|one| one.amount).sum();
            let small: Amount = payment.allocations.iter().map(|one| one.small_balance).sum();
            post(role(Role::UnappliedCash), paid + payment.overpayment);
            post(role(Role::SmallBalanceWriteOff), small - payment.overpayment);
            post(role(Role::AccountsReceivable), -(paid + small));
        }
        EventData::CreditIssued(credit) => {
            for line in &credit.lines {
                post(role(Role::ContraRevenue), line.contra_revenue);
                post(role(Role::TaxPayable), line.tax);
                let contract = match (&line.order, &credit.invoice) {
                    (Some(order), _) => ContractId::Order(order.clone()),
                    // `decide` gives a line without an invoice no contract balance.
                    (None, invoice) => {
                        ContractId::Invoice(invoice.clone().unwrap_or(credit.credit.clone()))
                    }
                };
                post(Target::Contract(contract), line.contract_balance);
            }
            post(role(Role::CustomerCredits), -credit.total);
        }
        EventData::CreditApplied(credit) => {
            let applied: Amount = credit.allocations.iter().map(|one| one.amount).sum();
            post(role(Role::CustomerCredits), applied);
            post(role(Role::AccountsReceivable), -applied);
        }
        EventData::CreditRefunded(credit) => {
            post(role(Role::CustomerCredits), credit.amount);
            post(role(Role::Cash), -credit.amount);
        }
    }
    legs
}
