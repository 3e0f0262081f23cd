//! Listening sockets: accepting, and giving each connection its protocol.
//!
//! Mirrors `_start_serving`, `_accept_connection` and `_accept_connection2` of `asyncio.selector_events`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;

use pyo3::prelude::*;
use riata_engine::{Driver as _, SocketAddr, SocketId};

use super::transport::{Connection, Source, fileno, give_up, socket_from};
use super::{Event, address, descriptor, log_debug};
use crate::errors::os_error;
use crate::event_loop::LoopCore;
use crate::event_loop::reports::handle_exception;
use crate::ffi::{
    GilBound, Obj, Raised, Res, Slot, copy_of_context, dict, dict_set, ends_the_loop, in_context,
    set_exception, take_exception,
};
use crate::job::{Job, TimerJob};
use crate::state::state;

/// Seconds until accepting is tried again (`asyncio.constants.ACCEPT_RETRY_DELAY`).
const RETRY_DELAY: f64 = 1.0;

/// One listening socket of a server.
#[pyclass(frozen, module = "riata._riata")]
pub struct Listener {
    fields: GilBound<Fields>,
}

struct Fields {
    id: SocketId,
    backlog: usize,
    factory: Slot,
    sock: Slot,
    /// `None` without TLS.
    tls: Slot,
    server: Slot,
    /// What `_accept_connection2` gets after these: the time limits of TLS.
    limits: Vec<Obj>,
    context: Slot,
    /// Accepted, and waiting for the next turn.
    incoming: RefCell<VecDeque<(SocketId, SocketAddr)>>,
    /// Accepting is put off until this many retries have fired.
    retrying: Cell<bool>,
}

#[pymethods]
impl Listener {
    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        let fields = &*self.fields;
        for slot in [
            &fields.factory,
            &fields.sock,
            &fields.tls,
            &fields.server,
            &fields.context,
        ] {
            if let Some(object) = slot.as_py() {
                visit.call(object)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let fields = &*self.fields;
        for slot in [
            &fields.factory,
            &fields.sock,
            &fields.tls,
            &fields.server,
            &fields.context,
        ] {
            slot.clear();
        }
    }
}

/// What `_start_serving` was given.
pub struct Serving {
    pub factory: Obj,
    pub sock: Obj,
    pub tls: Obj,
    pub server: Obj,
    pub backlog: usize,
    pub limits: Vec<Obj>,
    pub context: Obj,
}

/// Begin to accept.
pub fn start(py: Python<'_>, core: &LoopCore, serving: Serving) -> PyResult<()> {
    core.check_closed()?;
    let id = fileno(&serving.sock)?;
    let listener = Listener {
        fields: GilBound(Fields {
            id,
            backlog: serving.backlog,
            factory: Slot::new(serving.factory),
            sock: Slot::new(serving.sock),
            tls: Slot::new(serving.tls),
            server: Slot::new(serving.server),
            limits: serving.limits,
            context: Slot::new(serving.context),
            incoming: RefCell::default(),
            retrying: Cell::new(false),
        }),
    };
    let object = Obj::from(Bound::new(py, listener)?);
    watch(core, id, object)?;
    Ok(())
}

fn watch(core: &LoopCore, id: SocketId, listener: Obj) -> Res<()> {
    let replaced = core
        .add_reader(id, Job::Net(listener, Event::Accept))
        .map_err(|error| crate::errors::raise_os_error(&error))?;
    drop(replaced);
    Ok(())
}

/// Close an accepted connection that nobody else will. Nothing sensible can be done if that fails.
fn close(core: &LoopCore, id: SocketId) {
    let _ = core.driver(|driver| driver.close(id));
}

/// The loop closes before a connection got its protocol: its peer shall see the end.
pub fn discard(core: &LoopCore, object: &Obj) {
    crate::ffi::attached(|py| {
        if let Ok(listener) = object.bound(py).cast::<Listener>() {
            let accepted = listener.get().fields.incoming.borrow_mut().pop_front();
            if let Some((id, _)) = accepted {
                close(core, id);
            }
        }
    });
}

/// Deliver an event to a listener.
pub fn run(core: &LoopCore, object: &Obj, event: Event) -> Res<()> {
    crate::ffi::attached(|py| {
        let bound = object.bound(py);
        let Ok(listener) = bound.cast::<Listener>() else {
            return Ok(());
        };
        let fields = &*listener.get().fields;
        match event {
            Event::Accept => fields.accept(core, object),
            Event::Incoming => fields.incoming(core),
            Event::Retry => fields.retry(core, object),
            _ => Ok(()),
        }
    })
}

impl Fields {
    fn accept(&self, core: &LoopCore, this: &Obj) -> Res<()> {
        if !self.is_open()? {
            // Closed since the kernel was asked. The number may be another's by now, who is not to lose connections.
            return Ok(());
        }
        // `backlog + 1` as newer asyncio: the queue holds one more than it says.
        for _ in 0..=self.backlog {
            match core.driver(|driver| driver.accept(self.id)) {
                Ok((id, peer)) => self.accepted(core, this, id, peer)?,
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => return Ok(()),
                    io::ErrorKind::ConnectionAborted => {}
                    _ => return self.failed(core, this, &error),
                },
            }
        }
        Ok(())
    }

