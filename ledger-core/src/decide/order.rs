//! Orders.

use crate::calendar::Day;
use crate::command::order::{AmendOrder, PlaceOrder};
use crate::event::EventData;
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Ledger};

/// Places an order.
pub(super) fn place(
    _: &Ledger,
    _: &Book,
    _: Day,
    _: &PlaceOrder,
) -> Result<Vec<EventData>, Rejection> {
    Err(Rejection::new(Code::CommandNotSupported, "orders come next"))
}

/// Changes an order.
pub(super) fn amend(
    _: &Ledger,
    _: &Book,
    _: Day,
    _: &AmendOrder,
) -> Result<Vec<EventData>, Rejection> {
    Err(Rejection::new(Code::CommandNotSupported, "orders come next"))
}
