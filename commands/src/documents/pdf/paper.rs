//! Pages of text and rules in tenths of a point, and how they become a PDF.

use krilla::Document as Pdf;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::text::{Font, GlyphId, KrillaGlyph};
use ledger_core::rejection::{Code, Rejection};
use skrifa::raw::TableProvider;
use skrifa::{FontRef, MetadataProvider};

const REGULAR: &[u8] = include_bytes!("../fonts/DejaVuSansCondensed.ttf");
const BOLD: &[u8] = include_bytes!("../fonts/DejaVuSansCondensed-Bold.ttf");

/// A4, upright.
pub(super) const WIDTH: i32 = 5_953;
/// Its height.
pub(super) const HEIGHT: i32 = 8_419;
/// The thickness of a rule.
const RULE: i32 = 5;

/// What stands on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::documents) enum Mark {
    /// A text, from its left end.
    Text { x: i32, y: i32, size: i32, is_bold: bool, text: String },
    /// A line across.
    Rule { from: i32, to: i32, y: i32 },
}

/// The marks of a page.
pub(in crate::documents) type Page = Vec<Mark>;

/// A face of the font.
pub(super) struct Face {
    font: FontRef<'static>,
    shown: Font,
    units: i32,
}

/// The two faces.
pub(super) struct Faces {
    regular: Face,
    bold: Face,
}

impl Faces {
    /// Reads them.
    pub(super) fn load() -> Result<Self, Rejection> {
        Ok(Self { regular: Face::read(REGULAR)?, bold: Face::read(BOLD)? })
    }

    /// One of them.
    pub(super) fn face(&self, is_bold: bool) -> &Face {
        if is_bold { &self.bold } else { &self.regular }
    }
}

impl Face {
    fn read(bytes: &'static [u8]) -> Result<Self, Rejection> {
        let unreadable = || failed("the font of the program cannot be read");
        let font = FontRef::new(bytes).map_err(|_| unreadable())?;
        let units = i32::from(font.head().map_err(|_| unreadable())?.units_per_em());
        let shown = Font::new(bytes.into(), 0).ok_or_else(unreadable)?;
        Ok(Self { font, shown, units: units.max(1) })
    }

    /// The glyph of a character, and its width in the font's units.
    fn glyph(&self, letter: char) -> (u32, i32) {
        let glyph = self.font.charmap().map(letter).unwrap_or_default();
        let advance = self.font.hmtx().ok().and_then(|table| table.advance(glyph));
        (glyph.to_u32(), i32::from(advance.unwrap_or(0)))
    }

    /// How wide a text is.
    pub(super) fn width(&self, text: &str, size: i32) -> i32 {
        let units: i32 = text.chars().map(|letter| self.glyph(letter).1).sum();
        units.saturating_mul(size) / self.units
    }

    /// The text in lines of at most that width.
    pub(super) fn wrap(&self, text: &str, size: i32, width: i32) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split([' ', '\n', '\t']).filter(|word| !word.is_empty()) {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(&longer, size) <= width {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            // A word that is too long for a line is broken where the line ends.
            for letter in word.chars() {
                line.push(letter);
                if self.width(&line, size) > width && line.chars().count() > 1 {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, letter.to_string()));
                }
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }

    fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
        let glyph = |(at, letter): (usize, char)| {
            let (id, advance) = self.glyph(letter);
            let range = at..at + letter.len_utf8();
            let advance = ratio(advance, self.units);
            KrillaGlyph::new(GlyphId::new(id), advance, 0.0, 0.0, 0.0, range, None)
        };
        text.char_indices().map(glyph).collect()
    }
}

/// Writes the pages; no clock is asked, so that the same pages are the same bytes.
pub(super) fn write(
    pages: &[Page],
    faces: &Faces,
    title: &str,
    language: &str,
) -> Result<Vec<u8>, Rejection> {
    let mut pdf = Pdf::new();
    for marks in pages {
        let size = PageSettings::from_wh(ratio(WIDTH, 10), ratio(HEIGHT, 10))
            .ok_or_else(|| failed("a page has no size"))?;
        let mut page = pdf.start_page_with(size);
        let mut surface = page.surface();
        surface.set_fill(Some(Fill { rule: FillRule::NonZero, ..Fill::default() }));
        for mark in marks {
            match mark {
                Mark::Text { x, y, size, is_bold, text } => {
                    let face = faces.face(*is_bold);
                    let start = Point::from_xy(ratio(*x, 10), ratio(*y, 10));
                    let (glyphs, size) = (face.glyphs(text), ratio(*size, 10));
                    surface.draw_glyphs(start, &glyphs, face.shown.clone(), text, size, false);
                }
                Mark::Rule { from, to, y } => {
                    let (left, top) = (ratio(*from, 10), ratio(*y, 10));
                    let (width, height) = (ratio(to - from, 10), ratio(RULE, 10));
                    let mut path = PathBuilder::new();
                    path.push_rect(
                        Rect::from_xywh(left, top, width, height)
                            .ok_or_else(|| failed("a rule has no length"))?,
                    );
                    let path = path.finish().ok_or_else(|| failed("a rule has no length"))?;
                    surface.draw_path(&path);
                }
            }
        }
        surface.finish();
        page.finish();
    }
    pdf.set_metadata(
        Metadata::new()
            .title(title.to_owned())
            .language(language.to_owned())
            .creator("revledger".to_owned()),
    );
    pdf.finish().map_err(|error| failed(&format!("{error:?}")))
}

fn failed(why: &str) -> Rejection {
    Rejection::new(
        Code::DocumentNotRepresentable,
        format!("the document cannot be written as PDF: {why}; take the format ubl"),
    )
}

#[expect(clippy::float_arithmetic, reason = "places on paper, which a PDF has as floats")]
fn ratio(part: i32, of: i32) -> f32 {
    let float = |value: i32| f32::from(i16::try_from(value).unwrap_or(i16::MAX));
    float(part) / float(of)
}
