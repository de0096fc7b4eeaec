//! The log as one process sees it, on a bad day.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use ledger_core::log::bounds::check_group;
use ledger_core::log::{AppendError, EventLog, LogError, LogFuture, Record, StoredRecord};

use crate::bugs::Bug;
use crate::lanes::{PROCESS_LANES, PROCESSES, PROCESSES_AT_ONCE, round};
use crate::rng::Rng;
use crate::situations::Situation;
use crate::world::{Entry, Process, World};

/// A group of a billing run that goes on behind it.
const PART_OF_A_RUN: usize = 500;

#[derive(Debug)]
pub(crate) struct SimLog {
    world: Arc<World>,
    process: Arc<Process>,
    is_writer: bool,
    rng: Mutex<Rng>,
    /// The first sequences of the reads.
    pub(crate) reads: Mutex<Vec<u64>>,
    late: Mutex<u64>,
    /// What the process last knew to be the end, for bugs.
    known_last: Mutex<u64>,
}

/// What becomes of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stored,
    Stalled,
    AnswerLost,
    AppendLost,
    Refused,
    Late,
    CrashBefore,
    CrashAfter,
}

fn unknown() -> AppendError {
    AppendError::Unknown { reason: "no answer came".to_owned() }
}

impl SimLog {
    pub(crate) fn new(world: &Arc<World>, process: &Arc<Process>, is_writer: bool) -> Self {
        Self {
            world: Arc::clone(world),
            process: Arc::clone(process),
            is_writer,
            rng: Mutex::new(Rng::new(world.seed, 1_000 + process.number)),
            reads: Mutex::default(),
            late: Mutex::default(),
            known_last: Mutex::default(),
        }
    }

    fn draw<T>(&self, with: impl FnOnce(&mut Rng) -> T) -> T {
        with(&mut self.rng.lock().unwrap())
    }

    fn fate(&self, records: usize) -> Fate {
        let draw = self.draw(|rng| rng.below(1_000));
        if self.world.is_calm() {
            return Fate::Stored;
        }
        if records > PART_OF_A_RUN && draw < 900 {
            return Fate::CrashAfter;
        }
        if self.world.silent_for() > 0 {
            return if draw < 500 { Fate::Late } else { Fate::AppendLost };
        }
        let weather = self.world.weather;
        let fates = [
            (weather.answer_lost, Fate::AnswerLost),
            (weather.append_lost, Fate::AppendLost),
            (weather.refused, Fate::Refused),
            (weather.late, Fate::Late),
            (weather.stalled, Fate::Stalled),
            (weather.crash / 2, Fate::CrashBefore),
            (weather.crash / 2, Fate::CrashAfter),
        ];
        let mut bound = 0;
        for (thousandths, fate) in fates {
            bound += thousandths;
            if draw < bound {
                return fate;
            }
        }
        Fate::Stored
    }

    fn lane(&self, which: u64) -> u64 {
        PROCESSES + self.process.number % PROCESSES_AT_ONCE * PROCESS_LANES + which
    }

    /// The way between the process and the log; a process that stands still hears nothing.
    async fn travel(&self, lane: u64, rounds: u64) {
        let lane = self.world.lane(self.lane(lane));
        lane.sleep(rounds).await;
        loop {
            let until = self.process.paused_until.load(Ordering::SeqCst);
            let now = round(self.world.start);
            if until <= now {
                return;
            }
            lane.sleep(until - now).await;
        }
    }

