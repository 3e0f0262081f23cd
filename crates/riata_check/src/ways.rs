//! The ways through a function that a call cannot take, by what it gives for the parameters that are asked for on them.

use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::blocking::Chain;
use crate::context::{Context, Value, last};
use crate::names::ScopeId;
use crate::program::Def;
use crate::source::{Location, Module};
use crate::uses;

impl Context<'_> {
    /// Whether a call of the function `def` cannot come to the first call of a chain.
    pub(crate) fn is_shut(
        &self,
        call: &ast::ExprCall,
        scope: ScopeId,
        def: Def,
        chain: &Chain,
    ) -> bool {
        let Some(link) = chain.links.first() else {
            return false;
        };
        let Some(module) = self.worker.module_of(def) else {
            return false;
        };
        let Some((function, _, _)) = module.names().function_at(def.start) else {
            return false;
        };
        let is_method = self.worker.function(def).is_some_and(|about| {
            about.is_method
                && !about
                    .decorators
                    .iter()
                    .any(|name| name == "builtins.staticmethod")
        });
        let way = Way {
            context: self,
            call,
            scope,
            function,
            skipped: usize::from(is_method),
        };
        way.is_shut(&module, &function.body, &link.location)
    }
}

struct Way<'c, 'm, 'a> {
    context: &'c Context<'m>,
    call: &'c ast::ExprCall,
    scope: ScopeId,
    function: &'a ast::StmtFunctionDef,
    /// Parameters that the call does not write down: `self`.
    skipped: usize,
}

