//! One module: its syntax tree, and what its expressions are.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ruff_db::files::{File, FilePath};
use ruff_db::parsed::{ParsedModuleRef, parsed_module};
use ruff_db::source::source_text;
use ruff_python_ast::{self as ast, Expr};
use ty_module_resolver::{ModuleName, file_to_module, resolve_module_confident};
use ty_python_core::ProgramFile;
use ty_python_semantic::types::Type;
use ty_python_semantic::{
    Db as _, HasType, ImportAliasResolution, ProgramEnvironment, ResolvedDefinition, SemanticModel,
    definitions_for_attribute, definitions_for_name,
};

use crate::database::Database;
use crate::definition::{Definition, Origin, origin};
use crate::value::{ClassName, Value};

/// A module of the program. Nodes that it is asked about must be those of its own tree (`parsed`).
pub struct ModuleTypes<'db> {
    db: &'db Database,
    model: SemanticModel<'db>,
    env: ProgramEnvironment<'db>,
    file: ProgramFile<'db>,
    cancelled: &'db AtomicBool,
}

impl<'db> ModuleTypes<'db> {
    pub(crate) fn new(db: &'db Database, file: File, cancelled: &'db AtomicBool) -> Self {
        let file = db.program_file(file);
        Self {
            db,
            model: SemanticModel::new(db, file),
            env: ProgramEnvironment::from_file(file),
            file,
            cancelled,
        }
    }

    /// The syntax tree. It stays alive with what is returned.
    pub fn parsed(&self) -> ParsedModuleRef {
        parsed_module(self.db, self.file.python_file(self.db)).load(self.db)
    }

    /// Let go of the syntax tree; asking again parses anew.
    pub fn release(&self) {
        parsed_module(self.db, self.file.python_file(self.db)).clear();
    }

    pub fn text(&self) -> String {
        source_text(self.db, self.file.file(self.db))
            .as_str()
            .to_owned()
    }

    pub fn origin(&self) -> Option<Origin> {
        origin(self.file.file(self.db).path(self.db))
    }

    /// The module's name from the top, when it can be imported.
    pub fn name(&self) -> Option<String> {
        module_name(self.db, self.file.file(self.db))
    }

    /// What an expression is. A panic of the engine is an unknown value.
    pub fn value(&self, expr: &Expr) -> Value {
        self.guarded(|| match expr.inferred_type(&self.model) {
            Some(ty) => Value::new(self.db, &self.env, ty),
            None => Value::Unknown,
        })
        .unwrap_or(Value::Unknown)
    }

    /// The functions and classes that a called expression may stand for. Where its type is not known (a decorator without
    /// types, say), what its name is defined as.
    pub fn callee(&self, func: &Expr) -> Vec<Definition> {
        self.guarded(|| {
            let mut found = Vec::new();
            if let Some(ty) = func.inferred_type(&self.model) {
                self.defined_as(ty, &mut found);
            }
            if found.is_empty() {
                let definitions = match func {
                    Expr::Name(name) => definitions_for_name(
                        &self.model,
                        name.id.as_str(),
                        name.into(),
                        ImportAliasResolution::ResolveAliases,
                    ),
                    Expr::Attribute(attribute) => definitions_for_attribute(&self.model, attribute),
                    _ => Vec::new(),
                };
                self.convert(definitions, &mut found);
            }
            found
        })
        .unwrap_or_default()
    }

    /// The function that a property's name is defined as in the class of its object, if it is one.
    pub fn attribute(&self, attribute: &ast::ExprAttribute) -> Vec<Definition> {
        self.guarded(|| {
            let mut found = Vec::new();
            self.convert(
                definitions_for_attribute(&self.model, attribute),
                &mut found,
            );
            found
        })
        .unwrap_or_default()
    }

    /// Where the class of an object is defined, when it has one.
    pub fn class(&self, expr: &Expr) -> Option<Definition> {
        self.guarded(|| match expr.inferred_type(&self.model)? {
            ty @ Type::NominalInstance(_) => {
                let definition = ty.definition(self.db, &self.env)?;
                Definition::new(self.db, *definition.definition()?)
            }
            _ => None,
        })
        .flatten()
    }

