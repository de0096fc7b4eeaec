//! The JetStream log against real servers: one, three, dead ones, and badly configured ones.
#![expect(clippy::expect_used, reason = "the helpers of a test fail like the test itself")]

use std::sync::Arc;

use async_nats::jetstream::stream::Config;
use async_nats::{Client, ConnectOptions, jetstream};
use ledger_core::log::conformance::{self, sample, samples};
use ledger_core::log::jetstream::{JetStreamLog, StreamSettings, others_first, prove_sync_always};
use ledger_core::log::nats_server::{NatsCluster, NatsServer};
use ledger_core::log::{AppendError, EventLog, LogError, Record, SharedLog, StoredRecord};

#[path = "jetstream/alone.rs"]
mod alone;
#[path = "jetstream/filling.rs"]
mod filling;
#[path = "jetstream/setup.rs"]
mod setup;

fn settings(replicas: usize, monitors: Vec<String>) -> StreamSettings {
    StreamSettings {
        book: "acme".to_owned(),
        shard: 0,
        replicas: Some(replicas),
        monitors,
        unsafe_dev: false,
    }
}

async fn connect(url: &str) -> Client {
    let servers: Vec<String> = url.split(',').map(str::to_owned).collect();
    others_first(ConnectOptions::new()).connect(servers).await.expect("the server takes clients")
}

async fn open(server: &NatsServer) -> JetStreamLog {
    let settings = settings(1, vec![server.monitor_url()]);
    JetStreamLog::open(connect(&server.url()).await, settings).await.expect("opens")
}

async fn all(log: &JetStreamLog) -> Vec<StoredRecord> {
    let last = log.last_sequence().await.expect("the leader answers");
    let found = log.read(1, usize::MAX).await.expect("readable");
    assert_eq!(u64::try_from(found.len()).ok(), Some(last));
    found
}

fn stored(records: Vec<Record>) -> Vec<StoredRecord> {
    (1..).zip(records).map(|(sequence, record)| StoredRecord { sequence, record }).collect()
}

