//! What the checker says about whole files.

mod project;
mod rules;
mod suppressions;
mod syntax;
