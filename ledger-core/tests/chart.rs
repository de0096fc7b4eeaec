//! Mapping roles to accounts: which mappings are refused, and why.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::chart::{AccountKind, Chart};
use ledger_core::command::Command;
use ledger_core::content_hash::ContentHash;
use ledger_core::decide::decide;
use ledger_core::event::Event;
use ledger_core::posting::Role;
use ledger_core::state::Ledger;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// Sends a command; what it was answered.
fn send(ledger: &mut Ledger, name: &str, data: &Value) -> String {
    let Ok(parsed) = serde_json::from_value(json!({"command": name, "data": data})) else {
        return "not readable".to_owned();
    };
    let command = Command {
        id: "c".parse().unwrap(),
        effective: "2026-01-01".parse().unwrap(),
        reason: None,
        correlation_id: "c".parse().unwrap(),
        actor: "a".to_owned(),
        content_hash: ContentHash::default(),
        data: parsed,
    };
    match decide(&"b".parse().unwrap(), ledger, &command) {
        Err(rejection) => format!("{} {}", rejection.code, rejection.field.unwrap_or_default()),
        Ok(events) => {
            for new in events {
                ledger.apply(&Event {
                    sequence: 1,
                    id: "e".to_owned(),
                    effective: new.effective,
                    recorded_at: OffsetDateTime::UNIX_EPOCH,
                    actor: "a".to_owned(),
                    command_id: "c".parse().unwrap(),
                    command_hash: ContentHash::default(),
                    correlation_id: "c".parse().unwrap(),
                    reason: None,
                    functional: None,
                    data: new.data,
                });
            }
            "accepted".to_owned()
        }
    }
}

fn open(accounts: &Value) -> (Ledger, String) {
    let mut ledger = Ledger::default();
    let answer = send(&mut ledger, "OpenBook", &json!({"currency": "USD", "accounts": accounts}));
    (ledger, answer)
}

#[test]
fn mappings_are_taken_or_refused() {
    let long = "4".repeat(129);
    let table = [
        (json!({}), "accepted"),
        (json!({"revenue": "4000", "cash": {"code": "1000", "name": "Bank"}}), "accepted"),
        // Two roles of one kind may share a code, also by a rule.
        (json!({"revenue": "4000", "contra_revenue": "4000"}), "accepted"),
        (
            json!({"revenue": {"code": "4000", "by_product": {"S": "4100"},
                               "by_customer": {"C": {"code": "4200", "name": "Group"}},
                               "by_currency": {"EUR": "4300"}},
                   "contra_revenue": {"code": "4900", "by_product": {"S": "4100"}}}),
            "accepted",
        ),
        (json!({"unbilled_receivable": "accounts_receivable"}), "accepted"),
        (json!({"revenues": "4000"}), "account.role_unknown data.accounts.revenues"),
        (json!({"revenue": ""}), "account.code_invalid data.accounts.revenue"),
        (json!({"revenue": " "}), "account.code_invalid data.accounts.revenue"),
        (json!({"revenue": "40\n00"}), "account.code_invalid data.accounts.revenue"),
        (json!({"revenue": long}), "account.code_invalid data.accounts.revenue"),
        (
            json!({"revenue": {"code": "4000", "name": ""}}),
            "account.code_invalid data.accounts.revenue",
        ),
        (
            json!({"revenue": {"code": "4000", "by_currency": {"EUR": ""}}}),
            "account.code_invalid data.accounts.revenue.by_currency.EUR",
        ),
        // Asset and income; liability and income; expense and asset, by a rule.
        (json!({"cash": "1", "revenue": "1"}), "account.kind_conflict data.accounts.revenue"),
        (
            json!({"deferred_revenue": "9", "revenue": {"code": "4", "by_product": {"S": "9"}}}),
            "account.kind_conflict data.accounts.revenue.by_product.S",
        ),
        (
            json!({"accounts_receivable": "1", "payment_fees": {"code": "6", "by_customer": {"C": "1"}}}),
            "account.kind_conflict data.accounts.payment_fees.by_customer.C",
        ),
        // A role that is not mapped has an account of its name.
        (json!({"revenue": "cash"}), "account.kind_conflict data.accounts.revenue"),
        (
            json!({"deferred_revenue": {"code": "2400", "by_product": {"S": "2410"}}}),
            "account.no_product data.accounts.deferred_revenue.by_product",
        ),
        // What cannot be read says what can.
        (json!({"revenue": {"code": "4000", "by_produkt": {}}}), "not readable"),
        (json!({"revenue": {"name": "Revenue"}}), "not readable"),
        (json!({"revenue": {"code": "4000", "by_currency": {"EURO": "4300"}}}), "not readable"),
    ];
    for (accounts, wanted) in table {
        assert_eq!(open(&accounts).1, wanted, "{accounts}");
    }
}

#[test]
fn the_account_of_a_product_is_one_of_income() {
    let table = [
        ("4100", "accepted"),
        ("4000", "accepted"),
        ("recoveries", "accepted"),
        ("", "account.code_invalid data.revenue_account"),
        ("1000", "account.kind_conflict data.revenue_account"),
        ("tax_payable", "account.kind_conflict data.revenue_account"),
    ];
    for (code, wanted) in table {
        let (mut ledger, answer) = open(&json!({"revenue": "4000", "cash": "1000"}));
        assert_eq!(answer, "accepted");
        let product = json!({"product": "P", "name": "P", "recognition": {"method": "over_time"},
                             "revenue_account": code});
        assert_eq!(send(&mut ledger, "DefineProduct", &product), wanted, "{code:?}");
    }
}

/// Events of books that were opened before rules existed are read as they were written.
#[test]
fn old_mappings_are_the_same_bytes() {
    let old = r#"{"cash":"1000","revenue":{"code":"4000","name":"Revenue"}}"#;
    let read: std::collections::BTreeMap<String, ledger_core::command::accounts::RoleAccount> =
        serde_json::from_str(old).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), old);
}

/// Only revenue asks for a product, and only where one has an account of its own, which only revenue posts to.
#[test]
fn the_account_of_a_product_is_asked_for_by_revenue_alone() {
    let mut chart = Chart::new(&std::collections::BTreeMap::new());
    let asks =
        |chart: &Chart| [Role::Revenue, Role::ContraRevenue].map(|role| chart.asks_product(role));
    assert_eq!(asks(&chart), [false, false]);
    chart.add_product("P".parse().unwrap(), "4100".to_owned());
    assert_eq!(asks(&chart), [true, false]);
    let accounts = chart.accounts();
    assert_eq!(accounts["4100"].roles.iter().collect::<Vec<_>>(), [&Role::Revenue]);
    assert_eq!(accounts["4100"].kind, AccountKind::Income);
}
