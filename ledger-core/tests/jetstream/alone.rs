//! A leader that no other node hears any more: it goes on as one for a while, and is not believed. A
//! server that nothing comes of is left for another one.

use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream;
use async_nats::jetstream::stream::{ClusterInfo, Info};
use ledger_core::log::conformance::samples;
use ledger_core::log::jetstream::JetStreamLog;
use ledger_core::log::nats_server::{NatsCluster, NatsServer, Whole};
use ledger_core::log::{EventLog, LogError};

use super::{connect, settings};

/// What whoever leads the stream says of it; none where nobody does.
async fn told(client: &async_nats::Client, stream: &str) -> Option<ClusterInfo> {
    let context = jetstream::new(client.clone());
    let info: Info = context.get_stream(stream).await.ok()?.cached_info().clone();
    info.cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_hears_nobody_does_not_tell_where_the_log_ends() {
    let mut cluster = NatsCluster::start(3).expect("a cluster");
    let asked = settings(3, cluster.monitor_urls());
    let stream = asked.stream_name();
    let first = connect(&cluster.url()).await;
    let log = JetStreamLog::open(first.clone(), asked.clone()).await.expect("opens");
    assert_eq!(log.append(0, samples(1, 9)).await, Ok(9));
    let leader = told(&first, &stream).await.and_then(|found| found.leader).expect("a leader");
    // Connected to the leader, which is not left: nobody else answers.
    let url = cluster.node(&leader).expect("one of ours").url();
    let client = connect(&url).await;
    let log = JetStreamLog::open(client.clone(), asked).await.expect("opens");
    assert_eq!(log.last_sequence().await, Ok(9));
    let others: Vec<&str> = ["n1", "n2", "n3"].into_iter().filter(|one| *one != leader).collect();
    for name in &others {
        cluster.node(name).expect("one of ours").pause().expect("stopped");
    }
    // It still answers, with what it knows: that it has heard nobody for longer than an election takes.
    let silence = Duration::from_secs(4);
    loop {
        let found = told(&client, &stream).await.expect("it still counts itself as the leader");
        assert_eq!(found.leader.as_ref(), Some(&leader));
        if found.replicas.iter().all(|peer| peer.active > silence) {
            break;
        }
    }
    let answer = log.last_sequence().await;
    assert!(matches!(answer, Err(LogError::Unavailable { .. })), "{answer:?}");
    for name in &others {
        cluster.node(name).expect("one of ours").resume().expect("continued");
    }
    assert_eq!(log.last_sequence().await, Ok(9));
}

/// A server without JetStream: whoever is connected to it gets no answer to any question.
fn useless() -> NatsCluster {
    let config = "listen: \"{client}\"\nhttp: \"{monitor}\"\n".to_owned();
    NatsCluster::start_whole(&["useless"], |_, _, _| Whole {
        config: config.clone(),
        variables: Vec::new(),
    })
    .expect("a server")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nothing_comes_of_is_left() {
    let mut server = NatsServer::start().expect("a server");
    let useless = useless();
    let client = connect(&server.url()).await;
    let asked = settings(1, vec![server.monitor_url()]);
    let log = JetStreamLog::open(client.clone(), asked).await.expect("opens");
    assert_eq!(log.append(0, samples(1, 9)).await, Ok(9));
    let pool = [server.url(), useless.url()];
    client.set_server_pool(pool.as_slice()).await.expect("both are addresses");
    let first = client.server_info().server_id;
    server.kill().expect("killed");
    while client.server_info().server_id == first {
        tokio::task::yield_now().await;
    }
    server.restart().expect("starts again");
    assert_eq!(log.last_sequence().await, Ok(9));
    assert_ne!(client.server_info().server_name, "useless");
}

/// Where the log ends for whoever asks for what is in the leader's hand, too.
async fn in_hand(client: &async_nats::Client) -> Option<u64> {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Expected-Last-Sequence", "9223372036854775807");
    let subject = "ledger.acme.evt.0._fence".to_owned();
    let answer = client.request_with_headers(subject, headers, "".into()).await.ok()?;
    let answer: serde_json::Value = serde_json::from_slice(&answer.payload).ok()?;
    answer["error"]["description"].as_str()?.strip_prefix("wrong last sequence: ")?.parse().ok()
}

/// The leader has proposed a group that no other node has: it still tells that its log ends in front of
/// it, and hears the others by what it heard last. A refusal would be decided without the group.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_has_something_in_hand_is_not_believed() {
    let mut cluster = NatsCluster::start(3).expect("a cluster");
    let asked = settings(3, cluster.monitor_urls());
    let stream = asked.stream_name();
    let first = connect(&cluster.url()).await;
    let log = JetStreamLog::open(first.clone(), asked.clone()).await.expect("opens");
    assert_eq!(log.append(0, samples(1, 9)).await, Ok(9));
    let leader = told(&first, &stream).await.and_then(|found| found.leader).expect("a leader");
    let client = connect(&cluster.node(&leader).expect("one of ours").url()).await;
    let log = Arc::new(JetStreamLog::open(client.clone(), asked).await.expect("opens"));
    assert_eq!(log.settled_sequence().await, Ok(9));
    let others: Vec<&str> = ["n1", "n2", "n3"].into_iter().filter(|one| *one != leader).collect();
    for name in &others {
        cluster.node(name).expect("one of ours").pause().expect("stopped");
    }
    let sender = Arc::clone(&log);
    let sent = tokio::spawn(async move { sender.append(9, samples(10, 11)).await });
    while !sent.is_finished() && in_hand(&client).await != Some(11) {
        tokio::task::yield_now().await;
    }
    // The end of what is stored is told, for as long as it is believed.
    let stored = log.last_sequence().await;
    assert!(matches!(stored, Ok(9) | Err(LogError::Unavailable { .. })), "{stored:?}");
    let asking = Arc::clone(&log);
    let settled = tokio::spawn(async move { asking.settled_sequence().await });
    for name in &others {
        cluster.node(name).expect("one of ours").resume().expect("continued");
    }
    // Whoever leads now has stored it, or never will.
    let outcome = sent.await.expect("no panic");
    let settled = settled.await.expect("no panic").expect("the nodes hear each other again");
    assert_eq!(log.last_sequence().await, Ok(settled), "{outcome:?}");
    assert!([9, 11].contains(&settled), "{outcome:?}");
    if outcome.is_ok() {
        assert_eq!(settled, 11);
    }
}
