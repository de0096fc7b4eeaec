//! Files that are imported: tables with their maps, statements of banks, reference rates, Stripe's events.

use std::collections::BTreeSet;

use commands::import::statement::matching::{Matcher, OpenItem, Payer};
use commands::import::statement::plan::{Book, Planner, Recorded};
use commands::import::statement::{self, Format, Side, Statement};
use commands::import::{csv, ecb, stripe};
use ledger_core::fx::RateType;
use ledger_core::money::Amount;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::book::read;
use crate::chance::Chance;
use crate::{mutate, seeds};

/// Bytes of an input: more only take longer.
pub const BYTES_MAX: usize = 16 * 1024;

/// The first byte says what the rest is.
pub fn check(input: &[u8]) {
    let [what, file @ ..] = input else { return };
    match what % 6 {
        0 => table(file),
        1 => bank(Format::Camt, file),
        2 => bank(Format::Mt940, file),
        3 => bank(Format::Bai2, file),
        4 => rates(file),
        _ => events(file),
    }
}

/// All numbers that stand in a file: a number that was read is one of them, to its last digit. Points and
/// zeros at the ends do not count; BAI2 has no points.
struct Numbers(BTreeSet<String>);

impl Numbers {
    fn of(file: &[u8]) -> Self {
        let is_number = |byte: u8| byte.is_ascii_digit() || byte == b'.' || byte == b',';
        let texts = file.split(|byte| !is_number(*byte));
        let mut all = BTreeSet::new();
        for text in texts {
            let text = String::from_utf8_lossy(text);
            // A comma may end a number, or stand in it.
            all.insert(digits(&text));
            all.extend(text.split(',').map(digits));
        }
        Self(all)
    }

    fn has(&self, amount: Amount) -> bool {
        amount.is_zero() || self.0.contains(&digits(&amount.decimal().abs().to_string()))
    }
}

