//! Streams that are filled with a history: no book before their end.

use ledger_core::log::jetstream::StreamStanding;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_being_filled_is_no_book_before_its_end() {
    let server = NatsServer::start().expect("a server");
    let settings = settings(1, vec![server.monitor_url()]);
    let client = connect(&server.url()).await;
    let standing = || async { JetStreamLog::standing(&client, &settings).await };
    assert_eq!(standing().await, Ok(StreamStanding::Missing));
    let fill = || JetStreamLog::open_to_fill(client.clone(), settings.clone(), "a restore");
    let log = fill().await.expect("fills");
    assert_eq!(log.append(0, samples(1, 5)).await, Ok(5));
    for _ in 0..2 {
        assert_eq!(standing().await, Ok(StreamStanding::Unfinished));
        let writer = JetStreamLog::open(client.clone(), settings.clone()).await;
        let Err(LogError::Unfinished { reason, .. }) = writer else { panic!("{writer:?}") };
        assert!(reason.starts_with("a restore has begun"), "{reason}");
        let reader = JetStreamLog::open_existing(client.clone(), settings.clone()).await;
        assert!(matches!(reader, Err(LogError::Unfinished { .. })), "{reader:?}");
        // Somebody else goes on with it.
        drop(fill().await.expect("fills again"));
    }
    let log = fill().await.expect("goes on");
    assert_eq!(log.append(5, samples(6, 7)).await, Ok(7));
    log.finish().await.expect("ends");
    log.finish().await.expect("twice is once");
    assert_eq!(standing().await, Ok(StreamStanding::Book { last: 7 }));
    assert_eq!(all(&open(&server).await).await, stored(samples(1, 7)));
    let again = fill().await;
    assert!(matches!(again, Err(LogError::Unavailable { .. })), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_stream_can_be_filled() {
    let server = NatsServer::start().expect("a server");
    let opened = open(&server).await;
    let settings = settings(1, vec![server.monitor_url()]);
    let client = connect(&server.url()).await;
    let log = JetStreamLog::open_to_fill(client.clone(), settings.clone(), "x").await;
    let log = log.expect("fills");
    assert_eq!(log.append(0, samples(1, 1)).await, Ok(1));
    log.finish().await.expect("ends");
    assert_eq!(all(&opened).await, stored(samples(1, 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_keep_what_is_filled() {
    let cluster = NatsCluster::start(3).expect("a cluster");
    let settings = settings(3, cluster.monitor_urls());
    let client = connect(&cluster.url()).await;
    let log = JetStreamLog::open_to_fill(client.clone(), settings.clone(), "x").await;
    let log = log.expect("fills");
    assert_eq!(log.append(0, samples(1, 1_000)).await, Ok(1_000));
    let early = JetStreamLog::open(client.clone(), settings.clone()).await;
    assert!(matches!(early, Err(LogError::Unfinished { .. })), "{early:?}");
    log.finish().await.expect("ends");
    let log = JetStreamLog::open(client, settings).await.expect("a book");
    assert_eq!(all(&log).await, stored(samples(1, 1_000)));
    assert_eq!(log.append(1_000, samples(1_001, 1_001)).await, Ok(1_001));
}
