//! Which of several daemons writes a book whose log is a stream: an election by heartbeats over
//! core NATS.
//!
//! Every daemon of the book says each second on `ledger.<book>.writer` that it is there. The one
//! that writes decides commands for four seconds behind the sending of the last such message that
//! came back to it: one that was stopped, or is cut off, finds its tenure over. Where the others
//! hear no writer for five seconds, one of them asks, claims the next term, and takes over.
//!
//! Nothing is safe because of this. Two may believe for a moment that they write, such as two that
//! start at once, or the halves of a network; the log takes the events of one, and the other one
//! reads them before it goes on. The election keeps them from racing, and says who offers the
//! service.

use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::connection::State as Connection;
use async_nats::{Client, Subscriber};
use futures::StreamExt;
use ledger_core::id::Identifier;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tracing::{debug, info, warn};

use self::election::{BEAT, Candidate, LINK, Message};
use crate::clock::{Clock, SystemClock};
use crate::ids;
use crate::writer::{Chair, Seat};

mod election;
#[cfg(test)]
mod tests;

/// How often the time is looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long whoever is there already may take to say so.
const GREETING: Duration = Duration::from_secs(1);
/// A server that does not let a message through in this time does not allow it.
const JOIN_DEADLINE: Duration = Duration::from_secs(10);

/// Why a daemon cannot take part.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LeadershipError {
    /// The server does not take or give the messages.
    #[error(
        "no message on {subject} came back in {} seconds: the server must allow the user of `serve` to \
         publish and to subscribe it",
        JOIN_DEADLINE.as_secs()
    )]
    NotHeard {
        /// The subject.
        subject: String,
    },
    /// The connection to the server is closed.
    #[error("the connection that carries {subject} is closed")]
    Closed {
        /// The subject.
        subject: String,
    },
}

/// A daemon's part in the election for a book. Dropping it takes the seat away, and tells nobody.
#[derive(Debug)]
pub struct Leadership {
    resign: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
    ended: watch::Receiver<Option<LeadershipError>>,
}

/// Joins the election for a book; `chair` gives the seat to its writer. Comes back when it is known
/// how things stand: who is alone writes at once.
///
/// # Errors
/// [`LeadershipError`] where the server lets no messages through.
pub async fn join(
    client: Client,
    book: &Identifier,
    chair: Chair,
) -> Result<Leadership, LeadershipError> {
    let subject = subject(book);
    let instance = ids::instance_id();
    let start = Instant::now();
    // Above the terms of whoever wrote before, also where nobody is there to say them.
    let floor = u64::try_from(SystemClock.now().unix_timestamp()).unwrap_or(0);
    let greeting = Greeting::send(&client, &subject, &instance).await;
    let others = client.subscribe(subject.clone()).await.map_err(|error| {
        debug!(%error, "cannot subscribe");
        LeadershipError::Closed { subject: subject.clone() }
    })?;
    let (spread, now) = (spread(&instance), start.elapsed());
    let mut candidate = match greeting {
        Greeting::Nobody => Candidate::alone(&instance, floor, spread, Duration::ZERO),
        Greeting::Silence | Greeting::Somebody(_) => {
            Candidate::joins(&instance, floor, spread, now)
        }
    };
    if let Greeting::Somebody(message) = &greeting {
        candidate.hear(now, message);
    }
    let (resign, resigned) = oneshot::channel();
    let (settle, settled) = oneshot::channel();
    let (end, ended) = watch::channel(None);
    let part = Part { client, subject: subject.clone(), start, candidate, chair, is_linked: true };
    let task = tokio::spawn(part.run(others, resigned, settle, end));
    let leadership = Leadership { resign: Some(resign), task, ended };
    match timeout(JOIN_DEADLINE, settled).await {
        Ok(Ok(())) => {
            info!(book = book.as_str(), instance, "in the election for the book's writer");
            Ok(leadership)
        }
        Ok(Err(_)) => Err(LeadershipError::Closed { subject }),
        Err(_) => Err(LeadershipError::NotHeard { subject }),
    }
}

/// Whether a daemon of the book is there, be it that it stands by. One that stands still, or that we may
/// not ask, is not found.
pub async fn is_anybody_there(client: &Client, book: &Identifier) -> bool {
    match Greeting::send(client, &subject(book), &ids::instance_id()).await {
        Greeting::Somebody(_) => true,
        Greeting::Nobody | Greeting::Silence => false,
    }
}

/// Where the daemons of a book talk to each other.
fn subject(book: &Identifier) -> String {
    format!("ledger.{}.writer", book.token())
}

impl Leadership {
    /// Waits until the daemon cannot take part any more, and says why.
    pub async fn ended(&self) -> LeadershipError {
        let mut ended = self.ended.clone();
        let why = ended.wait_for(Option::is_some).await;
        why.ok()
            .and_then(|why| why.clone())
            .unwrap_or_else(|| LeadershipError::Closed { subject: "the election".to_owned() })
    }

