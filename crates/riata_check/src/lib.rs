//! The mistakes of async Python, found before they run.

pub mod baseline;
mod blocking;
mod body;
mod causes;
mod checker;
pub mod configuration;
mod context;
mod dependencies;
mod depth;
pub mod diagnostic;
mod direct;
mod encoding;
pub mod files;
pub mod fix;
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
pub mod watch;
mod write;

pub use run::{Outcome, Problem, check, silence_panics};
pub use session::Session;
pub use settings::Settings;
pub use source::{Location, Position};
