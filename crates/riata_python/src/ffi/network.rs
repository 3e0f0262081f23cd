//! What only the network half of the loop asks of CPython.

use super::*;

/// What only code that holds the GIL may touch, as a field of a class whose type wants to be shared.
pub struct GilBound<T>(pub T);

// SAFETY: methods of classes run with the GIL held, and what is in here is never borrowed while it is released.
unsafe impl<T> Send for GilBound<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for GilBound<T> {}

impl<T> std::ops::Deref for GilBound<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Obj {
    /// A static type or exception class of CPython.
    pub fn of_type(class: *mut ffi::PyObject) -> Obj {
        // SAFETY: the callers pass static types, which are never freed.
        unsafe { Obj::shared(class) }
    }

    /// `isinstance(self, class)`, `__class__` and `__instancecheck__` included.
    pub fn is_instance(&self, class: &Obj) -> Res<bool> {
        // SAFETY: live objects.
        match unsafe { ffi::PyObject_IsInstance(self.as_ptr(), class.as_ptr()) } {
            -1 => Err(Raised),
            value => Ok(value == 1),
        }
    }

    /// Call a method with one argument; no bound method is made.
    #[inline]
    pub fn method1(&self, name: &Obj, arg: &Obj) -> Res {
        let args = [self.as_ptr(), arg.as_ptr()];
        // SAFETY: the first argument is the receiver; null means raised.
        unsafe {
            Obj::owned(ffi::PyObject_VectorcallMethod(
                name.as_ptr(),
                args.as_ptr(),
                2,
                ptr::null_mut(),
            ))
        }
    }

    /// As [`method1`](Self::method1), with two arguments.
    #[inline]
    pub fn method2(&self, name: &Obj, first: &Obj, second: &Obj) -> Res {
        let args = [self.as_ptr(), first.as_ptr(), second.as_ptr()];
        // SAFETY: the first argument is the receiver; null means raised.
        unsafe {
            Obj::owned(ffi::PyObject_VectorcallMethod(
                name.as_ptr(),
                args.as_ptr(),
                3,
                ptr::null_mut(),
            ))
        }
    }

    /// An attribute that may be missing.
    pub fn get_opt(&self, name: &CStr) -> Option<Obj> {
        self.get(name).map_or_else(
            |Raised| {
                drop(take_exception());
                None
            },
            Some,
        )
    }
}

/// A value of a dict, without an exception when it is missing.
pub fn dict_get(dict: &Obj, key: &Obj) -> Res<Option<Obj>> {
    // SAFETY: a dict and a live key; the result is borrowed, and shared before anything else runs.
    unsafe {
        let value = ffi::PyDict_GetItemWithError(dict.as_ptr(), key.as_ptr());
        if !value.is_null() {
            return Ok(Some(Obj::shared(value)));
        }
    }
    if exception_is_set() {
        return Err(Raised);
    }
    Ok(None)
}

pub fn value_error() -> *mut ffi::PyObject {
    // SAFETY: a static exception type.
    unsafe { ffi::PyExc_ValueError }
}

pub fn os_error_type() -> *mut ffi::PyObject {
    // SAFETY: a static exception type.
    unsafe { ffi::PyExc_OSError }
}

pub fn blocking_error_type() -> *mut ffi::PyObject {
    // SAFETY: a static exception type.
    unsafe { ffi::PyExc_BlockingIOError }
}

pub fn interrupted_error_type() -> *mut ffi::PyObject {
    // SAFETY: a static exception type.
    unsafe { ffi::PyExc_InterruptedError }
}

pub fn connection_error_type() -> *mut ffi::PyObject {
    // SAFETY: a static exception type.
    unsafe { ffi::PyExc_ConnectionError }
}

/// Wrap a borrowed PyO3 reference.
pub fn obj(value: &Bound<'_, PyAny>) -> Obj {
    Obj::from(value.clone())
}

/// Warn of something that happened to `source`; what the warning raises is reported, since nobody is there to catch it.
pub fn warn_resource(message: &str, source: &Obj) {
    let warn = || -> Res<()> {
        // SAFETY: a static exception type.
        let category = unsafe { Obj::shared(ffi::PyExc_ResourceWarning) };
        let text = string(message)?;
        let stack_level = int(1)?;
        // Not imported here: it may be said while the interpreter goes down.
        crate::state::state().warn.call(&[
            text.as_ptr(),
            category.as_ptr(),
            stack_level.as_ptr(),
            source.as_ptr(),
        ])?;
        Ok(())
    };
    if warn().is_err() {
        unraisable(Some(source));
    }
}

/// `RuntimeWarning`, from a place where nobody can catch what it raises.
pub fn deprecation_warning() -> Obj {
    // SAFETY: a static exception type.
    unsafe { Obj::shared(ffi::PyExc_DeprecationWarning) }
}

pub fn warn_runtime(message: &CStr) {
    // SAFETY: a static exception type and a nul-terminated text.
    if unsafe { ffi::PyErr_WarnEx(ffi::PyExc_RuntimeWarning, message.as_ptr(), 1) } < 0 {
        unraisable(None);
    }
}

