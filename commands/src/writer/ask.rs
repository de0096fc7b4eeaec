//! Handing a command to the writer, and waiting for its reply: not for ever.
//!
//! A command that the writer has not taken in time is told `book.busy`, and never taken. One that
//! was taken and is not known in time is told `command.outcome_unknown`; the writer goes on.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ledger_core::command::{Command, CommandData};
use ledger_core::id::Identifier;
use ledger_core::limits::{KNOWN_WITHIN_MS, QUEUE_BYTES_MAX, QUEUE_COMMANDS_MAX, TAKEN_WITHIN_MS};
use ledger_core::rejection::{Code, Rejection};
use schemas::command::Refused;
use schemas::reply::Reply;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use tokio::time::timeout_at;
use tracing::info;

use crate::meter::{Meter, UNREADABLE};
use crate::trace::Trace;
use crate::writer::ticket::{Ticket, micros};
use crate::writer::{Job, WriterHandle, standby};

/// How long a caller waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until the writer takes the command.
    pub taken_within: Duration,
    /// From then on, until its outcome is known. Billing runs take as long as they take.
    pub known_within: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            taken_within: Duration::from_millis(TAKEN_WITHIN_MS),
            known_within: Duration::from_millis(KNOWN_WITHIN_MS),
        }
    }
}

/// What a transport knows of a command beside it.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// Its bytes as they were sent.
    pub bytes: usize,
    /// The trace that it belongs to.
    pub trace: Option<Trace>,
}

/// A reply, with what is told of it beside.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    bytes: Vec<u8>,
    /// Of a refusal.
    code: Option<String>,
    /// Of a command that was accepted.
    sequence: Option<u64>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        let bytes = reply.to_bytes();
        Self { bytes, code: reply.error.map(|error| error.code), sequence: reply.sequence }
    }
}

/// What a job and its caller share.
#[derive(Debug)]
pub(super) struct Asked {
    ticket: Ticket,
    name: &'static str,
    id: Identifier,
    trace: Option<Trace>,
    book: Identifier,
    meter: Arc<Meter>,
}

impl Asked {
    /// Counts a reply.
    fn count(&self, answer: &Answer) {
        self.meter.replied(self.name, answer.code.as_deref());
        self.meter.reply.observe_time(self.ticket.asked_at().elapsed());
    }

    /// One line for each command that was answered: by whoever hands the answer on, not by the
    /// writer.
    fn log(&self, answer: &Answer) {
        info!(
            target: "revledger::command",
            book = self.book.as_str(),
            command = self.name,
            id = self.id.as_str(),
            outcome = if answer.code.is_some() { "rejected" } else { "accepted" },
            code = answer.code.as_deref(),
            sequence = answer.sequence,
            latency_us = micros(self.ticket.asked_at().elapsed()),
            trace_id = self.trace.as_ref().map(Trace::trace_id),
            span_id = self.trace.as_ref().map(Trace::span_id),
            "answered"
        );
    }

    /// A reply that comes from here, not from the writer.
    fn refuse(&self, rejection: &Rejection) -> Answer {
        let answer = Answer::from(Reply::rejected(Some(self.id.as_str()), rejection));
        self.count(&answer);
        answer
    }
}

impl Job {
    /// Whether the writer is to decide it: its caller was not told that nothing is stored.
    pub(super) fn take(&mut self) -> bool {
        let is_first = self.place.take().is_some();
        let is_wanted = self.asked.ticket.take();
        if is_first && is_wanted {
            self.asked.meter.queue_wait.observe_time(self.asked.ticket.waited());
        }
        is_wanted
    }

    /// What the events say of their trace.
    pub(super) fn traceparent(&self) -> Option<&str> {
        self.asked.trace.as_ref().map(Trace::received)
    }

    /// Answers the caller. One that went away gets the same reply when it sends the id again.
    pub(super) fn answer(mut self, answer: impl Into<Answer>) {
        self.tell(answer);
    }

    /// Whether the caller was answered; nobody waits for the command then.
    pub(super) fn is_told(&self) -> bool {
        self.answer.is_none()
    }

    pub(super) fn tell(&mut self, answer: impl Into<Answer>) {
        let (asked, answer) = (&self.asked, answer.into());
        let (is_told, caller) = (self.is_told(), self.answer.take());
        let Some(caller) = caller.filter(|_| asked.ticket.answer()) else {
            if is_told || asked.ticket.is_left() {
                asked.meter.replied_late();
            }
            tracing::debug!(id = %asked.id, "a caller did not wait for its reply");
            return;
        };
        asked.count(&answer);
        if let Err(answer) = caller.send(answer) {
            asked.log(&answer);
        }
    }
}

impl WriterHandle {
    /// Hands a command in, at once, and gives the future of its reply: commands are decided in
    /// the order of these calls. Beyond the queue's bounds the reply is `book.busy`, and while another
    /// daemon writes `book.standby`.
    pub fn submit(
        &self,
        command: Command,
        traceparent: Option<String>,
    ) -> impl Future<Output = Vec<u8>> + Send + use<> {
        let trace = traceparent.as_deref().and_then(Trace::read);
        self.submit_as(command, Call { bytes: 0, trace })
    }

