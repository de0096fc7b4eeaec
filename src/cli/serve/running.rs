//! One book at work in the daemon: its log, writer and live views, and what ends them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use commands::clock::SystemClock;
use commands::http::Served;
use commands::leadership::{self, Leadership, LeadershipError};
use commands::webhook::StripeWebhook;
use commands::writer::{self, Keep, RunningWriter, Settings, Tenure};
use ledger_core::log::jetstream::JetStreamLog;
use ledger_core::log::{LogError, SharedLog};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::cli::Global;
use crate::cli::serve::room::Watched;
use crate::config;
use crate::exit::Failure;
use crate::live::{Kept, Live};
use crate::scrub::scrub;
use crate::vitals::Vitals;

/// The file of the book that keeps events of Stripe which were refused for good.
const REFUSED: &str = "stripe-refused.ndjson";

/// How often it is proven again that the servers and the stream lose nothing.
const PROVE_EVERY: Duration = Duration::from_secs(10);

/// How long a writer that was chosen may take to read the log's last events, before the daemon says
/// that it is ready.
const TAKES_UP_WITHIN: Duration = Duration::from_secs(30);

/// A book at work.
pub(super) struct Running {
    pub(super) log: SharedLog,
    pub(super) served: Served,
    /// The same log, where it is a stream.
    stream: Option<Arc<JetStreamLog>>,
    /// The folder of the log, where it is a journal.
    journal: Option<PathBuf>,
    writer: RunningWriter,
    live: Arc<Live>,
    /// The part in the election for the book's writer, where it is a stream.
    leadership: Option<Leadership>,
    watched: Watched,
}

impl Running {
    /// Opens the log, and starts what works on it.
    ///
    /// # Errors
    /// Where the log cannot be opened or trusted.
    pub(super) async fn start(
        global: &Global,
        client: Option<&async_nats::Client>,
        secrets: &str,
        (vitals, reserve): (Arc<Vitals>, u64),
    ) -> Result<Self, Failure> {
        let book = global.book_id()?;
        let anchor = global.anchor()?;
        let (log, stream): (SharedLog, _) = match client {
            Some(client) => {
                // What was anchored was acknowledged: a stream that is gone is no new book.
                let anchored = anchor.read()?.map_or(0, |(sequence, _)| sequence);
                let (client, settings) = (client.clone(), global.stream()?);
                let stream = JetStreamLog::open_with_anchor(client, settings, anchored).await?;
                let stream = Arc::new(stream);
                (Arc::<JetStreamLog>::clone(&stream), Some(stream))
            }
            None => (config::open_journal(global).await?, None),
        };
        anchor.check(&log).await?;
        vitals.log.answered(log.last_sequence().await?);
        let facts = config::claim_store(global)?;
        let keep = Some(Keep { path: global.writer_snapshot()?, at_end: true });
        let clock = Arc::new(SystemClock);
        let (chair, tenure) = match client {
            Some(_) => {
                let (chair, tenure) = Tenure::elected();
                (Some(chair), tenure)
            }
            None => (None, Tenure::always()),
        };
        let meter = Arc::clone(&vitals.meter);
        let settings = Settings { tenure, keep, meter, ..Settings::default() };
        let writer = writer::start_with(settings, book.clone(), 0, Arc::clone(&log), clock).await?;
        // Behind the writer, which has all cores to itself: commands are taken while the views are read.
        let kept = Kept { facts, snapshot: global.snapshot()? };
        let shown = Arc::clone(&vitals);
        let live = Live::start(Arc::clone(&log), kept, anchor, global.unsafe_dev, shown).await?;
        let live = Arc::new(live);
        let snapshots = [("writer", global.writer_snapshot()?), ("views", global.snapshot()?)];
        vitals.snapshots.get_or_init(|| snapshots);
        vitals.pulse.get_or_init(|| writer.pulse());
        vitals.role.get_or_init(|| writer.handle().standing());
        let refused = global.folder()?.join(REFUSED);
        let webhook = StripeWebhook::new(secrets, refused, Arc::new(SystemClock));
        let reports = Arc::clone(&live) as _;
        let webhook = webhook.map(Arc::new);
        let served = Served { book, writer: writer.handle(), reports, webhook };
        let journal = global.nats.is_none().then(|| global.journal()).transpose()?;
        // Behind the folding: whoever is chosen can go on at once.
        let leadership = match client.zip(chair) {
            Some((client, chair)) => {
                Some(leadership::join(client.clone(), &served.book, chair).await?)
            }
            None => None,
        };
        let watched = Watched {
            vitals,
            log: Arc::clone(&log),
            stream: stream.clone(),
            journal: journal.clone(),
            gate: Arc::clone(served.writer.gate()),
            reserve,
        };
        let running = Self { log, served, stream, journal, writer, live, leadership, watched };
        running.taken_up().await;
        Ok(running)
    }

