//! `add_reader` and its kin: watching file descriptors.

use std::cell::RefCell;
use std::collections::HashMap;

use pyo3::exceptions::{PyAttributeError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyTuple};
use riata_engine::SocketId;

use super::{Loop, LoopCore};
use crate::core::handle::{Handle, new_handle};
use crate::core::sock_call::SockCall;
use crate::errors::raise_os_error;
use crate::ffi::{Obj, Res};
use crate::job::Job;
use crate::net;

#[pymethods]
impl Loop {
    /// Call `callback(*args)` whenever `fd` is readable. Mirrors `loop.add_reader`.
    #[pyo3(signature = (fd, callback, *args))]
    fn add_reader(
        slf: &Bound<'_, Self>,
        fd: &Bound<'_, PyAny>,
        callback: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
    ) -> PyResult<()> {
        let core = &slf.get().core;
        let id = watched_id(core, fd)?;
        watch(core, fd, id, callback, args, LoopCore::add_reader).map(drop)
    }

    /// Call `callback(*args)` whenever `fd` is writable. Mirrors `loop.add_writer`.
    #[pyo3(signature = (fd, callback, *args))]
    fn add_writer(
        slf: &Bound<'_, Self>,
        fd: &Bound<'_, PyAny>,
        callback: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
    ) -> PyResult<()> {
        let core = &slf.get().core;
        let id = watched_id(core, fd)?;
        watch(core, fd, id, callback, args, LoopCore::add_writer).map(drop)
    }

    /// Stop watching for reading; False when nothing was watched. Mirrors `loop.remove_reader`.
    fn remove_reader(&self, fd: &Bound<'_, PyAny>) -> PyResult<bool> {
        let id = removed_id(&self.core, fd)?;
        unwatch(&self.core, id, LoopCore::remove_reader)
    }

    /// Stop watching for writing; False when nothing was watched. Mirrors `loop.remove_writer`.
    fn remove_writer(&self, fd: &Bound<'_, PyAny>) -> PyResult<bool> {
        let id = removed_id(&self.core, fd)?;
        unwatch(&self.core, id, LoopCore::remove_writer)
    }
}

/// A number that no descriptor can have: nothing is watched there.
const TOO_LARGE: SocketId = SocketId(u32::MAX);

/// The descriptor behind an int or an object with `fileno()`, as `selectors` reads it.
pub fn file_descriptor(fileobj: &Bound<'_, PyAny>) -> PyResult<SocketId> {
    let number = if fileobj.is_instance_of::<PyInt>() {
        fileobj.clone()
    } else {
        let fileno = fileobj
            .getattr("fileno")
            .and_then(|fileno| fileno.call0())
            .and_then(|number| fileobj.py().get_type::<PyInt>().call1((number,)));
        fileno.map_err(|error| {
            let py = fileobj.py();
            let plain = error.is_instance_of::<PyAttributeError>(py)
                || error.is_instance_of::<PyTypeError>(py)
                || error.is_instance_of::<PyValueError>(py);
            match plain {
                true => PyValueError::new_err(format!("Invalid file object: {}", text_of(fileobj))),
                false => error,
            }
        })?
    };
    if number.lt(0)? {
        return Err(PyValueError::new_err(format!(
            "Invalid file descriptor: {}",
            number.str()?
        )));
    }
    Ok(number
        .extract::<i32>()
        .map_or(TOO_LARGE, |fd| SocketId(fd.cast_unsigned())))
}

fn check_not_too_large(id: SocketId) -> PyResult<()> {
    if id == TOO_LARGE {
        return Err(PyOverflowError::new_err(
            "Python int too large to convert to C int",
        ));
    }
    Ok(())
}

/// What a socket's `fileno()` returned, as a descriptor to be watched.
pub fn socket_id(number: &Obj) -> Res<SocketId> {
    let id = Python::attach(|py| {
        let id = file_descriptor(Py::from(number.clone()).bind(py))?;
        check_not_too_large(id)?;
        PyResult::Ok(id)
    });
    Ok(id?)
}

fn text_of(object: &Bound<'_, PyAny>) -> String {
    object
        .repr()
        .map_or_else(|_| "?".to_owned(), |text| text.to_string())
}

fn watched_id(core: &LoopCore, fd: &Bound<'_, PyAny>) -> PyResult<SocketId> {
    core.check_closed()?;
    let id = file_descriptor(fd)?;
    net::check_no_transport(core, id, fd)?;
    Ok(id)
}

