//! What the stream of one book looks like, and what of an existing one is too dangerous to use.

use std::time::Duration;

use async_nats::jetstream::stream::{
    Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType,
};

use crate::id::subject_token;
use crate::limits::MESSAGE_BYTES_MAX;
use crate::log::LogError;

/// How long the server remembers a `Nats-Msg-Id`. A seat belt only: what was done is in the log.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// The metadata of a stream that is being filled with a history, and is no book before its end.
pub(super) const UNFINISHED: &str = "revledger-unfinished";

/// Which stream, and how safe it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSettings {
    /// The book's name as the user wrote it.
    pub book: String,
    /// The shard of the book; 0 where there is only one.
    pub shard: u32,
    /// Replicas that the stream has at least. `None`: 3 in a cluster, 1 on a single server; a
    /// reader, who acknowledges nothing, takes any number.
    pub replicas: Option<usize>,
    /// Addresses of the servers' monitoring (`http://host:8222`), one for each node that keeps
    /// the stream. From them it is proven that an acknowledged event is on disk.
    pub monitors: Vec<String>,
    /// Skips that proof, and takes a stream that may drop events. Acknowledged events can then be
    /// lost: for trying things out.
    pub unsafe_dev: bool,
}

impl StreamSettings {
    /// The stream's name: `LEDGER_<book>_<shard>`.
    ///
    /// The book is encoded as in a subject, with `=` for `%`: a `%` is awkward in the file names
    /// and addresses where a stream's name ends up, and `=` is legal in both and never produced
    /// by the encoding itself, so that two books never share a stream.
    #[must_use]
    pub fn stream_name(&self) -> String {
        format!("LEDGER_{}_{}", subject_token(&self.book).replace('%', "="), self.shard)
    }

    /// What the subject of every record starts with: `ledger.<book>.evt.<shard>.`.
    #[must_use]
    pub fn subject_prefix(&self) -> String {
        format!("ledger.{}.evt.{}.", subject_token(&self.book), self.shard)
    }

    /// The stream as it is created: nothing in it ever goes away by itself.
    pub(super) fn config(&self) -> Config {
        Config {
            name: self.stream_name(),
            description: Some(format!("the ledger of the book {}", self.book)),
            subjects: vec![format!("{}>", self.subject_prefix())],
            storage: StorageType::File,
            num_replicas: self.replicas.unwrap_or(1),
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            max_messages: -1,
            max_messages_per_subject: -1,
            max_bytes: -1,
            max_age: Duration::ZERO,
            max_consumers: -1,
            max_message_size: i32::try_from(MESSAGE_BYTES_MAX).unwrap_or(i32::MAX),
            duplicate_window: DUPLICATE_WINDOW,
            deny_delete: true,
            deny_purge: true,
            allow_atomic_publish: true,
            // A direct read is answered by any replica, also by one that lags behind.
            allow_direct: false,
            ..Config::default()
        }
    }

    /// Checks an existing stream that is to be used as a book.
    ///
    /// # Errors
    ///
    /// As [`StreamSettings::check_settings`], and [`LogError::Unfinished`] where not all of its
    /// history has come.
    pub(super) fn check(&self, found: &Config) -> Result<(), LogError> {
        self.check_settings(found)?;
        match found.metadata.get(UNFINISHED) {
            None => Ok(()),
            Some(why) => Err(LogError::Unfinished {
                what: format!("stream {}", self.stream_name()),
                reason: format!(
                    "{why} has begun to fill it and has not ended: run it again, it goes on where \
                     it was; or delete the stream, which is no book, and begin anew"
                ),
            }),
        }
    }

    /// Checks an existing stream for every setting with which it could lose or change events, and
    /// for those without which the ledger does not work on it. `unsafe_dev` asks for the latter
    /// only.
    ///
    /// # Errors
    ///
    /// [`LogError::Unsafe`] that names the first such setting, its value, what it has to be, and
    /// the line that mends it.
    pub(super) fn check_settings(&self, found: &Config) -> Result<(), LogError> {
        let demands = self.demands_on_limits(found).into_iter().chain(self.demands(found));
        let asked = demands.filter(|demand| demand.is_needed_to_work || !self.unsafe_dev);
        match asked.into_iter().find(|demand| !demand.fits) {
            Some(demand) => Err(self.refuse(&demand)),
            None => Ok(()),
        }
    }

