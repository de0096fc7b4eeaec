//! Event to balanced entries, by pure rules; nothing else ever posts (accounting, section 2).

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::id::Identifier;
use crate::money::Amount;
use crate::policy::WriteOffTo;

mod entry;
mod functional;

pub use entry::{postings, valued_legs};
pub use functional::{
    ContractMove, Functional, FunctionalPosting, OpenMove, Valuer, Values, at_own_rate,
    contract_moves, open_moves,
};

/// What an account is for; the book maps each role to an account code.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
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

    /// The account of a write-off's loss.
    pub const fn of_loss(write_off_to: WriteOffTo) -> Self {
        match write_off_to {
            WriteOffTo::Expense => Self::BadDebtExpense,
            WriteOffTo::ContraRevenue => Self::ContraRevenue,
            WriteOffTo::Allowance => Self::Allowance,
        }
    }

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
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
)]
pub enum Target {
    /// The account of a role.
    Role(Role),
    /// The balance of a contract: an order, or an invoice without one.
    Contract(ContractId),
}

/// A contract: an order, or an invoice that bills none.
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
)]
pub enum ContractId {
    /// An order.
    Order(Identifier),
    /// An invoice whose lines bill no order.
    Invoice(Identifier),
}

/// One leg of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
pub struct Posting {
    /// Where it goes.
    pub target: Target,
    /// Debit-positive, in the document's currency.
    pub amount: Amount,
}
