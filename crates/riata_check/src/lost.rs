//! Values that have to be awaited, where the walk stands at them: what they are and what becomes of them.

use ruff_python_ast::{self as ast, AnyNodeRef, Expr};
use ruff_text_size::{Ranged, TextRange};

use crate::annotations::last_name;
use crate::checker::Checker;
use crate::context::{Awaitable, Callee, Value, last};
use crate::diagnostic::{Edit, Fix};
use crate::functions::is_stub;
use crate::names::{Binding, ScopeNode};

/// What is lost when nobody awaits an expression's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    Coroutine,
    /// Declared as `Awaitable`: it may be a coroutine or a future.
    Awaitable,
    Task,
    Future,
}

impl Lost {
    pub(crate) fn article(self) -> &'static str {
        match self {
            Self::Coroutine => "a coroutine",
            Self::Awaitable => "an awaitable",
            Self::Task => "a task",
            Self::Future => "a future",
        }
    }
}

/// What a call gives that has to be awaited, or a name that was bound to such a call in the same function.
pub(crate) fn lost(checker: &Checker<'_>, expr: &Expr) -> Option<Lost> {
    match expr {
        Expr::Call(call) => lost_call(checker, call, expr),
        Expr::Name(name) => {
            let names = checker.context.names();
            let (scope, bindings) = names.lookup(name.id.as_str(), checker.scope())?;
            let here = names
                .enclosing_function(checker.scope())
                .map(|(scope, _)| scope);
            // Not a parameter, not a name of another function that may have been bound anew in between.
            let own = bindings.iter().any(|binding| match binding {
                Binding::Value(value) => is_made_here(value),
                _ => false,
            });
            if !own
                || names.enclosing_function(scope).map(|(scope, _)| scope) != here
                || checker
                    .function()
                    .is_some_and(|function| is_asked(&function.body, name.id.as_str()))
            {
                return None;
            }
            (checker.awaitable(expr) == Awaitable::Coroutine).then_some(Lost::Coroutine)
        }
        Expr::Subscript(subscript) => lost_item(checker, subscript),
        _ => None,
    }
}

/// A call, or one of several.
fn is_made_here(value: &Expr) -> bool {
    match value {
        Expr::Call(_) => true,
        Expr::If(choice) => is_made_here(&choice.body) && is_made_here(&choice.orelse),
        Expr::BoolOp(operation) => operation.values.last().is_some_and(is_made_here),
        _ => false,
    }
}

/// `calls["first"]`, where `calls` is a display of this function that nothing else is put into.
fn lost_item(checker: &Checker<'_>, subscript: &ast::ExprSubscript) -> Option<Lost> {
    let name = subscript.value.as_name_expr()?.id.as_str();
    let context = &checker.context;
    let names = context.names();
    let (scope, [Binding::Value(Expr::Dict(_) | Expr::List(_) | Expr::Tuple(_))]) =
        names.lookup(name, checker.scope())?
    else {
        return None;
    };
    let function = checker.function()?;
    if names.of_function(function) != Some(scope) {
        return None;
    }
    let mut is_filled = false;
    crate::uses::exprs(&function.body, true, &mut |expr| {
        let owner = match expr {
            Expr::Subscript(found) if !found.ctx.is_load() => &*found.value,
            Expr::Attribute(found) => &*found.value,
            _ => return,
        };
        is_filled |= owner.as_name_expr().is_some_and(|owner| owner.id == name);
    });
    let key = Some(&*subscript.slice);
    let item = context.item(&subscript.value, key, checker.scope(), 0);
    let is_coroutine =
        matches!(item, Value::Instance(class) if class.name == "types.CoroutineType");
    (is_coroutine && !is_filled).then_some(Lost::Coroutine)
}

/// `if asyncio.iscoroutine(response):` somewhere in a body: it is told apart there.
fn is_asked(body: &[ast::Stmt], name: &str) -> bool {
    let mut found = false;
    crate::uses::exprs(body, false, &mut |expr| {
        let Expr::Call(call) = expr else { return };
        found |= matches!(
            crate::uses::called_name(call),
            "iscoroutine"
                | "isawaitable"
                | "isfuture"
                | "is_coroutine"
                | "is_awaitable"
                | "isinstance"
        ) && call
            .arguments
            .args
            .first()
            .and_then(Expr::as_name_expr)
            .is_some_and(|asked| asked.id == name);
    });
    found
}

