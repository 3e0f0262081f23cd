//! A watchdog over the jobs of a loop, for whoever wants to know what blocks it: riata's pytest plugin.

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use riata_engine::Watch;

use super::{Loop, LoopCore};
use crate::errors::raise_os_error;
use crate::ffi::{Obj, Res};

/// `Watchdog(signal)`: a thread that sends the signal to the thread of a loop that is busy with one job for too long. It needs
/// no GIL. A handler of the signal must be installed before: `faulthandler.register` has one that needs no GIL either.
#[pyclass(frozen, module = "riata._riata")]
pub struct Watchdog(riata_engine::Watchdog);

#[pymethods]
impl Watchdog {
    #[new]
    fn new(signal: i32) -> PyResult<Watchdog> {
        let started = riata_engine::Watchdog::start(signal);
        Ok(Watchdog(started.map_err(|error| raise_os_error(&error))?))
    }

    /// Whether the handler of the signal is still that which was there when this was made; otherwise it sends none.
    fn is_handled(&self) -> bool {
        self.0.watch().is_handled()
    }
}

#[pymethods]
impl Loop {
    /// Watch the jobs of this loop, which runs in this thread or is about to: one that takes longer than `after` seconds is
    /// reported to `_report_blocked` when it ends, with the seconds that it took. Until `_unwatch`, in the same thread.
    fn _watch(&self, watchdog: &Watchdog, after: f64) -> PyResult<()> {
        let after = Duration::try_from_secs_f64(after)
            .map_err(|error| PyValueError::new_err(format!("after: {error}")))?;
        let watch = watchdog.0.watch();
        watch.begin(after);
        self.core.watch.replace(Some(watch));
        self.core.time_jobs();
        Ok(())
    }

    fn _unwatch(&self) {
        let before = self.core.watch.take();
        if let Some(watch) = before {
            watch.end();
        }
        self.core.time_jobs();
    }
}

impl LoopCore {
    /// Time each job from now on, or do not, as is wanted.
    pub fn time_jobs(&self) {
        self.timed
            .set(self.debug.get() || self.watch.borrow().is_some());
    }

    /// For the watchdog, if there is one: a job begins.
    pub fn job_begins(&self) -> Option<(Arc<Watch>, u64)> {
        let watch = self.watch.borrow().clone()?;
        let began = watch.job_begins();
        Some((watch, began))
    }

    /// The job has ended. Seconds, if it took too long.
    pub fn job_ends(&self, (watch, began): (Arc<Watch>, u64)) -> Option<f64> {
        watch.job_ends(began).map(|took| took.as_secs_f64())
    }

    /// Tell the loop object which job took too long.
    pub fn report_blocked(&self, job: &Obj, seconds: f64) -> Res<()> {
        let this = self.this();
        let seconds = crate::ffi::float(seconds)?;
        let report = this.get(c"_report_blocked")?;
        report.call(&[job.as_ptr(), seconds.as_ptr()]).map(drop)
    }
}
