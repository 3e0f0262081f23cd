//! Running, stopping and closing a loop, and what it says about itself.

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::{Loop, LoopCore};
use crate::ffi::{Obj, Res};
use crate::run::run_batch;

#[pymethods]
impl Loop {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyAny>, _kwargs: Option<&Bound<'_, PyAny>>) -> PyResult<Loop> {
        Ok(Loop {
            core: LoopCore::new()?,
        })
    }

    /// Second half of `__init__`: the object exists now.
    fn _attach(slf: &Bound<'_, Self>, plain: bool) {
        let core = &slf.get().core;
        core.attach(slf.as_ptr());
        core.plain.set(plain);
    }

    /// Run turns until `stop()`; the Python side has set up what belongs around it.
    fn _run(&self) -> PyResult<()> {
        let core = &self.core;
        if core.is_running() {
            return Err(PyRuntimeError::new_err(
                "This event loop is already running",
            ));
        }
        core.begin_run();
        let ran = run_turns(core);
        if core.net.has_written.get() {
            // What ended the run came before the end of its job.
            crate::ffi::aside(|| {
                if crate::net::flush(core).is_err() {
                    crate::ffi::unraisable(None);
                }
            });
        }
        let left = crate::ffi::aside(|| core.leave());
        core.end_run();
        ran?;
        left?;
        Ok(())
    }

    /// Stop after the current turn. Mirrors `loop.stop()`.
    fn stop(&self) {
        self.core.stopping.set(true);
    }

    /// This process is the child of a fork.
    fn _forked(&self) {
        self.core.forked();
    }

    fn is_running(&self) -> bool {
        self.core.is_running()
    }

    fn is_closed(&self) -> bool {
        self.core.closed.get()
    }

    #[getter(_closed)]
    fn closed(&self) -> bool {
        self.core.closed.get()
    }

    #[getter(_stopping)]
    fn stopping(&self) -> bool {
        self.core.stopping.get()
    }

    /// Drop everything that is queued and let go of the kernel's objects.
    fn _close(&self) {
        self.core.closed.set(true);
        let jobs = self.core.clear();
        drop(jobs);
        crate::net::close_all(&self.core);
        self.core.shut();
    }

    fn get_debug(&self) -> bool {
        self.core.debug.get()
    }

    #[getter(_debug)]
    fn debug_attribute(&self) -> bool {
        self.core.debug.get()
    }

    fn _set_debug(&self, enabled: bool) {
        self.core.debug.set(enabled);
    }

    #[getter(_clock_resolution)]
    fn clock_resolution(&self) -> f64 {
        self.core.resolution()
    }

    /// Seconds that a callback may take before debug mode logs it.
    #[getter]
    fn slow_callback_duration(&self) -> f64 {
        self.core.slow_callback_duration.get()
    }

    #[setter]
    fn set_slow_callback_duration(&self, seconds: f64) {
        self.core.slow_callback_duration.set(seconds);
    }

    /// Mirrors `loop.set_task_factory`.
    fn set_task_factory(&self, factory: &Bound<'_, PyAny>) -> PyResult<()> {
        if !factory.is_none() && !factory.is_callable() {
            return Err(PyTypeError::new_err(
                "task factory must be a callable or None",
            ));
        }
        let factory = (!factory.is_none()).then(|| Obj::from(factory.clone()));
        self.core.task_factory.set_opt(factory);
        Ok(())
    }

    fn get_task_factory(&self) -> Py<PyAny> {
        self.core.task_factory.get_or_none().into()
    }

    #[getter(_task_factory)]
    fn task_factory_attribute(&self) -> Py<PyAny> {
        self.core.task_factory.get_or_none().into()
    }

    /// The native tasks of this loop that are not done.
    fn _native_tasks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.core.all_tasks().into_iter().map(Py::<PyAny>::from))
    }

    /// What the event sink has counted so far, by kind of event.
    fn _event_counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = self.core.counts();
        let dict = PyDict::new(py);
        dict.set_item("spawn", counts.spawns)?;
        dict.set_item("step", counts.steps)?;
        dict.set_item("wake", counts.wakes)?;
        dict.set_item("park", counts.parks.iter().sum::<u64>())?;
        dict.set_item("cancel", counts.cancels)?;
        dict.set_item("finish", counts.finishes)?;
        dict.set_item("io_wait", counts.io_waits)?;
        Ok(dict)
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        super::engine::traverse(&self.core, &visit)
    }

    fn __clear__(&self) {
        if !self.core.is_running() {
            drop(self.core.clear());
            self.core.task_factory.clear();
        }
    }
}

fn run_turns(core: &LoopCore) -> Res<()> {
    loop {
        core.wait()?;
        if core.net.has_written.get() {
            // A signal's handler wrote.
            crate::net::flush(core)?;
        }
        let count = core.collect();
        run_batch(core, count)?;
        if core.stopping.get() {
            return Ok(());
        }
    }
}
