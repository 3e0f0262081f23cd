//! The socket transport as a CPython type: what it is made of, and how Python sees it.
//!
//! It derives from `asyncio.Transport` and says that its class is asyncio's socket transport, so `isinstance` holds. What
//! it does is in `net/`, as safe methods of [`Transport`].
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::mem::offset_of;

use pyo3::ffi;

use super::args::{Args, not_deletable};
use super::entry::{field, method, method_of_one, visit_all};
use super::freelist::free;
use super::typespec::{TypeSpec, fastcall, getset, getter, noargs, offset_member, onearg};
use crate::event_loop::LoopCore;
use crate::event_loop::engine::core_of;
use crate::ffi::{Obj, Raised, Res, Slot, aside, give, import, string};
use crate::net::address::Addresses;
use crate::net::read::Mode;
use crate::net::watch::Watch;
use crate::net::write::Output;
use crate::state::state;

/// The object. The first two fields are those of `asyncio.BaseTransport`, whose `__slots__` name one attribute.
#[repr(C)]
struct Object {
    ob_base: ffi::PyObject,
    base_slot: Slot,
    dict: Slot,
    weakrefs: Cell<*mut ffi::PyObject>,
    fields: Transport,
}

impl Object {
    /// Everything that it holds but its loop.
    fn slots(&self) -> [&Slot; 11] {
        let fields = &self.fields;
        [
            &self.base_slot,
            &self.dict,
            &fields.protocol,
            &fields.server,
            &fields.sock,
            &fields.extra,
            &fields.socket_info,
            &fields.context,
            &fields.write_context,
            &fields.lost_exception,
            &fields.empty_waiter,
        ]
    }
}

/// The state of a connection.
///
/// Fields are read and written one at a time, and never borrowed across a call into Python: what a protocol's method does
/// to its transport is seen by the code that called it.
pub struct Transport {
    /// The loop, held until the object goes; `core` is its native side.
    pub loop_: Slot,
    core: Cell<*const LoopCore>,
    pub protocol: Slot,
    pub server: Slot,
    /// The Python socket; for an accepted connection it is made when somebody asks.
    pub sock: Slot,
    /// What `get_extra_info` answers beside the addresses and the socket, or all of it once `_extra` was asked for.
    pub extra: Slot,
    pub socket_info: Slot,
    /// Where reading runs; once the end is scheduled, where `connection_lost` runs.
    pub context: Slot,
    /// Where a pending write goes on.
    pub write_context: Slot,
    pub lost_exception: Slot,
    pub empty_waiter: Slot,
    pub output: RefCell<Output>,
    pub addresses: RefCell<Option<Box<Addresses>>>,
    pub fd: Cell<i32>,
    pub mode: Cell<Mode>,
    pub conn_lost: Cell<u32>,
    pub high_water: Cell<usize>,
    pub low_water: Cell<usize>,
    /// The loop watches for reading.
    pub reading: Watch,
    /// The loop watches for writing.
    pub writing: Watch,
    pub closing: Cell<bool>,
    pub paused: Cell<bool>,
    pub eof: Cell<bool>,
    pub protocol_paused: Cell<bool>,
    /// The socket is closed, or given up.
    pub closed: Cell<bool>,
}

pub fn make_type() -> Res<*mut ffi::PyTypeObject> {
    let base = import(c"asyncio.transports")?.get(c"Transport")?;
    let base_type = base.as_ptr().cast::<ffi::PyTypeObject>();
    // SAFETY: `Transport` is a class, whose size does not change.
    let size = unsafe { (*base_type).tp_basicsize } as usize;
    assert!(
        size <= offset_of!(Object, dict),
        "asyncio.Transport has more fields than riata knows: {size} bytes"
    );
    TypeSpec {
        name: c"riata._riata._SelectorSocketTransport",
        size: size_of::<Object>(),
        flags: u64::from(
            ffi::Py_TPFLAGS_HAVE_GC as u32 | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION as u32,
        ),
        base: base_type,
        slots: vec![
            (ffi::Py_tp_dealloc, dealloc as *mut c_void),
            (ffi::Py_tp_finalize, finalize as *mut c_void),
            (ffi::Py_tp_traverse, traverse as *mut c_void),
            (ffi::Py_tp_clear, clear as *mut c_void),
            (ffi::Py_tp_repr, transport_repr as *mut c_void),
            (
                ffi::Py_tp_doc,
                c"A TCP or Unix stream connection of a riata loop.".as_ptr() as *mut c_void,
            ),
        ],
        methods: methods(),
        getsets: getsets(),
        members: vec![
            offset_member(c"__dictoffset__", offset_of!(Object, dict)),
            offset_member(c"__weaklistoffset__", offset_of!(Object, weakrefs)),
        ],
    }
    .build()
}

