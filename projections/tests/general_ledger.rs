//! Accounts: which one a posting goes to, and that movements and balances tie at both ends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::money::Amount;
use ledger_core::state::Ledger;
use projections::reports::general_ledger::{GeneralLedger, Recognition};
use projections::reports::{Filters, Table, run};
use projections::views::Views;
use serde_json::{Value, json};

#[path = "common/book.rs"]
mod common;

/// Plays commands in a book with this mapping of accounts.
fn book(accounts: &Value, commands: &[(&str, &str, Value)]) -> Views {
    let mut book = common::Book::open(&json!({}));
    if !accounts.is_null() {
        book = common::Book { ledger: Ledger::default(), views: Views::default(), events: vec![] };
        let opened = json!({"currency": "USD", "accounts": accounts});
        assert!(book.send("OpenBook", day("2026-01-01"), &opened));
        let customer = json!({"customer": "C", "name": "C"});
        assert!(book.send("RegisterCustomer", day("2026-01-01"), &customer));
    }
    for (date, name, data) in commands {
        assert!(book.send(name, day(date), data), "{name} on {date}");
    }
    book.views
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn ask(views: &Views, report: &str, filters: &[(&str, &str)]) -> Result<Table, String> {
    let mut all = Filters::default();
    for (name, value) in filters {
        all.set(name, *value);
    }
    run(report, &all, views, day("2026-12-31")).map_err(|error| error.to_string())
}

/// The rows with these columns only.
fn rows(table: &Table, columns: &[&str]) -> Vec<String> {
    let at = |name: &&str| table.columns.iter().position(|(one, _)| one == name).unwrap();
    let at: Vec<usize> = columns.iter().map(at).collect();
    let row = |row: &Vec<projections::reports::Cell>| {
        at.iter().map(|at| row[*at].text()).collect::<Vec<_>>().join(" ")
    };
    table.rows.iter().map(row).collect()
}

fn product(id: &str, account: Value) -> (&'static str, &'static str, Value) {
    let data = json!({"product": id, "name": id, "recognition": {"method": "over_time"},
                      "revenue_account": account});
    ("2026-01-01", "DefineProduct", data)
}

/// An order over January with a line for each product.
fn order(id: &str, customer: &str, lines: &[(&str, &str)]) -> (&'static str, &'static str, Value) {
    let line = |(product, amount): &(&str, &str)| {
        json!({"line": product, "product": product, "quantity": "1",
               "price": {"model": "flat", "amount": amount, "per": "term"}})
    };
    let lines: Vec<Value> = lines.iter().map(line).collect();
    let data = json!({"order": id, "customer": customer, "currency": "USD", "start": "2026-01-01",
                      "end": "2026-01-31", "lines": lines});
    ("2026-01-01", "PlaceOrder", data)
}

/// The most specific rule decides: product, customer, currency, role.
#[test]
fn the_most_specific_rule_decides() {
    let accounts = json!({
        "revenue": {"code": "4000", "name": "Revenue", "by_product": {"SUPPORT": "4100"},
                    "by_customer": {"D": "4200"}, "by_currency": {"USD": "4300"}},
        "contra_revenue": {"code": "4900", "by_product": {"SUPPORT": "4910"}},
        "unbilled_receivable": {"code": "1300", "by_customer": {"D": "1310"}},
        "deferred_revenue": {"code": "2400", "by_currency": {"EUR": "2410"}}});
    let views = book(
        &accounts,
        &[
            product("SUPPORT", json!("4150")),
            product("LICENCE", json!(null)),
            product("SETUP", json!("4400")),
            ("2026-01-01", "RegisterCustomer", json!({"customer": "D", "name": "D"})),
            order("O-C", "C", &[("SUPPORT", "100.00"), ("LICENCE", "20.00"), ("SETUP", "3.00")]),
            order("O-D", "D", &[("SUPPORT", "400.00"), ("LICENCE", "50.00"), ("SETUP", "6.00")]),
            (
                "2026-02-01",
                "IssueInvoice",
                json!({"invoice": "I", "customer": "C", "order": "O-C", "currency": "USD",
                       "lines": [{"line": "1", "order_line": "SUPPORT", "amount": "100.00"},
                                 {"line": "2", "order_line": "LICENCE", "amount": "20.00"}]}),
            ),
            (
                "2026-02-05",
                "IssueCredit",
                json!({"credit": "K", "customer": "C", "invoice": "I", "currency": "USD",
                       "apply": "account",
                       "lines": [{"invoice_line": "1", "amount": "30.00"},
                                 {"invoice_line": "2", "amount": "7.00"}]}),
            ),
        ],
    );
    let balance = ask(&views, "trial-balance", &[("as_of", "2026-02-28")]).unwrap();
    let wanted = [
        "accounts_receivable accounts_receivable 120.00",
        // Of O-C 123.00 are earned and 120.00 billed; of O-D 456.00 and nothing.
        "1300 unbilled_receivable 3.00",
        "1310 unbilled_receivable 456.00",
        // The mapping by product goes before what DefineProduct says, and both before the rest.
        "4100 revenue -500.00",
        "4200 revenue -50.00",
        "4300 revenue -20.00",
        "4400 revenue -9.00",
        "4900 contra_revenue 7.00",
        "4910 contra_revenue 30.00",
        "customer_credits customer_credits -37.00",
    ];
    assert_eq!(rows(&balance, &["account", "role", "balance"]), wanted);
    ties(&views);
}

/// Two roles with one code are two rows of the trial balance and one account.
#[test]
fn roles_may_share_an_account() {
    let accounts = json!({"revenue": "4000", "contra_revenue": "4000"});
    let views = book(&accounts, &small());
    let balance = ask(&views, "trial-balance", &[("as_of", "2026-03-31")]).unwrap();
    let income: Vec<String> = rows(&balance, &["account", "role", "balance"])
        .into_iter()
        .filter(|row| row.starts_with("4000"))
        .collect();
    // Earned before the credit are 89.00 of 90.00, so 89/90 of its 30.00 are contra revenue, and the
    // last day earns 1.00 less the other 0.33.
    assert_eq!(income, ["4000 revenue -89.67", "4000 contra_revenue 29.67"]);
    let account = ask(&views, "account", &[("account", "4000"), ("to", "2026-03-31")]).unwrap();
    let last = rows(&account, &["entry", "balance"]).pop().unwrap();
    assert_eq!(last, "closing -60.00");
    ties(&views);
}

/// 90.00 over the 90 days of January to March 2026; 40.00 paid; 30.00 credited when all is earned.
fn small() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "2026-01-10",
            "IssueInvoice",
            json!({"invoice": "I", "customer": "C", "currency": "USD",
                   "lines": [{"line": "1", "amount": "90.00", "service_start": "2026-01-01",
                              "service_end": "2026-03-31"}]}),
        ),
        (
            "2026-01-12",
            "RecordPayment",
            json!({"payment": "P", "customer": "C", "currency": "USD", "amount": "40.00",
                   "fee": "1.50", "allocate": [{"invoice": "I", "amount": "40.00"}]}),
        ),
        ("2026-04-01", "ClosePeriod", json!({"through": "2026-02-28"})),
        (
            "2026-03-31",
            "IssueCredit",
            json!({"credit": "K", "customer": "C", "invoice": "I", "currency": "USD",
                   "apply": "invoice", "lines": [{"invoice_line": "1", "amount": "30.00"}]}),
        ),
    ]
}

