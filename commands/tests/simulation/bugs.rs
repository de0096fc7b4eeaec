//! The bank of planted bugs: each is a thing that somebody could get wrong, and is switched on for
//! one test only. A check that lets one of them pass proves nothing.

use commands::planted::Planted;

macro_rules! bugs {
    ($($name:ident: $text:literal),+ $(,)?) => {
        /// A planted bug.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Bug { $($name),+ }

        impl Bug {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),+];

            pub(crate) fn text(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

bugs! {
    // Between the writer and the log.
    ForgetsExpected: "an append goes behind whatever the log's last event is",
    RetriesBlindly: "an append without an answer is sent again",
    TakesUnknownForStored: "an append without an answer counts as stored",
    TakesARaceForStored: "an append that lost a race counts as stored",
    AnswersAheadOfTheLog: "an append is acknowledged before the log has it",
    DropsLastOfGroup: "the last event of a group is dropped",
    DropsSecondOfGroup: "the second event of a group is dropped",
    StoresGroupsTwice: "a group is stored twice",
    TearsGroups: "half of a group is stored",
    DamagesARecord: "a digit tips over on the disk",
    AsksAStaleReplica: "the end of the log is asked of a replica that is behind",
    TrustsAShrunkLog: "an event that the log lost is read from a cache",
    // Between the writer and its callers.
    TakesATimeoutForANo: "a caller is told no when no answer came",
    TakesUnknownForANo: "an unknown outcome is told as a refusal",
    GivesARetryAnotherId: "a retry has a new id",
    IsBlindToContent: "a reply is found by the id alone",
    MarksRepeats: "a repeated reply says that it is one",
    TellsAnotherSequence: "a repeated reply has another sequence",
    // The writer's snapshot.
    SnapshotLosesLastEvent: "a snapshot of the writer lacks its last event",
    SnapshotForgetsReplies: "a snapshot of the writer lacks the replies",
    SnapshotSkipsANumber: "a snapshot of the writer has the next invoice number",
    SnapshotSettlesTwice: "a snapshot of the writer has a settlement twice",
    // The projector's store.
    StoreSkipsAnEvent: "the store lacks the facts of an event in its middle",
    StoreIsBehindItsPosition: "the store lacks the facts of its last event",
    StoreSettlesTwice: "the store has a settlement twice",
    // In the writer itself: hooks of the feature `planted-bugs`.
    RefusesWithoutALook: "the writer refuses without a look at the log's end",
    KeepsStateAfterFailure: "the writer keeps its state when an append failed",
    DecidesRepeatsAgain: "the writer does not look whether it knows the command",
    IdBlindWriter: "the writer compares a command's id, not its content",
    AnswersBeforeStored: "the writer answers while the group is on its way",
    RefusalsOvertake: "a refusal is told before what it was decided on is stored",
    DecidesWhatWasGivenUp: "a command that was told busy is decided all the same",
    LetsGoOfWhatIsUnknown: "the writer lets go of a group whose outcome is unknown",
    TrustsAnySnapshot: "the writer does not look whether the log holds its snapshot's event",
    ForgetsWhatItStored: "the writer goes on at a log that lost what it stored",
    FollowsTheClockBack: "events are recorded at the clock's time, even when it went back",
    TakesAPartForTheRun: "a billing run that was cut off counts as done",
}

/// The bugs that are hooks in the writer.
const HOOKS: &[(Bug, Planted)] = &[
    (Bug::RefusesWithoutALook, Planted::RefusesWithoutALook),
    (Bug::KeepsStateAfterFailure, Planted::KeepsStateAfterFailure),
    (Bug::DecidesRepeatsAgain, Planted::DecidesRepeatsAgain),
    (Bug::IdBlindWriter, Planted::IdBlindWriter),
    (Bug::AnswersBeforeStored, Planted::AnswersBeforeStored),
    (Bug::RefusalsOvertake, Planted::RefusalsOvertake),
    (Bug::DecidesWhatWasGivenUp, Planted::DecidesWhatWasGivenUp),
    (Bug::LetsGoOfWhatIsUnknown, Planted::LetsGoOfWhatIsUnknown),
    (Bug::TrustsAnySnapshot, Planted::TrustsAnySnapshot),
    (Bug::ForgetsWhatItStored, Planted::ForgetsWhatItStored),
    (Bug::FollowsTheClockBack, Planted::FollowsTheClockBack),
    (Bug::TakesAPartForTheRun, Planted::TakesAPartForTheRun),
];

impl Bug {
    /// The hook in the writer, where it is one.
    pub(crate) fn in_writer(self) -> Option<Planted> {
        HOOKS.iter().find(|(bug, _)| *bug == self).map(|(_, hook)| *hook)
    }
}
