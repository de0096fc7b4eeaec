//! The tables that are printed.

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

/// The peers' highest loads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peers<'a> {
    /// That of `cqrs-es`.
    pub(crate) cqrs_es: &'a Row,
    /// That of `esrs`.
    pub(crate) esrs: &'a Row,
}

/// The row with the highest rate.
pub(crate) fn highest(rows: &[Row]) -> Option<&Row> {
    rows.iter().max_by_key(|row| row.load.rate())
}

/// The table of the highest loads.
pub(crate) fn highest_loads(rows: &[Row], peers: Peers<'_>) {
    println!(
        "| closed loop | in flight | commands a second | p50 ms | p99 | p99.9 | max | times cqrs-es | times esrs |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for Row { side, in_flight, load } in rows {
        let rate = load.rate();
        let times = [peers.cqrs_es, peers.esrs].map(|peer| tenths(rate, peer.load.rate()));
        let cells = load.latencies.cells();
        println!("| {side} | {in_flight} | {rate} | {cells} | {} |", times.join(" | "));
    }
}

/// The table of latencies at the peers' highest rate.
pub(crate) fn same_rate(rate: u64, rows: &[(String, Load)], peers: Peers<'_>) {
    println!("| at {rate} commands a second | p50 ms | p99 | p99.9 | max |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for peer in [peers.cqrs_es, peers.esrs] {
        let (rate, cells) = (peer.load.rate(), peer.load.latencies.cells());
        println!("| {}, its own highest, {rate}, closed loop | {cells} |", peer.side);
    }
    for (side, load) in rows {
        println!("| {side}, open loop | {} |", load.latencies.cells());
    }
}

/// Whether the goals were met in this run: the rate 20 times both peers', and the latency below both.
pub(crate) fn verdict(best: &Row, rows: &[(String, Load)], peers: Peers<'_>) {
    let fastest = peers.cqrs_es.load.rate().max(peers.esrs.load.rate());
    let rate = best.load.rate();
    let met = if rate >= fastest * 20 { "met" } else { "missed" };
    println!(
        "{met}: at least 20 times the commands a second of the faster peer: {}, {} times ({})",
        rate,
        tenths(rate, fastest),
        best.side
    );
    let slowest = peers.cqrs_es.load.latencies.p99().min(peers.esrs.load.latencies.p99());
    for (side, load) in rows {
        let p99 = load.latencies.p99();
        let met = if p99 < slowest { "met" } else { "missed" };
        let [ours, theirs] = [p99, slowest].map(milliseconds);
        println!(
            "{met}: a p99 below the lower one of the peers: {ours} ms to {theirs} ms ({side})"
        );
    }
}

fn tenths(ours: u64, theirs: u64) -> String {
    let tenths = ours * 10 / theirs.max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}
