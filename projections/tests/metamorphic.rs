//! Metamorphic tests: of one random list of commands another one is made, of which the reports must
//! say the same, or the same but for one known change.
//!
//! That a foreign book at a rate of one is the same as one in its documents' currency is shown by
//! `money.rs` (`a_rate_of_one_changes_nothing`), at a rate of two by `contracts.rs`; that a command
//! which is delivered again changes nothing by `tests/twice.rs` of the writer's crate.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::calendar::Day;
use proptest::prelude::*;
use serde_json::{Value, json};

#[path = "metamorphic/answers.rs"]
mod answers;
#[path = "common/asked.rs"]
mod asked;
#[path = "metamorphic/book.rs"]
mod book;
#[path = "common/cases.rs"]
mod cases;
#[expect(dead_code, reason = "shared with other tests, which use more of it")]
#[path = "closes/book.rs"]
mod closes_book;
#[path = "common/book.rs"]
mod common;
#[path = "money/steps.rs"]
mod money_steps;
#[expect(dead_code, reason = "shared with other tests, which use more of it")]
#[path = "contracts/steps.rs"]
mod order_steps;
#[path = "metamorphic/scale.rs"]
mod scale;

use book::Book;
use cases::config;
use closes_book::{Step, policies, steps};
use rust_decimal::Decimal;
use scale::{Scale, total};

const CUSTOMERS: [&str; 3] = ["C0", "C1", "C2"];

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// The policies with others in their place.
fn with(policies: &Value, others: &[(&str, &str)]) -> Value {
    let mut policies = policies.clone();
    others.iter().for_each(|(name, word)| policies[*name] = json!(word));
    policies
}

/// The customers' steps up to a close.
#[derive(Debug, Clone)]
struct Part {
    steps: Vec<Vec<Step>>,
    /// By these the places of the other order are drawn.
    draws: Vec<u32>,
    close: Option<i32>,
}

fn part() -> impl Strategy<Value = Part> {
    let steps = prop::collection::vec(steps(6), CUSTOMERS.len());
    let draws = prop::collection::vec(any::<u32>(), 80);
    (steps, draws, prop::option::weighted(0.7, 0_i32..420)).prop_map(|(steps, draws, close)| {
        let sorted = steps.into_iter().map(|mut all| {
            all.sort_by_key(Step::day);
            all
        });
        Part { steps: sorted.collect(), draws, close }
    })
}

/// Plays a part; whose turn it is says a list of customers.
fn play(book: &mut Book, part: &Part, is_drawn: bool) {
    let whose = part.steps.iter().enumerate();
    let mut turns: Vec<usize> =
        whose.flat_map(|(index, all)| std::iter::repeat_n(index, all.len())).collect();
    if is_drawn {
        let mut drawn: Vec<(u32, usize)> =
            part.draws.iter().copied().cycle().zip(turns.iter().copied()).collect();
        drawn.sort_by_key(|(draw, _)| *draw);
        turns = drawn.into_iter().map(|(_, whose)| whose).collect();
    }
    let mut next: Vec<_> = part.steps.iter().map(|all| all.iter()).collect();
    for whose in turns {
        book.step(CUSTOMERS[whose], next[whose].next().unwrap());
    }
    if let Some(days) = part.close {
        book.close(book::first().plus_days(days));
    }
}

proptest! {
    #![proptest_config(config(6))]

    /// What other customers do between one's commands changes nothing of theirs, nor what the book
    /// says of all of them: in its own currency and in another one, and across closes.
    #[test]
    fn the_order_among_customers_does_not_matter(
        policies in policies(), is_foreign in any::<bool>(), parts in prop::collection::vec(part(), 1..3),
    ) {
        // Write-offs of all customers draw on one allowance.
        let mut policies = with(&policies, &[("fx_revaluation", "on")]);
        if policies["write_off_to"] == "allowance" {
            policies["write_off_to"] = json!("expense");
        }
        let open = if is_foreign { Book::foreign } else { |policies: &Value, customers: &[&str]| {
            Book::open("USD", policies, customers)
        } };
        let (mut one, mut other) = (open(&policies, &CUSTOMERS), open(&policies, &CUSTOMERS));
        for part in &parts {
            play(&mut one, part, false);
            play(&mut other, part, true);
        }
        for as_of in ["2026-01-31", "2026-04-30", "2027-12-31"].map(day) {
            let found = answers::differences(&one, &other, &CUSTOMERS, as_of);
            prop_assert_eq!(found, Vec::new());
        }
    }
}

