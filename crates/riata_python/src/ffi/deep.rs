//! Structures that are nested deeper than the stack is: calls that go into them are counted, and dropping them is put off.

use std::cell::{Cell, RefCell};

use pyo3::ffi;

use super::{GilBound, Obj, Raised, Res};

/// Run a call that may lead to the same place again, within CPython's limit. RecursionError: it is reached.
#[inline]
pub fn within_recursion_limit<T>(call: impl FnOnce() -> T) -> Res<T> {
    // SAFETY: a static text; an exception is set unless it returns zero, and what was entered is left below.
    if unsafe { ffi::Py_EnterRecursiveCall(c"".as_ptr()) } != 0 {
        return Err(Raised);
    }
    let value = call();
    // SAFETY: entered above.
    unsafe { ffi::Py_LeaveRecursiveCall() };
    Ok(value)
}

/// How deep objects that hold each other are dropped by calls within calls.
const DEPTH: u32 = 50;

static DEEP: GilBound<Deep> = GilBound(Deep {
    depth: Cell::new(0),
    later: RefCell::new(Vec::new()),
});

struct Deep {
    depth: Cell<u32>,
    later: RefCell<Vec<Obj>>,
}

/// Drop what may hold a chain of objects that end here as well. Those that are too deep are dropped when the first is gone, as
/// CPython's trashcan does it for its own containers.
pub fn drop_deep(object: Obj) {
    let Deep { depth, later } = &DEEP.0;
    if depth.get() >= DEPTH {
        later.borrow_mut().push(object);
        return;
    }
    depth.set(depth.get() + 1);
    drop(object);
    while depth.get() == 1 {
        // Not in the condition: nothing may be borrowed while the object is dropped.
        let next = later.borrow_mut().pop();
        match next {
            Some(next) => drop(next),
            None => break,
        }
    }
    depth.set(depth.get() - 1);
}