impl Way<'_, '_, '_> {
    /// Whether one of the conditions around a place does not hold.
    fn is_shut(&self, module: &Module, body: &[Stmt], place: &Location) -> bool {
        let holds = |stmts: &[Stmt]| {
            stmts.iter().any(|stmt| {
                let at = module.text().location(stmt.range());
                (at.start.line, at.start.column) <= (place.start.line, place.start.column)
                    && (place.end.line, place.end.column) <= (at.end.line, at.end.column)
            })
        };
        let Some(stmt) = body.iter().find(|stmt| holds(std::slice::from_ref(stmt))) else {
            return false;
        };
        match stmt {
            Stmt::If(branch) => {
                if holds(&branch.body) {
                    return self.holds(&branch.test) == Some(false)
                        || self.is_shut(module, &branch.body, place);
                }
                let mut before = self.holds(&branch.test);
                for clause in &branch.elif_else_clauses {
                    if holds(&clause.body) {
                        return before == Some(true)
                            || clause
                                .test
                                .as_ref()
                                .is_some_and(|test| self.holds(test) == Some(false))
                            || self.is_shut(module, &clause.body, place);
                    }
                    if let Some(test) = &clause.test
                        && self.holds(test) == Some(true)
                    {
                        before = Some(true);
                    }
                }
                false
            }
            Stmt::With(with) => self.is_shut(module, &with.body, place),
            Stmt::Try(attempt) => [&attempt.body, &attempt.orelse, &attempt.finalbody]
                .into_iter()
                .any(|body| holds(body) && self.is_shut(module, body, place)),
            Stmt::For(each) => self.is_shut(module, &each.body, place),
            Stmt::While(each) => self.is_shut(module, &each.body, place),
            _ => false,
        }
    }

    /// What a condition comes to, as far as the call decides it.
    fn holds(&self, test: &Expr) -> Option<bool> {
        match test {
            Expr::Name(name) => self.given(name, is_true),
            Expr::UnaryOp(not) if not.op == ast::UnaryOp::Not => {
                self.holds(&not.operand).map(|holds| !holds)
            }
            Expr::BoolOp(operation) => {
                let decides = operation.op == ast::BoolOp::Or;
                let parts: Vec<Option<bool>> = operation
                    .values
                    .iter()
                    .map(|value| self.holds(value))
                    .collect();
                if parts.contains(&Some(decides)) {
                    Some(decides)
                } else {
                    parts
                        .into_iter()
                        .collect::<Option<Vec<bool>>>()
                        .map(|_| !decides)
                }
            }
            Expr::Compare(compare) => {
                let ([op], [Expr::NoneLiteral(_)]) = (&*compare.ops, &*compare.comparators) else {
                    return None;
                };
                let name = compare.left.as_name_expr()?;
                let is_none = self.given(name, |value, written| is_none(value, written, self))?;
                match op {
                    ast::CmpOp::Is => Some(is_none),
                    ast::CmpOp::IsNot => Some(!is_none),
                    _ => None,
                }
            }
            Expr::Call(call) if uses::called_name(call) == "isinstance" => {
                let [Expr::Name(name), class] = &*call.arguments.args else {
                    return None;
                };
                let asks_for_file = uses::names_in(class).contains("io")
                    || matches!(class, Expr::Name(class) if class.id.ends_with("IOBase"));
                let is_buffer = self.given(name, |value, written| {
                    let Value::Instance(class) = (if written {
                        self.context.value(value, self.scope)
                    } else {
                        Value::Unknown
                    }) else {
                        return None;
                    };
                    matches!(last(&class.name), "BytesIO" | "StringIO").then_some(true)
                })?;
                (asks_for_file && is_buffer).then_some(true)
            }
            _ => None,
        }
    }

    /// What is known of the value that a parameter gets; `written` in the call, or else in the `def`.
    fn given(
        &self,
        asked: &ast::ExprName,
        known: impl Fn(&Expr, bool) -> Option<bool>,
    ) -> Option<bool> {
        let name = asked.id.as_str();
        let parameters = &self.function.parameters;
        let index = parameters
            .posonlyargs
            .iter()
            .chain(&parameters.args)
            .position(|found| found.name() == name);
        let found = parameters
            .iter_non_variadic_params()
            .find(|found| found.name() == name)?;
        if self.is_rebound(asked) {
            return None;
        }
        let arguments = &self.call.arguments;
        if let Some(keyword) = arguments.find_keyword(name) {
            return known(&keyword.value, true);
        }
        if arguments.args.iter().any(Expr::is_starred_expr) {
            return None;
        }
        let position = index.and_then(|index| index.checked_sub(self.skipped));
        if let Some(argument) = position.and_then(|position| arguments.args.get(position)) {
            return known(argument, true);
        }
        if arguments
            .keywords
            .iter()
            .any(|keyword| keyword.arg.is_none())
        {
            return None;
        }
        known(found.default.as_deref()?, false)
    }

    /// Whether a parameter may have another value where it is asked for.
    fn is_rebound(&self, name: &ast::ExprName) -> bool {
        let mut found = false;
        uses::exprs(&self.function.body, false, &mut |expr| {
            if let Expr::Name(other) = expr {
                found |=
                    other.id == name.id && !other.ctx.is_load() && other.start() < name.start();
            }
        });
        found
    }
}

fn is_true(value: &Expr, _: bool) -> Option<bool> {
    match value {
        Expr::BooleanLiteral(literal) => Some(literal.value),
        Expr::NoneLiteral(_) => Some(false),
        _ => None,
    }
}

fn is_none(value: &Expr, written: bool, way: &Way<'_, '_, '_>) -> Option<bool> {
    match value {
        Expr::NoneLiteral(_) => Some(true),
        Expr::BooleanLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::NumberLiteral(_)
        | Expr::Dict(_)
        | Expr::List(_) => Some(false),
        // Of a name that was asked for before, types know that it is something.
        _ if written => match way.context.value(value, way.scope) {
            Value::Instance(_) => way.context.types_at(value).is_some().then_some(false),
            Value::Union(parts) => parts
                .iter()
                .all(|part| matches!(part, Value::Instance(_)))
                .then_some(false),
            _ => None,
        },
        _ => None,
    }
}
