//! Raw CPython calls behind safe functions, one per need and Python version.
//!
//! Invariant of this file and of `core/`: every function here runs with the GIL held (the thread is attached to the
//! interpreter). [`Obj`] and [`Slot`] are not `Send`, so they cannot leave such a thread by accident; the one place that
//! carries them across threads, `job.rs`, says why that is sound. Nothing here holds a borrow across a call into Python.
#![expect(
    unsafe_code,
    reason = "the raw CPython API is wrapped here and nowhere else"
)]

use std::cell::Cell;
use std::ffi::CStr;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use pyo3::ffi;
use pyo3::prelude::*;

/// An owned, strong reference. Dropping it may run user code (`__del__`), so never drop one while a borrow is live.
#[repr(transparent)]
pub struct Obj(NonNull<ffi::PyObject>);

/// The error indicator of this thread is set. Kept empty so that a `Result` is one register.
#[derive(Debug)]
pub struct Raised;

pub type Res<T = Obj> = Result<T, Raised>;

impl Obj {
    /// Take ownership of a new reference; null means that an exception was raised.
    ///
    /// # Safety
    /// `ptr` is null with an exception set, or a reference that the caller owns.
    #[inline]
    pub unsafe fn owned(ptr: *mut ffi::PyObject) -> Res {
        NonNull::new(ptr).map(Obj).ok_or(Raised)
    }

    /// Share a borrowed pointer.
    ///
    /// # Safety
    /// `ptr` points to a live object.
    #[inline]
    pub unsafe fn shared(ptr: *mut ffi::PyObject) -> Obj {
        // SAFETY: the caller promises a live object, hence not null.
        unsafe {
            ffi::Py_INCREF(ptr);
            Obj(NonNull::new_unchecked(ptr))
        }
    }

    /// View a borrowed pointer as a reference to `Obj` for as long as the variable that holds it.
    ///
    /// # Safety
    /// `*ptr` is not null and stays alive while the result is used.
    #[inline]
    pub unsafe fn from_ref(ptr: &*mut ffi::PyObject) -> &Obj {
        // SAFETY: `Obj` is a transparent non-null pointer, and the caller promises that this one is not null.
        unsafe { &*(ptr as *const *mut ffi::PyObject).cast::<Obj>() }
    }

    #[inline]
    pub fn as_ptr(&self) -> *mut ffi::PyObject {
        self.0.as_ptr()
    }

    #[inline]
    pub fn into_ptr(self) -> *mut ffi::PyObject {
        ManuallyDrop::new(self).0.as_ptr()
    }

    #[inline]
    pub fn none() -> Obj {
        // SAFETY: `None` lives as long as the interpreter.
        unsafe { Obj::shared(ffi::Py_None()) }
    }

    #[inline]
    pub fn bool(value: bool) -> Obj {
        // SAFETY: `True` and `False` live as long as the interpreter.
        unsafe {
            Obj::shared(if value {
                ffi::Py_True()
            } else {
                ffi::Py_False()
            })
        }
    }

    #[inline]
    pub fn is_none(&self) -> bool {
        // SAFETY: comparing pointers only.
        self.as_ptr() == unsafe { ffi::Py_None() }
    }

    #[inline]
    pub fn is(&self, other: *mut ffi::PyObject) -> bool {
        self.as_ptr() == other
    }

    #[inline]
    pub fn type_ptr(&self) -> *mut ffi::PyTypeObject {
        // SAFETY: a live object has a type.
        unsafe { ffi::Py_TYPE(self.as_ptr()) }
    }

    #[inline]
    pub fn is_instance_of(&self, tp: *mut ffi::PyTypeObject) -> bool {
        // SAFETY: both are live.
        unsafe { ffi::PyObject_TypeCheck(self.as_ptr(), tp) != 0 }
    }

