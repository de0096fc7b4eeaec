//! A log in memory, built as the writer does.

use std::sync::Arc;

use ledger_core::decide::decide;
use ledger_core::event::Event;
use ledger_core::id::Identifier;
use ledger_core::log::memory::MemoryLog;
use ledger_core::log::{Record, SharedLog};
use ledger_core::state::Ledger;
use schemas::chain::Chain;
use schemas::command::{Origin, parse};
use schemas::record::{EncodeContext, encode};

/// Builds a log as the writer does, but lets a test bend an event first.
pub(crate) struct Builder {
    ledger: Ledger,
    chain: Chain,
    pub(crate) records: Vec<Record>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self { ledger: Ledger::default(), chain: Chain::START, records: Vec::new() }
    }

    pub(crate) fn command(&mut self, envelope: &str, bend: impl Fn(&mut Event)) {
        let book: Identifier = "main".parse().unwrap();
        let origin = Origin {
            book: book.clone(),
            actor: "test".to_owned(),
            today: "2026-01-01".parse().unwrap(),
            command_name: None,
        };
        let command = parse(envelope.as_bytes(), &origin, &mut String::new).unwrap();
        for new in decide(&book, &self.ledger, &command).unwrap() {
            let sequence = u64::try_from(self.records.len()).unwrap() + 1;
            let mut event = Event {
                sequence,
                id: format!("e-{sequence}"),
                effective: new.effective,
                recorded_at: time::macros::datetime!(2026-01-01 00:00 UTC),
                actor: command.actor.clone(),
                command_id: command.id.clone(),
                command_hash: command.content_hash,
                correlation_id: command.correlation_id.clone(),
                reason: command.reason.clone(),
                data: new.data,
                functional: new.functional,
            };
            self.ledger.apply(&event);
            bend(&mut event);
            let context =
                EncodeContext { book: &book, shard: 0, chain: self.chain, traceparent: None };
            let (record, chain) = encode(&event, &context).unwrap();
            self.chain = chain;
            self.records.push(record);
        }
    }

    pub(crate) async fn log(&self) -> SharedLog {
        Arc::new(MemoryLog::from_records(self.records.clone()))
    }
}

pub(crate) const OPEN: &str =
    r#"{"id":"1","command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}"#;
pub(crate) const CUSTOMER: &str = r#"{"id":"2","command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"C-1","name":"One"}}"#;

pub(crate) fn book(invoices: usize) -> Builder {
    let mut builder = Builder::new();
    builder.command(OPEN, |_| {});
    builder.command(CUSTOMER, |_| {});
    for number in 1..=invoices {
        invoice(&mut builder, number);
    }
    builder
}

pub(crate) fn invoice(builder: &mut Builder, number: usize) {
    builder.command(
        &format!(
            r#"{{"id":"i{number}","command":"IssueInvoice","effective":"2026-01-02","data":{{"invoice":"INV-{number}","customer":"C-1","currency":"USD","lines":[{{"description":"a year","amount":"365.00","service_start":"2026-01-01","service_end":"2026-12-31"}}]}}}}"#
        ),
        |_| {},
    );
    builder.command(&payment(number), |_| {});
}

pub(crate) fn payment(number: usize) -> String {
    format!(
        r#"{{"id":"p{number}","command":"RecordPayment","effective":"2026-01-03","data":{{"payment":"PAY-{number}","customer":"C-1","amount":"65.00","currency":"USD","allocate":[{{"invoice":"INV-{number}","amount":"65.00"}}]}}}}"#
    )
}
