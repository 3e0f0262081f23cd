//! A bar on the terminal for runs that take a while.

use std::sync::Arc;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Nobody needs a bar that is gone before it is read.
const APPEARS_AFTER: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    begin: Instant,
    shown: Arc<OnceLock<()>>,
}

impl Progress {
    pub(crate) fn new(files: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(files as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("Checking {bar:40} {pos}/{len} files") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Self {
            bar,
            begin: Instant::now(),
            shown: Arc::default(),
        }
    }

    /// One more file is done.
    pub(crate) fn step(&self) {
        self.bar.inc(1);
        if self.begin.elapsed() > APPEARS_AFTER {
            // Draws only on a terminal.
            self.shown
                .get_or_init(|| self.bar.set_draw_target(ProgressDrawTarget::stderr()));
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
