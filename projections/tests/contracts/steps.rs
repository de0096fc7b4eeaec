//! What random commands are made of.

use ledger_core::calendar::Day;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A command on a day of 2026; numbers choose orders, lines and invoices.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) day: i32,
    order: u8,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Place {
        months: u8,
        cents: i64,
        basis: &'static str,
        has_ssp: bool,
        is_open: bool,
        every: &'static str,
        /// Days of a discount; none without one.
        discounted: Option<i32>,
    },
    Quantity(u8),
    Price {
        cents: i64,
        treatment: &'static str,
    },
    End(i32),
    Add(i64),
    Remove,
    Deliver(u8),
    Percent(u8),
    Use(u16),
    Revise(i64),
    Suspend,
    Resume,
    Renew,
    Cancel(&'static str),
    Bill,
    /// Named by the book's series, or by its numbers.
    Invoice {
        cents: i64,
        days: i32,
        is_named: bool,
    },
    Credit {
        invoice: u8,
        cents: i64,
        revenue: &'static str,
    },
    Void(u8),
    VoidCredit(u8),
}

pub(crate) fn policies() -> impl Strategy<Value = Value> {
    let words = |list: &'static [&'static str]| prop::sample::select(list.to_vec());
    (
        words(&["half_even", "half_up"]),
        words(&["day", "month_even", "half_month"]),
        words(&["actual_period", "fixed_30", "actual_month", "strict_30_360", "none"]),
        words(&["new", "old"]),
        words(&["cumulative", "last"]),
        words(&["net", "legs", "daily_rate"]),
    )
        .prop_map(|(rounding, basis, proration, change_day, residual, legs)| {
            json!({"rounding": rounding, "recognition_basis": basis, "proration": proration,
                   "change_day": change_day, "residual": residual, "proration_rounding": legs})
        })
}

/// Steps in random order; they are played by day.
pub(crate) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let others = prop::collection::vec(step(what()), 1..most);
    let orders = prop::collection::vec(step(place()), 1..3);
    (orders, others).prop_map(|(orders, others)| {
        // Early, so that the others find them.
        let early = |step: Step| Step { day: step.day % 40, ..step };
        orders.into_iter().map(early).chain(others).collect()
    })
}

fn step(what: impl Strategy<Value = What>) -> impl Strategy<Value = Step> {
    (0_i32..400, 0_u8..2, what).prop_map(|(day, order, what)| Step { day, order, what })
}

/// Two orders, and usage and deliveries of theirs.
pub(crate) fn orders() -> impl Strategy<Value = Vec<Step>> {
    let others =
        step(prop_oneof![(1_u8..4).prop_map(What::Deliver), (1_u16..90).prop_map(What::Use)]);
    let others = prop::collection::vec(others, 0..8);
    (step(place()), step(place()), others).prop_map(|(one, other, others)| {
        let placed =
            [Step { day: 0, order: 0, ..one }, Step { day: other.day % 90, order: 1, ..other }];
        placed.into_iter().chain(others).collect()
    })
}

/// Steps whose order within a day must not matter.
pub(crate) fn commutative() -> impl Strategy<Value = Step> {
    step(prop_oneof![
        (1_u8..5).prop_map(What::Quantity),
        (1_i64..20_000).prop_map(|cents| What::Price { cents, treatment: "prospective" }),
        (1_u8..4).prop_map(What::Deliver),
        (1_u16..90).prop_map(What::Use),
        Just(What::Bill),
        (1_i64..90_000, 1_i32..200).prop_map(|(cents, days)| What::Invoice {
            cents,
            days,
            is_named: true
        }),
        (0_u8..3, 1_i64..3_000, prop::sample::select(vec!["split_pro_rata", "contra_now"]))
            .prop_map(|(invoice, cents, revenue)| What::Credit { invoice, cents, revenue }),
    ])
}

/// Whether two of the steps set the same thing of an order's line.
pub(crate) fn sets_twice(steps: &[Step]) -> bool {
    let sets = |step: &Step| {
        let is_quantity = matches!(step.what, What::Quantity(_));
        let is_price = matches!(step.what, What::Price { .. });
        (is_quantity || is_price).then_some((step.order, is_quantity))
    };
    let all: Vec<_> = steps.iter().filter_map(sets).collect();
    all.iter().enumerate().any(|(index, one)| all.iter().skip(index + 1).any(|other| one == other))
}

