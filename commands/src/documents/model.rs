//! The printed document: what an invoice or a credit note says, before any layout or syntax.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::command::book::{Seller, TaxCategory, TaxTreatment};
use ledger_core::event::book::BookOpened;
use ledger_core::event::credit::{CreditIssued, CreditedLine};
use ledger_core::event::customer::CustomerRegistered;
use ledger_core::event::invoice::{InvoiceIssued, IssuedLine};
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::rejection::{Code, Rejection};

/// Which document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// An invoice.
    Invoice,
    /// A credit note.
    Credit,
}

/// An invoice or a credit note as it is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Which document it is.
    pub kind: DocumentKind,
    /// The number that it carries: its id.
    pub number: Identifier,
    /// Currency of all its money.
    pub currency: Currency,
    /// The date of issue.
    pub issued: Day,
    /// When an invoice is due.
    pub due: Option<Day>,
    /// From the first to the last day of service of all lines.
    pub service: Option<(Day, Day)>,
    /// The order that it bills.
    pub order: Option<Identifier>,
    /// The invoice that a credit note credits, and its date.
    pub credited: Option<(Identifier, Day)>,
    /// Why a credit was given.
    pub reason: Option<String>,
    /// Who issues it.
    pub seller: Seller,
    /// Who gets it.
    pub buyer: Buyer,
    /// What it is about.
    pub lines: Vec<DocumentLine>,
    /// Tax by treatment and rate; the sums are those of the lines.
    pub taxes: Vec<TaxGroup>,
    /// What it comes to.
    pub totals: Totals,
}

/// The customer, as registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buyer {
    /// The customer's id.
    pub customer: Identifier,
    /// The name.
    pub name: String,
    /// The postal address, line by line.
    pub address: Vec<String>,
    /// ISO 3166 alpha-2 code of the country.
    pub country: Option<String>,
    /// Tax number.
    pub tax_id: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentLine {
    /// The line's id within the document.
    pub id: String,
    /// What it is.
    pub description: Option<String>,
    /// Units.
    pub quantity: Option<Amount>,
    /// Price of a unit, where the line's net is made of it.
    pub unit_price: Option<Amount>,
    /// Taken off before tax, where the line's net is made of a unit price.
    pub discount: Option<Amount>,
    /// After discounts, before tax.
    pub net: Amount,
    /// Its share of the tax.
    pub tax: Amount,
    /// How it is taxed.
    pub taxed: Taxed,
    /// First and last day of service.
    pub service: Option<(Day, Day)>,
}

/// How a line is taxed: lines with the same go into one group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taxed {
    /// Why it is taxed as it is; none where nothing was said about tax.
    pub treatment: Option<TaxTreatment>,
    /// Percent, with no more decimals than it needs; none where only an amount is known.
    pub rate: Option<Amount>,
}

/// The tax of all lines that are taxed alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxGroup {
    /// How.
    pub taxed: Taxed,
    /// The lines' net amounts.
    pub net: Amount,
    /// The lines' tax.
    pub tax: Amount,
}

/// What a document comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Before tax.
    pub net: Amount,
    /// Tax.
    pub tax: Amount,
    /// Net and tax.
    pub gross: Amount,
    /// What had settled it by its date of issue.
    pub prepaid: Amount,
    /// Gross less prepaid.
    pub due: Amount,
}

impl Document {
    /// An invoice as it was issued, of which `prepaid` was settled by its date.
    ///
    /// # Errors
    /// `document.seller_missing` where the book does not say who sells.
    pub fn of_invoice(
        book: &BookOpened,
        customer: &CustomerRegistered,
        invoice: &InvoiceIssued,
        prepaid: Amount,
    ) -> Result<Self, Rejection> {
        let currency = invoice.currency;
        let lines: Vec<DocumentLine> =
            invoice.lines.iter().map(|line| invoice_line(line, currency, invoice)).collect();
        let gross = invoice.total;
        let prepaid = currency.zero() + prepaid;
        Ok(Self {
            kind: DocumentKind::Invoice,
            number: invoice.invoice.clone(),
            currency,
            issued: invoice.issued,
            due: Some(invoice.due),
            service: service(&lines),
            order: invoice.order.clone(),
            credited: None,
            reason: None,
            seller: seller(book)?,
            buyer: buyer(customer),
            taxes: groups(&lines, currency),
            lines,
            totals: Totals {
                net: invoice.net,
                tax: invoice.tax,
                gross,
                prepaid,
                due: gross - prepaid,
            },
        })
    }

