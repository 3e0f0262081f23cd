//! What is known of a value.

use ty_python_semantic::ProgramEnvironment;
use ty_python_semantic::types::Type;

use crate::database::Database;
use crate::definition::{Definition, DefinitionKind};

/// A class by the module that defines it and its name, as ty knows it (`types`, `CoroutineType`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClassName {
    pub module: String,
    pub name: String,
}

/// The type of a value, as far as rules ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing is known: an untyped value, a package that is not installed, or a type that no rule asks for.
    Unknown,
    /// The expression is never evaluated to an end.
    Never,
    None,
    /// `def`, a lambda bound to a method, or a bound method.
    Function(Definition),
    Class(Definition),
    Module(String),
    Instance(ClassName),
    /// One of them.
    Union(Vec<Value>),
}

impl Value {
    pub(crate) fn new<'db>(
        db: &'db Database,
        env: &ProgramEnvironment<'db>,
        ty: Type<'db>,
    ) -> Self {
        match ty {
            Type::Never => Self::Never,
            Type::FunctionLiteral(_) | Type::BoundMethod(_) => Self::defined(db, env, ty),
            Type::ClassLiteral(_) | Type::GenericAlias(_) | Type::SubclassOf(_) => {
                Self::defined(db, env, ty)
            }
            Type::ModuleLiteral(module) => Self::Module(module.module(db).name(db).to_string()),
            Type::NominalInstance(instance) => {
                if ty.is_none(db) {
                    return Self::None;
                }
                Self::Instance(ClassName {
                    name: instance.class_name(db, env).to_string(),
                    module: instance
                        .class_module_name(db, env)
                        .map_or_else(String::new, ToString::to_string),
                })
            }
            Type::ProtocolInstance(_)
            | Type::TypedDict(_)
            | Type::NewTypeInstance(_)
            | Type::LiteralValue(_)
            | Type::AlwaysFalsy
            | Type::AlwaysTruthy
            | Type::TypeIs(_) => {
                match ty
                    .definition(db, env)
                    .and_then(|definition| Definition::new(db, *definition.definition()?))
                {
                    Some(definition) if definition.kind == DefinitionKind::Class => {
                        Self::Instance(ClassName {
                            module: definition.module,
                            name: definition.qualname,
                        })
                    }
                    _ => Self::Unknown,
                }
            }
            Type::TypeAlias(alias) => Self::new(db, env, alias.value_type(db)),
            Type::Union(union) => {
                let values: Vec<Self> = union
                    .elements(db)
                    .iter()
                    .map(|element| Self::new(db, env, *element))
                    .collect();
                Self::Union(values)
            }
            _ => Self::Unknown,
        }
    }

    fn defined<'db>(db: &'db Database, env: &ProgramEnvironment<'db>, ty: Type<'db>) -> Self {
        let Some(definition) = ty
            .definition(db, env)
            .and_then(|definition| Definition::new(db, *definition.definition()?))
        else {
            return Self::Unknown;
        };
        match definition.kind {
            DefinitionKind::Function => Self::Function(definition),
            DefinitionKind::Class => Self::Class(definition),
        }
    }
}
