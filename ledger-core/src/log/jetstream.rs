//! The event log on NATS JetStream: one stream for each book, for teams and clusters.
//!
//! One event is one message. A group is one message or one atomic batch (ADR-50), behind the
//! stream's last sequence. Headers come back sorted by name, and the ledger writes them sorted:
//! logs are compared header by header. Servers before 2.15, servers of which it is not proven
//! that they sync before they acknowledge, and streams that could drop events are refused.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::ServerInfo;
use async_nats::client::Client;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{Config, Info};
use async_nats::jetstream::{self, Context, ErrorCode};
use tokio::time::Instant;

use self::append::Appender;
use self::cursor::Cursors;
use self::gate::{Proofs, unproven_now};
use self::leader::{ATTEMPT_PAUSE, Problem, last_of, question, stream_info};
use self::way::Way;
use super::bounds::check_group;
use super::{AppendError, Bodies, EventLog, LogError, LogFuture, Record, StoredRecord};

mod append;
mod cursor;
mod errors;
mod filling;
mod gate;
mod headers;
mod leader;
mod settings;
mod storage;
mod version;
mod way;

pub use filling::StreamStanding;
pub use gate::prove_sync_always;
pub use settings::StreamSettings;
pub use storage::StorageLeft;
pub use way::others_first;

/// Replicas of a stream in a cluster, where the settings name no number.
const CLUSTER_REPLICAS: usize = 3;

/// How long a leader may have something in hand, and keep it: the others store it in milliseconds, or it is
/// a leader no more.
const SETTLED_DEADLINE: Duration = Duration::from_secs(10);

/// A book's stream that is open.
#[derive(Debug)]
pub struct JetStreamLog {
    client: Client,
    way: Way,
    settings: StreamSettings,
    stream: String,
    /// `None` where it is open for reading only.
    appender: Option<Appender>,
    cursors: Cursors,
    /// The highest sequence that was ever acknowledged to us or told by a leader.
    seen: AtomicU64,
}

impl JetStreamLog {
    /// Opens a book's stream for appending, and creates it where there is none.
    ///
    /// # Errors
    ///
    /// [`LogError::Unsafe`] for a server older than 2.15, for one of which it is not proven that
    /// it syncs every write (the error says how to prove it), and for an existing stream with a
    /// setting that could lose events; [`LogError::Unavailable`] where a server, a monitoring or
    /// JetStream cannot be reached.
    pub async fn open(client: Client, settings: StreamSettings) -> Result<JetStreamLog, LogError> {
        JetStreamLog::open_with_anchor(client, settings, 0).await
    }

    /// Opens like [`JetStreamLog::open`], and creates nothing where `anchor_sequence`, which is
    /// known from elsewhere to have been acknowledged, is above 0: a stream that is gone then is
    /// no new book.
    ///
    /// # Errors
    ///
    /// As [`JetStreamLog::open`], and [`LogError::Corrupt`] where the stream is gone or ends before
    /// that, also after a new leader had time to catch up.
    pub async fn open_with_anchor(
        client: Client,
        mut settings: StreamSettings,
        anchor_sequence: u64,
    ) -> Result<JetStreamLog, LogError> {
        prove_server(&client, &mut settings).await?;
        let context = jetstream::new(client.clone());
        let stream = settings.stream_name();
        if anchor_sequence > 0 {
            // One that is gone or short is no new book.
            last_of(&Way::of(&context), &stream, anchor_sequence).await?;
        } else if stream_info(&context, &stream).await?.is_none() {
            create(&context, &settings.config()).await?;
        }
        let info = stream_info(&context, &stream).await?.ok_or_else(|| missing(&stream))?;
        settings.check(&info.config)?;
        prove_nodes(&client, &settings, &info).await?;
        let appender = Appender::new(client.clone(), stream, settings.subject_prefix());
        Ok(JetStreamLog::assemble((client, context), settings, Some(appender), &info))
    }

