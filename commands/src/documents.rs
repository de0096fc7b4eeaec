//! Invoices and credit notes as documents: one model, printed as PDF and written as UBL.

use std::str::FromStr;

use ledger_core::rejection::{Code, Rejection};

pub mod format;
pub mod model;
mod pdf;
#[cfg(test)]
mod tests;
#[cfg(feature = "einvoice")]
mod ubl;
pub mod words;

use self::model::Document;
use self::words::Language;

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentFormat {
    /// For people.
    Pdf,
    /// UBL 2.1 of EN 16931, for machines.
    Ubl,
}

impl FromStr for DocumentFormat {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        match text {
            "pdf" => Ok(Self::Pdf),
            "ubl" | "xml" => Ok(Self::Ubl),
            other => Err(Rejection::at(
                Code::DocumentFormat,
                "format",
                format!("there is no format {other:?} of a document; there are pdf and ubl"),
            )),
        }
    }
}

/// Writes the document, the same bytes each time.
///
/// # Errors
/// Where it lacks what the format demands (`document.incomplete`), or cannot be said in it
/// (`document.not_representable`).
pub fn render(
    document: &Document,
    format: DocumentFormat,
    language: Language,
) -> Result<Vec<u8>, Rejection> {
    match format {
        DocumentFormat::Pdf => pdf::render(document, language),
        DocumentFormat::Ubl => ubl(document, language),
    }
}

#[cfg(feature = "einvoice")]
fn ubl(document: &Document, language: Language) -> Result<Vec<u8>, Rejection> {
    ubl::render(document, language)
}

#[cfg(not(feature = "einvoice"))]
fn ubl(_: &Document, _: Language) -> Result<Vec<u8>, Rejection> {
    Err(Rejection::at(
        Code::DocumentFormat,
        "format",
        "this build has no UBL; build it with the feature einvoice, or take pdf",
    ))
}
