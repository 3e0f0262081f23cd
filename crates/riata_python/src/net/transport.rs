//! The life of a transport: from `connection_made` to `connection_lost`, exactly once each.
//!
//! Mirrors `asyncio.selector_events._SelectorTransport`.

use std::io;

use pyo3::types::{PyAnyMethods as _, PyType};
use riata_engine::{Driver as _, SocketAddr, SocketId};

use super::address::{self, Addresses};
use super::{Event, log_debug};
use crate::core::handle::new_handle;
use crate::core::transport::{Transport, allocate};
use crate::event_loop::LoopCore;
use crate::event_loop::driver::LoopDriver;
use crate::event_loop::io::socket_id;
use crate::event_loop::reports::handle_exception;
use crate::ffi::{
    Obj, Raised, Res, RunsIn, aside, copy_context, dict, dict_get, dict_set, ends_the_loop,
    exception_matches, import, in_context, int, os_error_type, raise_in_context_of, set_exception,
    string, take_exception, unraisable, warn_resource,
};
use crate::job::Job;
use crate::state::state;

/// Where a connection comes from.
pub enum Source {
    /// A Python socket, which the transport takes over.
    Python(Obj),
    /// A descriptor of our own, and who is at its other end.
    Accepted(SocketId, SocketAddr),
}

/// The pieces of a new transport.
pub struct Connection {
    pub source: Source,
    pub protocol: Obj,
    pub waiter: Option<Obj>,
    pub extra: Option<Obj>,
    pub server: Option<Obj>,
}

impl Connection {
    /// Make the transport, and schedule what belongs to its beginning. `context` is where `connection_made` runs.
    pub fn open(self, core: &LoopCore, context: Obj) -> Res {
        let loop_ = core.this();
        let object = allocate(loop_.clone())?;
        let Some(transport) = Transport::of(&object) else {
            return Err(crate::ffi::raise_runtime_error("not a transport"));
        };
        transport.set_protocol(&self.protocol)?;
        let id = match self.source {
            Source::Python(sock) => {
                let id = fileno(&sock)?;
                let known = |name: &std::ffi::CStr| -> Res<bool> {
                    match &self.extra {
                        Some(extra) => Ok(dict_get(extra, &crate::ffi::interned(name)?)?.is_some()),
                        None => Ok(false),
                    }
                };
                let peer_known = known(c"peername")?;
                let local = core.driver(|driver| driver.getsockname(id));
                let peer = core.driver(|driver| driver.getpeername(id));
                let odd = |r: &std::io::Result<SocketAddr>| matches!(r, Err(e) if e.kind() == std::io::ErrorKind::InvalidData);
                if odd(&local) || odd(&peer) {
                    // A family that only Python knows how to show.
                    let extra = match &self.extra {
                        Some(extra) => extra.clone(),
                        None => dict()?,
                    };
                    fill_by_python(&extra, &sock, peer_known)?;
                    transport.extra.set(extra);
                }
                *transport.addresses.borrow_mut() = Some(Box::new(Addresses {
                    local: local.ok(),
                    peer: peer.ok(),
                }));
                transport.sock.set(sock);
                id
            }
            Source::Accepted(id, peer) => {
                let local = core.driver(|driver| driver.getsockname(id)).ok();
                *transport.addresses.borrow_mut() = Some(Box::new(Addresses {
                    local,
                    peer: Some(peer),
                }));
                id
            }
        };
        transport.fd.set(id.0.cast_signed());
        if !transport.extra.is_set() {
            transport.extra.set_opt(self.extra);
        }
        // Since 3.15 a transport stays in one context; before, each of its callbacks had a copy.
        #[cfg(Py_3_15)]
        transport.context.set(context.clone());
        #[cfg(not(Py_3_15))]
        transport
            .context
            .set(crate::ffi::copy_of_context(&context)?);
        let connection_made = self.protocol.attr(&state().names.connection_made)?;
        if let Some(server) = &self.server {
            attach(server, &object)?;
            transport.server.set(server.clone());
        }
        // From here on the transport owns the descriptor, unless scheduling fails.
        transport.closed.set(false);
        core.net.transports.insert(transport.fd.get(), transport);
        set_nodelay(core, id);
        let scheduled =
            schedule(core, &connection_made, &[object.as_ptr()], context).and_then(|()| {
                core.push(Job::Net(object.clone(), Event::Start));
                match &self.waiter {
                    Some(waiter) => {
                        let args = [waiter.as_ptr(), Obj::none().as_ptr()];
                        let set = &state().set_result_unless_cancelled;
                        schedule(core, set, &args, copy_context()?)
                    }
                    None => Ok(()),
                }
            });
        if let Err(raised) = scheduled {
            transport.closing.set(true);
            transport.closed.set(true);
            return Err(raised);
        }
        Ok(object)
    }
}