async fn conforms(url: &str, settings: &StreamSettings) {
    let client = connect(url).await;
    let context = jetstream::new(client.clone());
    let name = settings.stream_name();
    conformance::run(|| async {
        // The suite's subjects are fixed, and two streams may not share them.
        if let Err(error) = context.delete_stream(&name).await {
            assert!(error.to_string().contains("10059"), "{error}");
        }
        let log = JetStreamLog::open(client.clone(), settings.clone()).await.expect("opens");
        Arc::new(log) as SharedLog
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_conforms() {
    let server = NatsServer::start().expect("a server");
    conforms(&server.url(), &settings(1, vec![server.monitor_url()])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_conform() {
    let cluster = NatsCluster::start(3).expect("a cluster");
    conforms(&cluster.url(), &settings(3, cluster.monitor_urls())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_keeps_everything() {
    let mut server = NatsServer::start().expect("a server");
    let log = open(&server).await;
    assert_eq!(log.append(0, samples(1, 1)).await, Ok(1));
    assert_eq!(log.append(1, samples(2, 1_001)).await, Ok(1_001));
    server.restart().expect("starts again");
    assert_eq!(all(&log).await, stored(samples(1, 1_001)));
    let log = open(&server).await;
    assert_eq!(all(&log).await, stored(samples(1, 1_001)));
    assert_eq!(log.append(1_001, samples(1_002, 1_003)).await, Ok(1_003));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_syncs_now_and_then_is_refused() {
    let server = NatsServer::start_without_sync().expect("a server");
    let client = connect(&server.url()).await;
    let mut asked = settings(1, vec![server.monitor_url()]);
    let error = JetStreamLog::open(client.clone(), asked.clone()).await.expect_err("not safe");
    assert!(matches!(error, LogError::Unsafe { .. }), "{error}");
    assert!(error.to_string().contains("sync_interval"), "{error}");
    let error = JetStreamLog::open_existing(client.clone(), asked.clone()).await;
    assert!(matches!(error, Err(LogError::Unavailable { .. })), "a refused open created a stream");
    asked.unsafe_dev = true;
    let log = JetStreamLog::open(client, asked).await.expect("for trying things out");
    assert_eq!(log.append(0, samples(1, 2)).await, Ok(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_proof_the_error_says_what_to_pass() {
    let server = NatsServer::start().expect("a server");
    let other = NatsServer::start_with("server_name: other").expect("another server");
    let client = connect(&server.url()).await;
    for monitors in [vec![], vec![other.monitor_url()]] {
        let error = JetStreamLog::open(client.clone(), settings(1, monitors)).await;
        let text = error.expect_err("not proven").to_string();
        assert!(text.contains("--nats-monitor") && text.contains("--unsafe-dev"), "{text}");
    }
    assert_eq!(prove_sync_always(&[server.monitor_url(), other.monitor_url()]).await, Ok(()));
    assert!(matches!(prove_sync_always(&[]).await, Err(LogError::Unsafe { .. })));
    let dead = other.monitor_url();
    drop(other);
    let answer = prove_sync_always(&[server.monitor_url(), dead]).await;
    assert!(matches!(answer, Err(LogError::Unavailable { .. })), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_ask_the_servers_needs_no_monitor() {
    let accounts = "accounts {\n\
        SYS { users: [{ user: sys, password: sys }]\n\
          exports: [{ service: \"$SYS.REQ.SERVER.PING.JSZ\", response_type: stream }] }\n\
        CORE { jetstream: enabled\n users: [{ user: core, password: core }]\n\
          imports: [{ service: { account: SYS, subject: \"$SYS.REQ.SERVER.PING.JSZ\" } }] }\n\
        }\nsystem_account: SYS\n";
    let server = NatsServer::start_with(accounts).expect("a server");
    let options = ConnectOptions::with_user_and_password("core".to_owned(), "core".to_owned());
    let client = options.connect(server.url()).await.expect("the server takes clients");
    let log = JetStreamLog::open(client, settings(1, vec![])).await.expect("proven");
    assert_eq!(log.append(0, samples(1, 1)).await, Ok(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_of_the_stream_has_to_be_proven() {
    let cluster = NatsCluster::start(3).expect("a cluster");
    let client = connect(&cluster.nodes()[0].url()).await;
    let mut monitors = cluster.monitor_urls();
    monitors.pop();
    let error =
        JetStreamLog::open(client, settings(3, monitors)).await.expect_err("one is missing");
    assert!(matches!(error, LogError::Unsafe { .. }), "{error}");
    assert!(error.to_string().contains("n3"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_could_lose_events_is_refused_by_the_setting() {
    let server = NatsServer::start().expect("a server");
    let client = connect(&server.url()).await;
    let context = jetstream::new(client.clone());
    let asked = settings(1, vec![server.monitor_url()]);
    drop(open(&server).await);
    let good = context.get_stream(asked.stream_name()).await.expect("is there");
    let good = good.cached_info().config.clone();
    let other = |change: fn(&mut Config)| {
        let mut config = good.clone();
        change(&mut config);
        config
    };
    let cases = [
        ("max_msgs", other(|c| c.max_messages = 1_000)),
        ("max_bytes", other(|c| c.max_bytes = 1_000_000)),
        ("max_age", other(|c| c.max_age = std::time::Duration::from_secs(3_600))),
        ("max_msgs_per_subject", other(|c| c.max_messages_per_subject = 5)),
        ("discard", other(|c| c.discard = jetstream::stream::DiscardPolicy::Old)),
        ("storage", other(|c| c.storage = jetstream::stream::StorageType::Memory)),
        ("deny_delete", other(|c| c.deny_delete = false)),
        ("deny_purge", other(|c| c.deny_purge = false)),
        ("allow_atomic", other(|c| c.allow_atomic_publish = false)),
        ("subjects", other(|c| c.subjects = vec!["ledger.acme.>".to_owned()])),
        ("max_msg_size", other(|c| c.max_message_size = 1_000)),
        ("first_seq", other(|c| c.first_sequence = Some(10))),
    ];
    for (setting, config) in cases {
        context.delete_stream(&good.name).await.expect("deleted");
        context.create_stream(config).await.expect(setting);
        for answer in [
            JetStreamLog::open(client.clone(), asked.clone()).await,
            JetStreamLog::open_existing(client.clone(), asked.clone()).await,
        ] {
            let error = answer.expect_err(setting);
            assert!(matches!(error, LogError::Unsafe { .. }), "{setting}: {error}");
            assert!(error.to_string().contains(&format!("setting {setting} is")), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_creates_and_appends_nothing() {
    let server = NatsServer::start().expect("a server");
    let client = connect(&server.url()).await;
    let absent = JetStreamLog::open_existing(client.clone(), settings(1, vec![])).await;
    assert!(matches!(absent, Err(LogError::Unavailable { .. })), "{absent:?}");
    let writer = open(&server).await;
    let reader = JetStreamLog::open_existing(client, settings(1, vec![])).await.expect("is there");
    assert_eq!(writer.append(0, samples(1, 3)).await, Ok(3));
    assert_eq!(all(&reader).await, stored(samples(1, 3)));
    let answer = reader.append(3, samples(4, 4)).await;
    assert!(matches!(answer, Err(AppendError::Refused { .. })), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_sequence_tells_the_right_one() {
    let server = NatsServer::start().expect("a server");
    let log = open(&server).await;
    assert_eq!(log.append(0, samples(1, 5)).await, Ok(5));
    for size in [1, 3] {
        let answer = log.append(2, samples(10, 9 + size)).await;
        assert_eq!(answer, Err(AppendError::WrongSequence { expected: 2, actual: 5 }));
    }
    assert_eq!(all(&log).await, stored(samples(1, 5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_message_id_is_never_reported_as_stored() {
    let server = NatsServer::start().expect("a server");
    let log = open(&server).await;
    let named = |number| {
        let mut record = sample(number);
        record.headers.push(("Nats-Msg-Id".into(), "the same".into()));
        record
    };
    assert_eq!(log.append(0, vec![named(1)]).await, Ok(1));
    for group in [vec![named(2)], vec![sample(2), named(3)]] {
        let answer = log.append(1, group).await;
        assert!(matches!(answer, Err(AppendError::Unknown { .. })), "{answer:?}");
    }
    assert_eq!(all(&log).await, stored(vec![named(1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_would_change_or_misroute_is_refused() {
    let server = NatsServer::start().expect("a server");
    let log = open(&server).await;
    let subject = |subject: &str| Record { subject: subject.to_owned(), ..sample(1) };
    let header = |name: &str, value: &str| Record {
        headers: vec![(name.into(), value.into())],
        ..sample(1)
    };
    let records = [
        subject("ledger.other.evt.0.a"),
        subject("ledger.acme.evt.0.a b"),
        subject("ledger.acme.evt.0.*"),
        subject("ledger.acme.evt.0."),
        header("Nats-Rollup", "all"),
        header("Ledger-A", "two\r\nlines"),
        header("Ledger-A", &"x".repeat(70_000)),
    ];
    for record in records {
        for group in [vec![record.clone()], vec![sample(1), record.clone()]] {
            let answer = log.append(0, group).await;
            let refused = matches!(answer, Err(AppendError::Refused { .. }));
            assert!(refused, "{}: {answer:?}", record.subject);
        }
    }
    assert_eq!(log.last_sequence().await, Ok(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_with_any_name_has_its_own_stream() {
    let server = NatsServer::start().expect("a server");
    let client = connect(&server.url()).await;
    for book in ["Käufer GmbH & Co.", "a/b", "a=b", "a%b", "a_b"] {
        let asked =
            StreamSettings { book: book.to_owned(), ..settings(1, vec![server.monitor_url()]) };
        let record = Record { subject: format!("{}x", asked.subject_prefix()), ..sample(1) };
        let log = JetStreamLog::open(client.clone(), asked).await.expect(book);
        assert_eq!(log.append(0, vec![record.clone()]).await, Ok(1), "{book}");
        assert_eq!(all(&log).await, stored(vec![record]), "{book}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_in_the_stream_is_corruption() {
    let server = NatsServer::start().expect("a server");
    let client = connect(&server.url()).await;
    let context = jetstream::new(client.clone());
    let log = open(&server).await;
    assert_eq!(log.append(0, samples(1, 10)).await, Ok(10));
    // Nobody can delete a message or purge: only limits take events away.
    let asked = settings(1, vec![]);
    let stream = context.get_stream(asked.stream_name()).await.expect("is there");
    assert!(stream.delete_message(3).await.is_err() && stream.purge().await.is_err());
    let mut config = stream.cached_info().config.clone();
    config.max_messages = 4;
    config.discard = jetstream::stream::DiscardPolicy::Old;
    context.update_stream(config).await.expect("an administrator may");
    let answer = log.read(1, 100).await;
    assert!(matches!(answer, Err(LogError::Corrupt { at: 1, .. })), "{answer:?}");
    assert_eq!(log.read(7, 100).await.map(|found| found.len()), Ok(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_leaves_the_outcome_to_the_tail() {
    let server = NatsServer::start().expect("a server");
    let log = open(&server).await;
    assert_eq!(log.append(0, samples(1, 1)).await, Ok(1));
    for (expected, group) in [(1, samples(2, 2)), (2, samples(3, 5))] {
        server.pause().expect("paused");
        let answer = log.append(expected, group.clone()).await;
        server.resume().expect("goes on");
        assert!(matches!(answer, Err(AppendError::Unknown { .. })), "{answer:?}");
        // What was on its way may still arrive. The same group behind the same sequence is
        // stored once, whichever of the two comes first.
        let again = log.append(expected, group.clone()).await;
        let last = log.last_sequence().await.expect("answers again");
        assert!(again.is_ok() || last > expected, "{again:?}, but the log ends at {last}");
    }
    assert_eq!(all(&log).await, stored(samples(1, 5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tail_tells_after_the_leader_died() {
    let mut cluster = NatsCluster::start(3).expect("a cluster");
    let client = connect(&cluster.url()).await;
    let asked = settings(3, cluster.monitor_urls());
    let log = JetStreamLog::open(client.clone(), asked.clone()).await.expect("opens");
    assert_eq!(log.append(0, samples(1, 100)).await, Ok(100));
    let mut records = samples(1, 100);
    for round in 0..2 {
        let context = jetstream::new(client.clone());
        let stream = context.get_stream(asked.stream_name()).await.expect("is there");
        let leader = stream.cached_info().cluster.as_ref().and_then(|found| found.leader.clone());
        let leader = leader.expect("a leader");
        cluster.node(&leader).expect("one of ours").kill().expect("killed");
        let last = u64::try_from(records.len()).expect("a few");
        // Once single messages, once batches; bounded by the log's own deadlines.
        let group = samples(last + 1, last + 1 + round * 9);
        let mut answers = Vec::new();
        loop {
            let answer = log.append(last, group.clone()).await;
            answers.push(answer.clone());
            match answer {
                Ok(_) => break,
                Err(AppendError::Unknown { .. } | AppendError::WrongSequence { .. }) => {
                    let tail = log.last_sequence().await.expect("a new leader answers");
                    assert!(tail == last || tail == last + 1 + round * 9, "half a group: {tail}");
                    if tail > last {
                        break;
                    }
                }
                Err(error @ (AppendError::Refused { .. } | AppendError::Disk { .. })) => {
                    panic!("refused: {error}")
                }
            }
            assert!(answers.len() < 10, "none went through after the leader died: {answers:?}");
        }
        records.extend(group);
        assert_eq!(all(&log).await, stored(records.clone()));
        cluster.node(&leader).expect("one of ours").restart().expect("starts again");
    }
    assert_eq!(all(&log).await, stored(records));
}