/// Whether the steps change terms and record a delivery.
pub(crate) fn changes_and_delivers(steps: &[Step]) -> bool {
    let is_change = |step: &Step| matches!(step.what, What::Quantity(_) | What::Price { .. });
    let is_delivery = |step: &Step| matches!(step.what, What::Deliver(_));
    steps.iter().any(is_change) && steps.iter().any(is_delivery)
}

fn place() -> impl Strategy<Value = What> {
    (
        1_u8..15,
        prop_oneof![1_i64..100, 1_i64..200_000],
        prop::sample::select(vec!["day", "month_even", "month_even_prorated_ends", "full_month"]),
        any::<bool>(),
        prop::bool::weighted(0.3),
        prop::sample::select(vec!["month", "quarter", "year"]),
        prop::option::weighted(0.3, 0_i32..200),
    )
        .prop_map(|(months, cents, basis, has_ssp, is_open, every, discounted)| What::Place {
            months,
            cents,
            basis,
            has_ssp,
            is_open,
            every,
            discounted,
        })
}

fn what() -> impl Strategy<Value = What> {
    let treatments = vec!["auto", "prospective", "catch_up"];
    let revenue = vec![
        "split_pro_rata",
        "unearned_first",
        "contra_now",
        "prospective",
        "cumulative_reversal",
    ];
    prop_oneof![
        (1_u8..5).prop_map(What::Quantity),
        (1_i64..20_000, prop::sample::select(treatments))
            .prop_map(|(cents, treatment)| What::Price { cents, treatment }),
        (0_i32..700).prop_map(What::End),
        (1_i64..20_000).prop_map(What::Add),
        Just(What::Remove),
        (1_u8..4).prop_map(What::Deliver),
        (0_u8..101).prop_map(What::Percent),
        (1_u16..90).prop_map(What::Use),
        (0_i64..90_000).prop_map(What::Revise),
        Just(What::Suspend),
        Just(What::Resume),
        Just(What::Renew),
        prop::sample::select(vec!["credit", "refund", "forfeit", "none"]).prop_map(What::Cancel),
        Just(What::Bill),
        Just(What::Bill),
        (1_i64..90_000, 1_i32..200).prop_map(|(cents, days)| What::Invoice {
            cents,
            days,
            is_named: false
        }),
        (0_u8..6, 1_i64..9_000, prop::sample::select(revenue))
            .prop_map(|(invoice, cents, revenue)| What::Credit { invoice, cents, revenue }),
        (0_u8..6).prop_map(What::Void),
        (0_u8..3).prop_map(What::VoidCredit),
    ]
}

fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

impl Step {
    /// A delivery of one unit.
    pub(crate) fn delivery(order: u8, day: i32) -> Self {
        Self { day, order, what: What::Deliver(1) }
    }

    /// The same on another day.
    pub(crate) fn on(&self, day: i32) -> Self {
        Self { day, ..self.clone() }
    }

    pub(crate) fn date(&self) -> Day {
        "2026-01-01".parse::<Day>().unwrap().plus_days(self.day)
    }

