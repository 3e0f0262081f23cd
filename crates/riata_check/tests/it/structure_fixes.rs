//! What the fixes of the rules on structure, contexts and iteration make of a piece of code.

use riata_check::rules::Selection;
use riata_check::{Session, Settings};

use crate::project::Project;

/// The code after the first fix of a rule.
fn fixed(rule: &str, code: &str) -> String {
    let project = Project::new(&[("module.py", code)]);
    let settings = Settings {
        selection: Selection::new(Some(&[rule.to_owned()]), &[], &[]).expect("a rule"),
        ..project.settings()
    };
    let outcome = Session::new(project.files(), settings)
        .expect("the settings are right")
        .check();
    let found = outcome.diagnostics.first().expect("a report");
    let fix = found.fix.as_ref().expect("a fix");
    let mut text = code.to_owned();
    for edit in fix.edits.iter().rev() {
        text.replace_range(edit.start as usize..edit.end as usize, &edit.content);
    }
    text
}

#[test]
fn a_comprehension_becomes_a_gather() {
    let before = "\
import asyncio


async def f(x):
    await asyncio.sleep(x)
    return x


async def g(xs):
    return [
        await f(x)  # each
        for x in xs
    ]
";
    let after = "    return await asyncio.gather(*[
        f(x)  # each
        for x in xs
    ])
";
    assert!(fixed("RIA404", before).ends_with(after));
}

#[test]
fn a_gather_that_is_used_further_gets_parentheses_and_an_import() {
    let before = "\
\"\"\"Numbers.\"\"\"

from __future__ import annotations  # first

from elsewhere import fetch


async def g(xs):
    return [await fetch(x) for x in xs][0]
";
    let after = "\
\"\"\"Numbers.\"\"\"

from __future__ import annotations  # first

import asyncio
from elsewhere import fetch


async def g(xs):
    return (await asyncio.gather(*[fetch(x) for x in xs]))[0]
";
    assert_eq!(fixed("RIA404", before), after);
}

#[test]
fn an_import_goes_below_the_docstring_of_a_module_without_any() {
    let before = "\
\"\"\"Numbers.\"\"\"
# A comment on `g`.
async def g(xs, fetch):
    return [await fetch(x) for x in xs]
";
    let after = "\
\"\"\"Numbers.\"\"\"

import asyncio
# A comment on `g`.
async def g(xs, fetch):
    return await asyncio.gather(*[fetch(x) for x in xs])
";
    assert_eq!(fixed("RIA404", before), after);
}

#[test]
fn a_module_known_by_another_name_is_called_by_it() {
    let before = "\
import asyncio as aio

async def g(xs, fetch):
    return [await fetch(x) for x in xs]
";
    let found = fixed("RIA404", before);
    assert!(
        found.ends_with("    return await aio.gather(*[fetch(x) for x in xs])\n"),
        "{found}"
    );
}

#[test]
fn a_buffer_is_left_out() {
    let before = "\
async def g(rows):
    for row in [row async for row in rows()]:
        print(row)
";
    let after = "\
async def g(rows):
    async for row in rows():
        print(row)
";
    assert_eq!(fixed("RIA405", before), after);
}

#[test]
fn async_is_added_and_taken_away() {
    let before = "\
import asyncio

async def g():
    with asyncio.Lock():  # a lock
        pass
";
    let found = fixed("RIA802", before);
    assert!(
        found.contains("    async with asyncio.Lock():  # a lock\n"),
        "{found}"
    );
    let before = "\
import threading

async def g():
    async  with threading.Lock():
        pass
";
    let found = fixed("RIA802", before);
    assert!(found.contains("    with threading.Lock():\n"), "{found}");
    let found = fixed(
        "RIA803",
        "async def g():\n    async for x in [1]:\n        pass\n",
    );
    assert_eq!(found, "async def g():\n    for x in [1]:\n        pass\n");
    let before = "\
async def rows():
    yield 1

async def g():
    return {x for x in rows()}
";
    let found = fixed("RIA803", before);
    assert!(
        found.ends_with("    return {x async for x in rows()}\n"),
        "{found}"
    );
}

#[test]
fn a_loop_of_its_own_is_made() {
    let before = "\
import asyncio

def main(work):
    loop = asyncio.get_event_loop()
    loop.run_until_complete(work())
";
    let found = fixed("RIA409", before);
    assert!(
        found.contains("    loop = asyncio.new_event_loop()\n"),
        "{found}"
    );
}

#[test]
fn a_sleep_is_the_one_of_the_async_library_at_hand() {
    let code = "\
import time

async def f():
    time.sleep(1)
";
    let fixed_for = |import: &str| fixed("RIA101", &format!("{import}{code}"));
    let expected = |import: &str, sleep: &str| {
        format!("{import}import time\n\nasync def f():\n    await {sleep}(1)\n")
    };
    assert_eq!(fixed_for(""), expected("import asyncio\n", "asyncio.sleep"));
    assert_eq!(
        fixed_for("import trio\n"),
        expected("import trio\n", "trio.sleep")
    );
    assert_eq!(
        fixed_for("import anyio as a\n"),
        expected("import anyio as a\n", "a.sleep")
    );
    let from = "from anyio import Event\n";
    assert_eq!(
        fixed_for(from),
        "from anyio import Event\nimport anyio\nimport time\n\nasync def f():\n    await anyio.sleep(1)\n"
    );
}