/// A payment, and how it is cut in two.
#[derive(Debug, Clone)]
struct Payment {
    day: i32,
    cents: i64,
    /// Of a thousand: the first part.
    part: i64,
    /// One of the invoices; none of them: the oldest first.
    invoice: Option<usize>,
    has_fee: bool,
}

fn payment() -> impl Strategy<Value = Payment> {
    let invoice = prop::option::of(0..6_usize);
    (20..200_i32, 2..60_000_i64, 1..1_000_i64, invoice, any::<bool>()).prop_map(
        |(day, cents, part, invoice, has_fee)| Payment { day, cents, part, invoice, has_fee },
    )
}

impl Payment {
    /// Sends a part of it.
    fn send(&self, book: &mut Book, id: &str, cents: i64, fee: i64) -> bool {
        let money = |cents: i64| format!("{}.{:02}", cents / 100, cents % 100);
        let invoices: Vec<String> = book.ledger.invoices.keys().map(ToString::to_string).collect();
        let allocate = match self.invoice.and_then(|index| invoices.get(index)) {
            Some(invoice) => json!([{"invoice": invoice, "amount": money(cents)}]),
            None => json!("auto"),
        };
        let data = json!({"payment": id, "customer": "C0", "currency": "USD",
            "amount": money(cents), "fee": money(fee), "allocate": allocate});
        book.send("RecordPayment", book::first().plus_days(self.day), &data)
    }

    /// Sends it to one book, and its parts to the other; whether both took it.
    fn send_both(&self, whole: &mut Book, parts: &mut Book) -> bool {
        let fee = if self.has_fee { self.cents / 40 } else { 0 };
        let first = (self.cents * self.part / 1_000).max(1);
        let first_fee = fee * self.part / 1_000;
        if !self.send(whole, "X", self.cents, fee) {
            return false;
        }
        let is_first = self.send(parts, "X1", first, first_fee);
        let is_second = self.send(parts, "X2", self.cents - first, fee - first_fee);
        assert!(is_first && is_second, "{self:?}");
        true
    }
}

/// Reports that do not tell payments apart.
const OF_MONEY: [&str; 10] = [
    "receivables",
    "open-items",
    "trial-balance",
    "revenue",
    "waterfall",
    "deferred-revenue",
    "rollforward",
    "billing",
    "cash",
    "metrics",
];

proptest! {
    #![proptest_config(config(64))]

    /// Two payments of a day that together are one: what is open, the books, revenue and the cash of
    /// each day are the same. Without tolerances and early-payment discounts, which look at a payment
    /// alone: a part may be too little for them, or leave a rest that is small enough.
    #[test]
    fn a_payment_may_come_in_two(policies in policies(), payment in payment(), steps in steps(20)) {
        let policies = with(&policies, &[("tolerance", "0"), ("tolerance_over", "0")]);
        let mut steps = steps;
        steps.sort_by_key(Step::day);
        let (mut whole, mut parts) =
            (Book::open("USD", &policies, &["C0"]), Book::open("USD", &policies, &["C0"]));
        let (before, after): (Vec<&Step>, Vec<&Step>) =
            steps.iter().partition(|step| step.day() <= payment.day);
        for book in [&mut whole, &mut parts] {
            book.without_discounts = true;
            before.iter().for_each(|step| book.step("C0", step));
        }
        if !payment.send_both(&mut whole, &mut parts) {
            return Ok(());
        }
        for book in [&mut whole, &mut parts] {
            after.iter().for_each(|step| book.step("C0", step));
        }
        for as_of in ["2026-03-31", "2026-06-17", "2027-12-31"].map(day) {
            for report in OF_MONEY {
                let question = (report, vec![("as_of", as_of.to_string())]);
                let both = [&whole, &parts].map(|book| answers::ask(book, &question).unwrap());
                prop_assert_eq!(&both[0].rows, &both[1].rows, "{} {}", report, as_of);
            }
        }
    }
}

proptest! {
    #![proptest_config(config(8))]

    /// A book of won that has a hundred for each dollar, and a book of dinars that has a tenth, count
    /// the same minor units: 12.34 dollars, 1,234 won, 1.234 dinars. Nothing rounds differently, and
    /// every amount of every report is scaled: whatever was sent, in the book's own currency and in
    /// another one, and across closes.
    #[test]
    fn all_amounts_scale(
        policies in policies(), is_foreign in any::<bool>(), parts in prop::collection::vec(part(), 1..3),
    ) {
        let policies = with(&policies, &[("fx_revaluation", "on")]);
        let customers = &CUSTOMERS[..1];
        let (currency, mut book) = if is_foreign {
            ("EUR", Book::foreign(&policies, customers))
        } else {
            ("USD", Book::open("USD", &policies, customers))
        };
        for part in &parts {
            part.steps[0].iter().for_each(|step| book.step("C0", step));
            if let Some(days) = part.close {
                book.close(book::first().plus_days(days));
            }
        }
        // Codes that sort as those of the dollar and the euro.
        let (won, dinars) = (["KRW", "JPY"], ["KWD", "BHD"]);
        for (currencies, factor) in [(won, Decimal::ONE_HUNDRED), (dinars, Decimal::new(1, 1))] {
            let scale = Scale { currencies, factor };
            let copy = scale.copy(&book.sent, currency, &policies);
            for as_of in ["2026-04-30", "2026-09-17", "2027-12-31"].map(day) {
                for question in answers::questions(&book, customers, as_of) {
                    scale.check(&book, &copy, &question);
                }
            }
        }
    }
}

