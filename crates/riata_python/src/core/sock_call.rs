//! The awaitable behind `loop.sock_recv` and its kin, as a CPython type. What it does is in `net/sock.rs`.
//!
//! It passes where coroutines pass: `send`, `throw`, `close`, `__await__`. Nothing happens before the first `send`.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::cell::Cell;
use std::ffi::c_void;

use pyo3::ffi;

use super::args::Args;
use super::entry::visit_all;
use super::stop::stop_with;
use super::typespec::{TypeSpec, fastcall, getter, noargs, onearg};
use crate::event_loop::LoopCore;
use crate::event_loop::engine::core_of;
use crate::ffi::{Obj, Raised, Res, Slot, aside, give, raise_runtime_error, set_exception, string};
use crate::net::sock::{Kind, Stage, Stepped};
use crate::state::state;

/// One call.
#[repr(C)]
pub struct SockCall {
    ob_base: ffi::PyObject,
    pub loop_: Slot,
    /// The loop too, but until the object goes: it is parked there.
    home: Slot,
    pub sock: Slot,
    /// How much to receive, where to put it, or what to send.
    pub argument: Slot,
    /// Done when the socket was ready and the system call has been made.
    pub future: Slot,
    pub fd: Cell<u32>,
    /// How much has been sent.
    pub position: Cell<usize>,
    pub kind: Cell<Kind>,
    pub stage: Cell<Stage>,
    /// The loop watches the socket for this call.
    pub watching: Cell<bool>,
    /// The socket is exactly a `socket.socket` that does not block: system calls are made from here.
    pub native: Cell<bool>,
}

pub fn make_type() -> Res<*mut ffi::PyTypeObject> {
    TypeSpec {
        name: c"riata._riata.SocketCall",
        size: size_of::<SockCall>(),
        flags: u64::from(
            ffi::Py_TPFLAGS_HAVE_GC as u32 | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION as u32,
        ),
        base: std::ptr::null_mut(),
        slots: vec![
            (ffi::Py_tp_dealloc, dealloc as *mut c_void),
            (ffi::Py_tp_traverse, traverse as *mut c_void),
            (ffi::Py_tp_clear, clear as *mut c_void),
            (ffi::Py_tp_repr, call_repr as *mut c_void),
            (ffi::Py_tp_iter, iter as *mut c_void),
            (ffi::Py_tp_iternext, next as *mut c_void),
            (ffi::Py_am_await, iter as *mut c_void),
            (ffi::Py_am_send, am_send as *mut c_void),
            (
                ffi::Py_tp_doc,
                c"A socket operation of a riata loop, to be awaited once.".as_ptr() as *mut c_void,
            ),
        ],
        methods: vec![
            onearg(c"send", send, c"Go on; the value is not used."),
            fastcall(
                c"throw",
                throw,
                c"throw($self, typ, val=None, tb=None, /)\n--\n\nEnd with an exception.",
            ),
            noargs(c"close", close, c"End without a result."),
        ],
        getsets: vec![
            getter(c"__name__", name_getter),
            getter(c"__qualname__", name_getter),
            getter(c"cr_running", false_getter),
            getter(c"cr_await", awaited_getter),
            getter(c"cr_frame", none_getter),
            getter(c"cr_code", none_getter),
        ],
        members: vec![],
    }
    .build()
}

/// A call that has not begun.
pub fn new_call(kind: Kind, core: &LoopCore, loop_: Obj, sock: Obj, argument: Obj) -> Res {
    let tp = state().sock_call_type;
    // SAFETY: `calls` parks objects of this type only; a fresh one is zeroed, tracked, and its fields are valid.
    let object = unsafe {
        let parked = core.net.calls.take(tp);
        if parked.is_null() {
            Obj::owned(ffi::PyType_GenericAlloc(tp, 0))?
        } else {
            ffi::PyObject_GC_Track(parked.cast());
            Obj::owned(parked)?
        }
    };
    // SAFETY: made just above.
    let call = unsafe { &*object.as_ptr().cast::<SockCall>() };
    call.kind.set(kind);
    call.stage.set(Stage::New);
    call.position.set(0);
    call.native.set(false);
    call.home.set(loop_.clone());
    call.loop_.set(loop_);
    call.sock.set(sock);
    call.argument.set(argument);
    Ok(object)
}

impl SockCall {
    /// View an object as a call, if it is one.
    #[inline]
    pub fn of(object: &Obj) -> Option<&SockCall> {
        // SAFETY: the type cannot be derived from, so an object of it has this layout; it lives as long as the reference.
        (object.type_ptr() == state().sock_call_type)
            .then(|| unsafe { &*object.as_ptr().cast::<SockCall>() })
    }
}

unsafe fn this(object: &*mut ffi::PyObject) -> (&Obj, &SockCall) {
    // SAFETY: CPython passes a live object of this type as the receiver.
    unsafe { (Obj::from_ref(object), &*(*object).cast::<SockCall>()) }
}

unsafe extern "C" fn iter(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a live object.
    unsafe { Obj::shared(object) }.into_ptr()
}

unsafe extern "C" fn next(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a slot of this type.
    let (object, call) = unsafe { this(&object) };
    match call.step(object) {
        Ok(Stepped::Waits(future)) => future.into_ptr(),
        Ok(Stepped::Ends(value)) => stop_with(value),
        Err(Raised) => std::ptr::null_mut(),
    }
}

