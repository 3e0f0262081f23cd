//! How deeply a text is nested, from its tokens: what walks a tree walks it by recursion, and a tree that is deeper than
//! any person writes would end the process.
//!
//! An upper bound: it never says less than the tree's depth, and for code that people write little more.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};

/// The deepest tree that is looked at, but for chains. CPython refuses more than 100 levels of indentation and 200 of
/// brackets. Types take some 250 kB for each level of calls in calls, so memory comes to an end before the stack does.
const MAX_NESTING: usize = 1000;

/// The longest chain of operators, or of calls, that is looked at: each has all before it as its left side. Nobody nests so,
/// but generated sums of thousands of terms exist. Inference takes up to 8 kB of the stack for a level of them.
const MAX_CHAIN: usize = 10_000;

/// Why a text is too deep to be looked at, if it is.
pub(crate) fn too_deep(text: &str) -> Option<String> {
    exceeds(text, MAX_NESTING, MAX_CHAIN).map(|limit| match limit {
        Limit::Nesting => {
            format!("nested more than {MAX_NESTING} levels deep, which is too deep to check")
        }
        Limit::Chain => format!(
            "has an expression with more than {MAX_CHAIN} operators or calls in a row, which is too long to check"
        ),
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Nesting,
    Chain,
}

/// The limit that a text is over.
fn exceeds(text: &str, nesting: usize, chain: usize) -> Option<Limit> {
    if bound(text) <= nesting.min(chain) {
        return None;
    }
    let mut depth = Depth::default();
    let mut tokens = lexer::lex(text, Mode::Module);
    loop {
        let kind = tokens.next_token();
        if kind == TokenKind::EndOfFile {
            return None;
        }
        depth.take(kind);
        if depth.nesting() > nesting {
            return Some(Limit::Nesting);
        }
        if depth.chain() > chain {
            return Some(Limit::Chain);
        }
    }
}

/// A bound that needs no tokens: characters that can nest, counted from one line without any to the next, and indentation.
fn bound(text: &str) -> usize {
    let mut deepest = 0;
    let mut run = 0;
    let mut indentation = 0;
    let mut brackets: usize = 0;
    let mut at_start = true;
    for byte in text.bytes() {
        // Most bytes are these, and end nothing but an indentation.
        if IS_WORD[usize::from(byte)] {
            at_start = false;
            continue;
        }
        match byte {
            b'\n' | b'\r' => {
                at_start = true;
                // Within brackets a chain goes on in the next line; strings and comments may hide a closing one, which
                // only makes the bound larger.
                if brackets == 0 {
                    run = 0;
                }
                indentation = 0;
            }
            b' ' | b'\t' | b'\x0c' if at_start => indentation += 1,
            _ => {
                at_start = false;
                match byte {
                    b'(' | b'[' | b'{' => brackets += 1,
                    b')' | b']' | b'}' => brackets = brackets.saturating_sub(1),
                    _ => {}
                }
                run += 1;
                deepest = deepest.max(run + indentation);
            }
        }
    }
    deepest
}

/// Which bytes are parts of words.
static IS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    table
};

/// What is open at a token.
#[derive(Debug, Default)]
struct Depth {
    indentation: usize,
    /// Around the innermost bracket.
    outer: Vec<Level>,
    here: Level,
    /// The sums of those in `outer`.
    outer_nesting: usize,
    outer_chain: usize,
    /// The last token ended an operand: a bracket after it is a call or a subscript.
    after_operand: bool,
}

/// The nested parts of one expression, between two commas.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    /// `lambda`, `if … else`, `not`, `:=`, comprehensions: what an operator cannot end.
    low: usize,
    /// Operators, each of which has all before it as its left side.
    binary: usize,
    /// Attributes, calls and subscripts since the last operator, and the longest such chain before it.
    postfix: usize,
    longest: usize,
    /// `lambda`s whose parameters are not at an end: their commas separate nothing.
    parameters: usize,
}

impl Level {
    fn nesting(self) -> usize {
        1 + self.low
    }

    fn chain(self) -> usize {
        self.binary + self.longest.max(self.postfix)
    }

    fn operand_ends(&mut self) {
        self.longest = self.longest.max(self.postfix);
        self.postfix = 0;
    }
}

impl Depth {
    fn nesting(&self) -> usize {
        self.indentation + self.outer_nesting + self.here.nesting()
    }

    fn chain(&self) -> usize {
        self.outer_chain + self.here.chain()
    }

