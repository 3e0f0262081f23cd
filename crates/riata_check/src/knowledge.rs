//! What is known of functions and classes that are not read: what blocks, what must be awaited, what runs a callable elsewhere.
//!
//! Data files, one for each package, in `resources/knowledge`; the README there has the format.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use ruff_python_ast::{self as ast, Expr};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

include!(concat!(env!("OUT_DIR"), "/knowledge_files.rs"));

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BlockKind {
    Network,
    Sleep,
    Process,
    Database,
    Dns,
    Disk,
    BriefDisk,
    Thread,
    Input,
    Import,
    /// Of `computes`.
    Compute,
    /// Said by the user.
    Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Returned {
    Coroutine,
    Future,
    Task,
    Awaitable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ContextKind {
    AsyncContextManager,
    AsyncIterator,
    AwaitableContextManager,
    /// For `with` alone.
    ContextManager,
}

#[derive(Debug)]
pub(crate) struct Blocks {
    pub(crate) kind: BlockKind,
    pub(crate) instead: Option<String>,
    /// A call with one of these values for an argument does not block: `block=False`.
    unless: Option<Argument>,
    /// It blocks while what it gives is iterated, and not before.
    pub(crate) lazy: bool,
    /// Only a call that gives this argument, and not as nothing, blocks.
    only_with: Option<Argument>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Argument {
    name: String,
    position: Option<usize>,
    #[serde(default)]
    values: Vec<toml::Value>,
    /// Texts that the argument may contain instead: `LOCK_NB` among flags.
    #[serde(default)]
    mentions: Vec<String>,
}

impl Blocks {
    pub(crate) fn new(kind: BlockKind) -> Self {
        Self {
            kind,
            instead: None,
            unless: None,
            lazy: false,
            only_with: None,
        }
    }

    /// Whether a call with these arguments blocks. `source` gives the text of an expression.
    pub(crate) fn applies<'s>(
        &self,
        arguments: &ast::Arguments,
        source: impl Fn(&Expr) -> &'s str,
    ) -> bool {
        let harmless = self.unless.as_ref().is_some_and(|argument| {
            argument.given(arguments).is_some_and(|value| {
                let text = source(value);
                argument
                    .values
                    .iter()
                    .any(|harmless| is_value(harmless, value, text))
                    || argument
                        .mentions
                        .iter()
                        .any(|mentioned| text.contains(mentioned.as_str()))
            })
        });
        let missing = self.only_with.as_ref().is_some_and(|argument| {
            argument
                .given(arguments)
                .is_none_or(|value| matches!(source(value), "None" | "False" | "0"))
        });
        !harmless && !missing
    }
}

impl Argument {
    fn given<'a>(&self, arguments: &'a ast::Arguments) -> Option<&'a Expr> {
        arguments
            .find_keyword(&self.name)
            .map(|keyword| &keyword.value)
            .or_else(|| arguments.args.get(self.position?))
    }
}

/// Whether an expression, written `source`, is a constant of the knowledge base.
fn is_value(constant: &toml::Value, expr: &Expr, source: &str) -> bool {
    match constant {
        toml::Value::Boolean(value) => expr
            .as_boolean_literal_expr()
            .is_some_and(|found| found.value == *value),
        toml::Value::Integer(value) => source
            .parse::<f64>()
            .is_ok_and(|found| found == *value as f64),
        toml::Value::String(value) => source == value,
        _ => false,
    }
}

/// Everything that is known of one name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) blocks: Option<Arc<Blocks>>,
    /// CPU-heavy, with what to do instead.
    pub(crate) computes: Option<Arc<Blocks>>,
    pub(crate) returned: Option<Returned>,
    pub(crate) context: Option<ContextKind>,
    /// The callables that it runs in another thread or process.
    pub(crate) hands_off: Option<Arc<Arguments>>,
    /// The callables that it calls without awaiting what they return.
    pub(crate) callback: Option<Arc<Arguments>>,
    /// The callables that it calls: there and then, or in the event loop.
    pub(crate) calls: Option<Arc<Calls>>,
    /// It starts a task: whether it keeps it, too.
    pub(crate) spawns: Option<bool>,
    pub(crate) enters_loop: bool,
    /// A decorator of functions, or a method to be overridden, that the event loop calls.
    pub(crate) runs_in_loop: bool,
    /// A method to be overridden, or an attribute to be assigned to, that a thread of the library calls.
    pub(crate) runs_in_thread: bool,
    /// Said by the user to be harmless.
    pub(crate) does_not_block: bool,
}