    /// The same, with what the transport knows of the command.
    pub fn submit_as(
        &self,
        command: Command,
        call: Call,
    ) -> impl Future<Output = Vec<u8>> + Send + use<> {
        let is_run = matches!(command.data, CommandData::RunBilling(_));
        let (patience, meter) = (self.patience, Arc::clone(&self.meter));
        let asked = self.asked(&command, call.trace);
        let handed_in = self.hand_in(command, &asked, call.bytes);
        async move {
            let answer = match handed_in {
                Ok(reply) => Waiting { asked: &asked, is_run, patience, meter }.wait(reply).await,
                Err(rejection) => asked.refuse(&rejection),
            };
            asked.log(&answer);
            answer.bytes
        }
    }

    /// The same, but waits for a place in the queue, and for the reply as long as it takes: for
    /// local callers that bring many.
    pub async fn submit_waiting(&self, command: Command) -> Vec<u8> {
        let asked = self.asked(&command, None);
        let (answer, reply) = oneshot::channel();
        let job = Job { command, asked: Arc::clone(&asked), place: None, answer: Some(answer) };
        let answer = match self.queue.send(job).await {
            Ok(()) => reply.await.unwrap_or_else(|_| ended(&asked)),
            Err(_) => ended(&asked),
        };
        answer.bytes
    }

    /// Counts what cannot be read as a command, and gives its reply.
    pub fn refuse(&self, refused: &Refused, trace: Option<&Trace>) -> Vec<u8> {
        self.meter.replied(UNREADABLE, Some(&refused.rejection.code));
        info!(
            target: "revledger::command",
            book = self.book.as_str(),
            command = UNREADABLE,
            id = refused.id.as_deref(),
            outcome = "rejected",
            code = refused.rejection.code,
            trace_id = trace.map(Trace::trace_id),
            span_id = trace.map(Trace::span_id),
            "answered"
        );
        Reply::rejected(refused.id.as_deref(), &refused.rejection).to_bytes()
    }

    fn asked(&self, command: &Command, trace: Option<Trace>) -> Arc<Asked> {
        Arc::new(Asked {
            ticket: Ticket::new(),
            name: command.data.name(),
            id: command.id.clone(),
            trace,
            book: self.book.clone(),
            meter: Arc::clone(&self.meter),
        })
    }

    fn hand_in(
        &self,
        command: Command,
        asked: &Arc<Asked>,
        bytes: usize,
    ) -> Result<oneshot::Receiver<Answer>, Rejection> {
        if let Some(why) = self.gate.why_shut() {
            return Err(why);
        }
        // A writer that waits for servers does not look into its queue.
        if !self.is_chosen() {
            return Err(standby::refusal());
        }
        let Some(place) = self.meter.pressure.enter(bytes) else {
            let message = format!(
                "commands of {QUEUE_BYTES_MAX} bytes are waiting; send it again, a little later"
            );
            return Err(busy(&self.meter, message));
        };
        let (answer, reply) = oneshot::channel();
        let job =
            Job { command, asked: Arc::clone(asked), place: Some(place), answer: Some(answer) };
        match self.queue.try_send(job) {
            Ok(()) => Ok(reply),
            Err(TrySendError::Full(_)) => {
                let message = format!(
                    "{QUEUE_COMMANDS_MAX} commands are waiting; send it again, a little later"
                );
                Err(busy(&self.meter, message))
            }
            Err(TrySendError::Closed(_)) => Err(is_ended()),
        }
    }
}

/// A caller and its deadlines.
struct Waiting<'a> {
    asked: &'a Asked,
    is_run: bool,
    patience: Patience,
    meter: Arc<Meter>,
}

impl Waiting<'_> {
    async fn wait(self, mut reply: oneshot::Receiver<Answer>) -> Answer {
        let Patience { taken_within, known_within } = self.patience;
        let ticket = &self.asked.ticket;
        if let Ok(answer) = timeout_at(ticket.asked_at() + taken_within, &mut reply).await {
            return answer.unwrap_or_else(|_| ended(self.asked));
        }
        if ticket.give_up() {
            let message = format!(
                "it waited for {taken_within:?} behind other commands, and was not looked at; send \
                 it again, a little later"
            );
            return self.asked.refuse(&busy(&self.meter, message));
        }
        if !self.is_run {
            let until = ticket.taken_at() + known_within;
            if let Ok(answer) = timeout_at(until, &mut reply).await {
                return answer.unwrap_or_else(|_| ended(self.asked));
            }
            if ticket.leave() {
                let message = format!(
                    "the log has not answered for {known_within:?}; send the command again with the \
                     same id"
                );
                return self.asked.refuse(&Rejection::new(Code::CommandOutcomeUnknown, message));
            }
        }
        reply.await.unwrap_or_else(|_| ended(self.asked))
    }
}

fn busy(meter: &Meter, message: String) -> Rejection {
    let stalled = meter.appends().in_flight_for;
    Rejection::new(Code::BookBusy, message).retry_after_ms(meter.pressure.retry_after_ms(stalled))
}

fn ended(asked: &Asked) -> Answer {
    asked.refuse(&is_ended())
}

fn is_ended() -> Rejection {
    let message =
        "the writer stopped before it could answer; send the command again with the same id";
    Rejection::new(Code::CommandOutcomeUnknown, message)
}
