//! Letters as e-mails, and the server that takes them.

use std::time::SystemTime;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{Message, SmtpTransport, Transport};

use crate::exit::Failure;
use crate::notices::Letter;

/// Reads an address such as `Accounts <ar@example.org>`.
///
/// # Errors
/// `notice.address_invalid` where it is none.
pub(crate) fn mailbox(text: &str) -> Result<Mailbox, Failure> {
    text.parse().map_err(|error: lettre::address::AddressError| {
        Failure::usage("notice.address_invalid", format!("{text:?} is not an e-mail address"))
            .because(error)
            .help("write name@example.org, or Name <name@example.org>")
    })
}

/// The e-mail of a letter to a customer with an address; its bytes follow from the letter alone.
///
/// # Errors
/// Where the address or a header cannot be written.
pub(crate) fn message(letter: &Letter, to: &str, from: &Mailbox) -> Result<Message, Failure> {
    let noon = letter.date.date().with_hms(12, 0, 0).map(time::PrimitiveDateTime::assume_utc);
    let sent = noon.map_or(SystemTime::UNIX_EPOCH, SystemTime::from);
    Message::builder()
        .from(from.clone())
        .to(mailbox(to)?)
        .subject(&letter.subject)
        .date(sent)
        .message_id(Some(format!("<{}@revledger>", letter.id)))
        .header(ContentType::TEXT_PLAIN)
        .body(letter.text.clone())
        .map_err(|error| {
            let what = format!("the letter to {} is no e-mail", letter.customer.customer);
            Failure::usage("notice.mail_invalid", what).because(error)
        })
}

/// A mail server.
#[derive(Debug)]
pub(crate) struct Server(SmtpTransport);

impl Server {
    /// The server of a URL such as `smtps://user:password@mail.example.org`.
    ///
    /// # Errors
    /// `notice.server_invalid` where it is no such URL.
    pub(crate) fn of(url: &str) -> Result<Self, Failure> {
        let builder = SmtpTransport::from_url(url).map_err(|error| {
            Failure::usage("notice.server_invalid", "--smtp is not the URL of a mail server")
                .because(error)
                .help("write smtps://user:password@host, or smtp://host:port?tls=required")
        })?;
        Ok(Self(builder.build()))
    }

    /// Sends one message.
    ///
    /// # Errors
    /// `notice.not_sent` where the server did not take it.
    pub(crate) fn send(&self, message: &Message, customer: &str) -> Result<(), Failure> {
        self.0.send(message).map(|_| ()).map_err(|error| {
            let what = format!("the mail server did not take the letter to {customer}");
            Failure::store("notice.not_sent", what)
                .because(error)
                .help("those printed as sent are sent; run it again with --customer for the rest")
        })
    }
}
