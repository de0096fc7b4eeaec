//! Whether the daemon works: what `/livez`, `/readyz` and `/readyz/reports` answer from.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use commands::http::{Check, Status};
use tracing_appender::non_blocking::ErrorCounter;

use crate::cli::serve::metrics::{self, Figures};
use crate::cli::serve::room;
use crate::vitals::{Vitals, held};

/// How long nothing may be heard of a log.
const LOG_ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// How long an append may take: less than callers wait, so that who is told that an outcome is not
/// known and asks why is told the truth.
const APPENDED_WITHIN: Duration = Duration::from_secs(3);
/// How long an append that failed counts, where nobody has tried another one: then only the next
/// command can tell.
const FAILURE_COUNTS_FOR: Duration = Duration::from_secs(10);

/// The state of the daemon, for probes.
pub(super) struct Health {
    books: Vec<Arc<Vitals>>,
    reserve: u64,
    lines: ErrorCounter,
    is_serving: AtomicBool,
    is_ending: AtomicBool,
}

impl fmt::Debug for Health {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Health").field("books", &self.books).finish_non_exhaustive()
    }
}

impl Health {
    pub(super) fn new(books: Vec<Arc<Vitals>>, reserve: u64, lines: ErrorCounter) -> Self {
        let [is_serving, is_ending] = [false, false].map(AtomicBool::new);
        Self { books, reserve, lines, is_serving, is_ending }
    }

    /// The books are open.
    pub(super) fn begin(&self) {
        self.is_serving.store(true, Ordering::Release);
    }

    /// The daemon was told to end.
    pub(super) fn end(&self) {
        self.is_ending.store(true, Ordering::Release);
    }

    fn serving(&self) -> Check {
        let problem = if self.is_ending.load(Ordering::Acquire) {
            Some("the daemon was told to end")
        } else if self.is_serving.load(Ordering::Acquire) {
            None
        } else {
            Some("the daemon starts")
        };
        Check::new("serving", problem.map(str::to_owned))
    }
}

impl Status for Health {
    fn live(&self) -> Vec<Check> {
        let books = self.books.iter().map(|book| named(book, "writer", dead(book)));
        std::iter::once(Check::new("runtime", None)).chain(books).collect()
    }

    fn ready(&self) -> Vec<Check> {
        let mut checks = vec![self.serving()];
        for book in &self.books {
            checks.extend([
                named(book, "start", starting(book)),
                named(book, "writer", dead(book)),
                named(book, "role", standing_by(book)),
                named(book, "log", book.log.problem(LOG_ANSWERS_WITHIN)),
                named(book, "append", appends(book)),
                named(book, "disk", disk(book, self.reserve)),
                named(book, "projector", book.views.trouble()),
            ]);
        }
        checks
    }

    fn ready_for_reports(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        for book in &self.books {
            checks.extend([
                named(book, "start", starting(book)),
                named(book, "log", book.log.problem(LOG_ANSWERS_WITHIN)),
                named(book, "projector", book.views.trouble().or_else(|| opening(book))),
            ]);
        }
        checks
    }

    fn metrics(&self) -> String {
        let is_ready = self.ready().iter().all(|check| check.problem.is_none());
        metrics::render(Figures {
            books: self.books.clone(),
            reserve: self.reserve,
            is_ready,
            lines: self.lines.clone(),
        })
    }
}

fn named(book: &Vitals, name: &str, problem: Option<String>) -> Check {
    Check::new(format!("{}: {name}", book.book), problem)
}

/// How far the start has come.
fn starting(book: &Vitals) -> Option<String> {
    if book.pulse.get().is_some() {
        return None;
    }
    let (writer, views) = (book.meter.sequence(), book.views.sequence());
    Some(match book.log.last() {
        0 => "the log is being opened".to_owned(),
        last => format!("of {last} events the writer has read {writer} and the views {views}"),
    })
}

/// How far the views have come, which are still being read when commands are taken already.
fn opening(book: &Vitals) -> Option<String> {
    let (views, last) = (book.views.sequence(), book.end());
    let is_open = book.views.were_at_end() || book.views.trouble().is_some();
    (!is_open).then(|| format!("of {last} events the views have read {views}"))
}

fn dead(book: &Vitals) -> Option<String> {
    book.pulse.get()?.problem()
}

/// Not a fault: another daemon takes the commands.
fn standing_by(book: &Vitals) -> Option<String> {
    let stands_by = book.stands_by();
    stands_by.then(|| "another daemon writes the book, this one stands by".to_owned())
}

fn appends(book: &Vitals) -> Option<String> {
    let appends = book.meter.appends();
    if appends.in_flight_for >= APPENDED_WITHIN {
        let seconds = appends.in_flight_for.as_secs();
        return Some(format!("the log has not answered an append for {seconds} s"));
    }
    if appends.recovering_for.is_some() {
        return Some("the writer reads the log again: an append did not end as stored".to_owned());
    }
    let ago = appends.failed_ago.filter(|ago| *ago < FAILURE_COUNTS_FOR)?;
    Some(format!("the log did not take an append, or was not read, {} s ago", ago.as_secs()))
}

fn disk(book: &Vitals, reserve: u64) -> Option<String> {
    let room = held(&book.room).clone()?;
    room::too_little(&room, reserve).map(|why| why.message)
}
