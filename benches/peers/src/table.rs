//! The tables that are printed.

use benches::Outcome;
use benches::load::{Load, milliseconds};

/// A load on one side, and what its row is called.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Which side, over what.
    pub(crate) side: String,
    /// Orders in flight.
    pub(crate) in_flight: usize,
    /// What was measured.
    pub(crate) load: Load,
}

/// An open loop on one side.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    /// Which side, over what.
    pub(crate) side: String,
    /// Commands a second that were sent.
    pub(crate) rate: u64,
    /// What was measured.
    pub(crate) load: Load,
}

/// The loads on the peers.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    /// Those of `cqrs-es`.
    pub(crate) cqrs_es: Vec<Row>,
    /// Those of `esrs`.
    pub(crate) esrs: Vec<Row>,
    /// Their open loops.
    pub(crate) open: Vec<Opened>,
}

impl Peers {
    /// The highest rate of any of them.
    ///
    /// # Errors
    /// Where nothing was measured.
    pub(crate) fn highest_rate(&self) -> Outcome<u64> {
        Ok(highest(&self.cqrs_es)?.load.rate().max(highest(&self.esrs)?.load.rate()))
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.cqrs_es.iter().chain(&self.esrs)
    }
}

/// The row with the highest rate.
///
/// # Errors
/// Where nothing was measured.
pub(crate) fn highest(rows: &[Row]) -> Outcome<&Row> {
    Ok(rows.iter().max_by_key(|row| row.load.rate()).ok_or("nothing was measured")?)
}

/// The table of the closed loops.
///
/// # Errors
/// Where nothing was measured.
pub(crate) fn closed_loops(peers: &Peers, ledger: &[Row]) -> Outcome<()> {
    println!(
        "| closed loop | in flight | commands a second | p50 ms | p99 | p99.9 | max | times cqrs-es | times esrs |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let yardsticks = [highest(&peers.cqrs_es)?.load.rate(), highest(&peers.esrs)?.load.rate()];
    for Row { side, in_flight, load } in peers.rows().chain(ledger) {
        let rate = load.rate();
        let times = yardsticks.map(|yardstick| tenths(rate, yardstick)).join(" | ");
        let cells = load.latencies.cells();
        println!("| {side} | {in_flight} | {rate} | {cells} | {times} |");
    }
    Ok(())
}

/// The table of latencies around the peers' highest rate.
pub(crate) fn open_loops(peers: &Peers, ledger: &[Opened]) {
    println!("| latency | commands a second | p50 ms | p99 | p99.9 | max |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for Row { side, in_flight, load } in peers.rows() {
        let (rate, cells) = (load.rate(), load.latencies.cells());
        println!("| {side}, closed loop of {in_flight} | {rate} | {cells} |");
    }
    for Opened { side, rate, load } in peers.open.iter().chain(ledger) {
        println!("| {side}, open loop | {rate} | {} |", load.latencies.cells());
    }
}

/// Whether the goals were met in this run: 20 times the rate of the faster peer, and, in an open loop at
/// that peer's highest rate, a p99 below the lowest one of the peers; first in their closed loops, which
/// hide from it what waits while they stand still, then in open loops, as the ledger's.
///
/// # Errors
/// Where nothing was measured.
pub(crate) fn verdict(peers: &Peers, ledger: &[Row], open: &[Opened]) -> Outcome<()> {
    let (fastest, best) = (peers.highest_rate()?, highest(ledger)?);
    let rate = best.load.rate();
    println!(
        "{}: 20 times the commands a second of the faster peer; it is {} times ({})",
        met(rate >= fastest * 20),
        tenths(rate, fastest),
        best.side
    );
    let lowest =
        |loads: Vec<&Load>| loads.iter().map(|load| load.latencies.p99()).min().unwrap_or_default();
    let yardsticks = [
        ("in closed loops", lowest(peers.rows().map(|row| &row.load).collect())),
        ("in open loops", lowest(peers.open.iter().map(|open| &open.load).collect())),
    ];
    for (which, yardstick) in yardsticks {
        for Opened { side, load, .. } in open {
            let p99 = load.latencies.p99();
            println!(
                "{}: a p99 below the lowest one of the peers {which}; it is {} ms to {} ms ({side})",
                met(p99 < yardstick),
                milliseconds(p99),
                milliseconds(yardstick)
            );
        }
    }
    Ok(())
}

fn met(goal: bool) -> &'static str {
    if goal { "met" } else { "missed" }
}

fn tenths(ours: u64, theirs: u64) -> String {
    let tenths = ours * 10 / theirs.max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}
