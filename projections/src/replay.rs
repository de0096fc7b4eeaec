//! Folding a log in order, with the hash chain checked on the way.
//!
//! Reading and decoding run ahead on other threads; the fold itself is one thread, in sequence.

use std::ops::Range;
use std::sync::Arc;
use std::thread::available_parallelism;

use ledger_core::log::{Bodies, LogError, SharedLog};
use schemas::chain::{CHAIN_HEADER, Chain};
use schemas::record::{DecodeError, decode_body};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::facts::{Effects, EventFacts, Folder, ProjectionError, Written, WrittenFacts};
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
    /// Whether it hashes or stores what it folds. Where not, nobody writes the facts as bytes, and they
    /// are empty.
    const WRITES: bool = true;

    /// What it needs of an event.
    type Needs: Send + 'static;

    /// The last event that was folded.
    fn sequence(&self) -> u64;

    /// Picks what it needs from an event's facts; on the threads that decode.
    fn pick(facts: EventFacts) -> Self::Needs;

    /// Takes what it needs of the next event, and its facts as bytes.
    ///
    /// # Errors
    /// [`ProjectionError`] where they do not fit: the fold stops there.
    fn take(&mut self, needs: &Self::Needs, written: Written<'_>) -> Result<(), ProjectionError>;

    /// Whether it wants no more events.
    fn is_done(&self) -> bool {
        false
    }

    /// Hears the chain through the last event, behind each piece of the log.
    fn rest_at(&mut self, _chain: Chain) {}
}

impl Fold for Folder {
    type Needs = Effects;

    fn sequence(&self) -> u64 {
        Folder::sequence(self)
    }

    fn pick(facts: EventFacts) -> Effects {
        Effects::of(&facts)
    }

    fn take(&mut self, effects: &Effects, written: Written<'_>) -> Result<(), ProjectionError> {
        self.settle(effects, written)
    }
}

impl Fold for Views {
    type Needs = EventFacts;

    fn sequence(&self) -> u64 {
        self.sequence
    }

    fn pick(facts: EventFacts) -> EventFacts {
        facts
    }

    fn take(&mut self, facts: &EventFacts, written: Written<'_>) -> Result<(), ProjectionError> {
        Views::take(self, facts, written)
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
        let written = piece.written.events().chain(std::iter::repeat(Written::default()));
        for (decoded, written) in piece.decoded.iter().zip(written) {
            let through = check(decoded, target.sequence() + 1, *chain)?;
            target.take(&decoded.needs, written)?;
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
        drop(spawn_blocking(move || drop((piece.decoded, piece.written))));
    }
    Ok(())
}

/// Events that were decoded, up to the first that cannot be.
struct Piece<F: Fold> {
    decoded: Vec<Decoded<F>>,
    written: WrittenFacts,
    error: Option<DecodeError>,
}

/// What is needed of an event, with what its place in the chain is checked by.
struct Decoded<F: Fold> {
    sequence: u64,
    needs: F::Needs,
    leaf: [u8; 32],
    chain: Option<Chain>,
}

async fn read_ahead<F: Fold>(
    log: SharedLog,
    mut from: u64,
    through: u64,
    sender: mpsc::Sender<Result<JoinHandle<Piece<F>>, LogError>>,
) {
    let threads = available_parallelism().map_or(1, usize::from);
    while from <= through {
        let wanted = usize::try_from(through - from + 1).unwrap_or(READ_RECORDS).min(READ_RECORDS);
        let bodies = match log.read_bodies(from, wanted, CHAIN_HEADER).await {
            Ok(bodies) => Arc::new(bodies),
            Err(error) => {
                // Where nobody listens any more, nobody needs to know.
                return drop(sender.send(Err(error)).await);
            }
        };
        let Some(last) = bodies.last() else { return };
        from = last + 1;
        let size = bodies.len().div_ceil(threads).clamp(1, DECODE_RECORDS);
        for start in (0..bodies.len()).step_by(size) {
            let bodies = Arc::clone(&bodies);
            let piece = spawn_blocking(move || decode_all::<F>(&bodies, start..start + size));
            if sender.send(Ok(piece)).await.is_err() {
                return;
            }
        }
    }
}

fn decode_all<F: Fold>(bodies: &Bodies, numbers: Range<usize>) -> Piece<F> {
    let mut decoded = Vec::with_capacity(numbers.len());
    let mut written = WrittenFacts::default();
    if F::WRITES {
        // Facts are about half as long as the events' JSON.
        let bytes: usize = bodies.iter(numbers.clone()).map(|body| body.bytes.len() / 2).sum();
        written = WrittenFacts::with_capacity(numbers.len(), bytes);
    }
    for body in bodies.iter(numbers) {
        let event = match decode_body(body.sequence, body.bytes) {
            Ok(event) => event,
            Err(error) => return Piece { decoded, written, error: Some(error) },
        };
        let facts = EventFacts::of(event);
        if F::WRITES {
            written.push(&facts);
        }
        decoded.push(Decoded {
            sequence: body.sequence,
            needs: F::pick(facts),
            leaf: Chain::leaf(body.bytes),
            chain: body.header.and_then(Chain::from_digits),
        });
    }
    Piece { decoded, written, error: None }
}

/// The chain through the next event, if that is what this one is.
fn check<F: Fold>(decoded: &Decoded<F>, expected: u64, chain: Chain) -> Result<Chain, ReplayError> {
    let sequence = decoded.sequence;
    if sequence != expected {
        let reason = format!("sequence {expected} was expected");
        return Err(ReplayError::Tampered { sequence, reason });
    }
    let through = chain.next_leaf(&decoded.leaf);
    if decoded.chain != Some(through) {
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