    /// Whether it stands by while another daemon writes.
    pub(super) fn stands_by(&self) -> bool {
        !self.writer.handle().standing().borrow().writes()
    }

    /// Gives a writer that was chosen the time to take up its seat.
    async fn taken_up(&self) {
        let handle = self.writer.handle();
        let mut standing = handle.standing();
        let taken_up = standing.wait_for(|role| role.writes() || !handle.is_chosen());
        if !matches!(tokio::time::timeout(TAKES_UP_WITHIN, taken_up).await, Ok(Ok(_))) {
            tracing::warn!("the writer does not come to write");
        }
    }

    /// Waits until the book must not be served any more, and says why.
    pub(super) async fn failed(&self) -> Failure {
        tokio::select! {
            failure = self.live.follow() => failure,
            error = self.writer.ended() => error.into(),
            error = unsafe_at_last(self.stream.as_deref()) => error.into(),
            error = left(self.leadership.as_ref()) => error.into(),
            error = self.scrubbed() => error.into(),
            never = self.watched.watch() => match never {},
        }
    }

    /// Reads all of the log again and again, once the views are read: they are waited for.
    async fn scrubbed(&self) -> LogError {
        if self.live.views().await.is_err() {
            // Whoever follows the views says why.
            return std::future::pending().await;
        }
        scrub(&self.log, self.journal.clone(), &self.watched.vitals).await
    }

    /// Ends the writer behind its last command. What was answered last is projected and anchored
    /// before the end, but not where the daemon ends because of a log: it would be asked in vain.
    ///
    /// # Errors
    /// Where the log failed.
    pub(super) async fn finish(self, is_failed: bool) -> Result<(), Failure> {
        let Self { writer, live, served, leadership, .. } = self;
        // The writer ends when nobody can hand anything in any more.
        drop(served);
        writer.shutdown().await?;
        // All is stored: another daemon goes on from here.
        if let Some(leadership) = leadership {
            leadership.resign().await;
        }
        if is_failed {
            return Ok(());
        }
        live.finish().await?;
        Ok(())
    }
}

/// Waits until the daemon cannot take part in the election any more, where it does.
async fn left(leadership: Option<&Leadership>) -> LeadershipError {
    match leadership {
        Some(leadership) => leadership.ended().await,
        None => std::future::pending().await,
    }
}

impl From<LeadershipError> for Failure {
    fn from(error: LeadershipError) -> Self {
        Self::store("nats.election", "cannot find out which daemon writes the book")
            .because(error)
            .help("compare the server's permissions with docker/cluster/accounts.conf")
    }
}

/// Proves the set-up of a stream again and again: somebody may change it, or a node come back with
/// other settings. Returns only where events could be lost now.
async fn unsafe_at_last(stream: Option<&JetStreamLog>) -> LogError {
    let Some(stream) = stream else { return std::future::pending().await };
    let mut pause = interval_at(Instant::now() + PROVE_EVERY, PROVE_EVERY);
    pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = String::new();
    loop {
        pause.tick().await;
        match stream.check_setup().await {
            Ok(()) => told.clear(),
            // A server that is away acknowledges nothing; it is asked again.
            Err(LogError::Unavailable { what, reason }) => {
                if reason != told {
                    tracing::warn!(what, reason, "the set-up cannot be proven just now");
                    told = reason;
                }
            }
            Err(
                error @ (LogError::Unsafe { .. }
                | LogError::Corrupt { .. }
                | LogError::Unfinished { .. }
                | LogError::Disk { .. }),
            ) => return error,
        }
    }
}