/// A transport with nothing in it but its loop.
pub fn allocate(loop_: Obj) -> Res {
    // SAFETY: the fields are written before anything can look at them: nothing runs between the two calls.
    unsafe {
        let object = Obj::owned(ffi::PyType_GenericAlloc(state().transport_type, 0))?;
        let core: *const LoopCore = core_of(&loop_);
        let fields = &raw mut (*object.as_ptr().cast::<Object>()).fields;
        fields.write(Transport {
            loop_: Slot::new(loop_),
            core: Cell::new(core),
            protocol: Slot::empty(),
            server: Slot::empty(),
            sock: Slot::empty(),
            extra: Slot::empty(),
            socket_info: Slot::empty(),
            context: Slot::empty(),
            write_context: Slot::empty(),
            lost_exception: Slot::empty(),
            empty_waiter: Slot::empty(),
            output: RefCell::default(),
            addresses: RefCell::new(None),
            fd: Cell::new(-1),
            mode: Cell::new(Mode::Plain),
            conn_lost: Cell::new(0),
            high_water: Cell::new(crate::net::write::HIGH_WATER),
            low_water: Cell::new(crate::net::write::LOW_WATER),
            reading: Watch::none(),
            writing: Watch::none(),
            closing: Cell::new(false),
            paused: Cell::new(false),
            eof: Cell::new(false),
            protocol_paused: Cell::new(false),
            closed: Cell::new(true),
        });
        Ok(object)
    }
}

impl Transport {
    /// View an object as a transport, if it is one.
    #[inline]
    pub fn of(object: &Obj) -> Option<&Transport> {
        // SAFETY: the type cannot be derived from, so an object of it has this layout; it lives as long as the reference.
        (object.type_ptr() == state().transport_type)
            .then(|| unsafe { &(*object.as_ptr().cast::<Object>()).fields })
    }

    /// The native loop.
    #[inline]
    pub fn core(&self) -> &LoopCore {
        // SAFETY: `loop_` is set with it and held until the object goes.
        unsafe { &*self.core.get() }
    }
}

impl Transport {
    /// Nobody else is to use the descriptor.
    pub fn enroll(&self) {
        if !self.closed.get() {
            self.core().net.transports.insert(self.fd.get(), self);
        }
    }

    /// Others may use it: it is closed, or lent.
    pub fn sign_off(&self) {
        self.core().net.transports.remove(self.fd.get(), self);
    }
}

/// Which transport uses which descriptor. Does not keep them alive: they sign off in `dealloc`.
#[derive(Default)]
pub struct Registry(RefCell<Vec<*const Transport>>);

impl Registry {
    pub fn insert(&self, fd: i32, transport: &Transport) {
        let index = fd as usize;
        let mut entries = self.0.borrow_mut();
        if entries.len() <= index {
            entries.resize(index + 1, std::ptr::null());
        }
        entries[index] = transport;
    }

    fn remove(&self, fd: i32, transport: &Transport) {
        if let Some(entry) = self.0.borrow_mut().get_mut(fd as usize) {
            if std::ptr::eq(*entry, transport) {
                *entry = std::ptr::null();
            }
        }
    }

    /// All of them.
    pub fn transports(&self) -> Vec<Obj> {
        let count = self.0.borrow().len() as u32;
        (0..count).filter_map(|fd| self.get(fd)).collect()
    }

    pub fn get(&self, fd: u32) -> Option<Obj> {
        let entry = *self.0.borrow().get(fd as usize)?;
        if entry.is_null() {
            return None;
        }
        // SAFETY: entries are alive, or in the middle of their `dealloc`, where the count is zero.
        unsafe {
            let object = entry
                .byte_sub(offset_of!(Object, fields))
                .cast_mut()
                .cast::<ffi::PyObject>();
            (ffi::Py_REFCNT(object) > 0).then(|| Obj::shared(object))
        }
    }
}

