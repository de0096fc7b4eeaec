//! Any report of a book in memory, with the orders where it reads them.

use ledger_core::calendar::Day;
use ledger_core::rejection::Rejection;
use projections::outlook::orders::Orders;
use projections::reports::{Filters, Source, Table, needs_orders, run_on};

use super::common::Book;

pub(crate) fn try_report(
    book: &Book,
    name: &str,
    filters: &Filters,
    today: Day,
) -> Result<Table, Rejection> {
    let when = needs_orders(name, filters, &book.views, today)?;
    let orders = when.map(|when| {
        let mut orders = Orders::at(when);
        book.events.iter().for_each(|event| orders.take(event));
        orders
    });
    run_on(name, filters, Source { views: &book.views, orders: orders.as_ref(), today })
}
