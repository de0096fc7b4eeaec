//! The words of reminders, from one table for all languages.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::exit::{Exit, Failure};

/// The language of customers whose locale has none of the table's.
const DEFAULT: &str = "en";

/// The words of one language.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Language {
    /// With `{name}` for the customer's name.
    pub(crate) greeting: String,
    /// Invoice, due, days overdue, open.
    pub(crate) columns: [String; 4],
    /// The word before the sum.
    pub(crate) total: String,
    /// The last sentence.
    pub(crate) closing: String,
    /// By the notice of a stage.
    pub(crate) notices: BTreeMap<String, Notice>,
}

/// The words of one notice.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notice {
    /// The subject of the letter.
    pub(crate) subject: String,
    /// What it says above the invoices.
    pub(crate) text: String,
}

/// All languages by their ISO 639 codes.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Texts(BTreeMap<String, Language>);

impl Texts {
    /// The table that comes with the program.
    ///
    /// # Errors
    /// Where the table is not of the right shape, which is a fault of the program.
    pub(crate) fn read() -> Result<Self, Failure> {
        serde_yaml_ng::from_str(include_str!("texts.yaml")).map_err(|error| {
            Failure::new(Exit::Store, "notice.texts", "the table of texts cannot be read")
                .because(error)
        })
    }

    /// The words for a locale such as `de-DE`; English where the table does not have it.
    pub(crate) fn language(&self, locale: Option<&str>) -> Option<&Language> {
        let code = locale.and_then(|locale| locale.split(['-', '_']).next()).unwrap_or(DEFAULT);
        self.0.get(&code.to_ascii_lowercase()).or_else(|| self.0.get(DEFAULT))
    }
}

impl Language {
    /// The words of a notice.
    ///
    /// # Errors
    /// `notice.text_unknown`: a stage names a text that the table does not have. No other text
    /// stands in for it: it could say too little, or too much.
    pub(crate) fn notice(&self, id: &str) -> Result<&Notice, Failure> {
        self.notices.get(id).ok_or_else(|| {
            let known: Vec<&str> = self.notices.keys().map(String::as_str).collect();
            Failure::new(Exit::No, "notice.text_unknown", format!("there is no text {id:?}"))
                .because("a stage of a dunning policy names it as its notice")
                .help(format!(
                    "write these letters by hand, from `report reminders`; the texts are {}",
                    known.join(", ")
                ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Texts;

    #[test]
    fn every_language_has_every_text() {
        let texts = Texts::read().unwrap();
        let english: Vec<&String> = texts.0["en"].notices.keys().collect();
        assert_eq!(english, ["final_notice", "reminder", "second_reminder", "urgent_reminder"]);
        assert_eq!(texts.0.keys().collect::<Vec<_>>(), ["de", "en", "es", "fr"]);
        for (code, language) in &texts.0 {
            assert_eq!(language.notices.keys().collect::<Vec<_>>(), english, "{code}");
            assert!(language.greeting.contains("{name}"), "{code}");
        }
    }

    #[test]
    fn a_locale_chooses_its_language_and_english_stands_in_for_others() {
        let texts = Texts::read().unwrap();
        let total = |locale| texts.language(locale).unwrap().total.clone();
        assert_eq!(total(Some("de-AT")), "Summe");
        assert_eq!(total(Some("DE_de")), "Summe");
        assert_eq!(total(Some("ja-JP")), "Total");
        assert_eq!(total(None), "Total");
    }
}
