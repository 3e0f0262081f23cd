//! Workflow commands of GitHub, which shows them at the lines of a change.

use std::io::{self, Write};

use super::Reporter;
use crate::diagnostic::Diagnostic;

pub(super) fn write(
    reporter: &Reporter<'_>,
    out: &mut dyn Write,
    diagnostics: &[Diagnostic],
) -> io::Result<()> {
    for found in diagnostics {
        let path = reporter.path(&found.location.path);
        let (start, end) = (found.location.start, found.location.end);
        let message = format!(
            "{path}:{}:{}: {} {}",
            start.line, start.column, found.code, found.message
        );
        writeln!(
            out,
            "::error title={},file={},line={},col={},endLine={},endColumn={}::{}",
            property(&format!("riata ({})", found.code)),
            property(&path),
            start.line,
            start.column,
            end.line,
            end.column,
            data(&message),
        )?;
    }
    Ok(())
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_value_is_escaped() {
        assert_eq!(data("50 %:\r\na, b"), "50 %25:%0D%0Aa, b");
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }
}
