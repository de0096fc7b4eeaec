//! The printed document of an invoice or a credit, from the views.

use commands::documents::model::Document;
use commands::documents::words::Language;
use ledger_core::money::Amount;
use ledger_core::rejection::{Code, Rejection};
use projections::facts::Settles;
use projections::views::{CreditFact, InvoiceFact, Views};

/// The document of that id, and its language: the one that is named, else the customer's.
///
/// # Errors
/// Where there is none, or it cannot be printed.
pub(crate) fn document(
    views: &Views,
    id: &str,
    language: Option<&str>,
) -> Result<(Document, Language), Rejection> {
    let receivables = &views.receivables;
    let invoice = receivables.invoices.iter().find(|(name, _)| name.as_str() == id);
    let credit = receivables.credits.iter().find(|(name, _)| name.as_str() == id);
    let (document, customer) = match (invoice, credit) {
        (Some((_, fact)), None) => (of_invoice(views, fact)?, &fact.issued.customer),
        (None, Some((_, fact))) => (of_credit(views, fact)?, &fact.issued.customer),
        (Some(_), Some(_)) => {
            let message = format!("{id} is an invoice and a credit; only one can be printed");
            return Err(Rejection::new(Code::DocumentAmbiguous, message));
        }
        (None, None) => {
            let message = format!(
                "there is no invoice and no credit {id}; `revledger report billing` lists invoices"
            );
            return Err(Rejection::new(Code::DocumentUnknown, message));
        }
    };
    let locale = views.customers.get(customer).and_then(|one| one.locale.as_deref());
    let language = match language {
        Some(named) => named.parse()?,
        None => Language::of_locale(locale),
    };
    Ok((document, language))
}

fn of_invoice(views: &Views, fact: &InvoiceFact) -> Result<Document, Rejection> {
    let issued = &fact.issued;
    let (book, customer) = parties(views, &issued.customer)?;
    // What was paid later is no part of the document, which stays as it was sent.
    let prepaid: Amount = fact
        .settlements
        .iter()
        .filter(|one| one.effective <= issued.issued)
        .filter(|one| matches!(one.kind, Settles::Payment | Settles::Credit))
        .map(|one| one.amount)
        .sum();
    Document::of_invoice(book, customer, issued, prepaid)
}

fn of_credit(views: &Views, fact: &CreditFact) -> Result<Document, Rejection> {
    let (book, customer) = parties(views, &fact.issued.customer)?;
    let rows = views.audit_trail.rows();
    // Its own date, also where it is posted later because the period was closed.
    let row = rows.binary_search_by_key(&fact.sequence, |row| row.sequence).ok();
    let day = row.and_then(|at| rows.get(at)).map_or(fact.effective, |row| row.effective);
    let credited = fact.issued.invoice.as_ref();
    let invoice = credited.and_then(|id| views.receivables.invoices.get(id));
    let invoice = invoice.map(|invoice| &invoice.issued);
    Document::of_credit(book, customer, &fact.issued, day, invoice)
}

type Parties<'a> = (
    &'a ledger_core::event::book::BookOpened,
    &'a ledger_core::event::customer::CustomerRegistered,
);

fn parties<'a>(
    views: &'a Views,
    customer: &ledger_core::id::Identifier,
) -> Result<Parties<'a>, Rejection> {
    let book = views
        .book
        .as_ref()
        .ok_or_else(|| Rejection::new(Code::BookNotOpen, "the book was not opened yet"))?;
    let known = views.customers.get(customer).ok_or_else(|| {
        Rejection::new(Code::CustomerUnknown, format!("there is no customer {customer}"))
    })?;
    Ok((book, known))
}
