//! One thread that works, in virtual time: what waits for a deadline has it at once.

use std::cell::RefCell;
use std::future::Future;

use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

/// Runs to the end. What was spawned and is not done may be dropped at any later time.
pub fn run<F: Future>(future: F) -> F::Output {
    RUNTIME.with_borrow_mut(|kept| {
        let build = || Builder::new_current_thread().enable_all().start_paused(true).build();
        let runtime = kept.get_or_insert_with(|| build().unwrap());
        runtime.block_on(future)
    })
}
