//! The policies of a book (contract, section 5): closed lists, defaults first.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::money::{Amount, Rounding};

macro_rules! choice {
    ($(#[doc = $doc:literal])* $name:ident {
        $(#[doc = $first_doc:literal])* $first:ident = $first_word:literal,
        $($(#[doc = $rest_doc:literal])* $rest:ident = $rest_word:literal),* $(,)?
    }) => {
        $(#[doc = $doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, BorshSerialize,
            BorshDeserialize, schemars::JsonSchema,
        )]
        pub enum $name {
            $(#[doc = $first_doc])* #[default] #[serde(rename = $first_word)] $first,
            $($(#[doc = $rest_doc])* #[serde(rename = $rest_word)] $rest),*
        }

        impl $name {
            /// Its words, the default first.
            pub const WORDS: &'static [&'static str] = &[$first_word, $($rest_word),*];

            /// The word of the contract.
            pub const fn as_str(self) -> &'static str {
                match self { Self::$first => $first_word, $(Self::$rest => $rest_word),* }
            }

            /// The value of that word.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $first_word => Some(Self::$first), $($rest_word => Some(Self::$rest),)* _ => None }
            }
        }
    };
}

choice! {
    /// How a price spreads over its service dates (accounting, section 3).
    Basis {
        /// Each day weighs 1.
        Day = "day",
        /// Each month from the start date weighs 1, in the calendar month in which it starts.
        MonthEven = "month_even",
        /// Whole calendar months weigh 1, partial ones their share of days.
        MonthEvenProratedEnds = "month_even_prorated_ends",
        /// Partial months get price by days; the rest is even over whole months.
        MonthEvenDailyEnds = "month_even_daily_ends",
        /// A partial first or last month weighs 1/2.
        HalfMonth = "half_month",
        /// The month of the start weighs 1 and that of the end by anniversary 0.
        FullMonth = "full_month",
    }
}

choice! {
    /// What a credit does to revenue (contract, section 5).
    CreditRevenue {
        /// The earned part to contra revenue, the unearned part out of the contract balance.
        SplitProRata = "split_pro_rata",
        /// What is unearned first, then contra revenue.
        UnearnedFirst = "unearned_first",
        /// All of it contra revenue.
        ContraNow = "contra_now",
        /// The rest of the term is re-spread.
        Prospective = "prospective",
        /// Revenue itself is debited for what was earned.
        CumulativeReversal = "cumulative_reversal",
    }
}

choice! {
    /// Where tax is rounded.
    TaxRounding {
        /// Once per document and tax code.
        Document = "document",
        /// On each line.
        Line = "line",
    }
}

choice! {
    /// The order in which `auto` allocation takes open invoices.
    AllocationOrder {
        /// By due date, issue date, sequence.
        OldestDueFirst = "oldest_due_first",
        /// By issue date, due date, sequence.
        OldestIssuedFirst = "oldest_issued_first",
        /// The largest open amount first.
        LargestFirst = "largest_first",
    }
}

choice! {
    /// What the age of an open item counts from.
    AgeingBasis {
        /// Its due date.
        DueDate = "due_date",
        /// Its issue date.
        InvoiceDate = "invoice_date",
    }
}

choice! {
    /// Which share takes what rounding leaves (readings, 28).
    Residual {
        /// Cumulative figures are rounded, so that nothing is ever left over.
        Cumulative = "cumulative",
        /// Each share is rounded on its own; the last takes what is left.
        Last = "last",
    }
}

impl Residual {
    /// Whether it is the default, which events leave out.
    pub fn is_cumulative(&self) -> bool {
        *self == Self::Cumulative
    }
}

choice! {
    /// What a part of a billing period costs (readings, 7 and 49).
    Proration {
        /// Days of the part over days of the whole period.
        ActualPeriod = "actual_period",
        /// Whole months count one each; days that are left count against their own month.
        ActualMonth = "actual_month",
        /// Whole months count one each; days that are left count against thirty.
        FixedThirty = "fixed_30",
        /// Months of thirty days.
        StrictThirty360 = "strict_30_360",
        /// A part costs a whole one.
        None = "none",
    }
}

choice! {
    /// How the price of a change inside a period is rounded (readings, 30).
    ProrationRounding {
        /// Once, the difference.
        Net = "net",
        /// The credit of the old terms and the charge of the new ones.
        Legs = "legs",
        /// The price of one day.
        DailyRate = "daily_rate",
    }
}

choice! {
    /// Where periods that start on a month's last day go on (readings, 10).
    MonthEnd {
        /// 31 January, 28 February, 31 March; 28 February, 28 March.
        Clamp = "clamp",
        /// A month's last day stays a month's last day.
        Stick = "stick",
    }
}

choice! {
    /// How an inclusive price is split (contract, section 5).
    TaxInclusive {
        /// Tax is gross × r / (1 + r).
        Extract = "extract",
        /// Tax is gross × r.
        Division = "division",
    }
}

choice! {
    /// What one invoice of a billing run holds.
    InvoiceGrouping {
        /// An order's lines of one billing date.
        Order = "order",
        /// A customer's orders of one billing date.
        Customer = "customer",
    }
}

choice! {
    /// Whether open monetary items are revalued at each month's end, and back on the next day
    /// (IAS 21.28).
    FxRevaluation {
        /// They stand at the rates of their documents.
        Off = "off",
        /// They are.
        On = "on",
    }
}

choice! {
    /// What happens to a command for a closed day.
    Late {
        /// It is posted on the first open day.
        CatchUp = "catch_up",
        /// It is refused.
        Reject = "reject",
    }
}

choice! {
    /// Which terms hold on the effective day of a change.
    ChangeDay {
        /// The new ones.
        New = "new",
        /// The old ones.
        Old = "old",
    }
}

choice! {
    /// Where the loss of a write-off goes.
    WriteOffTo {
        /// bad_debt_expense.
        Expense = "expense",
        /// contra_revenue: an implicit price concession.
        ContraRevenue = "contra_revenue",
        /// allowance, which was set aside for it.
        Allowance = "allowance",
    }
}

choice! {
    /// What happens to the unearned part of what is written off.
    WriteOffUnearned {
        /// It clears the contract balance and is no loss.
        Clear = "clear",
        /// It is loss, too; what is to be earned stays.
        Expense = "expense",
    }
}

choice! {
    /// What happens to the tax of what is written off.
    WriteOffTax {
        /// It stays owed to the authority and is loss.
        Keep = "keep",
        /// It is relieved.
        Relieve = "relieve",
    }
}

choice! {
    /// What an early-payment discount does to tax.
    CashDiscountTax {
        /// Tax stays as invoiced.
        Keep = "keep",
        /// Tax is reduced in proportion.
        Reduce = "reduce",
    }
}

choice! {
    /// Whether new invoices use unused credits.
    ApplyCredits {
        /// By command only.
        Manual = "manual",
        /// The oldest first.
        Auto = "auto",
    }
}

choice! {
    /// What is made of something that is still open when days are closed.
    CloseCheck {
        /// The close records it.
        Warn = "warn",
        /// The close is refused, unless the closer accepts it for a reason.
        Refuse = "refuse",
        /// It is not looked for.
        Ignore = "ignore",
    }
}

choice! {
    /// Through which days a book is closed.
    CloseBy {
        /// Through any.
        Day = "day",
        /// Through the last day of a month, one month after another.
        Month = "month",
    }
}

choice! {
    /// What opening closed days again needs.
    Reopen {
        /// Nothing.
        Free = "free",
        /// A reason.
        WithReason = "with_reason",
    }
}

/// The policies in force. A policy that shaped an event is part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
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
    /// Which share takes what rounding leaves.
    pub residual: Residual,
    /// What a part of a billing period costs.
    pub proration: Proration,
    /// How the price of a change inside a period is rounded.
    pub proration_rounding: ProrationRounding,
    /// Where periods that start on a month's last day go on.
    pub month_end: MonthEnd,
    /// How an inclusive price is split.
    pub tax_inclusive: TaxInclusive,
    /// What one invoice of a billing run holds.
    pub invoice_grouping: InvoiceGrouping,
    /// Whether open monetary items are revalued.
    pub fx_revaluation: FxRevaluation,
    /// What happens to a command for a closed day.
    pub late: Late,
    /// Where the loss of a write-off goes.
    pub write_off_to: WriteOffTo,
    /// What happens to the unearned part of what is written off.
    pub write_off_unearned: WriteOffUnearned,
    /// What happens to the tax of what is written off.
    pub write_off_tax: WriteOffTax,
    /// What an early-payment discount does to tax.
    pub cash_discount_tax: CashDiscountTax,
    /// Days after `until` on which an early-payment discount is still taken.
    pub grace_days: u32,
    /// Whether new invoices use unused credits.
    pub apply_credits: ApplyCredits,
    /// Which reminders are due when.
    pub dunning: crate::dunning::Policies,
    /// When processors are asked for money.
    pub collection: crate::collection::Schedules,
    /// What is made of what is still open when days are closed.
    pub close_checks: crate::closing::Checks,
    /// Through which days the book is closed.
    pub close_by: CloseBy,
    /// What opening closed days again needs.
    pub reopen: Reopen,
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
            residual: Residual::default(),
            proration: Proration::default(),
            proration_rounding: ProrationRounding::default(),
            month_end: MonthEnd::default(),
            tax_inclusive: TaxInclusive::default(),
            invoice_grouping: InvoiceGrouping::default(),
            fx_revaluation: FxRevaluation::default(),
            late: Late::default(),
            write_off_to: WriteOffTo::default(),
            write_off_unearned: WriteOffUnearned::default(),
            write_off_tax: WriteOffTax::default(),
            cash_discount_tax: CashDiscountTax::default(),
            grace_days: 0,
            apply_credits: ApplyCredits::default(),
            dunning: crate::dunning::Policies::default(),
            collection: crate::collection::Schedules::default(),
            close_checks: crate::closing::Checks::default(),
            close_by: CloseBy::default(),
            reopen: Reopen::default(),
        }
    }
}
