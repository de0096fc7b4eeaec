//! Puts mutants into a source file, each behind its number.
//!
//! An expression with mutants becomes `(match switch(site) { 7 => a - b, 8 => a * b, _ => a + b })`. The
//! mutated branches have the text as it stands in the file, and only the last one has what is inside it
//! mutated in its turn, so that the text grows with the depth of expressions and not faster.

use std::collections::BTreeMap;
use std::ops::Range;

use proc_macro2::{LineColumn, Span};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::mutant::{Mutant, Place};

/// A mutant that was placed: where its own text stands in the new file, and the whole site.
#[derive(Clone, Debug)]
pub(crate) struct Fragment {
    /// The mutant's number.
    pub(crate) id: usize,
    /// The number of its switch, which is that of the first mutant there.
    pub(crate) switch: usize,
    /// Its branch.
    pub(crate) text: Range<usize>,
    /// Everything that was written for its expression.
    pub(crate) site: Range<usize>,
}

/// A file with its mutants.
#[derive(Debug, Default)]
pub(crate) struct Mutated {
    /// The new text.
    pub(crate) text: String,
    /// The mutants that are in it.
    pub(crate) fragments: Vec<Fragment>,
    /// Mutants that cannot compile: `||` in a chain with `let`.
    pub(crate) unviable: Vec<usize>,
}

enum Form {
    /// An expression: `(match … { id => variant, …, _ => original })`.
    Value,
    /// Statements before a body: `match … { id => return variant, …, _ => {} }`.
    Body,
    /// The word `const` of a function, which cannot ask a switch otherwise; nothing is in its place.
    NotConst,
    /// A guard that keeps a match arm from matching, before what may be a guard already.
    Arm { has_guard: bool },
}

struct Site {
    range: Range<usize>,
    form: Form,
    variants: Vec<(usize, String)>,
}

struct Finder<'t> {
    text: &'t str,
    wanted: BTreeMap<(&'t str, Place), Vec<(usize, &'t Mutant)>>,
    sites: Vec<Site>,
    /// Operators whose replacement binds the operand of a `-` before them: `a - b * c` with `+`.
    regrouped: BTreeMap<usize, Range<usize>>,
    unviable: Vec<usize>,
}

/// Puts the mutants of one file into its text; `mutants` are those that may be placed, by number.
pub(crate) fn mutate(text: &str, mutants: &[(usize, &Mutant)]) -> Result<Mutated, String> {
    let file = syn::parse_file(text).map_err(|error| error.to_string())?;
    let mut wanted: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (id, mutant) in mutants {
        wanted.entry((mutant.genre.as_str(), mutant.span.start)).or_default().push((*id, *mutant));
    }
    let mut finder = Finder {
        text,
        wanted,
        sites: Vec::new(),
        regrouped: BTreeMap::new(),
        unviable: Vec::new(),
    };
    finder.visit_file(&file);
    finder.sites.sort_by_key(|site| {
        (site.range.start, !site.range.is_empty(), usize::MAX - site.range.end)
    });
    let mut made = Mutated { unviable: finder.unviable, ..Mutated::default() };
    let mut sites = finder.sites.as_slice();
    write(text, 0..text.len(), &mut sites, &mut made);
    Ok(made)
}

/// Writes a range of the original with the sites in it, which it takes from the front of `sites`.
fn write(text: &str, range: Range<usize>, sites: &mut &[Site], made: &mut Mutated) {
    let mut at = range.start;
    while let Some((site, rest)) = sites.split_first() {
        if site.range.start >= range.end {
            break;
        }
        *sites = rest;
        made.text.push_str(&text[at..site.range.start]);
        write_site(text, site, sites, made);
        at = site.range.end;
    }
    made.text.push_str(&text[at..range.end]);
}

fn write_site(original: &str, site: &Site, sites: &mut &[Site], made: &mut Mutated) {
    let begin = made.text.len();
    let first = made.fragments.len();
    let number = site.variants.first().map_or(0, |(id, _)| *id);
    let switch = format!("crate::mutant_switch::on({number})");
    match &site.form {
        Form::Value => {
            made.text.push_str(&format!("(match {switch} {{ "));
            variants(site, "", made);
            made.text.push_str("_ => ");
            write(original, site.range.clone(), sites, made);
            made.text.push_str(" })");
        }
        Form::Body => {
            made.text.push_str(&format!(" match {switch} {{ "));
            variants(site, "return ", made);
            made.text.push_str("_ => {} } ");
        }
        Form::NotConst => {}
        Form::Arm { has_guard } => {
            let word = if *has_guard { "" } else { " if " };
            let open = if *has_guard { " && (" } else { "" };
            made.text.push_str(&format!("{word}{switch} != {number}{open}"));
            made.fragments.push(Fragment {
                id: number,
                switch: number,
                text: begin..begin,
                site: begin..begin,
            });
            write(original, site.range.clone(), sites, made);
            made.text.push_str(if *has_guard { ")" } else { "" });
        }
    }
    let end = made.text.len();
    for (id, _) in &site.variants {
        if let Some(one) = made.fragments[first..].iter_mut().find(|one| one.id == *id) {
            (one.site, one.switch) = (begin..end, number);
        }
    }
}

