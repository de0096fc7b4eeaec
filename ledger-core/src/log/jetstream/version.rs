//! Which servers may keep a ledger: nats-server 2.15 and later.
//!
//! Atomic batches came with 2.12; in all before 2.15 `sync_interval: always` is forgotten by the
//! compaction of blocks, so that an acknowledged event could be lost with the power.

use async_nats::ServerInfo;

use crate::limits::MESSAGE_BYTES_MAX;
use crate::log::LogError;

const OLDEST: (u64, u64, u64) = (2, 15, 0);

/// Checks the server that the client is connected to.
pub(super) fn check_server(info: &ServerInfo) -> Result<(), LogError> {
    check_version(&info.server_name, &info.version)?;
    if info.max_payload < MESSAGE_BYTES_MAX {
        return Err(LogError::Unsafe {
            what: format!("nats-server {}", info.server_name),
            reason: format!(
                "its max_payload is {}, the ledger needs {MESSAGE_BYTES_MAX} for its largest \
                 events: set `max_payload: 1MB`",
                info.max_payload
            ),
        });
    }
    Ok(())
}

/// Checks one server's version, given as it tells it: `2.15.1`, `2.15.0-RC.1`.
pub(super) fn check_version(server: &str, version: &str) -> Result<(), LogError> {
    let reason = match parse(version) {
        Some(found) if found >= OLDEST => return Ok(()),
        Some(_) => format!("its version is {version}, the ledger needs 2.15 or later: upgrade it"),
        None => format!(
            "it tells its version as `{version}`, which cannot be read; the ledger needs \
             nats-server 2.15 or later"
        ),
    };
    Err(LogError::Unsafe { what: format!("nats-server {server}"), reason })
}

/// Reads a version. A release candidate counts as the release before it: it is not 2.15 yet.
fn parse(version: &str) -> Option<(u64, u64, u64)> {
    let version = version.strip_prefix('v').unwrap_or(version);
    let (numbers, candidate) = match version.split_once('-') {
        Some((numbers, _)) => (numbers, true),
        None => (version.split('+').next().unwrap_or(version), false),
    };
    let mut parts = numbers.split('.').map(|part| part.parse::<u64>().ok());
    let (major, minor, patch) = (parts.next()??, parts.next()??, parts.next()??);
    if candidate && patch == 0 && (major, minor) == (OLDEST.0, OLDEST.1) {
        return Some((major, minor.saturating_sub(1), u64::MAX));
    }
    Some((major, minor, patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_from_2_15_on_are_taken() {
        for version in ["2.15.0", "2.15.1", "v2.15.1", "2.16.0-RC.1", "2.15.1-RC.2", "3.0.0"] {
            assert_eq!(check_version("n1", version), Ok(()), "{version}");
        }
    }

    #[test]
    fn older_and_unreadable_versions_are_refused_by_name_and_version() {
        for version in ["2.14.4", "2.15.0-RC.1", "2.2.0", "1.99.99", "", "two", "2.15"] {
            let error = check_version("n1", version).expect_err(version);
            let text = error.to_string();
            assert!(matches!(error, LogError::Unsafe { .. }), "{text}");
            assert!(
                text.contains("n1") && text.contains(version) && text.contains("2.15"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_server_with_small_messages_is_refused() {
        let info = |max_payload| ServerInfo {
            server_name: "n1".to_owned(),
            version: "2.15.1".to_owned(),
            max_payload,
            ..ServerInfo::default()
        };
        assert_eq!(check_server(&info(MESSAGE_BYTES_MAX)), Ok(()));
        let text = check_server(&info(64 * 1024)).expect_err("too small").to_string();
        assert!(text.contains("max_payload"), "{text}");
    }
}
