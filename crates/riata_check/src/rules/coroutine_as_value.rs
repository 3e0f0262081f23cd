use ruff_python_ast::{self as ast, AnyNodeRef, Expr};
use ruff_text_size::Ranged;

use crate::annotations::{is_plain, is_plain_value, last_name};
use crate::checker::{Checker, Report};
use crate::context::{Context, Value};
use crate::functions::{Returned, is_generator, is_stub};
use crate::given::parameter;
use crate::lost::{Lost, Use, add_await, called, is_expected_to_fail, lost, used};
use crate::names::{ScopeId, ScopeNode};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds coroutines where the value is expected that awaiting them would give: in an f-string, in arithmetic, under a
    /// subscript, as the object of an attribute, in a loop, as an argument, a returned or a stored value that is declared as something else.
    ///
    /// ## Why is this bad?
    /// Some of these fail at once, where they are rarely run. Others write `<coroutine object …>` into a text, or hand the
    /// coroutine on to code that does not know what to do with it.
    ///
    /// ## Example
    /// ```python
    /// async def embed(self, text) -> list[float]:
    ///     return self._embed(text)  # an `async def` method
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def embed(self, text) -> list[float]:
    ///     return await self._embed(text)
    /// ```
    ///
    /// ## Fix safety
    /// The fix adds `await`. It is unsafe: it changes what runs when.
    ///
    /// ## False alarms known
    /// An async function that returns a coroutine on purpose, for its caller to await twice.
    "RIA203", "coroutine-as-value", default: true, fix: Unsafe,
    hooks: [Expr(check)],
}

fn check(checker: &Checker<'_>, expr: &Expr) {
    if !matches!(expr, Expr::Call(_) | Expr::Name(_) | Expr::Subscript(_)) {
        return;
    }
    let use_ = used(checker, expr);
    let is_call = matches!(expr, Expr::Call(_));
    let how = match use_ {
        Use::Formatted if is_call => "formatted".to_owned(),
        Use::Calculated => "calculated with".to_owned(),
        Use::Subscripted => "subscripted".to_owned(),
        Use::Attribute(attribute) => format!("asked for its `{}`", attribute.attr),
        Use::Iterated => "iterated over".to_owned(),
        Use::Called => "called".to_owned(),
        Use::Argument(call) => match passed(checker, call, expr) {
            Some(how) => how,
            None => return,
        },
        Use::Returned if is_call => match returned(checker, expr) {
            Some(how) => how,
            None => return,
        },
        Use::Assigned(statement) if is_call => match stored(checker, statement) {
            Some(how) => how,
            None => return,
        },
        _ if is_call && is_mixed_item(checker, expr) => "kept among plain values".to_owned(),
        _ => return,
    };
    let Some(lost) = lost(checker, expr) else {
        return;
    };
    let certain = match lost {
        Lost::Coroutine => true,
        Lost::Awaitable => !matches!(use_, Use::Returned | Use::Assigned(_)),
        // A task may be handed on; what it is not, is a number or a list.
        Lost::Task | Lost::Future => {
            is_call && matches!(use_, Use::Calculated | Use::Subscripted | Use::Called)
        }
    };
    if !certain || is_expected_to_fail(checker) {
        return;
    }
    // A method that only subclasses fill may yield there.
    if matches!(use_, Use::Iterated) && calls_stub(checker, expr) {
        return;
    }
    let message = format!(
        "`{}` is {} that is {how}, not its result",
        called(checker, expr),
        lost.article()
    );
    let mut report = Report::new(&RULE, expr, message);
    match add_await(checker, expr) {
        Some(fix) => report = report.fix(fix),
        None => report = report.help("await it in an async function"),
    }
    checker.report(report);
}

fn calls_stub(checker: &Checker<'_>, expr: &Expr) -> bool {
    let Expr::Call(call) = expr else { return false };
    checker.callees(call).iter().any(|callee| {
        let Some(def) = callee.def else { return false };
        let Some(module) = checker.context.worker.module_of(def) else {
            return false;
        };
        module
            .names()
            .function_at(def.start)
            .is_some_and(|(function, _, _)| is_stub(function))
    })
}

