//! A small book, made by the golden commands of the schemas: something of every kind is in it. And a desk
//! that decides what comes, as the writer does, and looks at all that follows from it.

use std::sync::OnceLock;

use commands::standing::Standing;
use ledger_core::command::Command;
use ledger_core::decide::decide;
use ledger_core::event::Event;
use ledger_core::id::Identifier;
use ledger_core::log::{Record, StoredRecord};
use projections::facts::{EventFacts, Written};
use projections::prefix::Checked;
use projections::replay::Fold;
use projections::views::Views;
use schemas::command::{Origin, Refused, parse};
use schemas::record::{EncodeContext, EncodeError, decode, encode};
use time::OffsetDateTime;
use time::macros::datetime;

/// Commands of every kind, with what they need.
pub const GOLDEN: &str = include_str!("../../../schemas/golden/commands.ndjson");

/// Now, for every input.
pub const NOW: OffsetDateTime = datetime!(2026-12-01 09:00 UTC);

/// The book's name.
pub fn name() -> Identifier {
    "main".parse().unwrap()
}

/// Reads a command as it came over HTTP. One without an id has one of the desk's.
pub fn read(bytes: &[u8]) -> Result<Command, Refused> {
    let origin = Origin {
        book: name(),
        actor: "fuzz".to_owned(),
        today: "2026-12-01".parse().unwrap(),
        command_name: None,
    };
    parse(bytes, &origin, &mut || "without-an-id".to_owned())
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It has events now.
    Accepted,
    /// It had events already.
    Repeated,
    /// It is refused, and the book is what it was.
    Refused(&'static str),
}

/// A book that commands are decided on.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    /// What commands are decided on.
    pub standing: Standing,
    /// The log.
    pub records: Vec<Record>,
    facts: Vec<EventFacts>,
}

impl Desk {
    /// The small book.
    pub fn golden() -> &'static Self {
        static GOLDEN_DESK: OnceLock<Desk> = OnceLock::new();
        GOLDEN_DESK.get_or_init(|| {
            let mut desk = Self::default();
            for line in GOLDEN.lines() {
                let command = read(line.as_bytes()).unwrap();
                assert_eq!(desk.give(&command), Fate::Accepted, "{line}");
            }
            desk.check();
            desk
        })
    }

    /// Decides a command, and stores its events.
    pub fn give(&mut self, command: &Command) -> Fate {
        match self.standing.answered(command) {
            Ok(Some(_)) => return Fate::Repeated,
            Ok(None) => {}
            Err(_) => return Fate::Refused("answered"),
        }
        let decided = decide(&name(), &self.standing.ledger, command);
        // Pure: the same again.
        let again = decide(&name(), &self.standing.ledger, command);
        let Ok(new) = decided else {
            assert_eq!(decided.err(), again.err(), "another refusal of {command:?}");
            return Fate::Refused("decided");
        };
        assert_eq!(Some(&new), again.as_ref().ok(), "other events of {command:?}");
        assert!(!new.is_empty(), "an accepted command has an event: {command:?}");
        let events = self.standing.envelope(&name(), command, new, NOW);
        let mut chain = self.standing.chain;
        let mut records = Vec::new();
        for event in &events {
            let context = EncodeContext { book: &name(), shard: 0, chain, traceparent: None };
            match encode(event, &context) {
                Ok((record, next)) => {
                    let stored = StoredRecord { sequence: event.sequence, record };
                    assert_eq!(decode(&stored).as_ref(), Ok(event), "another event comes back");
                    records.push(stored.record);
                    chain = next;
                }
                Err(EncodeError::TooLarge { .. }) => return Fate::Refused("too large"),
                Err(error) => panic!("{error}: {event:?}"),
            }
        }
        self.fold(&events);
        self.standing.chain = chain;
        self.records.extend(records);
        let answered = self.standing.answered(command);
        assert!(answered.is_ok_and(|found| found.is_some()), "nobody knows {command:?} any more");
        Fate::Accepted
    }

    fn fold(&mut self, events: &[Event]) {
        for event in events {
            self.standing.fold(event);
            self.facts.push(EventFacts::of(event.clone()));
        }
    }

    /// The views of the book.
    pub fn views(&self) -> Views {
        let mut views = Views::default();
        for facts in &self.facts {
            views.take(facts, Written::default()).unwrap();
        }
        views
    }

    /// What `verify` checks, of the whole book.
    pub fn check(&self) {
        let mut checked = Checked::default();
        for facts in &self.facts {
            checked.take(facts, Written::default()).unwrap();
        }
        if let Some(violation) = checked.finish() {
            panic!("the books are wrong: {violation:?}");
        }
        let seals = projections::seals::check(&checked.views);
        assert!(seals.is_empty(), "the seals are broken: {seals:?}");
    }
}
