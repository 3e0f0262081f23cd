//! The methods of a loop by which asyncio's own orchestration reaches the network.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use riata_engine::SocketId;

use super::server::{self, Serving};
use super::sock::Kind;
use super::transport::{Connection, Source};
use super::{ensure_no_transport, transport_of};
use crate::core::sock_call::new_call;
use crate::core::transport::Transport;
use crate::event_loop::io::{file_descriptor, unwatch, watch, watched_descriptor};
use crate::event_loop::{Loop, LoopCore};
use crate::ffi::{Obj, Res, copy_context, obj};
use crate::job::Job;

#[pymethods]
impl Loop {
    /// This process is about to fork. A loop's thread that waits comes back first, or the child might find the driver in the
    /// middle of a change.
    fn _before_fork(&self) {
        if !self.core.runs_here() {
            self.core.reclaim();
        }
    }

    /// Make a transport of a connected socket. Mirrors asyncio's method.
    #[pyo3(signature = (sock, protocol, waiter=None, *, extra=None, server=None, context=None))]
    fn _make_socket_transport(
        &self,
        sock: &Bound<'_, PyAny>,
        protocol: &Bound<'_, PyAny>,
        waiter: Option<&Bound<'_, PyAny>>,
        extra: Option<&Bound<'_, PyAny>>,
        server: Option<&Bound<'_, PyAny>>,
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let core = &self.core;
        core.check_closed()?;
        let sock = obj(sock);
        let id = super::transport::fileno(&sock)?;
        ensure_no_transport(core, id, &sock)?;
        let connection = Connection {
            source: Source::Python(sock),
            protocol: obj(protocol),
            waiter: waiter.map(obj),
            extra: extra.map(obj),
            server: server.map(obj),
        };
        Ok(connection.open(core, given_or_copy(context)?)?.into())
    }

    /// Accept connections on a listening socket. Mirrors asyncio's method.
    #[expect(clippy::too_many_arguments, reason = "the signature is asyncio's")]
    #[pyo3(signature = (protocol_factory, sock, sslcontext=None, server=None, backlog=100, *limits, context=None))]
    fn _start_serving(
        &self,
        py: Python<'_>,
        protocol_factory: &Bound<'_, PyAny>,
        sock: &Bound<'_, PyAny>,
        sslcontext: Option<&Bound<'_, PyAny>>,
        server: Option<&Bound<'_, PyAny>>,
        backlog: i64,
        limits: &Bound<'_, PyTuple>,
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let or_none = |value: Option<&Bound<'_, PyAny>>| value.map_or_else(Obj::none, obj);
        let serving = Serving {
            factory: obj(protocol_factory),
            sock: obj(sock),
            tls: or_none(sslcontext),
            server: or_none(server),
            backlog: usize::try_from(backlog).unwrap_or(0),
            limits: limits.iter().map(|limit| obj(&limit)).collect(),
            context: given_or_copy(context)?,
        };
        server::start(py, &self.core, serving)
    }

    /// The transport that uses a descriptor, or None.
    fn _transport_of(&self, fd: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
        Ok(transport_of(&self.core, file_descriptor(fd)?)?.map(Into::into))
    }