/// The builtin that a call calls.
pub(super) fn builtin<'c>(checker: &Checker<'_>, call: &'c ast::ExprCall) -> Option<&'c str> {
    let name = call.func.as_name_expr()?.id.as_str();
    checker
        .context
        .names()
        .lookup(name, checker.scope())
        .is_none()
        .then_some(name)
}

/// How a coroutine is lost as an argument, if it is.
fn passed(checker: &Checker<'_>, call: &ast::ExprCall, expr: &Expr) -> Option<String> {
    if let Some(name) = builtin(checker, call) {
        let takes_value = matches!(
            name,
            "int"
                | "float"
                | "len"
                | "list"
                | "tuple"
                | "set"
                | "dict"
                | "sorted"
                | "sum"
                | "min"
                | "max"
                | "any"
                | "all"
                | "enumerate"
                | "zip"
                | "map"
                | "filter"
                | "range"
                | "abs"
                | "round"
                | "iter"
                | "next"
                | "frozenset"
                | "bytes"
                | "reversed"
                | "divmod"
                | "chr"
                | "ord"
                | "hex"
        ) || (matches!(name, "hasattr" | "getattr") && expr.is_call_expr());
        // A name may be printed to see what it is.
        let shows = matches!(name, "str" | "print" | "format" | "repr") && expr.is_call_expr();
        return (takes_value || shows).then(|| format!("given to `{name}`"));
    }
    if let Expr::Attribute(attribute) = &*call.func
        && matches!(
            attribute.attr.as_str(),
            "debug" | "info" | "warning" | "error" | "exception" | "critical"
        )
        && expr.is_call_expr()
        && last_name(&attribute.value).is_some_and(|name| {
            matches!(
                name.to_ascii_lowercase().as_str(),
                "log" | "logger" | "_logger" | "logging"
            )
        })
    {
        return Some("written to the log".to_owned());
    }
    if let Some(method) = takes_values(checker, call) {
        return Some(format!("given to `{method}`"));
    }
    let callees = checker.callees(call);
    let [callee] = &*callees else { return None };
    if matches!(
        callee.name.as_str(),
        "json.dumps" | "json.loads" | "copy.deepcopy"
    ) {
        return Some(format!("given to `{}`", callee.name));
    }
    let def = callee.def?;
    let module = checker.context.worker.module_of(def)?;
    let context = Context::new(checker.context.worker, &module);
    let names = module.names();
    if callee.is_class {
        let class = names.class_at(def.start)?;
        if let Some(init) = context.method(def, "__init__") {
            return parameter_is_plain(checker, init, call, expr, true);
        }
        // A field of a dataclass or a model.
        let keyword = call
            .arguments
            .keywords
            .iter()
            .find(|keyword| keyword.value.range() == expr.range())?;
        let field = keyword.arg.as_ref()?;
        return names
            .bindings(field.as_str(), class.1)
            .iter()
            .find_map(|binding| match binding {
                crate::names::Binding::Annotated { annotation, .. } => {
                    is_plain_value(&context, annotation, class.1)
                        .then(|| format!("given for `{field}`"))
                }
                _ => None,
            });
    }
    let (function, _, scope) = names.function_at(def.start)?;
    let is_method = matches!(names.scope(scope).node, ScopeNode::Class(_))
        && !function
            .decorator_list
            .iter()
            .any(|decorator| last_name(&decorator.expression) == Some("staticmethod"));
    let through_class = match &*call.func {
        Expr::Attribute(attribute) => matches!(checker.value(&attribute.value), Value::Class(_)),
        _ => false,
    };
    if is_method && through_class {
        return None;
    }
    parameter_is_plain(checker, def, call, expr, is_method)
}

