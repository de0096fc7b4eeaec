//! The audit data standard of the AICPA for order to cash (July 2015): flat files in a folder, with
//! control totals.
//!
//! The columns of `Invoices_Generated`, `Invoices_Generated_Lines` and `Customer_Master_Listing` are
//! the standard's. The other tables are modelled on the audit data API of the same body and on the
//! standard of the general ledger; `docs/EXPORTS.md` says which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::{Role, Target};
use projections::views::{AuditEntry, Views};

use crate::exit::{Exit, Failure};
use crate::export::{Journal, Totals, UNSAFE};

mod invoices;
mod ledger;
mod master;
mod orders;
mod receivables;
mod sheet;

use sheet::{Cell, Folder, Row, Summary};

/// What the tables are made of.
struct Source<'a> {
    journal: &'a Journal<'a>,
    views: &'a Views,
    /// The first and the last event of each document, by kind and id.
    events: BTreeMap<(&'a str, &'a Identifier), (&'a AuditEntry, &'a AuditEntry)>,
}

/// Writes the folder.
///
/// # Errors
/// `export.does_not_tie` where receivables do not roll forward to what is open, as
/// [`Journal::each_month`], or where the folder is there already or cannot be written.
pub(crate) fn write(journal: &Journal<'_>, views: &Views, place: &Path) -> Result<Totals, Failure> {
    let source = Source::new(journal, views);
    let mut folder = Folder::beside(place)?;
    let totals = ledger::detail(&source, &mut folder)?;
    ledger::trial_balance(&source, &mut folder)?;
    ledger::chart(&source, &mut folder)?;
    orders::write(&source, &mut folder)?;
    let invoiced = invoices::write(&source, &mut folder)?;
    let moved = receivables::movements(&source, &mut folder)?;
    let open = receivables::open(&source, &mut folder)?;
    master::customers(&source, &mut folder)?;
    master::users(&source, &mut folder)?;
    let rolls = roll_forward(&source, (invoiced, moved, open))?;
    control(&source, &mut folder, &rolls)?;
    folder.finish()?;
    Ok(totals)
}

/// Sums in each currency of documents.
type Sums = BTreeMap<Currency, Amount>;

/// From opening to closing receivables in one currency of documents.
struct Roll {
    currency: Currency,
    opening: Amount,
    invoiced: Amount,
    applied: Amount,
    adjusted: Amount,
    closing: Amount,
    open_debit: Amount,
    open_credit: Amount,
    beside: Amount,
}

impl Roll {
    fn ties(&self) -> bool {
        let rolled = self.opening + self.invoiced - self.applied - self.adjusted;
        rolled == self.closing && self.open_debit == self.closing && self.open_credit == self.beside
    }

    /// What the control totals say of it.
    fn told(&self) -> [(&'static str, Amount); 8] {
        [
            ("opening accounts_receivable", self.opening),
            ("invoices generated", self.invoiced),
            ("cash applied", -self.applied),
            ("adjustments", -self.adjusted),
            ("closing accounts_receivable", self.closing),
            ("open items, debit", self.open_debit),
            ("open items, credit", -self.open_credit),
            ("closing unapplied_cash and customer_credits", -self.beside),
        ]
    }
}

/// Documents on one side, the accounts' own entries on the other.
fn roll_forward(
    source: &Source<'_>,
    (invoiced, moved, open): (Sums, receivables::Moved, receivables::Open),
) -> Result<Vec<Roll>, Failure> {
    let (before, to) = (source.journal.from.previous(), source.journal.to);
    let receivable = [Role::AccountsReceivable];
    let (opening, closing) = (source.posted(before, &receivable), source.posted(to, &receivable));
    let beside = source.posted(to, &[Role::UnappliedCash, Role::CustomerCredits]);
    let all = [&invoiced, &moved.applied, &moved.adjusted, &open.debit, &open.credit, &closing];
    let currencies: BTreeSet<Currency> =
        all.into_iter().flat_map(|sums| sums.keys()).copied().collect();
    let mut rolls = Vec::new();
    for currency in currencies {
        let of = |sums: &Sums| currency.zero() + sums.get(&currency).copied().unwrap_or_default();
        let roll = Roll {
            currency,
            opening: of(&opening),
            invoiced: of(&invoiced),
            applied: of(&moved.applied),
            adjusted: of(&moved.adjusted),
            closing: of(&closing),
            open_debit: of(&open.debit),
            open_credit: of(&open.credit),
            beside: -of(&beside),
        };
        if !roll.ties() {
            let told = roll.told().map(|(what, sum)| format!("{what} {sum}")).join(", ");
            let what = format!("receivables in {} do not roll forward: {told}", currency.code());
            return Err(Failure::new(Exit::No, "export.does_not_tie", what)
                .help("nothing was written: run `revledger verify`"));
        }
        rolls.push(roll);
    }
    Ok(rolls)
}

const CONTROL: &[&str] =
    &["File", "Records", "Total_Of", "Total_Amount", "Total_Currency", "SHA256"];

/// Counts and sums of every file, and how receivables roll forward.
fn control(source: &Source<'_>, folder: &mut Folder, rolls: &[Roll]) -> Result<(), Failure> {
    let files: Vec<Summary> = folder.summaries().to_vec();
    let name = format!("Control_Totals_{}", source.period());
    let mut sheet = folder.sheet(name, CONTROL)?;
    let code = source.currency().code().to_owned();
    if source.journal.is_unsafe {
        let mut row = Row::default();
        row.text("Total_Of", UNSAFE);
        sheet.write(row)?;
    }
    for file in &files {
        let mut totals: Vec<(String, Option<Amount>)> =
            file.totals.iter().map(|(column, sum)| (column.clone(), Some(*sum))).collect();
        if totals.is_empty() {
            totals.push((String::new(), None));
        }
        for (column, sum) in totals {
            let mut row = Row::default();
            row.text("File", &file.name);
            row.text("Records", &file.records.to_string());
            row.text("Total_Of", &column);
            if let Some(sum) = sum {
                row.amount("Total_Amount", source.currency().zero() + sum);
                row.text("Total_Currency", &code);
            }
            row.text("SHA256", &file.hash);
            sheet.write(row)?;
        }
    }
    for roll in rolls {
        for (what, sum) in roll.told() {
            let mut row = Row::default();
            row.text("Total_Of", what);
            row.amount("Total_Amount", sum);
            row.text("Total_Currency", roll.currency.code());
            sheet.write(row)?;
        }
    }
    folder.close(sheet)
}

impl<'a> Source<'a> {
    fn new(journal: &'a Journal<'a>, views: &'a Views) -> Self {
        let mut events: BTreeMap<_, (&AuditEntry, &AuditEntry)> = BTreeMap::new();
        let known = journal.ledger.sequence();
        for row in views.audit_trail.rows().iter().take_while(|row| row.sequence <= known) {
            let key = (row.document_kind.as_ref(), &row.document);
            events.entry(key).or_insert((row, row)).1 = row;
        }
        Self { journal, views, events }
    }

