//! The durability gate: proof that an acknowledged event is on disk.
//!
//! nats-server syncs its files every two minutes unless it is told `sync_interval: always`. A
//! power cut then loses everything acknowledged since, and a young stream as a whole. What a
//! server does is told by its monitoring only, so a ledger asks there before it writes.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::StatusCode;
use async_nats::client::Client;
use async_nats::jetstream::stream::{ClusterInfo, PeerInfo};
use futures::StreamExt;
use serde::Deserialize;

use super::storage::{StorageLeft, left_of};
use super::version::check_version;
use crate::log::LogError;

mod http;

const SYSTEM_SUBJECT: &str = "$SYS.REQ.SERVER.PING.JSZ";
/// How long a system account's servers have for their first answer.
const SYSTEM_DEADLINE: Duration = Duration::from_secs(2);
/// How long it is waited for one more answer.
const SYSTEM_QUIET: Duration = Duration::from_secs(1);
/// How long the stream's leader has not heard of a node that is down: several of its heartbeats.
const PEER_SILENCE: Duration = Duration::from_secs(5);
/// How often all servers are asked, where one does not answer in time.
const SYSTEM_ATTEMPTS: u32 = 3;
/// Answers that are read at most: a cluster has a handful of servers.
const SYSTEM_ANSWERS_MAX: usize = 64;
const REMEDY: &str = "name the monitoring of every node with `--nats-monitor http://host:8222` \
                      (several with commas), or pass `--unsafe-dev` to try things out without \
                      durability";

/// Proves by the servers' monitoring that each of them syncs every write before it acknowledges.
///
/// # Errors
///
/// [`LogError::Unsafe`] where there is nothing to ask, or a server says otherwise, is older than
/// 2.15, or runs without JetStream; [`LogError::Unavailable`] where one does not answer.
pub async fn prove_sync_always(monitors: &[String]) -> Result<(), LogError> {
    if monitors.is_empty() {
        return Err(unproven("nats-server"));
    }
    let mut proofs = Proofs::default();
    proofs.ask_monitors(monitors).await?;
    proofs.silent.into_iter().next().map_or(Ok(()), Err)
}

/// The servers of which it is proven, by name.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    /// The name of a server, and where its proof is from.
    servers: BTreeMap<String, String>,
    /// Monitors that did not answer.
    silent: Vec<LogError>,
    /// What each server that said it has left of its storage.
    left: Vec<StorageLeft>,
    /// Whether servers that are not safe are taken, too: who asks is not after a proof.
    takes_all: bool,
}

impl Proofs {
    /// Asks the monitors; where none is named, through the connection itself, which only a system
    /// account may.
    async fn gather(client: &Client, monitors: &[String]) -> Result<Proofs, LogError> {
        Proofs::default().ask(client, monitors).await
    }

    async fn ask(mut self, client: &Client, monitors: &[String]) -> Result<Proofs, LogError> {
        if monitors.is_empty() {
            self.ask_system(client).await?;
        } else {
            self.ask_monitors(monitors).await?;
        }
        Ok(self)
    }

    /// Asks once, whatever the servers say of their syncs.
    pub(super) async fn look(client: &Client, monitors: &[String]) -> Result<Proofs, LogError> {
        Proofs { takes_all: true, ..Proofs::default() }.ask(client, monitors).await
    }

    /// The server that has the least left of its storage.
    pub(super) fn least_left(mut self) -> Option<StorageLeft> {
        self.left.sort_by_key(|left| left.bytes);
        self.left.into_iter().next()
    }

    /// Gathers proofs until they are enough. A busy node's answer to a question to all of them may
    /// come too late; a monitor that is asked by itself either answers or does not.
    pub(super) async fn gather_until(
        (client, monitors): (&Client, &[String]),
        is_enough: impl Fn(&Proofs) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let mut attempts = if monitors.is_empty() { SYSTEM_ATTEMPTS } else { 1 };
        loop {
            let proofs = Proofs::gather(client, monitors).await?;
            attempts -= 1;
            match is_enough(&proofs) {
                Err(_) if attempts > 0 => {}
                outcome => return outcome,
            }
        }
    }

    /// Requires the proof of one server.
    pub(super) fn require(&self, server: &str) -> Result<(), LogError> {
        if self.servers.contains_key(server) {
            return Ok(());
        }
        match self.silent.first() {
            Some(silent) => Err(silent.clone()),
            None => Err(unproven(&format!("nats-server {server}"))),
        }
    }

    /// Requires the proof of every server that keeps the stream and is there: one that is down
    /// acknowledges nothing, and is looked at once it is back.
    pub(super) fn require_nodes(&self, cluster: Option<&ClusterInfo>) -> Result<(), LogError> {
        let Some(cluster) = cluster else { return Ok(()) };
        // A server that was killed counts as offline after minutes only.
        let is_there = |peer: &&PeerInfo| !peer.offline && peer.active < PEER_SILENCE;
        let peers = cluster.replicas.iter().filter(is_there).map(|peer| &peer.name);
        cluster.leader.iter().chain(peers).try_for_each(|node| self.require(node))
    }

