//! commands of the revenue ledger.
