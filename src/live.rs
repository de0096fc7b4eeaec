//! The live views of a daemon: they follow the log, and answer reports from it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use commands::documents::{self, DocumentFormat};
use commands::service::{DocumentFuture, ReportFuture, Reports};
use ledger_core::log::{LogError, SharedLog};
use ledger_core::rejection::{Code, Rejection};
use projections::projector::{Projector, must_hold};
use projections::replay::ReplayError;
use projections::reports::{self, Filters, Source, Table};
use projections::snapshot;
use projections::store::SledClaim;
use projections::views::Views;
use serde_json::{Value, json};
use tokio::sync::{RwLock, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::anchor::Anchor;
use crate::exit::Failure;
use crate::vitals::{Vitals, held};
use crate::{config, paper, reading};

/// How often the views look for new events while nobody asks.
const FOLLOW_EVERY: Duration = Duration::from_millis(250);

/// How many looks there are from one check that the log still holds what was projected to the
/// next: ten seconds.
const LOOKS_PER_CHECK: u32 = 40;

/// The name under which the digests are asked for; no report has it.
pub(crate) const DIGESTS: &str = "digests";

/// How long a report waits for views that are still being read.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// Projections that stand at some sequence of a log, and catch up before they answer. They are read
/// while commands are taken already.
#[derive(Debug)]
pub(crate) struct Live {
    log: SharedLog,
    projector: Arc<OnceLock<RwLock<Projector>>>,
    /// Whether they were read; closed where they cannot be.
    opened: watch::Receiver<bool>,
    /// The reading, for whoever follows them.
    opening: Mutex<Option<JoinHandle<Result<(), Failure>>>>,
    anchor: Anchor,
    /// Whether the log could lose what was acknowledged, which every answer says then.
    is_unsafe: bool,
    /// Where it says how far it is.
    vitals: Arc<Vitals>,
}

/// What a daemon keeps of its projections between runs.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The facts behind the snapshot.
    pub(crate) facts: SledClaim,
    /// Where the snapshot is.
    pub(crate) snapshot: PathBuf,
}

impl Live {
    /// Begins to take what is stored, and to fold what the log holds beyond it.
    ///
    /// # Errors
    /// Where the log does not hold what was projected before.
    pub(crate) async fn start(
        log: SharedLog,
        kept: Kept,
        anchor: Anchor,
        is_unsafe: bool,
        vitals: Arc<Vitals>,
    ) -> Result<Self, Failure> {
        snapshot::must_fit(&kept.snapshot, &log).await?;
        let projector = Arc::default();
        let (tell, opened) = watch::channel(false);
        let opening = Opening {
            log: Arc::clone(&log),
            kept,
            anchor: anchor.clone(),
            vitals: Arc::clone(&vitals),
            shelf: Arc::clone(&projector),
            tell,
        };
        let opening = tokio::spawn(opening.run());
        let opening = Mutex::new(Some(opening));
        Ok(Self { log, projector, opened, opening, anchor, is_unsafe, vitals })
    }

    /// The views, once they are read.
    ///
    /// # Errors
    /// Where they cannot be: [`Live::follow`] says why, and the daemon ends.
    pub(crate) async fn views(&self) -> Result<&RwLock<Projector>, ReplayError> {
        let mut opened = self.opened.clone();
        let is_open = opened.wait_for(|is_open| *is_open).await.is_ok();
        self.projector.get().filter(|_| is_open).ok_or(ReplayError::Ended)
    }

    /// What was answered last is projected and anchored, and the next start costs the log's tail.
    /// Views that were not read until now are left as they are.
    ///
    /// # Errors
    /// As [`Live::catch_up`].
    pub(crate) async fn finish(&self) -> Result<(), ReplayError> {
        let Ok(opened) = timeout(OPEN_WITHIN, self.views()).await else {
            held(&self.opening).take().iter().for_each(JoinHandle::abort);
            return Ok(());
        };
        opened?;
        self.catch_up().await?;
        self.keep_snapshot().await;
        Ok(())
    }

