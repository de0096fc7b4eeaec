//! One history: from the seed to what is wrong with it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::future::join_all;
use projections::replay::ReplayError;
use schemas::chain::Chain;
use tokio::runtime::Builder;

use crate::bugs::Bug;
use crate::client::{self, Client};
use crate::history::{Verdict, verdict};
use crate::lanes::DIRECTOR;
use crate::reader::{KeptStore, opened, project};
use crate::rng::Rng;
use crate::script;
use crate::server::{Server, Start};
use crate::situations::Situation;
use crate::world::{World, is_silent};
use crate::{check, nemesis, oracle};

/// Commands of a history, about.
const COMMANDS: u64 = 200;
/// The same where a bug is planted: it shows itself soon.
const COMMANDS_FOR_A_BUG: u64 = 120;
/// A client that is not answered in so many rounds never will be.
const PATIENCE: u64 = 50_000;
/// Rounds in which everything that is on its way arrives.
const SETTLING: u64 = 200;
/// In so many histories the log loses its end.
const LOSSES_IN: u64 = 8;

/// What came of a history.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) violations: Vec<String>,
    pub(crate) seen: Vec<Situation>,
    /// The chain over the log and every answer with its time: the same for the same seed.
    pub(crate) fingerprint: Chain,
    pub(crate) events: u64,
    pub(crate) fired: u64,
}

/// Whether the log of that history loses its end.
pub(crate) fn loses(seed: u64) -> bool {
    seed % LOSSES_IN == 5
}

/// Runs the history of a seed.
pub(crate) fn history(seed: u64, bug: Option<Bug>) -> Outcome {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let folder = folder.unwrap();
    runtime.block_on(async {
        let world = World::new(seed, folder.path().to_owned(), bug);
        let violations = live(&world).await;
        let seen = world.seen.lock().unwrap().keys().copied().collect();
        let fired = world.fired.load(Ordering::SeqCst);
        let fingerprint = fingerprint(&world);
        Outcome { violations, seen, fingerprint, events: world.last(), fired }
    })
}

fn fingerprint(world: &World) -> Chain {
    let mut chain = Chain::START;
    for stored in world.stored() {
        chain = chain.next(&stored.record.body);
    }
    for operation in &world.history.lock().unwrap().operations {
        for ask in &operation.asks {
            let answered =
                ask.answer.as_ref().map(|one| (one.at, one.log_at, check::text(&one.bytes)));
            chain = chain.next(format!("{} {} {answered:?}", ask.at, ask.log_at).as_bytes());
        }
    }
    chain
}

async fn live(world: &Arc<World>) -> Vec<String> {
    let mut rng = Rng::new(world.seed, 4);
    let lane = world.lane(DIRECTOR);
    let writers = if is_silent(world.seed) { 1 } else { rng.between(1, 2) };
    let writers = usize::try_from(writers).unwrap();
    let servers: Vec<_> = (0..2).take(writers).map(|index| Server::new(world, index)).collect();
    for server in &servers {
        tokio::spawn(Arc::clone(server).supervise());
    }
    let store = KeptStore::new(world);
    tokio::spawn(project(Arc::clone(world), store.clone()));
    tokio::spawn(nemesis::rage(Arc::clone(world), servers.clone()));
    let commands = if world.bug.is_some() { COMMANDS_FOR_A_BUG } else { COMMANDS };
    let clients = rng.between(4, 8);
    let asking: Vec<_> = (0..clients)
        .map(|index| Client::new(world, &servers, index, commands / clients))
        .map(|client| tokio::spawn(client.run()))
        .collect();
    let done = tokio::select! {
        biased;
        done = join_all(asking) => done,
        () = lane.sleep(PATIENCE) => return vec!["a client waits for ever".to_owned()],
    };
    if done.iter().any(Result::is_err) {
        return vec!["a client panicked".to_owned()];
    }
    world.is_calm.store(true, Ordering::SeqCst);
    lane.sleep(SETTLING).await;
    world.is_over.store(true, Ordering::SeqCst);
    lane.sleep(SETTLING).await;
    if loses(world.seed) {
        return lose(world, &servers, store, &mut rng).await;
    }
    settle(world, &servers, &mut rng)
        .await
        .err()
        .into_iter()
        .chain(checked(world, store, writers).await)
        .collect()
}

/// Ends everything, and asks for every command once more, again, and behind a restart from nothing.
async fn settle(world: &Arc<World>, servers: &[Arc<Server>], rng: &mut Rng) -> Result<(), String> {
    for server in servers {
        if rng.in_thousand(500) {
            server.kill();
        }
        server.end().await;
    }
    let Some(server) = servers.first() else { return Ok(()) };
    for how in [Start::WithSnapshot, Start::WithSnapshot, Start::Fresh] {
        if !server.start(how, rng).await {
            let why = server.halted().unwrap_or_else(|| "the log cannot be read".to_owned());
            return Err(format!("a daemon does not start on a calm day: {why}"));
        }
        ask_all(world, server).await?;
        server.end().await;
    }
    Ok(())
}