    pub fn bound<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        // SAFETY: a live object.
        unsafe { Bound::from_borrowed_ptr(py, self.as_ptr()) }
    }

    /// The same reference as PyO3 sees it.
    pub fn as_py(&self) -> &Py<PyAny> {
        // SAFETY: both are transparent, non-null pointers to an object.
        unsafe { &*(&raw const *self).cast::<Py<PyAny>>() }
    }

    pub fn attr(&self, name: &Obj) -> Res {
        // SAFETY: live objects; null means raised.
        unsafe { Obj::owned(ffi::PyObject_GetAttr(self.as_ptr(), name.as_ptr())) }
    }

    /// An attribute by a name known at compile time; for paths that are not hot.
    pub fn get(&self, name: &CStr) -> Res {
        // SAFETY: a live object and a nul-terminated name.
        unsafe { Obj::owned(ffi::PyObject_GetAttrString(self.as_ptr(), name.as_ptr())) }
    }

    pub fn set_attr(&self, name: &Obj, value: &Obj) -> Res<()> {
        // SAFETY: live objects.
        check(unsafe { ffi::PyObject_SetAttr(self.as_ptr(), name.as_ptr(), value.as_ptr()) })
    }

    pub fn call0(&self) -> Res {
        // SAFETY: a live object; null means raised.
        unsafe { Obj::owned(ffi::PyObject_CallNoArgs(self.as_ptr())) }
    }

    #[inline]
    pub fn call1(&self, arg: &Obj) -> Res {
        self.call(&[arg.as_ptr()])
    }

    /// Call with borrowed positional arguments.
    #[inline]
    pub fn call(&self, args: &[*mut ffi::PyObject]) -> Res {
        // SAFETY: `args` holds live objects for the length of the call.
        unsafe {
            Obj::owned(ffi::PyObject_Vectorcall(
                self.as_ptr(),
                args.as_ptr(),
                args.len(),
                ptr::null_mut(),
            ))
        }
    }

    /// Call with positional arguments followed by the values of `kwnames`.
    pub fn call_kw(&self, args: &[*mut ffi::PyObject], kwnames: &Obj) -> Res {
        // SAFETY: `kwnames` is a tuple of names whose values close `args`.
        unsafe {
            let keywords = ffi::PyTuple_GET_SIZE(kwnames.as_ptr()) as usize;
            Obj::owned(ffi::PyObject_Vectorcall(
                self.as_ptr(),
                args.as_ptr(),
                args.len() - keywords,
                kwnames.as_ptr(),
            ))
        }
    }

    pub fn method(&self, name: &Obj, args: &[*mut ffi::PyObject]) -> Res {
        self.attr(name)?.call(args)
    }

    pub fn method0(&self, name: &Obj) -> Res {
        let args = [self.as_ptr()];
        // SAFETY: the first argument is the receiver; null means raised.
        unsafe {
            Obj::owned(ffi::PyObject_VectorcallMethod(
                name.as_ptr(),
                args.as_ptr(),
                1,
                ptr::null_mut(),
            ))
        }
    }

    pub fn truth(&self) -> Res<bool> {
        // SAFETY: a live object.
        match unsafe { ffi::PyObject_IsTrue(self.as_ptr()) } {
            -1 => Err(Raised),
            value => Ok(value == 1),
        }
    }

    pub fn equals(&self, other: &Obj) -> Res<bool> {
        // SAFETY: live objects.
        match unsafe { ffi::PyObject_RichCompareBool(self.as_ptr(), other.as_ptr(), ffi::Py_EQ) } {
            -1 => Err(Raised),
            value => Ok(value == 1),
        }
    }

    pub fn refcount(&self) -> isize {
        // SAFETY: a live object.
        unsafe { ffi::Py_REFCNT(self.as_ptr()) }
    }
}

impl Clone for Obj {
    #[inline]
    fn clone(&self) -> Obj {
        // SAFETY: we own a reference, so the object is live.
        unsafe { Obj::shared(self.as_ptr()) }
    }
}

impl Drop for Obj {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: we own exactly this reference, and the GIL is held (see the top of this file).
        unsafe { ffi::Py_DECREF(self.0.as_ptr()) }
    }
}

