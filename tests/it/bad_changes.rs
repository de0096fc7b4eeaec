//! Changes of orders, deliveries, usage, credits and closes that make no sense: each has its own
//! code and field, and nothing is recorded.

use crate::harness::Ledger;

/// An order with a line of each kind, one that was cancelled, one that rests, and one that ended.
const BOOK: &str = r#"{"id":"c1","command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}
{"id":"c2","command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"C","name":"C"}}
{"id":"c3","command":"DefineTaxRate","effective":"2026-01-01","data":{"tax_code":"VAT","rate":"19","from":"2026-03-01"}}
{"id":"c4","command":"PlaceOrder","effective":"2026-01-01","data":{"order":"O","customer":"C","currency":"USD","start":"2026-01-01","end":"2026-12-31","lines":[{"line":"TIME","price":{"model":"flat","amount":"10.00","per":"month"},"billing":{"every":"month"}},{"line":"UNITS","quantity":"10","price":{"model":"per_unit","unit_price":"5.00","per":"once"},"recognition":{"method":"point_in_time"}},{"line":"WORK","price":{"model":"flat","amount":"100.00","per":"once"},"recognition":{"method":"milestone"}},{"line":"CALLS","quantity":"0","price":{"model":"per_unit","unit_price":"0.01","per":"month"},"recognition":{"method":"usage"}}]}}
{"id":"c5","command":"AmendOrder","effective":"2026-02-01","data":{"order":"O","amendment":"A","changes":[{"line":"TIME","quantity":"2"}]}}
{"id":"c6","command":"RecordDelivery","effective":"2026-02-01","data":{"order":"O","line":"UNITS","quantity":"6"}}
{"id":"c7","command":"RecordDelivery","effective":"2026-02-01","data":{"order":"O","line":"WORK","percent_complete":"60"}}
{"id":"c8","command":"PlaceOrder","effective":"2026-01-01","data":{"order":"GONE","customer":"C","currency":"USD","start":"2026-01-01","end":"2026-12-31","lines":[{"line":"L","price":{"model":"flat","amount":"10.00","per":"month"}}]}}
{"id":"c9","command":"CancelOrder","effective":"2026-02-01","data":{"order":"GONE","unearned":"none"}}
{"id":"c10","command":"PlaceOrder","effective":"2026-01-01","data":{"order":"REST","customer":"C","currency":"USD","start":"2026-01-01","lines":[{"line":"L","price":{"model":"flat","amount":"10.00","per":"month"}}]}}
{"id":"c11","command":"SuspendOrder","effective":"2026-02-01","data":{"order":"REST"}}
{"id":"c12","command":"IssueInvoice","effective":"2026-02-01","data":{"invoice":"I","customer":"C","currency":"USD","lines":[{"amount":"90.00","service_start":"2026-02-01","service_end":"2026-04-30"}]}}
{"id":"c13","command":"IssueCredit","effective":"2026-02-10","data":{"credit":"K","customer":"C","invoice":"I","currency":"USD","lines":[{"amount":"9.00"}],"apply":"account"}}
{"id":"c14","command":"IssueInvoice","effective":"2026-02-01","data":{"invoice":"V","customer":"C","currency":"USD","lines":[{"amount":"1.00"}]}}
{"id":"c15","command":"VoidInvoice","effective":"2026-02-02","data":{"invoice":"V"}}
"#;

/// A command, its data, the code that answers it, and the field that it names.
type Case = (&'static str, &'static str, &'static str, &'static str);

/// On 15 March 2026.
const CASES: &[Case] = &[
    // Amendments.
    (
        "AmendOrder",
        r#"{"order":"X","amendment":"B","changes":[{"line":"TIME","quantity":"1"}]}"#,
        "order.unknown",
        "data.order",
    ),
    (
        "AmendOrder",
        r#"{"order":"GONE","amendment":"B","changes":[{"line":"L","quantity":"1"}]}"#,
        "order.cancelled",
        "data.order",
    ),
    (
        "AmendOrder",
        r#"{"order":"REST","amendment":"B","changes":[{"line":"L","quantity":"1"}]}"#,
        "order.suspended",
        "data.order",
    ),
    (
        "AmendOrder",
        r#"{"order":"O","amendment":"A","changes":[{"line":"TIME","quantity":"1"}]}"#,
        "amendment.exists",
        "data.amendment",
    ),
    (
        "AmendOrder",
        r#"{"order":"O","amendment":"B","changes":[]}"#,
        "document.no_lines",
        "data.lines",
    ),
    (
        "AmendOrder",
        r#"{"order":"O","amendment":"B","changes":[{"line":"X","quantity":"1"}]}"#,
        "line.unknown",
        "data.changes[0].line",
    ),
    (
        "AmendOrder",
        r#"{"order":"O","amendment":"B","changes":[{"remove":"X"}]}"#,
        "line.unknown",
        "data.changes[0].remove",
    ),
    (
        "AmendOrder",
        r#"{"order":"O","amendment":"B","changes":[{"line":"TIME"}]}"#,
        "command.missing_field",
        "data.changes[0]",
    ),
    (
        "AmendOrder",
        r#"{"order":"O","amendment":"B","changes":[{"line":"TIME","quantity":"1","remove":"TIME"}]}"#,
        "command.malformed",
        "data.changes[0]",
    ),
    (
        "AmendOrder",
        r#"{"order":"O","amendment":"B","changes":[{"line":"TIME","quantity":"1"},{"remove":"TIME"}]}"#,
        "line.duplicate",
        "data.changes[1]",
    ),
    (
        "AmendOrder",
        r#"{"order":"O","amendment":"B","changes":[{"add":{"line":"TIME","price":{"model":"flat","amount":"1.00"}}}]}"#,
        "line.duplicate",
        "data.changes[0].add.line",
    ),
    (
        "AmendOrder",
        r#"{"order":"O","amendment":"B","changes":[{"line":"TIME","end":"2026-02-01"}]}"#,
        "date.end_before_start",
        "data.changes[0].end",
    ),
    (
        "AmendOrder",
        r#"{"order":"O","amendment":"B","changes":[{"line":"TIME","end":"2025-02-01"}]}"#,
        "date.end_before_start",
        "data.changes[0].end",
    ),
    (
        "AmendOrder",
        r#"{"order":"O","amendment":"B","changes":[{"line":"TIME","price":{"model":"flat","amount":"-1.00","per":"month"}}]}"#,
        "price.invalid",
        "data.changes[0].price.amount",
    ),
    (
        "AmendOrder",
        r#"{"order":"O","amendment":"B","changes":[{"line":"TIME","price":{"model":"flat","amount":"1.00","per":"year"}}]}"#,
        "price.invalid",
        "data.changes[0].price.per",
    ),
    (
        "AmendOrder",
        r#"{"order":"O","amendment":"B","changes":[{"line":"TIME","quantity":"-1"}]}"#,
        "price.invalid",
        "data.changes[0].quantity",
    ),
    (
        "AmendOrder",
        r#"{"order":"O","amendment":"B","changes":[{"line":"TIME","discount":"10.01"}]}"#,
        "discount.invalid",
        "data.changes[0].discount",
    ),
    (
        "AmendOrder",
        r#"{"order":"O","amendment":"B","changes":[{"line":"UNITS","quantity":"5"}]}"#,
        "delivery.exceeds_quantity",
        "data.changes[0].quantity",
    ),
    // Placing.
    (
        "PlaceOrder",
        r#"{"order":"P","customer":"C","currency":"USD","start":"2026-03-01","end":"2026-02-28","lines":[{"line":"L","price":{"model":"flat","amount":"1.00"}}]}"#,
        "date.end_before_start",
        "data.end",
    ),
    (
        "PlaceOrder",
        r#"{"order":"P","customer":"C","currency":"USD","start":"2026-03-01","term_months":0,"lines":[{"line":"L","price":{"model":"flat","amount":"1.00"}}]}"#,
        "date.end_before_start",
        "data.term_months",
    ),
    (
        "PlaceOrder",
        r#"{"order":"P","customer":"C","currency":"USD","start":"2026-03-01","lines":[{"line":"L","price":{"model":"flat","amount":"1.00"},"start":"2026-03-05","end":"2026-03-04"}]}"#,
        "date.end_before_start",
        "data.lines[0].end",
    ),
    (
        "PlaceOrder",
        r#"{"order":"P","customer":"C","currency":"USD","start":"2026-03-01","lines":[{"line":"L","price":{"model":"per_unit","unit_price":"-0.01"}}]}"#,
        "price.invalid",
        "data.lines[0].price.unit_price",
    ),
    (
        "PlaceOrder",
        r#"{"order":"P","customer":"C","currency":"USD","start":"2026-03-01","lines":[{"line":"L","price":{"model":"graduated","tiers":[{"unit_price":"1"},{"up_to":"5","unit_price":"1"}]}}]}"#,
        "price.invalid",
        "data.lines[0].price.tiers[0]",
    ),
    (
        "PlaceOrder",
        r#"{"order":"P","customer":"C","currency":"USD","start":"2026-03-01","lines":[{"line":"L","ssp":"0","price":{"model":"flat","amount":"1.00"}}]}"#,
        "ssp.zero",
        "data.lines",
    ),
    (
        "PlaceOrder",
        r#"{"order":"P","customer":"C","currency":"USD","start":"2026-03-01","lines":[{"line":"L","discount":{"percent":"101"},"price":{"model":"flat","amount":"1.00"}}]}"#,
        "discount.invalid",
        "data.lines[0].discount",
    ),
    (
        "PlaceOrder",
        r#"{"order":"P","customer":"C","currency":"USD","start":"2026-03-01","lines":[{"line":"L","price":{"model":"flat","amount":"1.00","per":"month"},"billing":{"every":"month","anchor":32}}]}"#,
        "billing.invalid",
        "data.lines[0].billing.anchor",
    ),
    (
        "PlaceOrder",
        r#"{"order":"P","customer":"C","currency":"USD","start":"2026-03-01","lines":[{"line":"L","price":{"model":"flat","amount":"1.00","per":"month"},"billing":{"every":"month","timing":"on_delivery"}}]}"#,
        "billing.invalid",
        "data.lines[0].billing.timing",
    ),
    (
        "PlaceOrder",
        r#"{"order":"P","customer":"C","currency":"USD","start":"2026-03-01","lines":[{"line":"L","price":{"model":"flat","amount":"1.00"},"tax_code":"GST"}]}"#,
        "tax.invalid",
        "data.lines[0].tax_code",
    ),
    (
        "PlaceOrder",
        r#"{"order":"P","customer":"C","currency":"USD","start":"2026-03-01","renewal":"always","lines":[{"line":"L","price":{"model":"flat","amount":"1.00"}}]}"#,
        "command.malformed",
        "data.renewal",
    ),
    // Deliveries, estimates, usage.
    (
        "RecordDelivery",
        r#"{"order":"O","line":"TIME","quantity":"1"}"#,
        "delivery.invalid",
        "data.line",
    ),
    ("RecordDelivery", r#"{"order":"O","line":"UNITS"}"#, "delivery.invalid", "data.quantity"),
    (
        "RecordDelivery",
        r#"{"order":"O","line":"UNITS","quantity":"1","percent_complete":"10"}"#,
        "delivery.invalid",
        "data.quantity",
    ),
    (
        "RecordDelivery",
        r#"{"order":"O","line":"UNITS","quantity":"0"}"#,
        "amount.not_positive",
        "data.quantity",
    ),
    (
        "RecordDelivery",
        r#"{"order":"O","line":"UNITS","quantity":"4.01"}"#,
        "delivery.exceeds_quantity",
        "data.quantity",
    ),
    (
        "RecordDelivery",
        r#"{"order":"O","line":"WORK","percent_complete":"100.01"}"#,
        "milestone.exceeds_whole",
        "data.percent_complete",
    ),
    (
        "RecordDelivery",
        r#"{"order":"O","line":"WORK","quantity":"0.5"}"#,
        "milestone.exceeds_whole",
        "data.quantity",
    ),
    (
        "RecordDelivery",
        r#"{"order":"O","line":"WORK","percent_complete":"-1"}"#,
        "delivery.invalid",
        "data.percent_complete",
    ),
    ("RecordDelivery", r#"{"order":"O","line":"X","quantity":"1"}"#, "line.unknown", "data.line"),
    (
        "RecordDelivery",
        r#"{"order":"GONE","line":"L","quantity":"1"}"#,
        "order.cancelled",
        "data.order",
    ),
    (
        "ReviseEstimate",
        r#"{"order":"O","line":"CALLS","amount":"1.00"}"#,
        "recognition.invalid",
        "data.line",
    ),
    (
        "ReviseEstimate",
        r#"{"order":"O","line":"WORK","amount":"-1.00"}"#,
        "price.invalid",
        "data.amount",
    ),
    (
        "ReviseEstimate",
        r#"{"order":"O","line":"WORK","amount":"1.001"}"#,
        "amount.precision",
        "data.amount",
    ),
    ("RecordUsage", r#"{"order":"O","line":"TIME","quantity":"1"}"#, "usage.invalid", "data.line"),
    (
        "RecordUsage",
        r#"{"order":"O","line":"CALLS","quantity":"-1"}"#,
        "amount.not_positive",
        "data.quantity",
    ),
    (
        "RecordUsage",
        r#"{"order":"O","line":"CALLS","quantity":"1","at":"2027-01-01T00:00:00Z"}"#,
        "order.outside_term",
        "data.at",
    ),
    // The end of an order.
    ("CancelOrder", r#"{"order":"GONE","unearned":"credit"}"#, "order.cancelled", "data.order"),
    ("RenewOrder", r#"{"order":"REST","term_months":12}"#, "order.suspended", "data.order"),
    ("RenewOrder", r#"{"order":"O"}"#, "command.missing_field", "data.end"),
    ("RenewOrder", r#"{"order":"O","end":"2026-12-31"}"#, "date.end_before_start", "data.end"),
    (
        "RenewOrder",
        r#"{"order":"O","term_months":12,"changes":[{"line":"X","quantity":"1"}]}"#,
        "line.unknown",
        "data.changes[0]",
    ),
    ("ResumeOrder", r#"{"order":"O"}"#, "order.not_suspended", "data.order"),
    ("SuspendOrder", r#"{"order":"REST"}"#, "order.suspended", "data.order"),
    // Runs, voids, closes.
    ("RunBilling", r#"{"through":"2026-03-15","order":"X"}"#, "order.unknown", "data.order"),
    (
        "RunBilling",
        r#"{"through":"2026-03-15","customer":"X"}"#,
        "customer.unknown",
        "data.customer",
    ),
    ("VoidInvoice", r#"{"invoice":"I"}"#, "invoice.has_applications", "data.invoice"),
    ("VoidInvoice", r#"{"invoice":"V"}"#, "invoice.void", "data.invoice"),
    ("OpenDispute", r#"{"invoice":"V","reason":"none"}"#, "invoice.void", "data.invoice"),
    (
        "IssueCredit",
        r#"{"credit":"L","customer":"C","invoice":"V","currency":"USD","lines":[{"amount":"1.00"}],"apply":"account"}"#,
        "invoice.void",
        "data.invoice",
    ),
    (
        "IssueCredit",
        r#"{"credit":"L","customer":"C","invoice":"I","currency":"USD","lines":[{"amount":"80.00"}],"apply":"account","revenue":"prospective"}"#,
        "credit.exceeds_unearned",
        "data.lines[0].amount",
    ),
    (
        "ApplyCredit",
        r#"{"credit":"K","allocations":[{"invoice":"V","amount":"1.00"}]}"#,
        "invoice.void",
        "data.allocations[0].invoice",
    ),
    ("VoidCredit", r#"{"credit":"X"}"#, "credit.unknown", "data.credit"),
    (
        "IssueInvoice",
        r#"{"customer":"C","currency":"USD","lines":[{"amount":"1.00","tax_code":"GST"}]}"#,
        "tax.invalid",
        "data.lines[0].tax_code",
    ),
    (
        "DefineTaxRate",
        r#"{"tax_code":"VAT","rate":"-1","from":"2026-01-01"}"#,
        "tax.invalid",
        "data.rate",
    ),
    ("ReopenPeriod", r#"{"from":"2026-01-01"}"#, "period.invalid", "data.from"),
];

/// The same on other dates.
const DATED: &[(&str, Case)] = &[
    (
        "2025-12-31",
        (
            "AmendOrder",
            r#"{"order":"O","amendment":"B","changes":[{"line":"TIME","quantity":"1"}]}"#,
            "order.outside_term",
            "effective",
        ),
    ),
    (
        "2027-01-01",
        (
            "AmendOrder",
            r#"{"order":"O","amendment":"B","changes":[{"line":"TIME","quantity":"1"}]}"#,
            "order.outside_term",
            "effective",
        ),
    ),
    (
        "2027-01-01",
        ("CancelOrder", r#"{"order":"O","unearned":"none"}"#, "order.outside_term", "effective"),
    ),
    (
        "2025-12-31",
        (
            "RecordDelivery",
            r#"{"order":"O","line":"UNITS","quantity":"1"}"#,
            "order.outside_term",
            "effective",
        ),
    ),
    (
        "2025-12-31",
        (
            "RecordUsage",
            r#"{"order":"O","line":"CALLS","quantity":"1"}"#,
            "order.outside_term",
            "effective",
        ),
    ),
    ("2026-01-15", ("ResumeOrder", r#"{"order":"REST"}"#, "date.end_before_start", "effective")),
    ("2026-02-09", ("VoidCredit", r#"{"credit":"K"}"#, "date.end_before_start", "effective")),
    (
        "2026-02-15",
        (
            "IssueInvoice",
            r#"{"customer":"C","currency":"USD","lines":[{"amount":"1.00","tax_code":"VAT"}]}"#,
            "tax.rate_missing",
            "data.lines[0].tax_code",
        ),
    ),
];

#[test]
fn each_bad_change_has_its_code_and_field_and_records_nothing() {
    let ledger = Ledger::new();
    let opened = ledger.expect(0, &["apply", "-"], BOOK).lines();
    let last = opened.iter().filter_map(|reply| reply["sequence"].as_u64()).max().unwrap();
    let on_the_day = CASES.iter().map(|case| ("2026-03-15", *case));
    let cases: Vec<(&str, Case)> = on_the_day.chain(DATED.iter().copied()).collect();
    let line = |(number, (date, (name, data, ..))): (usize, &(&str, Case))| {
        format!(r#"{{"id":"bad-{number}","command":"{name}","effective":"{date}","data":{data}}}"#)
    };
    let input: Vec<String> = cases.iter().enumerate().map(line).collect();
    let run = ledger.expect(1, &["apply", "-"], &input.join("\n"));
    let replies = run.lines();
    assert_eq!(replies.len(), cases.len());
    for ((_, (name, data, code, field)), reply) in cases.iter().zip(&replies) {
        let error = &reply["error"];
        assert_eq!(error["code"], *code, "{name} {data}: {reply}");
        assert_eq!(error["field"].as_str(), Some(*field), "{name} {data}: {error}");
    }
    // A good one afterwards stands right behind the book.
    let good =
        r#"{"id":"good","command":"ResumeOrder","effective":"2026-03-01","data":{"order":"REST"}}"#;
    let reply = &ledger.expect(0, &["apply", "-"], good).lines()[0];
    assert_eq!(reply["sequence"], last + 1, "{reply}");
    ledger.expect(0, &["verify"], "");
}

/// A run that would issue more than one command takes says how to go on.
#[test]
fn a_run_through_an_absurd_date_is_refused_and_a_long_one_is_one_command() {
    let ledger = Ledger::new();
    let order = r#"{"id":"o","command":"PlaceOrder","effective":"2026-01-01","data":{"order":"DAILY","customer":"C","currency":"USD","start":"2026-01-01","lines":[{"line":"L","price":{"model":"flat","amount":"1.00","per":{"days":1}},"billing":{"every":{"days":1}}}]}}"#;
    let head: String = BOOK.lines().take(2).map(|line| format!("{line}\n")).collect();
    ledger.expect(0, &["apply", "-"], &format!("{head}{order}\n"));
    let run = |id: &str, through: &str, code: i32| {
        let line = format!(
            r#"{{"id":"{id}","command":"RunBilling","effective":"2026-01-01","data":{{"through":"{through}"}}}}"#
        );
        ledger.expect(code, &["apply", "-"], &line).lines().remove(0)
    };
    assert_eq!(run("far", "9999-12-31", 1)["error"]["code"], "billing.run_too_far");
    // 730 days of 2026 and 2027, each an invoice, and the run's own event.
    let reply = run("fits", "2027-12-31", 0);
    assert_eq!(reply["events"].as_array().unwrap().len(), 731);
    assert_eq!(reply["sequence"], 734);
    // Again: nothing is due.
    assert_eq!(run("again", "2027-12-31", 0)["events"].as_array().unwrap().len(), 1);
    // More than a group of the log takes: 1,096 days of 2028 to 2030, summed up by the last event.
    let reply = run("long", "2030-12-31", 0);
    assert_eq!(reply["events"].as_array().unwrap().len(), 1);
    assert_eq!(reply["sequence"], 734 + 1 + 1_096 + 1);
}
