//! The views as parts of a snapshot, read on all cores.

use std::thread;

use ledger_core::snapshot::{Heading, List, Map, Part, Snapshot, SnapshotError, Unpublished};

use super::{AuditTrail, DeferredRevenue, Receivables, Views};

impl Views {
    /// Writes the views to a snapshot.
    ///
    /// # Errors
    /// [`SnapshotError`] where the disk fails.
    pub(crate) fn write_snapshot(
        &self,
        path: &std::path::Path,
        heading: Heading,
    ) -> Result<Unpublished, SnapshotError> {
        // Every field by name: what a snapshot forgets would be missing after the next start.
        let Self {
            book,
            policies,
            revenue_accounts,
            customers,
            receivables,
            collections,
            deferred_revenue,
            rates,
            audit_trail,
            sequence,
            folder,
        } = self;
        let Receivables { invoices, payments, credits, paid_back, entries, closes } = receivables;
        let DeferredRevenue { contracts, contra, closes: revenue_closes, changed, segments } =
            deferred_revenue;
        let (rows, AuditTrail { closings, .. }) = (audit_trail.rows(), audit_trail);
        let small = (
            (book, policies, revenue_accounts, customers),
            (collections, rates, closings, sequence),
            (credits, paid_back, closes),
            (contra, revenue_closes, changed),
        );
        let parts: [&dyn Part; 8] =
            [&small, invoices, payments, entries, contracts, segments, &rows, folder];
        Unpublished::write(path, heading, &parts)
    }

    /// Reads the views of a snapshot; the rows of the audit trail, which are the largest part and which
    /// few reports ask for, only where they are wanted.
    ///
    /// # Errors
    /// [`SnapshotError`] where a part is not what was written.
    pub(crate) fn read_snapshot(
        snapshot: &Snapshot,
        rows_wanted: bool,
    ) -> Result<Self, SnapshotError> {
        thread::scope(|threads| {
            // The longest first.
            let contracts = threads.spawn(|| snapshot.part::<Map<_, _>>(4));
            let rows = rows_wanted.then(|| threads.spawn(|| snapshot.part::<List<_>>(6)));
            let entries = threads.spawn(|| snapshot.part::<List<_>>(3));
            let invoices = threads.spawn(|| snapshot.part::<Map<_, _>>(1));
            let payments = threads.spawn(|| snapshot.part::<Map<_, _>>(2));
            let folder = threads.spawn(|| snapshot.part(7));
            let segments = threads.spawn(|| snapshot.part(5));
            let (
                (book, policies, revenue_accounts, customers),
                (collections, rates, closings, sequence),
                (credits, paid_back, closes),
                (contra, revenue_closes, changed),
            ) = snapshot.part(0)?;
            let died = || snapshot.misfit("a thread that read it ended");
            let receivables = Receivables {
                invoices: invoices.join().map_err(|_| died())??.0,
                payments: payments.join().map_err(|_| died())??.0,
                entries: entries.join().map_err(|_| died())??.0,
                credits,
                paid_back,
                closes,
            };
            let deferred_revenue = DeferredRevenue {
                contracts: contracts.join().map_err(|_| died())??.0,
                contra,
                closes: revenue_closes,
                changed,
                segments: segments.join().map_err(|_| died())??,
            };
            let rows = rows.map(|rows| rows.join().map_err(|_| died())?).transpose()?;
            let rows = rows.map(|List(rows)| rows);
            Ok(Self {
                book,
                policies,
                revenue_accounts,
                customers,
                receivables,
                collections,
                deferred_revenue,
                rates,
                audit_trail: AuditTrail::of(rows, closings),
                sequence,
                folder: folder.join().map_err(|_| died())??,
            })
        })
    }
}
