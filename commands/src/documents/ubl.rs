//! The document as UBL 2.1 of EN 16931, checked against the standard's rules before it is given.

use en16931::invoice::{
    Contact, CreditTransfer, LineAllowanceCharge, LineVat, Party, PaymentInstructions,
    PaymentMeans, Period, PostalAddress, PrecedingInvoice, PriceDetails, VatBreakdown,
};
use en16931::{
    Date, DocumentReference, En16931, Identifier, Invoice, InvoiceAmount, InvoiceLine, Percentage,
    Quantity, UnitPriceAmount, Validated,
};
use en16931_formats::Syntax;
use ledger_core::calendar::Day;
use ledger_core::command::book::TaxCategory;
use ledger_core::money::Amount;
use ledger_core::rejection::{Code, Rejection};
use rust_decimal::Decimal;

use crate::documents::model::{Document, DocumentKind, DocumentLine, TaxGroup, Taxed};
use crate::documents::words::{Language, Word};

const SPECIFICATION: &str = "urn:cen.eu:en16931:2017";
/// "One", of the units of UN/ECE Recommendation 20.
const UNIT: &str = "C62";

/// Writes the document.
///
/// # Errors
/// `document.incomplete` where it lacks what the standard demands; `document.not_representable`
/// where it cannot be said.
pub(super) fn render(document: &Document, language: Language) -> Result<Vec<u8>, Rejection> {
    let invoice = model(document, language)?;
    let proof: Validated<En16931> = Validated::new(invoice).map_err(|rejected| {
        let (_, report) = rejected.into_parts();
        let broken: Vec<String> =
            report.fatal().map(|found| format!("{} at {}", found.rule, found.path)).collect();
        not_representable(format!("it would break rules of EN 16931: {}", broken.join(", ")))
    })?;
    Ok(en16931_formats::write(&proof, Syntax::Ubl).xml.into_bytes())
}

/// What is missing by the standard's name, and how it is given.
fn incomplete(term: &str, what: &str, how: &str) -> Rejection {
    let message = format!("EN 16931 demands {what} ({term}), which is missing; {how}");
    Rejection::at(Code::DocumentIncomplete, term, message)
}

fn not_representable(why: String) -> Rejection {
    Rejection::new(
        Code::DocumentNotRepresentable,
        format!("the document cannot be written as EN 16931: {why}; take the format pdf"),
    )
}

fn model(document: &Document, language: Language) -> Result<Invoice, Rejection> {
    let type_code = match document.kind {
        DocumentKind::Invoice => "380",
        DocumentKind::Credit => "381",
    };
    let (number, currency) = (document.number.as_str(), document.currency.code());
    let issued = date(document.issued)?;
    let mut builder = Invoice::builder(SPECIFICATION, number, issued, type_code, currency)
        .seller(seller(document)?)
        .buyer(buyer(document)?);
    if document.kind == DocumentKind::Credit {
        builder = builder.credit_note();
    }
    for line in &document.lines {
        builder = builder.line(invoice_line(line, language)?);
    }
    let mut invoice = builder.build();
    invoice.due_date = document.due.map(date).transpose()?;
    invoice.invoicing_period = document.service.map(period).transpose()?;
    if let Some(reason) = &document.reason {
        invoice.notes.push(en16931::InvoiceNote::new(reason));
    }
    if let Some((credited, issued)) = &document.credited {
        invoice.preceding_invoices.push(PrecedingInvoice {
            reference: DocumentReference::new(credited.as_str()),
            issue_date: Some(date(*issued)?),
        });
    }
    if document.kind == DocumentKind::Invoice {
        invoice.payment = payment(document);
    }
    for group in &document.taxes {
        invoice.vat_breakdown.push(breakdown(group, language)?);
    }
    let totals = &document.totals;
    invoice.totals.line_total = amount(totals.net)?;
    invoice.totals.taxable_total = amount(totals.net)?;
    invoice.totals.vat_total = Some(amount(totals.tax)?);
    invoice.totals.gross_total = amount(totals.gross)?;
    invoice.totals.paid =
        if totals.prepaid.is_zero() { None } else { Some(amount(totals.prepaid)?) };
    invoice.totals.due = amount(totals.due)?;
    Ok(invoice)
}

