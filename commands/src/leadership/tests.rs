//! The election under random schedules: daemons that die, end, stand still and are cut off, and a
//! server that holds messages back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use proptest::prelude::*;

use super::election::{Candidate, LEASE, Message};

/// The world looks at everybody this often.
const STEP: Duration = Duration::from_millis(20);
/// A daemon looks at the time this often.
const TICK: Duration = Duration::from_millis(100);
/// How long things go wrong.
const TROUBLE: Duration = Duration::from_secs(90);
/// How soon behind that there must be one writer.
const TAKES_OVER_WITHIN: Duration = Duration::from_secs(10);
/// How long that one must stay.
const CALM: Duration = Duration::from_secs(30);
/// Who were there for so long together know of each other.
const ACQUAINTED: Duration = Duration::from_secs(3);

/// Nobody takes over from a writer that is well for so long.
const SETTLED: Duration = Duration::from_secs(10);

/// What may go wrong.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    daemons: usize,
    pauses: bool,
    cuts: bool,
    delay_max_ms: u64,
}

struct Rng(u64);

impl Rng {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }

    fn millis(&mut self, from: u64, end: u64) -> Duration {
        Duration::from_millis(from + self.below(end - from))
    }
}

/// A daemon that runs.
struct Daemon {
    candidate: Candidate,
    name: String,
    started: Duration,
    inbox: VecDeque<(Duration, Message)>,
    next_tick: Duration,
    paused_until: Duration,
    cut_until: Duration,
    /// Since when nothing was wrong with it.
    well_since: Duration,
    /// When each of its messages was sent, and the latest of those that it heard.
    sent: BTreeMap<u64, Duration>,
    proof: Option<Duration>,
    /// Whether it wrote when it was looked at last.
    wrote: bool,
    /// The terms of its seats that ran out.
    over: BTreeSet<u64>,
}

impl Daemon {
    fn is_awake(&self, now: Duration) -> bool {
        now >= self.paused_until
    }

    fn is_linked(&self, now: Duration) -> bool {
        now >= self.cut_until
    }

    /// The term in which it would decide now.
    fn writes(&self, now: Duration) -> Option<u64> {
        let (term, until) = self.candidate.seat()?;
        (self.is_awake(now) && now < self.started + until).then_some(term)
    }
}

struct World {
    rng: Rng,
    trouble: Trouble,
    now: Duration,
    places: Vec<Option<Daemon>>,
    server_paused_until: Duration,
    names: u64,
    /// How long two wrote at once.
    overlap: Duration,
}

impl World {
    fn new(seed: u64, trouble: Trouble) -> Self {
        let places = (0..trouble.daemons).map(|_| None).collect();
        Self {
            rng: Rng(seed),
            trouble,
            now: Duration::from_secs(1_000),
            places,
            server_paused_until: Duration::ZERO,
            names: 0,
            overlap: Duration::ZERO,
        }
    }

    fn start(&mut self, place: usize) {
        self.names += 1;
        let name = format!("{:04}-{}", self.rng.below(10_000), self.names);
        let (now, spread) = (self.now, self.rng.millis(0, 1_020));
        let floor = now.as_secs();
        let is_alone = self.places.iter().flatten().all(|other| !other.is_linked(now));
        let candidate = if is_alone {
            Candidate::alone(&name, floor, spread, Duration::ZERO)
        } else {
            Candidate::joins(&name, floor, spread, Duration::ZERO)
        };
        self.places[place] = Some(Daemon {
            candidate,
            name,
            started: now,
            inbox: VecDeque::new(),
            next_tick: now,
            paused_until: now,
            cut_until: now,
            well_since: now,
            sent: BTreeMap::new(),
            proof: is_alone.then_some(now),
            wrote: is_alone,
            over: BTreeSet::new(),
        });
    }

    fn go_wrong(&mut self) {
        let (what, place) = (self.rng.below(4_000), self.rng.below(self.trouble.daemons as u64));
        let place = usize::try_from(place).unwrap();
        let (pause, cut) = (self.rng.millis(50, 20_000), self.rng.millis(50, 15_000));
        let now = self.now;
        let Some(daemon) = &mut self.places[place] else {
            if what < 40 {
                self.start(place);
            }
            return;
        };
        match what {
            0..8 => self.places[place] = None,
            8..12 if daemon.is_awake(now) => {
                daemon.candidate.resign(now - daemon.started);
                self.publish(place);
                self.places[place] = None;
            }
            12..22 if self.trouble.pauses => daemon.paused_until = now + pause,
            22..32 if self.trouble.cuts => {
                daemon.cut_until = now + cut;
                daemon.inbox.clear();
            }
            32..36 if self.trouble.pauses => self.server_paused_until = now + pause / 2,
            _ => {}
        }
    }

