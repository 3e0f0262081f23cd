//! `path:line:column: RIA101 [*] message`

use std::io::{self, Write};

use super::Reporter;
use crate::diagnostic::Diagnostic;

pub(super) fn write(
    reporter: &Reporter<'_>,
    out: &mut dyn Write,
    diagnostics: &[Diagnostic],
) -> io::Result<()> {
    let style = reporter.style;
    for found in diagnostics {
        let start = found.location.start;
        let colon = style.accent(":");
        writeln!(
            out,
            "{}{colon}{}{colon}{}{colon} {} {}{}",
            style.bold(&reporter.path(&found.location.path)),
            start.line,
            start.column,
            style.link(&super::url(&found.name), &style.error(&found.code)),
            if reporter.is_fixable(found) {
                format!("[{}] ", style.accent("*"))
            } else {
                String::new()
            },
            found.message,
        )?;
    }
    Ok(())
}
