//! A book in memory: commands are decided, and their events folded into state and views.

use ledger_core::calendar::Day;
use ledger_core::command::Command;
use ledger_core::decide::{decide, plan_run};
use ledger_core::event::{Event, NewEvent};
use ledger_core::id::Identifier;
use ledger_core::state::Ledger;
use projections::facts::EventFacts;
use projections::views::Views;
use schemas::command::{Origin, parse};
use serde_json::{Value, json};

#[derive(Clone)]
pub(crate) struct Book {
    pub(crate) ledger: Ledger,
    pub(crate) views: Views,
    pub(crate) events: Vec<Event>,
}

impl Book {
    /// A book with these policies and one customer.
    pub(crate) fn open(policies: &Value) -> Self {
        Self::open_in("USD", policies)
    }

    /// The same in another currency; the documents stay in USD.
    pub(crate) fn open_in(currency: &str, policies: &Value) -> Self {
        let (ledger, views) = (Ledger::default(), Views::default());
        let mut book = Self { ledger, views, events: Vec::new() };
        let first = "2026-01-01".parse().unwrap();
        assert!(book.send("OpenBook", first, &json!({"currency": currency, "policies": policies})));
        assert!(book.send("RegisterCustomer", first, &json!({"customer": "C", "name": "C"})));
        book
    }

    /// Sends a command; whether it was accepted.
    pub(crate) fn send(&mut self, name: &str, effective: Day, data: &Value) -> bool {
        let book: Identifier = "main".parse().unwrap();
        let envelope = json!({"id": format!("c{}", self.events.len()), "command": name,
                              "effective": effective, "data": data});
        let origin = Origin {
            book: book.clone(),
            actor: "test".to_owned(),
            today: effective,
            command_name: None,
        };
        let parsed = parse(envelope.to_string().as_bytes(), &origin, &mut String::new);
        let command = parsed.unwrap();
        let Ok(events) = decide(&book, &self.ledger, &command) else { return false };
        if name == "RunBilling" {
            let parts = self.in_parts(&book, &command);
            assert_eq!(parts, events, "a run in parts makes what it makes at once");
        }
        for new in events {
            let event = self.next_event(&command, new);
            self.ledger.apply(&event);
            self.events.push(event.clone());
            self.views.fold(&EventFacts::of(event)).unwrap();
        }
        true
    }

    /// The events of a billing run, each document made on the state with those before it.
    fn in_parts(&self, book: &Identifier, command: &Command) -> Vec<NewEvent> {
        let mut plan = plan_run(book, &self.ledger, command).unwrap();
        let mut known = Self { views: Views::default(), ..self.clone() };
        let mut events = Vec::new();
        while let Some(part) = plan.next_events(&known.ledger).unwrap() {
            for new in part {
                events.push(new.clone());
                let event = known.next_event(command, new);
                known.ledger.apply(&event);
                known.events.push(event);
            }
        }
        events
    }

    fn next_event(&self, command: &Command, new: NewEvent) -> Event {
        let sequence = u64::try_from(self.events.len()).unwrap() + 1;
        Event {
            sequence,
            id: format!("e-{sequence}"),
            effective: new.effective,
            recorded_at: time::macros::datetime!(2026-01-01 00:00 UTC),
            actor: command.actor.clone(),
            command_id: command.id.clone(),
            command_hash: command.content_hash,
            correlation_id: command.correlation_id.clone(),
            reason: None,
            data: new.data,
            functional: new.functional,
        }
    }
}
