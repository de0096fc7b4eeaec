//! Who may decide for a book: always the one writer of a journal, whoever was chosen on a stream.
//!
//! A tenure is no lock, and nothing is safe because of it: the log's expected last sequence is the
//! guard. It keeps a writer that stood still from answering out of a state that is old by then.

use tokio::sync::watch;
use tokio::time::Instant;

/// What a writer does for its book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It decides commands.
    Writing {
        /// The count of the writers that were chosen for the book, so far; 0 where nobody chooses.
        term: u64,
    },
    /// It follows the log and refuses commands with `book.standby`: another daemon writes, or none
    /// is known to.
    Standby,
}

impl Role {
    /// Whether commands are decided here.
    pub fn writes(self) -> bool {
        match self {
            Self::Writing { .. } => true,
            Self::Standby => false,
        }
    }
}

/// A term of a writer, and the instant until which it surely is nobody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// The term.
    pub term: u64,
    /// Behind this instant another writer may have been chosen. The clock goes on while the process
    /// is stopped.
    pub until: Instant,
}

/// What a writer asks before it decides, stores or refuses. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tenure(Option<watch::Receiver<Option<Seat>>>);

/// Gives the seat, prolongs it and takes it away.
#[derive(Debug)]
pub struct Chair(watch::Sender<Option<Seat>>);

impl Tenure {
    /// Of a writer that no other one can take over from: it holds for ever.
    pub fn always() -> Self {
        Self(None)
    }

    /// Of a writer that is chosen: at first it stands by.
    pub fn elected() -> (Chair, Self) {
        let (chair, seat) = watch::channel(None);
        (Chair(chair), Self(Some(seat)))
    }

    /// The term in which commands may be decided now.
    pub fn term(&self) -> Option<u64> {
        let Some(seat) = &self.0 else { return Some(0) };
        seat.borrow().filter(|seat| Instant::now() < seat.until).map(|seat| seat.term)
    }

    /// Ready when a seat was given or taken away since the last call; a seat that ran out is only
    /// seen by [`Tenure::term`].
    pub(super) async fn changed(&mut self) {
        let Some(seat) = &mut self.0 else { return std::future::pending().await };
        // Nobody gives seats any more: what there is runs out.
        if seat.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

impl Chair {
    /// Gives the seat, or prolongs it: only a new term wakes the writer.
    pub fn give(&self, seat: Seat) {
        self.0.send_if_modified(|held| {
            let is_new = held.is_none_or(|held| held.term != seat.term);
            *held = Some(seat);
            is_new
        });
    }

    /// Takes the seat away.
    pub fn take_away(&self) {
        self.0.send_if_modified(|held| held.take().is_some());
    }
}

impl Drop for Chair {
    fn drop(&mut self) {
        self.take_away();
    }
}
