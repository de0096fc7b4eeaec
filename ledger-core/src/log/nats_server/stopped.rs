//! A process that was told to stand still, and does.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(1);

/// Waits until every thread of a process stands still: the one that takes the signal may wait for a core
/// while another one goes on and answers. Where the system does not tell, it is taken as done.
///
/// # Errors
///
/// Where the process is gone.
pub(super) fn wait(process: u32) -> io::Result<()> {
    let threads = format!("/proc/{process}/task");
    if !Path::new("/proc/self/task").is_dir() {
        return Ok(());
    }
    while !all_stand(&threads)? {
        thread::sleep(LOOK);
    }
    Ok(())
}

fn all_stand(threads: &str) -> io::Result<bool> {
    for thread in fs::read_dir(threads)? {
        // A thread may end meanwhile.
        let Ok(stat) = fs::read_to_string(thread?.path().join("stat")) else { continue };
        // The state stands behind the name, which is in brackets and may contain some.
        let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
        if !matches!(state, Some('T' | 't' | 'Z' | 'X')) {
            return Ok(false);
        }
    }
    Ok(true)
}