    /// Folds what the log holds by now: an answer after this has seen every reply before it.
    ///
    /// # Errors
    /// Where the log cannot be read, or an event does not fit.
    pub(crate) async fn catch_up(&self) -> Result<(), ReplayError> {
        let views = self.views().await?;
        let last = self.log.last_sequence().await?;
        self.vitals.log.answered(last);
        let stands_at = views.read().await.views().sequence;
        if stands_at >= last {
            self.vitals.views.are_at_end(stands_at);
            return Ok(());
        }
        let mut projector = views.write().await;
        let caught_up = projector.catch_up(&self.log, &mut |_| {}).await;
        self.vitals.views.stand_at(projector.views().sequence);
        caught_up?;
        self.vitals.views.are_at_end(projector.views().sequence);
        write_anchor(&self.anchor, &projector);
        Ok(())
    }

    /// Follows the log, so that a report has little to catch up with. Returns only where the
    /// log is not what was written, or its disk failed: a daemon must not go on then.
    pub(crate) async fn follow(&self) -> Failure {
        let opening = held(&self.opening).take();
        if let Some(opening) = opening {
            match opening.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error,
                Err(_) => return ReplayError::Ended.into(),
            }
        }
        let mut pause = tokio::time::interval(FOLLOW_EVERY);
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looks: u32 = 0;
        loop {
            pause.tick().await;
            looks = (looks + 1) % LOOKS_PER_CHECK;
            let outcome = match self.catch_up().await {
                Ok(()) if looks == 0 => self.check().await,
                outcome => outcome,
            };
            if outcome.is_ok() {
                self.keep_snapshot_if_due().await;
            }
            match outcome {
                Ok(()) => {
                    self.vitals.views.set_trouble(None);
                }
                Err(
                    error @ (ReplayError::Tampered { .. }
                    | ReplayError::Log(
                        LogError::Corrupt { .. } | LogError::Disk { .. } | LogError::Unsafe { .. },
                    )),
                ) => return error.into(),
                // The same trouble is told once, not four times a second.
                Err(error) => {
                    if self.vitals.views.set_trouble(Some(error.to_string())) {
                        tracing::error!(%error, "reports are not available");
                    }
                }
            }
        }
    }

    /// Writes a snapshot, where the log has grown by enough.
    async fn keep_snapshot_if_due(&self) {
        let Some(views) = self.projector.get() else { return };
        if views.read().await.is_snapshot_due() {
            self.keep_snapshot().await;
        }
    }

    /// Writes a snapshot of the views, so that the next start costs the log's tail. Without one it costs
    /// more, and nothing else.
    async fn keep_snapshot(&self) {
        let Some(views) = self.projector.get() else { return };
        let written = {
            let projector = views.read().await;
            tokio::task::block_in_place(|| projector.write_snapshot())
        };
        let (outcome, through) = match written {
            Ok(None) => return,
            // The views go on while the disk works.
            Ok(Some((snapshot, through))) => {
                (tokio::task::block_in_place(|| snapshot.publish()), through)
            }
            Err(error) => (Err(error), views.read().await.views().sequence),
        };
        if let Err(error) = &outcome {
            tracing::warn!(%error, "the next start reads more of the log");
        }
        views.write().await.snapshot_ended(through, outcome.is_ok());
    }

    /// Checks that the log still holds what was projected.
    async fn check(&self) -> Result<(), ReplayError> {
        let (sequence, chain) = {
            let projector = self.views().await?.read().await;
            (projector.views().sequence, projector.chain())
        };
        must_hold(&self.log, sequence, chain).await
    }

    /// As [`Live::catch_up`], for somebody who asked.
    async fn catch_up_to_answer(&self) -> Result<&RwLock<Projector>, Rejection> {
        let unavailable = |message| Rejection::new(Code::ReportUnavailable, message);
        let trouble = |error: ReplayError| {
            unavailable(format!("the projections cannot follow the log: {error}"))
        };
        let Ok(views) = timeout(OPEN_WITHIN, self.views()).await else {
            let (read, last) = (self.vitals.views.sequence(), self.vitals.end());
            let message = format!(
                "the daemon has just started, and its views have read {read} of {last} events; ask \
                 again, a little later"
            );
            return Err(unavailable(message));
        };
        let views = views.map_err(trouble)?;
        self.catch_up().await.map_err(trouble)?;
        Ok(views)
    }

    async fn write_document(
        &self,
        id: &str,
        format: DocumentFormat,
        language: Option<&str>,
    ) -> Result<Vec<u8>, Rejection> {
        let views = self.catch_up_to_answer().await?;
        let (document, language) = {
            let projector = views.read().await;
            paper::document(projector.views(), id, language)?
        };
        tokio::task::block_in_place(|| documents::render(&document, format, language))
    }

    async fn answer(
        &self,
        name: &str,
        wanted: BTreeMap<String, String>,
        format: &str,
    ) -> Result<String, Rejection> {
        let views = self.catch_up_to_answer().await?;
        if name == DIGESTS {
            return Ok(digests(views.read().await.views()).to_string());
        }
        let mut filters = Filters::default();
        for (name, value) in wanted {
            filters.set(&name, value);
        }
        let (needed, today) = {
            let projector = views.read().await;
            let today = config::today(projector.views());
            (reports::needs_orders(name, &filters, projector.views(), today)?, today)
        };
        // The views go on while the log is read: the answer is as of where they stood.
        let orders = match needed {
            None => None,
            Some(when) => {
                filters.pin(when.sequence);
                Some(reading::orders(&self.log, when).await.map_err(|failure| unread(&failure))?)
            }
        };
        let projector = views.read().await;
        let source = Source { views: projector.views(), orders: orders.as_ref(), today };
        // A long report keeps a core busy: the writer must not wait for the end of it.
        tokio::task::block_in_place(|| {
            let mut table = reports::run_on(name, &filters, source)?;
            if self.is_unsafe {
                mark_unsafe(&mut table);
            }
            Ok(match format {
                "csv" => table.to_csv(),
                "ndjson" => table.to_ndjson(),
                _ => table.to_json(),
            })
        })
    }
}

