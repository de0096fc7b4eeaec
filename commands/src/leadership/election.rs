//! The election as a pure state machine: what it hears and the time come in, what it says comes out.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::planted::{self, Planted};

/// How often everybody says that it is there.
pub(super) const BEAT: Duration = Duration::from_secs(1);
/// How long a writer may decide behind the sending of the last message of its own that it heard.
pub(super) const LEASE: Duration = Duration::from_secs(4);
/// How long no writer is heard before somebody else wants to be it.
pub(super) const SILENCE: Duration = Duration::from_secs(5);
/// Who hears itself less often than this has no link to the others.
pub(super) const LINK: Duration = Duration::from_millis(2_500);
/// How long the answers of the others may take.
pub(super) const WINDOW: Duration = Duration::from_millis(400);
/// Who looks that much later at its window than it wanted to stood still, and heard nobody meanwhile.
const LATE: Duration = Duration::from_secs(1);
/// Messages of its own that are on their way at most.
const ON_THEIR_WAY_MAX: usize = 64;

// Nobody wants to be the writer while the one before may still decide.
const _: () = assert!(LEASE.as_millis() + WINDOW.as_millis() < SILENCE.as_millis());
const _: () = assert!(BEAT.as_millis() < LINK.as_millis() && LINK.as_millis() < LEASE.as_millis());

/// What a daemon says to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Says {
    /// It writes, in this term.
    Writing,
    /// It follows.
    Standby,
    /// It wants to know who writes.
    Asks,
    /// It wants to write, in this term.
    Claims,
    /// It ends, and has stored all that it took.
    Resigns,
}

/// A message on the subject of the book's writers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    /// Who says it.
    pub(super) instance: String,
    /// The highest term that it knows of; of a writer its own.
    pub(super) term: u64,
    /// What it says.
    pub(super) role: Says,
    /// How many messages it has sent, this one included.
    pub(super) sent: u64,
}

impl Message {
    /// The question of somebody who does not take part yet.
    pub(super) fn question_of(instance: &str) -> Self {
        Self { instance: instance.to_owned(), term: 0, role: Says::Asks, sent: 0 }
    }
}

/// Where a daemon stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It stands by. An heir had the seat until its link broke, and asks as soon as it is mended.
    Following { silent_since: Duration, is_heir: bool },
    /// It asks who writes, before it disturbs anybody.
    Asking(Question),
    /// It wants to write.
    Claiming { term: u64, question: Question },
    /// It writes.
    Writing { term: u64, until: Duration },
    /// It ends.
    Gone,
}

/// A message that is to be answered by whoever knows better, once it was heard by all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Question {
    number: u64,
    asked: Duration,
    /// When it heard itself.
    heard: Option<Duration>,
}

/// What becomes of a question.
enum Answer {
    /// It is too early to say.
    Open,
    /// Nobody knew better.
    Nobody,
    /// It did not hear itself, or stood still: nothing is known.
    Unknown,
}

/// One daemon in the election for a book. All times are since some instant of its own.
#[derive(Debug)]
pub(super) struct Candidate {
    me: String,
    /// Terms begin above this.
    floor: u64,
    /// Stays of the others in one order, so that not all claim at once.
    spread: Duration,
    /// The highest term that was heard of.
    term: u64,
    count: u64,
    /// Number and time of what was said and not heard back.
    on_their_way: VecDeque<(u64, Duration)>,
    first_heard_itself: Option<Duration>,
    /// When the last one was said of what it heard back.
    last_heard_itself: Option<Duration>,
    /// The term of the writer that was heard last.
    writer: Option<u64>,
    next_beat: Duration,
    state: State,
    says: Vec<Message>,
}

impl Candidate {
    /// Somebody who joins others. It lets a whole silence pass before it claims: a writer that
    /// stands still has its seat for so long.
    pub(super) fn joins(me: &str, floor: u64, spread: Duration, now: Duration) -> Self {
        let state = State::Following { silent_since: now, is_heir: false };
        let mut candidate = Self {
            me: me.to_owned(),
            floor,
            spread,
            term: 0,
            count: 0,
            on_their_way: VecDeque::new(),
            first_heard_itself: None,
            last_heard_itself: None,
            writer: None,
            next_beat: now + BEAT,
            state,
            says: Vec::new(),
        };
        candidate.say(now, Says::Asks);
        candidate
    }

