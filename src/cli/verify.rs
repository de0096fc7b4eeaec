//! `revledger verify`: is the log whole and unchanged, and do the books balance.

use std::io::Write;

use ledger_core::event::Event;
use ledger_core::log::{LogError, SharedLog, StoredRecord};
use projections::facts::{EventFacts, ProjectionError, Written};
use projections::invariants::Violation;
use projections::replay::{Fold, ReplayError};
use projections::views::Views;
use projections::{prefix, seals};
use schemas::chain::{CHAIN_HEADER, Chain};
use schemas::record::decode;

use crate::cli::{Global, apply};
use crate::config;
use crate::exit::{Exit, Failure};
use crate::reading;

/// A check and how it went: what was counted, or where it failed first.
type Checked = (&'static str, Result<String, String>);

/// Checks the log of the book.
///
/// # Errors
/// Where the store or the server cannot be reached.
pub(crate) fn run(global: &Global) -> Result<Exit, Failure> {
    let checks = config::block_on(async {
        match config::open_unchecked(global).await {
            Ok(log) => {
                let mut checks = check(global, &log).await?;
                checks.push(anchored(global, &log).await?);
                Ok(checks)
            }
            Err(failure) if failure.code == CORRUPT => {
                Ok(vec![("every record fits its checksum", Err(broken(&failure)))])
            }
            Err(failure) => Err(failure),
        }
    })?;
    let mut output = std::io::stdout().lock();
    let mut exit = Exit::Done;
    for (check, outcome) in checks {
        match outcome {
            Ok(counted) => writeln!(output, "ok      {check}: {counted}")?,
            Err(broken) => {
                exit = Exit::No;
                writeln!(output, "FAILED  {check}: {broken}")?;
            }
        }
    }
    Ok(exit)
}

const CORRUPT: &str = "store.corrupt";
const TAMPERED: &str = "store.tampered";

/// Whether the log still holds the event that was last in it when somebody wrote to it here.
async fn anchored(global: &Global, log: &SharedLog) -> Result<Checked, Failure> {
    let check = "what was anchored is still there";
    let anchor = global.anchor()?;
    match anchor.check(log).await {
        Ok(()) => Ok((
            check,
            Ok(match anchor.read()? {
                Some((sequence, _)) => format!("event {sequence}"),
                None => "nothing was anchored on this machine".to_owned(),
            }),
        )),
        Err(failure) if failure.code == TAMPERED || failure.code == CORRUPT => {
            Ok((check, Err(broken(&failure))))
        }
        Err(failure) => Err(failure),
    }
}

fn broken(failure: &Failure) -> String {
    let why = failure.why.as_deref().unwrap_or("it does not fit");
    format!("{}: {why}", failure.what)
}

async fn check(global: &Global, log: &SharedLog) -> Result<Vec<Checked>, Failure> {
    let through = match log.last_sequence().await {
        Ok(through) => through,
        Err(error) => return unreadable(error),
    };
    let bar = apply::progress_to(global, through);
    let mut progress = |sequence| bar.set_position(sequence);
    let found = prefix::check(log, through, &mut progress).await;
    bar.finish_and_clear();
    match found {
        Ok(found) if found.sequence == through => Ok(whole(found)),
        // It is gone through once more, record by record, for all that can be said of it.
        Ok(_)
        | Err(
            ReplayError::Tampered { .. }
            | ReplayError::Decode(_)
            | ReplayError::Projection(_)
            | ReplayError::Ended,
        ) => damaged(log, through).await,
        Err(ReplayError::Log(error)) => unreadable(error),
    }
}

/// What is found in a log that is whole: the first event behind which the books are wrong.
fn whole(found: prefix::Found) -> Vec<Checked> {
    let counted = format!("{} events", found.sequence);
    let books = found.first.map_or(Ok(counted.clone()), |first| Err(told(&first)));
    let seals = sealed(&found.views.unwrap_or_default());
    vec![
        (ORDER, Ok(counted.clone())),
        (HASHES, Ok(counted.clone())),
        (READING, Ok(counted)),
        (BOOKS, books),
        (SEALS, seals),
    ]
}

const ORDER: &str = "sequences are dense from 1";
const HASHES: &str = "each event's hash follows from the one before";
const READING: &str = "each event can be read";
const BOOKS: &str = "the invariants of the books hold on every prefix";
const SEALS: &str = "every close is sealed with the figures of the books";

fn told(violation: &Violation) -> String {
    let at = violation.sequence.map(|sequence| format!("sequence {sequence}: "));
    format!("{}{}: {}", at.unwrap_or_default(), violation.invariant, violation.message)
}

/// Compares every seal with the books: how many there are, or the first that does not fit.
fn sealed(views: &Views) -> Result<String, String> {
    if let Some(first) = seals::check(views).into_iter().next() {
        let at = first.sequence.map(|sequence| format!("sequence {sequence}: "));
        return Err(format!("{}{}", at.unwrap_or_default(), first.message));
    }
    let closes = seals::closes(views, views.sequence);
    let sealed = closes.iter().filter(|one| one.closed.seal.is_some()).count();
    // Those of earlier releases have no seal.
    Ok(format!("{sealed} of {} closes have a seal", closes.len()))
}

/// What is found in a log that is not whole.
async fn damaged(log: &SharedLog, through: u64) -> Result<Vec<Checked>, Failure> {
    let mut state = State::default();
    let read = reading::each_record(log, through, |stored| {
        state.see(stored);
        Ok(())
    });
    let last = match read.await {
        Ok(last) => last,
        Err(failure) if failure.code == CORRUPT => {
            return Ok(vec![("every record fits its checksum", Err(broken(&failure)))]);
        }
        Err(failure) => return Err(failure),
    };
    if last < through {
        state.order.get_or_insert(format!("the log ends at {last}, not at {through}"));
    }
    let counted = format!("{last} events");
    let told = |broken: Option<String>| broken.map_or(Ok(counted.clone()), Err);
    let not_whole = || Err("not checked: the log is not whole".to_owned());
    let is_whole = state.order.is_none() && state.reading.is_none() && state.books.is_none();
    let seals = if is_whole { sealed(&state.checked.views) } else { not_whole() };
    let books = match state.books {
        Some(broken) => Err(broken),
        None if is_whole => {
            state.checked.finish().map_or(Ok(counted.clone()), |one| Err(self::told(&one)))
        }
        None => not_whole(),
    };
    Ok(vec![
        (ORDER, told(state.order)),
        (HASHES, told(state.hashes)),
        (READING, told(state.reading)),
        (BOOKS, books),
        (SEALS, seals),
    ])
}

fn unreadable(error: LogError) -> Result<Vec<Checked>, Failure> {
    let failure = Failure::from(error);
    if failure.code == CORRUPT {
        return Ok(vec![("every record fits its checksum", Err(broken(&failure)))]);
    }
    Err(failure)
}

/// What was seen so far, and the first thing that did not fit, for each check.
struct State {
    last: u64,
    chain: Chain,
    order: Option<String>,
    hashes: Option<String>,
    reading: Option<String>,
    books: Option<String>,
    checked: prefix::Checked,
}

impl Default for State {
    fn default() -> Self {
        Self {
            last: 0,
            chain: Chain::START,
            order: None,
            hashes: None,
            reading: None,
            books: None,
            checked: prefix::Checked::default(),
        }
    }
}

impl State {
    fn see(&mut self, stored: &StoredRecord) {
        let sequence = stored.sequence;
        if sequence != self.last + 1 {
            let expected = self.last + 1;
            self.order.get_or_insert(format!("sequence {sequence} stands where {expected} should"));
        }
        self.last = sequence;
        self.chain = self.chain.next(&stored.record.body);
        let written = stored.record.headers.iter().find(|(name, _)| name == CHAIN_HEADER);
        if written.map(|(_, value)| value.as_str()) != Some(self.chain.to_hex().as_str()) {
            self.hashes.get_or_insert(format!("sequence {sequence}: its hash does not follow"));
        }
        match decode(stored) {
            Err(error) => {
                self.reading.get_or_insert(format!("sequence {sequence}: {error}"));
            }
            Ok(event) => self.see_event(event),
        }
    }

    fn see_event(&mut self, event: Event) {
        // The views need every event: behind a gap there is nothing more to say about them.
        if self.books.is_none()
            && self.order.is_none()
            && let Err(error) = fold(&mut self.checked, event)
        {
            self.books = Some(error.to_string());
        }
    }
}

fn fold(checked: &mut prefix::Checked, event: Event) -> Result<(), ProjectionError> {
    checked.take(&EventFacts::of(event), Written::default())
}
