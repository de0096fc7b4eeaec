//! The figures of the daemon in the text format of Prometheus (docs/OPERATIONS.md has the table).
//! They hold no money and nothing of a person: labels are books, commands, codes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use commands::clock::{Clock, SystemClock};
use commands::meter::Histogram;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use time::OffsetDateTime;
use tracing_appender::non_blocking::ErrorCounter;

use crate::vitals::{Vitals, held};

/// What is shown.
pub(super) struct Figures {
    pub(super) books: Vec<Arc<Vitals>>,
    pub(super) reserve: u64,
    pub(super) is_ready: bool,
    /// Lines of the log that nobody took in time.
    pub(super) lines: ErrorCounter,
}

impl fmt::Debug for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Figures").field("is_ready", &self.is_ready).finish_non_exhaustive()
    }
}

/// Writes them.
pub(super) fn render(figures: Figures) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(figures));
    let mut text = String::new();
    // A string takes everything.
    prometheus_text::encode(&mut text, &registry).unwrap_or_default();
    text
}

type Labels = Vec<(&'static str, String)>;

/// Where a histogram is.
type Measured = fn(&Vitals) -> &Histogram;

/// A name and what it means.
type Named = (&'static str, &'static str);

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page { encoder };
        self.commands(&mut page)?;
        self.histograms(&mut page)?;
        self.sequences(&mut page)?;
        self.storage(&mut page)?;
        self.process(&mut page)
    }
}

impl Figures {
    fn each<T>(&self, figure: impl Fn(&Vitals) -> Option<T>) -> Vec<(Labels, T)> {
        let books = self.books.iter();
        books.filter_map(|book| Some((vec![of(book)], figure(book)?))).collect()
    }

    fn commands(&self, page: &mut Page<'_>) -> fmt::Result {
        let rows = self.books.iter().flat_map(|book| {
            book.meter.replies().map(|(command, code, count)| {
                let labels =
                    vec![of(book), ("command", command.to_owned()), ("code", code.to_owned())];
                (labels, count)
            })
        });
        let help = "Commands that were answered, by command and code";
        page.counter(("revledger_commands", help), rows.collect())?;
        let help = "Replies whose caller had been told that the outcome is not known";
        page.counter(("revledger_late_replies", help), self.each(|book| Some(book.meter.late())))?;
        let rows = self.books.iter().flat_map(|book| {
            let failures = book.meter.append_failures();
            failures.map(|(kind, count)| (vec![of(book), ("kind", kind.to_owned())], count))
        });
        let help = "Appends that did not end as stored, by kind";
        page.counter(("revledger_append_failures", help), rows.collect())?;
        let help = "Commands in the queue of the writer";
        page.gauge(
            ("revledger_queue_commands", help),
            self.each(|book| Some(book.meter.queue_commands())),
        )?;
        let help = "Bytes of the commands in the queue of the writer";
        page.gauge(
            ("revledger_queue_bytes", help),
            self.each(|book| Some(book.meter.queue_bytes())),
        )
    }

    fn histograms(&self, page: &mut Page<'_>) -> fmt::Result {
        let histograms: [(Named, Measured); 4] = [
            (
                (
                    "revledger_queue_wait_seconds",
                    "From a command's coming to the writer's taking it",
                ),
                |book| &book.meter.queue_wait,
            ),
            (("revledger_decide_seconds", "Deciding one command"), |book| &book.meter.decide),
            (("revledger_append_seconds", "Appending one group to the log"), |book| {
                &book.meter.append
            }),
            (("revledger_reply_seconds", "From a command's coming to its reply"), |book| {
                &book.meter.reply
            }),
        ];
        for (named, histogram) in histograms {
            page.histogram(named, &self.books, histogram, seconds)?;
        }
        let named = ("revledger_group_events", "Events of the groups that were stored");
        page.histogram(named, &self.books, |book| &book.meter.group_events, number)
    }