unsafe extern "C" fn am_send(
    object: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: the receiver of a slot of this type; `result` is where CPython wants the value.
    unsafe {
        let (object, call) = this(&object);
        match call.step(object) {
            Ok(Stepped::Waits(future)) => {
                *result = future.into_ptr();
                ffi::PySendResult::PYGEN_NEXT
            }
            Ok(Stepped::Ends(value)) => {
                *result = value.into_ptr();
                ffi::PySendResult::PYGEN_RETURN
            }
            Err(Raised) => {
                *result = std::ptr::null_mut();
                ffi::PySendResult::PYGEN_ERROR
            }
        }
    }
}

unsafe extern "C" fn send(
    object: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a method of this type.
    let result = unsafe { next(object) };
    if result.is_null() && !crate::ffi::exception_is_set() {
        // A method, unlike a slot, must raise.
        // SAFETY: a static exception type.
        unsafe { ffi::PyErr_SetNone(ffi::PyExc_StopIteration) };
    }
    result
}

unsafe extern "C" fn throw(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a fastcall method of this type, and its arguments.
    let ((_, call), args) = unsafe { (this(&object), Args::new("throw", args, nargs, names)) };
    give((|| {
        args.require(&["typ"])?;
        args.at_most(3)?;
        let over = call.stage.get() == Stage::Over;
        call.end();
        if over {
            return Err(reused());
        }
        let given = args.positional();
        // SAFETY: arguments outlive the call.
        Err(set_exception(unsafe { exception_from(given)? }))
    })())
}

/// The exception that `throw(typ, val, tb)` names.
///
/// # Safety
/// `given` holds one to three live objects.
unsafe fn exception_from(given: &[*mut ffi::PyObject]) -> Res {
    // SAFETY: live objects, as the caller promises.
    unsafe {
        let kind = Obj::from_ref(&given[0]);
        let value = given
            .get(1)
            .map(|value| Obj::from_ref(value))
            .filter(|value| !value.is_none());
        let exception = if ffi::PyExceptionInstance_Check(kind.as_ptr()) != 0 {
            kind.clone()
        } else if ffi::PyExceptionClass_Check(kind.as_ptr()) != 0 {
            match value {
                Some(value) if ffi::PyExceptionInstance_Check(value.as_ptr()) != 0 => value.clone(),
                Some(value) => kind.call1(value)?,
                None => kind.call0()?,
            }
        } else {
            return Err(crate::ffi::raise_type_error(
                "exceptions must be classes or instances deriving from BaseException",
            ));
        };
        if let Some(&traceback) = given.get(2) {
            crate::ffi::check(ffi::PyException_SetTraceback(exception.as_ptr(), traceback))?;
        }
        Ok(exception)
    }
}

pub fn reused() -> Raised {
    raise_runtime_error("cannot reuse already awaited coroutine")
}

unsafe extern "C" fn close(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a method of this type.
    unsafe { this(&object) }.1.end();
    Obj::none().into_ptr()
}

unsafe extern "C" fn name_getter(object: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a getter of this type.
    give(string(unsafe { this(&object) }.1.kind.get().name()))
}

unsafe extern "C" fn false_getter(
    _object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    Obj::bool(false).into_ptr()
}

unsafe extern "C" fn none_getter(
    _object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    Obj::none().into_ptr()
}

unsafe extern "C" fn awaited_getter(
    object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a getter of this type.
    unsafe { this(&object) }.1.future.get_or_none().into_ptr()
}

unsafe extern "C" fn call_repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a slot of this type.
    let name = unsafe { this(&object) }.1.kind.get().name();
    give(string(&format!("<socket call {name} at {object:p}>")))
}

unsafe extern "C" fn traverse(
    object: *mut ffi::PyObject,
    visit: ffi::visitproc,
    arg: *mut c_void,
) -> i32 {
    // SAFETY: CPython traverses a live object of this type.
    unsafe {
        let call = this(&object).1;
        let slots = [
            &call.loop_,
            &call.home,
            &call.sock,
            &call.argument,
            &call.future,
        ];
        visit_all(object, slots, visit, arg)
    }
}

unsafe extern "C" fn clear(object: *mut ffi::PyObject) -> i32 {
    // SAFETY: CPython clears a live object of this type.
    let call = unsafe { &*object.cast::<SockCall>() };
    call.end();
    call.home.clear();
    0
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: the reference count is zero: nobody else holds the object. After `end` it holds nothing, so it may be parked
    // or freed.
    unsafe {
        ffi::PyObject_GC_UnTrack(object.cast());
        let tp = ffi::Py_TYPE(object);
        let call = &*object.cast::<SockCall>();
        let held = call.home.take();
        aside(|| {
            if call.stage.get() == Stage::New && call.loop_.is_set() {
                call.warn_unused();
            }
            call.end();
        });
        let parked = ffi::PyObject_GC_IsFinalized(object) == 0
            && held
                .as_ref()
                .is_some_and(|loop_| core_of(loop_).net.calls.park(object));
        if !parked {
            ffi::PyObject_GC_Del(object.cast());
        }
        drop(held);
        ffi::Py_DECREF(tp.cast());
    }
}
