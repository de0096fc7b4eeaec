//! Questions to the stream's leader, and whether it is one.
//!
//! A leader that is cut off from the other nodes goes on as one for up to twenty seconds, and tells
//! where its log ends, while the others have chosen a new leader that stores more. What it tells is
//! believed only while it hears most of the nodes: they wait longer before they choose another one.
//!
//! Where it tells that its log ends, it may have more in hand: a group that it proposed to the others
//! and that they have not stored. It is asked for that apart.

use std::time::Duration;

use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{ClusterInfo, Info, PeerInfo};
use async_nats::jetstream::{Context, ErrorCode};
use tokio::time::Instant;

use super::way::Way;
use super::{missing, unavailable};
use crate::log::LogError;

/// How long a question to the stream's leader may take: an election lasts up to ten seconds.
const QUESTION_DEADLINE: Duration = Duration::from_secs(20);
/// How long one attempt of it may take.
pub(super) const ATTEMPT_DEADLINE: Duration = Duration::from_secs(2);
pub(super) const ATTEMPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a leader may not have heard a node that still counts as following it. Nodes hear it each
/// second, and choose another one after four seconds of silence at the earliest.
const HEARD_WITHIN: Duration = Duration::from_secs(3);
/// How long a server is kept that brings no answers: an election takes four to nine seconds, and brings
/// none either.
const SILENT_KEPT_FOR: Duration = Duration::from_secs(6);
/// The same where what it brings is not believed: the others may have another leader by now.
const DOUBTED_KEPT_FOR: Duration = Duration::from_secs(2);

/// The last sequence of the stream, by its leader. A leader that was just elected may not have
/// caught up with what was acknowledged before, up to `seen`: it is asked again, until it is
/// clear that events are gone, or the stream is. So is one that may be none any more.
pub(super) async fn last_of(way: &Way, stream: &str, seen: u64) -> Result<u64, LogError> {
    let deadline = Instant::now() + QUESTION_DEADLINE;
    loop {
        let mut kept_for = SILENT_KEPT_FOR;
        let problem = match stream_info_once(&way.context, stream).await {
            Ok(Some(info)) if !leads(info.cluster.as_ref()) => {
                kept_for = DOUBTED_KEPT_FOR;
                doubted(stream)
            }
            Ok(found) => {
                way.was_useful();
                match found.map(|info| info.state.last_sequence) {
                    Some(last) if last >= seen => return Ok(last),
                    None if seen == 0 => return Err(missing(stream)),
                    last => lost(stream, last, seen),
                }
            }
            Err(Problem::Told(error)) => return Err(error),
            Err(Problem::Silence(reason)) => unavailable(stream, &reason),
        };
        if Instant::now() >= deadline {
            return Err(problem);
        }
        if matches!(problem, LogError::Unavailable { .. }) {
            way.was_useless(kept_for).await;
        }
        tokio::time::sleep(ATTEMPT_PAUSE).await;
    }
}

/// Whether this is told by a leader that hears most of the nodes, itself included: then there is no
/// other one. One that stepped down, and knows of nobody else, says so.
fn leads(cluster: Option<&ClusterInfo>) -> bool {
    let Some(cluster) = cluster else { return true };
    let is_heard = |peer: &&PeerInfo| {
        // A node that was never heard was active just now, as the server tells it.
        peer.active < HEARD_WITHIN && (peer.current || !peer.active.is_zero())
    };
    let heard = cluster.replicas.iter().filter(is_heard).count() + 1;
    cluster.leader.is_some() && heard * 2 > cluster.replicas.len() + 1
}

fn lost(stream: &str, last: Option<u64>, seen: u64) -> LogError {
    let ends = if last.is_some() { "it ends here" } else { "there is no such stream" };
    LogError::Corrupt {
        what: format!("stream {stream}"),
        at: last.unwrap_or(0),
        reason: format!(
            "{ends}, but {seen} was acknowledged: events are lost. Stop, keep the servers' files, \
             and restore the stream from a replica or a backup"
        ),
    }
}

fn doubted(stream: &str) -> LogError {
    let silence = HEARD_WITHIN.as_secs();
    let reason = format!(
        "whoever answers for it has not heard most of its nodes for {silence} seconds, and may lead \
         it no more"
    );
    unavailable(stream, &reason)
}

/// The stream as its leader sees it, `None` where there is none.
pub(super) async fn stream_info(context: &Context, stream: &str) -> Result<Option<Info>, LogError> {
    found(stream, question(context, stream, info_subject(stream), &serde_json::json!({})).await?)
}

async fn stream_info_once(context: &Context, stream: &str) -> Result<Option<Info>, Problem> {
    let answer = attempt(context, info_subject(stream), &serde_json::json!({})).await;
    found(stream, answer.map_err(Problem::Silence)?).map_err(Problem::Told)
}

fn info_subject(stream: &str) -> String {
    format!("STREAM.INFO.{stream}")
}

fn found(stream: &str, answer: Response<Info>) -> Result<Option<Info>, LogError> {
    match answer {
        Response::Ok(info) => Ok(Some(info)),
        Response::Err { error } if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
        Response::Err { error } => Err(unavailable(stream, &error.to_string())),
    }
}

/// Why a question is not answered.
#[derive(Debug)]
pub(super) enum Problem {
    /// A server refuses it.
    Told(LogError),
    /// Nobody answers, or there is no leader.
    Silence(String),
}

/// Asks JetStream, and again while it has no leader. Only for questions that change nothing, or
/// nothing more when they are asked twice.
pub(super) async fn question<Q, A>(
    context: &Context,
    stream: &str,
    subject: String,
    question: &Q,
) -> Result<Response<A>, LogError>
where
    Q: serde::Serialize,
    A: serde::de::DeserializeOwned,
{
    let deadline = Instant::now() + QUESTION_DEADLINE;
    loop {
        let reason = match attempt(context, subject.clone(), question).await {
            Ok(answer) => return Ok(answer),
            Err(reason) => reason,
        };
        if Instant::now() >= deadline {
            return Err(unavailable(stream, &reason));
        }
        tokio::time::sleep(ATTEMPT_PAUSE).await;
    }
}

/// Asks once.
async fn attempt<Q, A>(
    context: &Context,
    subject: String,
    question: &Q,
) -> Result<Response<A>, String>
where
    Q: serde::Serialize,
    A: serde::de::DeserializeOwned,
{
    let asking = context.request(subject, question);
    match tokio::time::timeout(ATTEMPT_DEADLINE, asking).await {
        Ok(Ok(Response::Err { error }))
            if error.error_code() == ErrorCode::CLUSTER_NOT_AVAILABLE =>
        {
            Err(error.to_string())
        }
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    }
}
