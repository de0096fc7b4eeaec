//! The document on A4 pages: letterhead, lines with a head on each page, tax, totals, terms.

use ledger_core::command::book::{Seller, TaxCategory};
use ledger_core::rejection::Rejection;

use self::paper::{Faces, HEIGHT, Mark, Page, WIDTH};
use crate::documents::format::{day, money, number, shortest};
use crate::documents::model::{Document, DocumentKind, DocumentLine, Taxed};
use crate::documents::words::{Language, Word};

pub(in crate::documents) mod paper;

const LEFT: i32 = 500;
const RIGHT: i32 = WIDTH - 500;
const TOP: i32 = 600;
/// Below it stands nothing but the page's number.
const BOTTOM: i32 = HEIGHT - 700;
const SMALL: i32 = 80;
const NORMAL: i32 = 90;
const LARGE: i32 = 180;
/// From one line of text to the next.
const LEADING: i32 = 125;
const DESCRIPTION: i32 = 780;
const DESCRIPTION_WIDTH: i32 = 2_000;
/// The right ends of quantity, unit price, tax and net.
const COLUMNS: [i32; 4] = [3_250, 4_000, 4_480, RIGHT];
const HEADS: [Word; 4] = [Word::Quantity, Word::UnitPrice, Word::Tax, Word::Net];

/// Writes the document.
pub(super) fn render(document: &Document, language: Language) -> Result<Vec<u8>, Rejection> {
    let faces = Faces::load()?;
    let pages = layout(document, language, &faces);
    let title = format!("{} {}", language.text(title(document)), document.number);
    paper::write(&pages, &faces, &title, language.code())
}

fn title(document: &Document) -> Word {
    match document.kind {
        DocumentKind::Invoice => Word::Invoice,
        DocumentKind::Credit => Word::CreditNote,
    }
}

/// The pages, each with its number.
fn layout(document: &Document, language: Language, faces: &Faces) -> Vec<Page> {
    let mut pen = Pen { faces, language, document, pages: Vec::new(), page: Page::new(), y: TOP };
    pen.letterhead();
    pen.dates();
    pen.table();
    pen.taxes();
    pen.totals();
    pen.terms();
    pen.numbered()
}

/// Writes from top to bottom, and turns the page.
struct Pen<'a> {
    faces: &'a Faces,
    language: Language,
    document: &'a Document,
    pages: Vec<Page>,
    page: Page,
    y: i32,
}