unsafe fn this(object: &*mut ffi::PyObject) -> (&Obj, &Transport) {
    // SAFETY: CPython passes a live object of this type as the receiver.
    unsafe { (Obj::from_ref(object), &(*(*object).cast::<Object>()).fields) }
}

macro_rules! keywords {
    ($name:ident, $function:literal, [$($arg:literal),*], $required:literal, |$object:ident, $transport:ident, $values:pat_param| $body:expr) => {
        unsafe extern "C" fn $name(
            object: *mut ffi::PyObject,
            args: *const *mut ffi::PyObject,
            nargs: ffi::Py_ssize_t,
            names: *mut ffi::PyObject,
        ) -> *mut ffi::PyObject {
            // SAFETY: the receiver of a fastcall method of this type.
            let ($object, $transport) = unsafe { this(&object) };
            let _ = $object;
            // SAFETY: the arguments of a fastcall method.
            let args = unsafe { Args::new($function, args, nargs, names) };
            let call = || {
                let $values = args.bind([$($arg),*], $required)?;
                $body
            };
            give(call())
        }
    };
}

/// `None`, for methods without a result.
fn done(result: Res<()>) -> Res {
    result.map(|()| Obj::none())
}

fn present(value: Option<&Obj>) -> Res<&Obj> {
    value.ok_or_else(|| crate::ffi::raise_type_error("missing argument"))
}

keywords!(write, "write", ["data"], 1, |object, transport, [data]| {
    done(transport.write(object, present(data)?))
});
keywords!(
    writelines,
    "writelines",
    ["list_of_data"],
    1,
    |object, transport, [list]| done(transport.writelines(object, present(list)?))
);
keywords!(
    get_extra_info,
    "get_extra_info",
    ["name", "default"],
    1,
    |object, transport, [name, default]| transport.extra_info(present(name)?, default)
);
keywords!(set_protocol, "set_protocol", ["protocol"], 1, |object,
                                                          transport,
                                                          [
    protocol,
]| done(
    transport.set_protocol(present(protocol)?)
));
keywords!(
    set_write_buffer_limits,
    "set_write_buffer_limits",
    ["high", "low"],
    0,
    |object, transport, [high, low]| done(transport.set_limits(object, high, low))
);
keywords!(fatal_error, "_fatal_error", ["exc", "message"], 1, |object,
                                                               transport,
                                                               [
    exception,
    message,
]| {
    let message = match message {
        Some(message) => crate::ffi::utf8(message)?,
        None => "Fatal error on transport".to_owned(),
    };
    done(transport.fatal(object, present(exception)?.clone(), &message))
});
method!(close, |object, transport| done(transport.close(object)));
method!(abort, |object, transport| done(
    transport.force_close(object, Obj::none())
));
method!(is_closing, |object, transport| {
    Ok(Obj::bool(transport.closing.get()))
});
method!(is_reading, |object, transport| Ok(Obj::bool(
    transport.is_reading()
)));
method!(pause_reading, |object, transport| done(
    transport.pause_reading(object)
));
method!(resume_reading, |object, transport| done(
    transport.resume_reading(object)
));
method!(write_eof, |object, transport| done(transport.write_eof()));
method!(can_write_eof, |object, transport| {
    let _ = transport;
    Ok(Obj::bool(true))
});
method!(get_protocol, |object, transport| Ok(transport
    .protocol
    .get_or_none()));
method!(get_write_buffer_size, |object, transport| {
    crate::ffi::int(transport.output_size() as i64)
});
method!(get_write_buffer_limits, |object, transport| {
    let low = crate::ffi::int(transport.low_water.get() as i64)?;
    let high = crate::ffi::int(transport.high_water.get() as i64)?;
    crate::ffi::tuple(&[low.as_ptr(), high.as_ptr()])
});
method!(make_empty_waiter, |object, transport| transport
    .make_empty_waiter());
