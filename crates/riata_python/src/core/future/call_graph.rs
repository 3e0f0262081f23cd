//! asyncio's call graph, which is new in 3.14: who awaits a future.
//!
//! Who awaits it directly is among its callbacks. `gather`, `wait`, `shield` and task groups tell who waits for a future through
//! them, by two functions of asyncio which know only futures of asyncio's own; the two here stand before those.
#![expect(unsafe_code, reason = "raw CPython calls, see core/mod.rs")]

use pyo3::ffi;
use pyo3::prelude::*;

use super::waiters::pairs;
use super::{Future, task, view};
use crate::core::typespec::fastcall_only;
use crate::ffi::{Obj, Res, check, frozenset, give, items, raise_type_error, set};
use crate::state::state;

impl Future {
    /// The tasks that await this future, ours and asyncio's, as a frozenset; None when there are none.
    pub(super) fn awaited_by(&self) -> Res {
        let mut tasks = Vec::new();
        let first = self.first_callback()?;
        let rest = self.rest.get();
        let others = rest.iter().flat_map(pairs);
        for (callback, _) in first.into_iter().chain(others) {
            tasks.extend(task::awaiting_task(&callback)?);
        }
        if let Some(owner) = self.member_of() {
            tasks.extend(crate::primitives::gather::waiting_task(&owner));
        }
        match self.grouped_waiters.get() {
            Some(waiters) if is_set(&waiters) => tasks.extend(items(&waiters)?),
            waiter => tasks.extend(waiter),
        }
        if tasks.is_empty() {
            return Ok(Obj::none());
        }
        frozenset(&tasks)
    }

    fn add_waiter(&self, waiter: &Obj) -> Res<()> {
        match self.grouped_waiters.get() {
            None => self.grouped_waiters.set(waiter.clone()),
            Some(one) if one.is(waiter.as_ptr()) => {}
            Some(several) if is_set(&several) => add(&several, waiter)?,
            Some(one) => {
                let several = set()?;
                add(&several, &one)?;
                add(&several, waiter)?;
                self.grouped_waiters.set(several);
            }
        }
        Ok(())
    }

    fn discard_waiter(&self, waiter: &Obj) -> Res<()> {
        match self.grouped_waiters.get() {
            Some(several) if is_set(&several) => {
                // SAFETY: a set and a live object.
                check(unsafe { ffi::PySet_Discard(several.as_ptr(), waiter.as_ptr()) })
            }
            Some(one) if one.is(waiter.as_ptr()) => {
                self.grouped_waiters.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn is_set(object: &Obj) -> bool {
    // SAFETY: a live object.
    unsafe { ffi::PySet_Check(object.as_ptr()) != 0 }
}

fn add(set: &Obj, item: &Obj) -> Res<()> {
    // SAFETY: a set and a live object.
    check(unsafe { ffi::PySet_Add(set.as_ptr(), item.as_ptr()) })
}

/// Calls `ours` for a future of ours and a task or future of any kind, `theirs` for other futures.
fn dispatch(
    args: &[*mut ffi::PyObject],
    name: &str,
    theirs: &Obj,
    ours: fn(&Future, &Obj) -> Res<()>,
) -> Res {
    let [future, waiter] = args else {
        let count = args.len();
        return Err(raise_type_error(&format!(
            "{name}() takes exactly 2 positional arguments ({count} given)"
        )));
    };
    // SAFETY: the arguments of a call are live.
    let (future, waiter) = unsafe { (Obj::from_ref(future), Obj::from_ref(waiter)) };
    if !future.is_instance_of(state().future_type) {
        return theirs.call(args);
    }
    let known = waiter.is_instance_of(state().future_type)
        || waiter.is_instance(&state().asyncio_future)?
        || waiter.is_instance(&state().asyncio_task)?;
    if known {
        ours(view(future), waiter)?;
    }
    Ok(Obj::none())
}

/// `asyncio.futures.future_add_to_awaited_by`.
pub fn add_to_awaited_by(future: &Obj, waiter: &Obj) -> Res<()> {
    add_waiter(&[future.as_ptr(), waiter.as_ptr()]).map(drop)
}

/// `asyncio.futures.future_discard_from_awaited_by`.
pub fn discard_from_awaited_by(future: &Obj, waiter: &Obj) -> Res<()> {
    discard_waiter(&[future.as_ptr(), waiter.as_ptr()]).map(drop)
}

fn add_waiter(args: &[*mut ffi::PyObject]) -> Res {
    let (name, theirs) = ("future_add_to_awaited_by", &state().add_to_awaited_by);
    dispatch(args, name, theirs, Future::add_waiter)
}

fn discard_waiter(args: &[*mut ffi::PyObject]) -> Res {
    let theirs = &state().discard_from_awaited_by;
    let name = "future_discard_from_awaited_by";
    dispatch(args, name, theirs, Future::discard_waiter)
}

unsafe extern "C" fn future_add_to_awaited_by(
    _: *mut ffi::PyObject,
    args: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: the arguments of a METH_FASTCALL function.
    give(add_waiter(unsafe { arguments(args, count) }))
}

unsafe extern "C" fn future_discard_from_awaited_by(
    _: *mut ffi::PyObject,
    args: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: the arguments of a METH_FASTCALL function.
    give(discard_waiter(unsafe { arguments(args, count) }))
}

/// # Safety
/// Only with the arguments of a METH_FASTCALL function, for the length of its call.
unsafe fn arguments<'a>(
    args: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> &'a [*mut ffi::PyObject] {
    if count == 0 {
        return &[];
    }
    // SAFETY: the caller promises `count` live objects.
    unsafe { std::slice::from_raw_parts(args, count as usize) }
}

/// Add the two functions to the module.
pub fn export(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let functions = [
        (
            c"future_add_to_awaited_by",
            future_add_to_awaited_by as _,
            c"Record that a future is awaited by a task. Mirrors asyncio's function.",
        ),
        (
            c"future_discard_from_awaited_by",
            future_discard_from_awaited_by as _,
            c"Undo future_add_to_awaited_by. Mirrors asyncio's function.",
        ),
    ];
    for (name, function, doc) in functions {
        let definition = Box::leak(Box::new(fastcall_only(name, function, doc)));
        // SAFETY: the definition is leaked.
        let function = unsafe {
            Obj::owned(ffi::PyCFunction_NewEx(
                definition,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            ))
        }?;
        module.add(&*name.to_string_lossy(), function.bound(module.py()))?;
    }
    Ok(())
}
