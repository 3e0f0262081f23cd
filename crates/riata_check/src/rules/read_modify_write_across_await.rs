use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};

use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, Suspension, What, place};
use crate::locks::{classes, held, locked};
use crate::names::ScopeId;
use crate::rules::rule;
use crate::shared::shared;

rule! {
    /// ## What it does
    /// Finds values that are read from a shared attribute (or a file), changed, and written back, with an `await` between the
    /// reading and the writing and no lock.
    ///
    /// ## Why is this bad?
    /// What other tasks write during the `await` is overwritten. Also in `self.total += await size()`: the old total is
    /// read before the `await`.
    ///
    /// ## Example
    /// ```python
    /// left = player.chests
    /// await self.open_one(player)
    /// player.chests = left - 1
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// player.chests -= 1
    /// await self.open_one(player)
    /// ```
    ///
    /// or a lock around all of it.
    ///
    /// ## False alarms known
    /// An object that a single task uses, ever.
    "RIA704", "read-modify-write-across-await", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async {
        return;
    }
    let context = &checker.context;
    let flow = context.flow(checker.scope());
    for (index, step) in flow.steps.iter().enumerate() {
        let What::Write {
            target,
            value: Some(value),
            augmented,
        } = step.what
        else {
            continue;
        };
        let Expr::Attribute(attribute) = target else {
            continue;
        };
        if !may_be_shared(context, &flow, attribute, index, step.scope) {
            continue;
        }
        let Some(text) = place(target) else { continue };
        let read = if augmented {
            in_one_statement(context, &flow, &text, target, value, index)
        } else {
            before(context, &flow, &text, value, index)
        };
        let Some(read) = read else { continue };
        let Some(suspension) = suspended(context, &flow, read, index) else {
            continue;
        };
        if locked(context, &flow, read, index) {
            continue;
        }
        checker.report(
            Report::new(
                &RULE,
                target.range(),
                format!("`{text}` is written from a value that was read before an `await`"),
            )
            .related(checker, suspension, "what other tasks write here is lost")
            .help("read it after the `await`, or hold an `asyncio.Lock`"),
        );
    }
    rewritten_file(checker, &flow);
}

/// `self.x` in a method, or an attribute of what was got from something shared.
fn may_be_shared(
    context: &Context<'_>,
    flow: &Flow<'_>,
    target: &ast::ExprAttribute,
    index: usize,
    scope: ScopeId,
) -> bool {
    if let Expr::Name(owner) = &*target.value
        && crate::shared::is_local(context, owner.id.as_str(), scope)
    {
        return shared_owner(context, flow, owner.id.as_str(), index, scope);
    }
    place(&target.value).is_some()
        && shared(context, &Expr::Attribute(target.clone()), scope).is_some()
}

/// `self` itself, or a local that was looked up in something shared.
fn shared_owner(
    context: &Context<'_>,
    flow: &Flow<'_>,
    owner: &str,
    index: usize,
    scope: ScopeId,
) -> bool {
    let is_self = context
        .names()
        .enclosing_function(scope)
        .is_some_and(|(_, function)| crate::names::first_parameter(function) == Some(owner))
        && context.names().enclosing_class(scope).is_some();
    is_self
        || flow.steps[..index].iter().any(|step| match step.what {
            What::Write {
                target: Expr::Name(name),
                value: Some(value @ Expr::Subscript(_)),
                ..
            } => name.id == owner && shared(context, value, step.scope).is_some(),
            _ => false,
        })
}

/// `self.x += await f()`: the read comes first.
fn in_one_statement(
    context: &Context<'_>,
    flow: &Flow<'_>,
    text: &str,
    target: &Expr,
    value: &Expr,
    index: usize,
) -> Option<usize> {
    // Sets and lists are changed in place: nothing is lost.
    let operator = context.source(TextRange::new(target.end(), value.start()));
    let in_place =
        classes(&context.value(target, flow.steps[index].scope)).is_some_and(|classes| {
            classes
                .iter()
                .any(|class| !matches!(*class, "builtins.int" | "builtins.float" | "builtins.str"))
        });
    if in_place || !(operator.contains("+=") || operator.contains("-=")) {
        return None;
    }
    flow.steps[..index]
        .iter()
        .rposition(|step| match step.what {
            What::Read(expr) => {
                expr.range() == target.range() && place(expr).as_deref() == Some(text)
            }
            _ => false,
        })
}