/// `rows.extend(…)` of a list, `", ".join(…)`: methods of builtins that iterate over their only argument at once.
fn takes_values<'c>(checker: &Checker<'_>, call: &'c ast::ExprCall) -> Option<&'c str> {
    let Expr::Attribute(attribute) = &*call.func else {
        return None;
    };
    if call.arguments.len() != 1 {
        return None;
    }
    let method = attribute.attr.as_str();
    let Value::Instance(class) = checker.value(&attribute.value) else {
        return None;
    };
    matches!(
        (class.name.as_str(), method),
        ("builtins.list" | "collections.deque", "extend")
            | ("builtins.dict" | "builtins.set", "update")
            | ("builtins.str" | "builtins.bytes", "join")
            | (
                "builtins.set" | "builtins.frozenset",
                "union" | "intersection" | "difference" | "issubset"
            )
    )
    .then_some(method)
}

/// Whether the parameter that an argument is given for is declared as something that is not awaited.
fn parameter_is_plain(
    checker: &Checker<'_>,
    def: crate::program::Def,
    call: &ast::ExprCall,
    expr: &Expr,
    bound: bool,
) -> Option<String> {
    let module = checker.context.worker.module_of(def)?;
    let context = Context::new(checker.context.worker, &module);
    let (function, _, scope) = module.names().function_at(def.start)?;
    // One signature of many says nothing of the others, and what a decorator takes is its own.
    let described = checker.context.worker.function(def)?;
    if !described.decorators_are_plain()
        || described
            .decorators
            .iter()
            .any(|name| name == "typing.overload")
    {
        return None;
    }
    let parameter = parameter(function, call, expr, bound)?;
    let annotation = parameter.annotation.as_deref()?;
    is_plain_value(&context, annotation, scope).then(|| format!("given for `{}`", parameter.name))
}

/// How a coroutine is lost by `return`, if it is.
fn returned(checker: &Checker<'_>, expr: &Expr) -> Option<String> {
    let function = checker.function()?;
    let context = &checker.context;
    let scope = context.names().of_function(function)?;
    if scope != checker.scope() || is_generator(function) {
        return None;
    }
    let outer = context
        .names()
        .scope(scope)
        .parent
        .unwrap_or(ScopeId::MODULE);
    let how = || "returned".to_owned();
    match function.returns.as_deref() {
        Some(annotation) if function.is_async => is_plain(context, annotation, outer).then(how),
        // A plain function may be declared for its synchronous use alone.
        Some(_) => None,
        None if function.is_async => expects_value(checker, function, expr).then(how),
        None => None,
    }
}

/// Whether an async function without annotations is known to give a plain value: it overrides an async method and returns
/// what that one gives, or its other `return` statements give what was awaited, or constants.
fn expects_value(checker: &Checker<'_>, function: &ast::StmtFunctionDef, expr: &Expr) -> bool {
    if let Expr::Call(call) = expr
        && let Expr::Attribute(attribute) = &*call.func
        && attribute.attr.as_str() == function.name.as_str()
        && let Expr::Call(owner) = &*attribute.value
        && last_name(&owner.func) == Some("super")
    {
        return true;
    }
    if let Some(class) = checker.class() {
        let context = &checker.context;
        let names = context.names();
        let outer = names
            .of_class(class)
            .and_then(|scope| names.scope(scope).parent);
        for base in class.bases() {
            let Value::Class(found) = context.value(base, outer.unwrap_or(ScopeId::MODULE)) else {
                continue;
            };
            if let Some(def) = found
                .def
                .and_then(|def| context.method(def, function.name.as_str()))
                && let Some(module) = context.worker.module_of(def)
                && let Some((method, _, scope)) = module.names().function_at(def.start)
                && let Some(annotation) = &method.returns
                && is_plain_value(&Context::new(context.worker, &module), annotation, scope)
            {
                return true;
            }
        }
    }
    Returned::of(function).iter().any(|other| {
        other.is_await_expr()
            || (other.is_literal_expr() && !other.is_none_literal_expr())
            || matches!(
                other,
                Expr::Compare(_)
                    | Expr::Dict(_)
                    | Expr::List(_)
                    | Expr::FString(_)
                    | Expr::ListComp(_)
                    | Expr::DictComp(_)
            )
    })
}

