//! The command `riata-check`.

mod arguments;
mod baselines;
mod check;
mod progress;
mod projects;
mod rule;
mod terminal;
mod watching;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use terminal::Terminal;

/// Something could not be done: a wrong configuration, a file that cannot be read, a failure of the checker itself.
const EXIT_FAILED: u8 = 2;

fn main() -> ExitCode {
    // Fixes and the cache walk trees on this thread, as deep ones as those that check do.
    let thread = std::thread::Builder::new()
        .stack_size(riata_check::STACK_SIZE)
        .spawn(run);
    match thread {
        // What panics is caught inside.
        Ok(thread) => thread.join().unwrap_or(ExitCode::from(EXIT_FAILED)),
        Err(_) => run(),
    }
}

fn run() -> ExitCode {
    let mut arguments = Arguments::parse();
    riata_check::silence_panics();
    let terminal = Terminal::new(arguments.color, arguments.quiet);
    let result = catch_unwind(AssertUnwindSafe(|| match arguments.command.take() {
        Some(Command::Rule(asked)) => rule::run(&asked),
        None => check::run(&arguments, &terminal),
    }));
    let result = result.unwrap_or_else(|panic| {
        Err(format!(
            "the checker failed: {}",
            riata_check::panic_message(&*panic)
        ))
    });
    result.unwrap_or_else(|error| {
        terminal.error(&error);
        ExitCode::from(EXIT_FAILED)
    })
}
