mod expired;
mod limit;
mod missing;
mod once;
mod put_back;

use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange, TextSize};

use crate::checker::{Checker, Report};
use crate::flow::{Flow, What, ends};
use crate::locks::callers_hold;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds a shared attribute or global that is made when it is found missing, or renewed when it has expired, with an `await` between
    /// the check and the assignment, and no lock. The same for what is done once, such as connecting, and noted in a flag. Also an entry
    /// that is taken out of a shared dictionary and put back after an `await`.
    ///
    /// ## Why is this bad?
    /// At the `await` another task runs, finds it missing as well, and makes a second one. One of the two is lost: a connection pool
    /// that nobody closes, a token that the server has already replaced, a session that half of the callers use.
    ///
    /// ## Example
    /// ```python
    /// async def pool(self):
    ///     if self._pool is None:
    ///         self._pool = await create_pool()
    ///     return self._pool
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def pool(self):
    ///     async with self._lock:
    ///         if self._pool is None:
    ///             self._pool = await create_pool()
    ///     return self._pool
    /// ```
    ///
    /// or keep the task that makes it, before the first `await`.
    ///
    /// ## False alarms known
    /// A method whose callers, in another module, all hold the lock. An object that a single task uses, ever. What is only looked up (`get_user`, `load`, `fetch_devices`) and then kept is not
    /// reported: two tasks that both ask get the same.
    "RIA703", "check-then-act-across-await", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    for report in found(checker, function) {
        checker.report(report);
    }
}

/// All that this rule has to say of a function.
pub(super) fn found(checker: &Checker<'_>, function: &ast::StmtFunctionDef) -> Vec<Report> {
    let mut reports = Vec::new();
    // A protocol's own steps are taken by one task.
    let is_step = matches!(
        function.name.as_str(),
        "__aenter__" | "__aexit__" | "__anext__" | "__aiter__" | "__await__" | "__call__"
    );
    if !function.is_async || is_step {
        return reports;
    }
    let context = &checker.context;
    let flow = context.flow(checker.scope());
    if !flow
        .steps
        .iter()
        .any(|step| matches!(step.what, What::Suspend(_)))
    {
        return reports;
    }
    let mut told: Vec<TextRange> = Vec::new();
    for test in tests(&function.body) {
        // A second test of the same, in the branch where it is not missing: one report is enough.
        if told
            .iter()
            .any(|branch| branch.contains_range(test.test.range()))
        {
            continue;
        }
        let before = reports.len();
        reports.extend(missing::lazily_made(checker, &flow, test));
        reports.extend(once::done_once(checker, &flow, test));
        reports.extend(once::connected_by_many(checker, &flow, test));
        reports.extend(expired::refreshed(checker, &flow, test));
        reports.extend(expired::renewed_in_time(checker, &flow, test));
        if reports.len() > before && test.otherwise.is_some() {
            told.push(test.body);
        }
    }
    reports.extend(missing::made_after_miss(checker, &flow, function));
    reports.extend(limit::filled(checker, &flow));
    reports.extend(put_back::put_back(checker, &flow));
    limit::changed_when_woken(checker, &flow, &mut reports);
    if !reports.is_empty() && callers_hold(context, function, checker.scope()) {
        reports.clear();
    }
    reports
}

/// A test, and what runs by what it says.
#[derive(Clone, Copy)]
pub(super) struct Test<'a> {
    pub(super) test: &'a Expr,
    pub(super) body: TextRange,
    /// What runs when the test is false, where the branch leaves or may leave: to the end of what control goes on to.
    pub(super) otherwise: Option<TextRange>,
}

impl Test<'_> {
    /// The last step in which the test reads something.
    pub(super) fn last_read(&self, flow: &Flow<'_>) -> Option<usize> {
        flow.steps.iter().rposition(|step| match step.what {
            What::Read(expr) => self.test.range().contains_range(expr.range()),
            _ => false,
        })
    }

    /// Whether a place runs by what the test came to.
    pub(super) fn decides(&self, range: TextRange) -> bool {
        self.body.contains_range(range)
            || self
                .otherwise
                .is_some_and(|area| area.contains_range(range))
    }
}

/// The tests of a function's `if` statements.
pub(super) fn tests(body: &[Stmt]) -> Vec<Test<'_>> {
    let mut all = Vec::new();
    collect_tests(body, None, &mut all);
    all
}

/// The tests of a block. `end` is where control comes to when it falls out of the block, and that is not its own end: what follows
/// an `if` runs as well after a branch that falls through.
fn collect_tests<'a>(body: &'a [Stmt], end: Option<TextSize>, tests: &mut Vec<Test<'a>>) {
    let end = end
        .filter(|_| ends(body).falls)
        .or_else(|| body.last().map(Ranged::end));
    for statement in body {
        match statement {
            Stmt::If(found) => {
                let block = |body: &[Stmt]| match (body.first(), body.last()) {
                    (Some(first), Some(last)) => TextRange::new(first.start(), last.end()),
                    _ => TextRange::empty(found.start()),
                };
                // `if self.token is not None:`, in which what is still fresh is returned: without one, all that follows runs.
                let branch = ends(&found.body);
                let leaves = !branch.falls || branch.returns;
                tests.push(Test {
                    test: &found.test,
                    body: block(&found.body),
                    otherwise: (leaves && found.elif_else_clauses.is_empty())
                        .then_some(end)
                        .flatten()
                        .map(|end| TextRange::new(found.end(), end)),
                });
                collect_tests(&found.body, end, tests);
                for clause in &found.elif_else_clauses {
                    if let Some(test) = &clause.test {
                        tests.push(Test {
                            test,
                            body: block(&clause.body),
                            otherwise: None,
                        });
                    }
                    collect_tests(&clause.body, end, tests);
                }
            }
            Stmt::For(found) => collect_tests(&found.body, None, tests),
            Stmt::While(found) => collect_tests(&found.body, None, tests),
            Stmt::With(found) => collect_tests(&found.body, None, tests),
            Stmt::Try(found) => {
                collect_tests(&found.body, None, tests);
                collect_tests(&found.orelse, None, tests);
                collect_tests(&found.finalbody, None, tests);
            }
            _ => {}
        }
    }
}