/// `loop.call_soon(callback, *args, context=context)`.
fn schedule(
    core: &LoopCore,
    callback: &Obj,
    args: &[*mut pyo3::ffi::PyObject],
    context: Obj,
) -> Res<()> {
    let loop_ = core.this();
    if core.plain.get() {
        let handle = new_handle(&loop_, core, callback, args, RunsIn::Own(context))?;
        core.push(Job::Handle(handle));
        return Ok(());
    }
    // Somebody has replaced it.
    let mut all = vec![callback.as_ptr()];
    all.extend(args);
    all.push(context.as_ptr());
    let call_soon = loop_.attr(&state().names.call_soon)?;
    call_soon.call_kw(&all, &state().kw_context).map(drop)
}

/// The descriptor of a Python socket.
pub fn fileno(sock: &Obj) -> Res<SocketId> {
    socket_id(&sock.method0(&state().names.fileno)?)
}

/// `getsockname()` and `getpeername()` of a family that we do not know.
fn fill_by_python(extra: &Obj, sock: &Obj, peer_known: bool) -> Res<()> {
    let ask = |method: &std::ffi::CStr| -> Obj {
        sock.get(method)
            .and_then(|method| method.call0())
            .unwrap_or_else(|Raised| {
                drop(take_exception());
                Obj::none()
            })
    };
    dict_set(extra, &string("sockname")?, &ask(c"getsockname"))?;
    if !peer_known {
        dict_set(extra, &string("peername")?, &ask(c"getpeername"))?;
    }
    Ok(())
}

/// `base_events._set_nodelay`: on TCP only, and what it says is not asked.
fn set_nodelay(core: &LoopCore, id: SocketId) {
    let _ = core.driver(|driver| match driver.getsockname(id)? {
        SocketAddr::Unix(_) => Ok(()),
        _ => driver.setsockopt(
            id,
            libc::IPPROTO_TCP,
            libc::TCP_NODELAY,
            &1i32.to_ne_bytes(),
        ),
    });
}

/// `Server._attach`, which is told the transport since 3.13.
fn attach(server: &Obj, transport: &Obj) -> Res<()> {
    let method = server.get(c"_attach")?;
    if cfg!(Py_3_13) {
        method.call1(transport).map(drop)
    } else {
        method.call0().map(drop)
    }
}

fn detach(server: &Obj, transport: &Obj) -> Res<()> {
    let method = server.get(c"_detach")?;
    if cfg!(Py_3_13) {
        method.call1(transport).map(drop)
    } else {
        method.call0().map(drop)
    }
}

impl Transport {
    #[inline]
    pub fn id(&self) -> SocketId {
        SocketId(self.fd.get().cast_unsigned())
    }

    /// Use the socket for one call of the kernel. A program may have closed its Python socket: then the number may be
    /// another's by now, who is not to lose data or to get any.
    #[inline]
    pub fn io<T>(
        &self,
        body: impl FnOnce(&mut LoopDriver, SocketId) -> io::Result<T>,
    ) -> io::Result<T> {
        if let (Some(sock), Some(layout)) = (self.sock.get(), &state().socket_layout) {
            if layout.read(&sock).is_some_and(|fd| fd != self.fd.get()) {
                return Err(io::Error::from_raw_os_error(libc::EBADF));
            }
        }
        let id = self.id();
        self.core().driver(|driver| body(driver, id))
    }

    /// Begin to read, unless `connection_made` had other plans.
    pub fn start(&self, this: &Obj) -> Res<()> {
        if self.is_reading() {
            self.watch_reading(this)?;
        }
        Ok(())
    }

    pub fn close(&self, this: &Obj) -> Res<()> {
        if self.closing.get() {
            return Ok(());
        }
        self.closing.set(true);
        self.unwatch_reading();
        if self.output_size() == 0 {
            self.unwatch_writing();
            self.schedule_lost(this, Obj::none())?;
        }
        Ok(())
    }

    /// `abort()`, and the end after an error.
    pub fn force_close(&self, this: &Obj, exception: Obj) -> Res<()> {
        if self.conn_lost.get() > 0 {
            return Ok(());
        }
        self.drop_output();
        self.unwatch_writing();
        self.closing.set(true);
        self.unwatch_reading();
        self.schedule_lost(this, exception)
    }

