//! The datagram transport as a CPython class: asyncio's own, with receiving and sending replaced.
//!
//! It has no fields of its own: what asyncio's methods keep in an instance, the two methods here look up there.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use pyo3::ffi;

use super::args::Args;
use super::entry::method;
use super::typespec::{add_to, fastcall, noargs};
use crate::ffi::{Obj, Res, dict, dict_set, give_from, import, string, tuple};
use crate::net::datagrams;

/// `class _SelectorDatagramTransport(asyncio.selector_events._SelectorDatagramTransport)`.
pub fn make_class(base: &Obj) -> Res {
    let namespace = dict()?;
    dict_set(&namespace, &string("__module__")?, &string("riata._riata")?)?;
    let doc = "A datagram endpoint of a riata loop.";
    dict_set(&namespace, &string("__doc__")?, &string(doc)?)?;
    let (name, bases) = (base.get(c"__name__")?, tuple(&[base.as_ptr()])?);
    let arguments = [name.as_ptr(), bases.as_ptr(), namespace.as_ptr()];
    let class = import(c"builtins")?.get(c"type")?.call(&arguments)?;
    let methods = [
        noargs(c"_read_ready", read_ready, c"Receive one datagram."),
        fastcall(
            c"sendto",
            send_to,
            c"sendto($self, data, addr=None)\n--\n\nSend a datagram; what does not fit now is kept and sent later.",
        ),
    ];
    add_to(&class, methods)?;
    Ok(class)
}

/// The receiver, in the shape that the macros of `entry.rs` ask for.
unsafe fn this(object: &*mut ffi::PyObject) -> (&Obj, ()) {
    // SAFETY: CPython passes a live instance of the class as the receiver.
    (unsafe { Obj::from_ref(object) }, ())
}

method!(read_ready, |object, _fields| datagrams::receive(object)
    .map(|()| Obj::none()));

unsafe extern "C" fn send_to(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver and the arguments of a fastcall method of this class.
    let (object, args) = unsafe { (this(&object).0, Args::new("sendto", args, nargs, names)) };
    give_from(|| {
        let [data, address] = args.bind(["data", "addr"], 1)?;
        let data = data.ok_or_else(|| args.missing(&["data"]))?;
        datagrams::send_to(object, data, address)
    })
}