    /// The command's name and data; `number` makes names that are new.
    #[expect(clippy::too_many_lines, reason = "one row a command, nothing to name")]
    pub(crate) fn command(&self, number: u32) -> (&'static str, Value) {
        let order = format!("O{}", self.order);
        let amend = |changes: Value, treatment: &str| {
            (
                "AmendOrder",
                json!({"order": order, "amendment": format!("A{number}"),
                                  "changes": changes, "treatment": treatment}),
            )
        };
        match &self.what {
            What::Place { .. } => ("PlaceOrder", self.order(&order)),
            What::Quantity(quantity) => {
                amend(json!([{"line": "T", "quantity": quantity.to_string()}]), "auto")
            }
            What::Price { cents, treatment } => {
                let price =
                    json!({"model": "per_unit", "unit_price": money(*cents), "per": "month"});
                amend(json!([{"line": "T", "price": price}]), treatment)
            }
            What::End(days) => {
                let end = self.date().plus_days(*days);
                amend(json!([{"line": "T", "end": end}]), "auto")
            }
            What::Add(cents) => {
                let price = json!({"model": "flat", "amount": money(*cents), "per": "term"});
                let end = self.date().plus_days(100);
                amend(
                    json!([{"add": {"line": format!("N{number}"), "price": price, "ssp": "50.00", "end": end}}]),
                    "auto",
                )
            }
            What::Remove => amend(json!([{"remove": "T"}]), "auto"),
            What::Deliver(units) => (
                "RecordDelivery",
                json!({"order": order, "line": "P", "quantity": units.to_string()}),
            ),
            What::Percent(percent) => (
                "RecordDelivery",
                json!({"order": order, "line": "M", "percent_complete": percent.to_string()}),
            ),
            What::Use(units) => {
                ("RecordUsage", json!({"order": order, "line": "U", "quantity": units.to_string()}))
            }
            What::Revise(cents) => {
                ("ReviseEstimate", json!({"order": order, "line": "M", "amount": money(*cents)}))
            }
            What::Suspend => ("SuspendOrder", json!({"order": order})),
            What::Resume => ("ResumeOrder", json!({"order": order})),
            What::Renew => ("RenewOrder", json!({"order": order, "term_months": 6})),
            What::Cancel(unearned) => {
                ("CancelOrder", json!({"order": order, "unearned": unearned}))
            }
            What::Bill => ("RunBilling", json!({"through": self.date()})),
            What::Invoice { cents, days, is_named } => {
                let mut data = json!({"customer": "C", "currency": "USD", "lines": [{
                    "amount": money(*cents), "service_start": self.date().plus_days(-20),
                    "service_end": self.date().plus_days(*days)}]});
                if *is_named {
                    data["invoice"] = json!(format!("NAMED-{cents}-{days}"));
                }
                ("IssueInvoice", data)
            }
            What::Credit { invoice, cents, revenue } => (
                "IssueCredit",
                json!({"credit": format!("K{number}"), "customer": "C", "currency": "USD",
                       "invoice": format!("INV-{}", invoice + 1), "apply": "invoice",
                       "lines": [{"invoice_line": "1", "amount": money(*cents)}],
                       "revenue": revenue}),
            ),
            What::Void(invoice) => {
                ("VoidInvoice", json!({"invoice": format!("INV-{}", invoice + 1)}))
            }
            What::VoidCredit(credit) => (
                "VoidCredit",
                json!({"credit": format!("K{}", number.saturating_sub(u32::from(*credit) + 1))}),
            ),
        }
    }

    fn order(&self, order: &str) -> Value {
        let What::Place { months, cents, basis, has_ssp, is_open, every, discounted } = &self.what
        else {
            return Value::Null;
        };
        let discount = discounted.map(|_| json!({"percent": "25"}));
        let until = discounted.map(|days| self.date().plus_days(days));
        let ssp = |amount: &str| if *has_ssp { json!(amount) } else { Value::Null };
        let mut lines = json!([
            {"line": "T", "ssp": ssp("40.00"), "recognition": {"method": "over_time", "basis": basis},
             "price": {"model": "per_unit", "unit_price": money(*cents), "per": "month"},
             "billing": {"every": every, "timing": "advance"},
             "discount": discount, "discount_until": until},
            {"line": "P", "ssp": ssp("10.00"), "quantity": "6", "recognition": {"method": "point_in_time"},
             "price": {"model": "per_unit", "unit_price": "12.50", "per": "once"}},
            {"line": "M", "ssp": ssp("300.00"), "recognition": {"method": "milestone"},
             "price": {"model": "flat", "amount": "250.00", "per": "once"},
             "billing": {"every": "once", "timing": "advance"}},
            {"line": "U", "quantity": "0", "recognition": {"method": "usage"},
             "price": {"model": "per_unit", "unit_price": "0.35", "per": "month", "minimum": "9.00"},
             "billing": {"every": "month", "timing": "arrears"}},
        ]);
        for line in lines.as_array_mut().unwrap() {
            line.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        }
        let mut data = json!({"order": order, "customer": "C", "currency": "USD",
                              "start": self.date(), "lines": lines});
        if !is_open {
            data["term_months"] = json!(months);
        }
        data
    }
}
