//! The write side: the writer of a book, and what brings commands to it.

pub mod clock;
pub mod ids;
pub mod writer;