/// The read of the place whose value a local carries over an await into the new one; or a read in the value itself.
fn before(
    context: &Context<'_>,
    flow: &Flow<'_>,
    text: &str,
    value: &Expr,
    index: usize,
) -> Option<usize> {
    // A token is good for one renewal: `self.token = await renew(self.token)`.
    let renews = || match value {
        Expr::Await(awaited) => match &*awaited.value {
            Expr::Call(call) => {
                let name = crate::uses::called_name(call);
                text.contains("token")
                    && ["refresh", "renew", "rotate"]
                        .iter()
                        .any(|word| name.contains(word))
            }
            _ => false,
        },
        _ => false,
    };
    // Written back as it was: somebody restores it.
    if !value.is_bin_op_expr() && !renews() {
        return None;
    }
    let mut names = Names { found: Vec::new() };
    ast::visitor::Visitor::visit_expr(&mut names, value);
    let by_local = flow.steps[..index]
        .iter()
        .enumerate()
        .rev()
        .find_map(|(at, step)| match step.what {
            What::Write {
                target: Expr::Name(local),
                value: Some(from),
                augmented: false,
            } if names.found.contains(&local.id.as_str())
                && place(from).as_deref() == Some(text)
                && flow.follows(at, index) =>
            {
                Some(at)
            }
            _ => None,
        });
    let by_itself = || {
        flow.steps[..index]
            .iter()
            .rposition(|step| match step.what {
                What::Read(expr) => {
                    value.range().contains_range(expr.range())
                        && place(expr).as_deref() == Some(text)
                }
                _ => false,
            })
    };
    let read = by_local.or_else(by_itself)?;
    // Looked at again, or written, in between.
    let again = flow
        .between(read, index)
        .any(|middle| match flow.steps[middle].what {
            What::Read(expr) => {
                place(expr).as_deref() == Some(text)
                    && !value.range().contains_range(expr.range())
                    && suspended(context, flow, read, middle).is_some()
            }
            What::Write { target, .. } => place(target).as_deref() == Some(text),
            _ => false,
        });
    (!again).then_some(read)
}

struct Names<'a> {
    found: Vec<&'a str>,
}

impl<'a> ast::visitor::Visitor<'a> for Names<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Name(name) = expr {
            self.found.push(name.id.as_str());
        }
        ast::visitor::walk_expr(self, expr);
    }
}

fn suspended(
    context: &Context<'_>,
    flow: &Flow<'_>,
    first: usize,
    later: usize,
) -> Option<TextRange> {
    let (_, suspension) = context.suspensions(flow, first, later).next()?;
    Some(suspension.range())
}

/// A file that is read, changed, and written in one function.
fn rewritten_file(checker: &Checker<'_>, flow: &Flow<'_>) {
    let context = &checker.context;
    let mut read: Vec<&Expr> = Vec::new();
    for step in &flow.steps {
        let What::Suspend(Suspension::Enter(item)) = &step.what else {
            continue;
        };
        let Expr::Call(call) = &item.context_expr else {
            continue;
        };
        let is_open = context
            .name_of(call, step.scope)
            .is_some_and(|name| name.starts_with("aiofiles.") && name.ends_with("open"));
        let Some(path) = call.arguments.args.first().filter(|_| is_open) else {
            continue;
        };
        let mode = match call.arguments.find_argument_value("mode", 1) {
            None => "r",
            Some(Expr::StringLiteral(mode)) => mode.value.to_str(),
            Some(_) => continue,
        };
        if held(context, flow, step.frame, step.scope) {
            continue;
        }
        if mode.starts_with('r') && !mode.contains('+') {
            read.push(path);
        } else if mode.starts_with('w')
            && read
                .iter()
                .any(|other| context.source(*other) == context.source(path))
        {
            checker.report(
                Report::new(
                    &RULE,
                    item.context_expr.range(),
                    "A file is written from what was read before an `await`",
                )
                .help("hold an `asyncio.Lock` from the reading to the writing"),
            );
        }
    }
}