    /// Leaves, once the writer has ended: another one goes on at once.
    pub async fn resign(mut self) {
        if let Some(resign) = self.resign.take()
            && resign.send(()).is_ok()
            && let Err(error) = (&mut self.task).await
        {
            debug!(%error, "the election's task ended");
        }
    }
}

impl Drop for Leadership {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What whoever is there already says to somebody who comes.
enum Greeting {
    /// There is nobody.
    Nobody,
    /// There is somebody, or the server does not answer.
    Silence,
    /// One of them.
    Somebody(Message),
}

impl Greeting {
    /// Asks before the subject is subscribed: the server says then whether anybody else has.
    async fn send(client: &Client, subject: &str, instance: &str) -> Self {
        let payload = serde_json::to_vec(&Message::question_of(instance)).unwrap_or_default();
        match timeout(GREETING, client.request(subject.to_owned(), payload.into())).await {
            Ok(Ok(answer)) => match serde_json::from_slice(&answer.payload) {
                Ok(message) => Self::Somebody(message),
                Err(_) => Self::Silence,
            },
            Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => Self::Nobody,
            Ok(Err(_)) | Err(_) => Self::Silence,
        }
    }
}

/// A place in an order that is another one for each daemon: up to a second.
fn spread(instance: &str) -> Duration {
    let last = instance.get(instance.len().saturating_sub(2)..).unwrap_or_default();
    Duration::from_millis(4 * u64::from(u8::from_str_radix(last, 16).unwrap_or(0)))
}

/// The candidate with its connection and its clock.
#[derive(Debug)]
struct Part {
    client: Client,
    subject: String,
    start: Instant,
    candidate: Candidate,
    chair: Chair,
    is_linked: bool,
}

impl Part {
    async fn run(
        mut self,
        mut others: Subscriber,
        mut resigned: oneshot::Receiver<()>,
        settle: oneshot::Sender<()>,
        end: watch::Sender<Option<LeadershipError>>,
    ) {
        let mut settle = Some(settle);
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.carry_out().await;
            if self.candidate.is_settled(self.now())
                && settle.take().is_some_and(|settle| settle.send(()).is_err())
            {
                return;
            }
            tokio::select! {
                message = others.next() => match message {
                    Some(message) => self.take(&message).await,
                    None => {
                        end.send_replace(Some(LeadershipError::Closed { subject: self.subject }));
                        return;
                    }
                },
                _ = ticks.tick() => self.candidate.tick(self.now()),
                asked = &mut resigned => {
                    if asked.is_ok() {
                        self.candidate.resign(self.now());
                        self.carry_out().await;
                        self.flush().await;
                    }
                    return;
                }
            }
        }
    }

    /// Gives the seat to the writer or takes it away, and says what there is to be said.
    async fn carry_out(&mut self) {
        match self.candidate.seat() {
            Some((term, until)) => self.chair.give(Seat { term, until: self.start + until }),
            None => self.chair.take_away(),
        }
        for message in self.candidate.take_messages() {
            // What the client keeps until a server is there would come when it is no longer true.
            if self.client.connection_state() == Connection::Connected {
                self.publish(self.subject.clone(), &message).await;
            }
        }
        let is_linked = self.candidate.is_linked(self.now()) || self.now() < LINK;
        if is_linked != self.is_linked {
            self.is_linked = is_linked;
            let subject = self.subject.as_str();
            if is_linked {
                info!(subject, "the server carries messages again");
            } else {
                warn!(subject, "no message comes back from the server");
            }
        }
    }

    async fn take(&mut self, taken: &async_nats::Message) {
        let message: Message = match serde_json::from_slice(&taken.payload) {
            Ok(message) => message,
            Err(error) => return debug!(%error, "a message that is none of an election"),
        };
        let before = self.candidate.seat();
        self.candidate.hear(self.now(), &message);
        if before.is_some() && self.candidate.seat().is_none() {
            info!(
                other = message.instance,
                term = message.term,
                "another daemon is to write the book"
            );
        }
        if let Some(reply) = &taken.reply {
            let presence = self.candidate.presence();
            self.publish(reply.to_string(), &presence).await;
        }
    }

    async fn publish(&self, subject: String, message: &Message) {
        let payload = match serde_json::to_vec(message) {
            Ok(payload) => payload,
            Err(error) => return debug!(%error, "a message that cannot be written"),
        };
        // A connection that takes nothing must not stop the clock.
        match timeout(BEAT, self.client.publish(subject, payload.into())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, "a message was not sent"),
            Err(_) => debug!("a message was not taken"),
        }
    }

    async fn flush(&self) {
        match timeout(BEAT, self.client.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, "the last message may not be sent"),
            Err(_) => debug!("the last message may not be sent"),
        }
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}
