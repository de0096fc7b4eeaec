//! What random commands on money are made of.

use ledger_core::calendar::Day;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A command on a day of 2026; numbers choose documents, and amounts in percent of something.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) day: i32,
    /// Days by which it is recorded late.
    late: i32,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Invoice { cents: i64, tax: u8, days: i32, discount: bool },
    Bill,
    Cancel,
    Pay { cents: i64, invoice: Option<u8>, fee: bool },
    Allocate { payment: u8, invoice: u8, cents: i64 },
    Deallocate { payment: u8, invoice: u8, cents: i64 },
    Refund { payment: u8, cents: Option<i64> },
    ChargeBack { payment: u8, cents: Option<i64>, reverses: bool },
    Win(u8),
    Fail { payment: u8, invoice: u8 },
    Credit { invoice: u8, cents: i64, apply: &'static str },
    ApplyCredit { credit: u8, invoice: u8, cents: i64 },
    RefundCredit { credit: u8, cents: Option<i64> },
    VoidCredit(u8),
    Void(u8),
    WriteOff { invoice: u8, cents: Option<i64> },
    Recover { invoice: u8, cents: i64 },
    Allowance(i64),
}

pub(crate) fn policies() -> impl Strategy<Value = Value> {
    let words = |list: &'static [&'static str]| prop::sample::select(list.to_vec());
    (
        words(&["expense", "contra_revenue", "allowance"]),
        words(&["clear", "expense"]),
        words(&["keep", "relieve"]),
        words(&["keep", "reduce"]),
        words(&["manual", "auto"]),
        words(&["document", "line"]),
        words(&["0", "0.50"]),
    )
        .prop_map(|(to, unearned, tax, discount, credits, rounding, tolerance)| {
            json!({"write_off_to": to, "write_off_unearned": unearned, "write_off_tax": tax,
                   "cash_discount_tax": discount, "apply_credits": credits,
                   "tax_rounding": rounding, "tolerance": tolerance, "tolerance_over": tolerance})
        })
}

/// Steps in random order; they are played by day.
pub(crate) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let invoices = prop::collection::vec(step(invoice()), 1..4);
    let payments = prop::collection::vec(step(pay()), 1..4);
    let others = prop::collection::vec(step(what()), 1..most);
    (invoices, payments, others).prop_map(|(invoices, payments, others)| {
        let early = |by: i32| move |step: Step| Step { day: step.day % by, ..step };
        let invoices = invoices.into_iter().map(early(20));
        invoices.chain(payments.into_iter().map(early(60))).chain(others).collect()
    })
}

fn step(what: impl Strategy<Value = What>) -> impl Strategy<Value = Step> {
    let late = prop_oneof![3 => Just(0), 1 => 1..60_i32];
    (0..300_i32, late, what).prop_map(|(day, late, what)| Step { day, late, what })
}

fn invoice() -> impl Strategy<Value = What> {
    (1..40_000_i64, prop::sample::select(vec![0_u8, 7, 19, 25]), 0..200_i32, any::<bool>())
        .prop_map(|(cents, tax, days, discount)| What::Invoice { cents, tax, days, discount })
}

fn pay() -> impl Strategy<Value = What> {
    (1..50_000_i64, prop::option::of(0..6_u8), any::<bool>())
        .prop_map(|(cents, invoice, fee)| What::Pay { cents, invoice, fee })
}

fn what() -> impl Strategy<Value = What> {
    let cents = || prop_oneof![1..300_i64, 1..30_000_i64];
    let some = move || prop::option::of(cents());
    prop_oneof![
        invoice(),
        Just(What::Bill),
        Just(What::Cancel),
        pay(),
        (0..4_u8, 0..6_u8, cents()).prop_map(|(payment, invoice, cents)| What::Allocate {
            payment,
            invoice,
            cents
        }),
        (0..4_u8, 0..6_u8, cents()).prop_map(|(payment, invoice, cents)| What::Deallocate {
            payment,
            invoice,
            cents
        }),
        (0..4_u8, some()).prop_map(|(payment, cents)| What::Refund { payment, cents }),
        (0..4_u8, some(), any::<bool>()).prop_map(|(payment, cents, reverses)| {
            What::ChargeBack { payment, cents, reverses }
        }),
        (0..4_u8).prop_map(What::Win),
        (0..4_u8, 0..6_u8).prop_map(|(payment, invoice)| What::Fail { payment, invoice }),
        (0..6_u8, cents(), prop::sample::select(vec!["invoice", "account", "refund"]))
            .prop_map(|(invoice, cents, apply)| What::Credit { invoice, cents, apply }),
        (0..4_u8, 0..6_u8, cents()).prop_map(|(credit, invoice, cents)| What::ApplyCredit {
            credit,
            invoice,
            cents
        }),
        (0..4_u8, some()).prop_map(|(credit, cents)| What::RefundCredit { credit, cents }),
        (0..4_u8).prop_map(What::VoidCredit),
        (0..6_u8).prop_map(What::Void),
        (0..6_u8, some()).prop_map(|(invoice, cents)| What::WriteOff { invoice, cents }),
        (0..6_u8, cents()).prop_map(|(invoice, cents)| What::Recover { invoice, cents }),
        (0..90_000_i64).prop_map(What::Allowance),
    ]
}

