//! What goes to standard error, and what the terminal can show.

use std::io::{IsTerminal, Write};

use anstream::ColorChoice;
use riata_check::report::Style;

use crate::arguments::Color;

/// Columns of a report that goes to a file or a pipe.
const WIDTH: usize = 140;

pub(crate) struct Terminal {
    /// How reports look.
    pub(crate) style: Style,
    colored_errors: bool,
    pub(crate) quiet: bool,
}

impl Terminal {
    pub(crate) fn new(color: Color, quiet: bool) -> Self {
        let on = |automatic: ColorChoice| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => automatic != ColorChoice::Never,
        };
        let stdout = std::io::stdout();
        let color = on(anstream::AutoStream::choice(&stdout));
        let width = if stdout.is_terminal() {
            terminal_size::terminal_size().map_or(WIDTH, |(width, _)| usize::from(width.0).max(40))
        } else {
            WIDTH
        };
        let hyperlinks = color && supports_hyperlinks::on(supports_hyperlinks::Stream::Stdout);
        Self {
            style: Style {
                color,
                hyperlinks,
                width,
            },
            colored_errors: on(anstream::AutoStream::choice(&std::io::stderr())),
            quiet,
        }
    }

    pub(crate) fn error(&self, message: &str) {
        self.say("error", "1;31", message);
    }

    pub(crate) fn warning(&self, message: &str) {
        self.say("warning", "1;33", message);
    }

    pub(crate) fn note(&self, message: &str) {
        self.say("note", "1;32", message);
    }

    fn say(&self, kind: &str, codes: &str, message: &str) {
        let mut stderr = std::io::stderr().lock();
        // There is nobody left to tell when this fails.
        let _ = if self.colored_errors {
            writeln!(stderr, "\x1b[{codes}m{kind}\x1b[0m: {message}")
        } else {
            writeln!(stderr, "{kind}: {message}")
        };
    }
}