    /// A credit as it was issued on a day; `invoice` is the one that it credits.
    ///
    /// # Errors
    /// `document.seller_missing` where the book does not say who sells.
    pub fn of_credit(
        book: &BookOpened,
        customer: &CustomerRegistered,
        credit: &CreditIssued,
        issued: Day,
        invoice: Option<&InvoiceIssued>,
    ) -> Result<Self, Rejection> {
        let lines: Vec<DocumentLine> = credit
            .lines
            .iter()
            .zip(1_usize..)
            .map(|(line, number)| credit_line(line, number, invoice))
            .collect();
        let zero = credit.currency.zero();
        Ok(Self {
            kind: DocumentKind::Credit,
            number: credit.credit.clone(),
            currency: credit.currency,
            issued,
            due: None,
            service: service(&lines),
            order: invoice.and_then(|invoice| invoice.order.clone()),
            credited: invoice.map(|invoice| (invoice.invoice.clone(), invoice.issued)),
            reason: credit.reason.clone(),
            seller: seller(book)?,
            buyer: buyer(customer),
            taxes: groups(&lines, credit.currency),
            lines,
            totals: Totals {
                net: zero + credit.net,
                tax: zero + credit.tax,
                gross: zero + credit.total,
                prepaid: zero,
                due: zero + credit.total,
            },
        })
    }
}

fn seller(book: &BookOpened) -> Result<Seller, Rejection> {
    book.seller.clone().ok_or_else(|| {
        Rejection::at(
            Code::DocumentSellerMissing,
            "seller",
            format!(
                "the book {} does not say who sells, and a document has to; give OpenBook the \
                 field \"seller\": {{\"name\", \"address\": {{\"street\", \"city\", \
                 \"postal_code\", \"country\"}}, \"tax_id\", \"email\", \"iban\", \"bic\", \
                 \"registration\"}} when the book is opened",
                book.book
            ),
        )
    })
}

fn buyer(customer: &CustomerRegistered) -> Buyer {
    let address = customer.address.as_deref().unwrap_or_default();
    Buyer {
        customer: customer.customer.clone(),
        name: customer.name.clone(),
        address: address
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect(),
        country: customer.country.as_ref().map(|country| country.trim().to_uppercase()),
        tax_id: customer.tax_id.clone(),
        email: customer.email.clone(),
    }
}

fn invoice_line(line: &IssuedLine, currency: Currency, invoice: &InvoiceIssued) -> DocumentLine {
    // With inclusive tax the price contains it, and a net amount is not made of it.
    let rounding = if invoice.policy.get("rounding").is_some_and(|word| word == "half_up") {
        ledger_core::money::Rounding::HalfUp
    } else {
        ledger_core::money::Rounding::HalfEven
    };
    let discount = line.discount.unwrap_or(currency.zero());
    let is_made_of = |price: &Amount| {
        let quantity = line.quantity.map_or(rust_decimal::Decimal::ONE, Amount::decimal);
        let product = price.decimal().checked_mul(quantity);
        product.is_some_and(|exact| currency.round(exact, rounding) - discount == line.net)
    };
    let unit_price = line.unit_price.filter(is_made_of);
    let is_explained = unit_price.is_some() || line.unit_price.is_none();
    DocumentLine {
        id: line.line.to_string(),
        description: line.description.clone(),
        quantity: line.quantity,
        unit_price,
        discount: line.discount.filter(|discount| is_explained && !discount.is_zero()),
        net: line.net,
        tax: line.tax,
        taxed: taxed(line),
        service: line.service_start.zip(line.service_end),
    }
}

fn credit_line(
    line: &CreditedLine,
    number: usize,
    invoice: Option<&InvoiceIssued>,
) -> DocumentLine {
    let billed = line.invoice_line.as_ref().and_then(|id| {
        let lines = invoice.map(|invoice| invoice.lines.as_slice()).unwrap_or_default();
        lines.iter().find(|billed| billed.line == *id)
    });
    DocumentLine {
        id: number.to_string(),
        description: line
            .description
            .clone()
            .or_else(|| billed.and_then(|billed| billed.description.clone())),
        quantity: None,
        unit_price: None,
        discount: None,
        net: line.net,
        tax: line.tax,
        taxed: billed.map_or(Taxed { treatment: None, rate: None }, taxed),
        service: billed.and_then(|billed| billed.service_start.zip(billed.service_end)),
    }
}

/// What was decided about a line's tax; by its rate where only that was said.
fn taxed(line: &IssuedLine) -> Taxed {
    let normal = |rate: Amount| Amount::from_decimal(rate.decimal().normalize());
    let rate = line.tax_rate.map(normal);
    let by_rate = || {
        let category = if rate?.is_positive() { TaxCategory::S } else { TaxCategory::Z };
        Some(TaxTreatment { category, exemption_reason: None })
    };
    Taxed { treatment: line.tax_treatment.clone().or_else(by_rate), rate }
}

fn service(lines: &[DocumentLine]) -> Option<(Day, Day)> {
    let dates = || lines.iter().filter_map(|line| line.service);
    let first = dates().map(|(start, _)| start).min()?;
    let last = dates().map(|(_, end)| end).max()?;
    Some((first, last))
}

fn groups(lines: &[DocumentLine], currency: Currency) -> Vec<TaxGroup> {
    let mut sums: BTreeMap<&Taxed, (Amount, Amount)> = BTreeMap::new();
    for line in lines {
        let sum = sums.entry(&line.taxed).or_insert((currency.zero(), currency.zero()));
        sum.0 += line.net;
        sum.1 += line.tax;
    }
    sums.into_iter()
        .map(|(taxed, (net, tax))| TaxGroup { taxed: taxed.clone(), net, tax })
        .collect()
}
