//! What a daemon offers on NATS just now: everything while it writes the book, only its presence
//! while it stands by.

use std::sync::Arc;

use async_nats::service::{Service, ServiceExt};
use futures::StreamExt;
use tokio::task::JoinHandle;
use tracing::debug;

use super::{Desk, ServiceError};
use crate::writer::Role;

/// A service that is offered.
#[derive(Debug)]
pub(super) struct Offer {
    service: Service,
    tasks: Vec<JoinHandle<()>>,
}

impl Offer {
    /// Offers what the role has.
    ///
    /// # Errors
    /// Where the server refuses a subscription.
    pub(super) async fn make(desk: &Desk, role: Role) -> Result<Self, ServiceError> {
        let failed = |error: async_nats::Error| ServiceError(error.to_string());
        let (said, group) = match role {
            // A group of its own: a daemon that stands still and is subscribed yet must not swallow
            // what is meant for the one that goes on.
            Role::Writing { term } => ("writing", format!("w{term}-{}", desk.instance)),
            Role::Standby => ("standby", "standby".to_owned()),
        };
        let metadata = [("book", desk.book.as_str()), ("role", said)];
        let service = desk
            .client
            .service_builder()
            .description("An event-sourced revenue ledger for order-to-cash")
            .metadata(metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
            .queue_group(group)
            .start("revledger", env!("CARGO_PKG_VERSION"))
            .await
            .map_err(failed)?;
        let mut offer = Self { service, tasks: Vec::new() };
        if role.writes() {
            offer.open_endpoints(desk).await.map_err(failed)?;
        }
        Ok(offer)
    }

    async fn open_endpoints(&mut self, desk: &Desk) -> Result<(), async_nats::Error> {
        let prefix = format!("ledger.{}", desk.book.token());
        for (name, subject, is_query) in [
            ("commands", format!("{prefix}.cmd.*"), false),
            // Each user's own subject, so that the server can hold a user to it.
            ("commands-by-user", format!("{prefix}.cmd.*.*"), false),
            ("reports", format!("{prefix}.qry.*"), true),
        ] {
            let mut endpoint = self.service.endpoint_builder().name(name).add(subject).await?;
            let desk = desk.clone();
            self.tasks.push(tokio::spawn(async move {
                while let Some(request) = endpoint.next().await {
                    let desk = desk.clone();
                    if is_query {
                        let permits = Arc::clone(&desk.permits);
                        let Ok(permit) = permits.acquire_owned().await else { return };
                        tokio::spawn(async move {
                            desk.query(&request).await;
                            drop(permit);
                        });
                    } else {
                        // Handed in here, not in the task: what a caller sends in order is decided
                        // in order.
                        let trace = desk.trace(&request);
                        let reply = desk.hand_in(&request, trace.clone());
                        tokio::spawn(
                            async move { desk.answer(&request, reply.await, trace).await },
                        );
                    }
                }
            }));
        }
        Ok(())
    }

    /// Takes nothing more.
    pub(super) async fn withdraw(self) {
        for task in &self.tasks {
            task.abort();
        }
        if let Err(error) = self.service.stop().await {
            debug!(%error, "the service was stopped already");
        }
    }
}
