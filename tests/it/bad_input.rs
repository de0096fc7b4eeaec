//! Whatever comes in: a refusal with its own code and field, no event, and the next command works.

use std::fmt::Write as _;

use serde_json::Value;

use crate::harness::{BOOK, Ledger};

/// Events of [`BOOK`].
const BOOK_EVENTS: u64 = 5;

/// A bad line, the code that answers it, and the field that it names.
struct Case {
    line: Vec<u8>,
    code: &'static str,
    field: Option<&'static str>,
}

fn case(line: impl Into<Vec<u8>>, code: &'static str, field: Option<&'static str>) -> Case {
    Case { line: line.into(), code, field }
}

fn command(name: &str, data: &str) -> String {
    format!(r#"{{"id":"bad","command":"{name}","effective":"2026-02-02","data":{data}}}"#)
}

fn payment(parts: &str) -> String {
    command(
        "RecordPayment",
        &format!(r#"{{"payment":"P","customer":"C-1","currency":"USD",{parts}}}"#),
    )
}

fn invoice(parts: &str, lines: &str) -> String {
    let data =
        format!(r#"{{"invoice":"I","customer":"C-1","currency":"USD"{parts},"lines":[{lines}]}}"#);
    command("IssueInvoice", &data)
}

fn credit(parts: &str) -> String {
    let data = format!(r#"{{"credit":"CN","customer":"C-1","currency":"USD",{parts}}}"#);
    command("IssueCredit", &data)
}

/// Not JSON, not a command, or not of its shape.
fn shapes() -> Vec<Case> {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let mut invalid = payment(r#""amount":"1.00""#).into_bytes();
    invalid.extend(b"\xff\xfe");
    vec![
        case("no json at all", "command.malformed", None),
        case(r#"{"id":"bad","command":"#, "command.malformed", None),
        case("\"a text\"", "command.malformed", None),
        case("\0", "command.malformed", None),
        case(invalid, "command.malformed", None),
        case(payment(r#""amount":"1.00","amount":"2.00""#), "command.malformed", None),
        case(nested(10_000), "command.too_deep", None),
        case(payment(&format!(r#""amount":{}"#, nested(10_000))), "command.too_deep", None),
        case(
            payment(&format!(r#""amount":"1.00","method":"{}""#, "x".repeat(10_000_000))),
            "command.too_large",
            None,
        ),
        case(
            command("IssueInvoice", "{}").replace(r#""id":"bad","#, ""),
            "command.missing_field",
            Some("data.customer"),
        ),
        case(r#"{"id":"bad","data":{}}"#, "command.missing_field", Some("command")),
        case(command("OpenBok", "{}"), "command.unknown", Some("command")),
        case(command("EraseCustomer", "{}"), "command.not_supported", Some("command")),
        case(
            payment(r#""amount":"1.00""#).replace("\"effective\"", "\"efective\""),
            "command.unknown_field",
            Some("efective"),
        ),
        case(
            payment(r#""amount":"1.00","amuont":"1.00""#),
            "command.unknown_field",
            Some("data.amuont"),
        ),
        case(
            invoice("", r#"{"amount":"1.00"},{"amount":"1.00","quantty":"1"}"#),
            "command.unknown_field",
            Some("data.lines[1].quantty"),
        ),
        case(
            payment(r#""amount":"1.00","allocate":7"#),
            "command.malformed",
            Some("data.allocate"),
        ),
        case(payment(r#""amount":"1.00","book""#), "command.malformed", None),
        case(
            payment(r#""amount":"1.00""#).replace(r#""id":"bad""#, r#""id":"""#),
            "identifier.invalid",
            Some("id"),
        ),
        case(
            payment(r#""amount":"1.00""#).replace(r#""P""#, &format!("{:?}", "x".repeat(129))),
            "identifier.invalid",
            Some("data.payment"),
        ),
        case(
            payment(r#""amount":"1.00""#).replace(r#""P""#, r#""a\u0000b""#),
            "identifier.invalid",
            Some("data.payment"),
        ),
        case(
            payment(r#""amount":"1.00""#).replace(r#""command""#, r#""book":"other","command""#),
            "book.mismatch",
            Some("book"),
        ),
    ]
}

/// Amounts, currencies and dates.
fn values() -> Vec<Case> {
    let dated = |day: &str| payment(r#""amount":"1.00""#).replace("2026-02-02", day);
    vec![
        case(payment(r#""amount":1.5"#), "amount.invalid", Some("data.amount")),
        case(payment(r#""amount":"1e3""#), "amount.invalid", Some("data.amount")),
        case(payment(r#""amount":"1,000.00""#), "amount.invalid", Some("data.amount")),
        case(payment(r#""amount":" 1.00""#), "amount.invalid", Some("data.amount")),
        case(payment(r#""amount":"NaN""#), "amount.invalid", Some("data.amount")),
        case(payment(r#""amount":"""#), "amount.invalid", Some("data.amount")),
        case(payment(r#""amount":"1.005""#), "amount.precision", Some("data.amount")),
        case(payment(r#""amount":"1234567890123.00""#), "amount.too_large", Some("data.amount")),
        case(payment(r#""amount":"-1.00""#), "amount.not_positive", Some("data.amount")),
        case(payment(r#""amount":"0.00""#), "amount.not_positive", Some("data.amount")),
        case(
            payment(r#""amount":"1.00""#).replace("USD", "EUR"),
            "fx.rate_missing",
            Some("data.currency"),
        ),
        case(
            payment(r#""amount":"1.00""#).replace("USD", "XQX"),
            "currency.unknown",
            Some("data.currency"),
        ),
        case(dated("2026-02-30"), "date.invalid", Some("effective")),
        case(dated("02/03/2026"), "date.invalid", Some("effective")),
        case(
            invoice(r#","due":"2025-01-01""#, r#"{"amount":"1.00"}"#),
            "date.end_before_start",
            Some("data.due"),
        ),
        case(
            invoice(
                "",
                r#"{"amount":"1.00","service_start":"2026-02-02","service_end":"2026-02-01"}"#,
            ),
            "date.end_before_start",
            Some("data.lines[0].service_end"),
        ),
        // 10.00 less 9.00 and its 19 %: more tax comes back than there is net.
        case(
            invoice("", r#"{"amount":"10.00"},{"amount":"-9.00","tax_rate":"19"}"#),
            "amount.not_positive",
            Some("data.lines"),
        ),
        case(
            credit(r#""lines":[{"amount":"1.00","tax":"-0.50"}],"apply":"account""#),
            "amount.not_positive",
            Some("data.lines[0].tax"),
        ),
    ]
}

/// What does not fit the book.
fn documents() -> Vec<Case> {
    let mut many = String::new();
    for number in 0..100_000 {
        write!(many, r#"{}{{"amount":"1.00"}}"#, if number == 0 { "" } else { "," }).unwrap();
    }
    let mut lines = many.clone();
    lines.truncate(2_001 * r#",{"amount":"1.00"}"#.len() - 1);
    vec![
        case(invoice("", ""), "document.no_lines", Some("data.lines")),
        case(invoice("", &lines), "document.too_many_lines", Some("data.lines")),
        case(invoice("", &many), "command.too_large", None),
        case(
            payment(r#""amount":"1.00""#).replace("C-1", "C-9"),
            "customer.unknown",
            Some("data.customer"),
        ),
        case(
            payment(r#""amount":"1.00","allocate":[{"invoice":"INV-9","amount":"1.00"}]"#),
            "invoice.unknown",
            Some("data.allocate[0].invoice"),
        ),
        case(
            payment(r#""amount":"900.00","allocate":[{"invoice":"INV-1","amount":"700.01"}]"#),
            "payment.over_allocated",
            Some("data.allocate[0].amount"),
        ),
        case(
            payment(r#""amount":"1.00","allocate":[{"invoice":"INV-1","amount":"1.01"}]"#),
            "payment.over_allocated",
            Some("data.amount"),
        ),
        case(
            credit(r#""invoice":"INV-1","lines":[{"amount":"1200.01"}],"apply":"account""#),
            "credit.exceeds_line",
            Some("data.lines[0].amount"),
        ),
        case(
            BOOK.lines().nth(2).unwrap().replace("c3", "bad"),
            "invoice.exists",
            Some("data.invoice"),
        ),
        case(
            BOOK.lines().nth(1).unwrap().replace("c2", "bad"),
            "customer.exists",
            Some("data.customer"),
        ),
        case(BOOK.lines().next().unwrap().replace("c1", "bad"), "book.exists", None),
        case(
            payment(r#""amount":"1.00""#).replace("\"bad\"", "\"c4\""),
            "command.id_reused",
            Some("id"),
        ),
    ]
}

#[test]
fn each_bad_line_has_its_code_and_field_and_the_next_command_works() {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-"], BOOK);
    let cases: Vec<Case> = shapes().into_iter().chain(values()).chain(documents()).collect();
    let mut input = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        input.extend(&case.line);
        let good = payment(r#""amount":"1.00","allocate":"none""#);
        let good = good.replace("\"bad\"", &format!("\"good-{number}\""));
        let good = good.replace("\"P\"", &format!("\"G-{number}\""));
        input.push(b'\n');
        input.extend(good.as_bytes());
        input.push(b'\n');
    }
    let run = ledger.run_with(&["apply", "-"], &input);
    assert_eq!(run.code, 1, "{}", run.err);
    let replies = run.lines();
    assert_eq!(replies.len(), cases.len() * 2);
    for (number, (case, pair)) in cases.iter().zip(replies.chunks(2)).enumerate() {
        let shown: String = String::from_utf8_lossy(&case.line).chars().take(200).collect();
        let error = &pair[0]["error"];
        assert_eq!(error["code"], case.code, "{shown}: {error}");
        assert_eq!(error["field"].as_str(), case.field, "{shown}: {error}");
        assert!(error["message"].as_str().unwrap().len() < 1_000, "{shown}: {error}");
        assert_eq!(pair[1]["outcome"], "accepted", "after {shown}: {}", pair[1]);
        // Nothing but the good ones was written.
        let expected = BOOK_EVENTS + u64::try_from(number).unwrap() + 1;
        assert_eq!(pair[1]["sequence"], expected, "after {shown}");
    }
    ledger.expect(0, &["verify"], "");
}

#[test]
fn any_printable_identifier_is_a_subject_and_comes_back() {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-"], BOOK);
    let odd = ["a.b.c", "*", ">", "a b", "ledger.main.evt.0.>", "%2E", "Füße/№1", "_book", "'\"\\"];
    let mut input = String::new();
    for (number, name) in odd.iter().enumerate() {
        let name = Value::from(*name);
        writeln!(
            input,
            r#"{{"id":"odd-{number}","command":"RegisterCustomer","effective":"2026-01-01","data":{{"customer":{name},"name":{name}}}}}"#
        )
        .unwrap();
    }
    let replies = ledger.expect(0, &["apply", "-"], &input).lines();
    for (name, reply) in odd.iter().zip(&replies) {
        let subject = reply["events"][0]["subject"].as_str().unwrap();
        let tokens: Vec<&str> = subject.split('.').collect();
        assert_eq!(tokens.len(), 7, "{name}: {subject}");
        assert!(
            subject.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-%".contains(&byte)),
            "{name}: {subject}"
        );
    }
    let subjects: std::collections::BTreeSet<&str> =
        replies.iter().map(|reply| reply["events"][0]["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects.len(), odd.len(), "no two share a subject");
    for name in odd {
        let run = ledger.expect(0, &["audit", name, "--format", "json"], "");
        assert!(run.out.contains("CustomerRegistered"), "{name}: {}", run.out);
    }
}

#[test]
fn the_series_goes_round_names_that_callers_took() {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-"], BOOK);
    let line = r#"{"amount":"1.00"}"#;
    let named = |name: &str, id: &str| {
        invoice("", line).replace("\"I\"", &format!("{name:?}")).replace("bad", id)
    };
    let numbered = |id: &str| invoice("", line).replace(r#""invoice":"I","#, "").replace("bad", id);
    let input = [named("INV-3", "a"), numbered("b"), numbered("c"), numbered("d")].join("\n");
    let replies = ledger.expect(0, &["apply", "-"], &input).lines();
    let names: Vec<&str> = replies
        .iter()
        .map(|reply| reply["events"][0]["subject"].as_str().unwrap().rsplit('.').next().unwrap())
        .collect();
    // INV-1 is the book's own first invoice, named by its caller.
    assert_eq!(names, ["INV-3", "INV-2", "INV-4", "INV-5"]);
}

/// Amounts that were each allowed summed to one that no event could be read with again: the book was
/// lost to every verb.
#[test]
fn sums_of_the_largest_amounts_are_read_back() {
    let ledger = Ledger::new();
    let lines = [
        r#"{"command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}"#,
        r#"{"command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"C","name":"C"}}"#,
        r#"{"command":"IssueInvoice","effective":"2026-01-01","data":{"invoice":"I","customer":"C","currency":"USD","lines":[{"amount":"999999999999.00","tax_rate":"10"},{"amount":"999999999999.00","service_start":"2026-01-01","service_end":"2026-12-31"}]}}"#,
        r#"{"command":"RecordAllowance","effective":"2026-01-01","data":{"rates":{"current":"100"}}}"#,
        r#"{"command":"IssueCredit","effective":"2026-02-01","data":{"credit":"K","customer":"C","invoice":"I","currency":"USD","apply":"account","lines":[{"invoice_line":"1","amount":"999999999999.00"}]}}"#,
        r#"{"command":"ClosePeriod","effective":"2026-02-01","data":{"through":"2026-01-31"}}"#,
    ];
    ledger.expect(0, &["apply", "-"], &lines.join("\n"));
    let verified = ledger.expect(0, &["verify"], "");
    assert!(!verified.out.contains("FAILED"), "{}", verified.out);
    let report = ledger.expect(
        0,
        &["report", "trial-balance", "--as-of", "2026-01-31", "--format", "csv"],
        "",
    );
    // 2 x 999,999,999,999.00 and a tenth of one of them.
    assert!(report.out.contains("accounts_receivable,USD,2099999999997.90,"), "{}", report.out);
    let one = r#"{"command":"IssueInvoice","effective":"2026-01-01","data":{"invoice":"J","customer":"C","currency":"USD","lines":[{"amount":"1000000000000.00"}]}}"#;
    let refused = ledger.expect(1, &["apply", "-"], one);
    assert!(refused.out.contains("amount.too_large"), "{}", refused.out);
}
