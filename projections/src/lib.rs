//! projections of the revenue ledger.
