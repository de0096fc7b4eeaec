//! Bends of a file at places that an input gives: what disks, copies and people do to one.
//!
//! A bend is ten bytes: what, where (4 bytes), how much (2 bytes), and three bytes more.

use crate::chance::Chance;

const BEND_BYTES: usize = 10;
/// More say nothing new.
const BENDS_MAX: usize = 6;

/// The bytes with every bend of the input done to them, one after another. `seams` are places where
/// something begins: a bend is at one of them as often as anywhere.
pub fn bent(whole: &[u8], seams: &[usize], input: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for bend in input.chunks_exact(BEND_BYTES).take(BENDS_MAX) {
        let [what, a, b, c, d, e, f, more @ ..] = bend else { continue };
        let place = usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).unwrap_or(0);
        let length = usize::from(u16::from_le_bytes([*e, *f]));
        one(&mut bytes, seams, *what, (place, length), more);
    }
    bytes
}

fn one(
    bytes: &mut Vec<u8>,
    seams: &[usize],
    what: u8,
    (place, length): (usize, usize),
    more: &[u8],
) {
    let seam = |number: usize| seams.get(number % seams.len().max(1)).copied().unwrap_or(0);
    let at = if what & 0x80 == 0 { place } else { seam(place) };
    let at = at % (bytes.len() + 1);
    let end = (at + length).min(bytes.len());
    match what & 0x0f {
        0..=2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (length % 8);
            }
        }
        3 => {
            if let (Some(byte), Some(new)) = (bytes.get_mut(at), more.first()) {
                *byte = *new;
            }
        }
        // From here to the end, or a part.
        4 => bytes.truncate(at),
        5 => drop(bytes.drain(at..end)),
        6 => drop(bytes.splice(at..at, more.iter().copied())),
        // A part once more, here or at the end.
        7 => {
            let part = bytes[at..end].to_vec();
            bytes.splice(end..end, part);
        }
        8 => {
            let part = bytes[at..end].to_vec();
            bytes.extend(part);
        }
        // Sectors that were never written.
        9 => bytes[at..].fill(0),
        10 => bytes[at..end].fill(0),
        11 => bytes[at..end].fill(0xff),
        // From one seam to the next one: whole records are lost, doubled and exchanged.
        12 => {
            let (from, to) = (seam(place), seam(place + 1));
            if from < to && to <= bytes.len() {
                let part: Vec<u8> = bytes.drain(from..to).collect();
                let to = seam(length).min(bytes.len());
                bytes.splice(to..to, part);
            }
        }
        13 => {
            let (from, to) = (seam(place), seam(place + 1));
            if from < to && to <= bytes.len() {
                bytes.drain(from..to);
            }
        }
        14 => {
            let (from, to) = (seam(place), seam(place + 1));
            if from < to && to <= bytes.len() {
                let part = bytes[from..to].to_vec();
                bytes.splice(to..to, part);
            }
        }
        _ => bytes.extend(more.iter().cycle().take(length)),
    }
}

/// The bytes of one bend or a few, by chance.
pub fn by_chance(chance: &mut Chance) -> Vec<u8> {
    let bends = 1 + chance.below(3);
    let mut input = Vec::new();
    for _ in 0..bends {
        let length = *chance.one_of(&[0_u16, 1, 7, 8, 68, 512, 4_096]);
        input.push(chance.number().to_le_bytes()[3]);
        input.extend(&chance.number().to_le_bytes()[2..6]);
        input.extend(length.to_le_bytes());
        input.extend(&chance.number().to_le_bytes()[2..5]);
    }
    input
}
