//! The command as its users see it. Every test has a folder of its own and looks at nothing else of the machine.

mod configurations;
mod encodings;
mod errors;
mod fixes;
mod names;
mod options;
mod project;
mod reports;
mod rule;
mod sarif;
mod watching;
