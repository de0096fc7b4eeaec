//! The wire form of the ledger: bytes of commands, replies and events, subjects, headers, the
//! hash chain, and the generated JSON Schemas.

pub mod chain;
pub mod command;
pub mod golden;
pub mod publish;
pub mod record;
pub mod reply;
pub mod subject;
