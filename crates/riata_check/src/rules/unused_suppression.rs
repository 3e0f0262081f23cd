use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds comments that suppress a rule, by its code or its name, where that rule has nothing to say, and ones that
    /// suppress all rules (`# riata: ignore`) where none has.
    ///
    /// ## Why is this bad?
    /// A suppression that is left behind hides the next mistake on its line.
    ///
    /// ## Example
    /// ```python
    /// await asyncio.sleep(1)  # riata: ignore[RIA101]
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// await asyncio.sleep(1)
    /// ```
    ///
    /// ## Fix safety
    /// The comment is removed, or the part of it that is not used; other text in it stays. The fix is safe.
    ///
    /// ## False alarms known
    /// None. Nothing is said about a rule that is off, about a bare `# noqa`, which is for other tools too, about a file
    /// with syntax errors, and without types: they may find what the comment is for.
    "RIA001", "unused-suppression", default: true, fix: Safe,
    // Found where suppressions are applied, in suppression.rs.
    hooks: [],
}
