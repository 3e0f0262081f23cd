//! The mistakes of async Python, found before they run.

mod annotations;
mod blocking;
mod body;
mod checker;
mod context;
pub mod diagnostic;
mod elements;
mod files;
mod functions;
mod hierarchy;
mod knowledge;
mod locals;
mod lost;
mod names;
mod program;
mod pytest_config;
pub mod rules;
mod run;
pub mod settings;
mod source;
mod tasks;

pub use run::{Outcome, Problem, check};
pub use settings::Settings;
pub use source::{Location, Position};
