//! Ids as whole tokens of a text.

use std::collections::BTreeSet;

/// Marks that join words into one id: what stands on both sides of one is not whole by itself.
const JOINTS: [char; 4] = ['-', '_', '.', '/'];

/// A name as it is compared: words of letters and digits, in capitals, one blank between.
pub fn normalised(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for word in text.split(|letter: char| !letter.is_alphanumeric()) {
        if !word.is_empty() {
            if !words.is_empty() {
                words.push(' ');
            }
            words.extend(word.chars().flat_map(char::to_uppercase));
        }
    }
    words
}

/// An id from its first letter or digit to its last one, in capitals, and of how many words.
pub(super) fn core(id: &str) -> (String, usize) {
    let core = id.trim_matches(|letter: char| !letter.is_alphanumeric()).to_ascii_uppercase();
    let words = core.split(|letter: char| !letter.is_alphanumeric());
    let count = words.filter(|word| !word.is_empty()).count();
    (core, count)
}

/// Whether an id has digits and no letter.
pub(super) fn is_number(text: &str) -> bool {
    !text.chars().any(char::is_alphabetic)
}

/// Shows every run of so many words that stands whole in a text, in capitals.
pub(super) fn references(
    text: &str,
    counts: &BTreeSet<usize>,
    bytes_max: usize,
    mut see: impl FnMut(&str),
) {
    let text = text.to_ascii_uppercase();
    let words = words(&text);
    for (index, (start, _)) in words.iter().enumerate() {
        if joins(text.get(..*start).unwrap_or_default().chars().rev()) {
            continue;
        }
        for count in counts {
            let Some((_, end)) = words.get(index + count - 1) else { break };
            if end - start > bytes_max {
                break;
            }
            if let (Some(run), false) =
                (text.get(*start..*end), joins(text.get(*end..).unwrap_or_default().chars()))
            {
                see(run);
            }
        }
    }
}

/// Whether what stands beside a run joins it to another word.
fn joins(mut beside: impl Iterator<Item = char>) -> bool {
    let is_joint = beside.next().is_some_and(|letter| JOINTS.contains(&letter));
    is_joint && beside.next().is_some_and(char::is_alphanumeric)
}

/// Where each word begins and ends.
fn words(text: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, letter) in text.char_indices() {
        match (letter.is_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(first)) => {
                words.push((first, at));
                start = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    words.extend(start.map(|first| (first, text.len())));
    words
}