fn variants(site: &Site, before: &str, made: &mut Mutated) {
    for (id, variant) in &site.variants {
        made.text.push_str(&format!("{id} => {before}"));
        let start = made.text.len();
        made.text.push_str(variant);
        let text = start..made.text.len();
        made.text.push_str(", ");
        made.fragments.push(Fragment { id: *id, switch: *id, site: text.clone(), text });
    }
}

fn place(at: LineColumn) -> Place {
    Place { line: at.line, column: at.column + 1 }
}

fn has_let(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

impl<'t> Finder<'t> {
    fn take(&mut self, genre: &'static str, span: Span) -> Vec<(usize, &'t Mutant)> {
        self.wanted.remove(&(genre, place(span.start()))).unwrap_or_default()
    }

    fn add(&mut self, range: Range<usize>, form: Form, variants: Vec<(usize, String)>) {
        if !variants.is_empty() {
            self.sites.push(Site { range, form, variants });
        }
    }

    /// The text of `whole` with `part` replaced.
    fn with(&self, whole: &Range<usize>, part: &Range<usize>, replacement: &str) -> String {
        let text = self.text;
        format!("{}{replacement}{}", &text[whole.start..part.start], &text[part.end..whole.end])
    }

    fn body(&mut self, signature: &syn::Signature, block: &syn::Block) {
        if let Some(word) = signature.constness {
            let (range, form) = (word.span().byte_range(), Form::NotConst);
            self.sites.push(Site { range, form, variants: Vec::new() });
        }
        // Two branches cannot be of different types where a function returns `impl Trait`.
        let is_opaque = match &signature.output {
            syn::ReturnType::Type(_, kind) => self.text[kind.span().byte_range()].contains("impl "),
            syn::ReturnType::Default => false,
        };
        if let Some(first) = block.stmts.first().filter(|_| !is_opaque) {
            let found = self.take("FnValue", first.span());
            let at = block.brace_token.span.open().byte_range().end;
            let variants = found.iter().map(|(id, one)| (*id, one.replacement.clone())).collect();
            self.add(at..at, Form::Body, variants);
        }
        self.visit_block(block);
    }
}

impl<'t> Visit<'t> for Finder<'_> {
    // Constants are computed by the compiler, which can ask no switch.
    fn visit_item_const(&mut self, _: &'t syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'t syn::ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'t syn::ImplItemConst) {}
    fn visit_trait_item_const(&mut self, _: &'t syn::TraitItemConst) {}
    fn visit_variant(&mut self, _: &'t syn::Variant) {}
    fn visit_type(&mut self, _: &'t syn::Type) {}
    fn visit_pat(&mut self, _: &'t syn::Pat) {}
    fn visit_attribute(&mut self, _: &'t syn::Attribute) {}
    fn visit_generic_argument(&mut self, _: &'t syn::GenericArgument) {}
    fn visit_expr_const(&mut self, _: &'t syn::ExprConst) {}
    fn visit_expr_repeat(&mut self, repeat: &'t syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
    }

    fn visit_item_fn(&mut self, function: &'t syn::ItemFn) {
        self.body(&function.sig, &function.block);
    }

    fn visit_impl_item_fn(&mut self, function: &'t syn::ImplItemFn) {
        self.body(&function.sig, &function.block);
    }

    fn visit_trait_item_fn(&mut self, function: &'t syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.body(&function.sig, block);
        }
    }

    fn visit_expr_binary(&mut self, binary: &'t syn::ExprBinary) {
        let own = binary.span().byte_range();
        let operator = binary.op.span().byte_range();
        let found = self.take("BinaryOperator", binary.op.span());
        if has_let(&binary.left) || has_let(&binary.right) {
            self.unviable.extend(found.iter().map(|(id, _)| *id));
            return visit::visit_expr_binary(self, binary);
        }
        if let (syn::BinOp::Sub(_), syn::Expr::Binary(right)) = (&binary.op, &*binary.right) {
            self.regrouped.insert(right.op.span().byte_range().start, own.clone());
        }
        let mut variants = Vec::new();
        for (id, mutant) in found {
            let whole = match self.regrouped.get(&operator.start) {
                Some(outer) if mutant.replacement == "+" => outer,
                _ => &own,
            };
            let variant = self.with(whole, &operator, &mutant.replacement);
            if *whole == own {
                variants.push((id, variant));
            } else {
                let whole = whole.clone();
                self.add(whole, Form::Value, vec![(id, variant)]);
            }
        }
        self.add(own, Form::Value, variants);
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'t syn::ExprUnary) {
        let own = unary.span().byte_range();
        let found = self.take("UnaryOperator", unary.op.span());
        let operator = unary.op.span().byte_range();
        let variant = |one: &Mutant| self.with(&own, &operator, &one.replacement);
        let variants = found.iter().map(|(id, one)| (*id, variant(one))).collect();
        self.add(own, Form::Value, variants);
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_struct(&mut self, made: &'t syn::ExprStruct) {
        let own = made.span().byte_range();
        let mut variants = Vec::new();
        for pair in made.fields.pairs() {
            let mut field = pair.value().span().byte_range();
            if let Some(comma) = pair.punct() {
                field.end = comma.span().byte_range().end;
            }
            for (id, _) in self.take("StructField", pair.value().span()) {
                variants.push((id, self.with(&own, &field, "")));
            }
        }
        self.add(own, Form::Value, variants);
        visit::visit_expr_struct(self, made);
    }

    fn visit_arm(&mut self, arm: &'t syn::Arm) {
        let guard = arm.guard.as_ref().map(|(_, guard)| guard.span());
        for (id, _) in self.take("MatchArm", arm.span()) {
            let behind = arm.pat.span().byte_range().end;
            let range = guard.map_or(behind..behind, |span| span.byte_range());
            self.add(range, Form::Arm { has_guard: guard.is_some() }, vec![(id, String::new())]);
        }
        if let Some(span) = guard {
            let found = self.take("MatchArmGuard", span);
            let variants = found.iter().map(|(id, one)| (*id, one.replacement.clone())).collect();
            self.add(span.byte_range(), Form::Value, variants);
        }
        visit::visit_arm(self, arm);
    }
}

#[cfg(test)]
mod tests {
    use super::{Mutated, mutate};
    use crate::mutant::{Extent, Mutant, Place};

    fn mutant(genre: &str, (line, column): (usize, usize), replacement: &str) -> Mutant {
        Mutant {
            name: String::new(),
            file: String::new(),
            genre: genre.to_owned(),
            replacement: replacement.to_owned(),
            span: Extent { start: Place { line, column } },
        }
    }

    fn mutated(text: &str, mutants: &[Mutant]) -> Mutated {
        let numbered: Vec<_> = mutants.iter().enumerate().map(|(at, one)| (at + 1, one)).collect();
        let made = mutate(text, &numbered).unwrap();
        syn::parse_file(&made.text).unwrap();
        for one in &made.fragments {
            assert!(one.site.start <= one.text.start && one.text.end <= one.site.end);
        }
        made
    }

    #[test]
    fn each_branch_has_one_change_and_the_last_one_all_that_is_inside() {
        let text = "fn f() -> i32 {\n    a - b * c\n}\n";
        let operator = |column, to| mutant("BinaryOperator", (2, column), to);
        let body = mutant("FnValue", (2, 5), "0");
        let made = mutated(text, &[body, operator(7, "+"), operator(11, "/"), operator(11, "+")]);
        // As text, `a - b + c` is `(a - b) + c`: the whole is mutated, not only `b * c`.
        assert_eq!(
            made.text,
            "fn f() -> i32 { match crate::mutant_switch::on(1) { 1 => return 0, _ => {} } \n    \
             (match crate::mutant_switch::on(2) { 2 => a + b * c, _ => \
             (match crate::mutant_switch::on(4) { 4 => a - b + c, _ => a - \
             (match crate::mutant_switch::on(3) { 3 => b / c, _ => b * c }) }) })\n}\n"
        );
        let switches: Vec<_> = made.fragments.iter().map(|one| (one.id, one.switch)).collect();
        assert_eq!(switches, [(1, 1), (2, 2), (4, 4), (3, 3)]);
    }

    #[test]
    fn arms_guards_fields_and_signs() {
        let text = "fn f() {\n    match x {\n        1 if a => S { b: 1, ..c },\n        2 => !d,\n        \
                    _ => e,\n    }\n}\n";
        let made = mutated(
            text,
            &[
                mutant("MatchArm", (3, 9), ""),
                mutant("MatchArmGuard", (3, 14), "true"),
                mutant("StructField", (3, 23), ""),
                mutant("MatchArm", (4, 9), ""),
                mutant("UnaryOperator", (4, 14), ""),
            ],
        );
        for part in [
            "1 if crate::mutant_switch::on(1) != 1 && ((match crate::mutant_switch::on(2) { 2 => true, _ => a }))",
            "(match crate::mutant_switch::on(3) { 3 => S {  ..c }, _ => S { b: 1, ..c } })",
            "2 if crate::mutant_switch::on(4) != 4 => (match crate::mutant_switch::on(5) { 5 => d, _ => !d })",
        ] {
            assert!(made.text.contains(part), "{}", made.text);
        }
    }

    #[test]
    fn constants_are_left_and_or_beside_let_cannot_compile() {
        let text = "const A: u8 = 1 + 2;\nconst B: u8 = { 1 + 2 };\nfn f() { if let Some(_) = x && y {} }\n";
        let operator = |place, to| mutant("BinaryOperator", place, to);
        let made = mutated(
            text,
            &[operator((1, 17), "-"), operator((2, 19), "-"), operator((3, 29), "||")],
        );
        assert_eq!((made.text.as_str(), made.unviable), (text, vec![3]));
    }
}
