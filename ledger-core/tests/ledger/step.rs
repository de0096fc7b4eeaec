//! What random commands are made of.

use proptest::prelude::*;

/// What a credit does to revenue; `prospective` is left out, since it alone depends on what is
/// earned whether a credit is taken.
pub(crate) const REVENUE: [&str; 4] =
    ["split_pro_rata", "unearned_first", "contra_now", "cumulative_reversal"];

/// The orders of automatic allocation.
pub(crate) const ORDERS: [&str; 3] = ["oldest_due_first", "oldest_issued_first", "largest_first"];

/// An amount, or one that depends on the most that there is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Size {
    Cents(i128),
    All,
    ShortBy(i128),
    TooMuch,
}

impl Size {
    pub(crate) fn of(self, most: i128) -> i128 {
        match self {
            Self::Cents(cents) => cents,
            Self::All => most,
            Self::ShortBy(cents) => most - cents,
            Self::TooMuch => most + 1,
        }
    }
}

/// A command before the model fills in its amounts. Numbers choose documents; one that chooses
/// none makes the command name a document that does not exist.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    OpenBook,
    Register(usize),
    Invoice {
        customer: usize,
        named: Option<usize>,
        lines: Vec<(i128, i128, i32)>,
    },
    PayByRule {
        payment: usize,
        customer: usize,
        amount: i128,
        rule: &'static str,
        reference: Option<usize>,
    },
    PayTo {
        payment: usize,
        like: usize,
        amount: Size,
        to: Vec<(usize, Size)>,
    },
    Allocate {
        payment: usize,
        to: Vec<(usize, Size)>,
    },
    Credit {
        credit: usize,
        line: Option<(usize, usize)>,
        size: Size,
        apply: u8,
        revenue: &'static str,
    },
    ApplyCredit {
        credit: usize,
        to: Vec<(usize, Size)>,
    },
    Dispute {
        invoice: usize,
        size: Option<Size>,
    },
    Resolve(usize),
}

fn sizes() -> impl Strategy<Value = Size> {
    prop_oneof![
        3 => (1..=20_000_i128).prop_map(Size::Cents),
        3 => Just(Size::All),
        2 => (1..=6_i128).prop_map(Size::ShortBy),
        1 => Just(Size::TooMuch),
        1 => Just(Size::Cents(0)),
    ]
}

/// The first two are there from the start, others perhaps later.
fn customers() -> impl Strategy<Value = usize> {
    prop_oneof![9 => 0..2_usize, 1 => 2..4_usize]
}

fn allocations(least: usize) -> impl Strategy<Value = Vec<(usize, Size)>> {
    prop::collection::vec((0..8_usize, sizes()), least..3)
}

pub(crate) fn steps() -> impl Strategy<Value = Step> {
    let line = (1..=20_000_i128, prop::sample::select(vec![0_i128, 7, 19]), 0..200_i32);
    let rule = prop::sample::select(vec!["none", "auto"]);
    prop_oneof![
        1 => Just(Step::OpenBook),
        1 => (0..4_usize).prop_map(Step::Register),
        6 => (customers(), prop::option::of(0..6_usize), prop::collection::vec(line, 1..4))
            .prop_map(|(customer, named, lines)| Step::Invoice { customer, named, lines }),
        2 => (0..30_usize, customers(), 0..60_000_i128, rule, prop::option::of(0..8_usize)).prop_map(
            |(payment, customer, amount, rule, reference)| {
                Step::PayByRule { payment, customer, amount, rule, reference }
            }
        ),
        3 => (0..30_usize, 0..8_usize, sizes(), allocations(0)).prop_map(
            |(payment, like, amount, to)| Step::PayTo { payment, like, amount, to }
        ),
        3 => (0..9_usize, allocations(0)).prop_map(|(payment, to)| Step::Allocate { payment, to }),
        5 => (0..30_usize, prop::option::weighted(0.8, (0..8_usize, 0..2_usize)), sizes(), 0..5_u8,
              prop::sample::select(REVENUE.to_vec()))
            .prop_map(|(credit, line, size, apply, revenue)| {
                Step::Credit { credit, line, size, apply, revenue }
            }),
        3 => (0..9_usize, allocations(0)).prop_map(|(credit, to)| Step::ApplyCredit { credit, to }),
        2 => (0..8_usize, prop::option::of(sizes()))
            .prop_map(|(invoice, size)| Step::Dispute { invoice, size }),
        1 => (0..8_usize).prop_map(Step::Resolve),
    ]
}