    /// An error in the transport or in its protocol: report it (unless it is the network's), and close.
    #[cold]
    pub fn fatal(&self, this: &Obj, exception: Obj, message: &str) -> Res<()> {
        let core = self.core();
        if exception_matches(&exception, os_error_type()) {
            if core.debug.get() {
                log_debug(core, "%r: %s", &[this, &string(message)?])?;
            }
        } else {
            let protocol = self.protocol.get_or_none();
            let more = [
                (&state().names.transport, this),
                (&state().names.protocol, &protocol),
            ];
            handle_exception(core, message, &exception, &more)?;
        }
        self.force_close(this, exception)
    }

    /// As [`fatal`](Self::fatal), for the exception that is set. What ends the loop is passed on.
    #[cold]
    pub fn fatal_raised(&self, this: &Obj, message: &str) -> Res<()> {
        let Some(exception) = take_exception() else {
            return Ok(());
        };
        if ends_the_loop(&exception) {
            return Err(set_exception(exception));
        }
        self.fatal(this, exception, message)
    }

    fn schedule_lost(&self, this: &Obj, exception: Obj) -> Res<()> {
        self.conn_lost.set(self.conn_lost.get() + 1);
        let core = self.core();
        core.check_may_schedule()?;
        // In debug mode, a handle tells who closed the connection.
        if !core.plain.get() || core.debug.get() {
            let callback = this.get(c"_call_connection_lost")?;
            #[cfg(Py_3_15)]
            let context = self.context.get().map_or_else(copy_context, Ok)?;
            #[cfg(not(Py_3_15))]
            let context = copy_context()?;
            return schedule(core, &callback, &[exception.as_ptr()], context);
        }
        #[cfg(not(Py_3_15))]
        self.context.set(copy_context()?);
        self.lost_exception.set(exception);
        core.push(Job::Net(this.clone(), Event::Lost));
        Ok(())
    }

    /// The scheduled end.
    pub fn lost(&self, this: &Obj, exception: &Obj) -> Res<()> {
        match self.context.take() {
            Some(context) => in_context(&context, || self.call_connection_lost(this, exception)),
            None => self.call_connection_lost(this, exception),
        }
    }

    /// Tell the protocol, then close the socket, whatever the protocol says.
    pub fn call_connection_lost(&self, this: &Obj, exception: &Obj) -> Res<()> {
        let told = match self.protocol.get() {
            Some(protocol) if !self.closed.get() => protocol
                .method1(&state().names.connection_lost, exception)
                .map(drop),
            _ => Ok(()),
        };
        let refused = told.err().and_then(|Raised| take_exception());
        let finished = self.finish(this);
        let woken = self.wake_empty_waiter_lost();
        match (finished.and(woken), refused) {
            (outcome, None) => outcome,
            (Ok(()), Some(exception)) => Err(set_exception(exception)),
            (Err(Raised), Some(exception)) => Err(raise_in_context_of(exception)),
        }
    }

    fn finish(&self, this: &Obj) -> Res<()> {
        let closed = self.close_socket();
        self.protocol.clear();
        self.context.clear();
        self.write_context.clear();
        if let Some(server) = self.server.take() {
            detach(&server, this)?;
        }
        closed
    }

    /// Close the descriptor, once.
    fn close_socket(&self) -> Res<()> {
        if self.closed.replace(true) {
            return Ok(());
        }
        let core = self.core();
        let id = self.id();
        self.unwatch_reading();
        self.unwatch_writing();
        core.settle(id);
        match self.sock.take() {
            Some(sock) => sock.method0(&state().names.close).map(drop),
            None => {
                // Nothing sensible can be done about a failing close.
                let _ = core.driver(|driver| driver.close(id));
                Ok(())
            }
        }
    }

    /// Nobody uses the transport any more.
    pub fn finalize(&self, this: &Obj) {
        if self.closed.get() {
            return;
        }
        warn_resource(&format!("unclosed transport {}", self.describe()), this);
        let server = self.server.take();
        let closed = self.close_socket();
        // Somebody may bring it back, and the descriptor may be another one's by then.
        self.sign_off();
        let detached = match server {
            Some(server) if cfg!(Py_3_13) => detach(&server, this),
            _ => Ok(()),
        };
        if closed.and(detached).is_err() {
            unraisable(Some(this));
        }
    }

    // -------------------------------------------------------------- what others may know

    /// The Python socket, `None` once it is closed.
    pub fn python_socket(&self) -> Res {
        if self.closed.get() {
            return Ok(Obj::none());
        }
        if let Some(sock) = self.sock.get() {
            return Ok(sock);
        }
        let sock = socket_from(self.id())?;
        if self.closed.get() || self.sock.is_set() {
            // Closed, or asked for again, while it was made.
            give_up(&sock);
            return Ok(self.sock.get_or_none());
        }
        self.sock.set(sock.clone());
        Ok(sock)
    }