fn lost_call(checker: &Checker<'_>, call: &ast::ExprCall, expr: &Expr) -> Option<Lost> {
    let found = match checker.awaitable(expr) {
        Awaitable::Coroutine => Lost::Coroutine,
        Awaitable::Task => Lost::Task,
        Awaitable::Future => Lost::Future,
        Awaitable::Other => match checker.value(expr) {
            Value::Instance(class) if last(&class.name) == "Awaitable" => Lost::Awaitable,
            _ => return None,
        },
        Awaitable::No | Awaitable::Unknown => return None,
    };
    let callees = checker.callees(call);
    if callees
        .iter()
        .any(|callee| iterates_in_subclasses(checker, callee))
    {
        return None;
    }
    Some(found)
}

/// `async def stream(self) -> AsyncIterator[int]: ...` of an abstract class: the subclasses yield.
fn iterates_in_subclasses(checker: &Checker<'_>, callee: &Callee) -> bool {
    let Some(def) = callee.def else { return false };
    let Some(module) = checker.context.worker.module_of(def) else {
        return false;
    };
    let Some((function, _, _)) = module.names().function_at(def.start) else {
        return false;
    };
    let Some(returns) = function.returns.as_deref() else {
        return false;
    };
    let named = match returns {
        Expr::Subscript(subscript) => last_name(&subscript.value),
        other => last_name(other),
    };
    matches!(
        named,
        Some("AsyncIterator" | "AsyncIterable" | "AsyncGenerator")
    ) && is_stub(function)
}

/// How a value that has to be awaited is used.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Use<'a> {
    /// In a truth test: `if`, `while`, `assert`, `not`, `and`, `or`, `bool()`.
    Tested,
    Compared,
    /// In an f-string.
    Formatted,
    Calculated,
    Subscripted,
    /// An attribute is read that it does not have.
    Attribute(&'a ast::ExprAttribute),
    Iterated,
    Called,
    Argument(&'a ast::ExprCall),
    Returned,
    Assigned(AnyNodeRef<'a>),
    /// Awaited, put into a container, or anything else that may be right.
    Other,
}

/// What the code around the expression at hand does with it.
pub(crate) fn used<'a>(checker: &Checker<'a>, expr: &Expr) -> Use<'a> {
    let mut child = expr.range();
    for parent in checker.ancestors() {
        let found = match parent {
            AnyNodeRef::ExprIf(choice) => {
                if choice.test.range() == child {
                    return Use::Tested;
                }
                None
            }
            AnyNodeRef::ExprBoolOp(operation) => {
                if operation
                    .values
                    .last()
                    .is_some_and(|last| last.range() != child)
                {
                    return Use::Tested;
                }
                None
            }
            AnyNodeRef::ExprNamed(_) => None,
            other => Some(direct(other, child, expr.is_call_expr())),
        };
        match found {
            Some(found) => return found,
            None => {
                child = parent.range();
            }
        }
    }
    Use::Other
}