fn removed_id(core: &LoopCore, fd: &Bound<'_, PyAny>) -> PyResult<SocketId> {
    let id = watched_descriptor(core, fd)?;
    net::check_no_transport(core, id, fd)?;
    Ok(id)
}

/// As [`file_descriptor`], also of an object that has been closed since it was watched.
pub fn watched_descriptor(core: &LoopCore, fileobj: &Bound<'_, PyAny>) -> PyResult<SocketId> {
    file_descriptor(fileobj).or_else(|error| {
        core.watched_objects
            .find(fileobj.as_ptr())
            .filter(|_| error.is_instance_of::<PyValueError>(fileobj.py()))
            .ok_or(error)
    })
}

/// By descriptor, the objects whose `fileno()` it is: who closes one asks for it by the object still.
#[derive(Default)]
pub struct WatchedObjects(RefCell<HashMap<SocketId, Obj>>);

impl WatchedObjects {
    #[must_use]
    fn insert(&self, id: SocketId, object: Obj) -> Option<Obj> {
        self.0.borrow_mut().insert(id, object)
    }

    #[must_use]
    fn remove(&self, id: SocketId) -> Option<Obj> {
        self.0.borrow_mut().remove(&id)
    }

    fn find(&self, object: *mut pyo3::ffi::PyObject) -> Option<SocketId> {
        let objects = self.0.borrow();
        let mut entries = objects.iter();
        entries
            .find(|(_, watched)| watched.is(object))
            .map(|(id, _)| *id)
    }

    /// Forget all, which may run anything.
    pub fn clear(&self) {
        let objects = self.0.take();
        drop(objects);
    }

    /// For the garbage collector.
    pub fn visit(&self, visit: &pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        // Not while the map changes: what it holds stays alive then.
        let Ok(objects) = self.0.try_borrow() else {
            return Ok(());
        };
        objects
            .values()
            .try_for_each(|object| visit.call(object.as_py()))
    }
}

/// Watch a descriptor with `add`; the handle comes back, and the one it replaces is cancelled.
pub fn watch(
    core: &LoopCore,
    fd: &Bound<'_, PyAny>,
    id: SocketId,
    callback: &Bound<'_, PyAny>,
    args: &Bound<'_, PyTuple>,
    add: fn(&LoopCore, SocketId, Job) -> std::io::Result<Option<Job>>,
) -> PyResult<Obj> {
    core.check_closed()?;
    check_not_too_large(id)?;
    let pointers: Vec<_> = args.iter_borrowed().map(|arg| arg.as_ptr()).collect();
    let handle = new_handle(
        &core.this(),
        core,
        &Obj::from(callback.clone()),
        &pointers,
        core.context_for_job()?,
    )?;
    let replaced =
        add(core, id, Job::Handle(handle.clone())).map_err(|error| raise_os_error(&error))?;
    if !fd.is_instance_of::<PyInt>() {
        let before = core.watched_objects.insert(id, Obj::from(fd.clone()));
        drop(before);
    }
    cancel_replaced(replaced)?;
    Handle::leave_queue(&handle);
    Ok(handle)
}

/// Stop watching a descriptor with `remove`; false when nothing was watched.
pub fn unwatch(
    core: &LoopCore,
    id: SocketId,
    remove: fn(&LoopCore, SocketId) -> Option<Job>,
) -> PyResult<bool> {
    if core.closed.get() {
        return Ok(false);
    }
    let job = remove(core, id);
    core.settle(id);
    if !core.has_reader(id) && !core.has_writer(id) {
        drop(core.watched_objects.remove(id));
    }
    Ok(cancel_replaced(job)?)
}

/// Cancel a watcher that is gone, for it may be queued; true when there was one.
pub fn cancel_replaced(job: Option<Job>) -> Res<bool> {
    match job {
        Some(Job::Handle(handle)) => {
            Handle::of(&handle).cancel(&handle)?;
            Handle::leave_queue(&handle);
            Ok(true)
        }
        Some(Job::Net(object, _)) => {
            if let Some(call) = SockCall::of(&object) {
                // What watches the descriptor from here on is not the call's to remove.
                call.watching.set(false);
            }
            Ok(true)
        }
        other => Ok(other.is_some()),
    }
}
