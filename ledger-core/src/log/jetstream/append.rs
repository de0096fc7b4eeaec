//! Appending: one message by itself, or several as one atomic batch (ADR-50).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::client::{Client, Request, RequestError, RequestErrorKind};
use async_nats::header::{HeaderMap, HeaderValue};
use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
    NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_STREAM,
};
use tokio::time::timeout;

use super::errors::{Expectation, end_in_hand, unknown};
use super::headers;
use super::leader::{ATTEMPT_DEADLINE, Problem};
use super::unavailable;
use super::way::connects;
use crate::log::{AppendError, Record};

/// How long a group may take: after that the outcome is unknown, and the log is read, which waits for
/// a new leader where there has to be one. An election takes four to nine seconds: with its end
/// commands go on.
const APPEND_DEADLINE: Duration = Duration::from_secs(5);
/// How long an answer may take behind a connection that broke and is there again: what was on its way
/// through the old one never comes.
const RECONNECTED_DEADLINE: Duration = Duration::from_secs(2);
/// How often it is looked whether the connection broke.
const RECONNECTED_LOOK: Duration = Duration::from_millis(250);
/// The last sequence that no stream comes to: what is to be stored behind it never is.
const NEVER: u64 = i64::MAX.unsigned_abs();
/// Where it is sent, behind the stream's prefix: no event has such a subject.
const FENCE: &str = "_fence";
/// A batch's name has at most 64 characters; this much of it is the client's random token.
const TOKEN_CHARACTERS: usize = 32;

/// Appends groups to one stream.
#[derive(Debug)]
pub(super) struct Appender {
    client: Client,
    stream: String,
    subject_prefix: String,
    batches: AtomicU64,
}

impl Appender {
    pub(super) fn new(client: Client, stream: String, subject_prefix: String) -> Appender {
        Appender { client, stream, subject_prefix, batches: AtomicU64::new(0) }
    }

    /// Sends a checked group once, never again: what to do about an unknown outcome is the
    /// writer's decision, after a look at the tail.
    pub(super) async fn append(
        &self,
        expected_last: u64,
        group: Vec<Record>,
    ) -> Result<u64, AppendError> {
        let mut messages =
            group.into_iter().map(|record| self.message(record)).collect::<Result<Vec<_>, _>>()?;
        if let Some(first) = messages.first_mut() {
            first.headers.insert(NATS_EXPECTED_LAST_SEQUENCE, HeaderValue::from(expected_last));
        }
        let count = u64::try_from(messages.len()).unwrap_or(u64::MAX);
        let expectation = Expectation { stream: &self.stream, expected_last, count };
        let sending = async {
            if count > 1 {
                self.batch(&expectation, messages).await
            } else {
                self.single(&expectation, messages).await
            }
        };
        let connects = connects(&self.client);
        tokio::select! {
            biased;
            answer = sending => answer,
            () = self.reconnected(connects) => {
                Err(unknown("the connection broke while the group was on its way"))
            }
            () = tokio::time::sleep(APPEND_DEADLINE) => Err(unknown(&format!(
                "stream {} did not answer within {} seconds",
                self.stream,
                APPEND_DEADLINE.as_secs()
            ))),
        }
    }

