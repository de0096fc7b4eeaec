//! The languages of documents, and every text that they print.

use std::str::FromStr;

use ledger_core::rejection::{Code, Rejection};

/// The language of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
    /// French.
    French,
    /// Spanish.
    Spanish,
}

impl FromStr for Language {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        known(text).ok_or_else(|| {
            Rejection::at(
                Code::DocumentFormat,
                "language",
                format!("there is no language {text:?} of a document; there are en, de, fr, es"),
            )
        })
    }
}

impl Language {
    /// The languages.
    pub const ALL: [Self; 4] = [Self::English, Self::German, Self::French, Self::Spanish];

    /// The language of a customer's locale; English where there is none, or it is another one.
    pub fn of_locale(locale: Option<&str>) -> Self {
        locale.and_then(known).unwrap_or(Self::English)
    }

    /// The code of ISO 639.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
        }
    }

    /// The text.
    pub const fn text(self, word: Word) -> &'static str {
        let [english, german, french, spanish] = texts(word);
        match self {
            Self::English => english,
            Self::German => german,
            Self::French => french,
            Self::Spanish => spanish,
        }
    }
}

/// The language at the beginning of a locale such as `de-DE`.
fn known(locale: &str) -> Option<Language> {
    let language = locale.split(['-', '_', '.']).next().unwrap_or_default();
    Language::ALL.into_iter().find(|one| language.eq_ignore_ascii_case(one.code()))
}

/// A text of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is its English text in the table below")]
pub enum Word {
    Invoice,
    CreditNote,
    Date,
    DueDate,
    ServicePeriod,
    Order,
    CreditedInvoice,
    Reason,
    Customer,
    CustomerTaxId,
    TaxId,
    Registration,
    Position,
    Description,
    Quantity,
    UnitPrice,
    Tax,
    Net,
    Discount,
    TaxBreakdown,
    TaxAmount,
    TotalNet,
    TotalTax,
    Total,
    Prepaid,
    AmountDue,
    AmountCredited,
    PayBy,
    PaymentReference,
    Account,
    Bank,
    CreditTerms,
    ReverseCharge,
    ZeroRated,
    Exempt,
    NoTax,
    Page,
    Of,
    Item,
}

/// The text in English, German, French and Spanish.
const fn texts(word: Word) -> [&'static str; 4] {
    match word {
        Word::Invoice => ["Invoice", "Rechnung", "Facture", "Factura"],
        Word::CreditNote => ["Credit note", "Gutschrift", "Avoir", "Nota de crédito"],
        Word::Date => ["Date", "Datum", "Date", "Fecha"],
        Word::DueDate => ["Due date", "Fällig am", "Échéance", "Vencimiento"],
        Word::ServicePeriod => {
            ["Service period", "Leistungszeitraum", "Période de service", "Periodo de servicio"]
        }
        Word::Order => ["Order", "Auftrag", "Commande", "Pedido"],
        Word::CreditedInvoice => {
            ["Credited invoice", "Gutgeschriebene Rechnung", "Facture créditée", "Factura abonada"]
        }
        Word::Reason => ["Reason", "Grund", "Motif", "Motivo"],
        Word::Customer => ["Customer", "Kunde", "Client", "Cliente"],
        Word::CustomerTaxId => {
            ["Customer tax ID", "Steuernummer des Kunden", "N° fiscal du client", "NIF del cliente"]
        }
        Word::TaxId => ["Tax ID", "Steuernummer", "N° fiscal", "NIF"],
        Word::Registration => {
            ["Registration", "Registernummer", "Immatriculation", "Registro mercantil"]
        }
        Word::Position => ["No.", "Pos.", "N°", "N.º"],
        Word::Description => ["Description", "Beschreibung", "Désignation", "Descripción"],
        Word::Quantity => ["Quantity", "Menge", "Quantité", "Cantidad"],
        Word::UnitPrice => ["Unit price", "Einzelpreis", "Prix unitaire", "Precio unitario"],
        Word::Tax => ["Tax", "Steuer", "TVA", "IVA"],
        Word::Net => ["Net", "Netto", "HT", "Neto"],
        Word::Discount => ["Discount", "Rabatt", "Remise", "Descuento"],
        Word::TaxBreakdown => ["Tax by rate", "Steuer nach Satz", "TVA par taux", "IVA por tipo"],
        Word::TaxAmount => ["Tax amount", "Steuerbetrag", "Montant de TVA", "Cuota de IVA"],
        Word::TotalNet => ["Total net", "Summe netto", "Total HT", "Total neto"],
        Word::TotalTax => ["Total tax", "Summe Steuer", "Total TVA", "Total IVA"],
        Word::Total => ["Total", "Gesamtbetrag", "Total TTC", "Total"],
        Word::Prepaid => ["Already paid", "Bereits bezahlt", "Déjà réglé", "Ya pagado"],
        Word::AmountDue => ["Amount due", "Zu zahlen", "Net à payer", "Importe a pagar"],
        Word::AmountCredited => {
            ["Amount credited", "Gutgeschriebener Betrag", "Montant crédité", "Importe abonado"]
        }
        Word::PayBy => {
            ["Please pay by", "Bitte zahlen Sie bis zum", "À régler avant le", "Pagar antes del"]
        }
        Word::PaymentReference => {
            ["Payment reference", "Verwendungszweck", "Référence de paiement", "Referencia de pago"]
        }
        Word::Account => ["IBAN", "IBAN", "IBAN", "IBAN"],
        Word::Bank => ["BIC", "BIC", "BIC", "BIC"],
        Word::CreditTerms => [
            "The amount is credited to your account.",
            "Der Betrag wird Ihrem Konto gutgeschrieben.",
            "Le montant est porté au crédit de votre compte.",
            "El importe se abona en su cuenta.",
        ],
        Word::ReverseCharge => [
            "Reverse charge",
            "Steuerschuldnerschaft des Leistungsempfängers",
            "Autoliquidation",
            "Inversión del sujeto pasivo",
        ],
        Word::ZeroRated => ["Zero rated", "Nullsatz", "Taux zéro", "Tipo cero"],
        Word::Exempt => ["Exempt", "Steuerfrei", "Exonéré", "Exento"],
        Word::NoTax => ["No tax", "Ohne Steuer", "Sans TVA", "Sin IVA"],
        Word::Page => ["Page", "Seite", "Page", "Página"],
        Word::Of => ["of", "von", "sur", "de"],
        Word::Item => ["Item", "Position", "Article", "Artículo"],
    }
}
