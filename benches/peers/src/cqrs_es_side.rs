//! `cqrs-es` with `postgres-es`, as their documents say: a [`PostgresCqrs`] without queries, on the
//! tables of their `db/init.sql`.

use std::sync::Arc;

use benches::Outcome;
use benches::load::Side;
use benches::orders::{Step, Terms};
use commands::clock::{Clock, SystemClock};
use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use postgres_es::{PostgresCqrs, postgres_cqrs};
use sqlx::PgPool;

use crate::order::{self, Order, OrderCommand, OrderEvent, Refused};

/// The table of events of `postgres-es` 0.5.0, from its `db/init.sql`. Snapshots and views are not used.
const TABLE: &str = "CREATE TABLE events
(
    aggregate_type text                         NOT NULL,
    aggregate_id   text                         NOT NULL,
    sequence       bigint CHECK (sequence >= 0) NOT NULL,
    event_type     text                         NOT NULL,
    event_version  text                         NOT NULL,
    payload        json                         NOT NULL,
    metadata       json                         NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
)";

impl DomainEvent for OrderEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::OrderPlaced(_) => "OrderPlaced",
            Self::InvoiceIssued(_) => "InvoiceIssued",
            Self::PaymentReceived(_) => "PaymentReceived",
        };
        name.to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

impl Aggregate for Order {
    const TYPE: &'static str = "order";
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Error = Refused;
    type Services = ();

    async fn handle(
        &mut self,
        command: OrderCommand,
        _services: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Refused> {
        let event = self.decide(command)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: OrderEvent) {
        self.fold(event);
    }
}

/// Orders in `postgres-es`.
pub(crate) struct CqrsEs {
    framework: PostgresCqrs<Order>,
    clock: SystemClock,
}

impl std::fmt::Debug for CqrsEs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CqrsEs").finish_non_exhaustive()
    }
}

impl CqrsEs {
    /// Makes its table and starts it.
    ///
    /// # Errors
    /// Where the database fails.
    pub(crate) async fn start(pool: PgPool) -> Outcome<Arc<Self>> {
        sqlx::query(TABLE).execute(&pool).await?;
        let framework = postgres_cqrs(pool, Vec::new(), ());
        Ok(Arc::new(Self { framework, clock: SystemClock }))
    }
}

impl Side for CqrsEs {
    async fn send(&self, _worker: usize, step: Step, number: u64) -> Outcome<()> {
        let command = order::command(step, number, self.clock.now());
        Ok(self.framework.execute(&order::order(&Terms::of(number)), command).await?)
    }
}