impl From<Py<PyAny>> for Obj {
    fn from(value: Py<PyAny>) -> Obj {
        // SAFETY: `into_ptr` hands over a reference to a live object.
        unsafe { Obj(NonNull::new_unchecked(value.into_ptr())) }
    }
}

impl<T> From<Bound<'_, T>> for Obj {
    fn from(value: Bound<'_, T>) -> Obj {
        // SAFETY: `into_ptr` hands over a reference to a live object.
        unsafe { Obj(NonNull::new_unchecked(value.into_ptr())) }
    }
}

impl From<Obj> for Py<PyAny> {
    fn from(value: Obj) -> Py<PyAny> {
        // SAFETY: the thread is attached, and we hand over a reference that we own.
        unsafe { Bound::from_owned_ptr(Python::assume_attached(), value.into_ptr()).unbind() }
    }
}

impl From<Raised> for PyErr {
    fn from(_: Raised) -> PyErr {
        // SAFETY: `Raised` exists only on an attached thread.
        PyErr::fetch(unsafe { Python::assume_attached() })
    }
}

impl From<PyErr> for Raised {
    fn from(error: PyErr) -> Raised {
        // SAFETY: `PyErr` came from a call on this attached thread.
        error.restore(unsafe { Python::assume_attached() });
        Raised
    }
}

/// A field of an object that other code may change at any call into Python: read by copy, written by swap.
#[repr(transparent)]
pub struct Slot(Cell<*mut ffi::PyObject>);

impl Slot {
    pub const fn empty() -> Slot {
        Slot(Cell::new(ptr::null_mut()))
    }

    pub fn new(value: Obj) -> Slot {
        Slot(Cell::new(value.into_ptr()))
    }

    /// The pointer, null when empty; good until the next call into Python.
    #[inline]
    pub fn ptr(&self) -> *mut ffi::PyObject {
        self.0.get()
    }

    #[inline]
    pub fn is_set(&self) -> bool {
        !self.0.get().is_null()
    }

    #[inline]
    pub fn get(&self) -> Option<Obj> {
        let ptr = self.0.get();
        // SAFETY: the slot owns a reference to what it points to.
        (!ptr.is_null()).then(|| unsafe { Obj::shared(ptr) })
    }

    /// The slot as PyO3 sees it; only for a traversal, in which nothing can change it.
    pub fn as_py(&self) -> Option<&Py<PyAny>> {
        // SAFETY: a pointer that is null or to an object, which is what `Option<Py>` is.
        unsafe { (*self.0.as_ptr().cast::<Option<Py<PyAny>>>()).as_ref() }
    }

    #[inline]
    pub fn get_or_none(&self) -> Obj {
        self.get().unwrap_or_else(Obj::none)
    }

    #[inline]
    pub fn take(&self) -> Option<Obj> {
        NonNull::new(self.0.replace(ptr::null_mut())).map(Obj)
    }

    /// Store, then drop what was there: the drop may run code that looks at this very slot.
    #[inline]
    pub fn set(&self, value: Obj) {
        let old = NonNull::new(self.0.replace(value.into_ptr())).map(Obj);
        drop(old);
    }

    #[inline]
    pub fn set_opt(&self, value: Option<Obj>) {
        match value {
            Some(value) => self.set(value),
            None => drop(self.take()),
        }
    }

    #[inline]
    pub fn clear(&self) {
        drop(self.take());
    }

