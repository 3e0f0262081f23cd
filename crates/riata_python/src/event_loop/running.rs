//! Running, stopping and closing a loop, and what it says about itself.

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::{Loop, LoopCore};
use crate::errors::raise_os_error;
use crate::ffi::{Obj, Res, set_attribute};
use crate::run::run_batch;

#[pymethods]
impl Loop {
    #[new]
    #[pyo3(signature = (*_args, _simulated = false, **_kwargs))]
    fn new(
        _args: &Bound<'_, PyAny>,
        _simulated: bool,
        _kwargs: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Loop> {
        Ok(Loop {
            core: LoopCore::new(_simulated).map_err(|error| raise_os_error(&error))?,
        })
    }

    /// Second half of `__init__`: the object exists now.
    fn _attach(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().core.attach(slf.as_ptr());
        judge(slf)
    }

    /// Setting and deleting attributes is rare; here it is noticed when somebody replaces a method on the instance.
    fn __setattr__(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyString>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        set_attribute(slf.as_any(), name, Some(value))?;
        judge_after(slf, name)
    }

    fn __delattr__(slf: &Bound<'_, Self>, name: &Bound<'_, PyString>) -> PyResult<()> {
        set_attribute(slf.as_any(), name, None)?;
        judge_after(slf, name)
    }

    /// Run turns until `stop()`; the Python side has set up what belongs around it.
    fn _run(slf: &Bound<'_, Self>) -> PyResult<()> {
        let core = &slf.get().core;
        if core.is_running() {
            return Err(PyRuntimeError::new_err(
                "This event loop is already running",
            ));
        }
        judge(slf)?; // the class may have got other methods
        core.begin_run();
        let ran = run_turns(core);
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

    /// As of any object; whoever hashes a loop may be about to look for its current task.
    fn __hash__(slf: &Bound<'_, Self>) -> PyResult<isize> {
        slf.get().core.tell_current()?;
        // The address, turned by four bits, since those are always zero.
        Ok((slf.as_ptr() as usize).rotate_right(4).cast_signed())
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

    /// Programs take a stop back with this name of asyncio's, as Sanic does when it ends.
    #[setter(_stopping)]
    fn set_stopping(&self, stopping: bool) {
        self.core.stopping.set(stopping);
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

    #[setter(_debug)]
    fn set_debug_attribute(&self, enabled: bool) {
        self.core.debug.set(enabled);
        self.core.time_jobs();
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

    #[setter(_task_factory)]
    fn set_task_factory_attribute(&self, factory: &Bound<'_, PyAny>) -> PyResult<()> {
        self.set_task_factory(factory)
    }

    /// Call this for each task that is made, and keep what it returns as the task's `_made_at`; `None` for no more.
    #[setter(_task_site)]
    fn set_task_site(&self, function: &Bound<'_, PyAny>) {
        let function = (!function.is_none()).then(|| Obj::from(function.clone()));
        self.core.task_site.set_opt(function);
    }

    /// How many jobs are ready, timers wait and are not cancelled, and descriptors are watched.
    fn _pending(&self) -> (usize, usize, usize) {
        self.core.pending()
    }

    /// The native tasks of this loop that are not done.
    fn _native_tasks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.core.all_tasks().into_iter().map(Py::<PyAny>::from))
    }

    /// A native task is no longer shown among the loop's tasks (`asyncio._unregister_task`).
    fn _forget_task(&self, task: &Bound<'_, PyAny>) {
        crate::core::task::unlist(&Obj::from(task.clone()));
    }

    /// The handles of `call_later` and `call_at` that wait, cancelled ones among them, in no certain order. A list of its own:
    /// tests of Home Assistant and zeroconf walk over it.
    #[getter]
    fn _scheduled<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.core.scheduled().into_iter().map(Py::<PyAny>::from))
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
            self.core.task_site.clear();
        }
    }
}

/// Methods that native code does without when they are the loop's own.
const JUDGED: [&str; 4] = ["call_soon", "create_task", "call_at", "time"];

/// Find out which methods are the native ones, in the class and on the instance.
fn judge(loop_: &Bound<'_, Loop>) -> PyResult<()> {
    let core = &loop_.get().core;
    let native = loop_.py().get_type::<Loop>();
    let class = loop_.get_type();
    let replaced = core.replaced.get();
    let own = |name: &str| -> PyResult<bool> {
        let found = class.getattr(name)?;
        Ok(found.is(&native.getattr(name)?)
            && !(replaced && loop_.getattr("__dict__")?.contains(name)?))
    };
    let [call_soon, create_task, call_at, time] = JUDGED;
    let plain_time = own(time)?;
    core.set_plain(
        own(call_soon)? && own(create_task)?,
        plain_time && own(call_at)?,
        plain_time,
    );
    Ok(())
}

fn judge_after(loop_: &Bound<'_, Loop>, name: &Bound<'_, PyString>) -> PyResult<()> {
    let name = name.to_str().unwrap_or_default();
    if JUDGED.contains(&name) {
        // From now on the instance's dictionary is looked at. Before, it is better left unmade: then the interpreter finds
        // methods faster.
        loop_.get().core.replaced.set(true);
        judge(loop_)?;
    }
    Ok(())
}

fn run_turns(core: &LoopCore) -> Res<()> {
    loop {
        if !core.plain_time.get() {
            core.ask_time(true)?;
        }
        core.wait()?;
        if !core.plain_time.get() {
            core.ask_time(false)?;
        }
        let count = core.collect();
        match &core.simulation {
            None => run_batch(core, count)?,
            Some(simulation) => core.run_simulated_batch(simulation, count)?,
        }
        if core.stopping.get() {
            return Ok(());
        }
    }
}
