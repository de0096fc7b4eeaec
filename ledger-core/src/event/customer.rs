//! Events of customers.

/// A customer was added: the command's own fields.
pub type CustomerRegistered = crate::command::customer::RegisterCustomer;
