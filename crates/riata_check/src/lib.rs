//! The mistakes of async Python, found before they run.

mod blocking;
mod body;
mod checker;
mod context;
pub mod diagnostic;
mod files;
mod functions;
mod imports;
mod knowledge;
mod names;
mod program;
mod protocols;
mod reach;
pub mod rules;
mod run;
pub mod settings;
mod source;
mod uses;

pub use run::{Outcome, Problem, check};
pub use settings::Settings;
pub use source::{Location, Position};