    async fn ask_monitors(&mut self, monitors: &[String]) -> Result<(), LogError> {
        for monitor in monitors {
            let address = http::Address::parse(monitor)?;
            let body = match http::get(&address, "/varz").await {
                Ok(body) => body,
                Err(error) => {
                    self.silent.push(error);
                    continue;
                }
            };
            let varz: Varz = serde_json::from_slice(&body).map_err(|error| {
                address.unavailable(&format!("what it says is not a /varz of nats-server: {error}"))
            })?;
            check_version(&varz.server_name, &varz.version)?;
            let JetStreamPart { config, stats, .. } = varz.jetstream;
            self.add_left(&varz.server_name, config.as_ref(), stats.map(|stats| stats.storage));
            self.add(varz.server_name, config, monitor)?;
        }
        Ok(())
    }

    async fn ask_system(&mut self, client: &Client) -> Result<(), LogError> {
        let inbox = client.new_inbox();
        let Ok(mut answers) = client.subscribe(inbox.clone()).await else {
            return Ok(());
        };
        let question = br#"{"config":true}"#.as_slice();
        if client.publish_with_reply(SYSTEM_SUBJECT, inbox, question.into()).await.is_err() {
            return Ok(());
        }
        let mut patience = SYSTEM_DEADLINE;
        for _ in 0..SYSTEM_ANSWERS_MAX {
            // No answer is no proof, and no failure either: most accounts may not ask.
            let Ok(Some(answer)) = tokio::time::timeout(patience, answers.next()).await else {
                return Ok(());
            };
            if answer.status == Some(StatusCode::NO_RESPONDERS) {
                return Ok(());
            }
            patience = SYSTEM_QUIET;
            if let Ok(Pong { server, data: Some(data) }) = serde_json::from_slice(&answer.payload) {
                check_version(&server.name, &server.ver)?;
                self.add_left(&server.name, data.config.as_ref(), data.storage);
                self.add(server.name, data.config, SYSTEM_SUBJECT)?;
            }
        }
        Ok(())
    }

    fn add_left(&mut self, server: &str, config: Option<&JetStreamConfig>, used: Option<u64>) {
        let limit = config.and_then(|config| config.max_storage);
        if let (Some(used), Some(limit)) = (used, limit)
            && let Some(bytes) = left_of(used, limit)
        {
            self.left.push(StorageLeft { what: format!("nats-server {server}"), bytes });
        }
    }

    fn add(
        &mut self,
        server: String,
        config: Option<JetStreamConfig>,
        source: &str,
    ) -> Result<(), LogError> {
        if self.takes_all {
            return Ok(());
        }
        let what = format!("nats-server {server}");
        let Some(config) = config else {
            return Err(LogError::Unsafe {
                what,
                reason: format!("{source} says that it runs without JetStream: switch it on"),
            });
        };
        if !config.sync_always {
            return Err(LogError::Unsafe {
                what,
                reason: format!(
                    "{source} says that its sync_interval is not `always`: a power cut loses \
                     acknowledged events. Set `jetstream {{ sync_interval: always }}` and restart \
                     it, or pass `--unsafe-dev` to try things out without durability"
                ),
            });
        }
        self.servers.insert(server, source.to_owned());
        Ok(())
    }
}

/// That a server was not proven this time is no sign that it changed: it may be slow to answer.
pub(super) fn unproven_now(error: LogError) -> LogError {
    match error {
        LogError::Unsafe { what, reason } => LogError::Unavailable { what, reason },
        other @ (LogError::Unavailable { .. }
        | LogError::Corrupt { .. }
        | LogError::Unfinished { .. }
        | LogError::Disk { .. }) => other,
    }
}

fn unproven(what: &str) -> LogError {
    LogError::Unsafe {
        what: what.to_owned(),
        reason: format!(
            "it is not proven that it runs with `sync_interval: always`, without which a power \
             cut loses acknowledged events: {REMEDY}"
        ),
    }
}

#[derive(Debug, Deserialize)]
struct Varz {
    server_name: String,
    version: String,
    #[serde(default)]
    jetstream: JetStreamPart,
}

#[derive(Debug, Deserialize, Default)]
struct JetStreamPart {
    config: Option<JetStreamConfig>,
    /// What is stored, as `/varz` says it.
    stats: Option<JetStreamStats>,
    /// The same, as the system account is told it.
    storage: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct JetStreamStats {
    storage: u64,
}

#[derive(Debug, Deserialize)]
struct JetStreamConfig {
    /// Left out by the server where it is false.
    #[serde(default)]
    sync_always: bool,
    max_storage: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Pong {
    server: PongServer,
    data: Option<JetStreamPart>,
}

#[derive(Debug, Deserialize)]
struct PongServer {
    name: String,
    ver: String,
}
