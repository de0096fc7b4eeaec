//! The policies of a book (contract, section 5): closed lists, defaults first.

use serde::{Deserialize, Serialize};

use crate::money::{Amount, Rounding};

macro_rules! choice {
    ($(#[doc = $doc:literal])* $name:ident { $(#[doc = $first_doc:literal])* $first:ident, $($(#[doc = $rest_doc:literal])* $rest:ident),* $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $(#[doc = $first_doc])* #[default] $first, $($(#[doc = $rest_doc])* $rest),* }
    };
}

choice! {
    /// How a price spreads over its service dates (accounting, section 3).
    Basis {
        /// Each day weighs 1.
        Day,
        /// Each month from the start date weighs 1, in the calendar month in which it starts.
        MonthEven,
        /// Whole calendar months weigh 1, partial ones their share of days.
        MonthEvenProratedEnds,
        /// Partial months get price by days; the rest is even over whole months.
        MonthEvenDailyEnds,
        /// A partial first or last month weighs 1/2.
        HalfMonth,
        /// The month of the start weighs 1 and that of the end by anniversary 0.
        FullMonth,
    }
}

choice! {
    /// What a credit does to revenue (contract, section 5).
    CreditRevenue {
        /// The earned part to contra revenue, the unearned part out of the contract balance.
        SplitProRata,
        /// What is unearned first, then contra revenue.
        UnearnedFirst,
        /// All of it contra revenue.
        ContraNow,
        /// The rest of the term is re-spread.
        Prospective,
        /// Revenue itself is debited for what was earned.
        CumulativeReversal,
    }
}

choice! {
    /// Where tax is rounded.
    TaxRounding {
        /// Once per document and tax code.
        Document,
        /// On each line.
        Line,
    }
}

choice! {
    /// The order in which `auto` allocation takes open invoices.
    AllocationOrder {
        /// By due date, issue date, sequence.
        OldestDueFirst,
        /// By issue date, due date, sequence.
        OldestIssuedFirst,
        /// The largest open amount first.
        LargestFirst,
    }
}

choice! {
    /// What the age of an open item counts from.
    AgeingBasis {
        /// Its due date.
        DueDate,
        /// Its issue date.
        InvoiceDate,
    }
}

choice! {
    /// Which terms hold on the effective day of a change.
    ChangeDay {
        /// The new ones.
        New,
        /// The old ones.
        Old,
    }
}

/// The policies in force. A policy that shaped an event is part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policies {
    /// How midpoints are rounded.
    pub rounding: Rounding,
    /// The basis of `over_time` where a line names none.
    pub recognition_basis: Basis,
    /// What a credit does to revenue where it does not say.
    pub credit_revenue: CreditRevenue,
    /// Where tax is rounded.
    pub tax_rounding: TaxRounding,
    /// The order of `auto` allocation.
    pub allocation_order: AllocationOrder,
    /// What is left of an invoice after an allocation is written off up to this.
    pub tolerance: Amount,
    /// Up to this an overpayment goes to small_balance_write_off.
    pub tolerance_over: Amount,
    /// What ageing counts from.
    pub ageing_basis: AgeingBasis,
    /// The lower ends of the ageing buckets, in days overdue.
    pub ageing_buckets: Vec<u32>,
    /// Which terms hold on the day of a change.
    pub change_day: ChangeDay,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            rounding: Rounding::default(),
            recognition_basis: Basis::default(),
            credit_revenue: CreditRevenue::default(),
            tax_rounding: TaxRounding::default(),
            allocation_order: AllocationOrder::default(),
            tolerance: Amount::ZERO,
            tolerance_over: Amount::ZERO,
            ageing_basis: AgeingBasis::default(),
            ageing_buckets: vec![0, 30, 60, 90],
            change_day: ChangeDay::default(),
        }
    }
}
