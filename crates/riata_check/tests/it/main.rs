//! What the checker says about whole files.

mod bad_input;
mod baselines;
mod fixes;
mod fuzz;
mod project;
mod rule_fixes;
mod rules;
mod structure_fixes;
mod suppressions;
mod syntax;
