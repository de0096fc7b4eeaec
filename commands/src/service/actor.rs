//! Who sent a command, as the NATS server says it.
//!
//! An account that imports the service with `share: true` has its requests stamped by the server
//! with `Nats-Request-Info`, whatever the client wrote there. Inside the service's own account
//! nobody stamps or checks it, so that no person may have credentials of that account
//! (docs/OPERATIONS.md, who may do what).

use async_nats::{HeaderMap, Message};
use ledger_core::id::{Identifier, subject_token};
use ledger_core::rejection::{Code, Rejection};
use serde::Deserialize;

/// The header that the server writes, in the place of what the client wrote there.
const REQUEST_INFO: &str = "Nats-Request-Info";
/// Who asked, where nobody says it.
const UNNAMED: &str = "nats";

/// Who the events of a command say asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorSource {
    /// The transport: `nats`.
    Transport,
    /// The user that the server names. A command of which it names none is refused, as is one
    /// whose subject or body names another.
    Server,
}

/// What of the header counts here.
#[derive(Debug, Deserialize)]
struct RequestInfo {
    #[serde(default)]
    user: Option<String>,
}

/// Who sent a command, and whether its body may say so, too.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) actor: String,
    pub(super) is_stated: bool,
}

/// Finds out who sent a message.
///
/// # Errors
/// `actor.unproven` where the server does not say it, `actor.mismatch` where it says another user
/// than the subject.
pub(super) fn sender(source: ActorSource, message: &Message) -> Result<Sender, Rejection> {
    if source == ActorSource::Transport {
        return Ok(Sender { actor: UNNAMED.to_owned(), is_stated: false });
    }
    let user = stated(message.headers.as_ref())?;
    if let Some(token) = user_token(&message.subject)
        && token != subject_token(user.as_str())
    {
        return Err(Rejection::new(
            Code::ActorMismatch,
            format!("the subject is that of {token:?}, and the server says that {user} sent it"),
        ));
    }
    Ok(Sender { actor: user.to_string(), is_stated: true })
}

/// The user in the header. Two headers are none: the server writes one, so that a second one would
/// be the client's.
fn stated(headers: Option<&HeaderMap>) -> Result<Identifier, Rejection> {
    let mut values = headers.into_iter().flat_map(|headers| headers.get_all(REQUEST_INFO));
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(unproven("the server does not say who sent it"));
    };
    let info: RequestInfo = serde_json::from_str(value.as_str())
        .map_err(|_| unproven("what the server says of the sender cannot be read"))?;
    let user = info.user.filter(|user| !user.is_empty());
    let user = user.ok_or_else(|| unproven("the server does not name the user"))?;
    user.parse().map_err(|_| unproven("the user's name is no identifier"))
}

fn unproven(what: &str) -> Rejection {
    Rejection::new(
        Code::ActorUnproven,
        format!("{what}: send it from an account that imports the service with `share: true`"),
    )
}

/// The user's own token in `ledger.<book>.cmd.<user>.<Command>`.
fn user_token(subject: &str) -> Option<&str> {
    let mut tokens = subject.split('.').skip(3);
    match (tokens.next(), tokens.next()) {
        (Some(user), Some(_)) => Some(user),
        (Some(_) | None, None) | (None, Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = r#"{"acc":"EDGE","rtt":1,"user":"alice","host":"127.0.0.1","id":7}"#;

    fn asked(subject: &str, infos: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        infos.iter().for_each(|info| headers.append(REQUEST_INFO, *info));
        let message = Message {
            subject: subject.into(),
            reply: None,
            payload: "".into(),
            headers: Some(headers),
            status: None,
            description: None,
            length: 0,
        };
        match sender(ActorSource::Server, &message) {
            Ok(Sender { actor, .. }) => actor,
            Err(rejection) => rejection.code,
        }
    }

    #[test]
    fn only_what_the_server_says_once_is_believed() {
        let own = "ledger.main.cmd.alice.OpenBook";
        let shared = "ledger.main.cmd.OpenBook";
        let cases: [(&str, &[&str], &str); 10] = [
            (own, &[ALICE], "alice"),
            (shared, &[ALICE], "alice"),
            ("ledger.main.cmd.bob.OpenBook", &[ALICE], "actor.mismatch"),
            (own, &[ALICE, ALICE], "actor.unproven"),
            (own, &[], "actor.unproven"),
            (own, &["alice"], "actor.unproven"),
            (own, &[r#"{"acc":"EDGE"}"#], "actor.unproven"),
            (own, &[r#"{"user":""}"#], "actor.unproven"),
            (own, &[r#"{"user":"a\u0007b"}"#], "actor.unproven"),
            ("ledger.main.cmd.a%2Eb%40c.OpenBook", &[r#"{"user":"a.b@c"}"#], "a.b@c"),
        ];
        for (subject, infos, wanted) in cases {
            assert_eq!(asked(subject, infos), wanted, "{subject} {infos:?}");
        }
    }
}
