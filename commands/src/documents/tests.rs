//! Documents by hand: what they say, in each language and format.

mod book;
mod model;
mod pdf;
#[cfg(feature = "einvoice")]
mod published;
#[cfg(feature = "einvoice")]
mod ubl;