method!(reset_empty_waiter, |object, transport| {
    transport.empty_waiter.clear();
    Ok(Obj::none())
});
method_of_one!(force_close, |object, transport, exception| done(
    transport.force_close(object, exception.clone())
));
method_of_one!(call_connection_lost, |object, transport, exception| done(
    transport.call_connection_lost(object, exception)
));
method!(read_ready, |object, transport| done(
    transport.receive(object)
));
method!(write_ready, |object, transport| done(
    transport.writable(object)
));

fn methods() -> Vec<ffi::PyMethodDef> {
    vec![
        fastcall(
            c"write",
            write,
            c"write($self, data)\n--\n\nSend bytes; what does not fit now is kept and sent later.",
        ),
        fastcall(
            c"writelines",
            writelines,
            c"writelines($self, list_of_data)\n--\n\nSend several pieces of data, in one go.",
        ),
        noargs(
            c"write_eof",
            write_eof,
            c"Close the write end once what is kept has been sent.",
        ),
        noargs(c"can_write_eof", can_write_eof, c"Return True."),
        noargs(
            c"close",
            close,
            c"Close the transport once what is kept has been sent.",
        ),
        noargs(
            c"abort",
            abort,
            c"Close the transport at once; what is kept is lost.",
        ),
        noargs(
            c"is_closing",
            is_closing,
            c"Return True if the transport is closing or closed.",
        ),
        noargs(
            c"is_reading",
            is_reading,
            c"Return True if the transport receives.",
        ),
        noargs(
            c"pause_reading",
            pause_reading,
            c"Receive nothing until resume_reading().",
        ),
        noargs(c"resume_reading", resume_reading, c"Receive again."),
        fastcall(
            c"set_protocol",
            set_protocol,
            c"set_protocol($self, protocol)\n--\n\nSwitch to another protocol.",
        ),
        noargs(c"get_protocol", get_protocol, c"Return the current protocol."),
        fastcall(
            c"get_extra_info",
            get_extra_info,
            c"get_extra_info($self, name, default=None)\n--\n\nReturn 'socket', 'sockname', 'peername' or other information.",
        ),
        noargs(
            c"get_write_buffer_size",
            get_write_buffer_size,
            c"Return how many bytes are kept for sending.",
        ),
        noargs(
            c"get_write_buffer_limits",
            get_write_buffer_limits,
            c"Return the (low, high) limits of flow control, in bytes.",
        ),
        fastcall(
            c"set_write_buffer_limits",
            set_write_buffer_limits,
            c"set_write_buffer_limits($self, high=None, low=None)\n--\n\nSet the limits of flow control, in bytes.",
        ),
        // Names by which asyncio's own code knows these.
        onearg(c"_force_close", force_close, c"Close at once, for this reason."),
        fastcall(
            c"_fatal_error",
            fatal_error,
            c"_fatal_error($self, exc, message='Fatal error on transport')\n--\n\nReport an exception and close at once.",
        ),
        onearg(
            c"_call_connection_lost",
            call_connection_lost,
            c"Tell the protocol, then close the socket.",
        ),
        noargs(c"_read_ready", read_ready, c"Receive once."),
        noargs(c"_write_ready", write_ready, c"Send what is kept."),
        noargs(
            c"_make_empty_waiter",
            make_empty_waiter,
            c"Return a future that is done once all is sent.",
        ),
        noargs(
            c"_reset_empty_waiter",
            reset_empty_waiter,
            c"Allow writing again.",
        ),
    ]
}

field!(loop_getter, |object, transport| Ok(
    if transport.closed.get() {
        Obj::none()
    } else {
        transport.loop_.get_or_none()
    }
));
field!(protocol_getter, |object, transport| Ok(transport
    .protocol
    .get_or_none()));
field!(server_getter, |object, transport| Ok(transport
    .server
    .get_or_none()));
field!(sock_getter, |object, transport| transport.python_socket());
field!(sock_fd_getter, |object, transport| crate::ffi::int(
    transport.fd.get().into()
));
field!(extra_getter, |object, transport| transport
    .extra_dict(object));
