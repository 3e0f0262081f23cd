//! The mistakes of async Python, found before they run.

mod blocking;
mod body;
mod cancellation;
mod checker;
mod context;
pub mod diagnostic;
mod files;
mod flow;
mod functions;
mod handlers;
mod knowledge;
mod locks;
mod names;
mod program;
pub mod rules;
mod run;
pub mod settings;
mod shared;
mod source;
mod spawned;

pub use run::{Outcome, Problem, check};
pub use settings::Settings;
pub use source::{Location, Position};
