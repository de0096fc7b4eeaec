//! What is proven of servers and stream, at the start and again while it is served.

use std::time::Duration;

use async_nats::jetstream::{self, stream::Config};
use ledger_core::log::conformance::samples;
use ledger_core::log::jetstream::{JetStreamLog, StreamSettings};
use ledger_core::log::nats_server::{NatsCluster, NatsServer};
use ledger_core::log::{EventLog, LogError};
use tokio::time::timeout;

use crate::{connect, open, settings};

/// A hang is a failure.
const WAIT: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_keeps_three_copies_where_nobody_says_a_number() {
    let cluster = NatsCluster::start(3).expect("a cluster");
    let client = connect(&cluster.url()).await;
    let asked = StreamSettings { replicas: None, ..settings(1, cluster.monitor_urls()) };
    let log = JetStreamLog::open(client.clone(), asked.clone()).await.expect("opens");
    assert_eq!(log.append(0, samples(1, 1)).await, Ok(1));
    let context = jetstream::new(client.clone());
    let stream = context.get_stream(asked.stream_name()).await.expect("is there");
    let mut config = stream.cached_info().config.clone();
    assert_eq!(config.num_replicas, 3);
    config.num_replicas = 1;
    context.update_stream(config).await.expect("an administrator may");
    let error = log.check_setup().await.expect_err("one copy is not enough").to_string();
    assert!(error.contains("nats stream edit LEDGER_acme_0 --replicas=3"), "{error}");
    let error = JetStreamLog::open(client.clone(), asked.clone()).await.expect_err("nor now");
    assert!(matches!(error, LogError::Unsafe { .. }), "{error}");
    let one = StreamSettings { replicas: Some(1), ..asked };
    JetStreamLog::open(client, one).await.expect("somebody asked for one copy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_down_hinders_nobody_and_is_looked_at_once_it_is_back() {
    let mut cluster = NatsCluster::start(3).expect("a cluster");
    let client = connect(&cluster.url()).await;
    let asked = settings(3, cluster.monitor_urls());
    let log = JetStreamLog::open(client.clone(), asked.clone()).await.expect("opens");
    assert_eq!(log.append(0, samples(1, 1)).await, Ok(1));
    let context = jetstream::new(client.clone());
    let stream = context.get_stream(asked.stream_name()).await.expect("is there");
    let found = stream.cached_info().cluster.clone().expect("a cluster's");
    let follower = found.replicas.first().expect("two of them").name.clone();
    cluster.node(&follower).expect("one of ours").kill().expect("killed");
    // The others notice it within seconds; the proof of the one that is down cannot be had.
    let opening = async {
        loop {
            match JetStreamLog::open(client.clone(), asked.clone()).await {
                Ok(log) => break log,
                Err(LogError::Unavailable { what, .. }) => assert!(what.contains("monitoring")),
                Err(error) => panic!("{error}"),
            }
        }
    };
    let opened = timeout(WAIT, opening).await.expect("the others notice it");
    assert_eq!(opened.append(1, samples(2, 2)).await, Ok(2));
    assert_eq!(opened.check_setup().await, Ok(()));
    let node = cluster.node(&follower).expect("one of ours");
    node.restart_without_sync().expect("starts again");
    let finding = async {
        loop {
            match opened.check_setup().await {
                // It is not counted as back yet, or does not answer yet.
                Ok(()) | Err(LogError::Unavailable { .. }) => {}
                Err(error) => break error,
            }
        }
    };
    let error = timeout(WAIT, finding).await.expect("it is looked at");
    assert!(matches!(error, LogError::Unsafe { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains(&follower) && said.contains("sync_interval: always"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changes_is_found_with_the_line_that_mends_it() {
    let server = NatsServer::start().expect("a server");
    let client = connect(&server.url()).await;
    let log = open(&server).await;
    assert_eq!(log.check_setup().await, Ok(()));
    let asked = settings(1, vec![server.monitor_url()]);
    let context = jetstream::new(client.clone());
    let good = context.get_stream(asked.stream_name()).await.expect("is there");
    let good = good.cached_info().config.clone();
    let other = |change: fn(&mut Config)| {
        let mut config = good.clone();
        change(&mut config);
        config
    };
    let cases = [
        (other(|config| config.max_messages = 1_000_000), "--max-msgs=-1"),
        (other(|config| config.max_bytes = 1 << 20), "--max-bytes=-1"),
        (other(|config| config.max_age = Duration::from_secs(3_600)), "--max-age=0s"),
        (other(|config| config.max_messages_per_subject = 1_000), "--max-msgs-per-subject=-1"),
    ];
    for (config, line) in cases {
        context.update_stream(config).await.expect(line);
        let error = log.check_setup().await.expect_err(line);
        assert!(matches!(error, LogError::Unsafe { .. }), "{error}");
        let wanted = format!("`nats stream edit LEDGER_acme_0 {line}`");
        assert!(error.to_string().contains(&wanted), "{error}");
        let dev = StreamSettings { unsafe_dev: true, ..asked.clone() };
        JetStreamLog::open(client.clone(), dev).await.expect("for trying things out");
    }
    // Without this one the ledger cannot append: nobody tries anything out on such a stream.
    let without_batches = other(|config| config.allow_atomic_publish = false);
    context.update_stream(without_batches).await.expect("allow_atomic");
    let dev = StreamSettings { unsafe_dev: true, ..asked };
    let error = JetStreamLog::open(client, dev).await.expect_err("of no use").to_string();
    assert!(error.contains("--allow-batch"), "{error}");
    context.update_stream(good).await.expect("as it was");
    assert_eq!(log.check_setup().await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_gone_or_short_is_not_taken_for_a_new_book() {
    let server = NatsServer::start().expect("a server");
    let client = connect(&server.url()).await;
    let asked = settings(1, vec![server.monitor_url()]);
    let error = JetStreamLog::open_with_anchor(client.clone(), asked.clone(), 7).await;
    assert!(matches!(error, Err(LogError::Corrupt { at: 0, .. })), "{error:?}");
    let absent = JetStreamLog::open_existing(client.clone(), asked.clone()).await;
    assert!(matches!(absent, Err(LogError::Unavailable { .. })), "{absent:?}");
    let open = |anchor| JetStreamLog::open_with_anchor(client.clone(), asked.clone(), anchor);
    let log = open(0).await.expect("a new book");
    assert_eq!(log.append(0, samples(1, 3)).await, Ok(3));
    assert!(open(3).await.is_ok());
    let error = open(4).await;
    assert!(matches!(error, Err(LogError::Corrupt { at: 3, .. })), "{error:?}");
}
