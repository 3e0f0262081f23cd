//! Sockets: transports, servers and socket calls.
//!
//! The loop hands [`Event`]s to [`run`], which finds the object that they are for. What is deliberately absent: unsafe code
//! (the objects are made in `core/`), and Python code that runs per event.

pub mod address;
pub mod datagrams;
mod methods;
pub mod pipes;
pub mod read;
mod server;
pub mod sock;
pub mod streams;
mod transport;
pub mod watch;
pub mod write;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::CStr;

use pyo3::prelude::*;
use riata_engine::{ReceiveBuffer, SocketId};

use crate::core::freelist::FreeList;
use crate::core::handle::{Handle, handle_for_report};
use crate::core::sock_call::SockCall;
use crate::core::transport::{Registry, Transport};
use crate::event_loop::LoopCore;
use crate::event_loop::engine::core_of;
use crate::ffi::{
    Obj, Raised, Res, ends_the_loop, raise_runtime_error, repr, set_exception, string,
    take_exception, to_int, while_handling,
};
use crate::state::state;

/// What can happen to an object of this module in a turn of the loop.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Event {
    /// A transport or a socket call may receive.
    Readable,
    /// A transport or a socket call may send.
    Writable,
    /// A transport begins to read: its protocol knows of the connection.
    Start,
    /// The end of a transport.
    Lost,
    /// A listening socket has connections to accept.
    Accept,
    /// An accepted connection gets its protocol.
    Incoming,
    /// Accept again, after there were too many open files.
    Retry,
}

/// What a loop keeps for its sockets.
pub struct NetState {
    /// Where transports receive; taken out for the length of a system call.
    buffer: Cell<Option<ReceiveBuffer>>,
    pub transports: Registry,
    /// Weak references to the transports that asyncio's own code has made, by descriptor.
    pub foreign: RefCell<HashMap<SocketId, Obj>>,
    pub senders: datagrams::Senders,
    /// Socket calls to be used again.
    pub calls: FreeList,
}

impl Default for NetState {
    fn default() -> Self {
        NetState {
            buffer: Cell::default(),
            transports: Registry::default(),
            foreign: RefCell::default(),
            senders: datagrams::Senders::default(),
            calls: FreeList::new(256),
        }
    }
}

/// What a transport asks for in one call, as asyncio does.
const RECEIVE_MAX: usize = 256 * 1024;

impl NetState {
    /// Lend the receive buffer. If `body` calls Python, whoever receives meanwhile gets another.
    pub fn with_buffer<T>(&self, body: impl FnOnce(&mut [u8]) -> T) -> T {
        let mut buffer = self
            .buffer
            .take()
            .unwrap_or_else(|| ReceiveBuffer::new(RECEIVE_MAX));
        let result = body(&mut buffer);
        self.buffer.set(Some(buffer));
        result
    }
}

/// An event that will not be delivered, since the loop closes.
pub fn discard(core: &LoopCore, object: &Obj, event: Event) {
    if event == Event::Incoming {
        server::discard(core, object);
    }
}

/// Deliver an event. Only what ends the loop comes out.
pub fn run(core: &LoopCore, object: &Obj, event: Event) -> Res<()> {
    let mut argument = None;
    let outcome = if let Some(transport) = Transport::of(object) {
        match event {
            Event::Readable => transport.readable(object),
            Event::Writable => transport.writable_in_context(object),
            Event::Start => transport.start(object),
            Event::Lost => {
                let exception = transport.lost_exception.take().unwrap_or_else(Obj::none);
                argument = Some(exception.clone());
                transport.lost(object, &exception)
            }
            Event::Accept | Event::Incoming | Event::Retry => Ok(()),
        }
    } else if let Some(call) = SockCall::of(object) {
        call.ready(core)
    } else {
        server::run(core, object, event)
    };
    outcome.or_else(|Raised| report(core, object, event, argument))
}

/// An error with no better place to go: report it as asyncio does, with a handle made for the purpose.
#[cold]
fn report(core: &LoopCore, object: &Obj, event: Event, argument: Option<Obj>) -> Res<()> {
    let Some(exception) = take_exception() else {
        return Ok(());
    };
    if ends_the_loop(&exception) {
        return Err(set_exception(exception));
    }
    let loop_ = core.this();
    let callback = match (SockCall::of(object), event) {
        (Some(call), _) => loop_.attr(&string(call.kind.get().name())?)?,
        (None, Event::Readable | Event::Start) => object.get(c"_read_ready")?,
        (None, Event::Writable) => object.get(c"_write_ready")?,
        (None, Event::Lost) => object.get(c"_call_connection_lost")?,
        (None, Event::Accept | Event::Incoming | Event::Retry) => {
            loop_.get(c"_accept_connection")?
        }
    };
    let args: Vec<_> = argument.iter().map(Obj::as_ptr).collect();
    let handle = handle_for_report(&loop_, core, &callback, &args, core.context_for_job()?)?;
    set_exception(exception);
    Handle::of(&handle).report(&handle, &callback)
}

