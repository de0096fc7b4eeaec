//! `export`: what other programs get, whole or not at all.

use crate::harness::{BOOK, Ledger};

fn ledger() -> Ledger {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-"], BOOK);
    ledger
}

/// Of 1200.00 over the 365 days of 2026, 29.59 are earned through 9 January and 3.29 on the day on
/// which all of it is billed.
#[test]
fn a_day_as_hledger_reads_it() {
    let day = ["--from", "2026-01-10", "--to", "2026-01-10", "--quiet"];
    let run = ledger().expect(0, &[&["export", "hledger"][..], &day].concat(), "");
    assert_eq!(run.err, "");
    let (head, entries) = run.out.split_once("\n\n2026-01-10").unwrap();
    assert!(head.starts_with(
        "; revledger: book main, 2026-01-10 through 2026-01-10, as known at event 5\n\
         decimal-mark .\n\ncommodity 1000.00 USD\n\naccount assets:accounts_receivable  ; type:A, "
    ));
    let policy = "policy:recognition_basis=day residual=cumulative rounding=half_even";
    let wanted = format!(
        " (O2026-01-10) opening balances
    income:revenue                                      -29.59 USD
    assets:unbilled_receivable                           29.59 USD

2026-01-10 (E3) InvoiceIssued INV-1
    ; seq:3, type:InvoiceIssued, document:INV-1, customer:C-1, event:3, command:c3, actor:local
    assets:accounts_receivable                         1200.00 USD
    liabilities:deferred_revenue                      -1200.00 USD

2026-01-10 (R2026-01-10-INV-1) recognition INV-1
    ; seq:5, type:recognition, document:INV-1, customer:C-1, event:3, command:c3, actor:local, lines:1, {policy}
    assets:unbilled_receivable                          -29.59 USD
    liabilities:deferred_revenue                         32.88 USD
    income:revenue                                       -3.29 USD

2026-01-10 (B2026-01-10) balances
    assets:accounts_receivable                0.00 USD = 1200.00 USD
    liabilities:deferred_revenue              0.00 USD = -1167.12 USD
    income:revenue                            0.00 USD = -32.88 USD
    assets:unbilled_receivable                0.00 USD = 0.00 USD
"
    );
    let spaced = |text: &str| {
        let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(line).collect::<Vec<_>>()
    };
    // Accounts stand in the order of their codes, legs in that of their roles.
    assert_eq!(spaced(entries), spaced(&wanted));
}

/// As known after the invoice nobody has paid; by the month there is one entry of what was earned.
#[test]
fn ranges_and_prefixes_are_those_of_reports() {
    let ledger = ledger();
    let entries = |more: &[&str]| {
        let all =
            [&["export", "beancount", "--recognition", "month", "--quiet"][..], more].concat();
        let text = ledger.expect(0, &all, "").out;
        let names = text.lines().filter_map(|line| line.trim().strip_prefix("entry: "));
        names.map(|name| name.trim_matches('"').to_owned()).collect::<Vec<_>>()
    };
    let table: [(&[&str], &[&str]); 3] = [
        (&["--as-of", "2026-02-28"], &["E3", "R2026-01-INV-1", "E4", "E5", "R2026-02-INV-1"]),
        (
            &["--as-of", "2026-02-28", "--at-sequence", "3"],
            &["E3", "R2026-01-INV-1", "R2026-02-INV-1"],
        ),
        (&["--from", "2026-02-01", "--to", "2026-02-01"], &["E4", "E5", "R2026-02-INV-1"]),
    ];
    for (more, wanted) in table {
        assert_eq!(entries(more), wanted, "{more:?}");
    }
}

/// A file is written whole or not at all, and what was there before stays.
#[test]
fn a_range_without_entries_is_refused_and_writes_nothing() {
    let ledger = ledger();
    let file = ledger.path().join("out.journal");
    let place = file.to_str().unwrap();
    std::fs::write(&file, "before").unwrap();
    let table = [
        (["--from", "2027-02-01", "--to", "2027-02-28"], 1, "export.empty"),
        (["--from", "2025-01-01", "--to", "2025-12-31"], 1, "export.empty"),
        (["--from", "2026-02-01", "--to", "2026-01-31"], 1, "date.end_before_start"),
        (["--to", "2026-02-01", "--at-sequence", "99"], 2, "report.out_of_range"),
    ];
    for kind in ["hledger", "ledger", "beancount"] {
        for (range, code, error) in &table {
            let all = [&["export", kind, "--output", place][..], range].concat();
            let run = ledger.expect(*code, &all, "");
            assert!(run.err.starts_with(&format!("error[{error}]")), "{all:?}: {}", run.err);
            assert_eq!(run.out, "");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), "before");
        }
    }
    let done = ledger.expect(0, &["export", "ledger", "--to", "2026-01-31", "--output", place], "");
    // Legs: 2 of the invoice; 2 on each of 30 days; on the 10th also what was unbilled.
    let told = format!("wrote 32 entries with 65 postings to {place}: ");
    assert!(done.err.starts_with(&told), "{}", done.err);
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("; revledger"));
    let left: Vec<_> = std::fs::read_dir(ledger.path()).unwrap().collect();
    let is_rest = |entry: &std::io::Result<std::fs::DirEntry>| {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".revledger-export")
    };
    assert!(!left.iter().any(is_rest));
}

#[test]
fn a_book_that_is_not_there_has_nothing_to_export() {
    let ledger = Ledger::new();
    let run = ledger.run(&["export", "hledger"]);
    assert_ne!(run.code, 0);
    assert_eq!(run.out, "");
}

