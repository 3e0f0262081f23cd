//! Transports of datagrams and pipes as CPython classes: asyncio's own, with what runs for every event replaced.
//!
//! They have no fields of their own: what asyncio's methods keep in an instance, the methods here look up there.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use pyo3::ffi;

use super::args::Args;
use super::entry::{method, method_of_one};
use super::typespec::{add_to, fastcall, noargs, onearg};
use crate::ffi::{Obj, Res, dict, dict_set, give_from, import, string, tuple};
use crate::net::{datagrams, pipes};

/// asyncio's methods that the ones here stand before and call for what is rare.
pub struct Mirrored {
    pub datagram_read_ready: Obj,
    pub datagram_sendto: Obj,
    pub pipe_write: Obj,
}

/// The classes, by the names that asyncio gives them.
pub struct Classes {
    pub mirrored: Mirrored,
    pub classes: Vec<(&'static str, Obj)>,
}

impl Classes {
    pub fn make() -> Res<Classes> {
        let (selector, unix) = (
            import(c"asyncio.selector_events")?,
            import(c"asyncio.unix_events")?,
        );
        let datagrams = selector.get(c"_SelectorDatagramTransport")?;
        let reading = unix.get(c"_UnixReadPipeTransport")?;
        let writing = unix.get(c"_UnixWritePipeTransport")?;
        let classes = vec![
            (
                "_SelectorDatagramTransport",
                derive(
                    &datagrams,
                    "A datagram endpoint of a riata loop.",
                    vec![
                        noargs(c"_read_ready", receive_datagram, c"Receive one datagram."),
                        fastcall(
                            c"sendto",
                            send_datagram,
                            c"sendto($self, data, addr=None)\n--\n\nSend a datagram; what does not fit now is kept and sent later.",
                        ),
                    ],
                )?,
            ),
            (
                "_UnixReadPipeTransport",
                derive(
                    &reading,
                    "The reading end of a pipe, for a riata loop.",
                    vec![noargs(c"_read_ready", read_pipe, c"Read once.")],
                )?,
            ),
            (
                "_UnixWritePipeTransport",
                derive(
                    &writing,
                    "The writing end of a pipe, for a riata loop.",
                    vec![onearg(
                        c"write",
                        write_pipe,
                        c"Write bytes; what does not fit now is kept and written later.",
                    )],
                )?,
            ),
        ];
        Ok(Classes {
            mirrored: Mirrored {
                datagram_read_ready: datagrams.get(c"_read_ready")?,
                datagram_sendto: datagrams.get(c"sendto")?,
                pipe_write: writing.get(c"write")?,
            },
            classes,
        })
    }
}

/// `class Base(Base)` with these methods.
fn derive(base: &Obj, doc: &str, methods: Vec<ffi::PyMethodDef>) -> Res {
    let namespace = dict()?;
    dict_set(&namespace, &string("__module__")?, &string("riata._riata")?)?;
    dict_set(&namespace, &string("__doc__")?, &string(doc)?)?;
    let (name, bases) = (base.get(c"__name__")?, tuple(&[base.as_ptr()])?);
    let arguments = [name.as_ptr(), bases.as_ptr(), namespace.as_ptr()];
    let class = import(c"builtins")?.get(c"type")?.call(&arguments)?;
    add_to(&class, methods)?;
    Ok(class)
}

/// The receiver, in the shape that the macros of `entry.rs` ask for.
unsafe fn this(object: &*mut ffi::PyObject) -> (&Obj, ()) {
    // SAFETY: CPython passes a live instance of the class as the receiver.
    (unsafe { Obj::from_ref(object) }, ())
}

method!(receive_datagram, |object, _fields| {
    datagrams::receive(object).map(|()| Obj::none())
});
method!(read_pipe, |object, _fields| {
    pipes::read(object).map(|()| Obj::none())
});
method_of_one!(write_pipe, |object, _fields, data| pipes::write(
    object, data
));

unsafe extern "C" fn send_datagram(
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
