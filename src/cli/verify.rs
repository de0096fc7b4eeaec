//! `revledger verify`: is the log whole and unchanged, and do the books balance.

use std::io::Write;

use ledger_core::event::Event;
use ledger_core::log::{LogError, SharedLog, StoredRecord};
use projections::facts::EventFacts;
use projections::views::Views;
use projections::{invariants, seals};
use schemas::chain::{CHAIN_HEADER, Chain};
use schemas::record::decode;

use crate::cli::Global;
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
                let mut checks = check(&log).await?;
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

async fn check(log: &SharedLog) -> Result<Vec<Checked>, Failure> {
    let mut state = State::default();
    let through = match log.last_sequence().await {
        Ok(through) => through,
        Err(error) => return unreadable(error),
    };
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
    let counted = format!("{last} events");
    let told = |broken: Option<String>| broken.map_or(Ok(counted.clone()), Err);
    if last < through {
        state.order.get_or_insert(format!("the log ends at {last}, not at {through}"));
    }
    state.check_books();
    let seals = state.seals();
    Ok(vec![
        ("sequences are dense from 1", told(state.order)),
        ("each event's hash follows from the one before", told(state.hashes)),
        ("each event can be read", told(state.reading)),
        ("the invariants of the books hold", told(state.books)),
        ("every close is sealed with the figures of the books", seals),
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
    views: Views,
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
            views: Views::default(),
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
            && let Err(error) = self.views.fold(&EventFacts::of(event))
        {
            self.books = Some(error.to_string());
        }
    }

    /// Compares every seal with the books: how many there are, or the first that does not fit.
    fn seals(&self) -> Result<String, String> {
        if self.order.is_some() || self.reading.is_some() {
            return Err("not checked: the log is not whole".to_owned());
        }
        if let Some(first) = seals::check(&self.views).into_iter().next() {
            let at = first.sequence.map(|sequence| format!("sequence {sequence}: "));
            return Err(format!("{}{}", at.unwrap_or_default(), first.message));
        }
        let closes = seals::closes(&self.views, self.views.sequence);
        let sealed = closes.iter().filter(|one| one.closed.seal.is_some()).count();
        // Those of earlier releases have no seal.
        Ok(format!("{sealed} of {} closes have a seal", closes.len()))
    }

    /// Checks the invariants over everything that was seen.
    fn check_books(&mut self) {
        if self.order.is_some() || self.reading.is_some() || self.books.is_some() {
            self.books.get_or_insert("not checked: the log is not whole".to_owned());
            return;
        }
        if let Some(first) = invariants::check(&self.views).into_iter().next() {
            let at = first.sequence.map(|sequence| format!("sequence {sequence}: "));
            let at = at.unwrap_or_default();
            self.books = Some(format!("{at}{}: {}", first.invariant, first.message));
        }
    }
}
