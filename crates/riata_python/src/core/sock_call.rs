//! The awaitable behind `loop.sock_recv` and its kin, as a CPython type. What it does is in `net/sock.rs`.
//!
//! It passes where coroutines pass: `send`, `throw`, `close`, `__await__`. Nothing happens before the first `send`.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::cell::Cell;
use std::ffi::c_void;

use pyo3::ffi;

use super::coroutine::{self, Coroutine, Stepped, rethrow, reused};
use super::entry::visit_all;
use super::freelist::free;
use super::typespec::TypeSpec;
use crate::event_loop::LoopCore;
use crate::event_loop::engine::core_of;
use crate::ffi::{Obj, Res, Slot, aside, give, string};
use crate::net::sock::{Kind, Stage};
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
        slots: [
            (ffi::Py_tp_dealloc, dealloc as *mut c_void),
            (ffi::Py_tp_traverse, traverse as *mut c_void),
            (ffi::Py_tp_clear, clear as *mut c_void),
            (ffi::Py_tp_repr, call_repr as *mut c_void),
            (
                ffi::Py_tp_doc,
                c"A socket operation of a riata loop, to be awaited once.".as_ptr() as *mut c_void,
            ),
        ]
        .into_iter()
        .chain(coroutine::slots::<SockCall>())
        .collect(),
        methods: coroutine::methods::<SockCall>(),
        getsets: coroutine::getsets::<SockCall>(),
        members: vec![],
    }
    .build()
}

/// A call that has not begun.
pub fn new_call(kind: Kind, core: &LoopCore, loop_: Obj, sock: Obj, argument: Obj) -> Res {
    // SAFETY: `calls` parks objects of this type only; a fresh one is zeroed, tracked, and its fields are valid.
    let object = unsafe { core.net.calls.new_object(state().sock_call_type)? };
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

impl Coroutine for SockCall {
    fn step(&self, this: &Obj) -> Res<Stepped> {
        SockCall::step(self, this)
    }

    /// Whatever is thrown ends it.
    fn throw(&self, _this: &Obj, exception: Obj) -> Res<Stepped> {
        let over = self.stage.get() == Stage::Over;
        self.end();
        if over {
            return Err(reused());
        }
        rethrow(exception)
    }

    fn close(&self, _this: &Obj) -> Res<()> {
        self.end();
        Ok(())
    }

    fn name(&self) -> &'static str {
        self.kind.get().name()
    }

    fn stage(&self) -> coroutine::Stage {
        match self.stage.get() {
            Stage::New => coroutine::Stage::New,
            Stage::Waiting | Stage::Overdue => coroutine::Stage::Suspended,
            Stage::Over => coroutine::Stage::Over,
        }
    }

    fn awaited(&self) -> Option<Obj> {
        self.future.get()
    }
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
            free(object);
        }
        drop(held);
    }
}
