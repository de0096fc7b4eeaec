//! One GET, enough for a server's monitoring on the machine or in the cluster.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::log::LogError;

const DEADLINE: Duration = Duration::from_secs(5);
/// Bytes of an answer at most; a `/varz` has some ten thousand.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;
const DEFAULT_PORT: u16 = 8222;

/// Where a monitoring listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    host: String,
    base: String,
}

impl Address {
    /// Reads `http://host`, `http://host:8222` or `http://[::1]:8222/base`.
    pub(super) fn parse(url: &str) -> Result<Address, LogError> {
        let illegible = || LogError::Unavailable {
            what: format!("monitoring {url}"),
            reason: "an address of a monitoring is like http://host:8222".to_owned(),
        };
        let rest = url.trim().strip_prefix("http://").ok_or_else(illegible)?;
        let (host, base) = match rest.split_once('/') {
            Some((host, base)) => (host, format!("/{}", base.trim_end_matches('/'))),
            None => (rest, String::new()),
        };
        let legal = |c: char| !c.is_whitespace() && !c.is_control() && c != '@';
        if host.is_empty() || !rest.chars().all(legal) {
            return Err(illegible());
        }
        let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
        let host = if has_port { host.to_owned() } else { format!("{host}:{DEFAULT_PORT}") };
        Ok(Address { host, base: base.trim_end_matches('/').to_owned() })
    }

    pub(super) fn unavailable(&self, reason: &str) -> LogError {
        LogError::Unavailable {
            what: format!("monitoring http://{}{}", self.host, self.base),
            reason: reason.to_owned(),
        }
    }
}

/// Returns the body of the answer.
pub(super) async fn get(address: &Address, path: &str) -> Result<Vec<u8>, LogError> {
    let asking = ask(address, path);
    let answer = match tokio::time::timeout(DEADLINE, asking).await {
        Ok(answer) => answer.map_err(|error| {
            address.unavailable(&format!("{error}: check the address, and that the node is up"))
        })?,
        Err(_) => return Err(address.unavailable("it did not answer within 5 seconds")),
    };
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let (head, body) = match end {
        Some(end) => answer.split_at(end + 4),
        None => return Err(address.unavailable("its answer is not HTTP")),
    };
    let status = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
    if !status.windows(5).any(|bytes| bytes == b" 200 ") {
        let status = String::from_utf8_lossy(status);
        return Err(address.unavailable(&format!("it answered {status}")));
    }
    Ok(body.to_vec())
}

async fn ask(address: &Address, path: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(&address.host).await?;
    // HTTP/1.0: the body then comes as it is, not in chunks, and ends with the connection.
    let request = format!("GET {}{path} HTTP/1.0\r\nHost: {}\r\n\r\n", address.base, address.host);
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let cases = [
            ("http://a:8222", "a:8222", ""),
            ("http://a", "a:8222", ""),
            ("http://a/", "a:8222", ""),
            ("http://[::1]:1/nats/", "[::1]:1", "/nats"),
            ("http://[::1]", "[::1]:8222", ""),
        ];
        for (url, host, base) in cases {
            let wanted = Address { host: host.to_owned(), base: base.to_owned() };
            assert_eq!(Address::parse(url), Ok(wanted), "{url}");
        }
        for url in ["", "a:8222", "https://a", "http://", "http://a b", "http://u:p@a", "nats://a"]
        {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }
}
