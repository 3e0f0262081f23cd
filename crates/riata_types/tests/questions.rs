//! The questions that can be asked of a small project, with a package in a `site-packages` of its own.

use std::path::PathBuf;

use riata_types::{
    ClassName, Definition, DefinitionKind, ModuleTypes, Origin, Settings, Types, Value,
};
use ruff_python_ast::{Expr, Stmt};

const MAIN: &str = "\
import asyncio
import os
from typing import Any

import installed
from helpers import Helper, alias, decorated, either, maybe, plain

helper = Helper()


async def work(task: asyncio.Task[int], anything: Any):
    ";

const HELPERS: &str = "\
import functools
import random


class Base:
    def inherited(self) -> int:
        return 1


class Helper(Base):
    @property
    def size(self) -> int:
        return 1

    async def method(self) -> str:
        return ''


def plain() -> None: ...


async def fetch() -> int:
    return 1


alias = fetch
either = plain if random.random() > 0.5 else fetch


def maybe() -> Helper | None: ...


@functools.wraps(plain)
def decorated() -> int:
    return 1
";

const INSTALLED: &str = "\
class Client:
    def get(self, url: str) -> bytes: ...


def connect() -> Client:
    return Client()
";

/// A project that lives as long as a test.
struct Project {
    root: PathBuf,
    types: Types,
}

impl Project {
    /// `main.py` does one thing in its async function: evaluate `expr`.
    fn new(name: &str, expr: &str) -> Self {
        let root =
            std::env::temp_dir().join(format!("riata-questions-{name}-{}", std::process::id()));
        std::fs::create_dir_all(root.join("site-packages"))
            .expect("the temporary folder can be written to");
        let root = root.canonicalize().expect("it was just made");
        for (file, text) in [
            ("main.py", format!("{MAIN}{expr}\n").as_str()),
            ("helpers.py", HELPERS),
            ("site-packages/installed.py", INSTALLED),
        ] {
            std::fs::write(root.join(file), text).expect("as above");
        }
        let settings = Settings {
            root: root.clone(),
            source_roots: vec![root.clone()],
            site_packages: vec![root.join("site-packages")],
            python_version: (3, 12),
        };
        let types = Types::new(&settings).expect("the settings are right");
        Self { root, types }
    }

    fn ask<T>(&self, question: impl FnOnce(&ModuleTypes<'_>, &Expr) -> T) -> T {
        let module = self
            .types
            .open(&self.root.join("main.py"))
            .expect("the file is there");
        let parsed = module.parsed();
        let Some(Stmt::FunctionDef(function)) = parsed.suite().last() else {
            panic!("no function")
        };
        let Some(Stmt::Expr(last)) = function.body.last() else {
            panic!("no expression")
        };
        question(&module, &last.value)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // Nothing depends on it: the system cleans its temporary folder too.
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

/// What the call `expr` resolves to, by full names.
fn callee(name: &str, expr: &str) -> Vec<String> {
    let found = Project::new(name, expr).ask(|module, expr| {
        let Expr::Call(call) = expr else {
            panic!("no call")
        };
        module.callee(&call.func)
    });
    found.iter().map(Definition::dotted).collect()
}

/// What `expr` is.
fn value(name: &str, expr: &str) -> Value {
    Project::new(name, expr).ask(|module, expr| module.value(expr))
}

fn instance(module: &str, name: &str) -> Value {
    Value::Instance(ClassName {
        module: module.to_owned(),
        name: name.to_owned(),
    })
}

#[test]
fn a_call_resolves_to_what_it_runs() {
    assert_eq!(callee("function", "plain()"), ["helpers.plain"]);
    assert_eq!(
        callee("method", "helper.method()"),
        ["helpers.Helper.method"]
    );
    assert_eq!(
        callee("inherited", "helper.inherited()"),
        ["helpers.Base.inherited"]
    );
    assert_eq!(callee("class", "Helper()"), ["helpers.Helper"]);
    assert_eq!(callee("alias", "alias()"), ["helpers.fetch"]);
    let mut both = callee("union", "either()");
    both.sort();
    assert_eq!(both, ["helpers.fetch", "helpers.plain"]);
    assert_eq!(callee("decorated", "decorated()"), ["helpers.decorated"]);
    assert_eq!(
        callee("library", "asyncio.create_task(alias())"),
        ["asyncio.tasks.create_task"]
    );
    assert_eq!(callee("unknown", "anything.call()"), [""; 0]);
}

#[test]
fn a_package_in_site_packages_is_read() {
    assert_eq!(
        callee("package", "installed.connect().get('')"),
        ["installed.Client.get"]
    );
    let project = Project::new("find", "installed");
    let expected = Origin::Path(project.root.join("site-packages/installed.py"));
    assert_eq!(project.types.find_module("installed"), Some(expected));
    assert_eq!(project.types.find_module("not_installed"), None);
    assert!(matches!(
        project.types.find_module("asyncio"),
        Some(Origin::Typeshed(_))
    ));
}

#[test]
fn values_are_told() {
    assert_eq!(
        value("coroutine", "alias()"),
        instance("types", "CoroutineType")
    );
    // Where typeshed has it, not where people import it from.
    assert_eq!(value("task", "task"), instance("_asyncio", "Task"));
    assert_eq!(value("module", "os"), Value::Module("os".to_owned()));
    assert_eq!(value("none", "plain()"), Value::None);
    assert_eq!(value("anything", "anything"), Value::Unknown);
    let Value::Union(elements) = value("maybe", "maybe()") else {
        panic!("no union")
    };
    assert_eq!(elements, [instance("helpers", "Helper"), Value::None]);
    let Value::Function(function) = value("bound", "helper.method") else {
        panic!("no function")
    };
    assert_eq!(
        (function.kind, function.qualname.as_str()),
        (DefinitionKind::Function, "Helper.method")
    );
}

#[test]
fn attributes_and_classes_lead_to_their_definitions() {
    let found = Project::new("property", "helper.size")
        .ask(|module, expr| module.attribute(expr.as_attribute_expr().expect("an attribute")));
    let names: Vec<String> = found.iter().map(Definition::dotted).collect();
    assert_eq!(names, ["helpers.Helper.size"]);
    let class = Project::new("class-of", "helper")
        .ask(|module, expr| module.class(expr))
        .expect("a class");
    assert_eq!(
        (class.kind, class.dotted().as_str()),
        (DefinitionKind::Class, "helpers.Helper")
    );
    let classes = Project::new("classes", "maybe()").ask(|module, expr| module.classes(expr));
    assert!(
        classes.iter().any(|class| class.name == "Helper"),
        "{classes:?}"
    );
}

#[test]
fn an_edit_is_seen_after_a_refresh() {
    let mut project = Project::new("refresh", "plain()");
    assert_eq!(project.ask(|module, expr| module.value(expr)), Value::None);
    let path = project.root.join("helpers.py");
    std::fs::write(
        &path,
        HELPERS.replace("def plain() -> None", "async def plain() -> None"),
    )
    .expect("it is ours");
    project.types.refresh([path.as_path()]);
    assert_eq!(
        project.ask(|module, expr| module.value(expr)),
        instance("types", "CoroutineType")
    );
    project.types.set_text(
        &path,
        HELPERS.replace("def plain() -> None", "def plain() -> Helper"),
    );
    assert_eq!(
        project.ask(|module, expr| module.value(expr)),
        instance("helpers", "Helper")
    );
}