fn digits(text: &str) -> String {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

/// A MAP.toml, an empty line with `---`, and the table.
fn table(file: &[u8]) {
    let Ok(text) = str::from_utf8(file) else { return };
    let Some((map, table)) = text.split_once("\n---\n") else { return };
    let Ok(map) = toml::from_str::<csv::Map>(map) else { return };
    let Ok(import) = csv::read(table.as_bytes(), &map) else { return };
    let numbers = Numbers::of(table.as_bytes());
    let (mut invoiced, mut credited, mut paid) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    let has_prices = map.columns.unit_price.is_some();
    for one in &import.commands {
        is_readable(&one.envelope);
        let data = &one.envelope["data"];
        let sum = match one.envelope["command"].as_str() {
            Some("IssueInvoice") => &mut invoiced,
            Some("IssueCredit") => &mut credited,
            Some("RecordPayment") => {
                paid += decimal(&data["amount"]);
                continue;
            }
            _ => continue,
        };
        for line in data["lines"].as_array().unwrap() {
            let amount = decimal(&line["amount"]);
            assert!(has_prices || numbers.has(Amount::from_decimal(amount)), "{amount} is nowhere");
            *sum += amount;
        }
    }
    assert_eq!(import.invoiced.decimal(), invoiced);
    assert_eq!(import.credited.decimal(), credited);
    assert_eq!(import.paid.decimal(), paid);
    assert!(import.bad.len() as u64 <= import.records * 2, "more bad records than records");
}

fn decimal(value: &Value) -> Decimal {
    value.as_str().unwrap().parse().unwrap()
}

/// What an importer makes is a command, or one that is refused with a code.
fn is_readable(envelope: &Value) {
    if let Err(refused) = read(envelope.to_string().as_bytes()) {
        let code = refused.rejection.code.as_str();
        assert!(code != "command.unknown" && code != "command.unknown_field", "{refused:?}");
    }
}

struct Receipts;

impl Book for Receipts {
    fn payment(&self, _: &str) -> Option<Recorded> {
        None
    }

    fn has_customer(&self, id: &str) -> bool {
        id == "C-1" || id == "C-2"
    }
}

fn bank(format: Format, file: &[u8]) {
    let Ok(statements) = statement::read(format, file) else { return };
    // Text of XML may be written in other ways than by its letters.
    let is_plain =
        format != Format::Camt || !file.iter().any(|byte| *byte == b'&' || *byte == b'!');
    let numbers = Numbers::of(file);
    for one in statements.iter().filter(|one| one.fault.is_none()) {
        ties(format, one);
        for entry in &one.entries {
            assert!(!is_plain || numbers.has(entry.amount), "{} is nowhere", entry.amount);
            assert!(!entry.amount.is_negative(), "an amount with a sign");
            let parts: Decimal = entry.parts.iter().map(|part| part.amount.decimal()).sum();
            assert_eq!(parts, entry.amount.decimal(), "the parts of a batch do not sum to it");
        }
    }
    let item = |invoice: &str, customer: &str, open: &str| OpenItem {
        invoice: invoice.to_owned(),
        customer: customer.to_owned(),
        currency: "EUR".to_owned(),
        open: open.parse().unwrap(),
    };
    let payer = |customer: &str, name: &str| Payer {
        customer: customer.to_owned(),
        name: name.to_owned(),
        marks: Vec::new(),
    };
    let items = [item("INV-1", "C-1", "100.00"), item("INV-2", "C-2", "40.00")];
    let payers = [payer("C-1", "Acme Ltd"), payer("C-2", "Bolt")];
    let matcher = Matcher::new(payers, items);
    let plan = Planner::new(matcher, &Receipts, Some("SUSPENSE")).plan(&statements);
    for one in &plan.commands {
        is_readable(&one.envelope);
        let data = &one.envelope["data"];
        if one.envelope["command"] == "RecordPayment" {
            let allocated = data["allocate"].as_array().into_iter().flatten();
            let allocated: Decimal = allocated.map(|one| decimal(&one["amount"])).sum();
            assert!(allocated <= decimal(&data["amount"]), "more is settled than came: {data}");
        }
    }
}

/// Opening and movements make the closing balance.
fn ties(format: Format, statement: &Statement) {
    let (Some(opening), Some(closing)) = (&statement.opening, &statement.closing) else { return };
    // An account of camt may have balances in several currencies.
    if format == Format::Camt && opening.currency != closing.currency {
        return;
    }
    let booked = statement.entries.iter().filter(|entry| entry.is_booked);
    let moved: Decimal = booked
        .map(|entry| match entry.side {
            Side::Credit => entry.amount.decimal(),
            Side::Debit => -entry.amount.decimal(),
        })
        .sum();
    assert_eq!(opening.amount.decimal() + moved, closing.amount.decimal(), "{statement:?}");
}

fn rates(file: &[u8]) {
    let Ok(read) = ecb::read(file, &ecb::Filter::default()) else { return };
    let is_plain =
        !file.starts_with(b"PK") && !file.iter().any(|byte| *byte == b'&' || *byte == b'!');
    let numbers = Numbers::of(file);
    for quote in &read.quotes {
        assert!(quote.rate.is_positive(), "a rate of {}", quote.rate);
        assert!(!is_plain || numbers.has(quote.rate), "{} is nowhere", quote.rate);
    }
    for (_, quote) in ecb::plan([&read]).quotes {
        is_readable(&ecb::command(&quote, RateType::Spot));
    }
}

fn events(file: &[u8]) {
    let Ok(text) = str::from_utf8(file) else { return };
    let import = stripe::read(text, "main");
    for one in &import.commands {
        is_readable(&one.envelope);
    }
    for line in text.lines() {
        if let Ok(stripe::Read::Commands(envelopes)) =
            stripe::commands(line, &BTreeSet::new(), "main")
        {
            envelopes.iter().for_each(is_readable);
        }
    }
}

/// Files of our own making, one of each kind and more.
pub fn seeds() -> Vec<Vec<u8>> {
    let folder = seeds::root().join("tests/fuzz/files");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let seed = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let kinds = ["table", "camt", "mt940", "bai2", "ecb", "stripe"];
        let kind = kinds.iter().position(|kind| name.starts_with(kind)).unwrap();
        let kind = u8::try_from(kind).unwrap();
        [vec![kind], std::fs::read(path).unwrap()].concat()
    };
    paths.iter().map(seed).collect()
}

/// Another input.
pub fn mutated(input: &[u8], chance: &mut Chance) -> Vec<u8> {
    let Some((what, file)) = input.split_first() else { return vec![0] };
    let file = if what % 6 == 5 {
        mutate::lines(file, &[], chance, BYTES_MAX - 1)
    } else {
        mutate::bytes(file, chance, BYTES_MAX - 1)
    };
    [vec![*what], file].concat()
}
