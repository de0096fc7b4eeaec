//! Bugs that the simulator has to find, planted in the writer (docs/RELIABILITY.md).
//!
//! Without the feature `planted-bugs` there are none, and nothing of this is compiled in; with it
//! there is at most one, in the thread that asked for it.

#[cfg(feature = "planted-bugs")]
use std::cell::Cell;

/// A bug of the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// Refusals are given without a look at the log's end.
    RefusesWithoutALook,
    /// An append that did not end as stored leaves the state as it is.
    KeepsStateAfterFailure,
    /// A command that is known is decided again.
    DecidesRepeatsAgain,
    /// A command's content is not compared.
    IdBlindWriter,
    /// A group is answered while it is on its way.
    AnswersBeforeStored,
    /// A refusal does not wait for what it was decided on.
    RefusalsOvertake,
    /// A command whose caller was told that nothing is stored is decided all the same.
    DecidesWhatWasGivenUp,
    /// A group whose outcome is unknown is let go once its callers were told so.
    LetsGoOfWhatIsUnknown,
    /// Nobody looks whether the log holds what the snapshot was folded from.
    TrustsAnySnapshot,
    /// Nobody looks whether the log holds what was stored before.
    ForgetsWhatItStored,
    /// Events are recorded at the clock's time, even when it went back.
    FollowsTheClockBack,
    /// A billing run that was cut off counts as done.
    TakesAPartForTheRun,
    /// No event is too large to be written elsewhere.
    TakesEveryEventForSmall,
    /// A writer whose tenure ran out goes on.
    ActsBeyondItsTenure,
    /// A daemon in an election keeps a seat that ran out.
    KeepsTheSeat,
    /// A tenure counts from when the message was heard, not from when it was sent.
    CountsFromHearing,
    /// Whoever writes goes on beside a higher term.
    IgnoresHigherTerms,
    /// Nobody is asked before a claim.
    ClaimsWithoutAsking,
    /// A question counts as heard when it was said.
    DoesNotListenToItself,
}

#[cfg(feature = "planted-bugs")]
thread_local! {
    static PLANTED: Cell<Option<Planted>> = const { Cell::new(None) };
    static FIRED: Cell<u64> = const { Cell::new(0) };
}

/// Plants a bug in this thread, or takes it out again; how often the one before had its effect.
#[cfg(feature = "planted-bugs")]
pub fn plant(bug: Option<Planted>) -> u64 {
    PLANTED.set(bug);
    FIRED.replace(0)
}

/// Whether this bug is planted. Asked where it would have its effect.
#[cfg(feature = "planted-bugs")]
pub(crate) fn is(bug: Planted) -> bool {
    let is_it = PLANTED.get() == Some(bug);
    if is_it {
        FIRED.set(FIRED.get() + 1);
    }
    is_it
}

/// Whether this bug is planted: never.
#[cfg(not(feature = "planted-bugs"))]
pub(crate) const fn is(_: Planted) -> bool {
    false
}