fn seller(document: &Document) -> Result<Party, Rejection> {
    let seller = &document.seller;
    let give = |field: &str| format!("open the book with \"seller\": {{\"{field}\": …}}");
    let address = seller
        .address
        .as_ref()
        .ok_or_else(|| incomplete("BT-40", "the seller's country", &give("address")))?;
    let (vat, other) = split_tax_id(seller.tax_id.as_deref());
    let is_taxed = document.lines.iter().any(|line| line.taxed.treatment.is_some());
    if is_taxed && seller.tax_id.is_none() {
        return Err(incomplete("BT-31", "the seller's VAT number", &give("tax_id")));
    }
    if vat.is_none() && seller.registration.is_none() {
        let what = "the seller's VAT number with the prefix of its country, or its registration";
        return Err(incomplete("BT-31", what, &give("registration")));
    }
    let mut party = Party::new(
        seller.name.as_str(),
        PostalAddress {
            line1: address.street.clone(),
            city: address.city.clone(),
            post_code: address.postal_code.clone(),
            country: Some(country("BT-40", &address.country, &give("address"))?),
            ..PostalAddress::default()
        },
    );
    party.vat_identifier = vat;
    party.tax_registration = other;
    party.legal_registration = seller.registration.as_deref().map(Identifier::new);
    party.contact = Contact { name: None, phone: None, email: seller.email.clone() };
    party.electronic_address =
        seller.email.as_deref().map(|email| Identifier::schemed(email, "EM"));
    Ok(party)
}

fn buyer(document: &Document) -> Result<Party, Rejection> {
    let buyer = &document.buyer;
    let give = |field: &str| format!("register the customer {} with \"{field}\"", buyer.customer);
    let code = buyer
        .country
        .as_deref()
        .ok_or_else(|| incomplete("BT-55", "the buyer's country", &give("country")))?;
    let mut lines = buyer.address.iter();
    let (line1, line2) = (lines.next().cloned(), lines.next().cloned());
    let rest: Vec<&str> = lines.map(String::as_str).collect();
    let mut party = Party::new(
        buyer.name.as_str(),
        PostalAddress {
            line1,
            line2,
            line3: (!rest.is_empty()).then(|| rest.join(", ")),
            country: Some(country("BT-55", code, &give("country"))?),
            ..PostalAddress::default()
        },
    );
    let (vat, other) = split_tax_id(buyer.tax_id.as_deref());
    let is_reversed = document.lines.iter().any(|line| {
        line.taxed.treatment.as_ref().is_some_and(|one| one.category == TaxCategory::ReverseCharge)
    });
    if is_reversed && vat.is_none() {
        let what = "the buyer's VAT number with the prefix of its country, for reverse charge";
        return Err(incomplete("BT-48", what, &give("tax_id")));
    }
    party.vat_identifier = vat;
    party.identifiers.extend(other.map(Identifier::new));
    party.electronic_address = buyer.email.as_deref().map(|email| Identifier::schemed(email, "EM"));
    Ok(party)
}

/// A VAT number with the prefix of a country, or another number of the tax office.
fn split_tax_id(tax_id: Option<&str>) -> (Option<String>, Option<String>) {
    let Some(id) = tax_id.map(str::trim).filter(|id| !id.is_empty()) else { return (None, None) };
    let prefix = id.get(..2).unwrap_or_default().to_uppercase();
    let is_vat = prefix == "EL" || en16931::codes::guard::country(&prefix).is_ok();
    if is_vat { (Some(id.to_owned()), None) } else { (None, Some(id.to_owned())) }
}

fn country(term: &str, code: &str, how: &str) -> Result<en16931::invoice::Code, Rejection> {
    en16931::codes::guard::country(code).map_err(|_| {
        incomplete(term, &format!("a country of ISO 3166 such as DE instead of {code:?}"), how)
    })
}

fn payment(document: &Document) -> Option<PaymentInstructions> {
    let iban = document.seller.iban.as_ref()?;
    let transfer = CreditTransfer {
        account_identifier: Some(iban.replace(' ', "")),
        account_name: None,
        provider_identifier: document.seller.bic.clone(),
    };
    // 58 is a SEPA credit transfer, which is always in euro; 30 is any other.
    let means = if document.currency.code() == "EUR" { "58" } else { "30" };
    Some(PaymentInstructions {
        means_code: Some(en16931::invoice::Code::new(means)),
        means_text: None,
        remittance_information: Some(document.number.to_string()),
        means: Some(PaymentMeans::CreditTransfer(vec![transfer])),
    })
}

