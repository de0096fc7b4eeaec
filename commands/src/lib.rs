//! The write side: the writer of a book, and what brings commands to it.

pub mod clock;
pub mod documents;
pub mod esrs;
pub mod http;
pub mod ids;
pub mod import;
pub mod leadership;
pub mod meter;
#[doc(hidden)]
pub mod planted;
pub mod preview;
pub mod service;
pub mod standing;
pub mod stripe_signature;
pub mod trace;
pub mod webhook;
pub mod writer;
