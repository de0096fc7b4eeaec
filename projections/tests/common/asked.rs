//! Any report of a book in memory, with the orders where it reads them.

use ledger_core::calendar::Day;
use projections::outlook::orders::Orders;
use projections::reports::{Filters, Source, Table, needs_orders, run_on};

use super::common::Book;

pub(crate) fn report(book: &Book, name: &str, filters: &Filters, today: Day) -> Table {
    let when = needs_orders(name, filters, &book.views, today).unwrap();
    let orders = when.map(|when| {
        let mut orders = Orders::at(when);
        book.events.iter().for_each(|event| orders.take(event));
        orders
    });
    run_on(name, filters, Source { views: &book.views, orders: orders.as_ref(), today }).unwrap()
}
