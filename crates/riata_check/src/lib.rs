//! The mistakes of async Python, found before they run.

mod blocking;
mod body;
mod causes;
mod checker;
pub mod configuration;
mod context;
mod depth;
pub mod diagnostic;
mod encoding;
pub mod files;
mod functions;
pub mod globs;
mod knowledge;
mod limit;
mod names;
mod program;
pub mod report;
pub mod rules;
mod run;
mod session;
pub mod settings;
mod source;
mod suppression;
mod syntax;

pub use run::{Outcome, Problem, check, silence_panics};
pub use session::Session;
pub use settings::Settings;
pub use source::{Location, Position};