    /// Somebody who is the only one: it writes at once.
    pub(super) fn alone(me: &str, floor: u64, spread: Duration, now: Duration) -> Self {
        let mut candidate = Self::joins(me, floor, spread, now);
        candidate.says.clear();
        candidate.write(now, floor.saturating_add(1), now);
        candidate
    }

    /// The seat, and until when it surely is nobody else's.
    pub(super) fn seat(&self) -> Option<(u64, Duration)> {
        match self.state {
            State::Writing { term, until } => Some((term, until)),
            State::Following { .. } | State::Asking(_) | State::Claiming { .. } | State::Gone => {
                None
            }
        }
    }

    /// Whether it has found out how things stand: it writes, knows who does, or nobody answered.
    pub(super) fn is_settled(&self, now: Duration) -> bool {
        let has_waited = self.first_heard_itself.is_some_and(|heard| now >= heard + WINDOW);
        self.seat().is_some() || self.writer.is_some() || has_waited
    }

    /// Whether it hears itself, and soon.
    pub(super) fn is_linked(&self, now: Duration) -> bool {
        self.last_heard_itself.is_some_and(|heard| now <= heard + LINK)
    }

    /// What there is to be said.
    pub(super) fn take_messages(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.says)
    }

    /// What it would say now, for somebody who asks it alone.
    pub(super) fn presence(&self) -> Message {
        self.message(self.role(), 0)
    }

    /// Time passes.
    pub(super) fn tick(&mut self, now: Duration) {
        self.lapse(now);
        match self.state {
            State::Following { silent_since, .. } => {
                if self.is_linked(now) && now >= silent_since + SILENCE + self.spread {
                    self.ask(now);
                }
            }
            State::Asking(question) => match question.answer(now) {
                Answer::Open => {}
                Answer::Nobody => self.claim(now),
                Answer::Unknown => self.follow(now),
            },
            State::Claiming { term, question } => match question.answer(now) {
                Answer::Open => {}
                Answer::Nobody => self.write(now, term, question.asked),
                Answer::Unknown => self.follow(now),
            },
            State::Writing { .. } | State::Gone => {}
        }
        if now >= self.next_beat {
            self.beat(now);
        }
    }

    /// A message came, maybe its own.
    pub(super) fn hear(&mut self, now: Duration, message: &Message) {
        self.lapse(now);
        if message.instance == self.me {
            return self.hear_itself(now, message);
        }
        self.term = self.term.max(message.term);
        match message.role {
            Says::Writing => {
                self.writer = Some(message.term);
                self.hear_a_writer(now, message);
            }
            Says::Claims => self.hear_a_claim(now, message),
            Says::Asks => {
                if self.seat().is_some() {
                    self.say(now, Says::Writing);
                }
            }
            // It asks all the same: whoever hears this late may hear next who went on.
            Says::Resigns => match self.state {
                State::Following { .. } if self.writer.is_none_or(|term| term <= message.term) => {
                    self.ask(now);
                }
                State::Following { .. }
                | State::Asking(_)
                | State::Claiming { .. }
                | State::Writing { .. }
                | State::Gone => {}
            },
            // A term that it only heard of takes nobody's seat away: who claimed it may be gone.
            Says::Standby => {}
        }
    }

    /// It ends, and another one may begin at once.
    pub(super) fn resign(&mut self, now: Duration) {
        self.lapse(now);
        if self.seat().is_some() {
            self.say(now, Says::Resigns);
        }
        self.state = State::Gone;
    }

    fn hear_a_writer(&mut self, now: Duration, message: &Message) {
        match self.state {
            State::Following { .. } | State::Asking(_) => self.follow(now),
            State::Claiming { term, .. } if message.term >= term => self.follow(now),
            State::Writing { term, .. } if self.is_outdone(term, message) => self.follow(now),
            State::Writing { .. } => self.say(now, Says::Writing),
            // It steps down when it hears the claim.
            State::Claiming { .. } | State::Gone => {}
        }
    }

    fn hear_a_claim(&mut self, now: Duration, message: &Message) {
        match self.state {
            State::Following { .. } | State::Asking(_) => self.follow(now),
            State::Claiming { term, .. } if self.is_outdone(term, message) => self.follow(now),
            State::Claiming { .. } => self.say(now, Says::Claims),
            State::Writing { term, .. }
                if message.term > term && !planted::is(Planted::IgnoresHigherTerms) =>
            {
                self.follow(now);
            }
            State::Writing { .. } => self.say(now, Says::Writing),
            State::Gone => {}
        }
    }

    /// Whether one of two that write, or claim, has to give way to the other.
    fn is_outdone(&self, term: u64, message: &Message) -> bool {
        let is_outdone = (message.term, &self.me) > (term, &message.instance);
        is_outdone && !planted::is(Planted::IgnoresHigherTerms)
    }

    fn hear_itself(&mut self, now: Duration, message: &Message) {
        let Some(place) = self.on_their_way.iter().position(|(sent, _)| *sent == message.sent)
        else {
            return;
        };
        let said = self.on_their_way.drain(..=place).next_back().map_or(now, |(_, at)| at);
        let was_linked = self.is_linked(now);
        self.first_heard_itself.get_or_insert(now);
        // Of when it was said: who stood still hears itself late, and the others, too.
        self.last_heard_itself = self.last_heard_itself.max(Some(said));
        match &mut self.state {
            State::Writing { term, until } if message.term == *term => {
                let from = if planted::is(Planted::CountsFromHearing) { now } else { said };
                *until = (from + LEASE).max(*until);
            }
            State::Asking(question) | State::Claiming { question, .. }
                if question.number == message.sent =>
            {
                question.heard = Some(now);
            }
            State::Following { is_heir: true, .. } => self.ask(now),
            // What the others said while the link was broken is not known.
            State::Following { .. } if !was_linked => self.follow(now),
            State::Following { .. }
            | State::Asking(_)
            | State::Claiming { .. }
            | State::Writing { .. }
            | State::Gone => {}
        }
    }

    /// A seat that ran out is gone: nobody can know whether somebody else has it.
    fn lapse(&mut self, now: Duration) {
        if let State::Writing { until, .. } = self.state
            && now >= until
            && !planted::is(Planted::KeepsTheSeat)
        {
            self.state = State::Following { silent_since: now, is_heir: true };
        }
    }

    fn follow(&mut self, now: Duration) {
        self.state = State::Following { silent_since: now, is_heir: false };
    }

    fn ask(&mut self, now: Duration) {
        if planted::is(Planted::ClaimsWithoutAsking) {
            return self.claim(now);
        }
        self.say(now, Says::Asks);
        self.state = State::Asking(Question { number: self.count, asked: now, heard: None });
    }

    fn claim(&mut self, now: Duration) {
        self.term = self.term.max(self.floor).saturating_add(1);
        // In the new term already.
        let question = Question { number: self.count + 1, asked: now, heard: None };
        self.state = State::Claiming { term: self.term, question };
        self.say(now, Says::Claims);
    }

    fn write(&mut self, now: Duration, term: u64, since: Duration) {
        self.term = term;
        self.state = State::Writing { term, until: since + LEASE };
        self.beat(now);
    }

    fn role(&self) -> Says {
        match self.state {
            State::Writing { .. } => Says::Writing,
            State::Claiming { .. } => Says::Claims,
            State::Following { .. } | State::Asking(_) | State::Gone => Says::Standby,
        }
    }

    fn beat(&mut self, now: Duration) {
        self.next_beat = now + BEAT;
        match self.state {
            // What they asked or claimed is on its way.
            State::Asking(_) | State::Claiming { .. } | State::Gone => {}
            State::Following { .. } | State::Writing { .. } => self.say(now, self.role()),
        }
    }

    fn say(&mut self, now: Duration, role: Says) {
        self.count += 1;
        if self.on_their_way.len() == ON_THEIR_WAY_MAX {
            self.on_their_way.pop_front();
        }
        self.on_their_way.push_back((self.count, now));
        let message = self.message(role, self.count);
        self.says.push(message);
    }

    fn message(&self, role: Says, sent: u64) -> Message {
        let term = match self.state {
            State::Writing { term, .. } | State::Claiming { term, .. } => term,
            State::Following { .. } | State::Asking(_) | State::Gone => self.term,
        };
        Message { instance: self.me.clone(), term, role, sent }
    }
}

impl Question {
    fn answer(&self, now: Duration) -> Answer {
        let heard =
            if planted::is(Planted::DoesNotListenToItself) { Some(self.asked) } else { self.heard };
        match heard {
            None if now > self.asked + LINK => Answer::Unknown,
            Some(heard) if now > heard + WINDOW + LATE => Answer::Unknown,
            Some(heard) if now >= heard + WINDOW => Answer::Nobody,
            None | Some(_) => Answer::Open,
        }
    }
}
