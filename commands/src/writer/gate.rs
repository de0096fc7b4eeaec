//! Whether the writer takes commands at all: somebody who watches its disk can shut it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use ledger_core::rejection::Rejection;

/// Open, or shut for a reason.
#[derive(Debug, Default)]
pub struct Gate {
    is_shut: AtomicBool,
    why: RwLock<Option<Rejection>>,
}

impl Gate {
    /// Refuses every command from now on, at once and for this reason; nothing of them is stored.
    pub fn shut(&self, why: Rejection) {
        *self.why.write().unwrap_or_else(PoisonError::into_inner) = Some(why);
        self.is_shut.store(true, Ordering::Release);
    }

    /// Takes commands again.
    pub fn open(&self) {
        self.is_shut.store(false, Ordering::Release);
        *self.why.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Why it is shut.
    pub fn why_shut(&self) -> Option<Rejection> {
        if !self.is_shut.load(Ordering::Acquire) {
            return None;
        }
        self.why.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