    /// # Safety
    /// Only from a `tp_traverse` with its own arguments.
    #[inline]
    pub unsafe fn visit(&self, visit: ffi::visitproc, arg: *mut std::ffi::c_void) -> i32 {
        let ptr = self.0.get();
        if ptr.is_null() {
            return 0;
        }
        // SAFETY: the slot's object is live, and the caller is in a traversal.
        unsafe { visit(ptr, arg) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.clear();
    }
}

#[inline]
pub fn check(status: i32) -> Res<()> {
    if status < 0 { Err(Raised) } else { Ok(()) }
}

/// Give a result to C: a new reference, or null with the exception set.
#[inline]
pub fn give(result: Res) -> *mut ffi::PyObject {
    match result {
        Ok(value) => value.into_ptr(),
        Err(Raised) => ptr::null_mut(),
    }
}

/// As [`give`], from a body that uses `?`.
#[inline(always)]
pub fn give_from(body: impl FnOnce() -> Res) -> *mut ffi::PyObject {
    give(body())
}

// ---------------------------------------------------------------- exceptions

pub fn raise(kind: *mut ffi::PyObject, message: &str) -> Raised {
    if let Ok(text) = string(message) {
        // SAFETY: an exception type and a string.
        unsafe { ffi::PyErr_SetObject(kind, text.as_ptr()) };
    }
    Raised
}

pub fn raise_type_error(message: &str) -> Raised {
    // SAFETY: a static exception type.
    raise(unsafe { ffi::PyExc_TypeError }, message)
}

pub fn raise_runtime_error(message: &str) -> Raised {
    // SAFETY: a static exception type.
    raise(unsafe { ffi::PyExc_RuntimeError }, message)
}

/// Take the exception that is set, normalised and with its traceback attached.
#[cfg(Py_3_12)]
pub fn take_exception() -> Option<Obj> {
    // SAFETY: hands over a reference or null.
    NonNull::new(unsafe { ffi::PyErr_GetRaisedException() }).map(Obj)
}

#[cfg(not(Py_3_12))]
pub fn take_exception() -> Option<Obj> {
    let (mut kind, mut value, mut traceback) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: the three references are handed over; normalising keeps them owned.
    unsafe {
        ffi::PyErr_Fetch(&mut kind, &mut value, &mut traceback);
        if kind.is_null() {
            return None;
        }
        ffi::PyErr_NormalizeException(&mut kind, &mut value, &mut traceback);
        if !traceback.is_null() {
            ffi::PyException_SetTraceback(value, traceback);
            ffi::Py_DECREF(traceback);
        }
        ffi::Py_DECREF(kind);
        NonNull::new(value).map(Obj)
    }
}

/// Raise an exception instance again, with the traceback that it carries.
pub fn set_exception(exception: Obj) -> Raised {
    // SAFETY: an exception instance whose reference is handed over.
    #[cfg(Py_3_12)]
    unsafe {
        ffi::PyErr_SetRaisedException(exception.into_ptr());
    }
    // SAFETY: as above; type and traceback get references of their own.
    #[cfg(not(Py_3_12))]
    unsafe {
        let kind = ffi::Py_TYPE(exception.as_ptr()).cast::<ffi::PyObject>();
        ffi::Py_INCREF(kind);
        let traceback = ffi::PyException_GetTraceback(exception.as_ptr());
        ffi::PyErr_Restore(kind, exception.into_ptr(), traceback);
    }
    Raised
}

pub fn exception_is_set() -> bool {
    // SAFETY: reads this thread's indicator.
    unsafe { !ffi::PyErr_Occurred().is_null() }
}

pub fn raised_matches(kind: *mut ffi::PyObject) -> bool {
    // SAFETY: an exception type; an exception is set.
    unsafe { ffi::PyErr_ExceptionMatches(kind) != 0 }
}

/// `SystemExit` and `KeyboardInterrupt` leave the loop; everything else is reported.
pub fn ends_the_loop(exception: &Obj) -> bool {
    // SAFETY: an exception instance against static types.
    unsafe {
        ffi::PyErr_GivenExceptionMatches(exception.as_ptr(), ffi::PyExc_SystemExit) != 0
            || ffi::PyErr_GivenExceptionMatches(exception.as_ptr(), ffi::PyExc_KeyboardInterrupt)
                != 0
    }
}

pub fn exception_matches(exception: &Obj, kind: *mut ffi::PyObject) -> bool {
    // SAFETY: live objects.
    unsafe { ffi::PyErr_GivenExceptionMatches(exception.as_ptr(), kind) != 0 }
}

/// Report an exception that has no other way out (as `__del__` does), and go on.
pub fn unraisable(source: Option<&Obj>) {
    // SAFETY: an exception is set; the source may be null.
    unsafe { ffi::PyErr_WriteUnraisable(source.map_or(ptr::null_mut(), Obj::as_ptr)) }
}

/// Put an exception aside for the length of a clean-up, and raise it again afterwards.
pub fn aside<T>(cleanup: impl FnOnce() -> T) -> T {
    let saved = if exception_is_set() {
        take_exception()
    } else {
        None
    };
    let value = cleanup();
    if let Some(exception) = saved {
        set_exception(exception);
    }
    value
}

// ---------------------------------------------------------------- building values

pub fn string(text: &str) -> Res {
    // SAFETY: valid UTF-8 of that length.
    unsafe {
        Obj::owned(ffi::PyUnicode_FromStringAndSize(
            text.as_ptr().cast(),
            text.len() as isize,
        ))
    }
}

pub fn interned(text: &CStr) -> Res {
    // SAFETY: nul-terminated.
    unsafe { Obj::owned(ffi::PyUnicode_InternFromString(text.as_ptr())) }
}

pub fn float(value: f64) -> Res {
    // SAFETY: any double is fine.
    unsafe { Obj::owned(ffi::PyFloat_FromDouble(value)) }
}

pub fn int(value: i64) -> Res {
    // SAFETY: any integer is fine.
    unsafe { Obj::owned(ffi::PyLong_FromLongLong(value)) }
}

pub fn bytes(data: &[u8]) -> Res {
    // SAFETY: copies `data`.
    unsafe {
        Obj::owned(ffi::PyBytes_FromStringAndSize(
            data.as_ptr().cast(),
            data.len() as isize,
        ))
    }
}

pub fn tuple(items: &[*mut ffi::PyObject]) -> Res {
    // SAFETY: every item gets a reference of its own before the tuple is seen by anybody.
    unsafe {
        let tuple = Obj::owned(ffi::PyTuple_New(items.len() as isize))?;
        for (index, &item) in items.iter().enumerate() {
            ffi::Py_INCREF(item);
            ffi::PyTuple_SET_ITEM(tuple.as_ptr(), index as isize, item);
        }
        Ok(tuple)
    }
}

pub fn dict() -> Res {
    // SAFETY: null means raised.
    unsafe { Obj::owned(ffi::PyDict_New()) }
}

pub fn dict_set(dict: &Obj, key: &Obj, value: &Obj) -> Res<()> {
    // SAFETY: a dict and live objects.
    check(unsafe { ffi::PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr()) })
}