    /// What is shown of the socket, also when it is first asked for after the end.
    fn transport_socket(&self) -> Res {
        if let Some(made) = self.socket_info.get() {
            return Ok(made);
        }
        let sock = match self.closed.get() {
            true => self.closed_socket()?,
            false => self.python_socket()?,
        };
        let made = state().transport_socket.call1(&sock)?;
        self.socket_info.set(made.clone());
        Ok(made)
    }

    pub fn extra_info(&self, name: &Obj, default: Option<&Obj>) -> Res {
        if let Some(extra) = self.extra.get() {
            if let Some(found) = dict_get(&extra, name)? {
                return Ok(found);
            }
        }
        match self.native_info(name)? {
            Some(found) => Ok(found),
            // Names that no dict takes are refused, as by asyncio's own.
            None => Ok(dict_get(&dict()?, name)?
                .or_else(|| default.cloned())
                .unwrap_or_else(Obj::none)),
        }
    }

    fn native_info(&self, name: &Obj) -> Res<Option<Obj>> {
        let names = &state().names;
        if name.equals(&names.socket)? {
            return self.transport_socket().map(Some);
        }
        if name.equals(&names.peername)? {
            return self.peer_name().map(Some);
        }
        if name.equals(&names.sockname)? {
            return self.local_name().map(Some);
        }
        Ok(None)
    }

    fn closed_socket(&self) -> Res {
        let addresses = self.addresses.borrow();
        let local = addresses.as_ref().and_then(|ends| ends.local.clone());
        drop(addresses);
        address::closed_socket(local.as_ref())
    }

    fn peer_name(&self) -> Res {
        let peer = self
            .addresses
            .borrow()
            .as_ref()
            .and_then(|a| a.peer.clone());
        address::optional(peer.as_ref())
    }

    fn local_name(&self) -> Res {
        let local = self
            .addresses
            .borrow()
            .as_ref()
            .and_then(|a| a.local.clone());
        address::optional(local.as_ref())
    }

    /// `_extra`, with everything that asyncio puts there.
    pub fn extra_dict(&self, _this: &Obj) -> Res {
        let extra = match self.extra.get() {
            Some(extra) => extra,
            None => dict()?,
        };
        let names = &state().names;
        for name in [&names.socket, &names.sockname, &names.peername] {
            if dict_get(&extra, name)?.is_none() {
                if let Some(value) = self.native_info(name)? {
                    dict_set(&extra, name, &value)?;
                }
            }
        }
        self.extra.set(extra.clone());
        Ok(extra)
    }

    pub fn describe(&self) -> String {
        let mut text = String::from("<_SelectorSocketTransport");
        if self.closed.get() {
            text.push_str(" closed");
        } else if self.closing.get() {
            text.push_str(" closing");
        }
        text.push_str(&format!(" fd={}", self.fd.get()));
        if !self.closed.get() && !self.core().closed.get() {
            let state = |on: bool| if on { "polling" } else { "idle" };
            text.push_str(&format!(
                " read={} write=<{}, bufsize={}>",
                state(self.reading.is_on()),
                state(self.writing.is_on()),
                self.output_size()
            ));
        }
        text.push('>');
        text
    }
}

/// A Python socket for a descriptor, which it owns from here on. After an error the descriptor is still the caller's.
pub fn socket_from(id: SocketId) -> Res {
    let class = import(c"socket")?.get(c"socket")?;
    let fd = int(id.0.into())?;
    let kwnames = crate::ffi::tuple(&[state().names.fileno.as_ptr()])?;
    // A class is called in two steps, as `type` does it, so that a socket that took the descriptor before something raised
    // can be made to give it back. What a program's function in its place did before it raised is not ours to know.
    let is_class = crate::ffi::attached(|py| class.bound(py).is_instance_of::<PyType>());
    let sock = if is_class {
        let make = class.get(c"__new__")?;
        make.call_kw(&[class.as_ptr(), fd.as_ptr()], &kwnames)?
    } else {
        class.call_kw(&[fd.as_ptr()], &kwnames)?
    };
    let init = || match is_class {
        true => sock
            .get(c"__init__")?
            .call_kw(&[fd.as_ptr()], &kwnames)
            .map(drop),
        false => Ok(()),
    };
    let filled = init().and_then(|()| sock.get(c"setblocking")?.call1(&Obj::bool(false)));
    if let Err(raised) = filled {
        give_up(&sock);
        return Err(raised);
    }
    Ok(sock)
}

/// Let a Python socket go without closing what it has.
pub fn give_up(sock: &Obj) {
    aside(|| {
        if sock
            .get(c"detach")
            .and_then(|detach| detach.call0())
            .is_err()
        {
            unraisable(Some(sock));
        }
    });
}
