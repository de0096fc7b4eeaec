//! Invoices and their lines, with the standard's columns.

use std::collections::BTreeMap;

use ledger_core::chart::Dimensions;
use ledger_core::event::invoice::{InvoiceIssued, IssuedLine};
use ledger_core::id::Identifier;
use ledger_core::money::Amount;
use ledger_core::posting::{ContractId, Role};
use projections::views::InvoiceFact;

use crate::exit::Failure;
use crate::export::ads::sheet::{Folder, Row};
use crate::export::ads::{Source, Sums};

#[rustfmt::skip]
const INVOICES: &[&str] = &[
    "Invoice_ID", "Invoice_Number", "Invoice_Date", "Invoice_Fiscal_Year", "Invoice_Period",
    "Invoice_Due_Date", "Sales_Order_ID", "Business_Unit_Code", "Customer_Account_ID",
    "Terms_Discount_Percentage", "Terms_Discount_Days", "Terms_Due_Days",
    "Entered_By", "Entered_Date", "Entered_Time", "Approved_By", "Approved_Date", "Approved_Time",
    "Last_Modified_By", "Last_Modified_Date", "Last_Modified_Time", "Grouping_Code",
    "Invoice_Amount", "Invoice_Amount_Currency", "Invoice_Amount_Reporting",
    "Invoice_Reporting_Currency", "Invoice_Amount_Local", "Invoice_Local_Currency",
    "Tax1_Type", "Tax2_Type", "Tax3_Type",
    "Tax1_Type_Description", "Tax2_Type_Description", "Tax3_Type_Description",
    "Tax1_Local", "Tax2_Local", "Tax3_Local",
    "Segment01", "Segment02", "Segment03", "Segment04", "Segment05",
];

#[rustfmt::skip]
const LINES: &[&str] = &[
    "Invoice_ID", "Invoice_Line_ID", "Sales_Order_ID", "Sales_Order_Line_ID", "Invoice_Product_ID",
    "Invoice_Product_Description", "Invoice_Product_Group_01", "Invoice_Product_Group_02",
    "Invoice_Line_Amount", "Invoice_Line_Amount_Currency", "Invoice_Line_Amount_Reporting",
    "Invoice_Line_Reporting_Currency", "Invoice_Line_Amount_Local", "Invoice_Line_Local_Currency",
    "Grouping_Code", "Tax1_Type", "Tax2_Type", "Tax3_Type",
    "Tax1_Type_Description", "Tax2_Type_Description", "Tax3_Type_Description",
    "Tax1_Local", "Tax2_Local", "Tax3_Local",
    "GL_Line_Debit_Account_Number", "GL_Line_Credit_Account_Number",
    "GL_Tax1_Debit_Account_Number", "GL_Tax1_Credit_Account_Number",
    "GL_Tax2_Debit_Account_Number", "GL_Tax2_Credit_Account_Number",
    "GL_Tax3_Debit_Account_Number", "GL_Tax3_Credit_Account_Number",
    "Segment01", "Segment02", "Segment03", "Segment04", "Segment05",
];

/// Taxes of one document that have columns of their own.
const TAXES_MAX: usize = 3;

/// Writes the invoices that are posted in the range, and their lines; what they come to.
pub(super) fn write(source: &Source<'_>, folder: &mut Folder) -> Result<Sums, Failure> {
    let invoices = source.views.receivables.invoices.values();
    let mut invoices: Vec<&InvoiceFact> =
        invoices.filter(|fact| source.has(fact.posted, fact.sequence)).collect();
    invoices.sort_by_key(|fact| fact.sequence);
    let mut sheet = folder.sheet(format!("Invoices_Generated_{}", source.period()), INVOICES)?;
    for fact in &invoices {
        sheet.write(invoice(source, fact))?;
    }
    folder.close(sheet)?;
    let name = format!("Invoices_Generated_Lines_{}", source.period());
    let mut sheet = folder.sheet(name, LINES)?;
    for fact in &invoices {
        for one in &fact.issued.lines {
            sheet.write(line(source, &fact.issued, one))?;
        }
    }
    folder.close(sheet)?;
    let mut sums = Sums::new();
    for fact in invoices {
        *sums.entry(fact.issued.currency).or_default() += fact.issued.total;
    }
    Ok(sums)
}

