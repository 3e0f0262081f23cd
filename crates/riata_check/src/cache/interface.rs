//! What a module shows to others, as a hash: what they see of it stays the same as long as the hash does.
//!
//! It is the code without comments, blank lines and the bodies of functions. Bodies stay in where types look into them from
//! outside: attributes of `self` are set there, and globals. What is shown of the others is whether they yield, whether they
//! do nothing, what they import, and what they return where no annotation says it.

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, ExprContext, ModModule, Stmt};
use ruff_python_parser::Parsed;
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::FxHashSet;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::functions::{Returned, is_generator, is_stub, marker};
use crate::names::first_parameter;
use crate::uses;

/// What is known of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) content: u128,
    pub(crate) interface: u128,
    /// What it imports, as it is written: `a.b`, `..c`. Members of modules are named like modules.
    pub(crate) imports: Vec<String>,
}

pub(crate) fn content(text: &str) -> u128 {
    xxh3_128(text.as_bytes())
}

impl Facts {
    pub(crate) fn new(text: &str, parsed: &Parsed<ModModule>) -> Self {
        let mut shown = Shown {
            text,
            hash: Xxh3::new(),
            hidden: Vec::new(),
            imports: FxHashSet::default(),
        };
        shown.visit_body(parsed.suite());
        if !parsed.errors().is_empty() {
            // Where functions begin and end is a guess.
            shown.hidden.clear();
        }
        let mut hidden = shown.hidden.iter().peekable();
        for token in parsed.tokens() {
            let range = token.range();
            while hidden
                .next_if(|hidden| hidden.end() <= range.start())
                .is_some()
            {}
            if hidden
                .peek()
                .is_some_and(|hidden| hidden.contains_range(range))
                || matches!(
                    token.kind(),
                    TokenKind::Comment | TokenKind::NonLogicalNewline
                )
            {
                continue;
            }
            // The end of an indentation is an empty text.
            let text = if token.kind() == TokenKind::Newline {
                "\n"
            } else {
                &text[range]
            };
            shown.hash.update(&[token.kind() as u8]);
            shown.hash.update(text.as_bytes());
            shown.hash.update(&[0]);
        }
        let mut imports: Vec<String> = shown.imports.into_iter().collect();
        imports.sort_unstable();
        Self {
            content: content(text),
            interface: shown.hash.digest128(),
            imports,
        }
    }

    /// Of a text that nothing can be told of but that it is there.
    pub(crate) fn opaque(text: &str) -> Self {
        let content = content(text);
        Self {
            content,
            interface: content,
            imports: Vec::new(),
        }
    }
}

struct Shown<'a> {
    text: &'a str,
    hash: Xxh3,
    /// In order, not overlapping.
    hidden: Vec<TextRange>,
    imports: FxHashSet<String>,
}

impl<'a> Visitor<'a> for Shown<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => {
                self.hash.update(self.text[import.range].as_bytes());
                self.imports
                    .extend(import.names.iter().map(|alias| alias.name.to_string()));
            }
            Stmt::ImportFrom(import) => {
                self.hash.update(self.text[import.range].as_bytes());
                let module = import.module.as_ref().map_or("", |module| module.as_str());
                let module = format!("{}{module}", ".".repeat(import.level as usize));
                let dot = if module.ends_with('.') || module.is_empty() {
                    ""
                } else {
                    "."
                };
                for alias in &import.names {
                    self.imports.insert(format!("{module}{dot}{}", alias.name));
                }
            }
            Stmt::FunctionDef(function) => {
                self.function(function);
                visitor::walk_stmt(self, stmt);
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

impl<'a> Shown<'a> {
    fn function(&mut self, function: &'a ast::StmtFunctionDef) {
        let start = usize::from(function.name.start());
        let before = self.text[..start]
            .rfind(['\n', '\r'])
            .map_or(0, |at| at + 1);
        let after = self.text[start..]
            .find(['\n', '\r'])
            .map_or(self.text.len(), |at| start + at);
        self.hash.update(&[
            u8::from(is_generator(function)),
            u8::from(is_stub(function)),
            marker(&self.text[before..after]).map_or(0, |marker| 1 + marker as u8),
        ]);
        let is_inside = self
            .hidden
            .last()
            .is_some_and(|hidden| hidden.contains_range(function.range));
        if let [first, .., last] | [first @ last] = function.body.as_slice()
            && !is_inside
            && !Sets::outside(function)
        {
            self.hidden.push(TextRange::new(first.start(), last.end()));
            if function.returns.is_none() {
                self.result(function);
            }
        }
    }

    /// What is returned, and how the names in it come to their values.
    fn result(&mut self, function: &'a ast::StmtFunctionDef) {
        let returned = Returned::of(function);
        let mut wanted: FxHashSet<&str> = FxHashSet::default();
        for value in returned {
            self.hash.update(self.text[value.range()].as_bytes());
            self.hash.update(&[0]);
            wanted.extend(uses::names_in(value));
        }
        let mut assigned: Vec<(FxHashSet<&str>, &Expr, TextRange)> = Vec::new();
        uses::stmts(&function.body, &mut |stmt| match stmt {
            Stmt::Assign(assign) => {
                let names = assign.targets.iter().flat_map(uses::bound_names);
                assigned.push((names.collect(), &assign.value, assign.range));
            }
            Stmt::AnnAssign(assign) => {
                let value = assign.value.as_deref().unwrap_or(&assign.annotation);
                assigned.push((uses::bound_names(&assign.target), value, assign.range));
            }
            Stmt::With(with) => {
                for item in &with.items {
                    if let Some(target) = &item.optional_vars {
                        let value = &item.context_expr;
                        assigned.push((uses::bound_names(target), value, item.range));
                    }
                }
            }
            _ => {}
        });
        let mut shown: FxHashSet<TextRange> = FxHashSet::default();
        loop {
            let before = shown.len();
            for (names, value, range) in &assigned {
                if !names.is_disjoint(&wanted) && shown.insert(*range) {
                    wanted.extend(uses::names_in(value));
                }
            }
            if shown.len() == before {
                break;
            }
        }
        for (_, _, range) in &assigned {
            if shown.contains(range) {
                self.hash.update(self.text[*range].as_bytes());
                self.hash.update(&[0]);
            }
        }
    }
}

/// Whether a function sets attributes of its first parameter, which is `self` in a method, or names of other scopes.
struct Sets<'a> {
    owner: Option<&'a str>,
    found: bool,
}

