//! How much of a package resolves, and what that costs: `measure SITE_PACKAGES_ROOT PACKAGE`.
use riata_types::*;
use ruff_python_ast::{
    self as ast, Expr, Stmt,
    visitor::{self, Visitor},
};
use std::path::*;
struct V<'a> {
    m: &'a ModuleTypes<'a>,
    depth: usize,
    calls: usize,
    resolved: usize,
    all: bool,
}
impl<'a> Visitor<'a> for V<'a> {
    fn visit_stmt(&mut self, s: &'a Stmt) {
        if let Stmt::FunctionDef(f) = s {
            let old = self.depth;
            self.depth = f.is_async as usize;
            visitor::walk_stmt(self, s);
            self.depth = old;
            return;
        }
        visitor::walk_stmt(self, s)
    }
    fn visit_expr(&mut self, e: &'a Expr) {
        if self.depth > 0 || self.all {
            if let Expr::Call(c) = e {
                self.calls += 1;
                if !self.m.callee(&c.func).is_empty() {
                    self.resolved += 1
                } else if std::env::var("SHOW").is_ok() {
                    println!("{:?}", self.m.value(e));
                }
            }
        }
        visitor::walk_expr(self, e)
    }
}
fn walk(p: &Path, out: &mut Vec<PathBuf>) {
    for e in std::fs::read_dir(p).unwrap() {
        let e = e.unwrap().path();
        if e.is_dir() {
            walk(&e, out)
        } else if e.extension().is_some_and(|x| x == "py") {
            out.push(e)
        }
    }
}
fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = s.split_whitespace().collect();
    (f[13].parse::<f64>().unwrap() + f[14].parse::<f64>().unwrap()) / 100.
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let root = PathBuf::from(&a[1]);
    let types = Types::new(&Settings {
        root: root.clone(),
        source_roots: vec![root.clone()],
        site_packages: a[3..].iter().map(PathBuf::from).collect(),
        python_version: (3, 13),
    })
    .unwrap();
    let mut files = vec![];
    walk(&root.join(&a[2]), &mut files);
    files.sort();
    let (mut n, mut calls, mut resolved, mut lines) = (0, 0, 0, 0);
    for f in files {
        let Ok(t) = std::fs::read_to_string(&f) else {
            continue;
        };
        if !t.contains("async def") {
            continue;
        }
        let before = cpu();
        n += 1;
        lines += t.lines().count();
        let Some(m) = types.open(&f) else { continue };
        let p = m.parsed();
        let mut v = V {
            m: &m,
            depth: 0,
            calls: 0,
            resolved: 0,
            all: false,
        };
        for s in p.suite() {
            v.visit_stmt(s)
        }
        calls += v.calls;
        resolved += v.resolved;
        if cpu() - before > 1.0 {
            println!("{:.2} s {}", cpu() - before, f.display())
        }
    }
    let rss = std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .find(|l| l.starts_with("VmHWM"))
        .unwrap()
        .to_owned();
    println!(
        "{n} files {lines} lines, {calls} calls, {resolved} resolved, {:.2} s, {rss}",
        cpu()
    );
}