fn invoice_line(line: &DocumentLine, language: Language) -> Result<InvoiceLine, Rejection> {
    let (category, rate) = vat(&line.taxed, &line.id)?;
    let name = line.description.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let name = name.unwrap_or(language.text(Word::Item));
    let net = amount(line.net)?;
    let (quantity, price) = price(line);
    let mut written = InvoiceLine::new(
        line.id.as_str(),
        name,
        Quantity::new(quantity),
        UNIT,
        net,
        category,
        Some(rate),
    )
    .with_price(price);
    written.period = line.service.map(period).transpose()?;
    if let Some(discount) = line.discount {
        written.allowances.push(LineAllowanceCharge {
            amount: amount(discount)?,
            base_amount: None,
            percentage: None,
            reason: Some(language.text(Word::Discount).to_owned()),
            reason_code: None,
        });
    }
    Ok(written)
}

/// Quantity and price of which the line's net is exactly made. A price is never negative: what is
/// given back has a negative quantity.
fn price(line: &DocumentLine) -> (Decimal, PriceDetails) {
    let gross = (line.net + line.discount.unwrap_or_default()).decimal();
    let quantity = line.quantity.map_or(Decimal::ONE, Amount::decimal);
    if let Some(unit_price) = line.unit_price.map(Amount::decimal) {
        let sign = if unit_price.is_sign_negative() { -Decimal::ONE } else { Decimal::ONE };
        let net_price = UnitPriceAmount::new(unit_price.abs().normalize());
        return (
            (quantity * sign).normalize(),
            PriceDetails { net_price, ..PriceDetails::default() },
        );
    }
    // The price of all units together, so that no quotient has to be rounded.
    let size = if quantity.is_zero() { Decimal::ONE } else { quantity.abs().normalize() };
    let signed = if gross.is_sign_negative() { -size } else { size };
    let price = PriceDetails {
        net_price: UnitPriceAmount::new(gross.abs()),
        base_quantity: (size != Decimal::ONE).then_some(Quantity::new(size)),
        base_quantity_code: (size != Decimal::ONE).then_some(en16931::invoice::Code::new(UNIT)),
        ..PriceDetails::default()
    };
    (signed, price)
}

/// Category and rate of a line or group.
fn vat(taxed: &Taxed, line: &str) -> Result<(&'static str, Percentage), Rejection> {
    let treatment = taxed.treatment.as_ref().ok_or_else(|| {
        incomplete(
            "BT-151",
            &format!("why line {line} is taxed or not"),
            "bill it with a tax_code or a tax_rate (\"0\" is zero rated), and credit it by the \
             invoice's line",
        )
    })?;
    let rate = taxed.rate.unwrap_or_default().decimal();
    Ok((treatment.category.code(), Percentage::new(rate)))
}

fn breakdown(group: &TaxGroup, language: Language) -> Result<VatBreakdown, Rejection> {
    let (category, rate) = vat(&group.taxed, "")?;
    let treatment = group.taxed.treatment.as_ref();
    let is_reversed = category == TaxCategory::ReverseCharge.code();
    let reason = treatment.and_then(|one| one.exemption_reason.clone());
    let reason =
        reason.or_else(|| is_reversed.then(|| language.text(Word::ReverseCharge).to_owned()));
    let LineVat { category, rate } = LineVat { category: category.into(), rate: Some(rate) };
    Ok(VatBreakdown {
        taxable_amount: amount(group.net)?,
        tax_amount: amount(group.tax)?,
        category,
        rate,
        exemption_reason: reason,
        exemption_reason_code: is_reversed.then(|| en16931::invoice::Code::new("VATEX-EU-AE")),
    })
}

fn period((start, end): (Day, Day)) -> Result<Period, Rejection> {
    Ok(Period { start: Some(date(start)?), end: Some(date(end)?) })
}

fn date(day: Day) -> Result<Date, Rejection> {
    Date::parse(&day.to_string()).map_err(|error| not_representable(format!("{day}: {error}")))
}

fn amount(amount: Amount) -> Result<InvoiceAmount, Rejection> {
    InvoiceAmount::from_decimal_exact(amount.decimal())
        .map_err(|error| not_representable(format!("{amount}: {error}")))
}
