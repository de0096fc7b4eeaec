//! Commands of an import on their way in, and what became of them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use commands::import::csv::Imported;
use commands::import::statement::plan::Told;
use futures::StreamExt;
use ledger_core::rejection::Code;
use schemas::reply::{Outcome, Reply};
use serde_json::Value;

use crate::cli::{Global, apply};
use crate::desk::{Desk, lines};
use crate::exit::Failure;

/// Lines about single records that are printed at most; the counts are always whole.
const TOLD_MAX: usize = 100;

/// What became of the commands.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// Accepted commands by the type of their first event.
    pub(super) accepted: BTreeMap<String, u64>,
    /// How many were rejected.
    pub(super) rejected: u64,
    /// Each rejection.
    pub(super) told: Vec<(PathBuf, Told)>,
    /// A command whose events are not behind this one was accepted by an earlier import.
    pub(super) known_through: u64,
    /// Commands of an earlier import, whose effect has been replaced since.
    pub(super) earlier: Vec<(PathBuf, Told)>,
}

impl Replies {
    pub(super) fn accepted_count(&self) -> u64 {
        self.accepted.values().sum()
    }

    fn count(&mut self, path: PathBuf, line: u64, reply: &Reply) {
        match (&reply.outcome, &reply.error) {
            (Outcome::Accepted, _)
                if reply.sequence.is_some_and(|last| last <= self.known_through) =>
            {
                let text = "was imported before and has been replaced since: the later one stays";
                self.earlier.push((path, Told { line, text: text.to_owned() }));
            }
            (Outcome::Accepted, _) => {
                let first = reply.events.iter().flatten().next();
                let kind = first.map_or("nothing", |event| event.kind.as_str());
                *self.accepted.entry(kind.to_owned()).or_default() += 1;
            }
            (Outcome::Rejected, error) => {
                self.rejected += 1;
                let text = error.as_ref().map(ToString::to_string).unwrap_or_default();
                self.told.push((path, Told { line, text }));
            }
        }
    }

    /// The last lines of the answer.
    pub(super) fn print(
        &self,
        output: &mut impl Write,
        is_dry: bool,
        stops: bool,
    ) -> Result<(), Failure> {
        match (is_dry, stops) {
            (true, _) => writeln!(output, "nothing was applied: --dry-run")?,
            (false, true) => writeln!(output, "nothing was applied: --strict, see above")?,
            (false, false) => {
                let (accepted, rejected) = (self.accepted_count(), self.rejected);
                writeln!(output, "{accepted} commands accepted, {rejected} rejected")?;
                for (kind, count) in &self.accepted {
                    writeln!(output, "  {kind:<20} {count:>8}")?;
                }
            }
        }
        Ok(())
    }
}

/// Prints lines about single records, not too many.
pub(super) fn tell(lines: &[(PathBuf, Told)]) -> Result<(), Failure> {
    let mut errors = std::io::stderr().lock();
    for (path, told) in lines.iter().take(TOLD_MAX) {
        writeln!(errors, "{}:{}: {}", path.display(), told.line, told.text)?;
    }
    if let Some(more) = lines.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
        writeln!(errors, "and {more} more")?;
    }
    Ok(())
}

/// Hands the commands in, in their order.
///
/// # Errors
/// Where the store or the server cannot be used; a rejection is counted.
pub(super) async fn send(
    global: &Global,
    is_strict: bool,
    commands: Vec<(PathBuf, Imported)>,
    replies: &mut Replies,
) -> Result<(), Failure> {
    if commands.is_empty() {
        return Ok(());
    }
    let desk = Desk::open(global).await?;
    let result = send_to(&desk, global, is_strict, commands, replies).await;
    desk.close().await?;
    result
}

async fn send_to(
    desk: &Desk,
    global: &Global,
    is_strict: bool,
    commands: Vec<(PathBuf, Imported)>,
    replies: &mut Replies,
) -> Result<(), Failure> {
    let progress = apply::progress(global);
    // With --strict one at a time: behind a refusal nothing more may go in.
    let in_flight = if is_strict { 1 } else { desk.in_flight_max() };
    let mut sources = Vec::with_capacity(commands.len());
    let mut envelopes = Vec::with_capacity(commands.len());
    for (path, one) in commands {
        sources.push((path, one.line, no_news(&one.envelope)));
        let bytes = serde_json::to_vec(&one.envelope)
            .map_err(|error| Failure::store("command.unwritable", "an envelope").because(error))?;
        envelopes.push(Ok(lines::Line { number: one.line, bytes }));
    }
    let answers =
        futures::stream::iter(envelopes).then(|line| desk.begin(line)).buffered(in_flight);
    let mut answers = std::pin::pin!(answers.zip(futures::stream::iter(sources)));
    while let Some((reply, (path, line, no_news))) = answers.next().await {
        let reply: Reply = serde_json::from_slice(&reply?).map_err(|error| not_a_reply(&error))?;
        progress.inc(1);
        if no_news.is_some_and(|code| is_there_already(&reply, code)) {
            continue;
        }
        replies.count(path, line, &reply);
        if is_strict && reply.outcome == Outcome::Rejected {
            return Ok(());
        }
    }
    progress.finish_and_clear();
    Ok(())
}

/// The refusal that is no news: another file, or another import, opened the book or registered the
/// customer.
fn no_news(envelope: &Value) -> Option<Code> {
    match envelope["command"].as_str()? {
        "OpenBook" => Some(Code::BookExists),
        "RegisterCustomer" => Some(Code::CustomerExists),
        _ => None,
    }
}

/// Whether somebody made it, or an earlier import did from records of another day.
fn is_there_already(reply: &Reply, exists: Code) -> bool {
    let codes = [exists.as_str(), Code::CommandIdReused.as_str()];
    reply.error.as_ref().is_some_and(|error| codes.contains(&error.code.as_str()))
}

fn not_a_reply(error: &serde_json::Error) -> Failure {
    Failure::store("service.failed", "a reply is not one of a ledger").because(error)
}