    /// What takes events away by itself.
    fn demands_on_limits(&self, found: &Config) -> Vec<Demand> {
        let wanted = self.config();
        let replicas = found.num_replicas;
        let at_least = wanted.num_replicas;
        let unlimited = |setting, flag: &str, value: i64| {
            Demand::safety(setting, value <= 0, said(value)).line("-1", format!("{flag}=-1"))
        };
        vec![
            Demand::safety("num_replicas", replicas >= at_least, said(replicas))
                .line(&format!("at least {at_least}"), format!("--replicas={at_least}")),
            Demand::safety("discard", found.discard == wanted.discard, said(found.discard))
                .line("new", "--discard=new"),
            Demand::safety("retention", found.retention == wanted.retention, said(found.retention))
                .line("limits", "--retention=limits"),
            unlimited("max_msgs", "--max-msgs", found.max_messages),
            unlimited(
                "max_msgs_per_subject",
                "--max-msgs-per-subject",
                found.max_messages_per_subject,
            ),
            unlimited("max_bytes", "--max-bytes", found.max_bytes),
            Demand::safety("max_age", found.max_age.is_zero(), said(found.max_age))
                .line("0", "--max-age=0s"),
            Demand::safety("storage", found.storage == wanted.storage, said(found.storage))
                .fixed("file"),
            Demand::safety(
                "persist_mode",
                matches!(found.persist_mode, None | Some(PersistenceMode::Default)),
                said(found.persist_mode),
            )
            .fixed("default"),
            Demand::switch("deny_delete", found.deny_delete, true).flag("--deny-delete"),
            Demand::switch("deny_purge", found.deny_purge, true).flag("--deny-purge"),
            Demand::switch("allow_rollup_hdrs", found.allow_rollup, false)
                .flag("--no-allow-rollup"),
            Demand::switch("allow_msg_ttl", found.allow_message_ttl, false),
            Demand::switch(
                "subject_delete_marker_ttl",
                found.subject_delete_marker_ttl.is_some(),
                false,
            ),
            Demand::switch("discard_new_per_subject", found.discard_new_per_subject, false)
                .flag("--no-discard-per-subject"),
        ]
    }

    /// What an append or a read needs.
    fn demands(&self, found: &Config) -> Vec<Demand> {
        let wanted = self.config();
        let size = found.max_message_size;
        let subjects = wanted.subjects.join(" ");
        vec![
            Demand::safety("subjects", found.subjects == wanted.subjects, found.subjects.join(" "))
                .line(&subjects, format!("--subjects='{subjects}'")),
            Demand::safety(
                "max_msg_size",
                size <= 0 || size >= wanted.max_message_size,
                said(size),
            )
            .line(
                &said(wanted.max_message_size),
                format!("--max-msg-size={}", wanted.max_message_size),
            ),
            Demand::safety(
                "first_seq",
                found.first_sequence.is_none_or(|first| first <= 1),
                said(found.first_sequence),
            )
            .fixed("1"),
            Demand::switch("allow_atomic", found.allow_atomic_publish, true).flag("--allow-batch"),
            Demand::switch("allow_msg_counter", found.allow_message_counter, false),
            Demand::switch("allow_msg_schedules", found.allow_message_schedules, false),
            Demand::switch("no_ack", found.no_ack, false).flag("--ack"),
            Demand::switch("sealed", found.sealed, false),
            Demand::switch("mirror", found.mirror.is_some(), false).flag("--no-mirror"),
            Demand::switch(
                "sources",
                found.sources.as_ref().is_some_and(|sources| !sources.is_empty()),
                false,
            ),
            Demand::switch("subject_transform", found.subject_transform.is_some(), false)
                .flag("--no-transform"),
        ]
        .into_iter()
        .map(|demand| Demand { is_needed_to_work: true, ..demand })
        .collect()
    }

    fn refuse(&self, demand: &Demand) -> LogError {
        let stream = self.stream_name();
        let Demand { setting, found, wanted, line, .. } = demand;
        let remedy = match line {
            Some(flags) => {
                format!("an administrator mends it with `nats stream edit {stream} {flags}`")
            }
            None => "that cannot be edited: let the ledger create the stream".to_owned(),
        };
        LogError::Unsafe {
            what: format!("stream {stream}"),
            reason: format!(
                "its setting {setting} is {found}, for a ledger it has to be {wanted}; {remedy}"
            ),
        }
    }
}

/// What a ledger demands of one setting of a stream.
struct Demand {
    setting: &'static str,
    fits: bool,
    found: String,
    wanted: String,
    /// The flags of `nats stream edit` that mend it, where it can be edited.
    line: Option<String>,
    /// Else it is about safety alone.
    is_needed_to_work: bool,
}

impl Demand {
    fn safety(setting: &'static str, fits: bool, found: String) -> Demand {
        let (wanted, line) = (String::new(), None);
        Demand { setting, fits, found, wanted, line, is_needed_to_work: false }
    }

    fn switch(setting: &'static str, found: bool, wanted: bool) -> Demand {
        Demand::safety(setting, found == wanted, found.to_string()).fixed(&wanted.to_string())
    }

    fn line(self, wanted: &str, flags: impl Into<String>) -> Demand {
        Demand { wanted: wanted.to_owned(), line: Some(flags.into()), ..self }
    }

    fn flag(self, flag: &str) -> Demand {
        Demand { line: Some(flag.to_owned()), ..self }
    }

    fn fixed(self, wanted: &str) -> Demand {
        Demand { wanted: wanted.to_owned(), ..self }
    }
}

fn said(value: impl std::fmt::Debug) -> String {
    format!("{value:?}").trim_matches('"').to_lowercase()
}