/// The report `account`, by hand: from 11 through 13 January, 1.00 is earned a day.
#[test]
fn an_account_is_its_opening_its_movements_and_its_closing() {
    let views = book(&json!(null), &small());
    let table = |filters: &[(&str, &str)]| {
        let mut all = vec![("from", "2026-01-11"), ("to", "2026-01-13")];
        all.extend(filters);
        let table = ask(&views, "account", &all).unwrap();
        rows(&table, &["date", "entry", "debit", "credit", "balance", "document", "type"])
    };
    assert_eq!(
        table(&[("account", "accounts_receivable")]),
        [
            "2026-01-11 opening   90.00  ",
            // The payment is event 4, its allocation event 5.
            "2026-01-12 E5 0.00 40.00 50.00 P PaymentAllocated",
            "2026-01-13 closing   50.00  ",
        ]
    );
    assert_eq!(
        table(&[("role", "deferred_revenue")]),
        [
            "2026-01-11 opening   -80.00  ",
            "2026-01-11 R2026-01-11-I 1.00 0.00 -79.00 I recognition",
            "2026-01-12 R2026-01-12-I 1.00 0.00 -78.00 I recognition",
            "2026-01-13 R2026-01-13-I 1.00 0.00 -77.00 I recognition",
            "2026-01-13 closing   -77.00  ",
        ]
    );
    assert_eq!(
        table(&[("account", "payment_fees")]),
        [
            "2026-01-11 opening   0.00  ",
            "2026-01-12 E4 1.50 0.00 1.50 P PaymentReceived",
            "2026-01-13 closing   1.50  ",
        ]
    );
}

