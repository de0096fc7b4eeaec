//! The policies of a book: every name of the contract (section 5) sets its own, and what it does not list
//! is refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use ledger_core::command::book::PolicyValue;
use ledger_core::decide::policy::{of_revenue, policies, rounding_word};
use ledger_core::dunning::{self, Stage};
use ledger_core::money::Rounding;
use ledger_core::policy::{
    AgeingBasis, AllocationOrder, ApplyCredits, Basis, CashDiscountTax, ChangeDay, CloseBy,
    CreditRevenue, FxRevaluation, InvoiceGrouping, Late, MonthEnd, Policies, Proration,
    ProrationRounding, Reopen, Residual, TaxInclusive, TaxRounding, WriteOffTax, WriteOffTo,
    WriteOffUnearned,
};
use ledger_core::rejection::Rejection;
use serde_json::{Value, json};

fn set(values: &Value) -> Result<Policies, Rejection> {
    let values: BTreeMap<String, PolicyValue> = serde_json::from_value(values.clone()).unwrap();
    policies(&values)
}

fn refused(values: &Value) -> (String, String) {
    let rejection = set(values).unwrap_err();
    (rejection.code, rejection.field.unwrap())
}

#[test]
fn each_word_sets_its_policy() {
    let of = |name: &str, word: &str| set(&json!({ name: word })).unwrap();
    assert_eq!(of("rounding", "half_up").rounding, Rounding::HalfUp);
    assert_eq!(of("rounding", "half_even").rounding, Rounding::HalfEven);
    assert_eq!(of("recognition_basis", "half_month").recognition_basis, Basis::HalfMonth);
    assert_eq!(of("residual", "last").residual, Residual::Last);
    assert_eq!(of("proration", "fixed_30").proration, Proration::FixedThirty);
    let rounding = of("proration_rounding", "legs").proration_rounding;
    assert_eq!(rounding, ProrationRounding::Legs);
    assert_eq!(of("change_day", "old").change_day, ChangeDay::Old);
    assert_eq!(of("month_end", "stick").month_end, MonthEnd::Stick);
    let revenue = of("credit_revenue", "contra_now").credit_revenue;
    assert_eq!(revenue, CreditRevenue::ContraNow);
    assert_eq!(of("write_off_to", "allowance").write_off_to, WriteOffTo::Allowance);
    let unearned = of("write_off_unearned", "expense").write_off_unearned;
    assert_eq!(unearned, WriteOffUnearned::Expense);
    assert_eq!(of("write_off_tax", "relieve").write_off_tax, WriteOffTax::Relieve);
    assert_eq!(of("tax_rounding", "line").tax_rounding, TaxRounding::Line);
    assert_eq!(of("tax_inclusive", "division").tax_inclusive, TaxInclusive::Division);
    let order = of("allocation_order", "largest_first").allocation_order;
    assert_eq!(order, AllocationOrder::LargestFirst);
    let discount = of("cash_discount_tax", "reduce").cash_discount_tax;
    assert_eq!(discount, CashDiscountTax::Reduce);
    assert_eq!(of("apply_credits", "auto").apply_credits, ApplyCredits::Auto);
    let grouping = of("invoice_grouping", "customer").invoice_grouping;
    assert_eq!(grouping, InvoiceGrouping::Customer);
    assert_eq!(of("fx_revaluation", "on").fx_revaluation, FxRevaluation::On);
    assert_eq!(of("late", "reject").late, Late::Reject);
    assert_eq!(of("ageing_basis", "invoice_date").ageing_basis, AgeingBasis::InvoiceDate);
    assert_eq!(of("close_by", "month").close_by, CloseBy::Month);
    assert_eq!(of("reopen", "with_reason").reopen, Reopen::WithReason);
}

#[test]
fn numbers_lists_and_maps_set_theirs() {
    let all = set(&json!({"tolerance": "0.50", "tolerance_over": "1.25", "grace_days": 366,
        "ageing_buckets": [0, 10, 20], "approvals": {"refund": "two"},
        "credit_revenue": {"price": "contra_now"},
        "dunning": {"gentle": [{"after_days": 3, "notice": "hello"}]}}))
    .unwrap();
    assert_eq!(
        (all.tolerance.to_string(), all.tolerance_over.to_string()),
        ("0.50".into(), "1.25".into())
    );
    assert_eq!((all.grace_days, all.ageing_buckets), (366, vec![0, 10, 20]));
    assert!(all.dunning.knows("gentle") && all.dunning.knows("standard"));
    assert_eq!(set(&json!({"grace_days": "7"})).unwrap().grace_days, 7);
    assert_eq!(set(&json!({"tolerance": 2})).unwrap().tolerance.to_string(), "2");
    assert_eq!(set(&json!({"dunning": {}})).unwrap(), Policies::default());
    assert_eq!(set(&json!({"collection": {}})).unwrap(), Policies::default());
}

