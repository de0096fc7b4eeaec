//! Exchange rates that are none, and documents for which there is no rate: each refusal has its
//! code and field, and nothing is recorded.

use crate::harness::Ledger;

/// A book in euros whose only rates are of 10 March, that of the yen a wrong one; an order of that
/// day begins before it.
const BOOK: &str = r#"{"id":"c1","command":"OpenBook","effective":"2026-01-01","data":{"currency":"EUR"}}
{"id":"c2","command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"C","name":"C"}}
{"id":"c3","command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"D","name":"D"}}
{"id":"c4","command":"RecordFxRate","effective":"2026-03-10","data":{"from":"EUR","to":"USD","rate":"1.25","date":"2026-03-10"}}
{"id":"c5","command":"PlaceOrder","effective":"2026-03-10","data":{"order":"O","customer":"C","currency":"USD","start":"2026-02-01","end":"2026-12-31","lines":[{"line":"L","price":{"model":"flat","amount":"10.00","per":"month"},"billing":{"every":"month"}}]}}
{"id":"c6","command":"PlaceOrder","effective":"2026-03-01","data":{"order":"E","customer":"D","currency":"EUR","start":"2026-02-01","end":"2026-12-31","lines":[{"line":"L","price":{"model":"flat","amount":"10.00","per":"month"},"billing":{"every":"month"}}]}}
{"id":"c7","command":"IssueInvoice","effective":"2026-03-10","data":{"invoice":"I","customer":"C","currency":"USD","lines":[{"amount":"100.00"}]}}
{"id":"c8","command":"RecordPayment","effective":"2026-03-10","data":{"payment":"P","customer":"C","currency":"USD","amount":"20.00","allocate":"none"}}
{"id":"c9","command":"RecordFxRate","effective":"2026-03-10","data":{"from":"JPY","to":"EUR","rate":"2","date":"2026-03-10"}}
"#;

/// An effective date, a command, its data, the code that answers it, and the field that it names.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    // Rates.
    (
        "2026-03-11",
        "RecordFxRate",
        r#"{"from":"EUR","to":"USD","rate":"0","date":"2026-03-11"}"#,
        "fx.rate_invalid",
        "data.rate",
    ),
    (
        "2026-03-11",
        "RecordFxRate",
        r#"{"from":"EUR","to":"USD","rate":"0.000","date":"2026-03-11","type":"closing"}"#,
        "fx.rate_invalid",
        "data.rate",
    ),
    (
        "2026-03-11",
        "RecordFxRate",
        r#"{"from":"EUR","to":"USD","rate":"-1.25","date":"2026-03-11"}"#,
        "fx.rate_invalid",
        "data.rate",
    ),
    (
        "2026-03-11",
        "RecordFxRate",
        r#"{"from":"EUR","to":"EUR","rate":"1","date":"2026-03-11"}"#,
        "fx.rate_invalid",
        "data.to",
    ),
    (
        "2026-03-11",
        "RecordFxRate",
        r#"{"from":"USD","to":"USD","rate":"1.25","date":"2026-03-11"}"#,
        "fx.rate_invalid",
        "data.to",
    ),
    (
        "2026-03-11",
        "RecordFxRate",
        r#"{"from":"EUR","to":"CYP","rate":"0.58","date":"2026-03-11"}"#,
        "currency.unknown",
        "data.to",
    ),
    (
        "2026-03-11",
        "RecordFxRate",
        r#"{"from":"EUR","to":"USD","rate":"1.1234567890123","date":"2026-03-11"}"#,
        "amount.precision",
        "data.rate",
    ),
    (
        "2026-03-11",
        "RecordFxRate",
        r#"{"from":"EUR","to":"USD","rate":"1.25","date":"2026-02-30"}"#,
        "date.invalid",
        "data.date",
    ),
    // Documents of a day before the first rate, and of a currency without one.
    (
        "2026-03-09",
        "IssueInvoice",
        r#"{"invoice":"X","customer":"C","currency":"USD","lines":[{"amount":"1.00"}]}"#,
        "fx.rate_missing",
        "data.currency",
    ),
    (
        "2026-03-11",
        "IssueInvoice",
        r#"{"invoice":"X","customer":"C","currency":"GBP","lines":[{"amount":"1.00"}]}"#,
        "fx.rate_missing",
        "data.currency",
    ),
    (
        "2026-03-09",
        "PlaceOrder",
        r#"{"order":"X","customer":"C","currency":"USD","start":"2026-04-01","end":"2026-12-31","lines":[{"line":"L","price":{"model":"flat","amount":"10.00","per":"month"}}]}"#,
        "fx.rate_missing",
        "data.currency",
    ),
    (
        "2026-03-09",
        "RecordPayment",
        r#"{"payment":"X","customer":"C","currency":"USD","amount":"1.00","allocate":"none"}"#,
        "fx.rate_missing",
        "data.currency",
    ),
    (
        "2026-03-09",
        "IssueCredit",
        r#"{"credit":"X","customer":"C","currency":"USD","lines":[{"amount":"1.00"}],"apply":"account"}"#,
        "fx.rate_missing",
        "data.currency",
    ),
    // 12 digits of yen are 13 of euros and cannot be recorded.
    (
        "2026-03-11",
        "IssueInvoice",
        r#"{"invoice":"X","customer":"C","currency":"JPY","lines":[{"amount":"999999999999"}]}"#,
        "amount.too_large",
        "data.currency",
    ),
    (
        "2026-03-11",
        "RecordPayment",
        r#"{"payment":"X","customer":"C","currency":"JPY","amount":"999999999999","allocate":"none"}"#,
        "amount.too_large",
        "data.currency",
    ),
    // The order's first bills are of days before the rate; the other order's are not kept either.
    ("2026-03-11", "RunBilling", r#"{"through":"2026-03-31"}"#, "fx.rate_missing", "data.currency"),
    (
        "2026-03-11",
        "RunBilling",
        r#"{"through":"2026-02-01","order":"O"}"#,
        "fx.rate_missing",
        "data.currency",
    ),
];

#[test]
fn each_refusal_has_its_code_and_field_and_records_nothing() {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-"], BOOK);
    let report = ["report", "journal", "--as-of", "2026-12-31", "--format", "json"];
    let before = ledger.expect(0, &report, "").json();
    for (number, (effective, command, data, code, field)) in CASES.iter().enumerate() {
        let line = format!(
            r#"{{"id":"bad-{number}","command":"{command}","effective":"{effective}","data":{data}}}"#
        );
        let reply = ledger.expect(1, &["apply", "-"], &line).lines().remove(0);
        assert_eq!(reply["outcome"], "rejected", "{line}");
        let error = &reply["error"];
        assert_eq!(
            (&error["code"], &error["field"]),
            (&(*code).into(), &(*field).into()),
            "{line}"
        );
        let message = error["message"].as_str().unwrap();
        assert!(message.len() > 20, "{line}: {message}");
    }
    let after = ledger.expect(0, &report, "").json();
    assert_eq!(after, before, "rows and sequence");
    // A rate of the day of the first bill, and the same run goes in.
    let mended = r#"{"id":"m1","command":"RecordFxRate","effective":"2026-03-11","data":{"from":"EUR","to":"USD","rate":"1.20","date":"2026-02-01"}}
{"id":"m2","command":"RunBilling","effective":"2026-03-11","data":{"through":"2026-03-31"}}
"#;
    ledger.expect(0, &["apply", "-"], mended);
    ledger.expect(0, &["verify"], "");
}
