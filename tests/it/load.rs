//! Clients that send commands over NATS, one after another, and ask again with the same id where no answer
//! comes; and what must be true of all their answers.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_nats::Client;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::harness::Ledger;

/// A hang is a failure; how long it really takes is printed.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);
/// How long a client waits before it asks again with the same id.
const PATIENCE: Duration = Duration::from_secs(1);
const CLIENTS: usize = 4;

/// An invoice whose number the book gives.
pub(crate) fn invoice(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","command":"IssueInvoice","effective":"2026-01-10","data":{{"customer":"C-1","currency":"USD","due":"2026-02-09","lines":[{{"amount":"10.00"}}]}}}}"#
    )
}

/// Looks again and again until it is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within {WITHIN:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a command until there is an answer.
async fn ask(client: &Client, id: &str) -> Vec<u8> {
    let deadline = Instant::now() + WITHIN;
    loop {
        assert!(Instant::now() < deadline, "no answer to {id}");
        let asked = client.request("ledger.main.cmd.IssueInvoice", invoice(id).into());
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) => {
                let reply: Value = serde_json::from_slice(&answer.payload).unwrap();
                match reply["error"]["code"].as_str() {
                    None => return answer.payload.to_vec(),
                    // What a client is to send again with the same id.
                    Some("command.outcome_unknown" | "book.busy") => {}
                    Some(_) => panic!("{id}: {reply}"),
                }
            }
            // Nobody listens just now, or nobody answers.
            Ok(Err(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(_) => {}
        }
    }
}

/// Command ids with their answers.
type Answers = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// Clients that send one command after another.
pub(crate) struct Load {
    runtime: Runtime,
    client: Client,
    is_over: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    answers: Answers,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts them, and waits for their first answers.
    pub(crate) fn start(url: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let servers: Vec<&str> = url.split(',').collect();
        let client = runtime.block_on(async_nats::connect(servers)).unwrap();
        let (is_over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let answers = Arc::new(Mutex::new(Vec::new()));
        let mut load = Self { runtime, client, is_over, count, answers, tasks: Vec::new() };
        for number in 0..CLIENTS {
            let (client, is_over) = (load.client.clone(), Arc::clone(&load.is_over));
            let (count, answers) = (Arc::clone(&load.count), Arc::clone(&load.answers));
            load.tasks.push(load.runtime.spawn(async move {
                let mut next = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let id = format!("i{number}-{next}");
                    let answer = ask(&client, &id).await;
                    answers.lock().unwrap().push((id, answer));
                    count.fetch_add(1, Ordering::Relaxed);
                    next += 1;
                }
            }));
        }
        load.goes_on("the first daemon");
        load
    }

    /// Waits until commands are answered that were sent by now, and prints how long it took.
    pub(crate) fn goes_on(&self, who: &str) {
        // One of each client may have been answered before.
        let (enough, since) = (self.count.load(Ordering::Relaxed) + 10 * CLIENTS, Instant::now());
        wait_until(who, || self.count.load(Ordering::Relaxed) >= enough);
        println!("{who}: commands are answered {:?} later", since.elapsed());
    }

    /// Ends the clients; every answer stands, is the only one, and is the log's.
    pub(crate) fn check(self, reader: &Ledger, [url, monitor]: [String; 2]) {
        self.is_over.store(true, Ordering::Relaxed);
        self.runtime.block_on(async {
            for task in self.tasks {
                task.await.unwrap();
            }
        });
        let answers = std::mem::take(&mut *self.answers.lock().unwrap());
        println!("{} commands", answers.len());
        let mut numbers = BTreeSet::new();
        for (id, answer) in &answers {
            assert_eq!(
                String::from_utf8_lossy(answer),
                String::from_utf8_lossy(&self.runtime.block_on(ask(&self.client, id))),
                "{id}: the one answer"
            );
            let reply: Value = serde_json::from_slice(answer).unwrap();
            let subject = reply["events"][0]["subject"].as_str().unwrap();
            let number: u64 =
                subject.rsplit(['-', '.']).next().unwrap().parse().expect("a number of a series");
            assert!(numbers.insert(number), "{id}: {number} was given twice");
        }
        let gapless: BTreeSet<u64> = (1..=u64::try_from(answers.len()).unwrap()).collect();
        assert_eq!(numbers, gapless, "no number is missing");
        let reader = |arguments: &[&str]| {
            let options = ["--nats", &url, "--nats-monitor", &monitor];
            reader.expect(0, &[arguments, &options[..]].concat(), "")
        };
        let verified = reader(&["verify"]).out;
        let events = answers.len() + 2;
        assert!(verified.contains("ok") && verified.contains(&events.to_string()), "{verified}");
    }
}
