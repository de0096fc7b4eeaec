//! The general ledger: entries, balances, and the chart of accounts.

use std::collections::BTreeMap;

use ledger_core::money::Amount;
use projections::reports::general_ledger::{Entry, Leg};

use crate::exit::Failure;
use crate::export::Totals;
use crate::export::ads::Source;
use crate::export::ads::sheet::{Folder, Row};

const DETAIL: &[&str] = &[
    "Journal_ID",
    "Journal_ID_Line_Number",
    "JE_Header_Description",
    "JE_Line_Description",
    "Source",
    "Business_Unit_Code",
    "Effective_Date",
    "Fiscal_Year",
    "Period",
    "GL_Account_Number",
    "Amount",
    "Amount_Credit_Debit_Indicator",
    "Amount_Currency",
    "Amount_Local",
    "Amount_Local_Currency",
    "Document_ID",
    "Customer_Account_ID",
    "Entered_By",
    "Entered_Date",
    "Entered_Time",
    "Event_Sequence",
    "Command_ID",
];

/// Every posting of the range; debits are above zero.
pub(super) fn detail(source: &Source<'_>, folder: &mut Folder) -> Result<Totals, Failure> {
    let mut sheet = folder.sheet(format!("GL_Detail_{}", source.period()), DETAIL)?;
    let totals = source.journal.each_month(|month| {
        for entry in &month.entries {
            for (index, leg) in entry.legs.iter().enumerate() {
                sheet.write(posting(source, entry, (index + 1, leg)))?;
            }
        }
        Ok(())
    })?;
    folder.close(sheet)?;
    Ok(totals)
}

fn posting(source: &Source<'_>, entry: &Entry<'_>, (number, leg): (usize, &Leg<'_>)) -> Row {
    let mut row = Row::default();
    let (year, period) = source.fiscal(entry.date);
    row.text("Journal_ID", &entry.id());
    row.text("Journal_ID_Line_Number", &number.to_string());
    row.text("JE_Header_Description", &format!("{} {}", entry.kind_name(), entry.document));
    row.text("JE_Line_Description", leg.role.as_str());
    row.text("Source", entry.kind_name());
    row.text("Business_Unit_Code", source.journal.book);
    row.date("Effective_Date", entry.date);
    row.text("Fiscal_Year", &year);
    row.text("Period", &period);
    row.text("GL_Account_Number", leg.account);
    row.amount("Amount", leg.amount);
    let is_credit = leg.amount.is_negative();
    row.text("Amount_Credit_Debit_Indicator", if is_credit { "C" } else { "D" });
    row.text("Amount_Currency", source.currency().code());
    let local = leg.document.map(|document| (document.amount, document.currency));
    let (local, currency) = local.unwrap_or((leg.amount, source.currency()));
    row.amount("Amount_Local", local);
    row.text("Amount_Local_Currency", currency.code());
    row.text("Document_ID", &entry.document);
    row.optional("Customer_Account_ID", entry.customer.map(|customer| customer.as_str()));
    if let Some(event) = entry.event {
        source.entered(&mut row, event.sequence);
        row.text("Event_Sequence", &event.sequence.to_string());
        row.text("Command_ID", event.command_id.as_str());
    }
    row
}

const BALANCE: &[&str] = &[
    "GL_Account_Number",
    "GL_Account_Name",
    "Business_Unit_Code",
    "Fiscal_Year",
    "Period",
    "Balance_As_Of_Date",
    "Amount_Beginning",
    "Amount_Ending",
    "Amount_Currency",
];

/// What stands on each account before the range and at its end.
pub(super) fn trial_balance(source: &Source<'_>, folder: &mut Folder) -> Result<(), Failure> {
    let journal = source.journal;
    let of = |day| {
        let mut sums: BTreeMap<&str, Amount> = BTreeMap::new();
        for ((_, account), amount) in journal.ledger.balances(day) {
            *sums.entry(account).or_default() += amount;
        }
        sums
    };
    let (opening, closing) = (of(journal.from.previous()), of(journal.to));
    let mut sheet = folder.sheet(format!("Trial_Balance_{}", source.as_of()), BALANCE)?;
    let (year, period) = source.fiscal(journal.to);
    let zero = source.currency().zero();
    for (code, account) in journal.ledger.chart().accounts() {
        let at = |sums: &BTreeMap<&str, Amount>| sums.get(code.as_str()).copied();
        if at(&opening).is_none() && at(&closing).is_none() {
            continue;
        }
        let mut row = Row::default();
        row.text("GL_Account_Number", &code);
        row.text("GL_Account_Name", account.name.as_deref().unwrap_or(&code));
        row.text("Business_Unit_Code", journal.book);
        row.text("Fiscal_Year", &year);
        row.text("Period", &period);
        row.date("Balance_As_Of_Date", journal.to);
        row.amount("Amount_Beginning", zero + at(&opening).unwrap_or_default());
        row.amount("Amount_Ending", zero + at(&closing).unwrap_or_default());
        row.text("Amount_Currency", source.currency().code());
        sheet.write(row)?;
    }
    folder.close(sheet)
}

const CHART: &[&str] = &[
    "GL_Account_Number",
    "GL_Account_Name",
    "Account_Type",
    "Account_Subtype",
    "Business_Unit_Code",
];

/// Every account; its roles are the subtype.
pub(super) fn chart(source: &Source<'_>, folder: &mut Folder) -> Result<(), Failure> {
    let mut sheet = folder.sheet(format!("Chart_Of_Accounts_{}", source.as_of()), CHART)?;
    for (code, account) in source.journal.ledger.chart().accounts() {
        let roles: Vec<&str> = account.roles.iter().map(|role| role.as_str()).collect();
        let mut row = Row::default();
        row.text("GL_Account_Number", &code);
        row.text("GL_Account_Name", account.name.as_deref().unwrap_or(&code));
        row.text("Account_Type", account.kind.as_str());
        row.text("Account_Subtype", &roles.join(" "));
        row.text("Business_Unit_Code", source.journal.book);
        sheet.write(row)?;
    }
    folder.close(sheet)
}
