//! Outside documents into commands (contract, section 10). Ids are derived from the record, so
//! that importing a file twice changes nothing.

pub mod csv;
mod documents;
pub mod ecb;
pub mod statement;
pub mod stripe;
