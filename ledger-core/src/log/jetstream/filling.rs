//! A stream that is filled with a history from elsewhere: no book before all of it is there.
//!
//! It carries a mark in its metadata, with which nobody opens it as a book, not even to read. A
//! fill that was interrupted leaves the mark, and so nothing that looks like a whole book.

use async_nats::client::Client;
use async_nats::jetstream;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{Config, Info};

use super::append::Appender;
use super::settings::UNFINISHED;
use super::{JetStreamLog, StreamSettings};
use super::{
    connected_server, create, missing, prove_nodes, prove_server, question, stream_info,
    unavailable,
};
use crate::log::LogError;

/// What there is of a book's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamStanding {
    /// Nothing.
    Missing,
    /// A stream that something has begun to fill.
    Unfinished,
    /// A book with so many events; none yet, where it was only opened.
    Book {
        /// Its last sequence.
        last: u64,
    },
}

impl JetStreamLog {
    /// Tells what there is of a book's stream.
    ///
    /// # Errors
    ///
    /// [`LogError::Unavailable`] where the server cannot be reached; [`LogError::Unsafe`] for a
    /// server older than 2.15.
    pub async fn standing(
        client: &Client,
        settings: &StreamSettings,
    ) -> Result<StreamStanding, LogError> {
        connected_server(client)?;
        let context = jetstream::new(client.clone());
        Ok(match stream_info(&context, &settings.stream_name()).await? {
            None => StreamStanding::Missing,
            Some(info) if info.config.metadata.contains_key(UNFINISHED) => {
                StreamStanding::Unfinished
            }
            Some(info) => StreamStanding::Book { last: info.state.last_sequence },
        })
    }

    /// Opens a stream to fill it, and creates it where there is none. It is marked until
    /// [`JetStreamLog::finish`]; `why` says what fills it. One that was marked before goes on.
    ///
    /// # Errors
    ///
    /// As [`JetStreamLog::open`], and [`LogError::Unavailable`] where it holds a book already or
    /// the server does not let its metadata change.
    pub async fn open_to_fill(
        client: Client,
        mut settings: StreamSettings,
        why: &str,
    ) -> Result<JetStreamLog, LogError> {
        prove_server(&client, &mut settings).await?;
        let context = jetstream::new(client.clone());
        let stream = settings.stream_name();
        let mut marked = settings.config();
        marked.metadata.insert(UNFINISHED.to_owned(), why.to_owned());
        let found = match stream_info(&context, &stream).await? {
            Some(info) => info,
            None => {
                create(&context, &marked).await?;
                stream_info(&context, &stream).await?.ok_or_else(|| missing(&stream))?
            }
        };
        settings.check_settings(&found.config)?;
        let is_marked = found.config.metadata.contains_key(UNFINISHED);
        if !is_marked && found.state.last_sequence > 0 {
            return Err(unavailable(&stream, "it holds a book already"));
        }
        let mut config = found.config;
        config.metadata.insert(UNFINISHED.to_owned(), why.to_owned());
        // Also where it is marked: who may not take the mark away finds out before the work.
        let info = update(&context, &config).await?;
        prove_nodes(&client, &settings, &info).await?;
        let appender = Appender::new(client.clone(), stream, settings.subject_prefix());
        Ok(JetStreamLog::assemble((client, context), settings, Some(appender), &info))
    }

    /// Opens a stream that is being filled, to read what came. Creates and appends nothing.
    ///
    /// # Errors
    ///
    /// As [`JetStreamLog::open_existing`], but the mark is no reason to refuse it.
    pub async fn open_filled(
        client: Client,
        settings: StreamSettings,
    ) -> Result<JetStreamLog, LogError> {
        connected_server(&client)?;
        let context = jetstream::new(client.clone());
        let stream = settings.stream_name();
        let info = stream_info(&context, &stream).await?.ok_or_else(|| missing(&stream))?;
        settings.check_settings(&info.config)?;
        Ok(JetStreamLog::assemble((client, context), settings, None, &info))
    }

    /// Takes the mark away: what was filled is a book from now on.
    ///
    /// # Errors
    ///
    /// [`LogError::Unavailable`] where the server cannot be reached or does not let it change.
    pub async fn finish(&self) -> Result<(), LogError> {
        let info = stream_info(&self.way.context, &self.stream)
            .await?
            .ok_or_else(|| missing(&self.stream))?;
        let mut config = info.config;
        if config.metadata.remove(UNFINISHED).is_some() {
            update(&self.way.context, &config).await?;
        }
        Ok(())
    }
}

async fn update(context: &jetstream::Context, config: &Config) -> Result<Info, LogError> {
    let (stream, subject) = (&config.name, format!("STREAM.UPDATE.{}", config.name));
    let told = match question(context, stream, subject, config).await {
        Ok(Response::Ok(info)) => return Ok(info),
        Ok(Response::Err { error }) => error.to_string(),
        // A user without the right gets no answer at all.
        Err(_) => "no answer".to_owned(),
    };
    let reason = format!(
        "its metadata did not change ({told}): this user needs $JS.API.STREAM.UPDATE as long as \
         the stream is filled"
    );
    Err(unavailable(stream, &reason))
}
