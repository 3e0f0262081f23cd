//! Callables that a function is given: whether it calls them, and what becomes of what they give.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, AnyNodeRef, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::body::{self, Event, Use};
use crate::context::Context;
use crate::names::{Names, ScopeId, ScopeNode, first_parameter};
use crate::program::Def;

impl Context<'_> {
    /// The arguments of a call that are lambdas or name functions, where the called function calls them in its own body, or
    /// has another one call them, and awaits nothing of them.
    pub(crate) fn called_arguments<'c>(&self, def: Def, call: &'c ast::ExprCall) -> Vec<&'c Expr> {
        self.called_in(def, call, 0)
    }

    fn called_in<'c>(&self, def: Def, call: &'c ast::ExprCall, depth: usize) -> Vec<&'c Expr> {
        let mut arguments = call
            .arguments
            .args
            .iter()
            .chain(call.arguments.keywords.iter().map(|keyword| &keyword.value))
            .filter(|argument| may_be_callable(argument))
            .peekable();
        if arguments.peek().is_none() {
            return Vec::new();
        }
        let given: Vec<&Expr> = arguments.collect();
        // Its body is looked at, and not only what its module shows.
        if self.worker.module_of(def).is_none() {
            return Vec::new();
        }
        self.in_module_of(def, |context| {
            let names = context.names();
            let Some((function, scope, outer)) = names.function_at(def.start) else {
                return Vec::new();
            };
            let bound = is_bound_method(names, function, outer);
            given
                .into_iter()
                .filter(|argument| {
                    parameter(function, call, argument, bound).is_some_and(|parameter| {
                        context.calls_name(function, scope, parameter.name.as_str(), depth)
                    })
                })
                .collect()
        })
    }

    /// Whether a body calls one of its names there and then: not in a function inside, not for `await`.
    fn calls_name(
        &self,
        function: &ast::StmtFunctionDef,
        scope: ScopeId,
        name: &str,
        depth: usize,
    ) -> bool {
        const DEEPEST: usize = 3;
        let is_it = |expr: &Expr| expr.as_name_expr().is_some_and(|found| found.id == name);
        let mut found = false;
        body::events(self.names(), &function.body, scope, &mut |event| {
            let Event::Call {
                call, used, scope, ..
            } = event
            else {
                return;
            };
            if found || matches!(used, Use::Awaited) {
                return;
            }
            found = is_it(&call.func);
            if depth < DEEPEST
                && call.arguments.args.iter().any(is_it)
                && let Some(def) = self.called_function(call, scope)
            {
                found |= self.called_in(def, call, depth + 1).into_iter().any(is_it);
            }
        });
        found
    }
}

/// Whether a method takes its object before the arguments of a call.
pub(crate) fn is_bound_method(
    names: &Names<'_>,
    function: &ast::StmtFunctionDef,
    outer: ScopeId,
) -> bool {
    matches!(names.scope(outer).node, ScopeNode::Class(_))
        && !function.decorator_list.iter().any(|decorator| {
            decorator
                .expression
                .as_name_expr()
                .is_some_and(|name| name.id == "staticmethod")
        })
}

fn may_be_callable(expr: &Expr) -> bool {
    match expr {
        Expr::Lambda(_) | Expr::Name(_) | Expr::Attribute(_) => true,
        Expr::If(choice) => may_be_callable(&choice.body) && may_be_callable(&choice.orelse),
        Expr::Call(call) => crate::annotations::last_name(&call.func) == Some("partial"),
        _ => false,
    }
}

/// The parameter that an argument is given for.
pub(crate) fn parameter<'f>(
    function: &'f ast::StmtFunctionDef,
    call: &ast::ExprCall,
    expr: &Expr,
    bound: bool,
) -> Option<&'f ast::Parameter> {
    let parameters = &function.parameters;
    if let Some(keyword) = call
        .arguments
        .keywords
        .iter()
        .find(|keyword| keyword.value.range() == expr.range())
    {
        let name = keyword.arg.as_ref()?;
        return parameters
            .args
            .iter()
            .chain(&parameters.kwonlyargs)
            .map(|parameter| &parameter.parameter)
            .find(|parameter| parameter.name.as_str() == name.as_str());
    }
    let index = call
        .arguments
        .args
        .iter()
        .position(|argument| argument.range() == expr.range())?;
    if call.arguments.args[..index]
        .iter()
        .any(Expr::is_starred_expr)
    {
        return None;
    }
    parameters
        .posonlyargs
        .iter()
        .chain(&parameters.args)
        .nth(index + usize::from(bound))
        .map(|parameter| &parameter.parameter)
}