/// Which arguments of a call are meant.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Arguments {
    #[serde(default)]
    pub(crate) arguments: Vec<usize>,
    #[serde(default)]
    pub(crate) keywords: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Calls {
    pub(crate) arguments: Arguments,
    /// The event loop does, later.
    pub(crate) later: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KnowledgeFile {
    #[allow(dead_code, reason = "for readers of the file")]
    package: String,
    #[allow(dead_code, reason = "for readers of the file")]
    source: String,
    #[serde(default)]
    homes: BTreeMap<String, String>,
    #[serde(default)]
    blocks: Vec<Entry>,
    #[serde(default)]
    computes: Vec<Entry>,
    #[serde(default, rename = "async")]
    awaited: Vec<Entry>,
    #[serde(default)]
    context: Vec<Entry>,
    #[serde(default)]
    hands_off: Vec<Entry>,
    #[serde(default)]
    callback: Vec<Entry>,
    #[serde(default)]
    calls: Vec<Entry>,
    #[serde(default)]
    spawns: Vec<Entry>,
    #[serde(default)]
    enters_loop: Vec<Entry>,
    #[serde(default)]
    runs_in_loop: Vec<Entry>,
    #[serde(default)]
    runs_in_thread: Vec<Entry>,
    #[serde(default)]
    returns: BTreeMap<String, String>,
    #[serde(default)]
    bases: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    names: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    kind: Option<BlockKind>,
    returns: Option<toml::Value>,
    instead: Option<String>,
    #[serde(default)]
    arguments: Vec<usize>,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    keeps: bool,
    #[serde(default)]
    lazy: bool,
    #[serde(default)]
    later: bool,
    unless: Option<Argument>,
    only_with: Option<Argument>,
    #[allow(dead_code, reason = "for readers of the file")]
    source: Option<String>,
    #[allow(dead_code, reason = "for readers of the file")]
    when: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    facts: FxHashMap<String, Facts>,
    /// `module.Class` of the entries `module.Class.*`.
    every_method: FxHashMap<String, Facts>,
    homes: FxHashMap<String, String>,
    returns: FxHashMap<String, String>,
    bases: FxHashMap<String, String>,
    classes: FxHashSet<String>,
}

impl Knowledge {
    /// # Errors
    /// Names the file and what is wrong with it. Tests see to it that there is none in a release.
    pub(crate) fn built_in() -> Result<Self, String> {
        let mut all = Self::default();
        for (name, text) in KNOWLEDGE_FILES {
            all.read(text).map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(all)
    }

    /// # Errors
    /// Says what is wrong with the file.
    pub(crate) fn read(&mut self, text: &str) -> Result<(), String> {
        let file: KnowledgeFile = toml::from_str(text).map_err(|error| error.to_string())?;
        self.homes.extend(file.homes);
        for entry in &file.blocks {
            let kind = entry
                .kind
                .ok_or_else(|| format!("no kind for {:?}", entry.names))?;
            let blocks = Arc::new(entry.blocks(kind));
            self.add(entry, |facts| facts.blocks = Some(blocks.clone()));
        }
        for entry in &file.computes {
            let computes = Arc::new(entry.blocks(BlockKind::Compute));
            self.add(entry, |facts| facts.computes = Some(computes.clone()));
        }
        for entry in &file.awaited {
            let returned: Returned = parse(entry)?;
            self.add(entry, |facts| facts.returned = Some(returned));
        }
        for entry in &file.context {
            let context: ContextKind = parse(entry)?;
            self.add(entry, |facts| facts.context = Some(context));
        }
        for entry in &file.hands_off {
            let arguments = Arc::new(entry.arguments());
            self.add(entry, |facts| facts.hands_off = Some(arguments.clone()));
        }
        for entry in &file.callback {
            let arguments = Arc::new(entry.arguments());
            self.add(entry, |facts| facts.callback = Some(arguments.clone()));
        }
        for entry in &file.calls {
            let calls = Arc::new(Calls {
                arguments: entry.arguments(),
                later: entry.later,
            });
            self.add(entry, |facts| facts.calls = Some(calls.clone()));
        }
        for entry in &file.spawns {
            self.add(entry, |facts| facts.spawns = Some(entry.keeps));
        }
        for entry in &file.enters_loop {
            self.add(entry, |facts| facts.enters_loop = true);
        }
        for entry in &file.runs_in_loop {
            self.add(entry, |facts| facts.runs_in_loop = true);
        }
        for entry in &file.runs_in_thread {
            self.add(entry, |facts| facts.runs_in_thread = true);
        }
        self.classes.extend(file.returns.values().cloned());
        // Only a class has these, `sessionmaker` too.
        let owners = file.returns.keys().filter_map(|name| {
            [".__call__", ".__getattr__", ".__getitem__"]
                .iter()
                .find_map(|method| name.strip_suffix(method))
        });
        self.classes.extend(owners.map(str::to_owned));
        self.classes.extend(file.bases.keys().cloned());
        self.returns.extend(file.returns);
        self.bases.extend(file.bases);
        Ok(())
    }

    fn add(&mut self, entry: &Entry, set: impl Fn(&mut Facts)) {
        for name in &entry.names {
            if let Some(class) = name.strip_suffix(".*") {
                self.classes.insert(class.to_owned());
                set(self.every_method.entry(class.to_owned()).or_default());
            } else {
                if let Some((owner, _)) = name.rsplit_once('.')
                    && owner.rsplit('.').next().is_some_and(is_class_name)
                {
                    self.classes.insert(owner.to_owned());
                }
                set(self.facts.entry(name.clone()).or_default());
            }
        }
        for name in &entry.except {
            match name.strip_suffix(".*") {
                Some(class) => self.every_method.entry(class.to_owned()).or_default(),
                None => self.facts.entry(name.clone()).or_default(),
            };
        }
    }

    /// Say that a function blocks, or does not: the user's configuration.
    pub(crate) fn extend(&mut self, blocking: &[String], harmless: &[String]) {
        for name in blocking {
            let blocks = Arc::new(Blocks::new(BlockKind::Told));
            self.facts.entry(name.clone()).or_default().blocks = Some(blocks);
        }
        for name in harmless {
            let facts = Facts {
                does_not_block: true,
                ..Facts::default()
            };
            self.facts.insert(name.clone(), facts);
        }
    }

    /// The public name of what a package defines elsewhere.
    pub(crate) fn canonical<'n>(&self, dotted: &'n str) -> Cow<'n, str> {
        if let Some(home) = self.homes.get(dotted) {
            return Cow::Owned(home.clone());
        }
        let mut end = dotted.len();
        while let Some(dot) = dotted[..end].rfind('.') {
            if let Some(home) = self.homes.get(&dotted[..dot]) {
                let rest = &dotted[dot..];
                return Cow::Owned(if home.is_empty() {
                    rest[1..].to_owned()
                } else {
                    format!("{home}{rest}")
                });
            }
            end = dot;
        }
        Cow::Borrowed(dotted)
    }

    /// What is known of a canonical name, through the bases that are known of its class.
    pub(crate) fn facts(&self, name: &str) -> Option<&Facts> {
        if let Some(found) = self.facts.get(name) {
            return Some(found);
        }
        let (owner, method) = name.rsplit_once('.')?;
        let mut class = owner;
        for _ in 0..8 {
            if class != owner
                && let Some(found) = self.facts.get(&format!("{class}.{method}"))
            {
                return Some(found);
            }
            if !method.starts_with('_')
                && let Some(found) = self.every_method.get(class)
            {
                return Some(found);
            }
            class = self.bases.get(class)?;
        }
        None
    }

    /// Whether a function blocks, when the configuration says so.
    pub(crate) fn told(&self, name: &str) -> Option<bool> {
        let facts = self.facts.get(name)?;
        if facts.does_not_block {
            return Some(false);
        }
        let blocks = facts.blocks.as_ref()?;
        (blocks.kind == BlockKind::Told).then_some(true)
    }

    /// The class of what a call of this name gives.
    pub(crate) fn returned_class(&self, name: &str) -> Option<&str> {
        if let Some(found) = self.returns.get(name) {
            return Some(found);
        }
        let (owner, method) = name.rsplit_once('.')?;
        let mut class = owner;
        for _ in 0..8 {
            class = self.bases.get(class)?;
            if let Some(found) = self.returns.get(&format!("{class}.{method}")) {
                return Some(found);
            }
        }
        None
    }

    pub(crate) fn is_class(&self, name: &str) -> bool {
        self.classes.contains(name)
    }
}

impl Entry {
    fn blocks(&self, kind: BlockKind) -> Blocks {
        Blocks {
            kind,
            instead: self.instead.clone(),
            unless: self.unless.clone(),
            lazy: self.lazy,
            only_with: self.only_with.clone(),
        }
    }

    fn arguments(&self) -> Arguments {
        Arguments {
            arguments: self.arguments.clone(),
            keywords: self.keywords.clone(),
        }
    }
}

fn parse<T: for<'de> Deserialize<'de>>(entry: &Entry) -> Result<T, String> {
    let value = entry
        .returns
        .clone()
        .ok_or_else(|| format!("no `returns` for {:?}", entry.names))?;
    value
        .try_into()
        .map_err(|error| format!("{:?}: {error}", entry.names))
}

/// Whether a name is written as classes are.
pub(crate) fn is_class_name(name: &str) -> bool {
    name.trim_start_matches('_')
        .starts_with(|first: char| first.is_ascii_uppercase())
}
