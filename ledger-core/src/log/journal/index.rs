//! All segments of a journal, checked, in order and without gaps.

use std::path::Path;

use super::checked::Checked;
use super::corrupt;
use super::segment::{Segment, Tail, list};
use crate::log::LogError;

/// The segments of a directory up to the last whole group.
#[derive(Debug, Default)]
pub(super) struct Index {
    segments: Vec<Segment>,
    /// What is not checked again.
    checked: Checked,
    /// Segments that are full, and were checked by this index.
    newly_checked: usize,
}

impl Index {
    /// An index that takes up what was checked before as it was found then.
    pub(super) fn behind(checked: Checked) -> Self {
        Self { checked, ..Self::default() }
    }

    /// Notes the full segments, where some of them were not noted yet.
    pub(super) fn note(&mut self, dir: &Path) {
        if let Some((_, full)) = self.segments.split_last().filter(|_| self.newly_checked > 0) {
            Checked::note(dir, full);
            self.newly_checked = 0;
        }
    }

    /// The last sequence, 0 where there is none.
    pub(super) fn last(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.last)
    }

    /// The segment that is written to.
    pub(super) fn newest(&self) -> Option<&Segment> {
        self.segments.last()
    }

    /// The segment that is written to, to grow.
    pub(super) fn newest_mut(&mut self) -> Option<&mut Segment> {
        self.segments.last_mut()
    }

    /// Takes up a new and empty segment: the one before it is full.
    pub(super) fn push(&mut self, segment: Segment) {
        self.newly_checked += usize::from(!self.segments.is_empty());
        self.segments.push(segment);
    }

    /// The segment that holds a sequence, and its number.
    pub(super) fn holding(&self, sequence: u64) -> Option<(usize, &Segment)> {
        let after = self.segments.partition_point(|segment| segment.first <= sequence);
        let number = after.checked_sub(1)?;
        let segment = self.segments.get(number)?;
        (sequence <= segment.last).then_some((number, segment))
    }

    /// Reads and checks all that is new in the directory. Cuts nothing: what follows the last
    /// whole group is returned.
    pub(super) fn extend(&mut self, dir: &Path) -> Result<Tail, LogError> {
        let files = list(dir)?;
        let known = self.segments.len();
        if files.len() < known {
            return Err(corrupt(dir, self.last(), "a segment is missing"));
        }
        let mut tail = Tail::None;
        let newest = files.len();
        for (number, (first, path)) in (1_usize..).zip(files) {
            let same = |known: &Segment| known.first == first;
            if number <= known {
                if !self.segments.get(number - 1).is_some_and(same) {
                    return Err(corrupt(&path, 0, "a segment was put between others"));
                }
            } else if first != self.last() + 1 {
                let reason = format!(
                    "the segment begins with sequence {first} where {} belongs: \
                     a segment is missing or cut short before it",
                    self.last() + 1
                );
                return Err(corrupt(&path, 0, &reason));
            } else if let Some(segment) = self.known_full(first, &path, number < newest) {
                self.segments.push(segment);
                continue;
            } else {
                self.segments.push(Segment::new(first, path.clone()));
                self.newly_checked += usize::from(number < newest);
            }
            if number < known {
                continue;
            }
            if let Some(segment) = self.segments.last_mut() {
                tail = segment.scan()?;
                if number < newest && tail != Tail::None {
                    let reason = "a group is incomplete, though later segments follow";
                    return Err(corrupt(&path, segment.length, reason));
                }
            }
        }
        Ok(tail)
    }

    /// A full segment that was checked before.
    fn known_full(&self, first: u64, path: &Path, is_full: bool) -> Option<Segment> {
        self.checked.segment(first, path).filter(|_| is_full)
    }
}
