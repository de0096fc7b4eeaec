//! How much the servers still store: by their monitoring, or by what they say of the account.

use async_nats::client::Client;
use async_nats::jetstream::Context;
use tokio::time::timeout;

use super::gate::Proofs;
use super::leader::ATTEMPT_DEADLINE;
use crate::log::LogError;

/// What a server, or an account, has left of its storage on files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageLeft {
    /// Who has so much left.
    pub what: String,
    /// Bytes.
    pub bytes: u64,
}

/// The least that is left anywhere; `None` where nobody says it, or sets a limit.
pub(super) async fn least_left(
    client: &Client,
    context: &Context,
    monitors: &[String],
) -> Result<Option<StorageLeft>, LogError> {
    let proofs = Proofs::look(client, monitors).await?;
    if let Some(left) = proofs.least_left() {
        return Ok(Some(left));
    }
    if !monitors.is_empty() {
        return Ok(None);
    }
    // An account that may not ask is refused, or gets no answer.
    let Ok(Ok(account)) = timeout(ATTEMPT_DEADLINE, context.query_account()).await else {
        return Ok(None);
    };
    let left = account.limits.max_storage.and_then(|limit| left_of(account.storage, limit));
    let what = "the account at the NATS server".to_owned();
    Ok(left.map(|bytes| StorageLeft { what, bytes }))
}

/// A limit of -1 is none.
pub(super) fn left_of(used: u64, limit: i64) -> Option<u64> {
    u64::try_from(limit).ok().map(|limit| limit.saturating_sub(used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_below_a_limit_that_there_is() {
        assert_eq!(left_of(10, -1), None);
        assert_eq!(left_of(10, 0), Some(0));
        assert_eq!(left_of(10, 15), Some(5));
        assert_eq!(left_of(16, 15), Some(0));
    }
}
