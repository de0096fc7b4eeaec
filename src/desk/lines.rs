//! The lines of the input files, read ahead on a thread of their own.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use futures::Stream;
use ledger_core::limits::{COMMAND_BYTES_MAX, QUEUE_COMMANDS_MAX};
use tokio::sync::mpsc;

use crate::exit::Failure;

/// A line of a file that is not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Counted from 1 in its file.
    pub(crate) number: u64,
    /// Its bytes, at most one more than a command may have.
    pub(crate) bytes: Vec<u8>,
}

/// Files that are open for reading.
pub(crate) struct Files(Vec<(PathBuf, Box<dyn Read + Send>)>);

impl Files {
    /// Opens all files before the first line is read, so that a wrong name changes nothing.
    ///
    /// # Errors
    /// Where one cannot be opened.
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self, Failure> {
        let open = |path: &PathBuf| -> Result<(PathBuf, Box<dyn Read + Send>), Failure> {
            if path == Path::new("-") {
                return Ok((path.clone(), Box::new(std::io::stdin())));
            }
            let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
            Ok((path.clone(), Box::new(file)))
        };
        paths.iter().map(open).collect::<Result<Vec<_>, Failure>>().map(Self)
    }

    /// Text that is already in memory, as one file.
    pub(crate) fn text(text: &'static str) -> Self {
        Self(vec![(PathBuf::from("-"), Box::new(text.as_bytes()))])
    }
}

/// Reads the lines of all files, one file after another.
pub(crate) fn read(files: Files) -> impl Stream<Item = Result<Line, Failure>> {
    let (sender, receiver) = mpsc::channel(QUEUE_COMMANDS_MAX);
    // A plain thread: reading a terminal or a pipe may block for ever, and must not hold up the
    // end of the program.
    std::thread::spawn(move || {
        for (path, file) in files.0 {
            if !send_lines(&path, file, &sender) {
                return;
            }
        }
    });
    futures::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|line| (line, receiver))
    })
}

/// Sends the lines of one file; false where nobody wants more.
fn send_lines(
    path: &Path,
    file: Box<dyn Read + Send>,
    sender: &mpsc::Sender<Result<Line, Failure>>,
) -> bool {
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut number = 0;
    loop {
        number += 1;
        let line = match next_line(&mut reader) {
            Ok(None) => return true,
            Ok(Some(bytes)) if bytes.iter().all(u8::is_ascii_whitespace) => continue,
            Ok(Some(bytes)) => Ok(Line { number, bytes }),
            Err(error) => Err(Failure::file(path, &error)),
        };
        let is_last = line.is_err();
        if sender.blocking_send(line).is_err() || is_last {
            return false;
        }
    }
}

/// The next line without its end; of one that is too long, only its beginning.
fn next_line(reader: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let limit = u64::try_from(COMMAND_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    if reader.take(limit).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    } else if bytes.len() > COMMAND_BYTES_MAX {
        skip_line(reader)?;
    }
    Ok(Some(bytes))
}

fn skip_line(reader: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() || used == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_cut_and_the_next_one_is_whole() {
        let mut text = vec![b'x'; COMMAND_BYTES_MAX * 3];
        text.extend_from_slice(b"\n\r\nnext\r\nlast");
        let mut reader = BufReader::new(text.as_slice());
        assert_eq!(next_line(&mut reader).unwrap().unwrap().len(), COMMAND_BYTES_MAX + 1);
        assert_eq!(next_line(&mut reader).unwrap().unwrap(), b"");
        assert_eq!(next_line(&mut reader).unwrap().unwrap(), b"next");
        assert_eq!(next_line(&mut reader).unwrap().unwrap(), b"last");
        assert_eq!(next_line(&mut reader).unwrap(), None);
    }
}
