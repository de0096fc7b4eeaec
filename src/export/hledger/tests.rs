//! What the two programs would take for something else.

use ledger_core::chart::{Account, AccountKind};
use ledger_core::posting::Role;

use super::{name, text, words};

#[test]
fn ids_are_one_word_and_stay_apart() {
    let table = [
        ("INV-1", "INV-1"),
        ("INV 1", "INV%201"),
        ("INV%201", "INV%25201"),
        (" a  b", "%20a%20%20b"),
        ("a;b", "a%3Bb"),
        ("a|b", "a%7Cb"),
        ("a,b", "a%2Cb"),
        ("(a)", "%28a%29"),
        ("a\u{a0}b", "a%C2%A0b"),
        ("R\u{fc}ck", "R\u{fc}ck"),
        ("2026/01:7@x=y", "2026/01:7@x=y"),
    ];
    for (id, wanted) in table {
        assert_eq!(text(id), wanted, "{id:?}");
    }
}

#[test]
fn free_text_is_one_line_and_ends_no_tag() {
    let table = [
        ("paid by wire", "paid by wire"),
        ("a,  b;\tc\nd", "a b c d"),
        ("see: x|y", "see x y"),
        (" \u{3000} ", ""),
    ];
    for (free, wanted) in table {
        assert_eq!(words(free), wanted, "{free:?}");
    }
}

#[test]
fn accounts_have_one_name_each() {
    let account = |kind, label: Option<&str>| Account {
        name: label.map(str::to_owned),
        kind,
        roles: [Role::Revenue].into(),
    };
    let table = [
        ("4000", AccountKind::Income, None, "income:4000"),
        ("4000", AccountKind::Income, Some("Revenue"), "income:4000 Revenue"),
        ("4000 Rev", AccountKind::Income, Some("enue"), "income:4000%20Rev enue"),
        ("40:00", AccountKind::Asset, Some("A  B:C ; D"), "assets:40%3A00 A B C D"),
        ("2400", AccountKind::Liability, Some(";"), "liabilities:2400"),
        ("cash", AccountKind::Expense, None, "expenses:cash"),
    ];
    for (code, kind, label, wanted) in table {
        assert_eq!(name(code, &account(kind, label)), wanted, "{code:?} {label:?}");
    }
}
