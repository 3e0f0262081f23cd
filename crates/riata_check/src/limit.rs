//! A limit for the time that types may take on one file: inference of some files has no end that anybody waits for.
//!
//! It is processor time where the system tells what a thread has had of it: a busy machine is no fault of the file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use riata_types::{Canceller, Types};

/// How long a thread whose questions were called off has to notice. Inference looks seldom in its longest loops.
const GRACE: Duration = Duration::from_secs(1);

/// As many times the limit may pass while a thread waits for a processor, or for another thread's answer.
const PATIENCE: u32 = 6;

/// What a thread is at.
#[derive(Default)]
pub(crate) struct Slot(Mutex<State>);

/// The time since a thread began with something.
struct Clock {
    since: Instant,
    /// Where Linux tells how long the thread has run, and what that was at the beginning.
    run: Option<(PathBuf, Duration)>,
}

impl Clock {
    /// For the thread that calls it.
    fn start() -> Self {
        let thread = fs::read_link("/proc/thread-self").ok();
        let path = thread.map(|thread| PathBuf::from("/proc").join(thread).join("schedstat"));
        Self {
            since: Instant::now(),
            run: path.and_then(|path| Some((path.clone(), run_time(&path)?))),
        }
    }

    fn elapsed(&self) -> Duration {
        let passed = self.since.elapsed();
        let run = self
            .run
            .as_ref()
            .and_then(|(path, start)| run_time(path)?.checked_sub(*start));
        run.map_or(passed, |run| run.max(passed / PATIENCE))
    }
}

fn run_time(path: &Path) -> Option<Duration> {
    let text = fs::read_to_string(path).ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

#[derive(Default)]
enum State {
    #[default]
    Idle,
    Asks {
        file: usize,
        clock: Clock,
        canceller: Canceller,
    },
    /// Nobody waits for the thread any longer.
    Abandoned,
}

impl Slot {
    /// The thread, which is the one that calls this, begins with a file; `types` is what it asks.
    pub(crate) fn start(&self, file: usize, types: &Types) {
        let mut state = self.lock();
        if !matches!(*state, State::Abandoned) {
            *state = State::Asks {
                file,
                clock: Clock::start(),
                canceller: types.canceller(),
            };
        }
    }

    /// The thread is done with a file. Whether it was called off: its handle on types is of no use then.
    pub(crate) fn stop(&self) -> bool {
        let mut state = self.lock();
        match &*state {
            State::Idle => false,
            State::Asks { canceller, .. } => {
                let cancelled = canceller.is_cancelled();
                *state = State::Idle;
                cancelled
            }
            State::Abandoned => true,
        }
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        matches!(*self.lock(), State::Abandoned)
    }

    /// Call off what takes longer than `limit`. When the thread does not notice it is abandoned: gives the file that somebody
    /// else has to check.
    pub(crate) fn enforce(&self, limit: Duration) -> Option<usize> {
        let mut state = self.lock();
        let State::Asks {
            file,
            clock,
            canceller,
        } = &*state
        else {
            return None;
        };
        if clock.since.elapsed() < limit {
            return None;
        }
        let (file, elapsed) = (*file, clock.elapsed());
        if elapsed >= limit {
            // Again and again: a question that starts anew forgets that it was called off.
            canceller.cancel();
        }
        if elapsed < limit + GRACE {
            return None;
        }
        *state = State::Abandoned;
        Some(file)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
