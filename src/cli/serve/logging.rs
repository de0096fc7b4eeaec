//! The daemon's log on standard error. A reader that is slow, or none, must not hold up commands:
//! lines go through a bounded queue of their own, and are dropped and counted beyond it.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line: timestamp, level, target, fields.
    Json,
}

/// The log at work; what is left is written when it is dropped.
pub(super) struct Logging {
    pub(super) lines: ErrorCounter,
    _writer: WorkerGuard,
}

/// Starts it, for what `RUST_LOG` lets through.
pub(super) fn start(format: LogFormat) -> Logging {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let (lines, writer) = NonBlockingBuilder::default().lossy(true).finish(std::io::stderr());
    let counter = lines.error_counter();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines);
    let started = match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().with_current_span(false).with_span_list(false).try_init(),
    };
    // Somebody else's subscriber was there first: then it shows the lines.
    drop(started);
    Logging { lines: counter, _writer: writer }
}