    /// Proves once more what was proven when it was opened: somebody may have changed the
    /// stream, or a node come back with other settings.
    ///
    /// # Errors
    ///
    /// As [`JetStreamLog::open`], and [`LogError::Unavailable`] where a server did not say how it
    /// is set up this time; [`LogError::Corrupt`] where the stream is gone.
    pub async fn check_setup(&self) -> Result<(), LogError> {
        connected_server(&self.client)?;
        let seen = self.seen.load(Ordering::Relaxed);
        let info = match stream_info(&self.way.context, &self.stream).await? {
            Some(info) => info,
            None => return last_of(&self.way, &self.stream, seen).await.map(|_| ()),
        };
        self.settings.check(&info.config)?;
        if self.settings.unsafe_dev || self.appender.is_none() {
            return Ok(());
        }
        let server = connected_server(&self.client)?.server_name;
        let is_enough = |proofs: &Proofs| {
            let proven = match &info.cluster {
                Some(cluster) => proofs.require_nodes(Some(cluster)),
                None => proofs.require(&server),
            };
            proven.map_err(unproven_now)
        };
        let asked = (&self.client, self.settings.monitors.as_slice());
        Proofs::gather_until(asked, is_enough).await
    }

    /// The least that any server which keeps the stream, or else the account, has left of its
    /// storage on files; `None` where nobody says it, or sets a limit.
    ///
    /// # Errors
    ///
    /// Where a monitor is named that is none, or speaks of an old server.
    pub async fn storage_left(&self) -> Result<Option<StorageLeft>, LogError> {
        storage::least_left(&self.client, &self.way.context, &self.settings.monitors).await
    }

    /// Opens an existing stream for reading. Creates nothing, appends nothing, and asks for no
    /// proof of durability: a reader acknowledges nothing.
    ///
    /// # Errors
    ///
    /// [`LogError::Unavailable`] where there is no such stream or the server cannot be reached;
    /// [`LogError::Unsafe`] for a server older than 2.15 and a stream that could lose events.
    pub async fn open_existing(
        client: Client,
        settings: StreamSettings,
    ) -> Result<JetStreamLog, LogError> {
        connected_server(&client)?;
        let context = jetstream::new(client.clone());
        let stream = settings.stream_name();
        let info = stream_info(&context, &stream).await?.ok_or_else(|| missing(&stream))?;
        settings.check(&info.config)?;
        Ok(JetStreamLog::assemble((client, context), settings, None, &info))
    }

    fn assemble(
        (client, context): (Client, Context),
        settings: StreamSettings,
        appender: Option<Appender>,
        info: &Info,
    ) -> JetStreamLog {
        let stream = settings.stream_name();
        JetStreamLog {
            cursors: Cursors::new(context.clone(), stream.clone()),
            client,
            way: Way::of(&context),
            settings,
            stream,
            appender,
            seen: AtomicU64::new(info.state.last_sequence),
        }
    }

    async fn append_now(&self, expected: u64, group: Vec<Record>) -> Result<u64, AppendError> {
        check_group(&group)?;
        let Some(appender) = &self.appender else {
            let reason = format!("{} is open for reading only", self.describe());
            return Err(AppendError::Refused { reason });
        };
        let last = appender.append(expected, group).await?;
        self.seen.fetch_max(last, Ordering::Relaxed);
        Ok(last)
    }

    async fn read_now(&self, from: u64, max: usize) -> Result<Vec<StoredRecord>, LogError> {
        match self.window(from, max).await? {
            Some((from, last)) => self.cursors.read(from, last).await,
            None => Ok(Vec::new()),
        }
    }

    async fn bodies_now(&self, from: u64, max: usize, header: &str) -> Result<Bodies, LogError> {
        match self.window(from, max).await? {
            Some((from, last)) => self.cursors.read_bodies(from, last, header).await,
            None => Ok(Bodies::default()),
        }
    }

    /// The first and the last record of those that are asked for and stored.
    async fn window(&self, from: u64, max: usize) -> Result<Option<(u64, u64)>, LogError> {
        let from = from.max(1);
        let Some(more) = u64::try_from(max).unwrap_or(u64::MAX).checked_sub(1) else {
            return Ok(None);
        };
        let wanted = from.saturating_add(more);
        let mut last = self.seen.load(Ordering::Relaxed);
        if wanted > last {
            last = self.last_now().await?;
        }
        Ok(Some((from, wanted.min(last))))
    }

