//! Orders, with the price that is allocated to each of their lines.

use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use ledger_core::money::Amount;
use ledger_core::posting::ContractId;
use projections::views::Contract;

use crate::exit::Failure;
use crate::export::ads::Source;
use crate::export::ads::sheet::{Folder, Row};

const ORDERS: &[&str] = &[
    "Sales_Order_ID",
    "Sales_Order_Date",
    "Sales_Order_Fiscal_Year",
    "Sales_Order_Period",
    "Business_Unit_Code",
    "Customer_Account_ID",
    "Sales_Order_Amount_Local",
    "Sales_Order_Local_Currency",
    "Entered_By",
    "Entered_Date",
    "Entered_Time",
    "Last_Modified_By",
    "Last_Modified_Date",
    "Last_Modified_Time",
];

const LINES: &[&str] = &[
    "Sales_Order_ID",
    "Sales_Order_Line_ID",
    "Sales_Order_Product_ID",
    "Booked_Date",
    "Service_Start_Date",
    "Service_End_Date",
    "Sales_Order_Line_Amount_Local",
    "Sales_Order_Line_Local_Currency",
];

/// Writes the orders of the range as they stand at its end; usage has no amount beforehand.
pub(super) fn write(source: &Source<'_>, folder: &mut Folder) -> Result<(), Failure> {
    let orders: Vec<(&Identifier, &Contract, Day)> = source
        .views
        .deferred_revenue
        .contracts
        .values()
        .filter_map(|contract| match &contract.id {
            ContractId::Order(id) => {
                let (placed, _) = source.events.get(&("order", id))?;
                let is_inside = source.has(placed.effective, placed.sequence);
                is_inside.then_some((id, contract, placed.effective))
            }
            ContractId::Invoice(_) => None,
        })
        .collect();
    let mut sheet = folder.sheet(format!("Sales_Orders_{}", source.period()), ORDERS)?;
    for (id, contract, placed) in &orders {
        sheet.write(order(source, id, (contract, *placed)))?;
    }
    folder.close(sheet)?;
    let mut sheet = folder.sheet(format!("Sales_Orders_Lines_{}", source.period()), LINES)?;
    for (id, contract, _) in &orders {
        lines(source, id, contract, |row| sheet.write(row))?;
    }
    folder.close(sheet)
}

fn order(source: &Source<'_>, id: &Identifier, (contract, placed): (&Contract, Day)) -> Row {
    let known = source.journal.ledger.sequence();
    let lines = contract.lines.values().filter_map(|line| line.latest(known));
    let total: Amount = lines.map(|schedule| schedule.total()).sum();
    let (year, period) = source.fiscal(placed);
    let mut row = Row::default();
    row.text("Sales_Order_ID", id.as_str());
    row.date("Sales_Order_Date", placed);
    row.text("Sales_Order_Fiscal_Year", &year);
    row.text("Sales_Order_Period", &period);
    row.text("Business_Unit_Code", source.journal.book);
    row.text("Customer_Account_ID", contract.customer.as_str());
    row.amount("Sales_Order_Amount_Local", contract.currency.zero() + total);
    row.text("Sales_Order_Local_Currency", contract.currency.code());
    source.touched(&mut row, "order", id);
    row
}

fn lines(
    source: &Source<'_>,
    id: &Identifier,
    contract: &Contract,
    mut write: impl FnMut(Row) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let known = source.journal.ledger.sequence();
    for (name, line) in &contract.lines {
        let schedule = line.latest(known);
        if schedule.is_none() && line.meter.is_none() {
            continue;
        }
        let mut row = Row::default();
        row.text("Sales_Order_ID", id.as_str());
        row.text("Sales_Order_Line_ID", name.as_str());
        row.optional("Sales_Order_Product_ID", line.product.as_ref().map(Identifier::as_str));
        row.date("Booked_Date", line.booked);
        if let Some(schedule) = schedule {
            row.date("Service_Start_Date", schedule.start);
            row.date("Service_End_Date", schedule.end);
            row.amount("Sales_Order_Line_Amount_Local", schedule.total());
        }
        row.text("Sales_Order_Line_Local_Currency", contract.currency.code());
        write(row)?;
    }
    Ok(())
}
