//! What has to happen somewhere among the default seeds: a simulation that never gets into trouble
//! proves nothing.

macro_rules! situations {
    ($($name:ident: $text:literal),+ $(,)?) => {
        /// Something that happened in a history.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Situation { $($name),+ }

        impl Situation {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),+];

            pub(crate) fn text(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

situations! {
    UnknownThenPresent: "an outcome was unknown, and the command was stored",
    UnknownThenAbsent: "an outcome was unknown, and the command was not stored",
    AnswerOfAppendLost: "a group was stored and its answer lost",
    AppendLost: "a group was lost, and its answer too",
    AppendRefused: "the log refused a group",
    AppendStalled: "an append was held while other things went on",
    LandedLate: "a group landed after its writer had heard no answer, or was dead",
    LogSilent: "the log answered reads, and no append for long",
    Fenced: "a writer lost the race against another one",
    StaleWriter: "a writer stood still for long while another one wrote",
    ReadFailed: "a read of the log failed",
    ShortRead: "a read gave less than was asked for",
    CrashBeforeCommit: "a writer crashed in front of the commit",
    CrashAfterCommit: "a writer crashed behind the commit",
    CrashAtRead: "a writer crashed at a read, at its start or on its way back from a failure",
    CrashAtRest: "a writer was killed from outside",
    EndedWell: "a writer was ended and started again",
    SnapshotUsed: "a writer started from its snapshot",
    SnapshotThrownAway: "a damaged snapshot of the writer was thrown away",
    ClockBack: "the clock went back",
    Repeated: "a command came again and had its reply of the past",
    RequestLost: "a request never came to the writer",
    ReplyLost: "a reply never came to the caller",
    IdReused: "an id was used for two contents",
    PeriodClosedRace: "a command came to the writer while its period was closed under it",
    LastCent: "an amount was spread over days that do not divide it",
    NumberAfterCrash: "an invoice was numbered behind a crash of the writer",
    RunCutOff: "a billing run was cut off between two groups, and finished later",
    Busy: "the queue was full",
    NotTakenInTime: "a command was not taken up in time, and its caller told so",
    NotKnownInTime: "a command was taken up and not known in time, and its caller told so",
    ProjectorCrashed: "the projector was cut off at a read",
    ProjectorResumed: "the projector went on from what was stored",
    ProjectorSnapshot: "the projector started from a snapshot",
    StoreFailed: "a commit of the projector's store failed",
    WriterHalted: "a writer stopped at a log that had lost events",
    WriterDidNotGoOn: "a running writer wrote nothing more to a log that had lost events",
    ProjectorHalted: "the projector stopped at a log that had lost events",
}