/// The items of a tuple, which do not change; `None` for anything else.
pub fn tuple_items(object: &Obj) -> Option<&[Obj]> {
    // SAFETY: checked to be a tuple, whose items lie side by side and live as long as it; an `Obj` is one pointer.
    unsafe {
        if ffi::PyTuple_Check(object.as_ptr()) == 0 {
            return None;
        }
        let size = ffi::PyTuple_GET_SIZE(object.as_ptr()) as usize;
        if size == 0 {
            return Some(&[]);
        }
        let items = (&raw const (*object.as_ptr().cast::<ffi::PyTupleObject>()).ob_item).cast();
        Some(std::slice::from_raw_parts(items, size))
    }
}

/// The text of a `str` itself, where it is UTF-8 in memory or can be made so.
pub fn exact_text(object: &Obj) -> Option<&str> {
    let mut size = 0;
    // SAFETY: a live object, checked to be a str; the text is UTF-8, belongs to the object and does not change.
    unsafe {
        if ffi::PyUnicode_CheckExact(object.as_ptr()) == 0 {
            return None;
        }
        let text = ffi::PyUnicode_AsUTF8AndSize(object.as_ptr(), &mut size);
        if text.is_null() {
            drop(take_exception());
            return None;
        }
        let text = std::slice::from_raw_parts(text.cast::<u8>(), size as usize);
        std::str::from_utf8(text).ok()
    }
}

/// An int that fits the machine's.
pub fn to_int(value: &Obj) -> Res<i64> {
    // SAFETY: a live object.
    let number = unsafe { ffi::PyLong_AsLongLong(value.as_ptr()) };
    if number == -1 && exception_is_set() {
        Err(Raised)
    } else {
        Ok(number)
    }
}

/// As [`to_int`], with numbers too large cut to the largest; a float is rounded down, as `//` leaves it.
pub fn to_int_saturating(value: &Obj) -> Res<i64> {
    // SAFETY: a live object.
    if unsafe { ffi::PyFloat_Check(value.as_ptr()) } != 0 {
        return to_double(value).map(|number| number.floor() as i64);
    }
    let mut overflow = 0;
    // SAFETY: a live object and a live int.
    let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &mut overflow) };
    match overflow {
        1 => Ok(i64::MAX),
        -1 => Ok(i64::MIN),
        _ if number == -1 && exception_is_set() => Err(Raised),
        _ => Ok(number),
    }
}

/// `len(value)`.
pub fn length(value: &Obj) -> Res<usize> {
    // SAFETY: a live object; -1 means raised.
    usize::try_from(unsafe { ffi::PyObject_Size(value.as_ptr()) }).map_err(|_| Raised)
}

/// What an iterable yields.
pub fn items(iterable: &Obj) -> Res<Vec<Obj>> {
    // SAFETY: a live object; the list is ours alone, so its items stay while they are shared.
    unsafe {
        let list = Obj::owned(ffi::PySequence_List(iterable.as_ptr()))?;
        let size = ffi::PyList_Size(list.as_ptr());
        Ok((0..size)
            .map(|index| Obj::shared(ffi::PyList_GetItem(list.as_ptr(), index)))
            .collect())
    }
}

/// Whether this is the object `False`.
pub fn is_false(value: &Obj) -> bool {
    // SAFETY: comparing pointers only.
    value.is(unsafe { ffi::Py_False() })
}

pub fn not_implemented_type() -> *mut ffi::PyObject {
    // SAFETY: a static exception type.
    unsafe { ffi::PyExc_NotImplementedError }
}

/// The token that PyO3 asks for.
pub fn attached<T>(body: impl FnOnce(Python<'_>) -> T) -> T {
    // SAFETY: everything here runs with the GIL held (see the top of this file).
    body(unsafe { Python::assume_attached() })
}

/// An exact int that is a size.
pub fn exact_size(value: &Obj) -> Option<usize> {
    // SAFETY: a live object.
    if unsafe { ffi::PyLong_CheckExact(value.as_ptr()) } == 0 {
        return None;
    }
    let mut overflow = 0;
    // SAFETY: an int.
    let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &mut overflow) };
    if overflow != 0 {
        return None;
    }
    usize::try_from(number).ok()
}

pub fn memoryview(object: &Obj) -> Res {
    // SAFETY: a live object; null means raised.
    unsafe { Obj::owned(ffi::PyMemoryView_FromObject(object.as_ptr())) }
}

/// `sequence[start:]`.
pub fn tail(sequence: &Obj, start: usize) -> Res {
    // SAFETY: a live sequence; null means raised.
    unsafe {
        Obj::owned(ffi::PySequence_GetSlice(
            sequence.as_ptr(),
            start as isize,
            ffi::PY_SSIZE_T_MAX,
        ))
    }
}

unsafe extern "C" {
    static mut PyMethod_Type: ffi::PyTypeObject;
    fn PyMethod_Function(method: *mut ffi::PyObject) -> *mut ffi::PyObject;
}

/// The function of a bound method, only to be compared; null for anything else.
pub fn function_of(method: &Obj) -> *mut ffi::PyObject {
    // SAFETY: a live object, which is a method when its type says so.
    unsafe {
        if method.type_ptr() == &raw mut PyMethod_Type {
            PyMethod_Function(method.as_ptr())
        } else {
            ptr::null_mut()
        }
    }
}
