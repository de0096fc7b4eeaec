//! Connections over HTTP/1: bounded in number, in the size and time of their heads, and in how long they
//! take no answer; ended in an orderly way.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use ledger_core::limits::{
    HTTP_BODY_WITHIN_MS, HTTP_CONNECTIONS_MAX, HTTP_HEAD_BYTES_MAX, HTTP_HEAD_WITHIN_MS,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::patient::Patient;

/// How long nobody is taken after the system refused a connection: it has no files left.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves until `stop`, then takes no new connection and lets those that are being answered end,
/// for `patience` at most.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send,
    patience: Duration,
) {
    let places = Arc::new(Semaphore::new(HTTP_CONNECTIONS_MAX));
    let (end, ending) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        // A place first: whoever has none waits in the system's own queue.
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        match accepted {
            (Ok(place), Ok((stream, _))) => {
                let served = connection(stream, router.clone(), ending.clone());
                connections.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            (Err(error), _) => {
                warn!(%error, "HTTP takes no more connections");
                break;
            }
            (_, Err(error)) => {
                warn!(%error, "a connection was not taken");
                sleep(PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop((listener, router));
    end.send_replace(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(patience, ended).await.is_err() {
        info!("a caller over HTTP holds its connection open; it is cut");
        connections.shutdown().await;
    }
}

/// Serves one connection that is there already, with the bounds of all of them, until it ends.
pub async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
) {
    let (_never, ending) = watch::channel(false);
    connection(stream, router, ending).await;
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    mut ending: watch::Receiver<bool>,
) {
    let service = TowerToHyperService::new(router);
    let taken_within = Duration::from_millis(HTTP_BODY_WITHIN_MS);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(HTTP_HEAD_WITHIN_MS))
        .max_header_size(HTTP_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Patient::new(stream, taken_within)), service);
    let mut served = pin!(served);
    let outcome = tokio::select! {
        outcome = &mut served => outcome,
        () = flagged(&mut ending) => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = outcome {
        debug!(%error, "a connection ended early");
    }
}

/// Ready once the flag is up, or its owner gone.
async fn flagged(flag: &mut watch::Receiver<bool>) {
    if flag.wait_for(|is_up| *is_up).await.is_err() {
        debug!("nobody can raise the flag any more");
    }
}