impl Pen<'_> {
    fn say(&self, word: Word) -> &'static str {
        self.language.text(word)
    }

    fn text(&mut self, x: i32, size: i32, is_bold: bool, text: &str) {
        let text = text.to_owned();
        self.page.push(Mark::Text { x, y: self.y, size, is_bold, text });
    }

    /// A text that ends at `x`.
    fn right(&mut self, x: i32, is_bold: bool, text: &str) {
        let width = self.faces.face(is_bold).width(text, NORMAL);
        self.text(x - width, NORMAL, is_bold, text);
    }

    fn rule(&mut self) {
        self.page.push(Mark::Rule { from: LEFT, to: RIGHT, y: self.y - LEADING / 2 - 30 });
    }

    fn down(&mut self, lines: i32) {
        self.y += LEADING * lines;
    }

    /// Turns the page where fewer lines than that are left on it.
    fn needs(&mut self, lines: i32) -> bool {
        let is_full = self.y + LEADING * lines > BOTTOM;
        if is_full {
            self.pages.push(std::mem::take(&mut self.page));
            self.y = TOP;
        }
        is_full
    }

    fn wrapped(&mut self, x: i32, is_bold: bool, text: &str, width: i32) {
        for line in self.faces.face(is_bold).wrap(text, NORMAL, width) {
            self.needs(1);
            self.text(x, NORMAL, is_bold, &line);
            self.down(1);
        }
    }

    fn letterhead(&mut self) {
        let document = self.document;
        let seller = &document.seller;
        self.wrapped(LEFT, true, &seller.name, RIGHT - LEFT);
        self.wrapped(LEFT, false, &contact(seller), RIGHT - LEFT);
        let numbers = [(Word::TaxId, &seller.tax_id), (Word::Registration, &seller.registration)];
        let numbers: Vec<String> = numbers
            .iter()
            .filter_map(|(word, text)| Some(format!("{} {}", self.say(*word), text.as_ref()?)))
            .collect();
        self.wrapped(LEFT, false, &numbers.join(" · "), RIGHT - LEFT);
        self.down(1);
        self.rule();
        self.down(1);
        let buyer = &document.buyer;
        self.wrapped(LEFT, true, &buyer.name, RIGHT - LEFT);
        for line in &buyer.address {
            self.wrapped(LEFT, false, line, RIGHT - LEFT);
        }
        if let Some(country) = &buyer.country {
            self.wrapped(LEFT, false, country, RIGHT - LEFT);
        }
        self.down(2);
        let title = format!("{} {}", self.say(title(document)), document.number);
        let lines = self.faces.face(true).wrap(&title, LARGE, RIGHT - LEFT);
        for line in lines {
            self.text(LEFT, LARGE, true, &line);
            self.down(2);
        }
    }

    fn dates(&mut self) {
        let (document, language) = (self.document, self.language);
        let mut rows = vec![(Word::Date, day(document.issued, language))];
        rows.extend(document.due.map(|due| (Word::DueDate, day(due, language))));
        rows.extend(document.service.map(|(start, end)| {
            (Word::ServicePeriod, format!("{} – {}", day(start, language), day(end, language)))
        }));
        rows.extend(document.order.as_ref().map(|order| (Word::Order, order.to_string())));
        rows.extend(document.credited.as_ref().map(|(invoice, issued)| {
            (Word::CreditedInvoice, format!("{invoice} ({})", day(*issued, language)))
        }));
        rows.extend(document.reason.clone().map(|reason| (Word::Reason, reason)));
        rows.push((Word::Customer, document.buyer.customer.to_string()));
        rows.extend(document.buyer.tax_id.clone().map(|id| (Word::CustomerTaxId, id)));
        for (word, text) in rows {
            self.needs(1);
            self.text(LEFT, NORMAL, false, self.say(word));
            self.wrapped(LEFT + 1_500, false, &text, RIGHT - LEFT - 1_500);
        }
        self.down(1);
    }

    fn table(&mut self) {
        self.needs(4);
        self.head();
        for (line, position) in self.document.lines.iter().zip(1_usize..) {
            self.line(line, position);
        }
        self.rule();
    }

    fn head(&mut self) {
        self.text(LEFT, NORMAL, true, self.say(Word::Position));
        self.text(DESCRIPTION, NORMAL, true, self.say(Word::Description));
        for (end, word) in COLUMNS.into_iter().zip(HEADS) {
            self.right(end, true, self.say(word));
        }
        self.down(1);
        self.rule();
    }

    fn line(&mut self, line: &DocumentLine, position: usize) {
        let language = self.language;
        let description = line.description.as_deref().unwrap_or(self.say(Word::Item));
        let face = self.faces.face(false);
        let mut texts: Vec<(String, i32)> = face
            .wrap(description, NORMAL, DESCRIPTION_WIDTH)
            .into_iter()
            .map(|text| (text, NORMAL))
            .collect();
        if let Some((start, end)) = line.service {
            texts.push((format!("{} – {}", day(start, language), day(end, language)), SMALL));
        }
        if let Some(discount) = line.discount {
            texts.push((
                format!("{} {}", self.say(Word::Discount), number(-discount, language)),
                SMALL,
            ));
        }
        if self.needs(i32::try_from(texts.len()).unwrap_or(1).clamp(1, 6)) {
            self.head();
        }
        self.text(LEFT, NORMAL, false, &position.to_string());
        let cells = [
            line.quantity.map(|quantity| shortest(quantity, language)),
            line.unit_price.map(|price| number(price, language)),
            line.taxed.rate.map(|rate| format!("{} %", shortest(rate, language))),
            Some(number(line.net, language)),
        ];
        for (end, cell) in COLUMNS.into_iter().zip(cells) {
            self.right(end, false, &cell.unwrap_or_default());
        }
        for (text, size) in texts {
            if self.needs(1) {
                self.head();
            }
            self.text(DESCRIPTION, size, false, &text);
            self.down(1);
        }
    }

    fn taxes(&mut self) {
        let (document, language) = (self.document, self.language);
        self.down(1);
        self.needs(3);
        self.text(LEFT, NORMAL, true, self.say(Word::TaxBreakdown));
        self.right(4_000, true, self.say(Word::Net));
        self.right(RIGHT, true, self.say(Word::TaxAmount));
        self.down(1);
        self.rule();
        for group in &document.taxes {
            self.needs(1);
            self.right(4_000, false, &number(group.net, language));
            self.right(RIGHT, false, &number(group.tax, language));
            self.wrapped(LEFT, false, &treatment(&group.taxed, language), 2_600);
        }
        self.down(1);
    }

    fn totals(&mut self) {
        let (document, language) = (self.document, self.language);
        let totals = document.totals;
        let due = match document.kind {
            DocumentKind::Invoice => Word::AmountDue,
            DocumentKind::Credit => Word::AmountCredited,
        };
        let mut rows = vec![
            (Word::TotalNet, totals.net, false),
            (Word::TotalTax, totals.tax, false),
            (Word::Total, totals.gross, true),
        ];
        if !totals.prepaid.is_zero() {
            rows.push((Word::Prepaid, -totals.prepaid, false));
        }
        rows.push((due, totals.due, true));
        self.needs(6);
        self.rule();
        for (word, amount, is_bold) in rows {
            self.text(3_000, NORMAL, is_bold, self.say(word));
            self.right(RIGHT, is_bold, &money(amount, document.currency, language));
            self.down(1);
        }
        self.down(1);
    }

    fn terms(&mut self) {
        let (document, language) = (self.document, self.language);
        self.needs(5);
        let Some(due) = document.due else {
            return self.wrapped(LEFT, false, self.say(Word::CreditTerms), RIGHT - LEFT);
        };
        if document.totals.due.is_positive() {
            let text = format!("{} {}.", self.say(Word::PayBy), day(due, language));
            self.wrapped(LEFT, false, &text, RIGHT - LEFT);
            let text = format!("{}: {}", self.say(Word::PaymentReference), document.number);
            self.wrapped(LEFT, false, &text, RIGHT - LEFT);
        }
        for (word, text) in
            [(Word::Account, &document.seller.iban), (Word::Bank, &document.seller.bic)]
        {
            if let Some(text) = text {
                self.wrapped(LEFT, false, &format!("{} {text}", self.say(word)), RIGHT - LEFT);
            }
        }
    }

    /// The pages with "page n of m" on each.
    fn numbered(mut self) -> Vec<Page> {
        self.pages.push(std::mem::take(&mut self.page));
        let count = self.pages.len();
        let mut pages = std::mem::take(&mut self.pages);
        for (page, index) in pages.iter_mut().zip(1_usize..) {
            let text = format!("{} {index} {} {count}", self.say(Word::Page), self.say(Word::Of));
            let x = RIGHT - self.faces.face(false).width(&text, SMALL);
            page.push(Mark::Text { x, y: HEIGHT - 450, size: SMALL, is_bold: false, text });
        }
        pages
    }
}

/// Address and e-mail in one line.
fn contact(seller: &Seller) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some(address) = &seller.address {
        let place = [address.postal_code.as_deref(), address.city.as_deref()];
        let place: Vec<&str> = place.into_iter().flatten().collect();
        parts.extend(address.street.clone());
        parts.extend((!place.is_empty()).then(|| place.join(" ")));
        parts.push(address.country.clone());
    }
    parts.extend(seller.email.clone());
    parts.join(" · ")
}

/// The rate, and why where it is zero.
fn treatment(taxed: &Taxed, language: Language) -> String {
    let rate = taxed.rate.map(|rate| format!("{} %", shortest(rate, language)));
    let Some(treatment) = &taxed.treatment else {
        return language.text(Word::NoTax).to_owned();
    };
    let why = match treatment.category {
        TaxCategory::S => None,
        TaxCategory::Z => Some(Word::ZeroRated),
        TaxCategory::E => Some(Word::Exempt),
        TaxCategory::ReverseCharge => Some(Word::ReverseCharge),
    };
    let why = why.map(|word| language.text(word).to_owned());
    let parts = [rate, why, treatment.exemption_reason.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