/// Text of `repr(value)`; errors of `__repr__` are passed on.
pub fn repr(value: &Obj) -> Res<String> {
    // SAFETY: a live object.
    let text = unsafe { Obj::owned(ffi::PyObject_Repr(value.as_ptr()))? };
    utf8(&text)
}

pub fn utf8(text: &Obj) -> Res<String> {
    let mut size = 0;
    // SAFETY: the buffer belongs to the string, which is alive; the length is what CPython wrote.
    unsafe {
        let data = ffi::PyUnicode_AsUTF8AndSize(text.as_ptr(), &mut size);
        if data.is_null() {
            return Err(Raised);
        }
        let slice = std::slice::from_raw_parts(data.cast::<u8>(), size as usize);
        Ok(String::from_utf8_lossy(slice).into_owned())
    }
}

/// A number as `float()` takes it.
pub fn to_double(value: &Obj) -> Res<f64> {
    // SAFETY: a live object.
    let number = unsafe { ffi::PyFloat_AsDouble(value.as_ptr()) };
    if number == -1.0 && exception_is_set() {
        Err(Raised)
    } else {
        Ok(number)
    }
}

pub fn import(module: &CStr) -> Res {
    // SAFETY: nul-terminated.
    unsafe { Obj::owned(ffi::PyImport_ImportModule(module.as_ptr())) }
}

// ---------------------------------------------------------------- contexts

/// A copy of the context that is current in this thread.
#[inline]
pub fn copy_context() -> Res {
    // SAFETY: null means raised.
    unsafe { Obj::owned(ffi::PyContext_CopyCurrent()) }
}

