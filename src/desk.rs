//! Where commands are handed in: the writer of this process, or a daemon behind NATS.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use crate::cli::Global;
use crate::exit::Failure;

pub(crate) mod lines;
pub(crate) mod local;
pub(crate) mod remote;

/// A reply that is on its way.
pub(crate) type Reply<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, Failure>> + Send + 'a>>;

/// A place that takes one envelope and gives one reply, both as JSON bytes.
#[derive(Debug)]
pub(crate) enum Desk {
    /// The writer of this process, on the embedded journal.
    Local(local::Local),
    /// The command service behind NATS.
    Remote(remote::Remote),
}

impl Desk {
    /// Opens the desk that the options name.
    ///
    /// # Errors
    /// Where the store or the server cannot be reached.
    pub(crate) async fn open(global: &Global) -> Result<Self, Failure> {
        match &global.nats {
            None => local::Local::open(global).await.map(Self::Local),
            Some(url) => remote::Remote::connect(url, &global.book_id()?).await.map(Self::Remote),
        }
    }

    /// How many commands may wait for their replies at once.
    pub(crate) fn in_flight_max(&self) -> usize {
        match self {
            Self::Local(_) => local::IN_FLIGHT_MAX,
            Self::Remote(_) => remote::IN_FLIGHT_MAX,
        }
    }

    /// Hands one envelope in and waits for its reply.
    ///
    /// # Errors
    /// Where no reply can be had; a rejection is a reply.
    pub(crate) async fn submit(&self, line: lines::Line) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Local(local) => local.submit(line).await,
            Self::Remote(remote) => remote.submit(line).await,
        }
    }

    /// Hands one envelope in, and gives the future of its reply. Envelopes that are begun one
    /// after another are decided in that order, also while many wait for their replies.
    pub(crate) async fn begin(&self, line: Result<lines::Line, Failure>) -> Reply<'_> {
        // The first poll hands it in. Unconstrained: a task whose budget is used up would be
        // told to come back later, and the next line would overtake this one.
        let submit = async move { self.submit(line?).await };
        let mut reply: Reply<'_> = Box::pin(tokio::task::unconstrained(submit));
        match std::future::poll_fn(|context| Poll::Ready(reply.as_mut().poll(context))).await {
            Poll::Ready(done) => Box::pin(std::future::ready(done)),
            Poll::Pending => reply,
        }
    }

    /// Ends the writer, after what it still has to do.
    ///
    /// # Errors
    /// Where it ended badly.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        match self {
            Self::Local(local) => local.close().await,
            Self::Remote(_) => Ok(()),
        }
    }
}