/// What a function does with a callable that it is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    /// It is called as a statement: what it gives is dropped.
    pub(crate) dropped: bool,
    /// Something else is done with it, or with what it gives.
    pub(crate) other: bool,
}

impl Fate {
    /// Nothing ever looks at what it gives.
    pub(crate) fn is_dropped(self) -> bool {
        self.dropped && !self.other
    }

    fn and(self, other: Self) -> Self {
        Self {
            dropped: self.dropped || other.dropped,
            other: self.other || other.other,
        }
    }

    const OTHER: Self = Self {
        dropped: false,
        other: true,
    };
    const NEUTRAL: Self = Self {
        dropped: false,
        other: false,
    };
    const DROPPED: Self = Self {
        dropped: true,
        other: false,
    };
}

/// What becomes of a parameter. `class` is the body of the class that the function is a method of: a parameter that is kept
/// in an attribute is followed there.
pub(crate) fn fate_of_parameter(
    function: &ast::StmtFunctionDef,
    class: Option<&ast::StmtClassDef>,
    name: &str,
) -> Fate {
    let keeper = class.and_then(|class| Some((class, first_parameter(function)?)));
    fate_of_name(&function.body, name, keeper)
}

fn fate_of_name(body: &[Stmt], name: &str, keeper: Option<(&ast::StmtClassDef, &str)>) -> Fate {
    let is_it = |expr: &Expr| {
        expr.as_name_expr()
            .is_some_and(|found| found.id == name && !found.ctx.is_store())
    };
    let mut fate = Fate::NEUTRAL;
    uses(body, &is_it, &mut |expr, around| {
        let kept = keeper.and_then(|(class, this)| {
            let (attribute, in_list) = kept_in(around, this)?;
            Some(fate_of_attribute(class, attribute, in_list))
        });
        fate = fate.and(kept.unwrap_or_else(|| fate_of_use(expr, around)));
    });
    fate
}

/// What becomes of `self.attribute` in the methods of a class, or of what is in it.
fn fate_of_attribute(class: &ast::StmtClassDef, attribute: &str, in_list: bool) -> Fate {
    let mut fate = Fate::NEUTRAL;
    for stmt in &class.body {
        let Stmt::FunctionDef(method) = stmt else {
            continue;
        };
        let Some(this) = first_parameter(method) else {
            continue;
        };
        let is_it = |expr: &Expr| {
            expr.as_attribute_expr().is_some_and(|found| {
                found.attr.as_str() == attribute
                    && !found.ctx.is_store()
                    && found
                        .value
                        .as_name_expr()
                        .is_some_and(|owner| owner.id == this)
            })
        };
        uses(&method.body, &is_it, &mut |expr, around| {
            fate = fate.and(if in_list {
                fate_of_list(around, &method.body)
            } else if let Some(AnyNodeRef::StmtAssign(assign)) = around.last()
                && let [Expr::Name(alias)] = assign.targets.as_slice()
            {
                fate_of_name(&method.body, alias.id.as_str(), None)
            } else {
                fate_of_use(expr, around)
            });
        });
    }
    fate
}

