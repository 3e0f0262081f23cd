use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds comments that suppress a rule that does not exist.
    ///
    /// ## Why is this bad?
    /// A suppression with a wrong name suppresses nothing.
    ///
    /// ## Example
    /// ```python
    /// time.sleep(1)  # riata: ignore[blocking-call]
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// time.sleep(1)  # riata: ignore[blocking-call-in-async]
    /// ```
    ///
    /// ## Fix safety
    /// There is no fix: which rule was meant is not known.
    ///
    /// ## False alarms known
    /// None. In `# noqa: …` only codes that start with `RIA` are looked at.
    "RIA002", "unknown-rule-in-suppression", default: true, fix: None,
    // Found where suppressions are applied, in suppression.rs.
    hooks: [],
}
