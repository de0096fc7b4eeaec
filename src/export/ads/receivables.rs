//! What came in, what it settled, what else did, and what is open.

use ledger_core::money::{Amount, Currency};
use ledger_core::posting::Role;
use projections::facts::Settles;
use projections::views::{InvoiceFact, Settlement, Use};

use crate::exit::Failure;
use crate::export::ads::sheet::{Folder, Row};
use crate::export::ads::{Source, Sums};

const RECEIVED: &[&str] = &[
    "Customer_Account_ID",
    "Transaction_ID",
    "Transaction_Date",
    "Business_Unit_Code",
    "Payment_Method",
    "Reference_Number",
    "Reference_Date",
    "Receipt_Amount",
    "Receipt_Amount_Currency",
    "Receipt_Amount_Reporting",
    "Receipt_Reporting_Currency",
    "Receipt_Amount_Local",
    "Receipt_Local_Currency",
    "Entered_By",
    "Entered_Date",
    "Entered_Time",
    "Source_System",
];

const APPLIED: &[&str] = &[
    "Cash_Application_ID",
    "Customer_Account_ID",
    "Transaction_ID",
    "Transaction_Type",
    "Invoice_ID",
    "Application_Date",
    "Business_Unit_Code",
    "Application_Amount",
    "Application_Amount_Currency",
    "Application_Amount_Reporting",
    "Application_Reporting_Currency",
    "Application_Amount_Local",
    "Application_Local_Currency",
    "Entered_By",
    "Entered_Date",
    "Entered_Time",
    "Source_System",
];

const OPEN: &[&str] = &[
    "Customer_Account_ID",
    "Transaction_ID",
    "Invoice_ID",
    "Transaction_Type",
    "Transaction_Date",
    "Transaction_Due_Date",
    "Business_Unit_Code",
    "Balance_Amount",
    "Balance_Amount_Currency",
    "Balance_Amount_Reporting",
    "Balance_Reporting_Currency",
    "Balance_Amount_Local",
    "Balance_Local_Currency",
    "Original_Balance_Amount_Local",
    "Amount_Credit_Debit_Indicator",
    "Source_System",
];

const SOURCE: &str = "revledger";

/// What lowered receivables in the range.
pub(super) struct Moved {
    pub(super) applied: Sums,
    pub(super) adjusted: Sums,
}

/// What is open at its end: what is owed, and what stands beside it.
pub(super) struct Open {
    pub(super) debit: Sums,
    pub(super) credit: Sums,
}

/// Writes receipts, and what lowered or raised invoices in the range.
pub(super) fn movements(source: &Source<'_>, folder: &mut Folder) -> Result<Moved, Failure> {
    received(source, folder)?;
    let mut settled: Vec<(&InvoiceFact, &Settlement)> = Vec::new();
    for fact in source.views.receivables.invoices.values() {
        let inside = fact.settlements.iter().filter(|one| source.has(one.effective, one.sequence));
        settled.extend(inside.map(|one| (fact, one)));
    }
    settled.sort_by_key(|(_, one)| one.sequence);
    let (cash, rest): (Vec<_>, Vec<_>) =
        settled.into_iter().partition(|(_, one)| one.kind == Settles::Payment);
    let applied = settlements(source, folder, "AR_Cash_Application", &cash)?;
    let adjusted = settlements(source, folder, "AR_Adjustments", &rest)?;
    Ok(Moved { applied, adjusted })
}

fn received(source: &Source<'_>, folder: &mut Folder) -> Result<(), Failure> {
    let payments = source.views.receivables.payments.values();
    let mut payments: Vec<_> =
        payments.filter(|fact| source.has(fact.effective, fact.sequence)).collect();
    payments.sort_by_key(|fact| fact.sequence);
    let mut sheet = folder.sheet(format!("Cash_Received_{}", source.period()), RECEIVED)?;
    for fact in payments {
        let one = &fact.received;
        let mut row = Row::default();
        row.text("Customer_Account_ID", one.customer.as_str());
        row.text("Transaction_ID", one.payment.as_str());
        row.date("Transaction_Date", fact.effective);
        row.text("Business_Unit_Code", source.journal.book);
        row.optional("Payment_Method", one.method.as_deref());
        row.optional("Reference_Number", one.reference.as_deref());
        let by = (fact.sequence, Role::UnappliedCash);
        source.document(&mut row, "Receipt", (one.amount, one.currency), by);
        source.entered(&mut row, fact.sequence);
        row.text("Source_System", SOURCE);
        sheet.write(row)?;
    }
    folder.close(sheet)
}

