//! Whom a stalled loop keeps waiting: nobody in some modules, and in a function that takes care of it where it matters.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};

use crate::context::{Context, last};
use crate::knowledge::BlockKind;
use crate::uses;

impl Context<'_> {
    /// Whether a call that stalls the loop for a while keeps nobody waiting, by the module that it is made in.
    pub(crate) fn nobody_waits(&self, name: &str, kind: BlockKind) -> bool {
        let at_files = matches!(kind, BlockKind::Disk | BlockKind::Import | BlockKind::Input);
        if self.is_for_tests() {
            // What a test waits for comes, or the test hangs; and nothing else runs on its loop meanwhile.
            return at_files
                || matches!(
                    kind,
                    BlockKind::Dns | BlockKind::Thread | BlockKind::Process | BlockKind::Compute
                )
                || name.starts_with("socket.");
        }
        self.is_command_line() && (at_files || kind == BlockKind::Process)
    }

    /// Whether this is a file of tests or of what tests use, by its name.
    fn is_for_tests(&self) -> bool {
        let name = &self.text().name;
        self.is_test_module()
            || last(name) == "fixtures"
            || name
                .split('.')
                .any(|part| matches!(part, "tests" | "_tests" | "test" | "testing"))
    }

    /// Whether this is a part of a command line program, by its name: such a loop runs one command.
    pub(crate) fn is_command_line(&self) -> bool {
        self.text()
            .name
            .split('.')
            .any(|part| matches!(part, "cli" | "_cli" | "__main__"))
    }

    /// Whether the other way of a choice hands what is called here to something that it awaits: `if large: await
    /// to_thread(load, path)`, `else: load(path)`. Whoever wrote that knows what the call costs.
    pub(crate) fn is_handed_off_otherwise(
        &self,
        function: &ast::StmtFunctionDef,
        call: &ast::ExprCall,
    ) -> bool {
        let func = self.source(&*call.func);
        if self.was_loaded_before(function, call) {
            return true;
        }
        let mut handed = Vec::new();
        uses::exprs(&function.body, false, &mut |expr| {
            if let Expr::Await(awaited) = expr
                && let Expr::Call(outer) = &*awaited.value
                && is_given(&outer.arguments, |given| {
                    given.range() != call.func.range() && self.source(given) == func
                })
            {
                handed.push(awaited.range());
            }
        });
        if handed.is_empty() {
            return false;
        }
        let mut found = false;
        let mut choice = |whole: TextRange, ways: &[TextRange]| {
            let own = ways.iter().find(|way| way.contains_range(call.range()));
            found |= own.is_some_and(|own| {
                handed
                    .iter()
                    .any(|other| whole.contains_range(*other) && !own.contains_range(*other))
            });
        };
        uses::stmts(&function.body, &mut |stmt| {
            if let ast::Stmt::If(branch) = stmt {
                let clauses = branch.elif_else_clauses.iter().map(|clause| &clause.body);
                let ways: Vec<TextRange> = std::iter::once(&branch.body)
                    .chain(clauses)
                    .filter_map(|body| {
                        Some(TextRange::new(body.first()?.start(), body.last()?.end()))
                    })
                    .collect();
                choice(branch.range(), &ways);
            }
        });
        uses::exprs(&function.body, false, &mut |expr| {
            if let Expr::If(branch) = expr {
                choice(
                    branch.range(),
                    &[branch.body.range(), branch.orelse.range()],
                );
            }
        });
        found
    }
}

impl Context<'_> {
    /// `data = await to_thread(read, data)` before `use(data)`: what would block was done there.
    fn was_loaded_before(&self, function: &ast::StmtFunctionDef, call: &ast::ExprCall) -> bool {
        let mut found = false;
        uses::stmts(&function.body, &mut |stmt| {
            if let ast::Stmt::Assign(assign) = stmt
                && assign.end() < call.start()
                && let [Expr::Name(target)] = assign.targets.as_slice()
                && let Expr::Await(awaited) = &*assign.value
                && let Expr::Call(outer) = &*awaited.value
            {
                let is_target =
                    |expr: &Expr| matches!(expr, Expr::Name(name) if name.id == target.id);
                found |= outer.arguments.args.len() > 1
                    && is_given(&outer.arguments, is_target)
                    && is_given(&call.arguments, is_target);
            }
        });
        found
    }
}

/// Whether one of the arguments is a name that is asked for.
fn is_given(arguments: &ast::Arguments, is_asked_for: impl Fn(&Expr) -> bool) -> bool {
    arguments
        .args
        .iter()
        .chain(arguments.keywords.iter().map(|keyword| &keyword.value))
        .any(|given| matches!(given, Expr::Name(_) | Expr::Attribute(_)) && is_asked_for(given))
}
