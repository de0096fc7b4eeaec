//! The way to the stream: through the one server that the client is connected to.
//!
//! That server may be cut off from the others and stay connected to us; then nothing comes of any
//! question, while another server would have the answer. So it is left.

use std::future::ready;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::client::Client;
use async_nats::connection::State;
use async_nats::jetstream::Context;
use async_nats::{ConnectOptions, ReconnectToServer, Server, ServerAddr};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::leader::{ATTEMPT_DEADLINE, ATTEMPT_PAUSE};

/// How many times as long a server is kept where leaving did not help, again and again: there may be no
/// majority anywhere.
const PATIENCE_MAX: u32 = 16;
/// How often the same server may be taken again.
const LEAVES_MAX: usize = 3;

/// A client's way.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) context: Context,
    client: Client,
    use_of_it: Mutex<Use>,
}

/// What came of it.
#[derive(Debug)]
struct Use {
    /// The connections that were made, this one included.
    connects: u64,
    useless_since: Option<Instant>,
    /// It is kept so many times as long.
    patience: u32,
}

impl Way {
    pub(super) fn of(context: &Context) -> Way {
        let client = context.client();
        let connects = connects(&client);
        let use_of_it = Use { connects, useless_since: None, patience: 1 };
        Way { context: context.clone(), client, use_of_it: Mutex::new(use_of_it) }
    }

    /// A question was answered.
    pub(super) fn was_useful(&self) {
        // Whoever holds it leaves the server: then this is about the one before.
        if let Ok(mut known) = self.use_of_it.try_lock() {
            (known.useless_since, known.patience) = (None, 1);
        }
    }

    /// Nothing came of a question. Leaves the server for another one, where there is one, if that was
    /// so for that long.
    pub(super) async fn was_useless(&self, for_long: Duration) {
        let Ok(mut known) = self.use_of_it.try_lock() else { return };
        let connects_now = connects(&self.client);
        if known.connects != connects_now {
            (known.connects, known.useless_since) = (connects_now, None);
        }
        let since = *known.useless_since.get_or_insert_with(Instant::now);
        if since.elapsed() < for_long * known.patience {
            return;
        }
        if self.client.connection_state() != State::Connected {
            // It looks for a server by itself, and would leave the one that it finds.
            return;
        }
        known.patience = (known.patience * 2).min(PATIENCE_MAX);
        if self.client.server_pool().await.is_ok_and(|pool| pool.len() > 1) {
            self.leave().await;
        }
        (known.connects, known.useless_since) = (connects(&self.client), None);
    }

    /// The client may take the same server again, by another of its addresses.
    async fn leave(&self) {
        let left = self.client.server_info().server_id;
        for _ in 0..LEAVES_MAX {
            let before = connects(&self.client);
            if self.client.force_reconnect().await.is_err() {
                return;
            }
            let arrives = async {
                while connects(&self.client) == before {
                    sleep(ATTEMPT_PAUSE).await;
                }
            };
            let is_there = timeout(ATTEMPT_DEADLINE, arrives).await.is_ok();
            if !is_there || self.client.server_info().server_id != left {
                return;
            }
        }
    }
}

/// Makes a client that lost its server, or leaves it, try the others before that one. Left to itself it
/// prefers whoever failed least, which may be the very server that nothing comes of.
pub fn others_first(options: ConnectOptions) -> ConnectOptions {
    let tried = std::sync::Mutex::new(None);
    options.reconnect_to_server_callback(move |pool, last| {
        // The first connection is for the client to make: it tries all of them.
        let is_first = last.server_id.is_empty();
        ready(if is_first { None } else { next(&pool, &tried) })
    })
}

/// The server that failed least of those that are not the one tried last, from there on.
fn next(
    pool: &[Server],
    tried: &std::sync::Mutex<Option<ServerAddr>>,
) -> Option<ReconnectToServer> {
    let mut tried = tried.lock().unwrap_or_else(PoisonError::into_inner);
    let place = tried.as_ref().and_then(|tried| pool.iter().position(|one| one.addr == *tried));
    let others = pool.len().saturating_sub(usize::from(place.is_some()));
    let from = place.map_or(0, |place| place + 1);
    let found = pool.iter().cycle().skip(from).take(others).min_by_key(|one| one.failed_attempts);
    let addr = found.or(pool.first())?.addr.clone();
    *tried = Some(addr.clone());
    Some(ReconnectToServer { addr, delay: None })
}

/// How often the client has connected.
pub(super) fn connects(client: &Client) -> u64 {
    client.statistics().connects.load(Ordering::Relaxed)
}