/// Run `body` inside `context`, as `Context.run` does. The body's error outlives the exit.
#[inline]
pub fn in_context<T>(context: &Obj, body: impl FnOnce() -> Res<T>) -> Res<T> {
    // SAFETY: PyContext_Enter checks that this is a context.
    if unsafe { ffi::PyContext_Enter(context.as_ptr()) } < 0 {
        return Err(Raised);
    }
    let result = body();
    // SAFETY: entered above; CPython keeps the error indicator across the exit.
    if unsafe { ffi::PyContext_Exit(context.as_ptr()) } < 0 {
        return Err(Raised);
    }
    result
}

// ---------------------------------------------------------------- coroutines

pub enum Sent {
    Yielded(Obj),
    Returned(Obj),
    Raised,
}

/// `coro.send(None)` without a StopIteration on the way out where the type allows it.
#[inline]
pub fn send_none(coro: &Obj) -> Sent {
    let mut value = ptr::null_mut();
    // SAFETY: a live iterator; the value is ours when the status says so.
    unsafe {
        match ffi::PyIter_Send(coro.as_ptr(), ffi::Py_None(), &mut value) {
            ffi::PySendResult::PYGEN_NEXT => Obj::owned(value).map_or(Sent::Raised, Sent::Yielded),
            ffi::PySendResult::PYGEN_RETURN => {
                Obj::owned(value).map_or(Sent::Raised, Sent::Returned)
            }
            ffi::PySendResult::PYGEN_ERROR => Sent::Raised,
        }
    }
}

/// `coro.throw(exception)`, with StopIteration unpacked.
pub fn throw(coro: &Obj, name: &Obj, exception: &Obj) -> Sent {
    match coro.method(name, &[exception.as_ptr()]) {
        Ok(value) => Sent::Yielded(value),
        // SAFETY: an exception is set (or none at all, which reads as a return of None).
        Err(Raised) => unsafe {
            if exception_is_set() && !raised_matches(ffi::PyExc_StopIteration) {
                return Sent::Raised;
            }
            match take_exception() {
                None => Sent::Returned(Obj::none()),
                Some(stop) => match stop.get(c"value") {
                    Ok(value) => Sent::Returned(value),
                    Err(Raised) => Sent::Raised,
                },
            }
        },
    }
}

pub fn is_coroutine_exact(value: &Obj) -> bool {
    // SAFETY: a live object against a static type.
    unsafe { ffi::PyCoro_CheckExact(value.as_ptr()) != 0 }
}

pub fn is_generator_exact(value: &Obj) -> bool {
    // SAFETY: a live object against a static type.
    unsafe { ffi::PyGen_CheckExact(value.as_ptr()) != 0 }
}

/// Run the handlers of the signals that arrived.
pub fn check_signals() -> Res<()> {
    // SAFETY: the GIL is held.
    check(unsafe { ffi::PyErr_CheckSignals() })
}

/// Release the GIL for the length of `body`, which touches no Python object.
pub fn without_gil<T>(body: impl FnOnce() -> T) -> T {
    // SAFETY: the state saved here is restored on this thread before anything else runs; `body` has no access to Python.
    unsafe {
        let state = ffi::PyEval_SaveThread();
        let value = body();
        ffi::PyEval_RestoreThread(state);
        value
    }
}

// ---------------------------------------------------------------- for the network

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

/// A copy of a context; cheap, since contexts share what they have in common.
pub fn copy_of_context(context: &Obj) -> Res {
    // SAFETY: PyContext_Copy checks that this is a context.
    unsafe { Obj::owned(ffi::PyContext_Copy(context.as_ptr())) }
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
        import(c"warnings")?.get(c"warn")?.call(&[
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
pub fn warn_runtime(message: &CStr) {
    // SAFETY: a static exception type and a nul-terminated text.
    if unsafe { ffi::PyErr_WarnEx(ffi::PyExc_RuntimeWarning, message.as_ptr(), 1) } < 0 {
        unraisable(None);
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
