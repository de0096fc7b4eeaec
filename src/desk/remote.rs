//! The command service of a daemon, by request and reply over NATS.

use std::time::Duration;

use async_nats::client::RequestErrorKind;
use commands::leadership;
use ledger_core::id::{Identifier, subject_token};
use ledger_core::rejection::Code;
use schemas::reply::Reply;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::lines::Line;
use crate::connection::Server;
use crate::exit::Failure;

/// Requests that wait for their replies at once.
pub(crate) const IN_FLIGHT_MAX: usize = 256;

/// How often a command is sent at most; its id makes that safe.
const ATTEMPTS_MAX: usize = 3;

/// How long commands wait where a daemon of the book is there that does not take them: it takes over from
/// another one within ten seconds.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(15);
/// And how often it is asked again meanwhile.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// The code where no daemon serves a book.
pub(crate) const NO_SERVICE: &str = "service.none";

/// A connection to the server, and the book whose service is asked.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    client: async_nats::Client,
    server: Server,
    book: Identifier,
}

impl Remote {
    /// Connects to the service of a book.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub(crate) async fn connect(server: &Server, book: &Identifier) -> Result<Self, Failure> {
        let client = server.connect().await?;
        Ok(Self { client, server: server.clone(), book: book.clone() })
    }

    /// Sends one envelope and waits for its reply.
    ///
    /// # Errors
    /// Where nobody answers, or not in time.
    pub(crate) async fn submit(&self, line: Line) -> Result<Vec<u8>, Failure> {
        let envelope = serde_json::from_slice::<Map<String, Value>>(&line.bytes);
        let name = envelope.as_ref().ok().and_then(|envelope| envelope.get("command")?.as_str());
        let (Ok(envelope), Some(name)) = (&envelope, name) else {
            return Ok(super::local::refuse_unreadable(&line, &self.book));
        };
        // A user that says who it is may only send to its own subject.
        let user = self.server.user_token().map(|user| format!("{user}.")).unwrap_or_default();
        let subject = format!("ledger.{}.cmd.{user}{}", self.book.token(), subject_token(name));
        let bytes = match envelope.get("id") {
            Some(_) => line.bytes.clone(),
            None => with_id(envelope)?,
        };
        let (mut last, mut attempts, mut alone_since) = (None, 0, None);
        while attempts < ATTEMPTS_MAX {
            attempts += 1;
            match self.client.request(subject.clone(), bytes.clone().into()).await {
                Ok(message) => match worth_another_try(&message.payload) {
                    None => return Ok(message.payload.to_vec()),
                    Some(pause) => {
                        last = Some(message.payload.to_vec());
                        tokio::time::sleep(pause).await;
                    }
                },
                // The same id again: done once, answered as often as asked.
                Err(error) if error.kind() == RequestErrorKind::TimedOut => {}
                Err(error) if error.kind() == RequestErrorKind::NoResponders => {
                    let since = *alone_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > TAKEN_OVER_WITHIN || !self.is_followed().await {
                        return Err(self.failure(&error));
                    }
                    // Nothing was sent to anybody.
                    attempts -= 1;
                    tokio::time::sleep(LOOK_AGAIN_AFTER).await;
                }
                Err(error) => return Err(self.failure(&error)),
            }
        }
        if let Some(reply) = last {
            return Ok(reply);
        }
        Err(Failure::store("service.silent", format!("no answer from {}", self.server))
            .because(format!("line {} was sent {ATTEMPTS_MAX} times", line.number))
            .help("apply the same file again: the ids make that safe"))
    }

    /// Asks for a report without filters.
    ///
    /// # Errors
    /// Where nobody answers.
    pub(crate) async fn query(&self, report: &str) -> Result<Vec<u8>, Failure> {
        let subject = format!("ledger.{}.qry.{}", self.book.token(), subject_token(report));
        let answer = self.client.request(subject, Vec::new().into()).await;
        answer.map(|message| message.payload.to_vec()).map_err(|error| self.failure(&error))
    }

    /// Whether a daemon of the book is there that takes no commands now, and may soon.
    pub(crate) async fn is_followed(&self) -> bool {
        leadership::is_anybody_there(&self.client, &self.book).await
    }

    fn failure(&self, error: &async_nats::RequestError) -> Failure {
        if error.kind() == RequestErrorKind::NoResponders {
            let book = &self.book;
            return Failure::store(NO_SERVICE, format!("no daemon serves the book {book}"))
                .because(format!("nobody answers on {}", self.server))
                .help(format!(
                    "start one: revledger serve --book {book} --nats {}; where another one takes \
                     over just now, ask again in ten seconds, with the same ids",
                    self.server
                ));
        }
        Failure::store("service.failed", "a request was not sent").because(error)
    }
}

/// After which time a command is worth another try with the same id: nothing is known of it, or it is
/// turned away for now.
fn worth_another_try(reply: &[u8]) -> Option<Duration> {
    let error = serde_json::from_slice::<Reply>(reply).ok()?.error?;
    let is_passing = [Code::BookBusy, Code::BookNotReady, Code::CommandOutcomeUnknown]
        .iter()
        .any(|code| code.as_str() == error.code);
    is_passing.then(|| Duration::from_millis(error.retry_after_ms.unwrap_or_default()))
}

/// The envelope with an id of its own, so that it can be sent again.
fn with_id(envelope: &Map<String, Value>) -> Result<Vec<u8>, Failure> {
    let mut envelope = envelope.clone();
    envelope.insert("id".to_owned(), Value::String(commands::ids::command_id()));
    serde_json::to_vec(&envelope)
        .map_err(|error| Failure::store("command.unwritable", "an envelope").because(error))
}