/// `for callback in self.callbacks: callback()`, and what keeps the list.
fn fate_of_list(around: &[AnyNodeRef<'_>], body: &[Stmt]) -> Fate {
    let mut outward = around.iter().rev();
    match outward.next() {
        Some(AnyNodeRef::StmtFor(each)) => match &*each.target {
            Expr::Name(item) => fate_of_name(body, item.id.as_str(), None),
            _ => Fate::OTHER,
        },
        Some(AnyNodeRef::ExprCall(call)) => {
            // `for callback in list(self.callbacks):`
            let copies = call
                .func
                .as_name_expr()
                .is_some_and(|name| matches!(name.id.as_str(), "list" | "tuple" | "reversed"));
            match outward.next() {
                Some(AnyNodeRef::StmtFor(each)) if copies => match &*each.target {
                    Expr::Name(item) => fate_of_name(body, item.id.as_str(), None),
                    _ => Fate::OTHER,
                },
                _ => Fate::OTHER,
            }
        }
        Some(AnyNodeRef::ExprAttribute(attribute)) => {
            if matches!(
                attribute.attr.as_str(),
                "append" | "add" | "remove" | "discard" | "clear" | "copy"
            ) {
                Fate::NEUTRAL
            } else {
                Fate::OTHER
            }
        }
        Some(AnyNodeRef::ExprCompare(_) | AnyNodeRef::StmtIf(_)) => Fate::NEUTRAL,
        _ => Fate::OTHER,
    }
}

/// The attribute of `this` in which a use keeps a value: `this.attribute = value`, or, in a list, `this.attribute.append(value)`.
fn kept_in<'a>(around: &[AnyNodeRef<'a>], this: &str) -> Option<(&'a str, bool)> {
    let of_this = |expr: &'a Expr| {
        let attribute = expr.as_attribute_expr()?;
        let owner = attribute.value.as_name_expr()?;
        (owner.id == this).then_some(attribute.attr.as_str())
    };
    match around.last()? {
        AnyNodeRef::StmtAssign(assign) => match assign.targets.as_slice() {
            [target] => Some((of_this(target)?, false)),
            _ => None,
        },
        AnyNodeRef::StmtAnnAssign(assign) => Some((of_this(&assign.target)?, false)),
        AnyNodeRef::ExprCall(call) => {
            let method = call.func.as_attribute_expr()?;
            matches!(method.attr.as_str(), "append" | "add")
                .then_some((of_this(&method.value)?, true))
        }
        _ => None,
    }
}

/// What one use does, by the nodes around it, innermost last.
fn fate_of_use(expr: &Expr, around: &[AnyNodeRef<'_>]) -> Fate {
    let mut outward = around.iter().rev();
    match outward.next() {
        Some(AnyNodeRef::ExprCall(call)) => {
            if call
                .func
                .as_name_expr()
                .is_some_and(|name| name.id == "callable")
            {
                return Fate::NEUTRAL;
            }
            let is_called = call.func.range() == expr.range();
            match outward.next() {
                Some(AnyNodeRef::StmtExpr(_)) if is_called => Fate::DROPPED,
                _ => Fate::OTHER,
            }
        }
        Some(
            AnyNodeRef::StmtIf(_)
            | AnyNodeRef::ExprUnaryOp(_)
            | AnyNodeRef::ExprCompare(_)
            | AnyNodeRef::StmtAssert(_),
        ) => Fate::NEUTRAL,
        Some(AnyNodeRef::ExprBoolOp(_)) => match outward.next() {
            Some(AnyNodeRef::StmtIf(_) | AnyNodeRef::ExprBoolOp(_)) => Fate::NEUTRAL,
            _ => Fate::OTHER,
        },
        _ => Fate::OTHER,
    }
}

/// Every expression of a body that `is_it`, with the nodes around it.
fn uses<'a>(
    body: &'a [Stmt],
    is_it: &dyn Fn(&Expr) -> bool,
    seen: &mut dyn FnMut(&'a Expr, &[AnyNodeRef<'a>]),
) {
    struct Uses<'a, 's> {
        is_it: &'s dyn Fn(&Expr) -> bool,
        seen: &'s mut dyn FnMut(&'a Expr, &[AnyNodeRef<'a>]),
        around: Vec<AnyNodeRef<'a>>,
    }
    impl<'a> Visitor<'a> for Uses<'a, '_> {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            self.around.push(AnyNodeRef::from(stmt));
            visitor::walk_stmt(self, stmt);
            self.around.pop();
        }

        fn visit_annotation(&mut self, _: &'a Expr) {}

        fn visit_expr(&mut self, expr: &'a Expr) {
            if (self.is_it)(expr) {
                (self.seen)(expr, &self.around);
                return;
            }
            self.around.push(AnyNodeRef::from(expr));
            visitor::walk_expr(self, expr);
            self.around.pop();
        }
    }
    Uses {
        is_it,
        seen,
        around: Vec::new(),
    }
    .visit_body(body);
}
