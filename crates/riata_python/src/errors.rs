//! System errors as Python exceptions.

use std::io;

use crate::ffi::{Obj, Raised, Res, int, os_error_type, set_exception, string};

/// The `OSError` (or the subclass that belongs to its number) for a failed system call.
pub fn os_error(error: &io::Error) -> Res {
    let Some(number) = error.raw_os_error() else {
        let text = string(&error.to_string())?;
        return os_error_class().call1(&text);
    };
    let shown = error.to_string();
    let text = shown.split(" (os error").next().unwrap_or(&shown);
    let (number, text) = (int(number.into())?, string(text)?);
    os_error_class().call(&[number.as_ptr(), text.as_ptr()])
}

/// As [`os_error`], and raised.
pub fn raise_os_error(error: &io::Error) -> Raised {
    match os_error(error) {
        Ok(exception) => set_exception(exception),
        Err(raised) => raised,
    }
}

/// Whether a system call failed only for now.
pub fn may_retry(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

fn os_error_class() -> Obj {
    Obj::of_type(os_error_type())
}
