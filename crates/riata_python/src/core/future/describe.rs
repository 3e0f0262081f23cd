//! `repr()` of futures and tasks.

use pyo3::ffi;

use crate::ffi::{Obj, Raised, Res, aside, string, type_name};

/// `<Future …>` with asyncio's own description; a subclass shows its own name.
pub fn describe(this: &Obj, info: &Obj) -> Res {
    // Up to 3.10 asyncio's description guards itself against a result that contains the future.
    if cfg!(not(Py_3_11)) {
        return describe_once(this, info);
    }
    // SAFETY: a live object; every successful enter is followed by a leave.
    match unsafe { ffi::Py_ReprEnter(this.as_ptr()) } {
        0 => {}
        1.. => return string("..."),
        _ => return Err(Raised),
    }
    let described = describe_once(this, info);
    // SAFETY: entered above.
    aside(|| unsafe { ffi::Py_ReprLeave(this.as_ptr()) });
    described
}

fn describe_once(this: &Obj, info: &Obj) -> Res {
    let info = info.call1(this)?;
    let separator = string(" ")?;
    // SAFETY: a string and a list of strings.
    let joined = unsafe { Obj::owned(ffi::PyUnicode_Join(separator.as_ptr(), info.as_ptr()))? };
    string(&format!(
        "<{} {}>",
        type_name(this)?,
        crate::ffi::utf8(&joined)?
    ))
}
