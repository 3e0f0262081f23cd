//! Handles of `call_soon_threadsafe`, from 3.14 on: while the callback runs, other threads that cancel it or ask whether it
//! is cancelled wait. Mirrors `asyncio.events._ThreadSafeHandle`, which holds a lock for that; here nobody pays who does not
//! wait.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::Handle;
use crate::ffi::{Res, check_signals, without_gil};

/// How many threads wait, for whatever handle. Changed with the GIL held.
static WAITING: AtomicUsize = AtomicUsize::new(0);
/// How many callbacks have ended while somebody waited.
static ENDED: (Mutex<u64>, Condvar) = (Mutex::new(0), Condvar::new());
/// How often a thread that waits looks at its signals.
const SIGNALS: Duration = Duration::from_millis(50);

impl Handle {
    /// What the loop runs around the callback.
    #[inline]
    pub(super) fn running<T>(&self, body: impl FnOnce() -> T) -> T {
        if !self.threadsafe.get() {
            return body();
        }
        self.runs.set(true);
        let result = body();
        self.runs.set(false);
        if WAITING.load(Ordering::Relaxed) > 0 {
            *ENDED.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            ENDED.1.notify_all();
        }
        result
    }

    /// In another thread than the loop's: wait while the callback runs.
    #[inline]
    pub(super) fn wait_while_it_runs(&self) -> Res<()> {
        if !self.runs.get() || self.core().is_none_or(|core| core.runs_here()) {
            return Ok(());
        }
        WAITING.fetch_add(1, Ordering::Relaxed);
        let waited = self.wait();
        WAITING.fetch_sub(1, Ordering::Relaxed);
        waited
    }

    #[cold]
    fn wait(&self) -> Res<()> {
        // A callback that ends does so with the GIL, so none can between the look at `runs` and at the count.
        while self.runs.get() {
            let (ended, changed) = &ENDED;
            let before = *ended.lock().unwrap_or_else(PoisonError::into_inner);
            without_gil(|| {
                let now = ended.lock().unwrap_or_else(PoisonError::into_inner);
                drop(changed.wait_timeout_while(now, SIGNALS, |now| *now == before));
            });
            check_signals()?;
        }
        Ok(())
    }
}
