//! `cargo bench -p benches --bench matching [RECEIPTS]`: what it costs to match a receipt against
//! ten thousand, a hundred thousand and a million open items.

use std::time::Duration;

use benches::{Outcome, Watch};
use commands::import::statement::matching::{Because, Matcher, OpenItem, Payer, Receipt};
use ledger_core::money::Amount;

/// Open items of each run.
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
/// Invoices of one customer.
const PER_CUSTOMER: usize = 10;

fn main() -> Outcome<()> {
    let receipts =
        std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(100_000_usize);
    println!(
        "{receipts} receipts: a third by reference, a third by amount and payer, a third of \
              nobody\n"
    );
    println!("| open items | index ms | match ms | ns a receipt | ratio to the first |");
    println!("| ---: | ---: | ---: | ---: | ---: |");
    let mut first = None;
    for size in SIZES {
        let texts = texts(receipts, size)?;
        let (mut built, mut time) = (Duration::ZERO, Duration::ZERO);
        let mut matched = [0_usize; 3];
        // Each item is settled once: more receipts than items find a fresh book.
        for round in texts.chunks(size) {
            let items = items(size)?;
            let watch = Watch::start();
            let mut matcher = Matcher::new(payers(size), items);
            built = watch.read();
            let watch = Watch::start();
            for text in round {
                let found = matcher.find(&text.receipt());
                let place = match found.because {
                    Because::Reference => 0,
                    Because::AmountAndPayer => 1,
                    Because::Unsure => 2,
                };
                if let Some(count) = matched.get_mut(place) {
                    *count += 1;
                }
                matcher.take(&found);
            }
            time += watch.read();
        }
        if matched.iter().any(|count| *count < receipts / 3) {
            return Err(
                format!("not every receipt was matched as it should be: {matched:?}").into()
            );
        }
        let each = nanos(time, receipts)?;
        let base = *first.get_or_insert(each);
        let ratio = each * 100 / base.max(1);
        println!(
            "| {size} | {} | {} | {each} | {}.{:02} |",
            built.as_millis(),
            time.as_millis(),
            ratio / 100,
            ratio % 100
        );
    }
    Ok(())
}

fn nanos(time: Duration, count: usize) -> Outcome<u128> {
    Ok(time.as_nanos() / u128::try_from(count.max(1))?)
}

fn payers(size: usize) -> impl Iterator<Item = Payer> {
    (0..size / PER_CUSTOMER).map(|number| Payer {
        customer: format!("C-{number}"),
        name: format!("Customer No. {number} Ltd"),
        marks: Vec::new(),
    })
}

/// Amounts repeat over the book, as prices do, and differ within a customer.
fn amount(number: usize) -> Outcome<Amount> {
    let cents = 1_000 + (number / PER_CUSTOMER % 50) * 100 + number % PER_CUSTOMER;
    Ok(format!("{}.{:02}", cents / 100, cents % 100).parse()?)
}

fn items(size: usize) -> Outcome<Vec<OpenItem>> {
    (0..size)
        .map(|number| {
            Ok(OpenItem {
                invoice: format!("INV-2026-{number:07}"),
                customer: format!("C-{}", number / PER_CUSTOMER),
                currency: "EUR".to_owned(),
                open: amount(number)?,
            })
        })
        .collect()
}

/// The texts of one receipt.
struct Texts {
    amount: Amount,
    remittance: String,
    name: Option<String>,
}

impl Texts {
    fn receipt(&self) -> Receipt<'_> {
        Receipt {
            amount: self.amount,
            currency: "EUR",
            remittance: &self.remittance,
            counterparty: self.name.as_deref(),
            account: None,
        }
    }
}

/// Receipts for items that are far from one another, each item once.
fn texts(receipts: usize, size: usize) -> Outcome<Vec<Texts>> {
    (0..receipts)
        .map(|index| {
            // Prime to every size, so that no item comes twice before all came once.
            let number = index.wrapping_mul(7_368_787) % size;
            let owner = number / PER_CUSTOMER;
            let (remittance, name) = match index % 3 {
                0 => (format!("payment for INV-2026-{number:07}, with thanks"), None),
                1 => ("monthly payment".to_owned(), Some(format!("CUSTOMER NO {owner} LTD"))),
                _ => ("somebody pays something".to_owned(), Some("Nobody".to_owned())),
            };
            Ok(Texts { amount: amount(number)?, remittance, name })
        })
        .collect()
}
