//! Folding a log in order, with the hash chain checked on the way.
//!
//! Reading and decoding run ahead on other threads; the fold itself is one thread, in sequence.

use std::sync::Arc;
use std::thread::available_parallelism;

use ledger_core::log::{LogError, SharedLog, StoredRecord};
use schemas::chain::Chain;
use schemas::record::{DecodeError, decode};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::facts::{DigestBuffer, DigestParts, EventFacts, Folder, ProjectionError};
use crate::views::Views;

/// Records that are read at a time.
const READ_RECORDS: usize = 4_096;
/// Records that one thread decodes at a time.
const DECODE_RECORDS: usize = 1_024;
/// Decoded pieces that wait for the fold, at most: a bound on memory.
const PIECES_AHEAD: usize = 8;

/// A log that cannot be folded to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An event cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// An event cannot be applied.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    /// A record is not the one that its sequence and its chain promise.
    #[error("event {sequence} was changed, or one before it is missing: {reason}")]
    Tampered {
        /// The first sequence that does not fit.
        sequence: u64,
        /// What does not fit.
        reason: String,
    },
    /// A thread that decodes ended.
    #[error("a thread that decodes ended; run it again")]
    Ended,
}

/// Whatever folds events in order.
pub trait Fold: Send + 'static {
    /// Whether it hashes what it folds. Where not, nobody writes the parts, and they are empty.
    const HASHES: bool = true;

    /// The last event that was folded.
    fn sequence(&self) -> u64;

    /// Takes away what the fold has no use for; on the threads that decode.
    fn trim(_facts: &mut EventFacts) {}

    /// Takes the facts of the next event, and what the digests hash of them.
    ///
    /// # Errors
    /// [`ProjectionError`] where they do not fit: the fold stops there.
    fn take(&mut self, facts: &EventFacts, parts: DigestParts<'_>) -> Result<(), ProjectionError>;

    /// Whether it wants no more events.
    fn is_done(&self) -> bool {
        false
    }

    /// Hears the chain through the last event, behind each piece of the log.
    fn rest_at(&mut self, _chain: Chain) {}
}

impl Fold for Folder {
    fn sequence(&self) -> u64 {
        Folder::sequence(self)
    }

    fn take(&mut self, facts: &EventFacts, parts: DigestParts<'_>) -> Result<(), ProjectionError> {
        Folder::take(self, facts, parts)
    }
}

impl Fold for Views {
    fn sequence(&self) -> u64 {
        self.sequence
    }

    fn take(&mut self, facts: &EventFacts, parts: DigestParts<'_>) -> Result<(), ProjectionError> {
        Views::take(self, facts, parts)
    }
}

/// Folds more events, as far as the log goes and `through` allows. `chain` is the chain through
/// `target.sequence()`. `progress` hears the sequence that was reached.
///
/// # Errors
/// [`ReplayError`]; the target stands at the last good event then.
pub async fn catch_up<F: Fold>(
    log: &SharedLog,
    target: &mut F,
    chain: &mut Chain,
    through: Option<u64>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(), ReplayError> {
    let through = match through {
        Some(through) => through,
        None => log.last_sequence().await?,
    };
    if through <= target.sequence() {
        return Ok(());
    }
    let (sender, mut pieces) = mpsc::channel(PIECES_AHEAD);
    // Ends with the channel: when the fold stops early, nobody takes the pieces any more.
    tokio::spawn(read_ahead::<F>(Arc::clone(log), target.sequence() + 1, through, sender));
    while let Some(piece) = pieces.recv().await {
        let piece = piece?.await.map_err(|_| ReplayError::Ended)?;
        let parts = piece.parts.parts().chain(std::iter::repeat(DigestParts::default()));
        for (decoded, parts) in piece.decoded.iter().zip(parts) {
            let through = check(decoded, target.sequence() + 1, *chain)?;
            target.take(&decoded.facts, parts)?;
            *chain = through;
        }
        target.rest_at(*chain);
        if target.is_done() {
            return Ok(());
        }
        if let Some(error) = piece.error {
            return Err(error.into());
        }
        progress(target.sequence());
        // Dropping thousands of events is work, too: not on the thread that folds.
        drop(spawn_blocking(move || drop((piece.decoded, piece.parts))));
    }
    Ok(())
}

/// Events that were decoded, up to the first that cannot be.
struct Piece {
    decoded: Vec<Decoded>,
    parts: DigestBuffer,
    error: Option<DecodeError>,
}

/// An event's facts with what its place in the chain is checked by.
struct Decoded {
    facts: EventFacts,
    leaf: [u8; 32],
    written: Option<Chain>,
}

async fn read_ahead<F: Fold>(
    log: SharedLog,
    mut from: u64,
    through: u64,
    sender: mpsc::Sender<Result<JoinHandle<Piece>, LogError>>,
) {
    let threads = available_parallelism().map_or(1, usize::from);
    while from <= through {
        let wanted = usize::try_from(through - from + 1).unwrap_or(READ_RECORDS).min(READ_RECORDS);
        let records = match log.read(from, wanted).await {
            Ok(records) => records,
            Err(error) => {
                // Where nobody listens any more, nobody needs to know.
                return drop(sender.send(Err(error)).await);
            }
        };
        let Some(last) = records.last() else { return };
        from = last.sequence + 1;
        let size = records.len().div_ceil(threads).clamp(1, DECODE_RECORDS);
        let mut records = records.into_iter();
        loop {
            let piece: Vec<StoredRecord> = records.by_ref().take(size).collect();
            if piece.is_empty() {
                break;
            }
            if sender.send(Ok(spawn_blocking(move || decode_all::<F>(&piece)))).await.is_err() {
                return;
            }
        }
    }
}

fn decode_all<F: Fold>(records: &[StoredRecord]) -> Piece {
    let mut decoded = Vec::with_capacity(records.len());
    let mut parts = DigestBuffer::default();
    for stored in records {
        let event = match decode(stored) {
            Ok(event) => event,
            Err(error) => return Piece { decoded, parts, error: Some(error) },
        };
        let mut facts = EventFacts::of(event);
        if F::HASHES {
            parts.push(&facts);
        }
        F::trim(&mut facts);
        let leaf = Chain::leaf(&stored.record.body);
        decoded.push(Decoded { facts, leaf, written: Chain::written(&stored.record) });
    }
    Piece { decoded, parts, error: None }
}

/// The chain through the next event, if that is what this one is.
fn check(decoded: &Decoded, expected: u64, chain: Chain) -> Result<Chain, ReplayError> {
    let sequence = decoded.facts.sequence;
    if sequence != expected {
        let reason = format!("sequence {expected} was expected");
        return Err(ReplayError::Tampered { sequence, reason });
    }
    let through = chain.next_leaf(&decoded.leaf);
    if decoded.written != Some(through) {
        let reason = "its hash chain does not follow from its bytes".to_owned();
        return Err(ReplayError::Tampered { sequence, reason });
    }
    Ok(through)
}

/// Folds the whole log into fresh views.
///
/// # Errors
/// [`ReplayError`] at the first event that does not fit.
pub async fn replay(
    log: &SharedLog,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(Views, Chain), ReplayError> {
    let (mut views, mut chain) = (Views::default(), Chain::START);
    catch_up(log, &mut views, &mut chain, None, progress).await?;
    Ok((views, chain))
}
