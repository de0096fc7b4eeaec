//! What the clients saw.

use ledger_core::command::Command;
use serde_json::Value;

/// One hand-over of a command to a writer. The network may hand a command over more than once.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// When.
    pub(crate) at: u64,
    /// The last sequence of the log then.
    pub(crate) log_at: u64,
    /// The run of a daemon that it was handed to, where one listened.
    pub(crate) process: Option<u64>,
    pub(crate) answer: Option<Answer>,
}

/// What the writer said.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) at: u64,
    /// The last sequence of the log then.
    pub(crate) log_at: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) verdict: Verdict,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ok(u64),
    Fail(String),
    /// Unknown, or not taken at all.
    Unknown(String),
}

/// A command of a client.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) command: Command,
    pub(crate) asks: Vec<Ask>,
    /// What was answered once everything was well again, with the log's last sequence before.
    pub(crate) at_last: Vec<(u64, Vec<u8>)>,
}

/// Everything that was asked.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) operations: Vec<Operation>,
}

impl History {
    pub(crate) fn invoke(&mut self, command: Command) -> usize {
        self.operations.push(Operation { command, asks: Vec::new(), at_last: Vec::new() });
        self.operations.len() - 1
    }

    pub(crate) fn ask(&mut self, operation: usize, ask: Ask) -> usize {
        let asks = &mut self.operations[operation].asks;
        asks.push(ask);
        asks.len() - 1
    }
}

pub(crate) fn verdict(bytes: &[u8]) -> Verdict {
    let reply: Value = serde_json::from_slice(bytes).unwrap();
    if reply["outcome"] == "accepted" {
        return Verdict::Ok(reply["sequence"].as_u64().unwrap_or(0));
    }
    let code = reply["error"]["code"].as_str().unwrap_or("none").to_owned();
    match code.as_str() {
        "command.outcome_unknown" | "book.busy" => Verdict::Unknown(code),
        _ => Verdict::Fail(code),
    }
}

impl Ask {
    pub(crate) fn verdict(&self) -> Verdict {
        let none = || Verdict::Unknown("no answer".to_owned());
        self.answer.as_ref().map_or_else(none, |answer| answer.verdict.clone())
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| matches!(answer.verdict, Verdict::Ok(_)))
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| matches!(answer.verdict, Verdict::Fail(_)))
    }
}
