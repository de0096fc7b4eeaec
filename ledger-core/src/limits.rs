//! Every bound of the ledger in one place, related to one another at compile time.

/// Bytes of one command, as sent.
pub const COMMAND_BYTES_MAX: usize = 512 * 1024;
/// Depth of the JSON of a command.
pub const JSON_DEPTH_MAX: usize = 32;
/// Documents of one billing run; it is stored in as many groups as it takes.
pub const RUN_DOCUMENTS_MAX: usize = 1_000_000;
/// Lines of one invoice of a billing run.
pub const RUN_LINES_MAX: usize = 1_000;
/// Years between a billing run and the date that it bills through.
pub const RUN_YEARS_MAX: i32 = 10;
/// Lines of one document.
pub const DOCUMENT_LINES_MAX: usize = 2_000;
/// Bytes of one event's body.
pub const EVENT_BYTES_MAX: usize = 900 * 1024;
/// Bytes of a message that the log's server must take.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Events of most commands: a group that has no room for as many is full.
pub const COMMAND_EVENTS_USUAL: usize = 16;
/// Events of one command at most: a billing run may fill a group of its own.
pub const COMMAND_EVENTS_MAX: usize = GROUP_RECORDS_MAX;
/// Records of one group, which is one `fdatasync` or one atomic batch (ADR-50 allows 1,000).
pub const GROUP_RECORDS_MAX: usize = 1_000;
/// Bytes of one group.
pub const GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Commands that wait for the writer; beyond it `book.busy`, at once.
pub const QUEUE_COMMANDS_MAX: usize = 4_096;
/// Bytes of the commands that wait for the writer; beyond it `book.busy`, at once.
pub const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Milliseconds that a command waits in the queue at most; beyond it `book.busy`.
pub const TAKEN_WITHIN_MS: u64 = 5_000;
/// Milliseconds from then on in which its outcome is known; beyond it `command.outcome_unknown`.
pub const KNOWN_WITHIN_MS: u64 = 5_000;
/// Milliseconds after which a caller that is turned away is asked to come again, at least.
pub const RETRY_AFTER_MS_MIN: u64 = 100;
/// The same, at most.
pub const RETRY_AFTER_MS_MAX: u64 = 5_000;
/// Connections over HTTP that are served at once; more wait for one of them to end.
pub const HTTP_CONNECTIONS_MAX: usize = 200;
/// Bytes of all bodies over HTTP of more than one command that are held at once.
pub const HTTP_BODIES_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Bytes of the head of a request over HTTP.
pub const HTTP_HEAD_BYTES_MAX: usize = 16 * 1024;
/// Milliseconds for the head of a request over HTTP, and that a connection may be idle.
pub const HTTP_HEAD_WITHIN_MS: u64 = 10_000;
/// Milliseconds for the body of a request over HTTP, and for the other side to take any of an answer.
pub const HTTP_BODY_WITHIN_MS: u64 = 30_000;
/// Bytes of an identifier.
pub const IDENTIFIER_BYTES_MAX: usize = 128;
/// Bytes of a free text.
pub const TEXT_BYTES_MAX: usize = 4_096;
/// Rows of a report in one answer over NATS or HTTP.
pub const ANSWER_ROWS_MAX: usize = 100_000;
/// Ageing buckets of one report.
pub const AGEING_BUCKETS_MAX: usize = 64;
/// Decimals of a unit price, a rate or a quantity.
pub const RATE_DECIMALS_MAX: u32 = 12;
/// Digits before the point of any amount, price or quantity.
pub const INTEGER_DIGITS_MAX: u32 = 12;

/// Digits before the point of an amount that is read back: a sum of a million amounts.
pub const SUM_DIGITS_MAX: u32 = INTEGER_DIGITS_MAX + 6;
/// Stages of one dunning policy.
pub const DUNNING_STAGES_MAX: usize = 20;
/// Retries of one schedule of collecting through a processor.
pub const COLLECTION_RETRIES_MAX: usize = 20;
/// Years that a term may last.
pub const TERM_YEARS_MAX: i32 = 100;

const _: () = assert!(COMMAND_BYTES_MAX < EVENT_BYTES_MAX);
const _: () = assert!(EVENT_BYTES_MAX < MESSAGE_BYTES_MAX);
const _: () = assert!(COMMAND_EVENTS_USUAL < COMMAND_EVENTS_MAX);
const _: () = assert!(COMMAND_EVENTS_MAX <= GROUP_RECORDS_MAX);
const _: () = assert!(GROUP_BYTES_MAX >= MESSAGE_BYTES_MAX);
// A usual command has room however many wait, and a full request over HTTP is a part of the queue.
const _: () = assert!(QUEUE_BYTES_MAX >= QUEUE_COMMANDS_MAX * 16 * 1024);
const _: () = assert!(QUEUE_BYTES_MAX >= 4 * GROUP_BYTES_MAX);
const _: () = assert!(QUEUE_BYTES_MAX >= 8 * COMMAND_BYTES_MAX);
const _: () = assert!(HTTP_BODIES_BYTES_MAX >= 4 * GROUP_BYTES_MAX);
const _: () = assert!(HTTP_HEAD_BYTES_MAX < COMMAND_BYTES_MAX);
const _: () = assert!(RETRY_AFTER_MS_MIN < RETRY_AFTER_MS_MAX);
// Who is turned away at once comes back before one that waits would have been.
const _: () = assert!(RETRY_AFTER_MS_MAX <= TAKEN_WITHIN_MS);