#[test]
fn an_account_that_does_not_exist_is_refused() {
    let views = book(&json!({"cash": "1000"}), &small());
    let table: [(&[(&str, &str)], &str); 5] = [
        (&[], "report.filter"),
        (&[("account", "cash")], "account.unknown"),
        (&[("role", "till")], "report.filter"),
        (
            &[("account", "1000"), ("from", "2026-02-01"), ("to", "2026-01-31")],
            "date.end_before_start",
        ),
        (&[("account", "1000"), ("by", "month")], "report.filter"),
    ];
    for (filters, code) in table {
        let error = ask(&views, "account", filters).unwrap_err();
        assert!(error.starts_with(&format!("{code}: ")), "{filters:?}: {error}");
    }
}

/// Recognition leads back to the event that made the schedule, and to what shaped it.
#[test]
fn the_journal_leads_back_to_events() {
    let views = book(&json!(null), &small());
    let journal = ask(&views, "journal", &[("from", "2026-01-12"), ("to", "2026-01-12")]).unwrap();
    let columns =
        ["entry", "role", "sequence", "customer", "line", "type", "actor", "command_id", "policy"];
    let policy = "recognition_basis=day residual=cumulative rounding=half_even";
    assert_eq!(
        rows(&journal, &columns),
        [
            "E4 cash 4 C  PaymentReceived test c3 ",
            "E4 unapplied_cash 4 C  PaymentReceived test c3 ",
            "E4 payment_fees 4 C  PaymentReceived test c3 ",
            "E5 accounts_receivable 5 C  PaymentAllocated test c3 ",
            "E5 unapplied_cash 5 C  PaymentAllocated test c3 ",
            // The close is event 6: nothing behind it changes January.
            &format!("R2026-01-12-I deferred_revenue 6 C 1 recognition test c2 {policy}"),
            &format!("R2026-01-12-I revenue 6 C 1 recognition test c2 {policy}"),
        ]
    );
}

/// By the day or by the month, entries are what lies between two balances.
fn ties(views: &Views) {
    let ledger = GeneralLedger::new(views, views.sequence).unwrap();
    let ranges = [
        ("2026-01-01", "2026-01-31"),
        ("2026-01-15", "2026-02-10"),
        ("2026-02-01", "2026-03-31"),
        ("2026-03-31", "2026-12-31"),
    ];
    for (from, to) in ranges {
        for recognition in [Recognition::Daily, Recognition::Monthly] {
            let mut sums: BTreeMap<_, Amount> = ledger.balances(day(from).previous());
            for entry in ledger.entries(Some(day(from)), day(to), recognition) {
                let sum: Amount = entry.legs.iter().map(|leg| leg.amount).sum();
                assert!(sum.is_zero(), "{} is off by {sum}", entry.id());
                for leg in entry.legs {
                    *sums.entry((leg.role, leg.account)).or_default() += leg.amount;
                }
            }
            sums.retain(|_, amount| !amount.is_zero());
            let mut wanted = ledger.balances(day(to));
            wanted.retain(|_, amount| !amount.is_zero());
            assert_eq!(sums, wanted, "{from} through {to}, {recognition:?}");
        }
    }
}

