//! Several daemons on one book in JetStream, while clients send commands and ask again with the same
//! ids: one writes; when it dies, stands still or ends, another one goes on. Nothing is lost, doubled
//! or answered twice in two ways.

use std::collections::BTreeSet;

use futures::StreamExt;
use ledger_core::log::nats_server::{NatsCluster, NatsServer};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::daemon::Daemon;
use crate::harness::Ledger;
use crate::load::{Load, WITHIN, invoice, wait_until};
use crate::proxy::Proxy;
use crate::shipped::Shipped;

const OPEN: &str =
    r#"{"id":"open","command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}"#;
const CUSTOMER: &str = r#"{"id":"customer","command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"C-1","name":"One"}}"#;

fn options(nats: &NatsServer) -> [String; 2] {
    [nats.url(), nats.monitor_url()]
}

/// A daemon with a folder of its own.
fn start(ledger: &Ledger, nats: &NatsServer) -> Daemon {
    let [url, monitor] = options(nats);
    Daemon::start_with(ledger, &["--nats", &url, "--nats-monitor", &monitor])
}

/// Whether the daemon says that another one writes.
fn stands_by(daemon: &Daemon) -> bool {
    let answer = daemon.command(OPEN);
    match answer.status {
        200 => false,
        503 => {
            assert_eq!(answer.json()["error"]["code"], "book.standby", "{answer:?}");
            true
        }
        _ => panic!("{answer:?}"),
    }
}

fn folders<const N: usize>() -> [Ledger; N] {
    std::array::from_fn(|_| Ledger::new())
}

#[test]
fn another_daemon_goes_on_when_the_writer_is_killed() {
    let nats = NatsServer::start().unwrap();
    let [first, second, third] = folders();
    let mut writer = start(&first, &nats);
    let mut others = [start(&second, &nats), start(&third, &nats)];
    writer.command(OPEN);
    writer.command(CUSTOMER);
    let load = Load::start(&nats.url());
    assert!(!stands_by(&writer) && others.iter().all(stands_by));
    // Who stands by has the reports.
    let report = others[0].get("/v1/books/main/reports/receivables?as_of=2026-03-01");
    assert_eq!(report.status, 200, "{report:?}");
    writer.kill();
    load.goes_on("killed");
    let place = usize::from(stands_by(&others[0]));
    assert!(!stands_by(&others[place]) && stands_by(&others[1 - place]));
    others[place].kill();
    load.goes_on("killed again");
    // Whoever comes back stands by.
    let back = start(&first, &nats);
    assert!(stands_by(&back));
    load.check(&third, options(&nats));
    drop(others);
}

#[test]
fn a_writer_that_stood_still_steps_down_and_answers_nobody_wrongly() {
    let nats = NatsServer::start().unwrap();
    let [first, second] = folders();
    let (one, other) = (start(&first, &nats), start(&second, &nats));
    one.command(OPEN);
    one.command(CUSTOMER);
    let load = Load::start(&nats.url());
    for (writer, heir) in [(&one, &other), (&other, &one)] {
        assert!(!stands_by(writer) && stands_by(heir));
        writer.signal("STOP");
        load.goes_on("stopped");
        // It was asked while it stood still, and is not the one to say.
        std::thread::scope(|scope| {
            let early = scope.spawn(|| writer.command(&invoice("early")));
            writer.signal("CONT");
            let early = early.join().unwrap();
            assert_eq!(early.json()["error"]["code"], "book.standby", "{early:?}");
        });
        assert!(stands_by(writer) && !stands_by(heir));
        load.goes_on("continued");
    }
    // What the writer has in memory is what the log says.
    load.check(&first, options(&nats));
    Ledger::new().expect(0, &["replay", "--compare", "--nats", &nats.url()], "");
    assert_eq!((one.terminate(), other.terminate()), (0, 0));
}

#[test]
fn a_writer_that_is_cut_off_steps_down_and_what_it_sent_comes_too_late() {
    let nats = NatsServer::start().unwrap();
    let [first, second] = folders();
    let proxy = Proxy::start(nats.url().strip_prefix("nats://").unwrap());
    let monitor = nats.monitor_url();
    let writer = Daemon::start_with(&first, &["--nats", &proxy.url(), "--nats-monitor", &monitor]);
    let other = start(&second, &nats);
    writer.command(OPEN);
    writer.command(CUSTOMER);
    let load = Load::start(&nats.url());
    assert!(!stands_by(&writer) && stands_by(&other));
    proxy.cut();
    load.goes_on("cut off");
    wait_until("it steps down", || stands_by(&writer));
    assert!(!stands_by(&other));
    assert!(proxy.mend(), "something was on its way");
    load.goes_on("mended");
    assert!(stands_by(&writer) && !stands_by(&other));
    // It follows again, and goes on where it is needed.
    assert_eq!(other.terminate(), 0);
    load.goes_on("handed back");
    assert!(!stands_by(&writer));
    load.check(&second, options(&nats));
}

