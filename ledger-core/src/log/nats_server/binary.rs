//! Finds a nats-server to test with.

use std::ffi::OsString;
use std::io;
use std::process::Command;

const VARIABLE: &str = "REVLEDGER_NATS_SERVER";
const VERSION: &str = "v2.15.";

/// The path in `REVLEDGER_NATS_SERVER`, else `nats-server` where it is a 2.15.
pub(super) fn find() -> io::Result<OsString> {
    let named = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
    let path = named.unwrap_or_else(|| OsString::from("nats-server"));
    let found = match Command::new(&path).arg("--version").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) => error.to_string(),
    };
    if found.contains(VERSION) {
        return Ok(path);
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        format!(
            "a nats-server 2.15 is needed, but {} says: {}. Run the tests with \
             {VARIABLE}=\"$(bash .ci/nats-server)\"",
            path.display(),
            found.trim()
        ),
    ))
}