field!(paused_getter, |object, transport| Ok(Obj::bool(
    transport.paused.get()
)));
field!(closing_getter, |object, transport| Ok(Obj::bool(
    transport.closing.get()
)));
field!(eof_getter, |object, transport| Ok(Obj::bool(
    transport.eof.get()
)));
field!(conn_lost_getter, |object, transport| crate::ffi::int(
    transport.conn_lost.get().into()
));
field!(protocol_paused_getter, |object, transport| Ok(Obj::bool(
    transport.protocol_paused.get()
)));
field!(sendfile_compatible_getter, |object, transport| {
    let _ = (object, transport);
    import(c"asyncio.constants")?
        .get(c"_SendfileMode")?
        .get(c"TRY_NATIVE")
});
field!(start_tls_compatible_getter, |object, transport| {
    let _ = transport;
    Ok(Obj::bool(true))
});

unsafe extern "C" fn extra_setter(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    _: *mut c_void,
) -> i32 {
    // SAFETY: the receiver of a setter of this type.
    let (_, transport) = unsafe { this(&object) };
    match not_deletable(value, "_extra") {
        Ok(()) => {
            // SAFETY: not null, hence a live object.
            transport.extra.set(unsafe { Obj::shared(value) });
            0
        }
        Err(Raised) => -1,
    }
}

field!(class_getter, |object, transport| {
    let _ = (object, transport);
    Ok(state().asyncio_transport.clone())
});

fn getsets() -> Vec<ffi::PyGetSetDef> {
    vec![
        getter(c"__class__", class_getter),
        getter(c"_loop", loop_getter),
        getter(c"_protocol", protocol_getter),
        getter(c"_server", server_getter),
        getter(c"_sock", sock_getter),
        getter(c"_sock_fd", sock_fd_getter),
        getset(c"_extra", extra_getter, extra_setter),
        getter(c"_paused", paused_getter),
        getter(c"_closing", closing_getter),
        getter(c"_eof", eof_getter),
        getter(c"_conn_lost", conn_lost_getter),
        getter(c"_protocol_paused", protocol_paused_getter),
        getter(c"_sendfile_compatible", sendfile_compatible_getter),
        getter(c"_start_tls_compatible", start_tls_compatible_getter),
        ffi::PyGetSetDef {
            name: c"__dict__".as_ptr(),
            get: Some(ffi::PyObject_GenericGetDict),
            set: Some(ffi::PyObject_GenericSetDict),
            doc: std::ptr::null(),
            closure: std::ptr::null_mut(),
        },
    ]
}

unsafe extern "C" fn transport_repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a slot of this type.
    let (_, transport) = unsafe { this(&object) };
    give(string(&transport.describe()))
}

unsafe extern "C" fn traverse(
    object: *mut ffi::PyObject,
    visit: ffi::visitproc,
    arg: *mut c_void,
) -> i32 {
    // SAFETY: CPython traverses a live object of this type. `output` is borrowed only for system calls and moves.
    unsafe {
        let whole = &*object.cast::<Object>();
        let slots = whole.slots().into_iter().chain([&whole.fields.loop_]);
        visit_all(object, slots, visit, arg)
    }
}

/// Drops everything but the loop, which `dealloc` needs; the loop holds transports only while it can drop them itself.
unsafe extern "C" fn clear(object: *mut ffi::PyObject) -> i32 {
    // SAFETY: CPython clears a live object of this type.
    let whole = unsafe { &*object.cast::<Object>() };
    whole.slots().into_iter().for_each(Slot::clear);
    drop(whole.fields.output.take());
    0
}

unsafe extern "C" fn finalize(object: *mut ffi::PyObject) {
    // SAFETY: CPython finalises an object of this type that nobody uses any more.
    let (object, transport) = unsafe { this(&object) };
    aside(|| transport.finalize(object));
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: the reference count is zero: nobody else holds the object, unless the finaliser brings it back. The fields are
    // dropped once; the type is what every instance of a heap type holds.
    unsafe {
        if ffi::PyObject_CallFinalizerFromDealloc(object) < 0 {
            return;
        }
        ffi::PyObject_GC_UnTrack(object.cast());
        let whole = object.cast::<Object>();
        if !(*whole).weakrefs.get().is_null() {
            aside(|| ffi::PyObject_ClearWeakRefs(object));
        }
        {
            (*whole).fields.sign_off();
        }
        aside(|| {
            clear(object);
            std::ptr::drop_in_place(&raw mut (*whole).fields);
        });
        free(object);
    }
}
