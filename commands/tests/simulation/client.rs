//! The clients: each asks for one thing at a time, and asks again with the same id while it does not
//! know the outcome. The network between them and the daemons loses, holds back and doubles.

use std::sync::Arc;

use futures::future::{Either, join, select};
use ledger_core::command::Command;
use schemas::command::{Origin, parse};
use tokio::sync::oneshot;

use crate::bugs::Bug;
use crate::history::{Answer, Ask, Verdict, verdict};
use crate::lanes::CLIENT_LANES;
use crate::planted;
use crate::rng::Rng;
use crate::script::{self, Wish};
use crate::server::{Server, book};
use crate::situations::Situation;
use crate::world::{World, is_silent};

/// How often a client asks before it leaves a command for later.
const ATTEMPTS: u64 = 5;
/// The same of the command that opens the book.
const ATTEMPTS_TO_OPEN: u64 = 40;
/// In so many histories one has a billing run of more events than a group takes.
const LONG_RUNS_IN: u64 = 12;

/// Of a thousand wishes so many are two, of which the second one stands on the first.
const PAIRS_IN_THOUSAND: u64 = 60;
/// The same where the log is often silent.
const PAIRS_IN_SILENCE: u64 = 800;
/// Of the two the first one waits so many times as long before it is asked for again.
const FIRST_WAITS: u64 = 4;
/// The lanes of the second one begin here.
const SECOND_LANES: u64 = 30;

/// Whether a history has such a run.
pub(crate) fn is_long(seed: u64) -> bool {
    seed % LONG_RUNS_IN == 7
}

pub(crate) struct Client {
    pub(crate) world: Arc<World>,
    pub(crate) servers: Vec<Arc<Server>>,
    pub(crate) index: u64,
    pub(crate) wishes: u64,
    pub(crate) rng: Rng,
    sent: u64,
    /// So many times as long as usual it waits before it asks again.
    waits: u64,
    /// Its own lane, and how many there are from there on for what it has on its way.
    lanes: (u64, u64),
}

pub(crate) fn command(text: &str) -> Command {
    let origin = Origin {
        book: book(),
        actor: "client".to_owned(),
        today: "2026-05-01".parse().unwrap(),
        command_name: None,
    };
    parse(text.as_bytes(), &origin, &mut String::new).unwrap()
}

/// Hands a command over, and keeps what came of it.
pub(crate) async fn deliver(
    world: Arc<World>,
    server: Arc<Server>,
    operation: usize,
) -> Option<Vec<u8>> {
    let command = world.history.lock().unwrap().operations[operation].command.clone();
    let process = server.process().map(|process| process.number);
    let ask = Ask { at: world.now(), log_at: world.last(), process, answer: None };
    let number = world.history.lock().unwrap().ask(operation, ask);
    if let Some(bytes) = planted::cached(&world, operation) {
        answered(&world, operation, number, &bytes);
        return Some(bytes);
    }
    let command = planted::bent_command(&world, command, number);
    let Some(reply) = server.submit(command) else {
        // Nobody listened: that is as if it had not been asked.
        return None;
    };
    let bytes = planted::bent_reply(&world, reply.await, number);
    answered(&world, operation, number, &bytes);
    Some(bytes)
}

/// Notes a deadline that passed, by what the caller was told.
pub(crate) fn note_deadline(world: &World, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for (situation, code, words) in [
        (Situation::NotTakenInTime, "book.busy", "was not looked at"),
        (Situation::NotKnownInTime, "command.outcome_unknown", "the log has not answered for"),
    ] {
        if text.contains(code) && text.contains(words) {
            world.note(situation);
        }
    }
}

fn answered(world: &World, operation: usize, number: usize, bytes: &[u8]) {
    note_deadline(world, bytes);
    let mut history = world.history.lock().unwrap();
    let answer = Answer {
        at: world.now(),
        log_at: world.last(),
        bytes: bytes.to_vec(),
        verdict: verdict(bytes),
    };
    let place = &mut history.operations[operation].asks[number].answer;
    // Only a planted bug answers twice.
    place.get_or_insert(answer);
}

impl Client {
    pub(crate) fn new(
        world: &Arc<World>,
        servers: &[Arc<Server>],
        index: u64,
        wishes: u64,
    ) -> Self {
        let rng = Rng::new(world.seed, 100 + index);
        let lanes = (index * CLIENT_LANES, SECOND_LANES);
        let (world, servers) = (Arc::clone(world), servers.to_vec());
        Self { world, servers, index, wishes, rng, sent: 0, waits: 1, lanes }
    }

    /// The same client, which does a second thing at a time.
    fn second(&mut self) -> Self {
        let rng = Rng::new(self.rng.below(u64::MAX), self.index);
        let lanes = (self.index * CLIENT_LANES + SECOND_LANES, CLIENT_LANES - SECOND_LANES);
        let (world, servers) = (Arc::clone(&self.world), self.servers.clone());
        Self { world, servers, index: self.index, wishes: 0, rng, sent: self.sent, waits: 1, lanes }
    }

