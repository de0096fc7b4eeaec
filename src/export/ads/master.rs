//! Customers, and who entered what.

use std::collections::BTreeMap;

use crate::exit::Failure;
use crate::export::ads::Source;
use crate::export::ads::sheet::{Cell, Folder, Row};

use ledger_core::calendar::Day;

#[rustfmt::skip]
const CUSTOMERS: &[&str] = &[
    "Customer_Account_ID", "Customer_Account_Name", "Customer_Group",
    "Customer_Physical_Street_Address1", "Customer_Physical_Street_Address2",
    "Customer_Physical_City", "Customer_Physical_State_Province",
    "Customer_Physical_ZipPostalCode", "Customer_Physical_Country", "Customer_TIN",
    "Customer_Billing_Address1", "Customer_Billing_Address2", "Customer_Billing_City",
    "Customer_Billing_State_Province", "Customer_Billing_ZipPostalCode", "Customer_Billing_Country",
    "Active_Date", "Inactive_Date", "Transaction_Credit_Limit", "Overall_Credit_Limit",
    "Terms_Discount_Percentage", "Terms_Discount_Days", "Terms_Due_Days",
    "Entered_By", "Entered_Date", "Entered_Time", "Approved_By", "Approved_Date", "Approved_Time",
    "Last_Modified_By", "Last_Modified_Date", "Last_Modified_Time",
    "PrimaryContact_Name", "PrimaryContact_Phone", "PrimaryContact_Email",
];

/// Every customer that is known, as they are now.
pub(super) fn customers(source: &Source<'_>, folder: &mut Folder) -> Result<(), Failure> {
    let name = format!("Customer_Master_Listing_{}", source.as_of());
    let mut sheet = folder.sheet(name, CUSTOMERS)?;
    for (id, customer) in &source.views.customers {
        let Some((first, _)) = source.events.get(&("customer", id)) else { continue };
        let mut row = Row::default();
        row.text("Customer_Account_ID", id.as_str());
        row.text("Customer_Account_Name", &customer.name);
        row.optional("Customer_Group", customer.parent.as_ref().map(|parent| parent.as_str()));
        row.optional("Customer_TIN", customer.tax_id.as_deref());
        row.optional("Customer_Billing_Address1", customer.address.as_deref());
        row.optional("Customer_Billing_Country", customer.country.as_deref());
        row.date("Active_Date", first.effective);
        if let Some(limit) = customer.credit_limit {
            row.text("Overall_Credit_Limit", &limit.to_string());
        }
        if let Some(days) = customer.payment_terms_days {
            row.text("Terms_Due_Days", &days.to_string());
        }
        source.touched(&mut row, "customer", id);
        row.optional("PrimaryContact_Email", customer.email.as_deref());
        sheet.write(row)?;
    }
    folder.close(sheet)
}

const USERS: &[&str] = &["User_ID", "First_Entry_Date", "Last_Entry_Date", "Events"];

/// Everybody who entered something.
pub(super) fn users(source: &Source<'_>, folder: &mut Folder) -> Result<(), Failure> {
    let known = source.journal.ledger.sequence();
    let mut users: BTreeMap<&str, (Day, Day, u64)> = BTreeMap::new();
    for event in source.views.audit_trail.rows().iter().take_while(|row| row.sequence <= known) {
        let day = Day::new(event.recorded_at.to_offset(time::UtcOffset::UTC).date());
        let user = users.entry(&event.actor).or_insert((day, day, 0));
        *user = (user.0.min(day), user.1.max(day), user.2 + 1);
    }
    let mut sheet = folder.sheet(format!("User_Listing_{}", source.as_of()), USERS)?;
    for (user, (first, last, count)) in users {
        let mut row = Row::default();
        row.text("User_ID", user);
        row.cell("First_Entry_Date", Cell::Date(first));
        row.cell("Last_Entry_Date", Cell::Date(last));
        row.text("Events", &count.to_string());
        sheet.write(row)?;
    }
    folder.close(sheet)
}