    fn take(&mut self, kind: TokenKind) {
        let mut operand = false;
        match kind {
            TokenKind::Comment | TokenKind::NonLogicalNewline => return,
            TokenKind::Newline | TokenKind::Semi => {
                // Errors may leave brackets open: the parser ends them with the line.
                self.outer.clear();
                self.outer_nesting = 0;
                self.outer_chain = 0;
                self.here = Level::default();
            }
            TokenKind::Indent => self.indentation += 1,
            TokenKind::Dedent => self.indentation = self.indentation.saturating_sub(1),
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                // A string after a string is a part of it.
                let is_string = matches!(kind, TokenKind::FStringStart | TokenKind::TStringStart);
                if self.after_operand && !is_string {
                    self.here.postfix += 1;
                }
                self.outer_nesting += self.here.nesting();
                self.outer_chain += self.here.chain();
                self.outer.push(std::mem::take(&mut self.here));
            }
            TokenKind::Rpar
            | TokenKind::Rsqb
            | TokenKind::Rbrace
            | TokenKind::FStringEnd
            | TokenKind::TStringEnd => {
                operand = true;
                if let Some(level) = self.outer.pop() {
                    self.outer_nesting = self.outer_nesting.saturating_sub(level.nesting());
                    self.outer_chain = self.outer_chain.saturating_sub(level.chain());
                    self.here = level;
                }
            }
            TokenKind::Comma => {
                if self.here.parameters == 0 {
                    self.here = Level::default();
                }
            }
            TokenKind::Colon => self.here.parameters = self.here.parameters.saturating_sub(1),
            TokenKind::Lambda => {
                self.here.low += 1;
                self.here.parameters += 1;
                self.here.operand_ends();
            }
            TokenKind::And | TokenKind::Or => {
                // All operands of one are siblings.
                self.here.binary = 0;
                self.here.postfix = 0;
                self.here.longest = 0;
            }
            TokenKind::If
            | TokenKind::Else
            | TokenKind::Not
            | TokenKind::ColonEqual
            | TokenKind::For
            | TokenKind::Await
            | TokenKind::Yield
            | TokenKind::From => {
                self.here.low += 1;
                self.here.operand_ends();
            }
            TokenKind::Dot => self.here.postfix += 1,
            TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::String
            | TokenKind::Ellipsis
            | TokenKind::None
            | TokenKind::True
            | TokenKind::False => operand = true,
            _ if kind.is_operator() || kind == TokenKind::Tilde => {
                self.here.binary += 1;
                self.here.operand_ends();
            }
            // Soft keywords may be names.
            _ => operand = kind.is_soft_keyword(),
        }
        self.after_operand = operand;
    }
}

#[cfg(test)]
mod tests {
    use super::{bound, exceeds};

    #[test]
    fn deep_texts_are_told_from_long_ones() {
        let deep = [
            format!("x = {}{}", "(".repeat(500), ")".repeat(500)),
            format!("x = {}1{}", "f(".repeat(500), ")".repeat(500)),
            (0..500)
                .map(|depth| format!("{}if x:\n", " ".repeat(depth)))
                .collect::<String>(),
            format!("x = a{}", ".b".repeat(500)),
            format!("x = a{}", ".b()".repeat(500)),
            format!("x = a{}", "[0]".repeat(500)),
            format!("x = a{}", " + a".repeat(500)),
            format!("x = (a{})", "\n + a".repeat(500)),
            format!("x = {}a", "not ".repeat(500)),
            format!("x = {}a", "-".repeat(500)),
            format!("x = {}a", "lambda a, b: ".repeat(500)),
            format!("x = {}a", "a if b else ".repeat(500)),
            format!("x = {}a{}", "f'{".repeat(500), "}'".repeat(500)),
            format!("async def f():\n    {}a", "await ".repeat(500)),
        ];
        for text in deep {
            assert!(bound(&text) > 400, "{text}");
            assert!(exceeds(&text, 400, 400).is_some(), "{text}");
            assert_eq!(exceeds(&text, 1600, 1600), None, "{text}");
        }
        let long = [
            format!("x = [{}]", "a.b + c, ".repeat(5000)),
            format!("x = {{{}}}", "'a': (1, lambda x: -x), ".repeat(5000)),
            format!("x = a{}", " and a.b + 1".repeat(5000)),
            format!("x = a{}", " and a.b.c".repeat(5000)),
            format!("x = ({})", "'a'\n".repeat(5000)),
            format!("x = ({})", "f'{a}'\n".repeat(5000)),
            format!("x = ({})", "'a' f'{a}' ".repeat(5000)),
            "x = f(a.b(c), [d])\n".repeat(5000),
            "if x:\n    y = 1\n".repeat(5000),
            format!("'''{}'''", "(".repeat(5000)),
            format!("x = 1  # {}", "(".repeat(5000)),
        ];
        for text in long {
            assert_eq!(exceeds(&text, 50, 50), None, "{}", &text[..60]);
        }
    }
}