    /// Asks for two things at once, and goes on when it knows, or knows not, of both.
    async fn ask_for_two(&mut self, tag: &str) {
        let (first, second) = script::pair(&mut self.rng, &self.world.known.lock().unwrap(), tag);
        let mut other = self.second();
        let (id, other_id) = (format!("k{tag}"), format!("k{tag}-on"));
        self.waits = FIRST_WAITS;
        join(self.ask(&id, &first), other.ask(&other_id, &second)).await;
        self.waits = 1;
    }

    pub(crate) async fn run(mut self) {
        let lane = self.world.lane(self.lanes.0);
        let is_long = is_long(self.world.seed) && self.index == 0;
        let pairs = if is_silent(self.world.seed) { PAIRS_IN_SILENCE } else { PAIRS_IN_THOUSAND };
        let mut last: Option<(String, Wish)> = None;
        for number in 0..self.wishes {
            lane.sleep(self.rng.between(1, 6)).await;
            let tag = format!("{}-{number}", self.index);
            if number > 9 && self.rng.in_thousand(pairs) {
                self.ask_for_two(&tag).await;
                continue;
            }
            let wish = match number {
                0 if self.index == 0 => script::open_book(self.world.seed.is_multiple_of(2)),
                1 if self.index == 0 => script::customer(1),
                8 if is_long => script::long_order(),
                9 if is_long => script::long_run(),
                _ => script::next(&mut self.rng, &self.world.known.lock().unwrap(), &tag),
            };
            let mut id = format!("k{tag}");
            // A client that is not careful takes an id twice.
            if let Some((used, before)) = last.take().filter(|_| self.rng.in_thousand(25))
                && before.data != wish.data
            {
                id = used;
            }
            last = Some((id.clone(), wish.clone()));
            self.ask(&id, &wish).await;
        }
    }

    async fn ask(&mut self, id: &str, wish: &Wish) {
        let lane = self.world.lane(self.lanes.0);
        let command = command(&wish.text(id));
        let operation = self.world.history.lock().unwrap().invoke(command);
        // Without a book there is nothing to see.
        let attempts = if wish.name == "OpenBook" { ATTEMPTS_TO_OPEN } else { ATTEMPTS };
        for attempt in 1..=attempts {
            let answered = self.attempt(operation).await;
            match answered.as_deref().map(verdict) {
                Some(Verdict::Ok(_)) => {
                    let reply = serde_json::from_slice(&answered.unwrap()).unwrap();
                    self.world.known.lock().unwrap().learn(wish, &reply);
                    return;
                }
                Some(Verdict::Fail(_)) => return,
                Some(Verdict::Unknown(_)) | None => {}
            }
            if self.world.is_over() {
                return;
            }
            lane.sleep(self.rng.between(1, 4) * attempt * self.waits).await;
        }
    }

    /// Sends it once, or as often as the network likes, and waits for a reply.
    async fn attempt(&mut self, operation: usize) -> Option<Vec<u8>> {
        let network = if self.world.is_calm() { 0 } else { self.world.weather.network };
        let server = Arc::clone(self.rng.pick(&self.servers).unwrap());
        let (told, reply) = oneshot::channel();
        let is_lost = self.rng.in_thousand(network);
        let is_reply_lost = self.rng.in_thousand(network);
        let delay = if self.rng.in_thousand(network) { self.rng.between(10, 60) } else { 1 };
        if is_lost {
            self.world.note(Situation::RequestLost);
        } else {
            let listener = (!is_reply_lost).then_some(told);
            if is_reply_lost {
                self.world.note(Situation::ReplyLost);
            }
            self.send(Arc::clone(&server), operation, delay, listener);
        }
        for _ in 0..2 {
            if self.rng.in_thousand(network) {
                let other = Arc::clone(self.rng.pick(&self.servers).unwrap());
                let delay = self.rng.between(1, 80);
                self.send(other, operation, delay, None);
            }
        }
        let lane = self.world.lane(self.lanes.0);
        let patience = self.rng.between(12, 30);
        let timeout = Box::pin(lane.sleep(patience));
        match select(reply, timeout).await {
            // The sender is gone where nobody listened: the connection was refused.
            Either::Left((bytes, _)) => bytes.ok(),
            Either::Right(((), _)) => {
                let is_refused = self.world.fires(Bug::TakesATimeoutForANo);
                is_refused.then(|| planted::refuse(&self.world, operation))
            }
        }
    }

    fn send(
        &mut self,
        server: Arc<Server>,
        operation: usize,
        delay: u64,
        listener: Option<oneshot::Sender<Vec<u8>>>,
    ) {
        self.sent += 1;
        let lane = self.lanes.0 + 1 + self.sent % (self.lanes.1 - 1);
        let lane = self.world.lane(lane);
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            lane.sleep(delay).await;
            let reply = deliver(world, server, operation).await;
            if let (Some(bytes), Some(listener)) = (reply, listener) {
                // A client that waited long enough does not listen any more.
                drop(listener.send(bytes));
            }
        });
    }
}
