//! Reads a log from its first event on, in batches.

use ledger_core::calendar::Day;
use ledger_core::event::Event;
use ledger_core::log::{SharedLog, StoredRecord};
use ledger_core::rejection::Rejection;
use ledger_core::snapshot::{Unpublished, is_due};
use projections::outlook::orders::{Orders, When};
use projections::replay::{ReplayError, catch_up, replay};
use projections::reports::{self, Filters, Source, Table};
use projections::snapshot;
use projections::views::Views;
use schemas::chain::Chain;
use schemas::record::{DecodeError, TRACEPARENT, decode};

use crate::cli::Global;
use crate::exit::Failure;

/// Records of one read.
const BATCH_RECORDS: usize = 4_096;

/// Shows every record up to `through` to `see`; returns the last sequence.
///
/// # Errors
/// Where the log cannot be read, or `see` fails.
pub(crate) async fn each_record(
    log: &SharedLog,
    through: u64,
    mut see: impl FnMut(&StoredRecord) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let mut last = 0;
    while last < through {
        let wanted = usize::try_from(through - last).unwrap_or(usize::MAX).min(BATCH_RECORDS);
        let batch = log.read(last + 1, wanted).await?;
        if batch.is_empty() {
            break;
        }
        for stored in &batch {
            see(stored)?;
            last = stored.sequence;
        }
    }
    Ok(last)
}

/// Shows every event of the log to `see`, with the trace of its command where it had one; returns the
/// last sequence.
///
/// # Errors
/// Where the log cannot be read, an event cannot be decoded, or `see` fails.
pub(crate) async fn each_event(
    log: &SharedLog,
    mut see: impl FnMut(Event, Option<&str>) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let through = log.last_sequence().await?;
    each_record(log, through, |stored| {
        let headers = &stored.record.headers;
        let trace = headers.iter().find(|(name, _)| name == TRACEPARENT);
        see(decode(stored)?, trace.map(|(_, value)| value.as_str()))
    })
    .await
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::store("event.unreadable", "the log holds an event that cannot be read")
            .because(error)
            .help("nothing is skipped: use a release that knows the event, or `verify` the log")
    }
}

/// Runs a report over the views, and reads the log for what it needs besides; its refusal is an
/// answer, too.
///
/// # Errors
/// Where the log cannot be read.
pub(crate) async fn report(
    log: &SharedLog,
    name: &str,
    filters: &Filters,
    views: &Views,
    today: Day,
) -> Result<Result<Table, Rejection>, Failure> {
    let orders = match reports::needs_orders(name, filters, views, today) {
        Ok(None) => None,
        Ok(Some(when)) => Some(orders(log, when).await?),
        Err(rejection) => return Ok(Err(rejection)),
    };
    let source = Source { views, orders: orders.as_ref(), today };
    Ok(reports::run_on(name, filters, source))
}

/// Folds the log into the orders as they stood.
///
/// # Errors
/// Where the log cannot be read.
pub(crate) async fn orders(log: &SharedLog, when: When) -> Result<Orders, Failure> {
    let mut orders = Orders::at(when);
    each_record(log, when.sequence, |stored| {
        orders.take(&decode(stored)?);
        Ok(())
    })
    .await?;
    Ok(orders)
}

/// The views of a book: its snapshot, and what the log holds behind it. Where that is much, there is a
/// new snapshot afterwards.
///
/// # Errors
/// Where the log cannot be read, an event does not fit, or the journal is not the one that the snapshot
/// was folded from.
pub(crate) async fn views(global: &Global, log: &SharedLog) -> Result<Views, Failure> {
    let path = global.snapshot()?;
    let (mut views, mut chain) = resumed(global, snapshot::resume(&path, log).await)?;
    let known = views.sequence;
    catch_up(log, &mut views, &mut chain, None, &mut |_| {}).await?;
    if is_due(known, views.sequence)
        && let Err(error) = snapshot::write(&path, &views, chain).and_then(Unpublished::publish)
    {
        // Who may only read the folder reads the log, each time.
        tracing::debug!(%error, "no snapshot was written");
    }
    Ok(views)
}

/// The same without the rows of the audit trail, where a snapshot has them: what is made of the views
/// counts only where nobody missed them (`AuditTrail::is_missed`).
///
/// # Errors
/// As [`views`].
pub(crate) async fn views_without_rows(global: &Global, log: &SharedLog) -> Result<Views, Failure> {
    let path = global.snapshot()?;
    let (mut light, mut chain) = resumed(global, snapshot::resume_without_rows(&path, log).await)?;
    if is_due(light.sequence, log.last_sequence().await?) {
        return views(global, log).await;
    }
    catch_up(log, &mut light, &mut chain, None, &mut |_| {}).await?;
    Ok(light)
}

/// What a snapshot gave, or nothing where it is of another server's book.
fn resumed(
    global: &Global,
    found: Result<(Views, Chain), ReplayError>,
) -> Result<(Views, Chain), ReplayError> {
    match found {
        // Whoever asks several servers for books of one name has their snapshots in one place. What a
        // daemon has seen of a server is in its anchor, which was checked.
        Err(error @ ReplayError::Tampered { .. }) if global.nats.is_some() => {
            tracing::debug!(%error, "the snapshot is of another server's book");
            Ok((Views::default(), Chain::START))
        }
        resumed => resumed,
    }
}

/// Folds the whole log into views.
///
/// # Errors
/// Where the log cannot be read, or an event does not fit.
pub(crate) async fn fold(log: &SharedLog) -> Result<Views, Failure> {
    let (views, _) = replay(log, &mut |_| {}).await?;
    Ok(views)
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Log(error) => error.into(),
            ReplayError::Decode(error) => error.into(),
            ReplayError::Projection(error) => {
                Self::store("projection.stopped", "a projection cannot apply an event")
                    .because(error)
            }
            ReplayError::Ended => {
                Self::store("replay.ended", "the replay did not end").because(error)
            }
            ReplayError::Tampered { .. } => {
                Self::store("store.tampered", "the log is not what was written")
                    .because(error)
                    .help("`revledger verify` names what does not fit; restore the log from a copy")
            }
        }
    }
}
