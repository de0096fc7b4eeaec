//! The standing of a book as parts of a snapshot, read on all cores.

use std::io;
use std::path::Path;
use std::thread;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::snapshot::{Heading, Part, Snapshot, SnapshotError, Unpublished, instant};
use ledger_core::state::Ledger;
use schemas::chain::Chain;
use time::OffsetDateTime;
use tracing::info;

use super::Standing;

/// The program that lays values out as this one does: its sources.
const PROGRAM: &str = concat!("commands ", env!("SNAPSHOT_SOURCES"));

/// An instant, as a part.
struct Instant(OffsetDateTime);

impl BorshSerialize for Instant {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        instant::serialize(&self.0, writer)
    }
}

impl BorshDeserialize for Instant {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        instant::deserialize(reader).map(Self)
    }
}

impl Standing {
    /// Writes the standing to a snapshot, which counts once it is published.
    ///
    /// # Errors
    /// [`SnapshotError`] where the disk fails.
    pub fn write_snapshot(&self, path: &Path) -> Result<Unpublished, SnapshotError> {
        // Every field by name: what a snapshot forgets would be missing after the next start.
        let Self { ledger, replies, sequence, chain, recorded_at } = self;
        let Ledger {
            book,
            products,
            customers,
            orders,
            invoices,
            payments,
            credits,
            collections,
            requests,
            rates,
            values,
            tax_rates,
            books,
            foreign,
            unfinished_runs,
        } = ledger;
        let small = (
            (book, products, collections, requests, rates),
            (values, tax_rates, foreign, unfinished_runs, credits),
            Instant(*recorded_at),
        );
        let parts: [&dyn Part; 7] = [&small, customers, orders, invoices, payments, books, replies];
        let (program, sequence) = (PROGRAM.to_owned(), *sequence);
        Unpublished::write(path, Heading { program, sequence, chain: chain.0 }, &parts)
    }

    /// Reads a snapshot. None where there is none, or one of another program.
    ///
    /// Whether the log still holds its last event is the caller's to ask.
    ///
    /// # Errors
    /// [`SnapshotError`] where it is damaged.
    pub fn read_snapshot(path: &Path) -> Result<Option<Self>, SnapshotError> {
        let Some(snapshot) = Snapshot::open(path)? else { return Ok(None) };
        if snapshot.heading().program != PROGRAM {
            info!("the writer's snapshot is another program's; folding the log again");
            return Ok(None);
        }
        read(&snapshot).map(Some)
    }
}

fn read(snapshot: &Snapshot) -> Result<Standing, SnapshotError> {
    let died = || snapshot.misfit("a thread that read it ended");
    thread::scope(|threads| {
        // The longest first.
        let replies = threads.spawn(|| snapshot.part(6));
        let invoices = threads.spawn(|| snapshot.part(3));
        let orders = threads.spawn(|| snapshot.part(2));
        let payments = threads.spawn(|| snapshot.part(4));
        let books = threads.spawn(|| snapshot.part(5));
        let customers = threads.spawn(|| snapshot.part(1));
        let (
            (book, products, collections, requests, rates),
            (values, tax_rates, foreign, unfinished_runs, credits),
            Instant(recorded_at),
        ) = snapshot.part(0)?;
        let ledger = Ledger {
            book,
            products,
            customers: customers.join().map_err(|_| died())??,
            orders: orders.join().map_err(|_| died())??,
            invoices: invoices.join().map_err(|_| died())??,
            payments: payments.join().map_err(|_| died())??,
            credits,
            collections,
            requests,
            rates,
            values,
            tax_rates,
            books: books.join().map_err(|_| died())??,
            foreign,
            unfinished_runs,
        };
        let heading = snapshot.heading();
        Ok(Standing {
            ledger,
            replies: replies.join().map_err(|_| died())??,
            sequence: heading.sequence,
            chain: Chain(heading.chain),
            recorded_at,
        })
    })
}