/// The reading of the views, when a daemon starts.
struct Opening {
    log: SharedLog,
    kept: Kept,
    anchor: Anchor,
    vitals: Arc<Vitals>,
    /// Where they are put.
    shelf: Arc<OnceLock<RwLock<Projector>>>,
    /// Hears when they are there.
    tell: watch::Sender<bool>,
}

impl Opening {
    /// Takes what is stored, and folds what the log holds beyond it.
    async fn run(self) -> Result<(), Failure> {
        let Self { log, kept: Kept { facts, snapshot }, anchor, vitals, shelf, tell } = self;
        let facts =
            spawn_blocking(move || facts.open()).await.map_err(|_| ReplayError::Ended)??;
        let mut projector = Projector::open(Box::new(facts), Some(snapshot), &log).await?;
        let views = &vitals.views;
        let caught_up = projector.catch_up(&log, &mut |sequence| views.stand_at(sequence)).await;
        views.stand_at(projector.views().sequence);
        match caught_up {
            Ok(()) => {
                views.are_at_end(projector.views().sequence);
                write_anchor(&anchor, &projector);
            }
            // The commands still work: reports say why they do not.
            Err(error @ (ReplayError::Decode(_) | ReplayError::Projection(_))) => {
                tracing::error!(%error, "reports are not available");
                views.set_trouble(Some(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        }
        shelf.get_or_init(|| RwLock::new(projector));
        tell.send_replace(true);
        Ok(())
    }
}

/// The anchor only sharpens a later check: a disk that cannot take it stops nothing.
fn write_anchor(anchor: &Anchor, projector: &Projector) {
    if projector.views().sequence == 0 {
        return;
    }
    if let Err(failure) = anchor.write(projector.views().sequence, projector.chain()) {
        tracing::warn!(code = failure.code, why = ?failure.why, "the anchor was not written");
    }
}

fn unread(failure: &Failure) -> Rejection {
    let why = failure.why.as_deref().unwrap_or("no reason was given");
    let message = format!("the orders cannot be read: {} ({why})", failure.what);
    Rejection::new(Code::ReportUnavailable, message)
}

impl Reports for Live {
    fn report<'a>(
        &'a self,
        name: &'a str,
        filters: BTreeMap<String, String>,
        format: &'a str,
    ) -> ReportFuture<'a> {
        Box::pin(self.answer(name, filters, format))
    }

    fn document<'a>(
        &'a self,
        id: &'a str,
        format: DocumentFormat,
        language: Option<&'a str>,
    ) -> DocumentFuture<'a> {
        Box::pin(self.write_document(id, format, language))
    }
}

/// Marks a report from a log that could lose what was acknowledged.
pub(crate) fn mark_unsafe(table: &mut Table) {
    table.mark("unsafe_dev", "true");
}

/// Name and digest of each projection, and the sequence at which they stand.
pub(crate) fn digests(views: &Views) -> Value {
    let rows = views.digests().into_iter();
    let rows: Vec<Value> = rows
        .map(|(projection, digest)| json!({"projection": projection, "digest": digest}))
        .collect();
    json!({"projections": rows, "sequence": views.sequence})
}