/// How a coroutine is lost by being stored, if it is.
fn stored(checker: &Checker<'_>, statement: AnyNodeRef<'_>) -> Option<String> {
    let context = &checker.context;
    match statement {
        AnyNodeRef::StmtAnnAssign(assign) => {
            is_plain_value(context, &assign.annotation, checker.scope())
                .then(|| "stored".to_owned())
        }
        AnyNodeRef::StmtAssign(assign) => {
            if let [Expr::Subscript(subscript)] = assign.targets.as_slice() {
                return fills_placeholder(checker, subscript)
                    .then(|| "kept among plain values".to_owned());
            }
            let [Expr::Attribute(attribute)] = assign.targets.as_slice() else {
                return None;
            };
            let declared = declared_plain(checker, attribute)?;
            declared.then(|| format!("stored in `{}`", context.source(attribute)))
        }
        _ => None,
    }
}

/// `answer["body"] = read()` where `answer` is a dictionary that was made with a place for it, among other values.
fn fills_placeholder(checker: &Checker<'_>, subscript: &ast::ExprSubscript) -> bool {
    let (Expr::Name(name), Expr::StringLiteral(key)) = (&*subscript.value, &*subscript.slice)
    else {
        return false;
    };
    let Some((_, [crate::names::Binding::Value(Expr::Dict(dict))])) = checker
        .context
        .names()
        .lookup(name.id.as_str(), checker.scope())
    else {
        return false;
    };
    let has_place = dict.items.iter().any(|item| {
        item.value.is_none_literal_expr()
            && matches!(&item.key, Some(Expr::StringLiteral(found)) if found.value.to_str() == key.value.to_str())
    });
    let others = dict
        .items
        .iter()
        .any(|item| !item.value.is_none_literal_expr() && !item.value.is_call_expr());
    has_place && others
}

/// Whether `self.name` is declared as something that is not awaited, in the class or a base of it.
fn declared_plain(checker: &Checker<'_>, attribute: &ast::ExprAttribute) -> Option<bool> {
    let Value::Instance(class) = checker.context.value(&attribute.value, checker.scope()) else {
        return None;
    };
    let def = match class.def {
        Some(def) => def,
        None => {
            // `self` of the class at hand.
            let class = checker.class()?;
            let own = attribute.value.as_name_expr()?;
            let function = checker.function()?;
            if crate::names::first_parameter(function) != Some(own.id.as_str()) {
                return None;
            }
            checker.context.def_at(class.name.start())
        }
    };
    declared_in(&checker.context, def, attribute.attr.as_str(), 0)
}

fn declared_in(
    context: &Context<'_>,
    class: crate::program::Def,
    name: &str,
    depth: usize,
) -> Option<bool> {
    if depth > 8 {
        return None;
    }
    let module = context.worker.module_of(class)?;
    let inner = Context::new(context.worker, &module);
    let (statement, scope, outer) = module.names().class_at(class.start)?;
    for binding in module.names().bindings(name, scope) {
        if let crate::names::Binding::Annotated { annotation, .. } = binding {
            return Some(is_plain_value(&inner, annotation, scope));
        }
    }
    for found in module.names().attribute(scope, name) {
        if let Some(annotation) = found.annotation {
            return Some(is_plain_value(&inner, annotation, found.scope));
        }
    }
    statement
        .bases()
        .iter()
        .find_map(|base| match inner.value(base, outer) {
            Value::Class(base) => declared_in(&inner, base.def?, name, depth + 1),
            _ => None,
        })
}

/// A value of a dictionary display whose other values are plain: literals, calculations, or what is awaited.
fn is_mixed_item(checker: &Checker<'_>, expr: &Expr) -> bool {
    let Some(AnyNodeRef::ExprDict(dict)) = checker.parent() else {
        return false;
    };
    let mut plain = 0;
    for item in &dict.items {
        let same = item.value.range() == expr.range();
        if !same
            && (item.value.is_await_expr()
                || item.value.is_literal_expr()
                || item.value.is_f_string_expr())
        {
            plain += 1;
        }
    }
    plain > 0
}