    /// Where the process died on the way, nothing of it goes on.
    async fn alive(&self) {
        if self.process.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    fn commit(&self, expected: u64, group: Vec<Record>, is_late: bool) -> Result<u64, AppendError> {
        check_group(&group)?;
        let at = self.world.now();
        let process = self.process.number;
        let mut entries = self.world.entries.lock().unwrap();
        let actual = u64::try_from(entries.len()).unwrap();
        if actual != expected {
            let is_foreign = entries.last().is_some_and(|entry| entry.process != process);
            drop(entries);
            if is_foreign && actual > expected {
                self.world.note(Situation::Fenced);
            }
            return Err(AppendError::WrongSequence { expected, actual });
        }
        let damages = self.world.bug == Some(Bug::DamagesARecord) && entries.len() > 9;
        entries.extend(group.into_iter().map(|record| Entry { record, at, process }));
        if damages && self.world.fired.load(Ordering::SeqCst) == 0 {
            self.world.fires(Bug::DamagesARecord);
            let body = &mut entries.last_mut().unwrap().record.body;
            let at = body.iter().rposition(u8::is_ascii_digit).unwrap();
            body[at] ^= 1;
        }
        let last = u64::try_from(entries.len()).unwrap();
        drop(entries);
        if is_late {
            self.world.note(Situation::LandedLate);
        }
        Ok(last)
    }

    /// What a client of a log could do wrong on the way to it.
    fn bent(&self, expected: u64, group: &mut Vec<Record>) -> u64 {
        if group.len() > 2 && self.world.fires(Bug::DropsSecondOfGroup) {
            group.remove(1);
        }
        if group.len() > 1 && self.world.fires(Bug::DropsLastOfGroup) {
            group.pop();
        }
        if self.world.last() != expected && self.world.fires(Bug::ForgetsExpected) {
            return self.world.last();
        }
        expected
    }

    async fn append_now(&self, expected: u64, group: Vec<Record>) -> Result<u64, AppendError> {
        let fate = self.fate(group.len());
        let rounds =
            self.draw(
                |rng| if fate == Fate::Stalled { rng.between(15, 50) } else { rng.between(1, 3) },
            );
        let lands_though_dead = self.draw(|rng| rng.in_thousand(500));
        if self.world.fires(Bug::AnswersAheadOfTheLog) {
            let all = expected + u64::try_from(group.len()).unwrap();
            self.land_later(expected, group, fate != Fate::AppendLost);
            return Ok(all);
        }
        self.travel(0, rounds).await;
        if self.process.is_dead() && !lands_though_dead {
            self.alive().await;
        }
        let mut sent = group.clone();
        let expected_now = self.bent(expected, &mut sent);
        let outcome = self.arrive(fate, expected_now, sent);
        self.travel(0, 1).await;
        self.alive().await;
        let outcome = self.bent_answer(outcome, expected, &group);
        if let Ok(last) = &outcome {
            *self.known_last.lock().unwrap() = *last;
        }
        outcome
    }

    fn arrive(&self, fate: Fate, expected: u64, group: Vec<Record>) -> Result<u64, AppendError> {
        let is_late = self.process.is_dead();
        match fate {
            Fate::Stored => self.commit(expected, group, is_late),
            Fate::Stalled => {
                self.world.note(Situation::AppendStalled);
                self.commit(expected, group, is_late)
            }
            Fate::AnswerLost => {
                self.commit(expected, group, is_late)?;
                self.world.note(Situation::AnswerOfAppendLost);
                Err(unknown())
            }
            Fate::AppendLost => {
                self.world.note(Situation::AppendLost);
                if group.len() > 1 && self.world.fires(Bug::TearsGroups) {
                    let half = group.len() / 2;
                    let torn = group.into_iter().take(half).collect();
                    self.commit(expected, torn, is_late)?;
                }
                Err(unknown())
            }
            Fate::Refused => {
                self.world.note(Situation::AppendRefused);
                Err(AppendError::Refused { reason: "the log is full".to_owned() })
            }
            Fate::Late => {
                self.land_later(expected, group, true);
                Err(unknown())
            }
            Fate::CrashBefore => {
                self.world.note(Situation::CrashBeforeCommit);
                self.process.die();
                Err(unknown())
            }
            Fate::CrashAfter => {
                let committed = self.commit(expected, group, is_late);
                if committed.is_ok() {
                    self.world.note(Situation::CrashAfterCommit);
                }
                self.process.die();
                committed
            }
        }
    }

    /// The group is still on its way when the process hears no answer, or has died.
    fn land_later(&self, expected: u64, group: Vec<Record>, arrives: bool) {
        let number = {
            let mut late = self.late.lock().unwrap();
            *late += 1;
            *late
        };
        let lane = self.world.lane(self.lane(4 + number % 4));
        let rounds = self.draw(|rng| rng.between(2, 12));
        let rounds = self.world.held_for().unwrap_or(rounds);
        let log = Self::new(&self.world, &self.process, true);
        tokio::spawn(async move {
            lane.sleep(rounds).await;
            if arrives && !log.world.is_over() {
                // Mostly it comes too late, and nobody hears of it.
                drop(log.commit(expected, group, true));
            }
        });
    }

    /// What a client of a log could do wrong with its answer.
    fn bent_answer(
        &self,
        outcome: Result<u64, AppendError>,
        expected: u64,
        group: &[Record],
    ) -> Result<u64, AppendError> {
        let all = expected + u64::try_from(group.len()).unwrap();
        let is_unknown = matches!(outcome, Err(AppendError::Unknown { .. }));
        if is_unknown && self.world.fires(Bug::RetriesBlindly) {
            return self.commit(self.world.last(), group.to_vec(), false);
        }
        if is_unknown && self.world.fires(Bug::TakesUnknownForStored) {
            return Ok(all);
        }
        if matches!(outcome, Err(AppendError::WrongSequence { .. }))
            && self.world.fires(Bug::TakesARaceForStored)
        {
            return Ok(all);
        }
        if outcome.is_ok() && self.world.bug == Some(Bug::StoresGroupsTwice) && group.len() > 1 {
            self.world.fires(Bug::StoresGroupsTwice);
            return self.commit(self.world.last(), group.to_vec(), false);
        }
        if outcome.is_ok() && self.world.bug == Some(Bug::DropsLastOfGroup) && group.len() > 1 {
            return Ok(all);
        }
        outcome
    }

    async fn read_now(&self, from: u64, max: usize) -> Result<Vec<StoredRecord>, LogError> {
        self.reads.lock().unwrap().push(from);
        let (rounds, fails, short) = self.draw(|rng| {
            (
                rng.between(1, 2),
                rng.in_thousand(self.world.weather.read_fails),
                rng.in_thousand(100),
            )
        });
        self.travel(1, rounds).await;
        let crashes = self.draw(|rng| rng.in_thousand(self.world.weather.crash));
        if self.is_writer && crashes && !self.world.is_calm() {
            self.world.note(Situation::CrashAtRead);
            self.process.die();
        }
        self.alive().await;
        if fails && !self.world.is_calm() {
            self.world.note(Situation::ReadFailed);
            return Err(unavailable());
        }
        let max = if short && max > 20 { 20 } else { max };
        let from = from.max(1);
        let skip = usize::try_from(from - 1).unwrap();
        let entries = self.world.entries.lock().unwrap();
        let found: Vec<StoredRecord> = (from..)
            .zip(entries.iter().skip(skip).take(max))
            .map(|(sequence, entry)| StoredRecord { sequence, record: entry.record.clone() })
            .collect();
        let ends = skip + found.len() < entries.len();
        drop(entries);
        if let Some(lost) = self.world.lost_record(from).filter(|_| found.is_empty() && max == 1)
            && self.world.fires(Bug::TrustsAShrunkLog)
        {
            return Ok(vec![lost]);
        }
        if max == 20 && ends {
            self.world.note(Situation::ShortRead);
        }
        if let Some(last) = found.last() {
            let mut known = self.known_last.lock().unwrap();
            *known = last.sequence.max(*known);
        }
        Ok(found)
    }

    async fn last_now(&self) -> Result<u64, LogError> {
        let fails = self.draw(|rng| rng.in_thousand(self.world.weather.read_fails));
        self.travel(2, 1).await;
        self.alive().await;
        if fails && !self.world.is_calm() {
            self.world.note(Situation::ReadFailed);
            return Err(unavailable());
        }
        let known = *self.known_last.lock().unwrap();
        if self.is_writer && known < self.world.last() && self.world.fires(Bug::AsksAStaleReplica) {
            return Ok(known);
        }
        Ok(self.world.last())
    }
}

fn unavailable() -> LogError {
    let (what, reason) = ("the log".to_owned(), "no answer came".to_owned());
    LogError::Unavailable { what, reason }
}

impl EventLog for SimLog {
    fn append(
        &self,
        expected_last: u64,
        group: Vec<Record>,
    ) -> LogFuture<'_, Result<u64, AppendError>> {
        Box::pin(self.append_now(expected_last, group))
    }

    fn read(&self, from: u64, max: usize) -> LogFuture<'_, Result<Vec<StoredRecord>, LogError>> {
        Box::pin(self.read_now(from, max))
    }

    fn last_sequence(&self) -> LogFuture<'_, Result<u64, LogError>> {
        Box::pin(self.last_now())
    }

    fn describe(&self) -> String {
        "the simulated log".to_owned()
    }
}