/// A subscription: cents a month, months, the first day, and a basis.
fn subscriptions() -> impl Strategy<Value = Vec<(i64, u8, i32, &'static str)>> {
    let bases = vec!["day", "month_even", "month_even_prorated_ends", "full_month"];
    let one = (1_i64..200_000, 1_u8..15, 0_i32..300, prop::sample::select(bases));
    prop::collection::vec(one, 1..5)
}

proptest! {
    #![proptest_config(config(32))]

    /// In the same currency an amount that was rounded is off by no more than its rounding. Prices a
    /// month are whole cents, so `billing` is scaled exactly, net; tax is rounded once an invoice, and
    /// what a subscription earned through a day once.
    #[test]
    fn a_scaled_book_is_off_by_its_roundings(
        policies in policies(), subscriptions in subscriptions(), tax in 1_u8..30,
    ) {
        // With the other word each month is rounded by itself.
        let policies = with(&policies, &[("residual", "cumulative")]);
        let mut book = Book::open("USD", &policies, &["C0"]);
        let rate = json!({"tax_code": "V", "rate": tax.to_string(), "from": "2026-01-01"});
        let is_known = book.send("DefineTaxRate", book::first(), &rate);
        prop_assert!(is_known);
        for (index, (cents, months, start, basis)) in subscriptions.iter().enumerate() {
            let start = book::first().plus_days(*start);
            let price = format!("{}.{:02}", cents / 100, cents % 100);
            let order = json!({"order": format!("O{index}"), "customer": "C0", "currency": "USD",
                "start": start, "term_months": months, "lines": [{"line": "L", "tax_code": "V",
                "recognition": {"method": "over_time", "basis": basis},
                "price": {"model": "flat", "amount": price, "per": "month"},
                "billing": {"every": "month", "timing": "advance"}}]});
            let is_placed = book.send("PlaceOrder", start, &order);
            prop_assert!(is_placed);
        }
        for factor in [2, 10, 100] {
            let scale = Scale { currencies: ["USD", "EUR"], factor: Decimal::from(factor) };
            let mut book = book.clone();
            for through in ["2026-04-30", "2026-09-17", "2027-12-31"].map(day) {
                let run = json!({"through": through});
                let is_billed = book.send("RunBilling", through, &run);
                prop_assert!(is_billed);
            }
            let copy = scale.copy(&book.sent, "USD", &policies);
            for as_of in ["2026-04-30", "2026-09-17", "2027-12-31"].map(day) {
                let of = |report| {
                    let question = (report, vec![("as_of", as_of.to_string())]);
                    [&*book, &copy].map(|book| answers::ask(book, &question).unwrap())
                };
                let off = |tables: &[projections::reports::Table; 2], column, roles: &[&str]| {
                    let [one, other] = [0, 1].map(|at| total(&tables[at], column, roles).decimal());
                    (one * scale.factor - other).abs() * Decimal::ONE_HUNDRED
                };
                let billing = of("billing");
                prop_assert_eq!(off(&billing, "net", &[]), Decimal::ZERO);
                let once = scale.off_by_rounding();
                let invoices = once * Decimal::from(billing[0].rows.len());
                prop_assert!(off(&billing, "tax", &[]) <= invoices);
                let lines = once * Decimal::from(subscriptions.len());
                prop_assert!(off(&of("revenue"), "amount", &[]) <= lines);
                let balances = of("trial-balance");
                prop_assert!(off(&balances, "balance", &["accounts_receivable"]) <= invoices);
                prop_assert!(off(&balances, "balance", &["tax_payable"]) <= invoices);
                let contracts = ["deferred_revenue", "unbilled_receivable"];
                prop_assert!(off(&balances, "balance", &contracts) <= lines);
                prop_assert_eq!(off(&balances, "balance", &[]), Decimal::ZERO);
            }
        }
    }
}
