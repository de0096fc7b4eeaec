//! schemas of the revenue ledger.