fn invoice(source: &Source<'_>, fact: &InvoiceFact) -> Row {
    let issued = &fact.issued;
    let mut row = Row::default();
    let (year, period) = source.fiscal(issued.issued);
    row.text("Invoice_ID", issued.invoice.as_str());
    row.text("Invoice_Number", issued.invoice.as_str());
    row.date("Invoice_Date", issued.issued);
    row.text("Invoice_Fiscal_Year", &year);
    row.text("Invoice_Period", &period);
    row.date("Invoice_Due_Date", issued.due);
    row.optional("Sales_Order_ID", order(issued).map(Identifier::as_str));
    row.text("Business_Unit_Code", source.journal.book);
    row.text("Customer_Account_ID", issued.customer.as_str());
    if let Some(discount) = issued.cash_discounts.first() {
        let days = discount.until.days_since(issued.issued);
        row.text("Terms_Discount_Days", &days.to_string());
    }
    row.text("Terms_Due_Days", &issued.due.days_since(issued.issued).to_string());
    source.touched(&mut row, "invoice", &issued.invoice);
    let (total, by) = ((issued.total, issued.currency), (fact.sequence, Role::AccountsReceivable));
    source.document(&mut row, "Invoice", total, by);
    for (index, (tax, amount)) in taxes(issued).iter().enumerate() {
        row.text(&format!("Tax{}_Type", index + 1), tax);
        row.text(&format!("Tax{}_Type_Description", index + 1), tax);
        row.amount(&format!("Tax{}_Local", index + 1), *amount);
    }
    row
}

/// The order that an invoice bills: its own, or that of its lines.
fn order(issued: &InvoiceIssued) -> Option<&Identifier> {
    issued.order.as_ref().or_else(|| issued.lines.iter().find_map(|line| line.order.as_ref()))
}

/// The name of a line's tax: its code, else its rate; none where there is no tax.
fn tax_name(line: &IssuedLine) -> Option<String> {
    let rate = || line.tax_rate.map(|rate| format!("{rate}%"));
    line.tax_code.clone().or_else(rate).filter(|_| !line.tax.is_zero() || line.tax_code.is_some())
}

/// Taxes by name. The last column takes what has none of its own.
fn taxes(issued: &InvoiceIssued) -> Vec<(String, Amount)> {
    let mut sums: BTreeMap<String, Amount> = BTreeMap::new();
    for line in &issued.lines {
        if let Some(name) = tax_name(line) {
            *sums.entry(name).or_default() += line.tax;
        }
    }
    let mut all: Vec<(String, Amount)> = sums.into_iter().collect();
    if all.len() > TAXES_MAX {
        let rest = all.split_off(TAXES_MAX - 1);
        all.push(("other".to_owned(), rest.into_iter().map(|(_, amount)| amount).sum()));
    }
    let zero = issued.currency.zero();
    all.into_iter().map(|(name, amount)| (name, zero + amount)).collect()
}

fn line(source: &Source<'_>, issued: &InvoiceIssued, line: &IssuedLine) -> Row {
    let chart = source.journal.ledger.chart();
    let of =
        Dimensions { product: None, customer: Some(&issued.customer), currency: issued.currency };
    let product = product(source, issued, line);
    let mut row = Row::default();
    row.text("Invoice_ID", issued.invoice.as_str());
    row.text("Invoice_Line_ID", line.line.as_str());
    if line.order_line.is_some() {
        let order = line.order.as_ref().or(issued.order.as_ref());
        row.optional("Sales_Order_ID", order.map(Identifier::as_str));
    }
    row.optional("Sales_Order_Line_ID", line.order_line.as_ref().map(Identifier::as_str));
    row.optional("Invoice_Product_ID", product.map(Identifier::as_str));
    row.optional("Invoice_Product_Description", line.description.as_deref());
    source.money(&mut row, "Invoice_Line", line.net, issued.currency);
    row.text("GL_Line_Debit_Account_Number", chart.account(Role::AccountsReceivable, of));
    row.text("GL_Line_Credit_Account_Number", chart.account(Role::DeferredRevenue, of));
    if let Some(name) = tax_name(line) {
        row.text("Tax1_Type", &name);
        row.text("Tax1_Type_Description", &name);
        row.amount("Tax1_Local", line.tax);
        row.text("GL_Tax1_Debit_Account_Number", chart.account(Role::AccountsReceivable, of));
        row.text("GL_Tax1_Credit_Account_Number", chart.account(Role::TaxPayable, of));
    }
    row
}

/// The product of the order's line that a line bills.
fn product<'a>(
    source: &Source<'a>,
    issued: &InvoiceIssued,
    line: &IssuedLine,
) -> Option<&'a Identifier> {
    let id: ContractId = line.contract(issued.order.as_ref(), &issued.invoice);
    let contract = source.views.deferred_revenue.contracts.get(&id)?;
    contract.lines.get(line.order_line.as_ref()?)?.product.as_ref()
}
