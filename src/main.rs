//! The program `revledger`: the command line over the write side and the read side.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

/// Commands and events are made on one core and freed on another, where the system's allocator
/// waits for locks (docs/PERFORMANCE.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod anchor;
mod cli;
mod collect;
mod config;
mod connection;
mod desk;
mod exit;
mod export;
mod history;
mod live;
mod notices;
mod output;
mod paper;
mod preview;
mod reading;
mod scenario;
mod scrub;
mod vitals;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { exit::Exit::Usage } else { exit::Exit::Done };
            // Nothing can be told where even the help cannot be printed.
            return match error.print() {
                Ok(()) => code.into(),
                Err(_) => exit::Exit::Usage.into(),
            };
        }
    };
    match cli::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if !failure.is_closed_output() {
                let mut errors = std::io::stderr().lock();
                // Where standard error is closed, the exit code alone has to tell.
                if failure.print(&mut errors).and_then(|()| errors.flush()).is_err() {
                    return failure.exit.into();
                }
            }
            failure.exit.into()
        }
    }
}
