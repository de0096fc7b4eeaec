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
    /// Replicas that the stream has at least: 1 on a single server, 3 in a cluster.
    pub replicas: usize,
    /// Addresses of the servers' monitoring (`http://host:8222`), one for each node that keeps
    /// the stream. From them it is proven that an acknowledged event is on disk.
    pub monitors: Vec<String>,
    /// Skips that proof. A power cut then loses acknowledged events: for trying things out.
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
            num_replicas: self.replicas,
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

    /// Checks an existing stream for every setting with which it could lose or change events.
    ///
    /// # Errors
    ///
    /// [`LogError::Unsafe`] that names the first such setting, its value, and what it has to be.
    pub(super) fn check_settings(&self, found: &Config) -> Result<(), LogError> {
        let wanted = self.config();
        let replicas = found.num_replicas;
        let subjects = found.subjects.join(" ");
        let checks = [
            ("subjects", found.subjects == wanted.subjects, subjects, wanted.subjects.join(" ")),
            ("storage", found.storage == wanted.storage, said(found.storage), said("file")),
            ("num_replicas", replicas >= self.replicas, said(replicas), said(self.replicas)),
            ("discard", found.discard == wanted.discard, said(found.discard), said("new")),
            (
                "retention",
                found.retention == wanted.retention,
                said(found.retention),
                said("limits"),
            ),
            ("max_msgs", found.max_messages <= 0, said(found.max_messages), said(-1)),
            (
                "max_msgs_per_subject",
                found.max_messages_per_subject <= 0,
                said(found.max_messages_per_subject),
                said(-1),
            ),
            ("max_bytes", found.max_bytes <= 0, said(found.max_bytes), said(-1)),
            ("max_age", found.max_age.is_zero(), said(found.max_age), said(0)),
            (
                "max_msg_size",
                found.max_message_size <= 0 || found.max_message_size >= wanted.max_message_size,
                said(found.max_message_size),
                said(wanted.max_message_size),
            ),
            (
                "first_seq",
                found.first_sequence.is_none_or(|first| first <= 1),
                said(found.first_sequence),
                said(1),
            ),
            (
                "persist_mode",
                found.persist_mode.is_none()
                    || found.persist_mode == Some(PersistenceMode::Default),
                said(found.persist_mode),
                said("default"),
            ),
        ];
        let failed = checks.into_iter().find(|(_, fits, _, _)| !fits);
        match failed {
            Some((setting, _, value, wanted)) => Err(self.refuse(setting, &value, &wanted)),
            None => self.check_switches(found),
        }
    }

    fn check_switches(&self, found: &Config) -> Result<(), LogError> {
        let switches = [
            ("deny_delete", found.deny_delete, true),
            ("deny_purge", found.deny_purge, true),
            ("allow_atomic", found.allow_atomic_publish, true),
            ("allow_rollup_hdrs", found.allow_rollup, false),
            ("allow_msg_ttl", found.allow_message_ttl, false),
            ("allow_msg_counter", found.allow_message_counter, false),
            ("allow_msg_schedules", found.allow_message_schedules, false),
            ("discard_new_per_subject", found.discard_new_per_subject, false),
            ("no_ack", found.no_ack, false),
            ("sealed", found.sealed, false),
            ("mirror", found.mirror.is_some(), false),
            ("sources", found.sources.as_ref().is_some_and(|sources| !sources.is_empty()), false),
            ("subject_transform", found.subject_transform.is_some(), false),
            ("subject_delete_marker_ttl", found.subject_delete_marker_ttl.is_some(), false),
        ];
        match switches.into_iter().find(|(_, found, wanted)| found != wanted) {
            Some((setting, found, wanted)) => {
                Err(self.refuse(setting, &found.to_string(), &wanted.to_string()))
            }
            None => Ok(()),
        }
    }

    fn refuse(&self, setting: &str, found: &str, wanted: &str) -> LogError {
        LogError::Unsafe {
            what: format!("stream {}", self.stream_name()),
            reason: format!(
                "its setting {setting} is {found}, for a ledger it has to be {wanted}; \
                 change it with `nats stream edit`, or let the ledger create the stream"
            ),
        }
    }
}

fn said(value: impl std::fmt::Debug) -> String {
    format!("{value:?}").trim_matches('"').to_lowercase()
}
