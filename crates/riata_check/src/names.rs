//! Which binding a name stands for, by Python's scoping rules alone.
//!
//! One pass over a tree. It knows every place that binds a name, not the order in which they run: a name with two
//! bindings may be either. Types know better; this answers where they are silent (a package that is not installed) or off.

mod builder;

use ruff_python_ast::visitor::Visitor as _;
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange, TextSize};
use rustc_hash::{FxHashMap, FxHashSet};

use builder::Builder;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ScopeId(u32);

impl ScopeId {
    pub(crate) const MODULE: Self = Self(0);
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum ScopeNode<'a> {
    Module,
    Function(&'a ast::StmtFunctionDef),
    Class(&'a ast::StmtClassDef),
    Lambda(&'a ast::ExprLambda),
    Comprehension,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Binding<'a> {
    /// `import a.b` (the name is `a`), `import a.b as c`.
    Import {
        alias: &'a ast::Alias,
    },
    /// `from module import name as alias`; `module` is absolute.
    ImportFrom {
        statement: &'a ast::StmtImportFrom,
        alias: &'a ast::Alias,
    },
    Function(&'a ast::StmtFunctionDef),
    Class(&'a ast::StmtClassDef),
    /// `name = value`.
    Value(&'a Expr),
    /// `name: annotation = value`.
    Annotated {
        annotation: &'a Expr,
        value: Option<&'a Expr>,
    },
    Parameter(&'a ast::Parameter),
    /// `with value as name`.
    With {
        value: &'a Expr,
        is_async: bool,
    },
    /// `for name in iterable`.
    Item {
        iterable: &'a Expr,
    },
    /// `for other, name in iterable`: the part of each item that is at `index`.
    ItemPart {
        iterable: &'a Expr,
        index: usize,
    },
    /// `except … as name`.
    Exception,
    /// One of the names on the left of an unpacking, a pattern, `del`, an augmented assignment.
    Other,
}

#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) node: ScopeNode<'a>,
    pub(crate) parent: Option<ScopeId>,
    bindings: FxHashMap<&'a str, Vec<Binding<'a>>>,
    globals: FxHashSet<&'a str>,
    nonlocals: FxHashSet<&'a str>,
}

/// What is assigned to an attribute of a class's instances, in its methods or its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttributeValue<'a> {
    pub(crate) value: Option<&'a Expr>,
    pub(crate) annotation: Option<&'a Expr>,
    /// The scope that both are evaluated in.
    pub(crate) scope: ScopeId,
}

#[derive(Debug)]
pub(crate) struct Names<'a> {
    scopes: Vec<Scope<'a>>,
    /// The scope that a function, class, lambda or comprehension makes, by the start of its name or of itself.
    made: FxHashMap<(TextSize, Kind), ScopeId>,
    attributes: FxHashMap<ScopeId, FxHashMap<&'a str, Vec<AttributeValue<'a>>>>,
    /// Every function and class with the scope it is defined in, in the order of the text.
    pub(crate) functions: Vec<(&'a ast::StmtFunctionDef, ScopeId)>,
    pub(crate) classes: Vec<(&'a ast::StmtClassDef, ScopeId)>,
    /// Modules that are imported anywhere, as written, without the dots of relative ones.
    pub(crate) imports: FxHashSet<&'a str>,
    /// Functions in which types are not asked for: see `is_branchy`.
    branchy: Vec<TextRange>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Named,
    Lambda,
    Comprehension,
}

impl<'a> Names<'a> {
    pub(crate) fn new(body: &'a [Stmt]) -> Self {
        let mut builder = Builder {
            names: Self {
                scopes: vec![Scope::new(ScopeNode::Module, None)],
                made: FxHashMap::default(),
                attributes: FxHashMap::default(),
                functions: Vec::new(),
                classes: Vec::new(),
                imports: FxHashSet::default(),
                branchy: Vec::new(),
            },
            current: ScopeId::MODULE,
        };
        builder.visit_body(body);
        builder.names
    }

    pub(crate) fn scope(&self, id: ScopeId) -> &Scope<'a> {
        &self.scopes[id.0 as usize]
    }

    pub(crate) fn of_function(&self, function: &ast::StmtFunctionDef) -> Option<ScopeId> {
        self.made
            .get(&(function.name.start(), Kind::Named))
            .copied()
    }

    pub(crate) fn of_class(&self, class: &ast::StmtClassDef) -> Option<ScopeId> {
        self.made.get(&(class.name.start(), Kind::Named)).copied()
    }

    /// The function whose name starts at a place: itself, its own scope, and the one that it is defined in.
    pub(crate) fn function_at(
        &self,
        start: TextSize,
    ) -> Option<(&'a ast::StmtFunctionDef, ScopeId, ScopeId)> {
        let own = *self.made.get(&(start, Kind::Named))?;
        let scope = self.scope(own);
        match scope.node {
            ScopeNode::Function(function) => Some((function, own, scope.parent?)),
            _ => None,
        }
    }

    /// The same for a class.
    pub(crate) fn class_at(
        &self,
        start: TextSize,
    ) -> Option<(&'a ast::StmtClassDef, ScopeId, ScopeId)> {
        let own = *self.made.get(&(start, Kind::Named))?;
        let scope = self.scope(own);
        match scope.node {
            ScopeNode::Class(class) => Some((class, own, scope.parent?)),
            _ => None,
        }
    }

    pub(crate) fn of_lambda(&self, lambda: &ast::ExprLambda) -> Option<ScopeId> {
        self.made.get(&(lambda.start(), Kind::Lambda)).copied()
    }

    /// The lambda that starts at a place, with its own scope.
    pub(crate) fn lambda_at(&self, start: TextSize) -> Option<(&'a ast::ExprLambda, ScopeId)> {
        let own = *self.made.get(&(start, Kind::Lambda))?;
        match self.scope(own).node {
            ScopeNode::Lambda(lambda) => Some((lambda, own)),
            _ => None,
        }
    }

    pub(crate) fn of_comprehension(&self, comprehension: &Expr) -> Option<ScopeId> {
        self.made
            .get(&(comprehension.start(), Kind::Comprehension))
            .copied()
    }

    /// The scope that a name is bound in when it is read in `scope`, and its bindings there.
    pub(crate) fn lookup(&self, name: &str, scope: ScopeId) -> Option<(ScopeId, &[Binding<'a>])> {
        let mut id = scope;
        let mut first = true;
        loop {
            let here = self.scope(id);
            if here.globals.contains(name) {
                id = ScopeId::MODULE;
                let found = self.scope(id).bindings.get(name)?;
                return Some((id, found));
            }
            // Names of a class's body are not seen by the functions in it.
            if (first || !matches!(here.node, ScopeNode::Class(_)))
                && !here.nonlocals.contains(name)
                && let Some(found) = here.bindings.get(name)
            {
                return Some((id, found));
            }
            // A comprehension in a class's body sees them, for its first iterable at least.
            first = first && matches!(here.node, ScopeNode::Comprehension);
            id = here.parent?;
        }
    }

    /// What binds a name in this very scope.
    pub(crate) fn bindings(&self, name: &str, scope: ScopeId) -> &[Binding<'a>] {
        self.scope(scope)
            .bindings
            .get(name)
            .map_or(&[], |found| found.as_slice())
    }

    /// Every binding of a scope.
    pub(crate) fn all_bindings(
        &self,
        scope: ScopeId,
    ) -> impl Iterator<Item = (&'a str, &[Binding<'a>])> {
        self.scope(scope)
            .bindings
            .iter()
            .map(|(name, found)| (*name, found.as_slice()))
    }

    /// What is assigned to `self.name` in the class that made `class`.
    pub(crate) fn attribute(&self, class: ScopeId, name: &str) -> &[AttributeValue<'a>] {
        self.attributes
            .get(&class)
            .and_then(|all| all.get(name))
            .map_or(&[], |found| found.as_slice())
    }

    /// The class whose body a scope lies in most closely, through functions.
    pub(crate) fn enclosing_class(
        &self,
        scope: ScopeId,
    ) -> Option<(ScopeId, &'a ast::StmtClassDef)> {
        let mut id = Some(scope);
        while let Some(here) = id {
            let found = self.scope(here);
            if let ScopeNode::Class(class) = found.node {
                return Some((here, class));
            }
            id = found.parent;
        }
        None
    }

    /// The function that a scope belongs to, through comprehensions but not through lambdas.
    pub(crate) fn enclosing_function(
        &self,
        scope: ScopeId,
    ) -> Option<(ScopeId, &'a ast::StmtFunctionDef)> {
        let mut id = Some(scope);
        while let Some(here) = id {
            let found = self.scope(here);
            match found.node {
                ScopeNode::Function(function) => return Some((here, function)),
                ScopeNode::Comprehension => id = found.parent,
                _ => return None,
            }
        }
        None
    }

    /// Whether a place lies in a function that takes the inference of types too long.
    pub(crate) fn is_branchy(&self, at: TextRange) -> bool {
        self.branchy.iter().any(|range| range.contains_range(at))
    }

    /// The names of the enclosing classes and functions, outermost first.
    pub(crate) fn qualname(&self, scope: ScopeId, name: &str) -> String {
        let mut parts: Vec<&str> = vec![name];
        let mut id = Some(scope);
        while let Some(here) = id {
            let found = self.scope(here);
            match found.node {
                ScopeNode::Function(function) => parts.push(function.name.as_str()),
                ScopeNode::Class(class) => parts.push(class.name.as_str()),
                _ => {}
            }
            id = found.parent;
        }
        parts.reverse();
        parts.join(".")
    }
}

impl Binding<'_> {
    /// Where it stands in the text, when it has one place.
    pub(crate) fn start(&self) -> Option<TextSize> {
        Some(match self {
            Self::Import { alias } | Self::ImportFrom { alias, .. } => alias.start(),
            Self::Function(function) => function.start(),
            Self::Class(class) => class.start(),
            Self::Value(value) | Self::With { value, .. } => value.start(),
            Self::Item { iterable } | Self::ItemPart { iterable, .. } => iterable.start(),
            Self::Annotated { annotation, .. } => annotation.start(),
            Self::Parameter(parameter) => parameter.start(),
            Self::Exception | Self::Other => return None,
        })
    }
}

impl<'a> Scope<'a> {
    fn new(node: ScopeNode<'a>, parent: Option<ScopeId>) -> Self {
        Self {
            node,
            parent,
            bindings: FxHashMap::default(),
            globals: FxHashSet::default(),
            nonlocals: FxHashSet::default(),
        }
    }
}

/// `self` of a method, whatever it is called.
pub(crate) fn first_parameter(function: &ast::StmtFunctionDef) -> Option<&str> {
    function
        .parameters
        .posonlyargs
        .first()
        .or_else(|| function.parameters.args.first())
        .map(|parameter| parameter.parameter.name.as_str())
}
