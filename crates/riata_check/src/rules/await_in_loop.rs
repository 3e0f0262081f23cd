use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;
use rustc_hash::FxHashSet;

use crate::checker::{Checker, Report};
use crate::locks::may_exclude;
use crate::rules::{rule, sequential_awaits};
use crate::uses;

rule! {
    /// ## What it does
    /// Finds `for` loops that await something for each item before they come to the next: a call that is given the item, or a `gather`
    /// of what belongs to one item alone. Off by default: `sequential-awaits` reports the loops that do nothing but collect.
    ///
    /// ## Why is this bad?
    /// Each item waits until the one before it is done, although the loop may not need its result: a hundred requests of 200 ms take
    /// twenty seconds. A `gather` in a loop waits for the slowest of each round.
    ///
    /// ## Example
    /// ```python
    /// for name, urls in files.items():
    ///     parts = await asyncio.gather(*[fetch(url) for url in urls])
    ///     whole[name] = join(parts)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def fetch_all(name, urls):
    ///     whole[name] = join(await asyncio.gather(*[fetch(url) for url in urls]))
    ///
    ///
    /// await asyncio.gather(*[fetch_all(name, urls) for name, urls in files.items()])
    /// ```
    ///
    /// ## False alarms known
    /// Loops whose order matters, whose rounds need each other's results in a way that cannot be seen, or that are meant to go easy on
    /// the other side.
    "RIA410", "await-in-loop", default: false, fix: None,
    hooks: [Stmt(check)],
}

fn check(checker: &Checker<'_>, stmt: &Stmt) {
    let Stmt::For(each) = stmt else { return };
    if each.is_async || !checker.in_async() {
        return;
    }
    // What is made of the item in the loop belongs to it.
    let mut of_item = uses::bound_names(&each.target);
    let mut carried: FxHashSet<&str> = FxHashSet::default();
    let mut awaited: Vec<&ast::ExprAwait> = Vec::new();
    visit(checker, &each.body, &mut |stmt| {
        if let Stmt::Assign(assign) = stmt
            && uses::names_in(&assign.value)
                .iter()
                .any(|name| of_item.contains(name))
        {
            for target in &assign.targets {
                of_item.extend(uses::bound_names(target));
            }
        }
        // `cursor = await page(cursor)`: a round needs what the one before it gave.
        if let Stmt::Assign(assign) = stmt {
            for target in &assign.targets {
                let bound = uses::bound_names(target);
                carried.extend(uses::names_in(&assign.value).intersection(&bound).copied());
            }
        }
        own_awaits(stmt, &mut awaited);
    });
    let found = awaited.into_iter().find(|awaited| {
        let Expr::Call(call) = &*awaited.value else {
            return false;
        };
        let name = uses::called_name(call);
        let names = uses::names_in(&awaited.value);
        names.iter().any(|name| of_item.contains(name))
            && !names.iter().any(|name| carried.contains(name))
            && (name == "gather"
                || !(sequential_awaits::is_in_order(name)
                    || sequential_awaits::waits_already(name)))
    });
    let Some(found) = found else { return };
    if sequential_awaits::is_reported(checker, each) || sequential_awaits::is_serial_block(checker)
    {
        return;
    }
    let Expr::Call(call) = &*found.value else {
        return;
    };
    let name = checker.context.source(&*call.func);
    checker.report(
        Report::new(
            &RULE,
            found.range(),
            format!("`{name}` is awaited for each item before the loop comes to the next"),
        )
        .related(checker, each.iter.range(), "for each of these")
        .help("start the items together, or a bounded number of them at a time"),
    );
}

/// The statements of a loop's body, not those of loops and functions in it.
fn visit<'a>(checker: &Checker<'_>, body: &'a [Stmt], seen: &mut dyn FnMut(&'a Stmt)) {
    for stmt in body {
        seen(stmt);
        match stmt {
            Stmt::If(found) => {
                visit(checker, &found.body, seen);
                for clause in &found.elif_else_clauses {
                    visit(checker, &clause.body, seen);
                }
            }
            // One at a time is what a lock is for.
            Stmt::With(found)
                if found.items.iter().any(|item| {
                    may_exclude(&checker.context, &item.context_expr, checker.scope())
                }) => {}
            Stmt::With(found) => visit(checker, &found.body, seen),
            Stmt::Try(found) => {
                visit(checker, &found.body, seen);
                visit(checker, &found.orelse, seen);
            }
            _ => {}
        }
    }
}

/// The awaits of a statement itself, not of the blocks in it.
fn own_awaits<'a>(stmt: &'a Stmt, all: &mut Vec<&'a ast::ExprAwait>) {
    let exprs: Vec<&'a Expr> = match stmt {
        Stmt::Expr(found) => vec![&found.value],
        Stmt::Assign(found) => vec![&found.value],
        Stmt::AugAssign(found) => vec![&found.value],
        Stmt::AnnAssign(found) => found.value.iter().map(|value| &**value).collect(),
        Stmt::If(found) => vec![&found.test],
        _ => Vec::new(),
    };
    for expr in exprs {
        uses::exprs_in(expr, false, &mut |expr| {
            if let Expr::Await(found) = expr {
                all.push(found);
            }
        });
    }
}
