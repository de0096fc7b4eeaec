//! The field `:86:`: structured by the German rules (`?20`), by slashes (`/REMI/`), or plain text.

use std::collections::BTreeMap;

use super::LINE_FULL;
use crate::import::statement::Part;

/// Words that begin a part of SEPA remittance text.
const SEPA: [&str; 9] =
    ["EREF+", "KREF+", "MREF+", "CRED+", "DEBT+", "SVWZ+", "ABWA+", "ABWE+", "BREF+"];
/// Words between slashes that begin a part.
const SLASH: [&str; 12] =
    ["EREF", "REMI", "BENM", "ORDP", "IBAN", "BIC", "NAME", "TRTP", "MARF", "CSID", "ISDT", "ADDR"];

/// Reads the lines of a field; its amount is not in them.
pub(super) fn read(lines: Option<&[&str]>) -> Part {
    let lines = lines.unwrap_or_default();
    let whole: String = lines.iter().map(|line| line.trim_end_matches(' ')).collect();
    if let Some(mark) = mark(whole.trim_start()) {
        return german(&lines.concat(), mark);
    }
    if SLASH.iter().any(|word| whole.trim_start().starts_with(&format!("/{word}/"))) {
        return slashes(&lines.concat());
    }
    Part { remittance: plain(lines), ..Part::default() }
}

/// Lines with a blank between them, except behind a full one.
fn plain(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(line.trim_end());
        if line.chars().count() < LINE_FULL {
            text.push(' ');
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The mark of subfields: what follows a code of three digits, before two more.
fn mark(text: &str) -> Option<char> {
    let mut letters = text.chars();
    let is_code = letters.by_ref().take(3).filter(char::is_ascii_digit).count() == 3;
    let mark = letters.next().filter(|letter| letter.is_ascii_punctuation())?;
    let is_number = letters.take(2).filter(char::is_ascii_digit).count() == 2;
    (is_code && is_number).then_some(mark)
}

fn german(text: &str, mark: char) -> Part {
    let mut fields: BTreeMap<u8, String> = BTreeMap::new();
    for piece in text.split(mark).skip(1) {
        let (number, value) = piece.split_at_checked(2).unwrap_or((piece, ""));
        match number.parse::<u8>() {
            Ok(number) => fields.entry(number).or_default().push_str(value),
            // The mark stood inside a text.
            Err(_) => {
                if let Some(mut last) = fields.last_entry() {
                    last.get_mut().push(mark);
                    last.get_mut().push_str(piece);
                }
            }
        }
    }
    let join = |numbers: &[u8]| -> String {
        numbers.iter().filter_map(|number| fields.get(number)).map(String::as_str).collect()
    };
    let purpose = join(&[20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 60, 61, 62, 63]);
    let present = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let mut part = Part {
        counterparty: present(join(&[32, 33])),
        counterparty_account: present(join(&[38])).or_else(|| present(join(&[31]))),
        ..Part::default()
    };
    let (sepa, free) = sepa(&purpose);
    part.end_to_end = sepa.get("EREF+").cloned().filter(|text| text != "NOTPROVIDED");
    let remittance = sepa.get("SVWZ+").cloned().unwrap_or(free);
    part.remittance = remittance.split_whitespace().collect::<Vec<_>>().join(" ");
    part
}

/// The SEPA parts of a purpose, and what stands before the first of them.
fn sepa(text: &str) -> (BTreeMap<&'static str, String>, String) {
    let mut found: Vec<(usize, &'static str)> = SEPA
        .into_iter()
        .flat_map(|word| text.match_indices(word).map(move |(at, _)| (at, word)))
        .collect();
    found.sort_unstable();
    let free = text.get(..found.first().map_or(text.len(), |one| one.0)).unwrap_or_default();
    let mut parts = BTreeMap::new();
    for (index, (at, word)) in found.iter().enumerate() {
        let end = found.get(index + 1).map_or(text.len(), |next| next.0);
        let value = text.get(at + word.len()..end).unwrap_or_default().trim().to_owned();
        parts.entry(*word).or_insert(value);
    }
    (parts, free.to_owned())
}

fn slashes(text: &str) -> Part {
    let mut part = Part::default();
    let mut word = "";
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for piece in text.split('/') {
        if SLASH.contains(&piece.trim()) {
            word = piece.trim();
        } else if !piece.trim().is_empty() {
            values.entry(word).or_default().push(piece.trim());
        }
    }
    let take = |word: &str| values.get(word).map(|pieces| pieces.join("/"));
    part.end_to_end = take("EREF");
    part.counterparty = take("NAME");
    part.counterparty_account = take("IBAN");
    part.remittance = take("REMI").unwrap_or_default();
    part
}