/// Debug mode: write to asyncio's log.
pub fn log_debug(core: &LoopCore, format: &str, args: &[&Obj]) -> Res<()> {
    log(core, c"debug", format, args)
}

/// As [`log_debug`], on the level above.
pub fn log_info(core: &LoopCore, format: &str, args: &[&Obj]) -> Res<()> {
    log(core, c"info", format, args)
}

fn log(core: &LoopCore, level: &CStr, format: &str, args: &[&Obj]) -> Res<()> {
    if !core.debug.get() {
        return Ok(());
    }
    let format = string(format)?;
    let mut pointers = vec![format.as_ptr()];
    pointers.extend(args.iter().map(|arg| arg.as_ptr()));
    state().logger.get(level)?.call(&pointers)?;
    Ok(())
}

/// The descriptor of a Python socket; `None` when it is closed.
pub fn descriptor(sock: &Obj) -> Res<Option<SocketId>> {
    let state = state();
    let exact = state.socket_class.is(sock.type_ptr().cast());
    let layout = state.socket_layout.as_ref().filter(|_| exact);
    let number = match layout.and_then(|layout| layout.read(sock)) {
        Some(fd) => fd.into(),
        None => to_int(&sock.method0(&state.names.fileno)?)?,
    };
    Ok(u32::try_from(number).ok().map(SocketId))
}

/// A loop of ours and the descriptor with this number, for a transport of asyncio's classes; `None` for another loop, and
/// when the transport's file has been closed.
pub fn native<'a>(loop_: &'a Obj, fd: &Obj) -> Res<Option<(&'a LoopCore, SocketId)>> {
    if fd.is_none() || !loop_.is_instance_of(state().loop_type) {
        return Ok(None);
    }
    let id = u32::try_from(to_int(fd)?).ok().map(SocketId);
    Ok(id.map(|id| (core_of(loop_), id)))
}

/// `transport._fatal_error(exception, message)`, as a handler of the exception does.
pub fn fatal_error(transport: &Obj, exception: &Obj, message: &str) -> Res<()> {
    let message = string(message)?;
    let method = transport.get(c"_fatal_error")?;
    let arguments = [exception.as_ptr(), message.as_ptr()];
    while_handling(exception, || method.call(&arguments).map(drop))
}

/// The loop closes. Transports stay as they are, as in asyncio: they warn when they are dropped.
pub fn close_all(core: &LoopCore) {
    drop(core.net.buffer.take());
}

/// Refuse to watch a descriptor that a transport uses.
pub fn check_no_transport(core: &LoopCore, id: SocketId, fd: &Bound<'_, PyAny>) -> PyResult<()> {
    Ok(ensure_no_transport(core, id, &crate::ffi::obj(fd))?)
}

pub fn ensure_no_transport(core: &LoopCore, id: SocketId, fd: &Obj) -> Res<()> {
    let Some(object) = transport_of(core, id)? else {
        return Ok(());
    };
    let closing = match Transport::of(&object) {
        Some(transport) => transport.closing.get(),
        None => object.get(c"is_closing")?.call0()?.truth()?,
    };
    if closing {
        return Ok(());
    }
    Err(raise_runtime_error(&format!(
        "File descriptor {} is used by transport {}",
        repr(fd)?,
        repr(&object)?
    )))
}

/// The transport that uses a descriptor, ours or one of asyncio's own.
pub fn transport_of(core: &LoopCore, id: SocketId) -> Res<Option<Obj>> {
    let ours = core.net.transports.get(id.0);
    let closing = |object: &Obj| Transport::of(object).is_none_or(|found| found.closing.get());
    if ours.as_ref().is_some_and(|object| !closing(object)) {
        return Ok(ours);
    }
    let weak = core.net.foreign.borrow().get(&id).cloned();
    let Some(weak) = weak else { return Ok(ours) };
    let foreign = weak.call0()?;
    Ok(if foreign.is_none() {
        ours
    } else {
        Some(foreign)
    })
}
