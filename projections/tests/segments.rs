//! The hot table and the general path are one: random schedules, closes and questions, and each
//! report that reads the hot table equals, cell by cell, the one that does not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;

use ledger_core::calendar::Day;
use ledger_core::command::shared::{Method, Per, Price, PriceModel};
use ledger_core::money::{Amount, Currency, Rounding};
use ledger_core::policy::{Basis, Residual};
use ledger_core::posting::ContractId;
use ledger_core::revenue::progress::Step;
use ledger_core::revenue::recurring::Recurring;
use ledger_core::revenue::schedule::{Measure, Schedule};
use ledger_core::revenue::usage::MeterTerms;
use projections::facts::{AuditRow, DeferredFact, EventFacts};
use projections::reports::{Filters, Table, run};
use projections::views::Views;
use proptest::prelude::*;
use rust_decimal::Decimal;

#[path = "common/cases.rs"]
mod cases;

/// One event of a case.
#[derive(Debug, Clone)]
enum Change {
    /// A version of a schedule of a line, with the day on which it is recorded.
    Version { contract: usize, line: usize, effective: Day, schedule: Box<Schedule> },
    /// A line earns by usage.
    Metered { contract: usize, line: usize, effective: Day },
    /// Something is delivered.
    Delivered { contract: usize, line: usize, effective: Day },
    /// All days up to one are closed.
    Closed(Day),
}

const CONTRACTS: usize = 5;

fn id(contract: usize) -> ContractId {
    match contract {
        0 | 1 => ContractId::Invoice(format!("I-{contract}").parse().unwrap()),
        _ => ContractId::Order(format!("O-{contract}").parse().unwrap()),
    }
}

fn currency(contract: usize) -> Currency {
    Currency::parse(["USD", "JPY", "KWD", "USD", "EUR"][contract]).unwrap()
}

fn product(line: usize) -> Option<ledger_core::id::Identifier> {
    (line > 0).then(|| format!("P-{line}").parse().unwrap())
}

fn day(number: i32) -> Day {
    "2024-01-01".parse::<Day>().unwrap().plus_days(number)
}

/// Days of three years; some lie on the ends of months.
fn days() -> impl Strategy<Value = Day> {
    prop_oneof![
        4 => (0..1_100).prop_map(day),
        1 => (0..1_100).prop_map(|number| day(number).month().last()),
        1 => (0..1_100).prop_map(|number| day(number).month().first()),
    ]
}

fn basis() -> impl Strategy<Value = Basis> {
    prop_oneof![
        Just(Basis::Day),
        Just(Basis::MonthEven),
        Just(Basis::MonthEvenProratedEnds),
        Just(Basis::MonthEvenDailyEnds),
        Just(Basis::HalfMonth),
        Just(Basis::FullMonth),
    ]
}

/// Amounts in minor units; now and then a finer or an enormous one.
fn amounts() -> impl Strategy<Value = (i64, bool)> {
    let units = prop_oneof![
        8 => -500_i64..500,
        8 => -5_000_000_i64..50_000_000,
        1 => -99_999_999_999_999_i64..99_999_999_999_999,
    ];
    (units, prop::bool::weighted(0.05))
}

fn amount((units, is_finer): (i64, bool), contract: usize) -> Amount {
    let scale = currency(contract).minor_units() + u32::from(is_finer);
    Amount::from_decimal(Decimal::new(units, scale))
}

/// What the hot table cannot say, one in eight.
fn special() -> impl Strategy<Value = u8> {
    prop_oneof![24 => Just(0_u8), 4 => 1_u8..6]
}

fn with_special(schedule: Schedule, special: u8, contract: usize) -> Schedule {
    let whole = amount((100, false), contract);
    match special {
        1 => Schedule { is_paused: true, ..schedule },
        2 => Schedule { residual: Residual::Last, ..schedule },
        3 => Schedule { progress: Some(Measure { base: Amount::ZERO, whole }), ..schedule },
        4 => {
            let (start, anchor) = (schedule.end.next(), schedule.end.next().day());
            let amount = schedule.amount;
            let recurring =
                Recurring { start, every: Per::Month, anchor, amount, parts: 1, first_part: 0 };
            Schedule { recurring: Some(recurring), ..schedule }
        }
        5 => Schedule { method: Method::Milestone, ..schedule },
        _ => schedule,
    }
}

