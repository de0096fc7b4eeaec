//! Who waits for a command, and how far it has come: the one place where the writer and a caller
//! that has waited long enough agree on what is told.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// In the queue: the writer has not looked at it.
const WAITING: u8 = 0;
/// The writer has decided it, or does so now.
const TAKEN: u8 = 1;
/// The caller was told that nothing was stored: the writer passes it over.
const GIVEN_UP: u8 = 2;
/// The caller was told that the outcome is not known: the writer goes on.
const LEFT: u8 = 3;
/// The writer has answered.
const ANSWERED: u8 = 4;

/// Shared by a job in the queue and whoever waits for its reply.
#[derive(Debug)]
pub(super) struct Ticket {
    state: AtomicU8,
    asked_at: Instant,
    /// Microseconds from `asked_at` until the writer took it.
    waited: AtomicU64,
}

impl Ticket {
    pub(super) fn new() -> Self {
        Self { state: AtomicU8::new(WAITING), asked_at: Instant::now(), waited: AtomicU64::new(0) }
    }

    /// When it was handed in.
    pub(super) fn asked_at(&self) -> Instant {
        self.asked_at
    }

    /// The writer takes it; false where the caller was told that nothing is stored.
    pub(super) fn take(&self) -> bool {
        match self.state.load(Ordering::Acquire) {
            WAITING => {
                self.waited.store(micros(self.asked_at.elapsed()), Ordering::Release);
                self.step(WAITING, TAKEN)
            }
            state => state != GIVEN_UP,
        }
    }

    /// When the writer took it, which it has.
    pub(super) fn taken_at(&self) -> Instant {
        self.asked_at + self.waited()
    }

    /// How long it was in the queue, of one that was taken.
    pub(super) fn waited(&self) -> Duration {
        Duration::from_micros(self.waited.load(Ordering::Acquire))
    }

    /// The caller gives up: true where the writer surely never takes it.
    pub(super) fn give_up(&self) -> bool {
        self.step(WAITING, GIVEN_UP)
    }

    /// The caller waits no longer for one that was taken; false where the answer is on its way.
    pub(super) fn leave(&self) -> bool {
        self.step(TAKEN, LEFT)
    }

    /// The writer answers; false where the caller was told something else already.
    pub(super) fn answer(&self) -> bool {
        // One that is told from the queue, as at a writer's end, was never taken.
        self.step(TAKEN, ANSWERED) || self.step(WAITING, ANSWERED)
    }

    /// Whether the caller was told that the outcome is not known.
    pub(super) fn is_left(&self) -> bool {
        self.state.load(Ordering::Acquire) == LEFT
    }

    fn step(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// Whole microseconds.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};

    use super::*;

    #[test]
    fn a_caller_gives_up_or_the_writer_takes_it_and_never_both() {
        let (mut given_up, mut taken) = (0, 0);
        for _ in 0..2_000 {
            let ticket = Arc::new(Ticket::new());
            let start = Arc::new(Barrier::new(2));
            let (other, gate) = (Arc::clone(&ticket), Arc::clone(&start));
            let writer = std::thread::spawn(move || {
                gate.wait();
                other.take()
            });
            start.wait();
            let is_given_up = ticket.give_up();
            let is_taken = writer.join().unwrap();
            assert_ne!(is_given_up, is_taken);
            // It stays so, however often the command is decided again.
            assert_eq!(ticket.take(), is_taken);
            assert!(!ticket.give_up());
            given_up += u32::from(is_given_up);
            taken += u32::from(is_taken);
        }
        assert_eq!(given_up + taken, 2_000);
    }

    #[test]
    fn a_caller_is_told_one_thing() {
        let left = Ticket::new();
        assert!(!left.leave(), "nobody has taken it");
        assert!(left.take());
        assert!(left.leave());
        assert!(!left.answer());
        assert!(left.is_left());
        assert!(left.take(), "the writer goes on");
        let answered = Ticket::new();
        assert!(answered.take());
        assert!(answered.answer());
        assert!(!answered.leave());
        let told_in_the_queue = Ticket::new();
        assert!(told_in_the_queue.answer());
        assert!(!told_in_the_queue.give_up());
    }
}
