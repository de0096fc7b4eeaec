//! What an order line costs, and when: price models, billing periods, proration, and the terms in
//! force from day to day (contract, section 3; accounting, section 4).

pub mod grid;
pub mod price;
pub mod proration;
pub mod terms;
pub mod timeline;
