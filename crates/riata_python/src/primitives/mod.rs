//! asyncio's primitives, native: locks, queues, timeouts, task groups, `sleep`, `gather`, `wait`, `wait_for`, `shield`.
//!
//! They run on any asyncio loop. On ours a waiter is a native future and a timer has no handle; on others both are asked of the
//! loop. The semantics are those of CPython 3.14, whose mends the older Pythons get too; where they differ on purpose from the
//! Python at hand, docs/primitives.md says so.

pub mod condition;
pub mod copying;
pub mod event;
pub mod gather;
pub mod holders;
pub mod lock;
pub mod queue;
pub mod semaphore;
pub mod shield;
pub mod sleep;
pub mod task_group;
pub mod timeout;
pub mod wait;
pub mod wait_for;
pub mod waiters;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::ffi::{Obj, Res};

/// Put the hot methods on the classes, and the functions into the module.
pub fn export(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    lock::add_methods(py)?;
    event::add_methods(py)?;
    condition::add_methods(py)?;
    semaphore::add_methods(py)?;
    queue::add_methods(py)?;
    shield::add_methods(py)?;
    task_group::add_methods(py)?;
    crate::core::timeout::add_methods()?;
    let functions = [
        ("gather", gather::function()?),
        ("message_of", waiters::message_function()?),
        ("shield", shield::function()?),
        ("sleep", sleep::function()?),
        ("wait", wait::function()?),
        ("wait_for", wait_for::function()?),
    ];
    for (name, function) in functions.into_iter().chain(timeout::functions()?) {
        module.add(name, function.bound(py))?;
    }
    // Errors of the interpreter name a class as C code does, with its module; asyncio's are classes of Python.
    for name in CLASSES {
        module.getattr(name)?.setattr("__name__", name)?;
    }
    Ok(())
}

const CLASSES: [&str; 10] = [
    "BoundedSemaphore",
    "Condition",
    "Event",
    "LifoQueue",
    "Lock",
    "PriorityQueue",
    "Queue",
    "Semaphore",
    "TaskGroup",
    "Timeout",
];

/// 3.10 tells who passes a loop that this is over.
fn refuse_loop(class: &Bound<'_, PyType>, kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
    match kwargs {
        Some(kwargs) if cfg!(not(Py_3_11)) && kwargs.contains("loop")? => {
            Err(PyTypeError::new_err(format!(
                "As of 3.10, the *loop* parameter was removed from {}() since it is no longer necessary",
                class.name()?
            )))
        }
        _ => Ok(()),
    }
}

/// `object.__repr__` with something said at its end.
fn repr_with(this: &Obj, extra: &str) -> Res<String> {
    let plain = crate::ffi::plain_repr(this)?;
    let inner = plain
        .strip_prefix('<')
        .and_then(|plain| plain.strip_suffix('>'))
        .unwrap_or(&plain);
    Ok(format!("<{inner} [{extra}]>"))
}