fn amount(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// What documents are there, by kind and in the order of their making.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) invoices: Vec<String>,
    pub(crate) payments: Vec<String>,
    pub(crate) credits: Vec<String>,
}

fn pick(names: &[String], number: u8) -> &str {
    names.get(usize::from(number) % names.len().max(1)).map_or("none", String::as_str)
}

impl Step {
    pub(crate) fn date(&self) -> Day {
        "2026-01-01".parse::<Day>().unwrap().plus_days((self.day - self.late).max(0))
    }

    /// The command on documents that are there; `number` names a new one.
    #[expect(clippy::too_many_lines, reason = "one arm for each command")]
    pub(crate) fn on(&self, names: &Names, number: u32) -> (&'static str, Value) {
        let invoice = |at: u8| pick(&names.invoices, at);
        let payment = |at: u8| pick(&names.payments, at);
        let credit = |at: u8| pick(&names.credits, at);
        let part = |cents: Option<i64>| cents.map(amount);
        let one = |at: u8, cents: i64| json!([{"invoice": invoice(at), "amount": amount(cents)}]);
        match &self.what {
            What::Invoice { cents, tax, days, discount } => {
                let until = self.date().plus_days(10);
                let discounts =
                    if *discount { json!([{"percent": "3", "until": until}]) } else { json!([]) };
                let (start, end) = (self.date(), self.date().plus_days(*days));
                let rest = amount(cents / 3 + 1);
                (
                    "IssueInvoice",
                    json!({
                    "invoice": format!("I-{number}"), "customer": "C", "currency": "USD",
                    "cash_discounts": discounts,
                    "lines": [
                        {"amount": amount(*cents), "tax_rate": tax.to_string(),
                         "service_start": start, "service_end": end},
                        {"amount": rest, "tax_rate": tax.to_string()}]}),
                )
            }
            What::Cancel => ("CancelOrder", json!({"order": "O", "unearned": "credit"})),
            What::Bill => ("RunBilling", json!({"through": self.date()})),
            What::Pay { cents, invoice: named, fee } => {
                let allocate = match named {
                    Some(at) => one(*at, *cents),
                    None => json!("auto"),
                };
                let fee = if *fee { amount(cents / 40) } else { "0.00".to_owned() };
                (
                    "RecordPayment",
                    json!({
                    "payment": format!("P-{number}"), "customer": "C", "currency": "USD",
                    "amount": amount(*cents), "fee": fee, "allocate": allocate}),
                )
            }
            What::Allocate { payment: of, invoice: to, cents } => (
                "AllocatePayment",
                json!({"payment": payment(*of), "allocations": one(*to, *cents)}),
            ),
            What::Deallocate { payment: of, invoice: from, cents } => (
                "DeallocatePayment",
                json!({"payment": payment(*of), "allocations": one(*from, *cents)}),
            ),
            What::Refund { payment: of, cents } => {
                ("RefundPayment", json!({"payment": payment(*of), "amount": part(*cents)}))
            }
            What::ChargeBack { payment: of, cents, reverses } => {
                let treatment = if *reverses { "reverse_revenue" } else { "reopen_receivable" };
                (
                    "ChargeBackPayment",
                    json!({
                    "payment": payment(*of), "amount": part(*cents), "fee": "15.00",
                    "treatment": treatment}),
                )
            }
            What::Win(of) => ("WinChargeback", json!({"payment": payment(*of)})),
            What::Fail { payment: of, invoice: on } => (
                "FailPayment",
                json!({"payment": payment(*of), "invoice": invoice(*on), "code": "declined"}),
            ),
            What::Credit { invoice: of, cents, apply } => (
                "IssueCredit",
                json!({
                "credit": format!("K-{number}"), "customer": "C", "currency": "USD",
                "invoice": invoice(*of), "apply": apply,
                "lines": [{"invoice_line": "1", "amount": amount(*cents)}]}),
            ),
            What::ApplyCredit { credit: of, invoice: to, cents } => {
                ("ApplyCredit", json!({"credit": credit(*of), "allocations": one(*to, *cents)}))
            }
            What::RefundCredit { credit: of, cents } => {
                ("RefundCredit", json!({"credit": credit(*of), "amount": part(*cents)}))
            }
            What::VoidCredit(of) => ("VoidCredit", json!({"credit": credit(*of)})),
            What::Void(of) => ("VoidInvoice", json!({"invoice": invoice(*of)})),
            What::WriteOff { invoice: of, cents } => {
                ("WriteOffInvoice", json!({"invoice": invoice(*of), "amount": part(*cents)}))
            }
            What::Recover { invoice: of, cents } => {
                ("RecoverWriteOff", json!({"invoice": invoice(*of), "amount": amount(*cents)}))
            }
            What::Allowance(cents) => ("RecordAllowance", json!({"amount": amount(*cents)})),
        }
    }
}
