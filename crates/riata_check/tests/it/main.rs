//! What the checker says about whole files.

mod rules;
mod structure_fixes;