fn direct<'a>(parent: AnyNodeRef<'a>, child: TextRange, is_call: bool) -> Use<'a> {
    let is = |expr: &Expr| expr.range() == child;
    match parent {
        AnyNodeRef::StmtIf(branch) => {
            let tested = is(&branch.test)
                || branch
                    .elif_else_clauses
                    .iter()
                    .any(|clause| clause.test.as_ref().is_some_and(is));
            if tested { Use::Tested } else { Use::Other }
        }
        AnyNodeRef::StmtWhile(_) => Use::Tested,
        AnyNodeRef::StmtAssert(assert) if is(&assert.test) => Use::Tested,
        AnyNodeRef::ExprUnaryOp(operation) => {
            if operation.op == ast::UnaryOp::Not {
                Use::Tested
            } else {
                Use::Calculated
            }
        }
        AnyNodeRef::ExprCompare(compare) => {
            // Identity is a question about the object itself, when somebody has it besides.
            let identity = compare
                .ops
                .iter()
                .any(|op| matches!(op, ast::CmpOp::Is | ast::CmpOp::IsNot));
            if identity && !is_call {
                Use::Other
            } else {
                Use::Compared
            }
        }
        AnyNodeRef::ExprListComp(ast::ExprListComp { generators, .. })
        | AnyNodeRef::ExprSetComp(ast::ExprSetComp { generators, .. })
        | AnyNodeRef::ExprDictComp(ast::ExprDictComp { generators, .. })
        | AnyNodeRef::ExprGenerator(ast::ExprGenerator { generators, .. }) => {
            for generator in generators {
                if is(&generator.iter) {
                    return Use::Iterated;
                }
                if generator.ifs.iter().any(is) {
                    return Use::Tested;
                }
            }
            Use::Other
        }
        AnyNodeRef::ExprFString(_) | AnyNodeRef::ExprTString(_) => Use::Formatted,
        AnyNodeRef::ExprBinOp(_) => Use::Calculated,
        AnyNodeRef::StmtAugAssign(_) => Use::Calculated,
        AnyNodeRef::ExprSubscript(subscript) if is(&subscript.value) => Use::Subscripted,
        AnyNodeRef::ExprAttribute(attribute) => {
            if is_own_attribute(attribute.attr.as_str()) {
                Use::Other
            } else {
                Use::Attribute(attribute)
            }
        }
        AnyNodeRef::ExprStarred(_) => Use::Iterated,
        AnyNodeRef::StmtFor(each) if is(&each.iter) => Use::Iterated,
        AnyNodeRef::ExprCall(call) => {
            if is(&call.func) {
                Use::Called
            } else {
                Use::Argument(call)
            }
        }
        AnyNodeRef::StmtReturn(_) => Use::Returned,
        AnyNodeRef::StmtAssign(statement) if is(&statement.value) => Use::Assigned(parent),
        AnyNodeRef::StmtAnnAssign(statement) if statement.value.as_deref().is_some_and(is) => {
            Use::Assigned(parent)
        }
        _ => Use::Other,
    }
}

/// What a coroutine, a task or a future has itself.
fn is_own_attribute(name: &str) -> bool {
    name.starts_with("__")
        || name.starts_with("cr_")
        || matches!(
            name,
            "send"
                | "throw"
                | "close"
                | "cancel"
                | "cancelled"
                | "done"
                | "result"
                | "exception"
                | "add_done_callback"
                | "remove_done_callback"
                | "set_name"
                | "get_name"
                | "set_result"
                | "set_exception"
                | "get_loop"
                | "get_coro"
                | "uncancel"
                | "cancelling"
                | "get_stack"
                | "print_stack"
                | "get_context"
        )
}

/// `await` before an expression, where an async function runs it; in parentheses where the code around it asks for them.
pub(crate) fn add_await(checker: &Checker<'_>, expr: &Expr) -> Option<Fix> {
    if !checker.in_async() || !is_run_by_function(checker) {
        return None;
    }
    // A coroutine that has a name can be awaited once.
    if let Expr::Name(name) = expr {
        let reads = crate::uses::loads(&checker.function()?.body, name.id.as_str());
        if reads.len() > 1 || is_repeated(checker) {
            return None;
        }
    }
    let parenthesize = match checker.parent() {
        Some(AnyNodeRef::ExprAttribute(_) | AnyNodeRef::ExprSubscript(_)) => true,
        Some(AnyNodeRef::ExprCall(call)) => call.func.range() == expr.range(),
        _ => false,
    };
    let edits = if parenthesize {
        vec![
            Edit::insert(expr.start(), "(await "),
            Edit::insert(expr.end(), ")"),
        ]
    } else {
        vec![Edit::insert(expr.start(), "await ")]
    };
    Some(Fix::risky("Await it", edits))
}

/// Whether a loop or a comprehension of the function stands around the expression at hand.
fn is_repeated(checker: &Checker<'_>) -> bool {
    let mut own = checker
        .ancestors()
        .take_while(|node| !node.is_stmt_function_def());
    own.any(|node| {
        matches!(
            node,
            AnyNodeRef::StmtFor(_)
                | AnyNodeRef::StmtWhile(_)
                | AnyNodeRef::ExprListComp(_)
                | AnyNodeRef::ExprSetComp(_)
                | AnyNodeRef::ExprDictComp(_)
        )
    })
}

/// No lambda and no generator expression between the expression at hand and the function.
fn is_run_by_function(checker: &Checker<'_>) -> bool {
    for ancestor in checker.ancestors() {
        match ancestor {
            AnyNodeRef::ExprLambda(_) | AnyNodeRef::ExprGenerator(_) => return false,
            AnyNodeRef::StmtFunctionDef(_) => return true,
            _ => {}
        }
    }
    true
}