/// By default the columns of the report `journal`; a map names others, and writes what an ERP reads.
#[test]
fn entries_as_a_table_with_columns_of_a_map() {
    let ledger = Ledger::new();
    let book = BOOK.replace(r#""payment":"PAY-1""#, r#""payment":"=PAY;\"1\"""#);
    ledger.expect(0, &["apply", "-"], &book);
    let map = ledger.path().join("erp.toml");
    std::fs::write(
        &map,
        "delimiter = \";\"\ndate_format = \"dd.mm.yyyy\"\ndecimal_mark = \",\"\n\
         positive = \"credit\"\nsides = [\"S\", \"H\"]\nrecognition = \"month\"\n\
         columns = [{text = \"1000\", name = \"Company\"}, {field = \"date\", name = \"Day\"},\n\
                    {field = \"document\"}, {field = \"account\", name = \"Account\"},\n\
                    {field = \"amount\"}, {field = \"absolute\"}, {field = \"side\"},\n\
                    {field = \"debit\"}, {field = \"credit\"}]\n",
    )
    .unwrap();
    let range = ["--from", "2026-02-01", "--to", "2026-02-28", "--quiet"];
    let with_map = ["export", "csv", "--map", map.to_str().unwrap()];
    let run = ledger.expect(0, &[&with_map[..], &range].concat(), "");
    // February earns round(1200 x 59/365) - round(1200 x 31/365) = 193.97 - 101.92 = 92.05.
    assert_eq!(
        run.out,
        "Company;Day;document;Account;amount;absolute;side;debit;credit\r\n\
         1000;01.02.2026;\"'=PAY;\"\"1\"\"\";cash;-500,00;500,00;S;500,00;\r\n\
         1000;01.02.2026;\"'=PAY;\"\"1\"\"\";unapplied_cash;500,00;500,00;H;;500,00\r\n\
         1000;01.02.2026;\"'=PAY;\"\"1\"\"\";accounts_receivable;500,00;500,00;H;;500,00\r\n\
         1000;01.02.2026;\"'=PAY;\"\"1\"\"\";unapplied_cash;-500,00;500,00;S;500,00;\r\n\
         1000;28.02.2026;INV-1;deferred_revenue;-92,05;92,05;S;92,05;\r\n\
         1000;28.02.2026;INV-1;revenue;92,05;92,05;H;;92,05\r\n"
    );
    let run = ledger.expect(0, &[&["export", "csv"][..], &range].concat(), "");
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(
        lines[0],
        "date,entry,number,account,account_name,role,currency,debit,credit,document_currency,\
         document_amount,document,customer,sequence,type,actor,command_id,reason,policy"
    );
    assert_eq!(
        lines[1],
        "2026-02-01,E4,1,cash,,cash,USD,500.00,,USD,500.00,\"'=PAY;\"\"1\"\"\",C-1,4,PaymentReceived,\
         local,c4,by wire,"
    );
    // Four legs of the payment and its allocation, two of each of 28 days.
    assert_eq!(lines.len(), 1 + 4 + 56);
    std::fs::write(&map, "colums = []").unwrap();
    let run = ledger.expect(2, &with_map, "");
    assert!(run.err.starts_with("error[export.map]"), "{}", run.err);
}

/// 100.00 EUR at 1.10: the amount of the document at its worth, balances by currency, the month's rate.
#[test]
fn amounts_in_other_currencies_have_their_price() {
    let ledger = Ledger::new();
    let book = r#"{"id":"c1","command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}
{"id":"c2","command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"C-1","name":"One"}}
{"id":"c3","command":"RecordFxRate","effective":"2026-01-01","data":{"from":"EUR","to":"USD","rate":"1.10","date":"2026-01-01"}}
{"id":"c4","command":"IssueInvoice","effective":"2026-01-10","data":{"invoice":"INV-1","customer":"C-1","currency":"EUR","lines":[{"amount":"100.00"}]}}
"#;
    ledger.expect(0, &["apply", "-"], book);
    let table = [
        (
            "hledger",
            &[
                "commodity 1000.00 EUR",
                "assets:accounts_receivable 100.00 EUR @@ 110.00 USD",
                "liabilities:deferred_revenue -100.00 EUR @@ 110.00 USD",
                "assets:accounts_receivable 0.00 EUR = 100.00 EUR",
                "P 2026-01-31 EUR 1.1 USD",
            ],
        ),
        (
            "beancount",
            &[
                "2026-01-10 commodity EUR",
                "Assets:Accounts-receivable 100.00 EUR @@ 110.00 USD",
                "Liabilities:Deferred-revenue -100.00 EUR @@ 110.00 USD",
                "2026-02-01 balance Assets:Accounts-receivable 100.00 ~ 0 EUR",
                "2026-01-31 price EUR 1.1 USD",
            ],
        ),
    ];
    for (kind, wanted) in table {
        let run = ledger.expect(0, &["export", kind, "--to", "2026-01-31", "--quiet"], "");
        let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = run.out.lines().map(line).collect();
        for one in wanted {
            assert!(lines.contains(&(*one).to_owned()), "{kind}: {one}\n{}", run.out);
        }
    }
}

/// What could be lost is said in every format, as in reports.
#[test]
fn exports_of_a_log_that_could_lose_events_say_so() {
    let ledger = ledger();
    let export = |kind: &str| {
        ledger.expect(0, &["export", kind, "--to", "2026-01-31", "--quiet", "--unsafe-dev"], "").out
    };
    for kind in ["hledger", "ledger", "beancount"] {
        assert_eq!(export(kind).matches("; unsafe_dev: ").count(), 1, "{kind}");
    }
    let table = export("csv");
    assert!(table.lines().next().unwrap().ends_with(",policy,unsafe_dev"));
    assert!(table.lines().skip(1).all(|line| line.ends_with(",true")));
}