    /// The transports that use a descriptor, among them those that close.
    fn _all_transports<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::new(
            py,
            self.core
                .net
                .transports
                .transports()
                .into_iter()
                .map(Py::<PyAny>::from),
        )?;
        let weak: Vec<Obj> = self.core.net.foreign.borrow().values().cloned().collect();
        for reference in weak {
            let transport = reference.call0()?;
            if !transport.is_none() {
                list.append(Py::<PyAny>::from(transport))?;
            }
        }
        Ok(list)
    }

    /// A transport uses a descriptor from now on; for one that is not ours, `weak` is a reference to it.
    fn _enroll_transport(
        &self,
        fd: &Bound<'_, PyAny>,
        transport: &Bound<'_, PyAny>,
        weak: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let id = file_descriptor(fd)?;
        let before = match Transport::of(&obj(transport)) {
            Some(transport) => {
                transport.enroll();
                None
            }
            None => self.core.net.foreign.borrow_mut().insert(id, obj(weak)),
        };
        drop(before);
        Ok(())
    }

    /// Undo `_enroll_transport`.
    fn _forget_transport(&self, fd: &Bound<'_, PyAny>) -> PyResult<()> {
        let id = file_descriptor(fd)?;
        if let Some(transport) = self.core.net.transports.get(id.0) {
            Transport::of(&transport).map(Transport::sign_off);
        }
        let before = self.core.net.foreign.borrow_mut().remove(&id);
        drop(before);
        Ok(())
    }

    /// Whether a descriptor is watched for reading, and for writing.
    fn _watched_events(&self, fd: &Bound<'_, PyAny>) -> PyResult<(bool, bool)> {
        let id = watched_descriptor(&self.core, fd)?;
        Ok((self.core.has_reader(id), self.core.has_writer(id)))
    }

    /// Refuse a descriptor that a transport uses. Mirrors asyncio's method.
    fn _ensure_fd_no_transport(&self, fd: &Bound<'_, PyAny>) -> PyResult<()> {
        let id = file_descriptor(fd)?;
        Ok(ensure_no_transport(&self.core, id, &obj(fd))?)
    }

    /// Watch a descriptor, whoever uses it; the handle comes back. Mirrors asyncio's method.
    #[pyo3(signature = (fd, callback, *args))]
    fn _add_reader(
        &self,
        fd: &Bound<'_, PyAny>,
        callback: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<PyAny>> {
        let id = file_descriptor(fd)?;
        let handle = watch(&self.core, fd, id, callback, args, LoopCore::add_reader)?;
        Ok(handle.into())
    }

    /// As `_add_reader`, for writing.
    #[pyo3(signature = (fd, callback, *args))]
    fn _add_writer(
        &self,
        fd: &Bound<'_, PyAny>,
        callback: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<PyAny>> {
        let id = file_descriptor(fd)?;
        let handle = watch(&self.core, fd, id, callback, args, LoopCore::add_writer)?;
        Ok(handle.into())
    }

    /// Undo `_add_reader`; False when nothing was watched.
    fn _remove_reader(&self, fd: &Bound<'_, PyAny>) -> PyResult<bool> {
        remove(&self.core, fd, LoopCore::remove_reader)
    }

    /// Undo `_add_writer`; False when nothing was watched.
    fn _remove_writer(&self, fd: &Bound<'_, PyAny>) -> PyResult<bool> {
        remove(&self.core, fd, LoopCore::remove_writer)
    }

    /// Receive up to n bytes from a socket, as bytes. Mirrors `loop.sock_recv`.
    fn sock_recv(
        slf: &Bound<'_, Self>,
        sock: &Bound<'_, PyAny>,
        n: &Bound<'_, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        call(Kind::Recv, slf, sock, n)
    }

    /// Receive from a socket into a buffer; return how many bytes. Mirrors `loop.sock_recv_into`.
    fn sock_recv_into(
        slf: &Bound<'_, Self>,
        sock: &Bound<'_, PyAny>,
        buf: &Bound<'_, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        call(Kind::RecvInto, slf, sock, buf)
    }

    /// Send all data to a socket. Mirrors `loop.sock_sendall`.
    fn sock_sendall(
        slf: &Bound<'_, Self>,
        sock: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        call(Kind::SendAll, slf, sock, data)
    }
}

/// Stop watching, whoever uses the descriptor; on a closed loop, whatever it is.
fn remove(
    core: &LoopCore,
    fd: &Bound<'_, PyAny>,
    how: fn(&LoopCore, SocketId) -> Option<Job>,
) -> PyResult<bool> {
    if core.closed.get() {
        return Ok(false);
    }
    unwatch(core, watched_descriptor(core, fd)?, how)
}

fn call(
    kind: Kind,
    loop_: &Bound<'_, Loop>,
    sock: &Bound<'_, PyAny>,
    argument: &Bound<'_, PyAny>,
) -> PyResult<Py<PyAny>> {
    let core = &loop_.get().core;
    let made = new_call(kind, core, obj(loop_.as_any()), obj(sock), obj(argument))?;
    Ok(made.into())
}

/// The context that asyncio names, which it does since 3.15.
fn given_or_copy(context: Option<&Bound<'_, PyAny>>) -> Res {
    context.map_or_else(copy_context, |context| Ok(obj(context)))
}
