//! `revledger apply FILE…`: commands in, replies out, in the order of the input.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Deserialize;

use crate::cli::Global;
use crate::config;
use crate::desk::{Desk, lines};
use crate::exit::{Exit, Failure};

/// Replies that are written to the output at once, at most.
const CHUNK_REPLIES_MAX: usize = 1_024;

/// Arguments of `apply`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// NDJSON files, one command a line; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// How the commands went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Accepted, now or earlier.
    pub(crate) accepted: u64,
    /// Rejected.
    pub(crate) rejected: u64,
}

impl Tally {
    /// Counts one reply.
    pub(crate) fn count(&mut self, accepted: bool) {
        if accepted {
            self.accepted += 1;
        } else {
            self.rejected += 1;
        }
    }

    /// No, where anything was rejected.
    pub(crate) fn exit(self) -> Exit {
        if self.rejected == 0 { Exit::Done } else { Exit::No }
    }
}

/// Applies the commands of the files.
///
/// # Errors
/// Where a file, the store or the server cannot be used.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let files = lines::Files::open(&arguments.files)?;
    config::block_on(async {
        let desk = Desk::open(global).await?;
        let result = apply(global, &desk, files).await;
        desk.close().await?;
        result
    })
}

async fn apply(global: &Global, desk: &Desk, files: lines::Files) -> Result<Exit, Failure> {
    let progress = progress(global);
    let mut tally = Tally::default();
    let replies = lines::read(files)
        .then(|line| desk.begin(line))
        .buffered(desk.in_flight_max())
        .ready_chunks(CHUNK_REPLIES_MAX);
    let mut replies = std::pin::pin!(replies);
    let mut output = std::io::BufWriter::new(std::io::stdout());
    while let Some(chunk) = replies.next().await {
        for reply in chunk {
            let reply = reply?;
            tally.count(is_accepted(&reply));
            output.write_all(&reply)?;
            output.write_all(b"\n")?;
        }
        // A reader sees each reply as soon as there is no other one to write with it.
        output.flush()?;
        progress.set_position(tally.accepted + tally.rejected);
    }
    progress.finish_and_clear();
    if !global.quiet {
        let Tally { accepted, rejected } = tally;
        writeln!(std::io::stderr(), "{accepted} accepted, {rejected} rejected")?;
    }
    Ok(tally.exit())
}

/// Whether a reply says that its command was accepted.
pub(crate) fn is_accepted(reply: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Outcome {
        outcome: String,
    }
    serde_json::from_slice(reply).is_ok_and(|Outcome { outcome }| outcome == "accepted")
}

/// A counter on standard error, where somebody looks at it.
pub(crate) fn progress(global: &Global) -> ProgressBar {
    let shown = !global.quiet && std::io::stderr().is_terminal();
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target);
    match ProgressStyle::with_template("{spinner} {human_pos} done, {per_sec}, {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A bar on standard error up to a known end, where somebody looks at it.
pub(crate) fn progress_to(global: &Global, end: u64) -> ProgressBar {
    let bar = progress(global);
    bar.set_length(end);
    let template = "{wide_bar} {human_pos}/{human_len} events, {per_sec}, {eta} left";
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
