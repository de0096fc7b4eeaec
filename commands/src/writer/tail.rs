//! Reading the log's tail: at the start, and whenever an append did not end as stored.

use ledger_core::event::EventData;
use schemas::chain::CHAIN_HEADER;
use schemas::record::decode;

use crate::writer::{Writer, WriterError};

/// Records that are read at a time.
const BATCH: usize = 10_000;

impl Writer {
    /// Folds what the log holds behind the writer's own position.
    pub(super) async fn catch_up(&mut self) -> Result<(), WriterError> {
        loop {
            let batch = self.log.read(self.standing.sequence + 1, BATCH).await?;
            if batch.is_empty() {
                break;
            }
            for stored in &batch {
                let sequence = stored.sequence;
                let changed = || WriterError::HistoryChanged { log: self.log.describe(), sequence };
                let through = self.standing.chain.next(&stored.record.body);
                let header = stored.record.headers.iter().find(|(name, _)| name == CHAIN_HEADER);
                let fits = header.is_some_and(|(_, hex)| *hex == through.to_hex());
                if sequence != self.standing.sequence + 1 || !fits {
                    return Err(changed());
                }
                let event = decode(stored)?;
                self.standing.fold(&event);
                self.standing.chain = through;
            }
        }
        self.tell_time_zone();
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
