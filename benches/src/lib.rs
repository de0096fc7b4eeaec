//! Benches of the ledger.
