//! How a block of statements may come to its end.

use ruff_python_ast::{self as ast, ExceptHandler, Expr, Stmt};

use super::is_suppress;

/// How a block of statements may come to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each way is possible or not, apart from the others"
)]
pub(crate) struct Ends {
    /// What stands behind it runs.
    pub(crate) falls: bool,
    pub(crate) returns: bool,
    /// By a `raise` that is written in it.
    pub(crate) raises: bool,
    pub(crate) breaks: bool,
    pub(crate) continues: bool,
}

impl Ends {
    pub(super) const FALLS: Self = Self {
        falls: true,
        returns: false,
        raises: false,
        breaks: false,
        continues: false,
    };

    pub(super) fn or(self, other: Self) -> Self {
        Self {
            falls: self.falls || other.falls,
            returns: self.returns || other.returns,
            raises: self.raises || other.raises,
            breaks: self.breaks || other.breaks,
            continues: self.continues || other.continues,
        }
    }

    /// Every way ends in a `raise`.
    pub(crate) fn only_raises(self) -> bool {
        !self.falls && !self.returns && !self.breaks && !self.continues
    }
}

pub(crate) fn ends(body: &[Stmt]) -> Ends {
    let mut all = Ends::default();
    for statement in body {
        let this = statement_ends(statement);
        all = all.or(Ends {
            falls: false,
            ..this
        });
        if !this.falls {
            return all;
        }
    }
    all.or(Ends::FALLS)
}

pub(super) fn statement_ends(statement: &Stmt) -> Ends {
    match statement {
        Stmt::Return(_) => Ends {
            returns: true,
            ..Ends::default()
        },
        Stmt::Raise(_) => Ends {
            raises: true,
            ..Ends::default()
        },
        Stmt::Break(_) => Ends {
            breaks: true,
            ..Ends::default()
        },
        Stmt::Continue(_) => Ends {
            continues: true,
            ..Ends::default()
        },
        Stmt::Expr(found) if never_returns(&found.value) => Ends {
            raises: true,
            ..Ends::default()
        },
        Stmt::Assert(found)
            if found
                .test
                .as_boolean_literal_expr()
                .is_some_and(|test| !test.value) =>
        {
            Ends {
                raises: true,
                ..Ends::default()
            }
        }
        Stmt::If(found) => {
            let mut all = ends(&found.body);
            let mut has_else = false;
            for clause in &found.elif_else_clauses {
                all = all.or(ends(&clause.body));
                has_else |= clause.test.is_none();
            }
            if has_else { all } else { all.or(Ends::FALLS) }
        }
        Stmt::Match(found) => {
            let all = found
                .cases
                .iter()
                .map(|case| ends(&case.body))
                .fold(Ends::default(), Ends::or);
            let complete = found
                .cases
                .last()
                .is_some_and(|case| case.guard.is_none() && case.pattern.is_irrefutable());
            if complete { all } else { all.or(Ends::FALLS) }
        }
        Stmt::With(found) => {
            let inside = ends(&found.body);
            if found
                .items
                .iter()
                .any(|item| is_suppress(&item.context_expr))
            {
                inside.or(Ends::FALLS)
            } else {
                inside
            }
        }
        Stmt::For(found) => {
            let inside = ends(&found.body);
            let after = ends(&found.orelse);
            after.or(Ends {
                breaks: false,
                continues: false,
                falls: inside.breaks,
                ..inside
            })
        }
        Stmt::While(found) => {
            let inside = ends(&found.body);
            let for_ever = is_true(&found.test);
            let after = if for_ever {
                Ends::default()
            } else {
                ends(&found.orelse)
            };
            after.or(Ends {
                breaks: false,
                continues: false,
                falls: inside.breaks,
                ..inside
            })
        }
        Stmt::Try(found) => {
            let last = ends(&found.finalbody);
            if !last.falls {
                return last;
            }
            let mut all = ends(&found.body);
            if all.falls {
                all = Ends {
                    falls: false,
                    ..all
                }
                .or(ends(&found.orelse));
            }
            for handler in &found.handlers {
                let ExceptHandler::ExceptHandler(handler) = handler;
                all = all.or(ends(&handler.body));
            }
            all.or(Ends {
                falls: false,
                ..last
            })
        }
        _ => Ends::FALLS,
    }
}

pub(crate) fn is_true(test: &Expr) -> bool {
    match test {
        Expr::BooleanLiteral(found) => found.value,
        Expr::NumberLiteral(found) => matches!(&found.value, ast::Number::Int(one) if *one == 1),
        _ => false,
    }
}

/// `sys.exit()`, `os._exit()`.
pub(super) fn never_returns(expr: &Expr) -> bool {
    let Expr::Call(call) = expr else { return false };
    match &*call.func {
        Expr::Attribute(found) => matches!(
            (&*found.value, found.attr.as_str()),
            (Expr::Name(module), "exit" | "_exit" | "abort") if matches!(module.id.as_str(), "sys" | "os")
        ),
        Expr::Name(found) => found.id == "exit",
        _ => false,
    }
}
