//! MT940 of our own making.

use super::*;
use crate::import::statement::{Format, read as checked};
use ledger_core::rejection::Code;

const DAY: &str = ":20:START
:25:XX00OWN
:28C:3/1
:60F:C260301EUR100,00
:61:2603020302C25,00NTRFNONREF//B-1
:86:166?00CREDIT?20EREF+E-1?21SVWZ+for INV-1 an?22d more?30BANKXX?31XX99PAY?32Miller
?33 Ltd
:61:2603020302D5,NMSCNONREF
:86:plain text
in two lines
:61:2601020101RD1,5NMSCX
:86:/EREF/E-2/NAME/Payer Ltd/REMI/INV-2/2026/IBAN/XX98
:61:260302RC1,50NMSCX
:62F:C260302EUR120,00
:86:about the statement
-
";

#[test]
fn fields_are_read_in_the_three_ways_that_banks_write_them() {
    let statements = checked(Format::Mt940, DAY.as_bytes()).unwrap();
    let statement = &statements[0];
    assert_eq!((statements.len(), &statement.fault), (1, &None));
    let [first, second, third, fourth] = statement.entries.as_slice() else {
        unreachable!("four entries")
    };
    assert_eq!(first.bank_id.as_deref(), Some("B-1"));
    assert_eq!(first.parts[0].remittance, "for INV-1 and more");
    assert_eq!(first.parts[0].counterparty.as_deref(), Some("Miller Ltd"));
    assert_eq!(first.parts[0].end_to_end.as_deref(), Some("E-1"));
    assert_eq!((first.side, first.amount.to_string()), (Side::Credit, "25.00".to_owned()));
    assert_eq!((second.side, second.amount.to_string()), (Side::Debit, "5".to_owned()));
    assert_eq!(second.parts[0].remittance, "plain text in two lines");
    assert_eq!((third.side, third.is_reversal), (Side::Credit, true));
    assert_eq!(third.booked.unwrap().to_string(), "2026-01-01");
    assert_eq!(third.parts[0].remittance, "INV-2/2026");
    assert_eq!(third.parts[0].counterparty.as_deref(), Some("Payer Ltd"));
    assert_eq!((fourth.side, fourth.is_reversal, fourth.booked), (Side::Debit, true, None));
}

#[test]
fn the_entry_date_is_in_the_year_nearest_to_the_value_date() {
    let valued = day("260102");
    assert_eq!(near(valued, "1231").unwrap().to_string(), "2025-12-31");
    assert_eq!(near(valued, "0103").unwrap().to_string(), "2026-01-03");
    assert_eq!(day("260230"), None, "there is no 30 February");
}

#[test]
fn broken_balances_and_cut_statements_are_refused_and_the_others_go_in() {
    let broken = DAY.replace("EUR120,00", "EUR121,00");
    let cut = DAY.split(":62F:").next().unwrap();
    let text = format!("{broken}{DAY}{cut}");
    let statements = checked(Format::Mt940, text.as_bytes()).unwrap();
    let codes: Vec<Option<Code>> =
        statements.iter().map(|one| one.fault.as_ref().map(|fault| fault.code)).collect();
    let expected = [Some(Code::StatementChecksum), None, Some(Code::StatementMalformed)];
    assert_eq!(codes, expected);
    assert_eq!(statements[2].fault.as_ref().unwrap().line, statements[2].line);
}

#[test]
fn what_is_no_mt940_is_refused() {
    let fault = checked(Format::Mt940, b"number,total\nA,1\n").unwrap_err();
    assert_eq!(fault.code, Code::StatementMalformed);
    assert_eq!(checked(Format::Mt940, b"\n\n").unwrap_err().message, "the file is empty");
    let wrong = DAY.replace("C25,00NTRF", "X25,00NTRF");
    let statement = &checked(Format::Mt940, wrong.as_bytes()).unwrap()[0];
    let fault = statement.fault.as_ref().unwrap();
    assert_eq!((fault.line, fault.code), (5, Code::StatementMalformed));
    assert!(fault.message.contains("no mark C, D, RC or RD"), "{fault}");
}

/// What fuzzing found: a letter of the closing balance changed, and nothing was compared any more.
#[test]
fn balances_in_two_currencies_do_not_tie() {
    let text = DAY.replace(":62F:C260302EUR120,00", ":62F:C260302EUX120,00");
    let statements = checked(Format::Mt940, text.as_bytes()).unwrap();
    let fault = statements[0].fault.as_ref().unwrap();
    assert_eq!(fault.code, Code::StatementChecksum);
    assert!(fault.message.contains("in EUR, and the closing balance in EUX"), "{fault}");
}