#[test]
fn commands_from_a_file_wait_for_the_daemon_that_takes_over() {
    let nats = NatsServer::start().unwrap();
    let [first, second] = folders();
    let (mut writer, mut other) = (start(&first, &nats), start(&second, &nats));
    writer.command(OPEN);
    writer.command(CUSTOMER);
    assert!(stands_by(&other));
    writer.kill();
    let file = format!("{}\n{}\n", invoice("one"), invoice("two"));
    let told = Ledger::new().expect(0, &["apply", "-", "--nats", &nats.url()], &file).out;
    assert_eq!(told.matches(r#""outcome":"accepted""#).count(), 2, "{told}");
    // Where no daemon is left there is nobody to wait for.
    other.kill();
    let said = Ledger::new().expect(3, &["apply", "-", "--nats", &nats.url()], &file).err;
    assert!(said.contains("error[service.none]"), "{said}");
}

#[test]
fn a_daemon_that_may_not_talk_to_the_others_says_so() {
    let shipped = Shipped::start_with(|config| {
        assert_eq!(config.matches(r#""ledger.*.writer""#).count(), 2);
        config.replace(r#""ledger.*.writer""#, "")
    });
    let options = shipped.options("writer");
    let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
    arguments.extend(options.iter().map(String::as_str));
    let said = Ledger::new().expect(3, &arguments, "").err;
    assert!(said.contains("error[nats.election]") && said.contains("ledger.main.writer"), "{said}");
}

#[test]
fn a_writer_that_ends_hands_over() {
    let nats = NatsServer::start().unwrap();
    let [first, second] = folders();
    let (writer, other) = (start(&first, &nats), start(&second, &nats));
    writer.command(OPEN);
    writer.command(CUSTOMER);
    let load = Load::start(&nats.url());
    assert_eq!(writer.terminate(), 0);
    load.goes_on("ended");
    assert!(!stands_by(&other));
    // The last one ends, and a new one begins at once.
    assert_eq!(other.terminate(), 0);
    let writer = start(&first, &nats);
    assert!(!stands_by(&writer));
    load.goes_on("alone again");
    load.check(&second, options(&nats));
}

#[test]
fn each_book_of_a_daemon_has_an_election_of_its_own() {
    let nats = NatsServer::start().unwrap();
    let [first, second] = folders();
    let [url, monitor] = options(&nats);
    let serve = |ledger, more: &[&str]| {
        Daemon::start_with(ledger, &[&["--nats", &url, "--nats-monitor", &monitor], more].concat())
    };
    let other = serve(&first, &["--book", "other"]);
    let both = serve(&second, &["--also", "other"]);
    let open = |daemon: &Daemon, book: &str| {
        let head = format!("POST /v1/books/{book}/commands");
        daemon.ask(&head, "application/json", OPEN.as_bytes())
    };
    assert_eq!(open(&both, "main").status, 200);
    let refused = open(&both, "other");
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &"book.standby".into()));
    let opened = open(&other, "other");
    assert_eq!(opened.status, 200);
    assert_eq!(other.terminate(), 0);
    wait_until("the other one goes on", || open(&both, "other").status == 200);
    assert_eq!(open(&both, "other"), opened, "the same answer");
    assert_eq!(both.terminate(), 0);
}

#[test]
fn a_daemon_says_when_it_stands_by() {
    let nats = NatsServer::start().unwrap();
    let [first, second] = folders();
    let (writer, other) = (start(&first, &nats), start(&second, &nats));
    assert!(writer.ready().starts_with("ready: book main on http://"), "{}", writer.ready());
    let said = other.ready();
    assert!(said.starts_with("ready: book main standing by on http://"), "{said}");
    let path = "POST /v1/books/main/commands";
    let (head, _) = other.ask_with_head(path, "application/json", OPEN.as_bytes());
    assert!(
        format!("{head}\r\n").to_ascii_lowercase().contains("\r\nretry-after: 5\r\n"),
        "{head}"
    );
    // Both are found, and only one of them takes commands.
    let runtime = Runtime::new().unwrap();
    let roles = runtime.block_on(async {
        let client = async_nats::connect(nats.url()).await.unwrap();
        let inbox = client.new_inbox();
        let mut found = client.subscribe(inbox.clone()).await.unwrap();
        client.publish_with_reply("$SRV.INFO.revledger", inbox, "".into()).await.unwrap();
        let mut roles = BTreeSet::new();
        for _ in 0..2 {
            let next = tokio::time::timeout(WITHIN, found.next()).await.unwrap().unwrap();
            let info: Value = serde_json::from_slice(&next.payload).unwrap();
            let role = info["metadata"]["role"].as_str().unwrap().to_owned();
            roles.insert((role, info["endpoints"].as_array().unwrap().len()));
        }
        roles
    });
    assert_eq!(roles, BTreeSet::from([("standby".to_owned(), 0), ("writing".to_owned(), 3)]));
}

#[test]
fn a_book_is_not_taken_away_from_a_daemon_that_stands_by() {
    let nats = NatsServer::start().unwrap();
    let [first, second] = folders();
    let (mut writer, other) = (start(&first, &nats), start(&second, &nats));
    writer.command(OPEN);
    assert!(stands_by(&other));
    writer.kill();
    // Nobody answers commands now, and soon the other one will.
    let new = Ledger::new();
    let to = new.path().to_str().unwrap();
    let refused = Ledger::new().expect(3, &["migrate", "--nats", &nats.url(), "--to", to], "");
    assert!(refused.err.contains("error[source.in_use]"), "{}", refused.err);
    assert_eq!(other.terminate(), 0);
    Ledger::new().expect(0, &["migrate", "--nats", &nats.url(), "--to", to], "");
}

#[test]
fn of_two_that_start_at_once_one_writes() {
    let nats = NatsServer::start().unwrap();
    let ledgers: [Ledger; 2] = folders();
    let daemons: Vec<Daemon> = std::thread::scope(|scope| {
        let starting = ledgers.iter().map(|ledger| scope.spawn(|| start(ledger, &nats)));
        let starting: Vec<_> = starting.collect();
        starting.into_iter().map(|one| one.join().unwrap()).collect()
    });
    wait_until("one writes", || daemons.iter().filter(|daemon| stands_by(daemon)).count() == 1);
    let writer = daemons.iter().find(|daemon| !stands_by(daemon)).unwrap();
    writer.command(OPEN);
    writer.command(CUSTOMER);
    let load = Load::start(&nats.url());
    assert_eq!(daemons.iter().filter(|daemon| stands_by(daemon)).count(), 1);
    load.check(&ledgers[0], options(&nats));
}

#[test]
fn behind_a_restart_of_the_server_one_writes_again() {
    let mut nats = NatsServer::start().unwrap();
    let ledgers: [Ledger; 2] = folders();
    let daemons = ledgers.each_ref().map(|ledger| start(ledger, &nats));
    daemons[0].command(OPEN);
    daemons[0].command(CUSTOMER);
    let load = Load::start(&nats.url());
    nats.restart().unwrap();
    load.goes_on("restarted");
    // For longer than a writer may go on without it.
    nats.kill().unwrap();
    wait_until("nobody writes", || daemons.iter().all(stands_by));
    nats.restart().unwrap();
    load.goes_on("restarted, later");
    assert_eq!(daemons.iter().filter(|daemon| stands_by(daemon)).count(), 1);
    load.check(&ledgers[0], options(&nats));
}

#[test]
fn in_a_cluster_one_writes_whichever_node_is_gone() {
    let mut cluster = NatsCluster::start(3).unwrap();
    let ledgers: [Ledger; 2] = folders();
    let (url, monitor) = (cluster.url(), cluster.monitor_urls().join(","));
    let daemons = ledgers
        .each_ref()
        .map(|ledger| Daemon::start_with(ledger, &["--nats", &url, "--nats-monitor", &monitor]));
    daemons[0].command(OPEN);
    daemons[0].command(CUSTOMER);
    let load = Load::start(&url);
    for name in ["n1", "n2", "n3"] {
        let node = cluster.node(name).unwrap();
        node.kill().unwrap();
        load.goes_on(name);
        node.restart().unwrap();
    }
    wait_until("one writes", || daemons.iter().filter(|daemon| stands_by(daemon)).count() == 1);
    load.check(&ledgers[0], [url, monitor]);
}
