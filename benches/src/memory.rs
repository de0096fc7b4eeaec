//! A book in memory: commands are decided and folded into the state, with no log and no writer.

use ledger_core::calendar::Day;
use ledger_core::command::{Command, CommandData};
use ledger_core::content_hash::ContentHash;
use ledger_core::decide::{decide, plan_run};
use ledger_core::event::{Event, NewEvent};
use ledger_core::id::Identifier;
use ledger_core::state::Ledger;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{Outcome, book};

/// A book in memory.
#[derive(Debug, Clone)]
pub struct MemoryBook {
    /// Its state.
    pub ledger: Ledger,
    name: Identifier,
    sequence: u64,
}

impl MemoryBook {
    /// A book with one customer, `C`.
    ///
    /// # Errors
    /// Never: both commands are accepted.
    pub fn open() -> Outcome<(Self, Vec<Event>)> {
        let mut book = Self { ledger: Ledger::default(), name: book()?, sequence: 0 };
        let day = "2026-01-01".parse()?;
        let mut events = book.send("OpenBook", day, json!({"currency": "USD"}))?;
        let customer = json!({"customer": "C", "name": "C"});
        events.extend(book.send("RegisterCustomer", day, customer)?);
        Ok((book, events))
    }

    /// Decides a command and folds its events.
    ///
    /// # Errors
    /// Where it is refused.
    pub fn send(&mut self, name: &str, effective: Day, data: Value) -> Outcome<Vec<Event>> {
        let command = Self::command(name, effective, data)?;
        self.decide(&command)
    }

    /// A command.
    ///
    /// # Errors
    /// Where the data does not fit its name.
    pub fn command(name: &str, effective: Day, data: Value) -> Outcome<Command> {
        let id: Identifier = "c".parse()?;
        let data = CommandData::deserialize(name, data).ok_or("there is no such command")??;
        Ok(Command {
            correlation_id: id.clone(),
            id,
            effective,
            reason: None,
            actor: "bench".to_owned(),
            content_hash: ContentHash::default(),
            data,
        })
    }

    /// Decides a command and folds its events.
    ///
    /// # Errors
    /// Where it is refused.
    pub fn decide(&mut self, command: &Command) -> Outcome<Vec<Event>> {
        let new = decide(&self.name, &self.ledger, command)?;
        Ok(new.into_iter().map(|new| self.fold(command, new)).collect())
    }

    /// Plans a billing run, makes its documents one after another and folds them, as the writer
    /// does; gives the number of events.
    ///
    /// # Errors
    /// Where it is refused.
    pub fn run(&mut self, command: &Command) -> Outcome<u64> {
        let before = self.sequence;
        let mut plan = plan_run(&self.name, &self.ledger, command)?;
        while let Some(events) = plan.next_events(&self.ledger)? {
            for new in events {
                self.fold(command, new);
            }
        }
        Ok(self.sequence - before)
    }

    fn fold(&mut self, command: &Command, new: NewEvent) -> Event {
        self.sequence += 1;
        let event = Event {
            sequence: self.sequence,
            id: String::new(),
            effective: new.effective,
            recorded_at: OffsetDateTime::UNIX_EPOCH,
            actor: String::new(),
            command_id: command.id.clone(),
            command_hash: ContentHash::default(),
            correlation_id: command.correlation_id.clone(),
            reason: None,
            data: new.data,
            functional: new.functional,
        };
        self.ledger.apply(&event);
        event
    }
}