async fn ask_all(world: &Arc<World>, server: &Server) -> Result<(), String> {
    let commands: Vec<_> = {
        let history = world.history.lock().unwrap();
        history.operations.iter().map(|one| one.command.clone()).collect()
    };
    let asked: Vec<_> = commands.into_iter().filter_map(|command| server.submit(command)).collect();
    let log_at = world.last();
    let lane = world.lane(DIRECTOR);
    let replies = tokio::select! {
        biased;
        replies = join_all(asked) => replies,
        () = lane.sleep(PATIENCE) => return Err("a writer never answers".to_owned()),
    };
    let mut history = world.history.lock().unwrap();
    for (operation, bytes) in history.operations.iter_mut().zip(replies) {
        operation.at_last.push((log_at, bytes));
    }
    Ok(())
}

async fn checked(world: &Arc<World>, store: KeptStore, writers: usize) -> Vec<String> {
    let told = match check::read(world) {
        Ok(told) => told,
        Err(wrong) => return vec![wrong],
    };
    let mut wrong = check::replies(world, &told);
    wrong.extend(oracle::decisions(world, &told));
    oracle::situations(world, &told, writers);
    match oracle::books(world).await {
        Ok(fresh) => match opened(world, store).await {
            Ok(projector) if projector.views().digests() == fresh => {}
            Ok(_) => {
                wrong.push("the projector's digests are not those of a fresh replay".to_owned())
            }
            Err(error) => wrong.push(format!("the projector does not come to the end: {error}")),
        },
        Err(violation) => wrong.push(violation),
    }
    wrong
}

/// The log loses events that it had acknowledged: nobody may go on as if nothing had happened.
async fn lose(
    world: &Arc<World>,
    servers: &[Arc<Server>],
    store: KeptStore,
    rng: &mut Rng,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(server) = servers.first() else { return wrong };
    for one in servers {
        one.end().await;
    }
    // Whoever is to notice has seen the end.
    if !server.start(Start::WithSnapshot, rng).await {
        return vec!["a daemon does not start on a calm day".to_owned()];
    }
    if let Err(error) = opened(world, store.clone()).await {
        return vec![format!("the projector does not come to the end: {error}")];
    }
    let fresh = rng.in_thousand(500);
    if fresh {
        server.end().await;
        if !server.start(Start::Fresh, rng).await {
            return vec!["a daemon does not start on a calm day".to_owned()];
        }
    }
    if let Err(error) = write(world, server, "before").await {
        return vec![error];
    }
    let before = check::read(world).map(|told| told.events.len());
    let Ok(before) = before else { return vec!["the log is damaged".to_owned()] };
    world.lose(usize::try_from(rng.between(1, 5)).unwrap().min(before - 1));
    let left = world.last();
    if write(world, server, "behind").await.is_ok() || world.last() != left {
        wrong.push("a running writer went on at a log that had lost events".to_owned());
    } else {
        world.note(Situation::WriterDidNotGoOn);
    }
    server.kill();
    // Its snapshot holds what the log had then.
    world.lose(usize::try_from(left).unwrap() - 1);
    if server.has_snapshot_behind(world.last()) {
        if !server.start(Start::WithSnapshot, rng).await && server.halted().is_some() {
            world.note(Situation::WriterHalted);
        } else {
            wrong.push("a writer started at a log that had lost events".to_owned());
        }
    }
    match opened(world, store).await {
        Err(ReplayError::Tampered { .. }) => world.note(Situation::ProjectorHalted),
        other => wrong.push(format!("the projector goes on at a log that lost events: {other:?}")),
    }
    wrong
}

/// Whether a writer stores something new.
async fn write(world: &Arc<World>, server: &Server, name: &str) -> Result<(), String> {
    let mut wish = script::customer(1);
    wish.data["customer"] = format!("NEW-{name}").into();
    let command = client::command(&wish.text(&format!("new-{name}")));
    let Some(reply) = server.submit(command) else { return Err("the writer is down".to_owned()) };
    let lane = world.lane(DIRECTOR);
    let bytes = tokio::select! {
        biased;
        bytes = reply => bytes,
        () = lane.sleep(PATIENCE) => return Err("a writer never answers".to_owned()),
    };
    match verdict(&bytes) {
        Verdict::Ok(_) => Ok(()),
        Verdict::Fail(why) | Verdict::Unknown(why) => Err(format!("nothing new is stored: {why}")),
    }
}
