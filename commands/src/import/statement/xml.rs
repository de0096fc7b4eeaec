//! A small tree of an XML document: names without prefixes, text, and the line of each element.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::Fault;

/// Elements inside one another; statements need about fifteen.
const DEPTH_MAX: usize = 64;

/// One element.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// The name without its prefix.
    pub(super) name: String,
    /// The namespace, where the element declares one.
    pub(super) namespace: Option<String>,
    /// The attribute `Ccy`.
    pub(super) currency: Option<String>,
    /// The text directly inside.
    pub(super) text: String,
    /// Where it begins, from 1.
    pub(super) line: u64,
    /// The elements directly inside.
    pub(super) children: Vec<Node>,
}

impl Node {
    /// The first element of that name directly inside.
    pub(super) fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All elements of that name directly inside.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The element at the end of a path of names.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, name| node.child(name))
    }

    /// The text at the end of a path, where it is not empty.
    pub(super) fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(|node| node.text.trim()).filter(|text| !text.is_empty())
    }

    /// The first of several paths that has a text.
    pub(super) fn first_text(&self, paths: &[&[&str]]) -> Option<&str> {
        paths.iter().find_map(|path| self.text_at(path))
    }
}

/// Reads a whole document; one that ends early is refused.
pub(super) fn parse(bytes: &[u8]) -> Result<Node, Fault> {
    let text = decode(bytes)?;
    let mut reader = Reader::from_str(&text);
    let mut lines = Lines::new(text.as_bytes());
    let mut open: Vec<Node> = Vec::new();
    let mut root: Option<Node> = None;
    loop {
        let line = lines.at(reader.buffer_position());
        let event = reader.read_event().map_err(|error| {
            let line = lines.at(reader.error_position());
            Fault::malformed(line, format!("the file is not XML: {error}"))
        })?;
        match event {
            Event::Start(start) => {
                if open.len() >= DEPTH_MAX {
                    return Err(Fault::malformed(line, "the elements are nested too deep"));
                }
                open.push(element(&start, line)?);
            }
            Event::Empty(start) => close(element(&start, line)?, &mut open, &mut root),
            Event::End(_) => {
                if let Some(node) = open.pop() {
                    close(node, &mut open, &mut root);
                }
            }
            Event::Text(text) => add(&mut open, &text.xml10_content()),
            Event::CData(text) => add(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => {
                let wrong = || Fault::malformed(line, "an entity that XML does not define");
                match reference.resolve_char_ref().map_err(|_| wrong())? {
                    Some(letter) => add(&mut open, letter.encode_utf8(&mut [0; 4])),
                    None => {
                        let known = quick_xml::escape::resolve_predefined_entity(&reference);
                        add(&mut open, known.ok_or_else(wrong)?);
                    }
                }
            }
            Event::DocType(_) => {
                return Err(Fault::malformed(line, "a statement has no document type"));
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    let last = lines.at(u64::MAX);
    match root {
        Some(root) if open.is_empty() => Ok(root),
        Some(_) | None if text.trim().is_empty() => Err(Fault::malformed(1, "the file is empty")),
        Some(_) | None => Err(Fault::malformed(last, "the XML is cut short: fetch it again")),
    }
}

fn element(start: &BytesStart<'_>, line: u64) -> Result<Node, Fault> {
    let mut node =
        Node { name: start.local_name().into_inner().to_owned(), line, ..Node::default() };
    for attribute in start.attributes() {
        let wrong = |why: String| Fault::malformed(line, format!("a wrong attribute: {why}"));
        let attribute = attribute.map_err(|error| wrong(error.to_string()))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| wrong(error.to_string()))?;
        let name = attribute.key.into_inner();
        if name == "Ccy" {
            node.currency = Some(value.into_owned());
        } else if name == "xmlns" || name.starts_with("xmlns:") {
            // The one that names the message counts; others are of tools.
            if node.namespace.is_none() || value.contains("camt.") {
                node.namespace = Some(value.into_owned());
            }
        }
    }
    Ok(node)
}

fn add(open: &mut [Node], text: &str) {
    if let Some(node) = open.last_mut() {
        node.text.push_str(text);
    }
}

fn close(node: Node, open: &mut [Node], root: &mut Option<Node>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(node),
        None => *root = Some(node),
    }
}

/// UTF-8, or ISO 8859-1 where the file says so: its bytes are the first 256 characters.
fn decode(bytes: &[u8]) -> Result<String, Fault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head = bytes.get(..bytes.len().min(128)).unwrap_or_default();
    let head = String::from_utf8_lossy(head).to_ascii_uppercase();
    let head = head.split("?>").next().unwrap_or_default();
    if head.contains("ISO-8859-1\"") || head.contains("ISO-8859-1'") {
        return Ok(bytes.iter().copied().map(char::from).collect());
    }
    super::utf8(bytes)
}

/// Turns positions, which only grow, into lines.
pub(in crate::import) struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    pub(in crate::import) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// The line of a position, none before the one asked for last.
    pub(in crate::import) fn at(&mut self, position: u64) -> u64 {
        let position = usize::try_from(position).unwrap_or(usize::MAX).min(self.text.len());
        if position > self.at {
            let passed = self.text.get(self.at..position).unwrap_or_default();
            let count = passed.iter().filter(|byte| **byte == b'\n').count();
            self.line += u64::try_from(count).unwrap_or_default();
            self.at = position;
        }
        self.line
    }
}
