//! How a fix gets at a member of a module: by an import that is there, or by a new one.

use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextSize};

use crate::context::Context;
use crate::diagnostic::Edit;
use crate::names::{Binding, ScopeId};

/// A way to name something, with the import that it needs when there is none.
#[derive(Clone, Debug)]
pub(crate) struct Imported {
    /// `asyncio.gather`, or `aio.gather` where the module is known under another name.
    pub(crate) name: String,
    pub(crate) edit: Option<Edit>,
}

/// A way to name `member` of `module` (`asyncio`, `gather`) at a place in a scope. `None` when the module's name stands for something
/// else there.
pub(crate) fn member(
    context: &Context<'_>,
    scope: ScopeId,
    at: TextSize,
    module: &str,
    member: &str,
) -> Option<Imported> {
    let body = context.text().body();
    for alias in top_level(body, module) {
        let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
        // `import a.b` binds `a`, and the whole name is written out.
        let root = name.split('.').next().unwrap_or(name);
        if means_module(context, scope, root, at, module) == Some(true) {
            return Some(Imported { name: format!("{name}.{member}"), edit: None });
        }
    }
    let root = module.split('.').next().unwrap_or(module);
    match means_module(context, scope, root, at, module) {
        // Imported inside of the function.
        Some(true) => Some(Imported { name: format!("{module}.{member}"), edit: None }),
        Some(false) => None,
        None => Some(Imported {
            name: format!("{module}.{member}"),
            edit: Some(insertion(context, module)),
        }),
    }
}

/// Whether a module's body imports a package, or something of it.
pub(crate) fn uses(body: &[Stmt], package: &str) -> bool {
    let is = |name: &str| name.split('.').next() == Some(package);
    body.iter().any(|stmt| match stmt {
        Stmt::Import(found) => found.names.iter().any(|alias| is(alias.name.as_str())),
        Stmt::ImportFrom(found) => {
            found.level == 0 && found.module.as_ref().is_some_and(|module| is(module.as_str()))
        }
        _ => false,
    })
}

/// The `import module` statements of a module's body.
fn top_level<'a>(body: &'a [Stmt], module: &str) -> Vec<&'a ast::Alias> {
    body.iter()
        .filter_map(Stmt::as_import_stmt)
        .flat_map(|import| &import.names)
        .filter(|alias| alias.name.as_str() == module)
        .collect()
}

/// Whether a name stands for a module, and nothing else, at a place; `None` when it is free to be imported.
fn means_module(
    context: &Context<'_>,
    scope: ScopeId,
    name: &str,
    at: TextSize,
    module: &str,
) -> Option<bool> {
    let (found_in, bindings) = context.names().lookup(name, scope)?;
    let mut imported_before = false;
    for binding in bindings {
        match binding {
            Binding::Import { alias } if alias.name.as_str() == module => {
                imported_before |= alias.start() < at && is_run(context, found_in, alias);
            }
            // `import module.other` gives the package, too.
            Binding::Import { alias }
                if alias.asname.is_none() && alias.name.split('.').next() == Some(module) =>
            {
                imported_before |= alias.start() < at && is_run(context, found_in, alias);
            }
            _ => return Some(false),
        }
    }
    imported_before.then_some(true)
}

/// Whether an import is certain to run: one of the module's own statements, or of the function's that the name is local to.
fn is_run(context: &Context<'_>, scope: ScopeId, alias: &ast::Alias) -> bool {
    let own = |body: &[Stmt]| {
        body.iter()
            .filter_map(Stmt::as_import_stmt)
            .any(|import| import.range().contains_range(alias.range()))
    };
    match context.names().scope(scope).node {
        crate::names::ScopeNode::Module => own(context.text().body()),
        crate::names::ScopeNode::Function(function) => own(&function.body),
        _ => false,
    }
}

/// `import module`, put where imports stand: in order among plain ones, else before the first, else below the docstring and
/// the imports from `__future__`, else at the top of the file.
fn insertion(context: &Context<'_>, module: &str) -> Edit {
    let text = context.text();
    let body = text.body();
    let mut prologue = 0;
    for (index, stmt) in body.iter().enumerate() {
        let docstring = index == 0
            && stmt.as_expr_stmt().is_some_and(|found| matches!(*found.value, Expr::StringLiteral(_)));
        if !docstring && !is_future(stmt) {
            break;
        }
        prologue = index + 1;
    }
    let imports: Vec<&Stmt> = body
        .iter()
        .skip(prologue)
        .take_while(|stmt| matches!(stmt, Stmt::Import(_) | Stmt::ImportFrom(_)))
        .collect();
    let after = imports.iter().find(|stmt| {
        stmt.as_import_stmt().is_some_and(|import| {
            import.names.first().is_some_and(|alias| alias.name.as_str() > module)
        })
    });
    let first_from = imports.iter().find(|stmt| matches!(stmt, Stmt::ImportFrom(_)));
    if let Some(before) = after.or(first_from).or(imports.first()) {
        return Edit::insert(before.start(), format!("import {module}\n"));
    }
    let Some(last) = prologue.checked_sub(1).and_then(|index| body.get(index)) else {
        return Edit::insert(below_first_comments(&text.text), format!("import {module}\n\n"));
    };
    // The end of its line, behind a comment: what follows keeps the comments above it.
    let end = usize::from(last.end());
    let rest = text.text.get(end..).unwrap_or("");
    let line = rest.find('\n').unwrap_or(rest.len());
    if rest.get(..line).is_some_and(|rest| rest.contains(';')) {
        return Edit::insert(last.end(), format!("; import {module}"));
    }
    let line = rest.get(..line).map_or(line, |found| found.trim_end_matches('\r').len());
    let blank = if is_future(last) { "" } else { "\n" };
    let at = TextSize::try_from(end + line).unwrap_or(last.end());
    Edit::insert(at, format!("\n{blank}import {module}"))
}

fn is_future(stmt: &Stmt) -> bool {
    stmt.as_import_from_stmt().is_some_and(|import| {
        import.module.as_ref().is_some_and(|module| module.as_str() == "__future__")
    })
}

/// Behind the comments that a file begins with: the interpreter, the encoding, the licence.
fn below_first_comments(text: &str) -> TextSize {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim_start_matches('\u{feff}').starts_with('#') || !line.ends_with('\n') {
            break;
        }
        end += line.len();
    }
    if end == 0 && text.starts_with('\u{feff}') {
        end = '\u{feff}'.len_utf8();
    }
    TextSize::try_from(end).unwrap_or_default()
}