    fn publish(&mut self, place: usize) {
        let now = self.now;
        let Some(daemon) = &mut self.places[place] else { return };
        let since_start = now - daemon.started;
        let messages = daemon.candidate.take_messages();
        for message in &messages {
            daemon.sent.insert(message.sent, since_start);
        }
        if !daemon.is_linked(now) {
            return;
        }
        for message in messages {
            for other in self.places.iter_mut().flatten().filter(|other| other.is_linked(now)) {
                let delay = Duration::from_millis(self.rng.below(self.trouble.delay_max_ms));
                let at = now.max(self.server_paused_until) + delay;
                // One connection keeps the order.
                let at = other.inbox.back().map_or(at, |(last, _)| at.max(*last));
                other.inbox.push_back((at, message.clone()));
            }
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        let now = self.now;
        for place in 0..self.places.len() {
            let Some(daemon) = &mut self.places[place] else { continue };
            if !daemon.is_awake(now) || !daemon.is_linked(now) || now < self.server_paused_until {
                daemon.well_since = now;
            }
            if !daemon.is_awake(now) {
                continue;
            }
            let since_start = now - daemon.started;
            // Whether the clock or the connection is looked at first is nobody's promise.
            let is_clock_first = self.rng.below(2) == 0;
            if is_clock_first && now >= daemon.next_tick {
                daemon.candidate.tick(since_start);
                daemon.next_tick = now + TICK;
            }
            while let Some((_, message)) = daemon.inbox.pop_front_if(|(at, _)| *at <= now) {
                if message.instance == daemon.name {
                    let sent = daemon.sent.get(&message.sent).copied();
                    daemon.proof = daemon.proof.max(sent.map(|sent| daemon.started + sent));
                }
                daemon.candidate.hear(since_start, &message);
            }
            if now >= daemon.next_tick {
                daemon.candidate.tick(since_start);
                daemon.next_tick = now + TICK;
            }
            self.publish(place);
        }
    }

    /// Who would decide now.
    fn writers(&self) -> Vec<&Daemon> {
        let daemons = self.places.iter().flatten();
        daemons.filter(|daemon| daemon.writes(self.now).is_some()).collect()
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        let now = self.now;
        for daemon in self.places.iter_mut().flatten() {
            let is_deposed = daemon.wrote && daemon.writes(now).is_none();
            let is_well = now > daemon.well_since + SETTLED;
            prop_assert!(!(is_deposed && is_well), "{} was deposed for nothing", daemon.name);
            daemon.wrote = daemon.writes(now).is_some();
            let Some((term, until)) = daemon.candidate.seat() else { continue };
            if now >= daemon.started + until {
                daemon.over.insert(term);
            } else {
                prop_assert!(!daemon.over.contains(&term), "{} is back in {}", daemon.name, term);
            }
        }
        let writers = self.writers();
        for writer in &writers {
            let (_, until) = writer.candidate.seat().unwrap();
            let proof = writer.proof.unwrap_or_default();
            prop_assert!(
                writer.started + until <= proof + LEASE,
                "{} has a seat until {:?} that nothing proves",
                writer.name,
                until
            );
        }
        let acquainted = writers.iter().filter(|writer| now > writer.well_since + ACQUAINTED);
        prop_assert!(acquainted.count() < 2, "two write, and hear each other");
        if writers.len() > 1 {
            self.overlap += STEP;
        }
        Ok(())
    }

    fn run(&mut self) -> Result<(), TestCaseError> {
        for place in 0..self.trouble.daemons {
            self.start(place);
            self.publish(place);
            for _ in 0..self.rng.below(20) {
                self.step();
            }
        }
        let end = self.now + TROUBLE;
        while self.now < end {
            self.go_wrong();
            self.step();
            self.check()?;
        }
        self.calm_down()
    }

    /// Everything is well again: soon one writes, and stays.
    fn calm_down(&mut self) -> Result<(), TestCaseError> {
        let now = self.now;
        self.server_paused_until = self.server_paused_until.min(now);
        for daemon in self.places.iter_mut().flatten() {
            daemon.paused_until = daemon.paused_until.min(now);
            daemon.cut_until = daemon.cut_until.min(now);
            daemon.inbox.iter_mut().for_each(|(at, _)| *at = now.min(*at));
        }
        if self.places.iter().all(Option::is_none) {
            self.start(0);
        }
        let deadline = now + TAKES_OVER_WITHIN;
        while self.now < deadline {
            self.step();
            self.check()?;
        }
        let chosen: Vec<(String, Option<u64>)> =
            self.writers().iter().map(|one| (one.name.clone(), one.writes(self.now))).collect();
        prop_assert_eq!(chosen.len(), 1, "one writes, ten seconds after all is well");
        while self.now < deadline + CALM {
            self.step();
            self.check()?;
            let still: Vec<(String, Option<u64>)> =
                self.writers().iter().map(|one| (one.name.clone(), one.writes(self.now))).collect();
            prop_assert_eq!(&chosen, &still, "nobody takes over from a writer that is well");
        }
        Ok(())
    }
}

fn run(seed: u64, trouble: Trouble) -> Result<Duration, TestCaseError> {
    let mut world = World::new(seed, trouble);
    world.run()?;
    Ok(world.overlap)
}

const EVERYTHING: Trouble = Trouble { daemons: 4, pauses: true, cuts: true, delay_max_ms: 150 };
const DEATHS: Trouble = Trouble { daemons: 3, pauses: false, cuts: false, delay_max_ms: 150 };

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_happens_one_writes_in_the_end_and_no_seat_outlives_its_proof(
        seed: u64,
        daemons in 1_usize..5,
    ) {
        run(seed, Trouble { daemons, ..EVERYTHING })?;
    }

    #[test]
    fn where_daemons_only_die_and_end_no_two_write_at_once(seed: u64, daemons in 2_usize..5) {
        let overlap = run(seed, Trouble { daemons, ..DEATHS })?;
        prop_assert_eq!(overlap, Duration::ZERO);
    }
}

#[cfg(feature = "planted-bugs")]
#[test]
fn every_planted_bug_of_the_election_is_found() {
    use crate::planted::{Planted, plant};

    for bug in [
        Planted::KeepsTheSeat,
        Planted::CountsFromHearing,
        Planted::IgnoresHigherTerms,
        Planted::ClaimsWithoutAsking,
        Planted::DoesNotListenToItself,
    ] {
        plant(Some(bug));
        let is_found = (0..500).any(|seed| run(seed, EVERYTHING).is_err());
        let times = plant(None);
        assert!(is_found, "{bug:?} passes, and had its effect {times} times");
    }
}
