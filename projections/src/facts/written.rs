//! Facts as bytes: what the digests hash, and what the store keeps, are the same ones.

use borsh::BorshSerialize;

use super::EventFacts;

/// One event's facts as bytes ([Borsh](https://borsh.io): fields in their order, each list with its
/// length, so that two different facts are never the same bytes).
#[derive(Debug, Clone, Copy, Default)]
pub struct Written<'a> {
    /// Sequence and effective day.
    pub(super) at: &'a [u8],
    /// Empty where the event has no facts of receivables.
    pub(super) receivables: &'a [u8],
    /// Empty where the event has no facts of deferred revenue.
    pub(super) deferred_revenue: &'a [u8],
    pub(super) audit_trail: &'a [u8],
    row: &'a [u8],
}

impl<'a> Written<'a> {
    /// All of it, as [`EventFacts`] are read from the store.
    pub fn row(self) -> &'a [u8] {
        self.row
    }
}

/// The facts of many events in one buffer. They depend on nothing but the events: other threads can
/// write them before the fold comes there.
#[derive(Debug, Clone, Default)]
pub struct WrittenFacts {
    bytes: Vec<u8>,
    events: Vec<Ends>,
}

/// Where the parts of an event end.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    at: usize,
    receivables: usize,
    deferred_revenue: usize,
    audit_trail: usize,
    row: usize,
    has_receivables: bool,
    has_deferred_revenue: bool,
}

impl WrittenFacts {
    /// The facts of one event.
    pub fn of(facts: &EventFacts) -> Self {
        let mut buffer = Self::default();
        buffer.push(facts);
        buffer
    }

    /// With room for so many events of so many bytes altogether.
    pub fn with_capacity(events: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), events: Vec::with_capacity(events) }
    }

    /// Writes the facts of one more event.
    pub fn push(&mut self, facts: &EventFacts) {
        let start = self.bytes.len();
        // A vector takes whatever is written, and no event has lists of 2^32 entries.
        let ends = self.write(facts).unwrap_or_else(|_| {
            self.bytes.truncate(start);
            Ends::at(start)
        });
        self.events.push(ends);
    }

    fn write(&mut self, facts: &EventFacts) -> std::io::Result<Ends> {
        let EventFacts {
            sequence,
            effective,
            receivables,
            deferred_revenue,
            audit_trail,
            recorded_at: _,
            actor: _,
        } = facts;
        let mut ends = Ends {
            has_receivables: !receivables.is_empty(),
            has_deferred_revenue: !deferred_revenue.is_empty(),
            ..Ends::default()
        };
        ends.at = self.add(&(sequence, effective))?;
        ends.receivables = self.add(receivables)?;
        ends.deferred_revenue = self.add(deferred_revenue)?;
        ends.audit_trail = self.add(audit_trail)?;
        facts.write_who_and_when(&mut self.bytes)?;
        ends.row = self.bytes.len();
        Ok(ends)
    }

    /// Where it ends.
    fn add<T: BorshSerialize>(&mut self, value: &T) -> std::io::Result<usize> {
        value.serialize(&mut self.bytes)?;
        Ok(self.bytes.len())
    }

    /// The facts of each event, in their order.
    pub fn events(&self) -> impl Iterator<Item = Written<'_>> {
        let starts = std::iter::once(0).chain(self.events.iter().map(|ends| ends.row));
        starts.zip(&self.events).map(|(start, ends)| self.written(start, ends))
    }

    fn written(&self, start: usize, ends: &Ends) -> Written<'_> {
        let part = |is_there: bool, from: usize, to: usize| {
            self.bytes.get(from..to).filter(|_| is_there).unwrap_or_default()
        };
        Written {
            at: part(true, start, ends.at),
            receivables: part(ends.has_receivables, ends.at, ends.receivables),
            deferred_revenue: part(
                ends.has_deferred_revenue,
                ends.receivables,
                ends.deferred_revenue,
            ),
            audit_trail: part(true, ends.deferred_revenue, ends.audit_trail),
            row: part(true, start, ends.row),
        }
    }
}

impl Ends {
    fn at(place: usize) -> Self {
        Self {
            at: place,
            receivables: place,
            deferred_revenue: place,
            audit_trail: place,
            row: place,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use borsh::BorshDeserialize;
    use time::macros::datetime;

    use super::*;
    use crate::facts::{AuditRow, ReceivablesFact, Settles};

    fn facts(sequence: u64, receivables: Vec<ReceivablesFact>) -> EventFacts {
        EventFacts {
            sequence,
            effective: "2026-01-31".parse().unwrap(),
            receivables,
            deferred_revenue: Vec::new(),
            audit_trail: AuditRow {
                kind: "PaymentAllocated".into(),
                document_kind: "payment".into(),
                document: "P-1".parse().unwrap(),
                touches: Vec::new(),
                customer: None,
                command_id: "c-1".parse().unwrap(),
                reason: None,
                summary: "allocated".to_owned(),
                closing: None,
            },
            recorded_at: datetime!(2026-01-31 12:00:00.000001 UTC),
            actor: "somebody".to_owned(),
        }
    }

    #[test]
    fn a_row_is_read_as_the_facts_that_it_was_written_from() {
        let settlement = ReceivablesFact::Settlement {
            invoice: "INV-1".parse().unwrap(),
            kind: Settles::Payment,
            document: "P-1".parse().unwrap(),
            amount: "12.50".parse().unwrap(),
        };
        let all = [facts(1, Vec::new()), facts(2, vec![settlement])];
        let mut written = WrittenFacts::default();
        all.iter().for_each(|one| written.push(one));
        let rows: Vec<_> = written.events().map(Written::row).collect();
        assert_eq!(rows.len(), all.len());
        for (row, facts) in rows.iter().zip(&all) {
            assert_eq!(EventFacts::try_from_slice(row).unwrap(), *facts);
            assert_eq!(borsh::to_vec(facts).unwrap(), *row);
        }
        let events: Vec<_> = written.events().collect();
        assert!(events[0].receivables.is_empty() && events[0].deferred_revenue.is_empty());
        assert!(!events[1].receivables.is_empty() && events[1].deferred_revenue.is_empty());
    }
}