impl<'a> Sets<'a> {
    fn outside(function: &'a ast::StmtFunctionDef) -> bool {
        let mut sets = Self {
            owner: first_parameter(function),
            found: false,
        };
        sets.visit_body(&function.body);
        sets.found
    }
}

impl<'a> Visitor<'a> for Sets<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        self.found |= matches!(stmt, Stmt::Global(_) | Stmt::Nonlocal(_));
        if !self.found {
            visitor::walk_stmt(self, stmt);
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Attribute(attribute) = expr
            && attribute.ctx != ExprContext::Load
        {
            let owner = attribute.value.as_name_expr().map(|name| name.id.as_str());
            self.found |= owner.is_some() && owner == self.owner;
        }
        if !self.found {
            visitor::walk_expr(self, expr);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Facts;
    use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};

    fn facts(text: &str) -> Facts {
        let parsed = parse_unchecked(text, ParseOptions::from(Mode::Module));
        Facts::new(text, &parsed.try_into_module().expect("a module"))
    }

    const MODULE: &str = "import a.b\nfrom . import c\n\nclass C:\n    def m(self) -> int:\n        return 1\n\n\
                          def f(x):\n    value = x\n    print(x)\n    return value\n\nasync def g() -> int:\n    from ..d import e\n    return await e()\n";

    fn changes(old: &str, new: &str) -> bool {
        assert!(MODULE.contains(old), "{old}");
        facts(MODULE).interface != facts(&MODULE.replacen(old, new, 1)).interface
    }

    #[test]
    fn imports_are_those_of_functions_too() {
        assert_eq!(facts(MODULE).imports, ["..d.e", ".c", "a.b"]);
    }

    #[test]
    fn bodies_of_annotated_functions_and_comments_do_not_show() {
        assert!(!changes("return 1", "value = 2\n        return value + 1"));
        assert!(!changes("await e()", "await e() + 1  # a comment"));
        assert!(!changes("print(x)", "print(x, x)"));
        assert!(!changes(
            "class C:",
            "# a comment\n\nclass C:  # another one\n"
        ));
    }

    #[test]
    fn everything_else_shows() {
        for (old, new) in [
            ("return value", "return value + 1"),
            ("value = x", "value = x.y"),
            ("-> int", "-> str"),
            ("def f(x)", "def f(x, y)"),
            ("return 1", "self.x = 1"),
            ("return 1", "yield 1"),
            ("return 1", "..."),
            ("return 1", "global x"),
            ("import e", "import f"),
            ("m(self) -> int:", "m(self) -> int:  # riata: blocks"),
            ("return value\n", "return value\n\nX = 1\n"),
            (
                "class C:\n    def m(self) -> int:\n        return 1\n",
                "class C:\n    pass\ndef m(self) -> int:\n    return 1\n",
            ),
        ] {
            assert!(changes(old, new), "{old} -> {new}");
        }
    }
}
