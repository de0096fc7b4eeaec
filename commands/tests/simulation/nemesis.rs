//! Who makes trouble from outside: kills, standstills, moved clocks, floods.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::future::join_all;
use ledger_core::limits::QUEUE_COMMANDS_MAX;

use crate::client::note_deadline;
use crate::history::{Ask, Verdict, verdict};
use crate::lanes::{NEMESIS, round};
use crate::rng::Rng;
use crate::server::Server;
use crate::situations::Situation;
use crate::world::{World, is_silent};

/// In so many histories one has a flood.
const FLOODS_IN: u64 = 10;

pub(crate) async fn rage(world: Arc<World>, servers: Vec<Arc<Server>>) {
    let mut rng = Rng::new(world.seed, 2);
    let lane = world.lane(NEMESIS);
    let mut has_flooded = world.seed % FLOODS_IN != 3;
    loop {
        lane.sleep(rng.between(10, 60)).await;
        if world.is_calm() {
            return;
        }
        let server = rng.pick(&servers).unwrap();
        if is_silent(world.seed) && rng.in_thousand(500) {
            world.fall_silent(rng.between(25, 60));
            continue;
        }
        match rng.below(10) {
            0..3 if world.weather.crash > 0 => {
                world.note(Situation::CrashAtRest);
                server.kill();
            }
            3..5 => stand_still(&world, server, rng.between(20, 60)),
            5 => world.skew(3_600),
            6 => {
                world.note(Situation::ClockBack);
                world.skew(-1_800);
            }
            _ if !has_flooded && world.last() > 3 => {
                has_flooded = flood(&world, server).await;
            }
            _ => {}
        }
    }
}

fn stand_still(world: &World, server: &Server, rounds: u64) {
    let Some(process) = server.process() else { return };
    process.paused_until.store(round(world.start) + rounds, Ordering::SeqCst);
    world.note(Situation::StaleWriter);
}

/// More commands than the queue takes, while the writer stands still; whether they were too many.
async fn flood(world: &Arc<World>, server: &Server) -> bool {
    let command = {
        let history = world.history.lock().unwrap();
        let done = history.operations.iter().find(|one| one.asks.iter().any(Ask::is_ok));
        done.map(|one| one.command.clone())
    };
    let (Some(command), Some(process)) = (command, server.process()) else { return false };
    stand_still(world, server, 30);
    let replies: Vec<_> =
        (0..QUEUE_COMMANDS_MAX + 500).filter_map(|_| server.submit(command.clone())).collect();
    let answers = tokio::select! {
        biased;
        answers = join_all(replies) => answers,
        () = process.died() => return false,
    };
    answers.iter().for_each(|bytes| note_deadline(world, bytes));
    let is_busy =
        answers.iter().any(|bytes| verdict(bytes) == Verdict::Unknown("book.busy".to_owned()));
    if is_busy {
        world.note(Situation::Busy);
    }
    is_busy
}
