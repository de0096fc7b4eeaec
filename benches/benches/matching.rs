//! `cargo bench -p benches --bench matching [RECEIPTS]`: what it costs to match a receipt against
//! ten thousand, a hundred thousand and a million open items.

use std::time::Duration;

use benches::{Outcome, Watch};
use commands::import::statement::matching::{Because, Matcher, OpenItem, Payer, Receipt};
use ledger_core::money::Amount;

/// Open items of each run.
const SIZES: [usize; 3] = [10_000, 100_000, LARGEST];
const LARGEST: usize = 1_000_000;
/// Invoices of one customer.
const PER_CUSTOMER: usize = 10;

fn main() -> Outcome<()> {
    let receipts =
        std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(100_000_usize);
    println!(
        "{receipts} receipts: a third by reference, a third by amount and payer, a third of nobody"
    );
    println!(
        "cold: as many books as make a million items are open, and each receipt is for another one, \
         so that no size is faster only because it stays in the processor's cache\n"
    );
    println!(
        "| open items of a book | index ms | ns a receipt | over the first | cold ns | over the first |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: |");
    let (mut first, mut first_cold) = (None, None);
    for size in SIZES {
        // Each item is settled once: more receipts than items find a fresh book.
        let (mut built, mut time) = (Duration::ZERO, Duration::ZERO);
        for from in (0..receipts).step_by(size) {
            let (index, matching) = matched(1, size, size.min(receipts - from))?;
            built = index;
            time += matching;
        }
        let books = LARGEST / size;
        let (_, cold) = matched(books, size, receipts.min(LARGEST))?;
        let (warm, cold) = (nanos(time, receipts)?, nanos(cold, receipts.min(LARGEST))?);
        let over = |base: u128, each: u128| {
            let ratio = each * 100 / base.max(1);
            format!("{}.{:02}", ratio / 100, ratio % 100)
        };
        println!(
            "| {size} | {} | {warm} | {} | {cold} | {} |",
            built.as_millis(),
            over(*first.get_or_insert(warm), warm),
            over(*first_cold.get_or_insert(cold), cold),
        );
    }
    Ok(())
}

/// Time to index so many books of so many items each, and to match receipts that go to one book
/// after another.
fn matched(books: usize, size: usize, receipts: usize) -> Outcome<(Duration, Duration)> {
    let texts = texts(books, size, receipts)?;
    let all: Vec<Vec<OpenItem>> = (0..books).map(|_| items(size)).collect::<Outcome<_>>()?;
    let watch = Watch::start();
    let matchers = all.into_iter().map(|items| Matcher::new(payers(size), items));
    let mut matchers: Vec<Matcher> = matchers.collect();
    let built = watch.read();
    let mut found = [0_usize; 3];
    let watch = Watch::start();
    for (index, text) in texts.iter().enumerate() {
        let Some(matcher) = matchers.get_mut(index % books) else { continue };
        let one = matcher.find(&text.receipt());
        let place = match one.because {
            Because::Reference => 0,
            Because::AmountAndPayer => 1,
            Because::Unsure => 2,
        };
        if let Some(count) = found.get_mut(place) {
            *count += 1;
        }
        matcher.take(&one);
    }
    let time = watch.read();
    if found.iter().any(|count| *count < receipts / 3) {
        return Err(format!("not every receipt was matched as it should be: {found:?}").into());
    }
    Ok((built, time))
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

/// Receipts that go to one book after another, for items that are far from one another, each item
/// once.
fn texts(books: usize, size: usize, receipts: usize) -> Outcome<Vec<Texts>> {
    (0..receipts)
        .map(|index| {
            // Prime to every size, so that no item comes twice before all came once.
            let number = (index / books).wrapping_mul(7_368_787) % size;
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
