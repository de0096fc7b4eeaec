//! The state of a book as of some event, with the replies given so far: a fold over the log.

use ledger_core::command::{Command, CommandData};
use ledger_core::content_hash::ContentHash;
use ledger_core::event::{DocumentReference, Event, NewEvent};
use ledger_core::id::Identifier;
use ledger_core::rejection::{Code, Rejection};
use ledger_core::state::Ledger;
use schemas::chain::Chain;
use time::{Duration, OffsetDateTime};

use crate::ids::event_id;
use crate::planted::{self, Planted};

use self::replies::{DamagedReplies, Replies};

mod replies;
mod snapshot;

/// What the reply to a command id is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// SHA-256 of the command's content.
    pub content_hash: ContentHash,
    /// The command's first event.
    pub first: u64,
    /// How many events it has.
    pub count: usize,
    /// The sequences, types and documents of its events. Of a command with more events than a group takes only the last one,
    /// which sums it up.
    pub events: Vec<(u64, &'static str, DocumentReference)>,
}

impl Answered {
    fn ends_a_run(&self) -> bool {
        self.events.last().is_some_and(|(_, kind, _)| *kind == "BillingRunCompleted")
    }
}

/// The state of a book as of the last event, and the replies given so far.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What deciding reads.
    pub ledger: Ledger,
    /// In memory: a caller that asks again must not make the writer wait for the log.
    replies: Replies,
    /// The last event that was folded.
    pub sequence: u64,
    /// The hash chain through it; kept by whoever sees the bytes.
    pub chain: Chain,
    recorded_at: OffsetDateTime,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            ledger: Ledger::default(),
            replies: Replies::default(),
            sequence: 0,
            chain: Chain::START,
            recorded_at: OffsetDateTime::UNIX_EPOCH,
        }
    }
}

impl Standing {
    /// Folds one event into the state and into the index of replies.
    pub fn fold(&mut self, event: &Event) {
        self.ledger.apply(event);
        self.sequence = event.sequence;
        self.recorded_at = event.recorded_at;
        self.replies.take(event);
    }

    /// Where the events of a command stand that was accepted before; none where it is new, or a
    /// billing run that was cut off before its end.
    ///
    /// # Errors
    /// `command.id_reused` where its id was used for a command with other content.
    pub fn answered(&self, command: &Command) -> Result<Option<Answered>, Rejection> {
        let found = self.replies.get(&command.id).map_err(|damaged| unknown(&damaged))?;
        let Some(answered) = found else { return Ok(None) };
        if answered.content_hash != command.content_hash && !planted::is(Planted::IdBlindWriter) {
            let message = format!(
                "the id {} was used for another command (event {}); use a new id, or send the same \
                 content",
                command.id, answered.first
            );
            return Err(Rejection::at(Code::CommandIdReused, "id", message));
        }
        let is_whole = !matches!(command.data, CommandData::RunBilling(_))
            || answered.ends_a_run()
            || planted::is(Planted::TakesAPartForTheRun);
        Ok(Some(answered).filter(|_| is_whole))
    }

    /// Gives decided events their place, id and time: never before the event in front of them.
    pub fn envelope(
        &self,
        book: &Identifier,
        command: &Command,
        new: Vec<NewEvent>,
        now: OffsetDateTime,
    ) -> Vec<Event> {
        let mut sequence = self.sequence;
        let mut recorded_at = self.recorded_at;
        let now = whole_microseconds(now);
        // Only a billing run goes on that has events already.
        let goes_on = matches!(command.data, CommandData::RunBilling(_));
        let before = if goes_on { self.replies.count(&command.id).unwrap_or(0) } else { 0 };
        let events = (before..).zip(new).map(|(index, new)| {
            sequence += 1;
            recorded_at = now.max(recorded_at + Duration::microseconds(1));
            if planted::is(Planted::FollowsTheClockBack) {
                recorded_at = now;
            }
            Event {
                sequence,
                id: event_id(book, &command.id, index),
                effective: new.effective,
                recorded_at,
                actor: command.actor.clone(),
                command_id: command.id.clone(),
                command_hash: command.content_hash,
                correlation_id: command.correlation_id.clone(),
                reason: command.reason.clone(),
                data: new.data,
                functional: new.functional,
            }
        });
        events.collect()
    }
}

/// What was decided is not decided again, even where nobody can tell any more what it came to.
fn unknown(damaged: &DamagedReplies) -> Rejection {
    Rejection::new(Code::CommandOutcomeUnknown, damaged.to_string())
}

/// The log keeps microseconds: a finer time would come back as another one.
fn whole_microseconds(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_microsecond(at.microsecond()).unwrap_or(at)
}