    /// The classes that an object may be of.
    pub fn classes(&self, expr: &Expr) -> Vec<ClassName> {
        let mut found = Vec::new();
        self.guarded(|| {
            if let Some(ty) = expr.inferred_type(&self.model) {
                self.instance_classes(ty, &mut found);
            }
        });
        found
    }

    fn instance_classes(&self, ty: Type<'db>, found: &mut Vec<ClassName>) {
        match ty {
            Type::Union(union) => {
                for element in union.elements(self.db) {
                    self.instance_classes(*element, found);
                }
            }
            Type::NominalInstance(instance) => found.push(ClassName {
                name: instance.class_name(self.db, &self.env).to_string(),
                module: instance
                    .class_module_name(self.db, &self.env)
                    .map_or_else(String::new, ToString::to_string),
            }),
            _ => {}
        }
    }

    fn defined_as(&self, ty: Type<'db>, found: &mut Vec<Definition>) {
        match ty {
            Type::Union(union) => {
                for element in union.elements(self.db) {
                    self.defined_as(*element, found);
                }
            }
            _ => {
                let definition = ty.definition(self.db, &self.env);
                if let Some(definition) = definition.as_ref().and_then(|found| found.definition())
                    && matches!(
                        ty,
                        Type::FunctionLiteral(_)
                            | Type::BoundMethod(_)
                            | Type::ClassLiteral(_)
                            | Type::GenericAlias(_)
                            | Type::SubclassOf(_)
                    )
                {
                    found.extend(Definition::new(self.db, *definition));
                }
            }
        }
    }

    fn convert(&self, definitions: Vec<ResolvedDefinition<'db>>, found: &mut Vec<Definition>) {
        for definition in definitions {
            if let Some(definition) = definition.definition()
                && let Some(definition) = Definition::new(self.db, definition)
                && !found.contains(&definition)
            {
                found.push(definition);
            }
        }
    }

    /// ty is not ours: where it panics on a file, nothing is known of what was asked. When the questions have been called
    /// off, this unwinds to whoever waits for `is_cancellation`.
    pub(crate) fn guarded<T>(&self, ask: impl FnOnce() -> T) -> Option<T> {
        self.stop_if_cancelled();
        let answer = catch_unwind(AssertUnwindSafe(ask)).ok();
        if answer.is_none() {
            self.stop_if_cancelled();
        }
        answer
    }

    fn stop_if_cancelled(&self) {
        if self.cancelled.load(Ordering::Relaxed) {
            crate::cancel::unwind();
        }
    }
}

/// The name of a module, when it can be imported. Where one source root lies in another (`src` in the project) ty takes the
/// first one that a file is below; here it is the nearest, so that the file has one name wherever it is spoken of.
pub(crate) fn module_name(db: &Database, file: File) -> Option<String> {
    let module = file_to_module(db, db.program_file(file).resolver_file(db))?;
    if let FilePath::System(path) = file.path(db) {
        let path = path.as_std_path();
        let nearest = |roots: &[PathBuf]| {
            let above = roots.iter().filter(|root| path.starts_with(root));
            above.map(|root| root.components().count()).max()
        };
        let settings = db.asked();
        let nearest_root = nearest(&settings.source_roots);
        if nearest_root > nearest(&settings.site_packages) {
            return Some(module_name_below(&settings.source_roots, path));
        }
    }
    Some(module.name(db).to_string())
}

/// The name that `import` has for a file: its path below the nearest of these folders.
pub fn module_name_below(roots: &[PathBuf], path: &Path) -> String {
    let below = roots
        .iter()
        .filter_map(|root| path.strip_prefix(root).ok())
        .min_by_key(|below| below.components().count())
        .unwrap_or(path);
    let mut parts: Vec<String> = below
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if parts.last().is_some_and(|last| last == "__init__") {
        parts.pop();
    }
    parts.join(".")
}

pub(crate) fn find(db: &Database, name: &str) -> Option<Origin> {
    let module = resolve_module_confident(
        db,
        db.program().resolver_environment(db),
        &ModuleName::new(name)?,
    )?;
    origin(module.file(db)?.path(db))
}