    /// The end of the log, with nothing in the leader's hand behind it. Asked for in this order: who led the
    /// stream when it told its end has still in hand what it had then, or has stored it.
    async fn settled_now(&self) -> Result<u64, LogError> {
        // Who only reads may not ask for more.
        let Some(appender) = &self.appender else { return self.last_now().await };
        let deadline = Instant::now() + SETTLED_DEADLINE;
        loop {
            let last = self.last_now().await?;
            let reason = match appender.end_in_hand().await {
                Ok(end) if end == last => return Ok(last),
                Ok(end) => {
                    format!("it ends at {last}, and its leader has events up to {end} in hand")
                }
                Err(Problem::Told(error)) => return Err(error),
                Err(Problem::Silence(reason)) => {
                    format!("its leader does not say what it has in hand: {reason}")
                }
            };
            if Instant::now() >= deadline {
                return Err(unavailable(&self.stream, &reason));
            }
            tokio::time::sleep(ATTEMPT_PAUSE).await;
        }
    }

    /// Asks the stream's leader.
    async fn last_now(&self) -> Result<u64, LogError> {
        let seen = self.seen.load(Ordering::Relaxed);
        let last = last_of(&self.way, &self.stream, seen).await?;
        self.seen.fetch_max(last, Ordering::Relaxed);
        Ok(last)
    }
}

impl EventLog for JetStreamLog {
    fn append(
        &self,
        expected_last: u64,
        group: Vec<Record>,
    ) -> LogFuture<'_, Result<u64, AppendError>> {
        Box::pin(self.append_now(expected_last, group))
    }

    fn read(&self, from: u64, max: usize) -> LogFuture<'_, Result<Vec<StoredRecord>, LogError>> {
        Box::pin(self.read_now(from, max))
    }

    fn read_bodies<'a>(
        &'a self,
        from: u64,
        max: usize,
        header: &'a str,
    ) -> LogFuture<'a, Result<Bodies, LogError>> {
        Box::pin(self.bodies_now(from, max, header))
    }

    fn last_sequence(&self) -> LogFuture<'_, Result<u64, LogError>> {
        Box::pin(self.last_now())
    }

    fn settled_sequence(&self) -> LogFuture<'_, Result<u64, LogError>> {
        Box::pin(self.settled_now())
    }

    fn describe(&self) -> String {
        format!("stream {}", self.stream)
    }
}

/// Settles how many nodes are to keep the stream, and proves, where that is asked for, that what the
/// server acknowledges is on its disk.
async fn prove_server(client: &Client, settings: &mut StreamSettings) -> Result<(), LogError> {
    let server = connected_server(client)?;
    let is_in_cluster = server.cluster.is_some();
    settings.replicas.get_or_insert(if is_in_cluster { CLUSTER_REPLICAS } else { 1 });
    if settings.unsafe_dev {
        return Ok(());
    }
    let asked = (client, settings.monitors.as_slice());
    // Before anything is created: is the proof about the servers that we talk to?
    Proofs::gather_until(asked, |proofs| proofs.require(&server.server_name)).await
}

/// The same of every node that keeps the stream.
async fn prove_nodes(
    client: &Client,
    settings: &StreamSettings,
    info: &Info,
) -> Result<(), LogError> {
    if settings.unsafe_dev {
        return Ok(());
    }
    let (asked, nodes) = ((client, settings.monitors.as_slice()), info.cluster.as_ref());
    Proofs::gather_until(asked, |proofs| proofs.require_nodes(nodes)).await
}

/// Checks the server that the client is connected to, and returns what it says of itself.
fn connected_server(client: &Client) -> Result<ServerInfo, LogError> {
    let Some(info) = client.try_server_info() else {
        return Err(LogError::Unavailable {
            what: "nats-server".to_owned(),
            reason: "the client is not connected yet: check the address and the credentials"
                .to_owned(),
        });
    };
    version::check_server(&info)?;
    Ok(info)
}

async fn create(context: &Context, config: &Config) -> Result<(), LogError> {
    let subject = format!("STREAM.CREATE.{}", config.name);
    match question::<_, Info>(context, &config.name, subject, config).await? {
        Response::Ok(_) => Ok(()),
        // Another process was faster; what it created is checked like any other stream.
        Response::Err { error } if error.error_code() == ErrorCode::STREAM_NAME_EXIST => Ok(()),
        Response::Err { error } => Err(unavailable(&config.name, &error.to_string())),
    }
}

fn missing(stream: &str) -> LogError {
    unavailable(stream, "there is no such stream; `serve` creates it")
}

fn unavailable(stream: &str, reason: &str) -> LogError {
    LogError::Unavailable {
        what: format!("stream {stream}"),
        reason: format!("{reason}; check that the servers are up and run JetStream"),
    }
}