/// How messages name what is called.
pub(crate) fn called(checker: &Checker<'_>, expr: &Expr) -> String {
    match expr {
        Expr::Call(call) => {
            let source = checker.context.source(&*call.func);
            if source.len() <= 60 && !source.contains('\n') {
                return source.to_owned();
            }
            last_name(&call.func).unwrap_or("the call").to_owned()
        }
        other => checker.context.source(other).to_owned(),
    }
}

/// Whether the statement at hand stands in `with pytest.raises(…)` or the like: that the call itself fails is thought of.
pub(crate) fn is_expected_to_fail(checker: &Checker<'_>) -> bool {
    // Somebody told another checker that it is meant.
    if let Some(start) = checker.here()
        && checker
            .context
            .text()
            .line(start)
            .contains("unused-coroutine")
    {
        return true;
    }
    checker.ancestors().any(|ancestor| match ancestor {
        AnyNodeRef::StmtWith(with) => with.items.iter().any(|item| match &item.context_expr {
            Expr::Call(call) => {
                matches!(
                    last_name(&call.func),
                    Some(
                        "raises"
                            | "warns"
                            | "assertRaises"
                            | "assertRaisesRegex"
                            | "assertWarns"
                            | "deprecated_call"
                            | "RaisesGroup"
                            | "assertWarnsRegex"
                    )
                ) || (last_name(&call.func) == Some("suppress")
                    && call
                        .arguments
                        .args
                        .iter()
                        .any(|class| last_name(class) == Some("TypeError")))
            }
            _ => false,
        }),
        _ => false,
    })
}

/// The calls whose values are lost when an expression's value is, or when what is in it is.
pub(crate) fn dropped<'a>(expr: &'a Expr, seen: &mut dyn FnMut(&'a Expr, &'a ast::ExprCall)) {
    match expr {
        Expr::Call(call) => seen(expr, call),
        Expr::If(choice) => {
            dropped(&choice.body, seen);
            dropped(&choice.orelse, seen);
        }
        Expr::BoolOp(operation) => {
            if let Some(last) = operation.values.last() {
                dropped(last, seen);
            }
        }
        Expr::Tuple(ast::ExprTuple { elts, .. })
        | Expr::List(ast::ExprList { elts, .. })
        | Expr::Set(ast::ExprSet { elts, .. }) => {
            elts.iter().for_each(|element| dropped(element, seen));
        }
        Expr::Dict(dict) => dict
            .items
            .iter()
            .for_each(|item| dropped(&item.value, seen)),
        Expr::ListComp(ast::ExprListComp { elt, .. })
        | Expr::SetComp(ast::ExprSetComp { elt, .. }) => dropped(elt, seen),
        Expr::DictComp(found) => dropped(&found.value, seen),
        _ => {}
    }
}

/// Whether a call gives an async generator: of a function that can be read, and that no subclass has another one for.
pub(crate) fn is_async_generator(checker: &Checker<'_>, call: &ast::ExprCall) -> bool {
    let callees = checker.callees(call);
    let [callee] = &*callees else { return false };
    let worker = checker.context.worker;
    let Some(def) = callee.def.filter(|_| !callee.is_class) else {
        return false;
    };
    let is_generator = worker.function(def).is_some_and(|function| {
        function.is_async
            && function.is_generator
            && function.decorators_are_plain()
            && !function
                .decorators
                .iter()
                .any(|name| name == "abc.abstractmethod" || name == "typing.overload")
    });
    if !is_generator || worker.module_of(def).is_none() {
        return false;
    }
    checker.context.in_module_of(def, |context| {
        let Some((function, _, outer)) = context.names().function_at(def.start) else {
            return false;
        };
        match context.names().scope(outer).node {
            ScopeNode::Class(class) => !worker
                .derived(class.name.as_str())
                .iter()
                .any(|derived| derived.methods.contains_key(function.name.as_str())),
            _ => true,
        }
    })
}

/// The function that `map` calls for each item, also where its results are put into a list.
pub(crate) fn mapped<'a>(checker: &Checker<'_>, expr: &'a Expr) -> Option<&'a Expr> {
    let Expr::Call(call) = expr else { return None };
    let names = checker.context.names();
    let name = call.func.as_name_expr()?.id.as_str();
    if names.lookup(name, checker.scope()).is_some() {
        return None;
    }
    match (name, &*call.arguments.args) {
        ("map", [function, _, ..]) => Some(function),
        ("list" | "tuple" | "set", [inner]) => mapped(checker, inner),
        _ => None,
    }
}
