//! Names and texts as beancount reads them.

use std::collections::BTreeMap;

use ledger_core::chart::{Account, AccountKind};
use ledger_core::posting::Role;

use super::{names, quoted};

fn chart(accounts: &[(&str, AccountKind, Option<&str>)]) -> BTreeMap<String, Account> {
    let account = |(code, kind, name): &(&str, AccountKind, Option<&str>)| {
        let (name, roles) = (name.map(str::to_owned), [Role::Revenue].into());
        ((*code).to_owned(), Account { name, kind: *kind, roles })
    };
    accounts.iter().map(account).collect()
}

#[test]
fn names_are_legal() {
    let table = [
        ("4000", AccountKind::Income, None, "Income:4000"),
        ("4000", AccountKind::Income, Some("Support fees"), "Income:4000-Support-fees"),
        ("tax_payable", AccountKind::Liability, None, "Liabilities:Tax-payable"),
        ("1.2/3:4", AccountKind::Asset, Some("-\"x\"-"), "Assets:1-2-3-4-x"),
        ("\u{fc}", AccountKind::Expense, None, "Expenses:X"),
    ];
    for (code, kind, name, wanted) in table {
        let chart = chart(&[(code, kind, name)]);
        assert_eq!(names(&chart)[code], wanted, "{code:?}");
    }
}

/// Codes that differ only in signs that no name can have stay two accounts.
#[test]
fn codes_stay_apart() {
    let chart = chart(&[
        ("a-b", AccountKind::Income, None),
        ("a_b", AccountKind::Income, None),
        ("A b", AccountKind::Asset, None),
    ]);
    let names = names(&chart);
    assert_eq!(names["A b"], "Assets:A-b");
    // The first four bytes of the SHA-256 of the codes, by sha256sum.
    assert_eq!(names["a-b"], "Income:A-b-d44362d6");
    assert_eq!(names["a_b"], "Income:A-b-648fa9b3");
}

#[test]
fn texts_are_quoted() {
    let table = [("a", r#""a""#), (r#"a"b\"#, r#""a\"b\\""#), ("a\nb\tc", r#""a b c""#)];
    for (text, wanted) in table {
        assert_eq!(quoted(text), wanted);
    }
}
