//! Waits for another process: its ports, and that it is ready to serve.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);
const SOCKET_PATIENCE: Duration = Duration::from_secs(2);

/// Where a server listens, as `host:port`.
#[derive(Debug, Clone)]
pub(super) struct Ports {
    pub(super) client: String,
    pub(super) monitor: String,
}

/// Tries until there is an answer or the deadline is over. `probe` says no with `None`.
pub(super) fn wait<T>(
    what: &str,
    mut probe: impl FnMut() -> io::Result<Option<T>>,
) -> io::Result<T> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("no {what} in time")));
        }
        sleep(PAUSE);
    }
}

/// Reads the ports file that a server writes once it listens.
pub(super) fn ports(file: &Path) -> Option<Ports> {
    let text = fs::read_to_string(file).ok()?;
    Some(Ports {
        client: address(&text, "\"nats\"", "nats://")
            .or_else(|| address(&text, "\"nats\"", "tls://"))?,
        monitor: address(&text, "\"monitoring\"", "http://")?,
    })
}

/// The first address behind a key, without its scheme.
fn address(text: &str, key: &str, scheme: &str) -> Option<String> {
    let (_, rest) = text.split_once(key)?;
    let (_, rest) = rest.split_once(scheme)?;
    let (address, _) = rest.split_once('"')?;
    Some(address.to_owned())
}

/// Whether `/healthz` says that the server serves, JetStream included.
pub(super) fn healthy(monitor: &str) -> bool {
    let ask = || -> io::Result<String> {
        let mut socket = TcpStream::connect(monitor)?;
        socket.set_read_timeout(Some(SOCKET_PATIENCE))?;
        write!(socket, "GET /healthz HTTP/1.0\r\nHost: {monitor}\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.lines().next().is_some_and(|line| line.contains(" 200 ")))
}