    fn currency(&self) -> Currency {
        self.journal.ledger.currency()
    }

    /// Whether something that is posted on a day, and was learned at a sequence, is in the range.
    fn has(&self, day: Day, sequence: u64) -> bool {
        day >= self.journal.from && self.knows(day, sequence)
    }

    /// Whether it had happened and was known at its end.
    fn knows(&self, day: Day, sequence: u64) -> bool {
        day <= self.journal.to && sequence <= self.journal.ledger.sequence()
    }

    /// `20260101_20260331`, which ends the name of a table of a period.
    fn period(&self) -> String {
        format!("{}_{}", digits(self.journal.from), self.as_of())
    }

    /// `20260331`, which ends the name of a table of a day.
    fn as_of(&self) -> String {
        digits(self.journal.to)
    }

    /// What entries posted to roles through a day, in each currency of documents.
    fn posted(&self, day: Day, roles: &[Role]) -> Sums {
        let known = self.journal.ledger.sequence();
        let mut sums = Sums::new();
        for entry in &self.views.receivables.entries {
            if entry.date > day || entry.sequence > known {
                continue;
            }
            for leg in &entry.legs {
                if let Target::Role(role) = leg.target
                    && roles.contains(&role)
                {
                    *sums.entry(entry.currency).or_default() += leg.amount;
                }
            }
        }
        sums
    }

    /// Fiscal year and period of a day. A year that does not start in January has the number of the
    /// calendar year in which it ends.
    fn fiscal(&self, day: Day) -> (String, String) {
        let start = self.views.book.as_ref().map_or(1, |book| book.fiscal_year_start);
        let (year, month) = (day.date().year(), u8::from(day.date().month()));
        let year = if start > 1 && month >= start { year + 1 } else { year };
        let period = (month + 12 - start.clamp(1, 12)) % 12 + 1;
        (year.to_string(), format!("{period:02}"))
    }

    /// An amount in the three currencies of the standard: the book's, that of its reports, and the
    /// document's. What a part of a document is worth in the book's currency is left out where that
    /// is another one.
    fn money(&self, row: &mut Row, prefix: &str, amount: Amount, currency: Currency) {
        let functional = (currency == self.currency()).then_some(amount);
        self.valued(row, prefix, (amount, currency), functional);
    }

    /// The same of a whole document, which an event's entry posted to a role.
    fn document(
        &self,
        row: &mut Row,
        prefix: &str,
        (amount, currency): (Amount, Currency),
        (sequence, role): (u64, Role),
    ) {
        let posted = || {
            let entry = self.views.receivables.entry(sequence)?;
            entry.functional.as_ref().map(|functional| functional.role(role).abs())
        };
        let functional = if currency == self.currency() { Some(amount) } else { posted() };
        self.valued(row, prefix, (amount, currency), functional);
    }

    fn valued(
        &self,
        row: &mut Row,
        prefix: &str,
        (amount, currency): (Amount, Currency),
        functional: Option<Amount>,
    ) {
        let book = self.currency();
        if let Some(functional) = functional {
            row.amount(&format!("{prefix}_Amount"), functional);
            row.amount(&format!("{prefix}_Amount_Reporting"), functional);
        }
        row.text(&format!("{prefix}_Amount_Currency"), book.code());
        row.text(&format!("{prefix}_Reporting_Currency"), book.code());
        row.amount(&format!("{prefix}_Amount_Local"), amount);
        row.text(&format!("{prefix}_Local_Currency"), currency.code());
    }

    /// Who entered something, and when.
    fn entered(&self, row: &mut Row, sequence: u64) {
        if let Some(event) = self.views.audit_trail.event(sequence) {
            stamp(row, "Entered", event);
        }
    }

    /// Who entered a document, and who changed it last.
    fn touched(&self, row: &mut Row, kind: &str, document: &Identifier) {
        if let Some((first, last)) = self.events.get(&(kind, document)) {
            stamp(row, "Entered", first);
            stamp(row, "Last_Modified", last);
        }
    }
}

fn stamp(row: &mut Row, what: &str, event: &AuditEntry) {
    row.text(&format!("{what}_By"), &event.actor);
    let at = event.recorded_at.to_offset(time::UtcOffset::UTC);
    row.cell(&format!("{what}_Date"), Cell::Date(Day::new(at.date())));
    row.text(&format!("{what}_Time"), &format!("{:02}{:02}", at.hour(), at.minute()));
}

fn digits(day: Day) -> String {
    day.to_string().replace('-', "")
}