    fn accepted(&self, core: &LoopCore, this: &Obj, id: SocketId, peer: SocketAddr) -> Res<()> {
        if core.debug.get() {
            self.log_accepted(core, id, &peer)
                .inspect_err(|_| close(core, id))?;
        }
        if self.tls.get_or_none().is_none() {
            self.incoming.borrow_mut().push_back((id, peer));
            core.push(Job::Net(this.clone(), Event::Incoming));
            return Ok(());
        }
        let sock = socket_from(id).inspect_err(|_| close(core, id))?;
        let context = copy_of_context(&self.context.get_or_none())?;
        if cfg!(Py_3_15) {
            // The task is given the context, and an eager one enters it at once.
            self.accepted_tls(core, sock, &peer, &context)?;
        } else {
            in_context(&context, || self.accepted_tls(core, sock, &peer, &context))?;
        }
        // An eager task has run already. If it closed the server, the number may be another socket's by now.
        if self.is_open()? {
            Ok(())
        } else {
            Err(crate::errors::raise_os_error(
                &io::Error::from_raw_os_error(libc::EBADF),
            ))
        }
    }

    /// Whether the listening socket is still the one that `id` was taken from.
    fn is_open(&self) -> Res<bool> {
        let Some(sock) = self.sock.get() else {
            return Ok(false);
        };
        Ok(descriptor(&sock)? == Some(self.id))
    }

    /// Debug mode. The socket is for the log only.
    #[cold]
    fn log_accepted(&self, core: &LoopCore, id: SocketId, peer: &SocketAddr) -> Res<()> {
        let (server, peer) = (self.server.get_or_none(), address::to_python(peer)?);
        let sock = socket_from(id)?;
        let logged = log_debug(
            core,
            "%r got a new connection from %r: %r",
            &[&server, &peer, &sock],
        );
        give_up(&sock);
        logged
    }

    /// TLS: asyncio's own coroutine waits for the handshake.
    fn accepted_tls(
        &self,
        core: &LoopCore,
        sock: Obj,
        peer: &SocketAddr,
        context: &Obj,
    ) -> Res<()> {
        let extra = dict()?;
        dict_set(&extra, &state().names.peername, &address::to_python(peer)?)?;
        let loop_ = core.this();
        let (factory, tls, server) = (
            self.factory.get_or_none(),
            self.tls.get_or_none(),
            self.server.get_or_none(),
        );
        let mut args = vec![
            factory.as_ptr(),
            sock.as_ptr(),
            extra.as_ptr(),
            tls.as_ptr(),
            server.as_ptr(),
        ];
        args.extend(self.limits.iter().map(Obj::as_ptr));
        if cfg!(Py_3_15) {
            args.push(context.as_ptr());
        }
        let coroutine = loop_.get(c"_accept_connection2")?.call(&args)?;
        let create_task = loop_.get(c"create_task")?;
        if cfg!(Py_3_15) {
            let args = [coroutine.as_ptr(), context.as_ptr()];
            create_task.call_kw(&args, &state().kw_context)?;
        } else {
            create_task.call1(&coroutine)?;
        }
        Ok(())
    }

    /// The turn after: make protocol and transport, as asyncio's accepting task does in its first step.
    fn incoming(&self, core: &LoopCore) -> Res<()> {
        let Some((id, peer)) = self.incoming.borrow_mut().pop_front() else {
            return Ok(());
        };
        let context = copy_of_context(&self.context.get_or_none())?;
        let mut protocol = None;
        let opened = in_context(&context.clone(), || {
            let made = self.factory.get_or_none().call0()?;
            protocol = Some(made.clone());
            let connection = Connection {
                source: Source::Accepted(id, peer),
                protocol: made,
                waiter: None,
                extra: None,
                server: self.server.get().filter(|server| !server.is_none()),
            };
            connection.open(core, context)
        });
        match opened {
            Ok(_) => Ok(()),
            Err(Raised) => {
                let exception = take_exception();
                close(core, id);
                let Some(exception) = exception else {
                    return Ok(());
                };
                if ends_the_loop(&exception) {
                    return Err(set_exception(exception));
                }
                // A connection that came too late is no news.
                if !core.debug.get() && !self.is_open()? {
                    return Ok(());
                }
                let more: Vec<(&Obj, &Obj)> = protocol
                    .iter()
                    .map(|protocol| (&state().names.protocol, protocol))
                    .collect();
                handle_exception(
                    core,
                    "Error on transport creation for incoming connection",
                    &exception,
                    &more,
                )
            }
        }
    }

    #[cold]
    fn failed(&self, core: &LoopCore, this: &Obj, error: &io::Error) -> Res<()> {
        let exhausted = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
        if !error
            .raw_os_error()
            .is_some_and(|number| exhausted.contains(&number))
        {
            return Err(crate::errors::raise_os_error(error));
        }
        // The kernel would go on reporting the socket as ready: look away for a while.
        drop(core.remove_reader(self.id));
        self.retrying.set(true);
        let when = core.timers_time() + RETRY_DELAY;
        core.add_timer(when, TimerJob::Net(this.clone(), Event::Retry));
        let shown = state().transport_socket.call1(&self.sock.get_or_none())?;
        handle_exception(
            core,
            "socket.accept() out of system resource",
            &os_error(error)?,
            &[(&state().names.socket, &shown)],
        )
    }

    fn retry(&self, core: &LoopCore, this: &Obj) -> Res<()> {
        if !self.retrying.replace(false) {
            return Ok(());
        }
        // The server may have been closed in the meantime.
        if !self.is_open()? {
            return Ok(());
        }
        watch(core, self.id, this.clone())
    }
}
