//! Event by event into the state.

use crate::event::Event;
use crate::state::Ledger;

/// Folds one event.
pub(super) fn apply(_ledger: &mut Ledger, _event: &Event) {}