#[test]
fn what_the_contract_does_not_list_is_refused() {
    let unknown = "policy.unknown".to_owned();
    for (name, value) in [
        ("ageing_buckets", json!([0])),
        ("ageing_buckets", json!([])),
        ("ageing_buckets", json!([1, 30])),
        ("ageing_buckets", json!([0, 30, 30])),
        ("ageing_buckets", json!([0, 30, 20])),
        ("ageing_buckets", json!("0")),
        ("tolerance", json!("-0.01")),
        ("tolerance", json!("much")),
        ("tolerance_over", json!([1])),
        ("grace_days", json!(367)),
        ("grace_days", json!("1.5")),
        ("grace_days", json!("-1")),
        ("rounding", json!("down")),
        ("rounding", json!(1)),
        ("rounding", json!({"price": "half_up"})),
        ("late", json!([1])),
        ("credit_revenue", json!({"price": "contra_now", "error": "sometimes"})),
        ("colour", json!("blue")),
        ("close_checks", json!("sometimes")),
        ("close_checks", json!(1)),
        ("close_checks", json!({"unbilled": "sometimes"})),
    ] {
        let field = format!("data.policies.{name}");
        assert_eq!(refused(&json!({ name: value })), (unknown.clone(), field), "{name} {value}");
    }
    assert_eq!(
        refused(&json!({"dunning": "gentle"})),
        ("dunning.invalid".to_owned(), "data.policies.dunning".to_owned())
    );
    assert_eq!(
        refused(&json!({"collection": 3})),
        ("collection.invalid".to_owned(), "data.policies.collection".to_owned())
    );
}

fn stages(all: &[(u32, &str)]) -> Vec<Stage> {
    let stage =
        |(after_days, notice): &(u32, &str)| json!({"after_days": after_days, "notice": notice});
    serde_json::from_value(all.iter().map(stage).collect()).unwrap()
}

fn dunned(name: &str, all: &[(u32, &str)]) -> Result<dunning::Policies, String> {
    let named = BTreeMap::from([(name.to_owned(), stages(all))]);
    dunning::Policies::of(&named).map_err(|misfit| misfit.path)
}

#[test]
fn stages_of_reminders_ascend_and_are_at_most_twenty() {
    let (longest, too_long) = ("a".repeat(64), "a".repeat(65));
    let twenty: Vec<(u32, &str)> = (1..=20).map(|day| (day, "a_1")).collect();
    let more: Vec<(u32, &str)> = (1..=21).map(|day| (day, "a_1")).collect();
    assert!(dunned("p", &[(1, &longest), (2, "b")]).is_ok());
    assert!(dunned("p", &twenty).is_ok());
    for (name, all, path) in [
        ("none", &[(1, "a")][..], ".none"),
        ("", &[(1, "a")], "."),
        ("p", &[], ".p"),
        ("p", &more, ".p"),
        ("p", &[(0, "a")], ".p[0].after_days"),
        ("p", &[(3, "a"), (3, "b")], ".p[1].after_days"),
        ("p", &[(3, "a"), (2, "b")], ".p[1].after_days"),
        ("p", &[(1, "")], ".p[0].notice"),
        ("p", &[(1, "Ab")], ".p[0].notice"),
        ("p", &[(1, "a-b")], ".p[0].notice"),
        ("p", &[(1, &too_long)], ".p[0].notice"),
    ] {
        assert_eq!(dunned(name, all).unwrap_err(), path);
    }
}

/// The usual stages are 7, 14, 30 and 60 days after the due date.
#[test]
fn the_stage_that_is_due_and_the_next_one() {
    let usual = dunning::Policies::default();
    let all = usual.stages(None);
    let due = |days| dunning::due(all, days).map(|(number, stage)| (number, stage.after_days));
    assert_eq!((due(6), due(7), due(13)), (None, Some((1, 7)), Some((1, 7))));
    assert_eq!((due(14), due(60), due(500)), (Some((2, 14)), Some((4, 60)), Some((4, 60))));
    let next = |days| dunning::next(all, days).map(|(number, stage)| (number, stage.after_days));
    assert_eq!(
        (next(None), next(Some(7)), next(Some(8))),
        (Some((1, 7)), Some((2, 14)), Some((2, 14)))
    );
    assert_eq!((next(Some(59)), next(Some(60))), (Some((4, 60)), None));
    let day = |text: &str| text.parse().unwrap();
    let overdue = |on: &str| dunning::days_overdue(day("2026-01-31"), day(on));
    assert_eq!((overdue("2026-01-30"), overdue("2026-01-31"), overdue("2026-02-02")), (0, 0, 2));
    let own = dunned("gentle", &[(3, "a")]).unwrap();
    assert_eq!(own.names(), ["gentle", "standard", "none"]);
    assert_eq!(own.named(Some("gentle")).unwrap().0, "gentle");
    assert_eq!(own.named(Some("a slip")).unwrap().0, "standard");
    assert_eq!((own.named(Some("none")), own.stages(Some("none")).len()), (None, 0));
    assert!(own.knows("none") && own.knows("gentle") && !own.knows("harsh"));
}

#[test]
fn what_shapes_revenue_stands_in_its_events() {
    let policies = set(&json!({"rounding": "half_up", "residual": "last", "proration": "fixed_30",
        "change_day": "old"}))
    .unwrap();
    let words = of_revenue(&policies);
    let all: Vec<(&str, &str)> =
        words.iter().map(|(name, word)| (name.as_str(), word.as_str())).collect();
    assert_eq!(
        all,
        [
            ("change_day", "old"),
            ("month_end", "clamp"),
            ("proration", "fixed_30"),
            ("proration_rounding", "net"),
            ("recognition_basis", "day"),
            ("residual", "last"),
            ("rounding", "half_up"),
        ]
    );
    assert_eq!(rounding_word(Rounding::HalfEven), "half_even");
}

/// A schedule has up to twenty retries.
#[test]
fn the_schedules_that_a_customer_can_name() {
    let retries = vec![3; 20];
    let cards = json!({"processor": "stripe", "retry_after_days": retries});
    let policies = set(&json!({"collection": {"cards_2": cards}})).unwrap();
    assert_eq!(policies.collection.names(), ["cards_2", "none"]);
    assert_eq!(policies.collection.named(Some("cards_2")).unwrap().1.retry_after(20), Some(3));
}