/// Writes what lowered invoices; below zero what raised them again.
fn settlements(
    source: &Source<'_>,
    folder: &mut Folder,
    table: &str,
    settled: &[(&InvoiceFact, &Settlement)],
) -> Result<Sums, Failure> {
    let mut sums = Sums::new();
    let mut sheet = folder.sheet(format!("{table}_{}", source.period()), APPLIED)?;
    for (number, (fact, one)) in (1_u64..).zip(settled) {
        let mut row = Row::default();
        row.text("Cash_Application_ID", &format!("{}-{number}", one.sequence));
        row.text("Customer_Account_ID", fact.issued.customer.as_str());
        row.text("Transaction_ID", one.document.as_str());
        row.text("Transaction_Type", one.kind.as_str());
        row.text("Invoice_ID", fact.issued.invoice.as_str());
        row.date("Application_Date", one.effective);
        row.text("Business_Unit_Code", source.journal.book);
        source.money(&mut row, "Application", one.amount, fact.issued.currency);
        source.entered(&mut row, one.sequence);
        row.text("Source_System", SOURCE);
        sheet.write(row)?;
        *sums.entry(fact.issued.currency).or_default() += one.amount;
    }
    folder.close(sheet)?;
    Ok(sums)
}

/// Writes what is open at the end of the range: invoices, and what is left of payments and credits.
pub(super) fn open(source: &Source<'_>, folder: &mut Folder) -> Result<Open, Failure> {
    let mut sums = Open { debit: Sums::new(), credit: Sums::new() };
    let name = format!("Open_Accounts_Receivable_{}", source.as_of());
    let mut sheet = folder.sheet(name, OPEN)?;
    for fact in source.views.receivables.invoices.values() {
        if !source.knows(fact.posted, fact.sequence) {
            continue;
        }
        let known = fact.settlements.iter().filter(|one| source.knows(one.effective, one.sequence));
        let open = fact.issued.total - known.map(|one| one.amount).sum();
        *sums.debit.entry(fact.issued.currency).or_default() += open;
        if !open.is_zero() {
            let (total, currency) = (fact.issued.total, fact.issued.currency);
            let mut row = item(source, (open, total, currency), "invoice");
            row.text("Customer_Account_ID", fact.issued.customer.as_str());
            row.text("Transaction_ID", fact.issued.invoice.as_str());
            row.text("Invoice_ID", fact.issued.invoice.as_str());
            row.date("Transaction_Date", fact.issued.issued);
            row.date("Transaction_Due_Date", fact.issued.due);
            sheet.write(row)?;
        }
    }
    for fact in source.views.receivables.payments.values() {
        let one = &fact.received;
        let left = left(source, one.amount, &fact.uses);
        if source.knows(fact.effective, fact.sequence) && !left.is_zero() {
            *sums.credit.entry(one.currency).or_default() += left;
            let mut row = item(source, (-left, -one.amount, one.currency), "payment");
            row.text("Customer_Account_ID", one.customer.as_str());
            row.text("Transaction_ID", one.payment.as_str());
            row.date("Transaction_Date", fact.effective);
            sheet.write(row)?;
        }
    }
    for fact in source.views.receivables.credits.values() {
        let one = &fact.issued;
        let left = left(source, one.total, &fact.uses);
        if source.knows(fact.effective, fact.sequence) && !left.is_zero() {
            *sums.credit.entry(one.currency).or_default() += left;
            let mut row = item(source, (-left, -one.total, one.currency), "credit");
            row.text("Customer_Account_ID", one.customer.as_str());
            row.text("Transaction_ID", one.credit.as_str());
            row.optional("Invoice_ID", one.invoice.as_ref().map(|invoice| invoice.as_str()));
            row.date("Transaction_Date", fact.effective);
            sheet.write(row)?;
        }
    }
    folder.close(sheet)?;
    Ok(sums)
}

/// What is left of a payment or a credit at the end of the range.
fn left(source: &Source<'_>, amount: Amount, uses: &[Use]) -> Amount {
    let known = uses.iter().filter(|one| source.knows(one.effective, one.sequence));
    amount - known.map(|one| one.amount).sum()
}

/// What every open item says; below zero it is the customer's.
fn item(
    source: &Source<'_>,
    (open, original, currency): (Amount, Amount, Currency),
    kind: &str,
) -> Row {
    let mut row = Row::default();
    row.text("Transaction_Type", kind);
    row.text("Business_Unit_Code", source.journal.book);
    source.money(&mut row, "Balance", open, currency);
    row.amount("Original_Balance_Amount_Local", original);
    row.text("Amount_Credit_Debit_Indicator", if open.is_negative() { "C" } else { "D" });
    row.text("Source_System", SOURCE);
    row
}
