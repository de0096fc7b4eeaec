//! stub
use crate::cli::Global;
use crate::exit::{Exit, Failure};
use clap::Args;
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {}
pub(crate) fn run(_global: &Global, _arguments: &Arguments) -> Result<Exit, Failure> {
    Ok(Exit::Done)
}
