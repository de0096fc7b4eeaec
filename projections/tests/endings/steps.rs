//! What random contracts are made of: lines of every method, and commands that change, rest, renew,
//! deliver, bill, credit and cancel them.

use ledger_core::calendar::Day;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A command on a day of 2026; the order is one of two.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) day: i32,
    order: u8,
    what: What,
}

/// A line of an order, as it is placed.
#[derive(Debug, Clone)]
struct Line {
    kind: Kind,
    cents: i64,
    units: u8,
    has_ssp: bool,
    /// The order's days until its first one; its own days from then on, where it ends by itself.
    days: (i32, Option<i32>),
    percent_off: Option<u8>,
    timing: &'static str,
}

#[derive(Debug, Clone)]
enum Kind {
    /// Over time: the period of its price, that of its bills, and its basis.
    Served {
        per: &'static str,
        every: &'static str,
        basis: &'static str,
    },
    Delivered,
    Milestone,
    Used {
        minimum: i64,
        aggregate: &'static str,
    },
}

#[derive(Debug, Clone)]
enum What {
    Place { months: Option<u8>, lines: Vec<Line> },
    Quantity(usize, u8, &'static str),
    Price(usize, i64, &'static str, &'static str),
    Discount(usize, u8),
    End(usize, i32),
    Add(Line),
    Remove(usize),
    Deliver(usize, u8),
    Percent(usize, u8),
    Use(usize, u16),
    Revise(usize, i64),
    Suspend,
    Resume,
    Renew(u8, Option<i64>),
    Cancel(&'static str),
    Bill,
    Invoice { cents: i64, days: i32 },
    Pay(i64),
    Credit { invoice: u8, line: u8, cents: i64, revenue: &'static str },
    VoidInvoice(u8),
    VoidCredit(u8),
}

/// The names of the lines that an order can have.
const LINES: usize = 4;

fn words(list: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(list.to_vec())
}

pub(crate) fn policies() -> impl Strategy<Value = Value> {
    (
        words(&["half_even", "half_up"]),
        words(&["actual_period", "fixed_30", "actual_month", "strict_30_360", "none"]),
        words(&["new", "old"]),
        words(&["cumulative", "last"]),
        words(&["net", "legs", "daily_rate"]),
        words(&["clamp", "stick"]),
    )
        .prop_map(|(rounding, proration, change_day, residual, legs, month_end)| {
            json!({"rounding": rounding, "proration": proration, "change_day": change_day,
                   "residual": residual, "proration_rounding": legs, "month_end": month_end})
        })
}

/// Steps in the order of their days, which leave nothing open on purpose: no cancellation that
/// gives nothing back, and no invoice that bills an order by hand.
pub(crate) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let others = prop::collection::vec(step(what()), 1..most);
    let orders = prop::collection::vec(step(place()), 1..3);
    (orders, others).prop_map(|(orders, others)| {
        // Early, so that the others find them.
        let early = |step: Step| Step { day: step.day % 40, ..step };
        let mut all: Vec<Step> = orders.into_iter().map(early).chain(others).collect();
        all.sort_by_key(|step| step.day);
        all
    })
}

fn step(what: impl Strategy<Value = What>) -> impl Strategy<Value = Step> {
    (0_i32..400, 0_u8..2, what).prop_map(|(day, order, what)| Step { day, order, what })
}

fn cents() -> impl Strategy<Value = i64> {
    prop_oneof![(1_i64..30).prop_map(|tens| tens * 1_000), 1_i64..100, 1_i64..20_000]
}

fn kind() -> impl Strategy<Value = Kind> {
    let served = (
        words(&["month", "month", "quarter", "year", "term"]),
        words(&["month", "month", "quarter", "year", "term"]),
        words(&[
            "day",
            "day",
            "month_even",
            "month_even_prorated_ends",
            "half_month",
            "full_month",
        ]),
    );
    prop_oneof![
        3 => served.prop_map(|(per, every, basis)| Kind::Served { per, every, basis }),
        1 => Just(Kind::Delivered),
        1 => Just(Kind::Milestone),
        1 => (0_i64..2_000, words(&["sum", "max", "last"]))
            .prop_map(|(minimum, aggregate)| Kind::Used { minimum, aggregate }),
    ]
}

fn line() -> impl Strategy<Value = Line> {
    (
        kind(),
        cents(),
        1_u8..5,
        any::<bool>(),
        (prop_oneof![4 => Just(0_i32), 1 => 0_i32..60], prop::option::weighted(0.2, 20_i32..300)),
        prop::option::weighted(0.2, 1_u8..60),
        words(&["advance", "advance", "arrears", "on_delivery"]),
    )
        .prop_map(|(kind, cents, units, has_ssp, days, percent_off, timing)| Line {
            kind,
            cents,
            units,
            has_ssp,
            days,
            percent_off,
            timing,
        })
}

fn place() -> impl Strategy<Value = What> {
    (prop::option::weighted(0.8, 1_u8..15), prop::collection::vec(line(), 1..=LINES))
        .prop_map(|(months, lines)| What::Place { months, lines })
}

fn what() -> impl Strategy<Value = What> {
    let treatments = || words(&["auto", "auto", "prospective", "catch_up"]);
    let line_of = || 0_usize..LINES;
    prop_oneof![
        (line_of(), 1_u8..6, treatments())
            .prop_map(|(line, units, how)| What::Quantity(line, units, how)),
        (line_of(), cents(), treatments(), words(&["daily", "daily", "none"]))
            .prop_map(|(line, cents, how, part)| What::Price(line, cents, how, part)),
        (line_of(), 0_u8..60).prop_map(|(line, percent)| What::Discount(line, percent)),
        (line_of(), 0_i32..400).prop_map(|(line, days)| What::End(line, days)),
        line().prop_map(What::Add),
        line_of().prop_map(What::Remove),
        (line_of(), 1_u8..4).prop_map(|(line, units)| What::Deliver(line, units)),
        (line_of(), 0_u8..101).prop_map(|(line, percent)| What::Percent(line, percent)),
        (line_of(), 1_u16..90).prop_map(|(line, units)| What::Use(line, units)),
        (line_of(), 0_i64..40_000).prop_map(|(line, cents)| What::Revise(line, cents)),
        Just(What::Suspend),
        Just(What::Resume),
        (1_u8..8, prop::option::of(cents())).prop_map(|(months, cents)| What::Renew(months, cents)),
        words(&["credit", "refund", "forfeit"]).prop_map(What::Cancel),
        Just(What::Bill),
        Just(What::Bill),
        (1_i64..40_000, 1_i32..200).prop_map(|(cents, days)| What::Invoice { cents, days }),
        (1_i64..40_000).prop_map(What::Pay),
        credit(),
        credit(),
        (0_u8..6).prop_map(What::VoidInvoice),
        (0_u8..4).prop_map(What::VoidCredit),
    ]
}

fn credit() -> impl Strategy<Value = What> {
    let revenue = words(&[
        "split_pro_rata",
        "unearned_first",
        "contra_now",
        "prospective",
        "cumulative_reversal",
    ]);
    (
        0_u8..6,
        1_u8..3,
        prop_oneof![(1_i64..10).prop_map(|tens| tens * 1_000), 1_i64..9_000],
        revenue,
    )
        .prop_map(|(invoice, line, cents, revenue)| What::Credit {
            invoice,
            line,
            cents,
            revenue,
        })
}

/// A credit, and the day on which it is voided.
pub(crate) fn voided() -> impl Strategy<Value = (Step, i32)> {
    (step(credit()), 1_i32..300).prop_map(|(step, days)| {
        let until = (step.day + days).min(415);
        (step, until)
    })
}

fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

impl Step {
    pub(crate) fn date(&self) -> Day {
        "2026-01-01".parse::<Day>().unwrap().plus_days(self.day)
    }

    pub(crate) fn is_credit(&self) -> bool {
        matches!(self.what, What::Credit { .. })
    }

    /// Whether it takes an invoice or a credit back.
    pub(crate) fn is_void(&self) -> bool {
        matches!(self.what, What::VoidInvoice(_) | What::VoidCredit(_))
    }

    /// The command's name and data; `number` makes names that are new, and `credits` are those that
    /// were issued.
    #[expect(clippy::too_many_lines, reason = "one row a command, nothing to name")]
    pub(crate) fn command(&self, number: usize, credits: &[String]) -> (&'static str, Value) {
        let order = format!("O{}", self.order);
        let amend = |change: Value, treatment: &str, proration: &str| {
            let data = json!({"order": order, "amendment": format!("A{number}"), "changes": [change],
                              "treatment": treatment, "proration": proration});
            ("AmendOrder", data)
        };
        match &self.what {
            What::Place { months, lines } => ("PlaceOrder", self.order(&order, *months, lines)),
            What::Quantity(line, units, treatment) => amend(
                json!({"line": name(*line), "quantity": units.to_string()}),
                treatment,
                "daily",
            ),
            What::Price(line, cents, treatment, proration) => {
                // The period of the price stays; those that have another one are refused.
                let per = ["month", "month", "once", "term"][self.day.unsigned_abs() as usize % 4];
                let price = json!({"model": "per_unit", "unit_price": money(*cents), "per": per});
                amend(json!({"line": name(*line), "price": price}), treatment, proration)
            }
            What::Discount(line, percent) => {
                let discount = json!({"percent": percent.to_string()});
                amend(json!({"line": name(*line), "discount": discount}), "auto", "daily")
            }
            What::End(line, days) => {
                let end = self.date().plus_days(*days);
                amend(json!({"line": name(*line), "end": end}), "auto", "daily")
            }
            What::Add(line) => {
                let mut data = line.data(&format!("N{number}"), self.date());
                data.as_object_mut().unwrap().remove("start");
                amend(json!({"add": data}), "auto", "daily")
            }
            What::Remove(line) => amend(json!({"remove": name(*line)}), "auto", "daily"),
            What::Deliver(line, units) => (
                "RecordDelivery",
                json!({"order": order, "line": name(*line), "quantity": units.to_string()}),
            ),
            What::Percent(line, percent) => (
                "RecordDelivery",
                json!({"order": order, "line": name(*line), "percent_complete": percent.to_string()}),
            ),
            What::Use(line, units) => (
                "RecordUsage",
                json!({"order": order, "line": name(*line), "quantity": units.to_string()}),
            ),
            What::Revise(line, cents) => (
                "ReviseEstimate",
                json!({"order": order, "line": name(*line), "amount": money(*cents)}),
            ),
            What::Suspend => ("SuspendOrder", json!({"order": order})),
            What::Resume => ("ResumeOrder", json!({"order": order})),
            What::Renew(months, cents) => {
                let price = |cents: i64| json!({"model": "per_unit", "unit_price": money(cents), "per": "month"});
                let changes: Vec<Value> = cents
                    .iter()
                    .map(|cents| json!({"line": "L0", "price": price(*cents)}))
                    .collect();
                ("RenewOrder", json!({"order": order, "term_months": months, "changes": changes}))
            }
            What::Cancel(unearned) => {
                ("CancelOrder", json!({"order": order, "unearned": unearned}))
            }
            What::Bill => ("RunBilling", json!({"through": self.date()})),
            What::Invoice { cents, days } => (
                "IssueInvoice",
                json!({"customer": "C", "currency": "USD", "invoice": format!("HAND-{number}"),
                       "lines": [{"amount": money(*cents), "service_start": self.date().plus_days(-20),
                                  "service_end": self.date().plus_days(*days)}]}),
            ),
            What::Pay(cents) => (
                "RecordPayment",
                json!({"payment": format!("P{number}"), "customer": "C", "currency": "USD",
                       "amount": money(*cents), "allocate": "auto"}),
            ),
            What::Credit { invoice, line, cents, revenue } => (
                "IssueCredit",
                json!({"credit": format!("K{number}"), "customer": "C", "currency": "USD",
                       "invoice": format!("INV-{}", invoice + 1), "apply": "account",
                       "lines": [{"invoice_line": line.to_string(), "amount": money(*cents)}],
                       "revenue": revenue}),
            ),
            What::VoidInvoice(invoice) => {
                ("VoidInvoice", json!({"invoice": format!("INV-{}", invoice + 1)}))
            }
            What::VoidCredit(back) => {
                let at = credits.len().checked_sub(usize::from(*back) + 1);
                let credit = at.and_then(|at| credits.get(at)).map_or("NONE", String::as_str);
                ("VoidCredit", json!({"credit": credit}))
            }
        }
    }

    fn order(&self, order: &str, months: Option<u8>, lines: &[Line]) -> Value {
        let lines: Vec<Value> = lines
            .iter()
            .enumerate()
            .map(|(index, line)| line.data(&name(index), self.date()))
            .collect();
        let mut data = json!({"order": order, "customer": "C", "currency": "USD",
                              "start": self.date(), "lines": lines});
        if let Some(months) = months {
            data["term_months"] = json!(months);
        }
        data
    }
}

fn name(line: usize) -> String {
    format!("L{line}")
}

impl Line {
    fn data(&self, name: &str, order: Day) -> Value {
        let price =
            |per: &str| json!({"model": "per_unit", "unit_price": money(self.cents), "per": per});
        let delivers = matches!(self.kind, Kind::Delivered | Kind::Milestone);
        let timing =
            if self.timing == "on_delivery" && !delivers { "advance" } else { self.timing };
        let start = order.plus_days(self.days.0);
        let mut data = json!({"line": name, "start": start, "quantity": self.units.to_string()});
        if let Some(days) = self.days.1 {
            data["end"] = json!(start.plus_days(days));
        }
        let once = json!({"every": "once", "timing": timing});
        let (price, billing, recognition) = match &self.kind {
            Kind::Served { per, every, basis } => (
                price(per),
                json!({"every": every, "timing": timing}),
                json!({"method": "over_time", "basis": basis}),
            ),
            Kind::Delivered => (price("once"), once, json!({"method": "point_in_time"})),
            Kind::Milestone => (price("once"), once, json!({"method": "milestone"})),
            Kind::Used { minimum, aggregate } => {
                let mut price = price("month");
                price["minimum"] = json!(money(*minimum));
                price["aggregate"] = json!(aggregate);
                data["quantity"] = json!("0");
                (price, json!({"every": "month", "timing": "arrears"}), json!({"method": "usage"}))
            }
        };
        data["price"] = price;
        data["billing"] = billing;
        data["recognition"] = recognition;
        if std::env::var("NOSSP").is_err()
            && self.has_ssp
            && !matches!(self.kind, Kind::Used { .. })
        {
            data["ssp"] = json!(money(self.cents / 2 + 500));
        }
        if let Some(percent) = self.percent_off {
            data["discount"] = json!({"percent": percent.to_string()});
        }
        data
    }
}
