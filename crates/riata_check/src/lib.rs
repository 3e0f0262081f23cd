//! The mistakes of async Python, found before they run.

mod blocking;
mod body;
mod causes;
mod checker;
pub mod configuration;
mod context;
pub mod diagnostic;
pub mod files;
mod functions;
pub mod globs;
mod knowledge;
mod names;
mod program;
pub mod report;
pub mod rules;
mod run;
pub mod settings;
mod source;

pub use run::{Outcome, Problem, Progress, check, check_with_progress};
pub use settings::Settings;
pub use source::{Location, Position};
