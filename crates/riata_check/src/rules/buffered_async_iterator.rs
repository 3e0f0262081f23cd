use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::checker::{Checker, Report};
use crate::diagnostic::{Edit, Fix};
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds an async iterator that is read into a list only to be iterated: `for x in [x async for x in items]`.
    ///
    /// ## Why is this bad?
    /// Nothing is done until the last item has come, and all of them are in memory at a time.
    ///
    /// ## Example
    /// ```python
    /// for row in [row async for row in rows()]:
    ///     print(row)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async for row in rows():
    ///     print(row)
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the body now runs between the items, and with it whatever it changes.
    ///
    /// ## False alarms known
    /// A list that is made so that the body may change what the iterator reads. Where the body mentions the iterator's object,
    /// nothing is reported.
    "RIA405", "buffered-async-iterator", default: true, fix: Unsafe,
    hooks: [Stmt(check)],
}

fn check(checker: &Checker<'_>, stmt: &Stmt) {
    let Stmt::For(each) = stmt else { return };
    if each.is_async || !checker.in_async() {
        return;
    }
    let Expr::ListComp(list) = &*each.iter else {
        return;
    };
    let [generator] = list.generators.as_slice() else {
        return;
    };
    let same = match (&*list.elt, &generator.target) {
        (Expr::Name(element), Expr::Name(target)) => element.id == target.id,
        _ => false,
    };
    if !generator.is_async || !generator.ifs.is_empty() || !same {
        return;
    }
    // `async for key in store: await store.delete(key)` would change what is being read.
    let names = uses::names_in(&generator.iter);
    let mut mentioned = false;
    uses::exprs(&each.body, true, &mut |expr| {
        mentioned |= matches!(expr, Expr::Name(read) if names.contains(read.id.as_str()));
    });
    if mentioned {
        return;
    }
    let edits = vec![
        Edit::insert(each.start(), "async "),
        Edit::replace(TextRange::new(list.start(), generator.iter.start()), ""),
        Edit::replace(TextRange::new(generator.iter.end(), list.end()), ""),
    ];
    checker.report(
        Report::new(
            &RULE,
            &*each.iter,
            "An async iterator is read into a list only to be iterated",
        )
        .fix(Fix::risky("Iterate it with `async for`", edits)),
    );
}