fn versions() -> impl Strategy<Value = Change> {
    let place = (0..CONTRACTS, 0..3_usize);
    let spread = (days(), days(), -40..900_i32, any::<bool>(), basis(), any::<bool>());
    (place, days(), spread, (amounts(), amounts()), special()).prop_map(
        |((contract, line), effective, spread, (recognised, rest), special)| {
            let (from, start, length, is_first, basis, is_half_up) = spread;
            let from = if is_first { start } else { from };
            let schedule = Schedule {
                from,
                recognised: amount(recognised, contract),
                amount: amount(rest, contract),
                method: if length < 0 { Method::PointInTime } else { Method::OverTime },
                basis,
                start,
                end: start.plus_days(length.max(0)),
                rounding: if is_half_up { Rounding::HalfUp } else { Rounding::HalfEven },
                residual: Residual::Cumulative,
                progress: None,
                recurring: None,
                is_paused: false,
            };
            let schedule = Box::new(with_special(schedule, special, contract));
            // Most are recorded before they are in force.
            let effective = if length % 4 == 0 { effective } else { effective.min(from) };
            Change::Version { contract, line, effective, schedule }
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Change>> {
    let place = || (0..CONTRACTS, 0..3_usize, days());
    let one = prop_oneof![
        20 => versions(),
        1 => place().prop_map(|(contract, line, effective)| {
            Change::Metered { contract, line, effective }
        }),
        1 => place().prop_map(|(contract, line, effective)| {
            Change::Delivered { contract, line, effective }
        }),
        1 => days().prop_map(|day| Change::Closed(day.plus_days(-600))),
    ];
    prop::collection::vec(one, 1..40)
}

fn meter(from: Day) -> MeterTerms {
    let price = Price {
        model: PriceModel::UsagePerUnit,
        amount: None,
        unit_price: Some("1.25".parse().unwrap()),
        per: Some(Per::Month),
        tiers: None,
        aggregate: None,
        package_size: None,
        free: None,
        rate: None,
        minimum: None,
    };
    MeterTerms {
        from,
        start: from,
        end: Some(from.plus_days(300)),
        ended: None,
        price,
        quantity: "3".parse().unwrap(),
        discount: None,
        anchor: None,
        is_suspended: false,
    }
}

impl Change {
    fn facts(&self) -> (Day, Vec<DeferredFact>) {
        let name = |line: &usize| format!("L-{line}").parse().unwrap();
        match self {
            Self::Version { contract, line, effective, schedule } => (
                *effective,
                vec![DeferredFact::Version {
                    contract: id(*contract),
                    line: name(line),
                    product: product(*line),
                    schedule: (**schedule).clone(),
                }],
            ),
            Self::Metered { contract, line, effective } => (
                *effective,
                vec![DeferredFact::Metered {
                    contract: id(*contract),
                    line: name(line),
                    product: product(*line),
                    terms: meter(*effective),
                }],
            ),
            Self::Delivered { contract, line, effective } => (
                *effective,
                vec![DeferredFact::Delivered {
                    contract: id(*contract),
                    line: name(line),
                    step: Step::Added("7".parse().unwrap()),
                }],
            ),
            Self::Closed(through) => (*through, vec![DeferredFact::Closed { through: *through }]),
        }
    }
}

fn fold(views: &mut Views, effective: Day, deferred_revenue: Vec<DeferredFact>) {
    let audit_trail = AuditRow {
        kind: Cow::Borrowed("test"),
        document_kind: Cow::Borrowed("test"),
        document: "d".parse().unwrap(),
        touches: Vec::new(),
        customer: None,
        command_id: "c".parse().unwrap(),
        reason: None,
        summary: String::new(),
        closing: None,
    };
    let facts = EventFacts {
        sequence: views.sequence + 1,
        effective,
        recorded_at: time::OffsetDateTime::UNIX_EPOCH,
        actor: "a".to_owned(),
        receivables: Vec::new(),
        deferred_revenue,
        audit_trail,
    };
    views.fold(&facts).unwrap();
}

fn views(steps: &[Change]) -> Views {
    let mut views = Views::default();
    let contracts = (0..CONTRACTS).map(|contract| DeferredFact::Contract {
        id: id(contract),
        customer: format!("C-{}", contract % 3).parse().unwrap(),
        currency: currency(contract),
    });
    fold(&mut views, day(0), contracts.collect());
    for step in steps {
        let (effective, facts) = step.facts();
        fold(&mut views, effective, facts);
    }
    views
}

fn report(views: &Views, name: &str, filters: &[(&str, String)], at: Option<u64>) -> Table {
    let mut all = Filters::default();
    for (filter, value) in filters {
        all.set(filter, value.clone());
    }
    if let Some(at) = at {
        all.set("at_sequence", at.to_string());
    }
    run(name, &all, views, day(0)).unwrap()
}

/// A question: a report and its filters.
fn questions() -> impl Strategy<Value = (&'static str, Vec<(&'static str, String)>)> {
    let filter = prop_oneof![
        3 => Just(None),
        1 => (0..4).prop_map(|number| Some(("customer", format!("C-{number}")))),
        1 => (0..6).prop_map(|number| Some(("order", format!("O-{number}")))),
        1 => (0..4).prop_map(|number| Some(("product", format!("P-{number}")))),
    ];
    let as_of = prop_oneof![days(), (-400..2_500).prop_map(day)];
    let range = (prop::option::of(days()), prop::option::of((-50..2_500).prop_map(day)));
    let report = prop_oneof![
        prop::sample::select(vec!["month", "product", "order", "customer", "booked"])
            .prop_map(|by| ("waterfall", by)),
        prop::sample::select(vec![
            "day", "month", "quarter", "year", "order", "customer", "product"
        ])
        .prop_map(|by| ("revenue", by)),
    ];
    (report, as_of, filter, range).prop_map(|((name, by), as_of, filter, (from, to))| {
        let mut filters = vec![("as_of", as_of.to_string()), ("by", by.to_owned())];
        filters.extend(filter);
        if name == "revenue" {
            filters.extend(from.map(|day| ("from", day.to_string())));
            filters.extend(to.map(|day| ("to", day.to_string())));
        }
        (name, filters)
    })
}

proptest! {
    #![proptest_config(cases::config(160))]

    #[test]
    fn the_hot_table_gives_what_the_general_path_gives(
        steps in steps(), questions in prop::collection::vec(questions(), 8),
    ) {
        let mut views = views(&steps);
        let last = views.sequence;
        let fast: Vec<Table> =
            questions.iter().map(|(name, filters)| report(&views, name, filters, None)).collect();
        // An event that says nothing: what was known before it is a question about the past now,
        // which the hot table does not answer.
        fold(&mut views, day(0), Vec::new());
        for ((name, filters), fast) in questions.iter().zip(fast) {
            let general = report(&views, name, filters, Some(last));
            prop_assert_eq!(&fast.to_csv(), &general.to_csv(), "{} {:?}", name, filters);
            prop_assert_eq!(fast, general, "{} {:?}", name, filters);
        }
    }
}

#[test]
fn lines_that_are_in_force_one_version_at_a_time_are_rows() {
    let schedule = |from: i32| Schedule {
        from: day(from),
        recognised: amount((0, false), 3),
        amount: amount((120_000, false), 3),
        method: Method::OverTime,
        basis: Basis::MonthEven,
        start: day(0),
        end: day(365),
        rounding: Rounding::HalfEven,
        residual: Residual::Cumulative,
        progress: None,
        recurring: None,
        is_paused: false,
    };
    let version = |line: usize, from: i32, is_paused: bool| Change::Version {
        contract: 3,
        line,
        effective: day(from),
        schedule: Box::new(Schedule { is_paused, ..schedule(from) }),
    };
    // A line that changes twice from the same day on has two rows, not three.
    let mut steps = vec![version(0, 0, false), version(0, 90, false), version(0, 90, false)];
    steps.push(version(1, 0, false));
    let table = views(&steps).deferred_revenue.segments;
    assert_eq!((table.len(), table.general_lines().len()), (3, 0));
    // One that rests leaves the table, and its rows are free for others.
    steps.push(version(0, 180, true));
    let table = views(&steps).deferred_revenue.segments;
    assert_eq!((table.len(), table.general_lines().len()), (1, 1));
    // What is recorded after its day was closed needs the general path.
    steps.extend([Change::Closed(day(31)), version(2, 31, false), version(2, 32, false)]);
    let table = views(&steps).deferred_revenue.segments;
    assert_eq!((table.len(), table.general_lines().len()), (1, 2));
}
