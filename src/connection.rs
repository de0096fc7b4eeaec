//! The connection to NATS: where the servers are, and who we are there.
//!
//! Secrets are in files, which only their owner can read, or in variables: never on the command
//! line, where others could read them.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use clap::Args;
use ledger_core::id::subject_token;
use ledger_core::log::jetstream::others_first;

use crate::exit::Failure;

/// A server that stands still is left for another one after the third ping that it does not answer.
const PING_EVERY: Duration = Duration::from_millis(1_500);
/// The variable that holds the password where no file does.
const PASSWORD: &str = "NATS_PASSWORD";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Who we are at the server, and what proves that it is the server.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection to NATS")]
pub(crate) struct Access {
    /// Who the server knows you as: the user's name, or the public key of --nats-nkey-file and
    /// --nats-creds. Commands go to this user's own subject, answers to its own inbox
    /// (`_INBOX_<user>`).
    #[arg(long, global = true, env = "NATS_USER", value_name = "NAME")]
    pub(crate) nats_user: Option<String>,
    /// The file that holds the password of --nats-user; else the variable NATS_PASSWORD does.
    #[arg(long, global = true, env = "NATS_PASSWORD_FILE", value_name = "FILE")]
    pub(crate) nats_password_file: Option<PathBuf>,
    /// The file that holds the user's nkey seed (SU...).
    #[arg(long, global = true, env = "NATS_NKEY", value_name = "FILE")]
    pub(crate) nats_nkey_file: Option<PathBuf>,
    /// The user's credentials file (.creds), with its JWT and its key.
    #[arg(long, global = true, env = "NATS_CREDS", value_name = "FILE")]
    pub(crate) nats_creds: Option<PathBuf>,
    /// The certificate of the authority that signed the servers' ones (PEM): demands TLS, and
    /// trusts no other authority.
    #[arg(long, global = true, env = "NATS_CA", value_name = "FILE")]
    pub(crate) nats_ca: Option<PathBuf>,
    /// Our own certificate (PEM), where the server demands one.
    #[arg(long, global = true, env = "NATS_CERT", value_name = "FILE")]
    pub(crate) nats_cert: Option<PathBuf>,
    /// The private key of --nats-cert (PEM).
    #[arg(long, global = true, env = "NATS_KEY", value_name = "FILE")]
    pub(crate) nats_key: Option<PathBuf>,
}

/// The servers of a cluster, and how they are connected to.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    url: String,
    access: Access,
}

impl FromStr for Server {
    type Err = Infallible;

    fn from_str(url: &str) -> Result<Self, Infallible> {
        Ok(Self { url: url.to_owned(), access: Access::default() })
    }
}

/// The addresses, without what they say of users: for messages.
impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, address) in self.addresses().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            let (scheme, rest) = address.split_once("://").map_or(("nats", address), |split| split);
            let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            write!(formatter, "{comma}{scheme}://{host}")?;
        }
        Ok(())
    }
}

impl Server {
    /// Servers by their addresses, with how they are connected to.
    pub(crate) fn new(url: &str, access: &Access) -> Self {
        Self { url: url.to_owned(), access: access.clone() }
    }

    /// Whether these are the addresses.
    pub(crate) fn is_at(&self, url: &str) -> bool {
        self.url == url
    }

    /// Connects with these credentials from now on.
    pub(crate) fn set_access(&mut self, access: &Access) {
        self.access = access.clone();
    }

    /// The user's own token in the subjects of its commands, where it said who it is.
    pub(crate) fn user_token(&self) -> Option<String> {
        self.access.nats_user.as_deref().map(subject_token)
    }

    /// Connects.
    ///
    /// # Errors
    /// Where no server answers or takes us, or a file cannot be read.
    pub(crate) async fn connect(&self) -> Result<Client, Failure> {
        let options = ConnectOptions::new()
            .name("revledger")
            .connection_timeout(CONNECT_TIMEOUT)
            .ping_interval(PING_EVERY)
            .request_timeout(Some(REQUEST_TIMEOUT));
        let options = self.access.identify(others_first(options))?;
        let options = self.access.secure(options)?;
        let addresses: Vec<&str> = self.addresses().collect();
        options.connect(addresses.as_slice()).await.map_err(|error| {
            Failure::store("nats.unreachable", format!("cannot connect to {self}"))
                .because(error)
                .help("start nats-server, or check --nats and who you are there")
        })
    }

    fn addresses(&self) -> impl Iterator<Item = &str> {
        self.url.split(',').map(str::trim)
    }
}

impl Access {
    /// Refuses options that do not go together.
    ///
    /// # Errors
    /// `nats.credentials`, of wrong use.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let wrong = |what: &str, help: &str| {
            Err(Failure::usage("nats.credentials", what.to_owned()).help(help))
        };
        let ways = [&self.nats_password_file, &self.nats_nkey_file, &self.nats_creds];
        if ways.iter().filter(|way| way.is_some()).count() > 1 {
            return wrong("there is more than one way to say who you are", "name one file only");
        }
        if self.nats_password_file.is_some() && self.nats_user.is_none() {
            return wrong("a password is of no use without its user", "add --nats-user");
        }
        if self.nats_cert.is_some() != self.nats_key.is_some() {
            return wrong(
                "a certificate goes with its key",
                "name both --nats-cert and --nats-key",
            );
        }
        Ok(())
    }

    fn identify(&self, mut options: ConnectOptions) -> Result<ConnectOptions, Failure> {
        if let Some(user) = &self.nats_user {
            options = options.custom_inbox_prefix(format!("_INBOX_{}", subject_token(user)));
        }
        if let Some(path) = &self.nats_creds {
            return options
                .credentials(&secret(path)?)
                .map_err(|error| Failure::file(path, &error));
        }
        if let Some(path) = &self.nats_nkey_file {
            return Ok(options.nkey(secret(path)?.trim().to_owned()));
        }
        let Some(user) = &self.nats_user else { return Ok(options) };
        let password = match &self.nats_password_file {
            Some(path) => secret(path)?.trim_end_matches(['\r', '\n']).to_owned(),
            // Without a password either, the address says who we are, or the server does not ask.
            None => match std::env::var(PASSWORD) {
                Ok(password) => password,
                Err(_) => return Ok(options),
            },
        };
        Ok(options.user_and_password(user.clone(), password))
    }

    fn secure(&self, mut options: ConnectOptions) -> Result<ConnectOptions, Failure> {
        for path in [&self.nats_ca, &self.nats_cert, &self.nats_key].into_iter().flatten() {
            // Here, so that the message names the file.
            secret(path)?;
            options = options.require_tls(true);
        }
        if let Some(authority) = &self.nats_ca {
            options = options.add_root_certificates(authority.clone());
        }
        if let (Some(certificate), Some(key)) = (&self.nats_cert, &self.nats_key) {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        Ok(options)
    }
}

fn secret(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_user() {
        let shown = |url: &str| url.parse::<Server>().unwrap().to_string();
        assert_eq!(shown("nats://a:4222"), "nats://a:4222");
        assert_eq!(shown("a:4222, tls://u:p@b:4222"), "nats://a:4222,tls://b:4222");
        assert_eq!(shown("nats://token@a"), "nats://a");
    }
}
