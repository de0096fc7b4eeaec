//! Reading the log's tail: at the start, and whenever an append did not end as stored.

use ledger_core::event::{Event, EventData};
use ledger_core::log::StoredRecord;
use schemas::chain::Chain;
use schemas::record::{DecodeError, decode};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::writer::{Writer, WriterError};

/// Records that are read at a time.
const BATCH: usize = 10_000;
/// Records that one thread decodes at a time.
const PIECE: usize = 1_000;

/// A record that was decoded, with what its place in the chain is checked by.
struct Read {
    sequence: u64,
    leaf: [u8; 32],
    written: Option<Chain>,
    event: Result<Event, DecodeError>,
}

impl Read {
    fn of(stored: &StoredRecord) -> Self {
        Self {
            sequence: stored.sequence,
            leaf: Chain::leaf(&stored.record.body),
            written: Chain::written(&stored.record),
            event: decode(stored),
        }
    }
}

/// Decoding is nearly all the work of reading a log.
fn decoded_on_all_cores(batch: Vec<StoredRecord>) -> Vec<JoinHandle<Vec<Read>>> {
    let mut batch = batch.into_iter();
    let mut pieces = Vec::new();
    loop {
        let piece: Vec<StoredRecord> = batch.by_ref().take(PIECE).collect();
        if piece.is_empty() {
            return pieces;
        }
        pieces.push(spawn_blocking(move || piece.iter().map(Read::of).collect()));
    }
}

impl Writer {
    /// Folds what the log holds behind the writer's own position.
    pub(super) async fn catch_up(&mut self) -> Result<(), WriterError> {
        loop {
            let batch = self.log.read(self.standing.sequence + 1, BATCH).await?;
            if batch.is_empty() {
                break;
            }
            for piece in decoded_on_all_cores(batch) {
                for read in piece.await.map_err(|_| WriterError::Ended)? {
                    self.fold(&read)?;
                }
                self.meter.stands_at(self.standing.sequence);
            }
        }
        self.known = (self.standing.sequence, self.standing.chain);
        self.meter.stands_at(self.standing.sequence);
        self.tell_time_zone();
        Ok(())
    }

    fn fold(&mut self, read: &Read) -> Result<(), WriterError> {
        let sequence = read.sequence;
        let through = self.standing.chain.next_leaf(&read.leaf);
        if sequence != self.standing.sequence + 1 || read.written != Some(through) {
            return Err(WriterError::HistoryChanged { log: self.log.describe(), sequence });
        }
        self.standing.fold(read.event.as_ref().map_err(Clone::clone)?);
        self.standing.chain = through;
        Ok(())
    }

    /// Tells the handles in which zone "today" is.
    pub(super) fn tell_time_zone(&self) {
        if let Some(book) = &self.standing.ledger.book {
            self.time_zone.send_if_modified(|zone| {
                let is_new = *zone != book.time_zone;
                zone.clone_from(&book.time_zone);
                is_new
            });
        }
    }
}

/// Whether the event opens the book, after which "today" is in its zone.
pub(super) fn opens_book(data: &EventData) -> bool {
    matches!(data, EventData::BookOpened(_))
}