    fn sequences(&self, page: &mut Page<'_>) -> fmt::Result {
        let help = "The last event of the log";
        page.gauge(("revledger_log_sequence", help), self.each(|book| Some(book.end())))?;
        let help = "The last event that the views have followed";
        page.gauge(
            ("revledger_projection_sequence", help),
            self.each(|book| Some(book.views.sequence())),
        )?;
        let help = "Events that the views have still to follow";
        page.gauge(
            ("revledger_projection_lag_events", help),
            self.each(|book| Some(book.lag_events())),
        )?;
        let help = "How long the views have not been at the log's end";
        page.gauge(
            ("revledger_projection_lag_seconds", help),
            self.each(|book| Some(book.lag().as_secs_f64())),
        )?;
        let help = "Age of the snapshot that the next start begins with, by what it is of";
        page.gauge(("revledger_snapshot_age_seconds", help), self.snapshots())?;
        let help = "Whether commands can be stored: 1 where /readyz answers 200";
        page.gauge(("revledger_ready", help), vec![(Vec::new(), u64::from(self.is_ready))])?;
        let roles = self.books.iter().flat_map(|book| {
            let stands_by = book.stands_by();
            [("active", !stands_by), ("standby", stands_by)]
                .map(|(role, is_it)| (vec![of(book), ("role", role.to_owned())], u64::from(is_it)))
        });
        let help = "1 for the role that the daemon has with the book";
        page.gauge(("revledger_role", help), roles.collect())
    }

    fn snapshots(&self) -> Vec<(Labels, f64)> {
        let now = SystemClock.now();
        let ages = self.books.iter().flat_map(|book| {
            book.snapshots.get().into_iter().flatten().filter_map(move |(what, path)| {
                let written: OffsetDateTime = path.metadata().ok()?.modified().ok()?.into();
                let age = Duration::try_from(now - written).unwrap_or_default();
                Some((vec![of(book), ("of", (*what).to_owned())], age.as_secs_f64()))
            })
        });
        ages.collect()
    }

    fn storage(&self, page: &mut Page<'_>) -> fmt::Result {
        let checked = |book: &Vitals| match book.checked_at.load(Ordering::Acquire) {
            0 => None,
            at => Some(at),
        };
        let help = "When every byte of the journal was checked last, in Unix time";
        page.gauge(("revledger_journal_checked_timestamp_seconds", help), self.each(checked))?;
        let free = |book: &Vitals| held(&book.room).as_ref().map(|room| room.left);
        let help = "What the disk, or the servers, have left for the log";
        page.gauge(("revledger_disk_free_bytes", help), self.each(free))?;
        let help = "What has to stay free: below it no commands are taken";
        page.gauge(("revledger_disk_reserve_bytes", help), vec![(Vec::new(), self.reserve)])
    }

    fn process(&self, page: &mut Page<'_>) -> fmt::Result {
        let lines = u64::try_from(self.lines.dropped_lines()).unwrap_or(u64::MAX);
        let help = "Lines of the log on standard error that nobody took in time";
        page.counter(("revledger_log_lines_dropped", help), vec![(Vec::new(), lines)])?;
        let version = ("version", env!("CARGO_PKG_VERSION").to_owned());
        let help = "1, with the version of the program";
        page.gauge(("revledger_build_info", help), vec![(vec![version], 1_u64)])?;
        let resident = resident_bytes().map(|bytes| (Vec::new(), bytes));
        let help = "Memory of the process";
        page.gauge(("process_resident_memory_bytes", help), resident.into_iter().collect())
    }
}

fn of(book: &Vitals) -> (&'static str, String) {
    ("book", book.book.clone())
}

/// Microseconds as seconds.
fn seconds(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "a sum of events, for a graph")]
fn number(value: u64) -> f64 {
    value as f64
}

/// What the system says of the process, where it says it.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * u64::try_from(rustix::param::page_size()).ok()?)
}

/// What is being written.
struct Page<'a> {
    encoder: DescriptorEncoder<'a>,
}

impl Page<'_> {
    fn counter(&mut self, (name, help): Named, rows: Vec<(Labels, u64)>) -> fmt::Result {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in rows {
            let none = None::<&prometheus_client::metrics::exemplar::Exemplar<NoLabelSet, u64>>;
            family.encode_family(&labels)?.encode_counter(&value, none)?;
        }
        Ok(())
    }

    fn gauge<T: prometheus_client::encoding::EncodeGaugeValue>(
        &mut self,
        (name, help): Named,
        rows: Vec<(Labels, T)>,
    ) -> fmt::Result {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in rows {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn histogram(
        &mut self,
        (name, help): Named,
        books: &[Arc<Vitals>],
        histogram: impl Fn(&Vitals) -> &Histogram,
        unit: impl Fn(u64) -> f64,
    ) -> fmt::Result {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for book in books {
            let histogram = histogram(book);
            let buckets: Vec<(f64, u64)> = histogram
                .buckets()
                .map(|(bound, count)| (bound.map_or(f64::INFINITY, &unit), count))
                .collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            let labels = vec![of(book)];
            let sum = unit(histogram.sum());
            family
                .encode_family(&labels)?
                .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }
}
