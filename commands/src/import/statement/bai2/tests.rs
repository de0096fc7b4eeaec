//! BAI2 of our own making.

use crate::import::statement::{Format, read as checked};
use ledger_core::rejection::Code;

/// Two accounts: 100.00 + 25.00 = 125.00 in USD, and 7 + 3 = 10 in JPY.
const FILE: &str = "\
01,BANK,OWNER,260302,0800,1,,,2/
02,OWNER,BANK,1,260302,0800,USD,2/
03,ACC-1,,010,10000,,,015,12500,,/
88,100,2500,1,Z/
16,195,2500,V,260303,,B-1,C-1,for INV-1, and more
88,second line
49,27500,5/
03,ACC-2,JPY,010,7,,,015,10,,/
16,195,3,,,/
49,20,3/
98,27520,2,10/
99,27520,1,12/
";

fn codes(text: &str) -> Vec<Option<Code>> {
    let statements = checked(Format::Bai2, text.as_bytes()).unwrap();
    statements.iter().map(|one| one.fault.as_ref().map(|fault| fault.code)).collect()
}

#[test]
fn amounts_are_in_the_minor_units_of_the_account() {
    let statements = checked(Format::Bai2, FILE.as_bytes()).unwrap();
    assert_eq!(codes(FILE), [None, None]);
    let entry = &statements[0].entries[0];
    assert_eq!((entry.amount.to_string(), entry.currency.as_str()), ("25.00".to_owned(), "USD"));
    assert_eq!(entry.bank_id.as_deref(), Some("B-1"));
    assert_eq!(entry.parts[0].end_to_end.as_deref(), Some("C-1"));
    assert_eq!(entry.parts[0].remittance, "for INV-1, and more second line");
    assert_eq!(entry.valued.unwrap().to_string(), "2026-03-03");
    assert_eq!(entry.booked.unwrap().to_string(), "2026-03-02");
    assert_eq!(statements[1].entries[0].amount.to_string(), "3");
}

#[test]
fn each_level_is_checked() {
    let checksum = Some(Code::StatementChecksum);
    assert_eq!(codes(&FILE.replace("49,27500,5/", "49,27501,5/")), [checksum, checksum]);
    // An amount that changed on its way: its account alone does not tie.
    assert_eq!(codes(&FILE.replace("16,195,3,", "16,195,4,")), [None, checksum]);
    assert_eq!(codes(&FILE.replace("49,20,3/", "49,20,4/")), [None, checksum]);
    assert_eq!(codes(&FILE.replace("98,27520,2", "98,27520,3")), [checksum, checksum]);
    assert_eq!(codes(&FILE.replace("1,12/", "1,13/")), [checksum, checksum]);
    // Totals tie, and the balances do not.
    let balance = FILE.replace("015,10,", "015,11,").replace("49,20,", "49,21,");
    let balance = balance.replace("27520", "27521");
    assert_eq!(codes(&balance), [None, checksum]);
}

#[test]
fn a_file_that_is_cut_short_is_refused() {
    let cut = FILE.split("98,").next().unwrap();
    let fault = checked(Format::Bai2, cut.as_bytes()).unwrap_err();
    assert_eq!((fault.line, fault.code), (10, Code::StatementMalformed));
    assert!(fault.message.contains("cut short"), "{fault}");
    let fault = checked(Format::Bai2, b":20:X\n").unwrap_err();
    assert!(fault.message.contains("no BAI2"), "{fault}");
}

#[test]
fn money_of_an_unknown_type_refuses_its_statement() {
    let other = FILE.replace("16,195,3,", "16,730,3,");
    assert_eq!(codes(&other), [None, Some(Code::StatementMalformed)]);
    let reversal = FILE.replace("16,195,2500", "16,252,2500");
    assert!(checked(Format::Bai2, reversal.as_bytes()).unwrap()[0].entries[0].is_reversal);
}
