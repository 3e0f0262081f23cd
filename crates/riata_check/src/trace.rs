//! What was looked at on the way to a result, so that a later run can tell whether it would come to the same one.
//!
//! What is found in a file, and what is remembered of a function, are nodes; each knows what was asked for while it was
//! worked out. An answer that was remembered is asked for like any other, so it does not matter who was the first to ask.

use std::cell::RefCell;
use std::path::PathBuf;

use dashmap::DashMap;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::blocking::Runs;
use crate::program::{Def, FileId, Worker};
use crate::reach::Goal;

/// A question that the whole project answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Query {
    HasAsyncMethod(String),
    HasPlainMethod(String),
    Derived(String),
    Having(Vec<String>),
    Namesake(String),
    IsSpawned(String),
    PytestConfig(PathBuf),
    Module(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// All that is found in a file.
    File(FileId),
    /// What is remembered of functions.
    Function(Def),
    Chain(Runs),
    Reach(Goal, Def),
    Wrapper(Def),
    /// All of a file's text.
    Text(FileId),
    /// The code of a function or class, wherever it stands in its file.
    Code(Def),
    /// What a file shows to others.
    Interface(FileId),
    Query(Query),
}

type Nodes = FxHashSet<Node>;

/// What every node asked for.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    asked: DashMap<Node, Nodes, FxBuildHasher>,
}

/// The nodes that a thread is working out, innermost last, with what they have asked for so far.
pub(crate) type Stack = RefCell<Vec<(Node, Nodes)>>;

/// The time in which a node is worked out.
pub(crate) struct Inside<'w> {
    worker: &'w Worker<'w>,
    is_traced: bool,
}

impl Worker<'_> {
    /// What is being worked out depends on this.
    pub(crate) fn asks(&self, node: impl FnOnce() -> Node) {
        if self.program.trace.is_some()
            && let Some((_, asked)) = self.stack.borrow_mut().last_mut()
        {
            asked.insert(node());
        }
    }

    /// From here on, and as long as what is returned is alive, this is worked out.
    pub(crate) fn works_out(&self, node: impl Fn() -> Node) -> Inside<'_> {
        let is_traced = self.program.trace.is_some();
        if is_traced {
            self.asks(&node);
            self.stack.borrow_mut().push((node(), Nodes::default()));
        }
        Inside {
            worker: self,
            is_traced,
        }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if let Some(trace) = &self.worker.program.trace
            && self.is_traced
            && let Some((node, asked)) = self.worker.stack.borrow_mut().pop()
        {
            trace.asked.entry(node).or_default().extend(asked);
        }
    }
}

/// What a file's results depend on in the end.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub(crate) texts: Vec<FileId>,
    pub(crate) codes: Vec<Def>,
    pub(crate) interfaces: Vec<FileId>,
    pub(crate) queries: Vec<Query>,
}

/// A trace that is complete, for questions.
pub(crate) struct Closed {
    numbers: FxHashMap<Node, usize>,
    nodes: Vec<Node>,
    edges: Vec<Vec<usize>>,
}

impl Closed {
    pub(crate) fn new(trace: &Trace) -> Self {
        let mut closed = Self {
            numbers: FxHashMap::default(),
            nodes: Vec::new(),
            edges: Vec::new(),
        };
        for entry in &trace.asked {
            let from = closed.number(entry.key());
            let to: Vec<usize> = entry
                .value()
                .iter()
                .map(|node| closed.number(node))
                .collect();
            closed.edges[from].extend(to);
        }
        closed
    }

    fn number(&mut self, node: &Node) -> usize {
        if let Some(found) = self.numbers.get(node) {
            return *found;
        }
        let number = self.nodes.len();
        self.numbers.insert(node.clone(), number);
        self.nodes.push(node.clone());
        self.edges.push(Vec::new());
        number
    }

    /// Everything that was asked for by a file, or by what it asked for. `seen` has room for a mark of each node.
    pub(crate) fn needs(&self, file: FileId, seen: &mut Vec<u32>, mark: u32) -> Needs {
        let mut needs = Needs::default();
        seen.resize(self.nodes.len(), 0);
        let mut open: Vec<usize> = self
            .numbers
            .get(&Node::File(file))
            .copied()
            .into_iter()
            .collect();
        while let Some(number) = open.pop() {
            if std::mem::replace(&mut seen[number], mark) == mark {
                continue;
            }
            match &self.nodes[number] {
                Node::Text(file) => needs.texts.push(*file),
                Node::Code(def) => needs.codes.push(*def),
                Node::Interface(file) => needs.interfaces.push(*file),
                Node::Query(query) => needs.queries.push(query.clone()),
                _ => open.extend(&self.edges[number]),
            }
        }
        needs
    }
}
