//! The mistakes of async Python, found before they run.

mod annotations;
mod blocking;
mod body;
mod checker;
mod context;
pub mod diagnostic;
mod files;
mod functions;
mod knowledge;
mod locals;
mod lost;
mod names;
mod program;
pub mod rules;
mod run;
pub mod settings;
mod source;
mod tasks;

pub use run::{Outcome, Problem, check};
pub use settings::Settings;
pub use source::{Location, Position};
