//! `esrs` with its own PostgreSQL store, as its documents say: an [`AggregateManager`] over a
//! [`PgStore`] without handlers and buses, whose migrations make its table.

use std::sync::Arc;

use benches::Outcome;
use benches::load::Side;
use benches::orders::{Step, Terms};
use commands::clock::{Clock, SystemClock};
use esrs::manager::AggregateManager;
use esrs::store::postgres::{PgStore, PgStoreBuilder};
use esrs::{Aggregate, AggregateState};
use sqlx::PgPool;
use uuid::Uuid;

use crate::order::{self, Order, OrderCommand, OrderEvent, Refused};

/// The aggregate: its state is an [`Order`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Orders;

impl Aggregate for Orders {
    const NAME: &'static str = "order";
    type State = Order;
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Error = Refused;

    fn handle_command(state: &Order, command: OrderCommand) -> Result<Vec<OrderEvent>, Refused> {
        Ok(vec![state.decide(command)?])
    }

    fn apply_event(mut state: Order, event: OrderEvent) -> Order {
        state.fold(event);
        state
    }
}

/// Orders in the store of `esrs`.
pub(crate) struct Esrs {
    manager: AggregateManager<PgStore<Orders>>,
    clock: SystemClock,
}

impl std::fmt::Debug for Esrs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Esrs").finish_non_exhaustive()
    }
}

impl Esrs {
    /// Makes its table and starts it.
    ///
    /// # Errors
    /// Where the database fails.
    pub(crate) async fn start(pool: PgPool) -> Outcome<Arc<Self>> {
        let store = PgStoreBuilder::new(pool).try_build().await?;
        Ok(Arc::new(Self { manager: AggregateManager::new(store), clock: SystemClock }))
    }
}

impl Side for Esrs {
    async fn send(&self, _worker: usize, step: Step, number: u64) -> Outcome<()> {
        let command = order::command(step, number, self.clock.now());
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, order::order(&Terms::of(number)).as_bytes());
        let state = match step {
            // Nothing to load, which saves it a query; its unique index refuses an order placed twice.
            Step::Place => AggregateState::with_id(id),
            Step::Invoice | Step::Pay => {
                self.manager.load(id).await?.ok_or("the order is not there")?
            }
        };
        self.manager.handle_command(state, command).await??;
        Ok(())
    }
}
