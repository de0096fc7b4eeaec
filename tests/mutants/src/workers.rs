//! Some threads that share a list of tasks.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Does `work` for each task and returns what it returned; the first error ends all.
pub(crate) fn run<T: Send, R: Send>(
    workers: usize,
    tasks: Vec<T>,
    work: impl Fn(T) -> Result<R, String> + Sync,
) -> Result<Vec<R>, String> {
    let queue = Mutex::new(VecDeque::from(tasks));
    let results = Mutex::new(Vec::new());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let one = || -> Result<(), String> {
        while let Some(task) = next() {
            let result = work(task).inspect_err(|_| {
                queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
            })?;
            results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(one)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a worker broke down".to_owned())?)
    })?;
    Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner))
}
