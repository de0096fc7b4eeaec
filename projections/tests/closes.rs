//! Closes of random books: what they seal is what the reports say, and what comes later changes
//! nothing of the closed days (accounting, sections 1 and 7).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::calendar::Day;
use projections::{invariants, seals};
use proptest::prelude::*;

#[path = "closes/book.rs"]
mod book;
#[path = "common/book.rs"]
mod common;
#[path = "money/steps.rs"]
mod money_steps;
#[expect(dead_code, reason = "shared with other tests, which use more of it")]
#[path = "contracts/steps.rs"]
mod order_steps;

use book::{Book, policies, steps};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

proptest! {
    #![proptest_config(config(96))]

    /// The core seals from its own state what the reports compute from their views, whatever
    /// happened before, between and after, and whatever was opened again.
    #[test]
    fn a_seal_is_what_the_reports_say(
        policies in policies(),
        parts in prop::collection::vec((steps(8), 0_i32..420, any::<bool>()), 1..5),
    ) {
        let mut book = Book::open(&policies);
        let mut open = book.clone();
        let mut closed = 0;
        for (steps, at, is_reopening) in parts {
            // Late ones among them: each part begins at the year's first day again.
            book.play(&steps);
            open.play(&steps);
            let at = day("2026-01-01").plus_days(at);
            if is_reopening {
                book.reopen(at);
            }
            closed += usize::from(book.close(at));
        }
        prop_assert_eq!(book.seals(), closed);
        prop_assert_eq!(seals::check(&book.views), Vec::new());
        // What closes do not break: orders that are changed out of order may break a sum without any.
        let (found, without) = (invariants::check(&book.views), invariants::check(&open.views));
        prop_assert!(found.is_empty() || !without.is_empty(), "{:?}", found);
    }
}