/// 100.00 EUR at 1.10 USD, billed and earned on one day; paid when it is worth 1.20.
#[test]
fn documents_in_other_currencies_have_both_amounts() {
    let accounts = json!({
        "accounts_receivable": {"code": "1200", "by_currency": {"EUR": "1201"}},
        "revenue": {"code": "4000", "by_product": {"P": "4100"}, "by_currency": {"EUR": "4300"}}});
    let rate =
        |rate: &str, date: &str| json!({"from": "EUR", "to": "USD", "rate": rate, "date": date});
    let commands = [
        ("2026-01-01", "RecordFxRate", rate("1.10", "2026-01-01")),
        (
            "2026-01-10",
            "IssueInvoice",
            json!({"invoice": "I", "customer": "C", "currency": "EUR",
                   "lines": [{"line": "1", "amount": "100.00"}]}),
        ),
        ("2026-02-01", "RecordFxRate", rate("1.20", "2026-02-01")),
        (
            "2026-02-02",
            "RecordPayment",
            json!({"payment": "P", "customer": "C", "currency": "EUR", "amount": "100.00",
                   "allocate": [{"invoice": "I", "amount": "100.00"}]}),
        ),
    ];
    let views = book(&accounts, &commands);
    let balance = ask(&views, "trial-balance", &[("as_of", "2026-01-31")]).unwrap();
    assert_eq!(
        rows(&balance, &["account", "currency", "balance"]),
        ["1201 USD 110.00", "4300 USD -110.00"]
    );
    let journal = ask(&views, "journal", &[("from", "2026-02-02"), ("to", "2026-02-02")]).unwrap();
    let columns = ["account", "debit", "credit", "document_currency", "document_amount"];
    assert_eq!(
        rows(&journal, &columns),
        [
            "cash 120.00 0.00 EUR 100.00",
            "unapplied_cash 0.00 120.00 EUR -100.00",
            "1201 0.00 110.00 EUR -100.00",
            "unapplied_cash 120.00 0.00 EUR 100.00",
            // The gain is of no document's currency.
            "fx_gain_loss 0.00 10.00 USD -10.00",
        ]
    );
    let account = ask(&views, "account", &[("account", "1201"), ("to", "2026-02-28")]).unwrap();
    assert_eq!(
        rows(&account, &["entry", "balance"]),
        ["opening 0.00", "E4 110.00", "E7 0.00", "closing 0.00"]
    );
    ties(&views);
}

/// At every prefix of the log and for each account: opening and closing are those of the trial
/// balance, and the movements lie between.
#[test]
fn accounts_tie_at_both_ends_whatever_is_known() {
    let views = book(&json!(null), &small());
    let ledger = GeneralLedger::new(&views, views.sequence).unwrap();
    for sequence in 1..=views.sequence {
        let known = sequence.to_string();
        for (from, to) in [("2026-01-01", "2026-01-31"), ("2026-02-15", "2026-03-31")] {
            let at = |day: Day| {
                let filters = [("as_of", &*day.to_string()), ("at_sequence", &*known)];
                let table = ask(&views, "trial-balance", &filters).unwrap();
                let rows = rows(&table, &["account", "balance"]).into_iter();
                let split = |row: String| {
                    let (account, balance) = row.split_once(' ').unwrap();
                    (account.to_owned(), balance.parse::<Amount>().unwrap())
                };
                rows.map(split).collect::<BTreeMap<String, Amount>>()
            };
            let (opening, closing) = (at(day(from).previous()), at(day(to)));
            for code in ledger.chart().accounts().into_keys() {
                let filters =
                    [("account", &*code), ("from", from), ("to", to), ("at_sequence", &known)];
                let table = ask(&views, "account", &filters).unwrap();
                let amounts = |column: &str| -> Vec<Amount> {
                    let texts = rows(&table, &[column]);
                    texts.iter().map(|text| text.parse().unwrap_or_default()).collect()
                };
                let balances = amounts("balance");
                let of =
                    |sums: &BTreeMap<String, Amount>| sums.get(&code).copied().unwrap_or_default();
                assert_eq!(balances.first(), Some(&of(&opening)), "{code} on {from} at {known}");
                assert_eq!(balances.last(), Some(&of(&closing)), "{code} on {to} at {known}");
                let moved: Amount = amounts("debit").into_iter().sum::<Amount>()
                    - amounts("credit").into_iter().sum::<Amount>();
                assert_eq!(of(&opening) + moved, of(&closing), "{code} through {to} at {known}");
            }
        }
    }
}