    /// Asks the stream's leader for the end of all that it has in hand: what it stored, and what it
    /// proposed to the other nodes and may store. It tells that in its answer to a message that can
    /// never be stored, and takes it behind what came before through the same connection.
    ///
    /// # Errors
    ///
    /// Whether nobody answers just now, or somebody says something else.
    pub(super) async fn end_in_hand(&self) -> Result<u64, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_STREAM, self.stream.as_str());
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, HeaderValue::from(NEVER));
        let subject = format!("{}{FENCE}", self.subject_prefix);
        let asking = self.request(Message { subject, headers, body: Vec::new() });
        match timeout(ATTEMPT_DEADLINE, asking).await {
            Ok(Ok(answer)) => end_in_hand(NEVER, &answer)
                .map_err(|said| Problem::Told(unavailable(&self.stream, &said))),
            Ok(Err(error)) => Err(Problem::Silence(error.to_string())),
            Err(_) => Err(Problem::Silence("no answer".to_owned())),
        }
    }

    /// Ready when the connection was made anew, and whoever answers had the time to.
    async fn reconnected(&self, before: u64) {
        while connects(&self.client) == before {
            tokio::time::sleep(RECONNECTED_LOOK).await;
        }
        tokio::time::sleep(RECONNECTED_DEADLINE).await;
    }

    fn message(&self, record: Record) -> Result<Message, AppendError> {
        let subject = &record.subject;
        if !subject.starts_with(&self.subject_prefix) || !is_literal(subject) {
            return Err(AppendError::Refused {
                reason: format!(
                    "{subject:?} is not a subject of stream {}: one starts with {} and has \
                     neither spaces nor wildcards nor empty tokens",
                    self.stream, self.subject_prefix
                ),
            });
        }
        let headers = headers::to_server(&record)?;
        Ok(Message { subject: record.subject, headers, body: record.body })
    }

    async fn single(
        &self,
        expectation: &Expectation<'_>,
        messages: Vec<Message>,
    ) -> Result<u64, AppendError> {
        let Some(message) = messages.into_iter().next() else {
            return Err(AppendError::Refused { reason: "the group is empty".to_owned() });
        };
        let answer = self.request(message).await?;
        expectation.stored(&answer)
    }

    /// The first message is asked for its answer before the others follow: a server that does
    /// not take the batch is not sent megabytes of it. The others between are not answered; a
    /// lost one makes the last one fail.
    async fn batch(
        &self,
        expectation: &Expectation<'_>,
        mut messages: Vec<Message>,
    ) -> Result<u64, AppendError> {
        let id = self.batch_id();
        for (number, message) in (1_u64..).zip(&mut messages) {
            message.headers.insert(NATS_BATCH_ID, id.as_str());
            message.headers.insert(NATS_BATCH_SEQUENCE, HeaderValue::from(number));
        }
        let Some(mut last) = messages.pop() else {
            return Err(AppendError::Refused { reason: "the group is empty".to_owned() });
        };
        last.headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        let mut messages = messages.into_iter();
        if let Some(first) = messages.next() {
            expectation.begun(&self.request(first).await?)?;
        }
        for message in messages {
            let Message { subject, headers, body } = message;
            // Without its last message a batch stores nothing, but the connection is in doubt.
            self.client
                .publish_with_headers(subject, headers, body.into())
                .await
                .map_err(|error| unknown(&error.to_string()))?;
        }
        expectation.stored(&self.request(last).await?)
    }

    async fn request(&self, message: Message) -> Result<Vec<u8>, AppendError> {
        let Message { subject, headers, body } = message;
        // The deadline is of the whole group, not of each request.
        let request = Request::new().headers(headers).payload(body.into()).timeout(None);
        let answer = self.client.send_request(subject, request).await;
        answer.map(|answer| answer.payload.to_vec()).map_err(|error| not_answered(&error))
    }

    /// Unlike any other attempt's: the client's own token is random, the counter is ours.
    fn batch_id(&self) -> String {
        let inbox = self.client.new_inbox();
        let token = inbox.rsplit('.').next().unwrap_or_default();
        let token: String = token.chars().take(TOKEN_CHARACTERS).collect();
        format!("{token}-{}", self.batches.fetch_add(1, Ordering::Relaxed))
    }
}

#[derive(Debug)]
struct Message {
    subject: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

fn not_answered(error: &RequestError) -> AppendError {
    match error.kind() {
        // Both are found before anything is sent.
        RequestErrorKind::MaxPayloadExceeded | RequestErrorKind::InvalidSubject => {
            AppendError::Refused { reason: error.to_string() }
        }
        RequestErrorKind::NoResponders => {
            unknown("no server answers for the stream: it has no leader just now, or is gone")
        }
        RequestErrorKind::TimedOut | RequestErrorKind::Other => unknown(&error.to_string()),
    }
}

fn is_literal(subject: &str) -> bool {
    subject.split('.').all(|token| {
        !token.is_empty()
            && !token.chars().any(|c| c.is_whitespace() || c.is_control() || c == '*' || c == '>')
    })
}
