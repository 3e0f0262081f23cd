//! The mistakes of async Python, found before they run.

pub mod baseline;
mod blocking;
mod body;
mod checker;
mod context;
mod depth;
pub mod diagnostic;
mod encoding;
mod files;
pub mod fix;
mod functions;
mod knowledge;
mod limit;
mod names;
mod program;
pub mod rules;
mod run;
mod session;
pub mod settings;
mod source;
mod suppression;
mod syntax;
mod write;

pub use run::{Outcome, Problem, check, silence_panics};
pub use session::Session;
pub use settings::Settings;
pub use source::{Location, Position};
