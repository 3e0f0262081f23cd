//! `sock_recv`, `sock_recv_into` and `sock_sendall`: the system call at once, or when the socket is ready.
//!
//! Mirrors the methods of these names of `asyncio.selector_events.BaseSelectorEventLoop`. The calls that happen once per
//! connection, `sock_connect` and `sock_accept`, are asyncio's own code.

use std::io;

use riata_engine::{Driver as _, SocketId};

use super::{Event, RECEIVE_MAX, descriptor, ensure_no_transport};
use crate::core::buffer::View;
use crate::core::coroutine::{Stepped, reused};
use crate::core::future;
use crate::core::sock_call::SockCall;
use crate::errors::{may_retry, raise_os_error};
use crate::event_loop::LoopCore;
use crate::event_loop::engine::core_of;
use crate::event_loop::io::{cancel_replaced, socket_id};
use crate::ffi::{
    Obj, Raised, Res, blocking_error_type, bytes, ends_the_loop, int, interrupted_error_type,
    raise, raise_runtime_error, raised_matches, set_exception, take_exception, to_int, value_error,
    warn_runtime,
};
use crate::job::Job;
use crate::state::state;

/// Which call.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Kind {
    Recv,
    RecvInto,
    SendAll,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Recv => "sock_recv",
            Kind::RecvInto => "sock_recv_into",
            Kind::SendAll => "sock_sendall",
        }
    }
}

/// How far a call is.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Stage {
    New,
    Waiting,
    /// The future was done, and then the socket ready once more.
    Overdue,
    Over,
}

/// What one try of the system call came to.
enum Tried {
    Value(Obj),
    NotReady,
}

impl SockCall {
    /// Go on until the call waits or ends.
    pub fn step(&self, this: &Obj) -> Res<Stepped> {
        let stepped = match self.stage.get() {
            Stage::New => self.begin(this),
            Stage::Waiting | Stage::Overdue => self.resume(),
            Stage::Over => return Err(reused()),
        };
        if !matches!(stepped, Ok(Stepped::Waits(_))) {
            crate::ffi::aside(|| self.end());
        }
        stepped
    }

    fn begin(&self, this: &Obj) -> Res<Stepped> {
        // Whatever happens from here on, the call is not new any more.
        self.stage.set(Stage::Waiting);
        let (loop_, sock) = (self.loop_.get_or_none(), self.sock.get_or_none());
        let core = core_of(&loop_);
        self.check_socket(core, &sock)?;
        if let Tried::Value(value) = self.attempt(core, &sock)? {
            return Ok(Stepped::Ends(value));
        }
        if self.kind.get() == Kind::SendAll {
            // The data is not to change its size while some of it is to be sent.
            let pinned = crate::ffi::memoryview(&self.argument.get_or_none())?;
            self.argument.set(pinned);
        }
        let future = future::new_future(&loop_, core)?;
        let number = sock.method0(&state().names.fileno)?;
        let id = socket_id(&number)?;
        ensure_no_transport(core, id, &number)?;
        core.check_closed()?;
        self.fd.set(id.0);
        let replaced = match self.kind.get() {
            Kind::SendAll => core.add_writer(id, Job::Net(this.clone(), Event::Writable)),
            _ => core.add_reader(id, Job::Net(this.clone(), Event::Readable)),
        };
        let replaced = replaced.map_err(|error| raise_os_error(&error))?;
        self.watching.set(true);
        self.future.set(future.clone());
        cancel_replaced(replaced)?;
        future::set_blocking(&future);
        Ok(Stepped::Waits(future))
    }

    fn check_socket(&self, core: &LoopCore, sock: &Obj) -> Res<()> {
        let state = state();
        let exact = state.socket_class.is(sock.type_ptr().cast());
        if !exact {
            state.check_ssl_socket.call1(sock)?;
        }
        // asyncio asks in debug mode only, and what is no socket need not know.
        let blocks = if exact || core.debug.get() {
            let timeout = sock.method0(&state.names.gettimeout)?;
            timeout.is_none() || crate::ffi::to_double(&timeout).unwrap_or(1.0) != 0.0
        } else {
            true
        };
        if core.debug.get() && blocks {
            return Err(raise(value_error(), "the socket must be non-blocking"));
        }
        self.native.set(exact && !blocks && core.is_owner());
        if self.native.get() {
            match descriptor(sock)? {
                Some(id) => self.fd.set(id.0),
                // Closed: let Python say so.
                None => self.native.set(false),
            }
        }
        Ok(())
    }

    fn resume(&self) -> Res<Stepped> {
        let Some(future) = self.future.get() else {
            return Err(reused());
        };
        match future::exact(&future) {
            Some(done) if done.is_done() => done.result().map(Stepped::Ends),
            _ => Err(raise_runtime_error("await wasn't used with future")),
        }
    }

    /// The socket is ready: make the system call, and tell who waits.
    pub fn ready(&self, core: &LoopCore) -> Res<()> {
        let Some(object) = self.future.get() else {
            return Ok(());
        };
        let Some(future) = future::exact(&object) else {
            return Ok(());
        };
        if !self.watching.get() {
            return Ok(());
        }
        if future.is_done() {
            // Who waits goes on in the next turn, which ends the watching when asyncio's done callback does. Somebody
            // who does not is not to make the loop spin.
            if self.stage.replace(Stage::Overdue) == Stage::Overdue {
                self.unwatch(core);
            }
            return Ok(());
        }
        let sock = self.sock.get_or_none();
        match self.attempt_again(core, &sock) {
            Ok(Tried::NotReady) => Ok(()),
            Ok(Tried::Value(value)) => future.set_result(&object, value),
            Err(Raised) => {
                let Some(exception) = take_exception() else {
                    return Ok(());
                };
                if ends_the_loop(&exception) {
                    return Err(set_exception(exception));
                }
                future.set_exception(&object, &exception)
            }
        }
    }

    fn attempt_again(&self, core: &LoopCore, sock: &Obj) -> Res<Tried> {
        if self.native.get() && descriptor(sock)? != Some(SocketId(self.fd.get())) {
            // Closed since the kernel was asked. The number may be another's by now, who is not to lose data.
            self.native.set(false);
        }
        self.attempt(core, sock)
    }

    fn attempt(&self, core: &LoopCore, sock: &Obj) -> Res<Tried> {
        let argument = self.argument.get_or_none();
        if !self.native.get() {
            return self.attempt_by_python(sock, &argument);
        }
        let id = SocketId(self.fd.get());
        match self.kind.get() {
            Kind::Recv => {
                // The kernel would wait for data even where none is wanted; Python does not ask it then.
                // And where more is wanted than the buffer holds, a message must not be cut short.
                let wanted = crate::ffi::exact_size(&argument)
                    .filter(|size| (1..=RECEIVE_MAX).contains(size));
                let Some(size) = wanted else {
                    return self.attempt_by_python(sock, &argument);
                };
                let received = core.net.with_buffer(|buffer| {
                    let size = size.min(buffer.len());
                    core.driver(|driver| driver.recv(id, &mut buffer[..size]))
                        .map(|count| bytes(&buffer[..count]))
                });
                tried(received.transpose_result()?)
            }
            Kind::RecvInto => {
                let mut view = View::for_recv(&argument)?;
                let received = match view.bytes_mut() {
                    [] => Ok(0), // as above
                    buffer => core.driver(|driver| driver.recv(id, buffer)),
                };
                drop(view);
                tried(received.map(|count| int(count as i64)).transpose_result()?)
            }
            Kind::SendAll => {
                let view = View::of(&argument)?;
                let position = self.position.get();
                let data = &view.bytes()[position.min(view.len())..];
                match core.driver(|driver| driver.send(id, data)) {
                    Ok(count) if count == data.len() => Ok(Tried::Value(Obj::none())),
                    Ok(count) => {
                        self.position.set(position + count);
                        Ok(Tried::NotReady)
                    }
                    Err(error) if may_retry(&error) => Ok(Tried::NotReady),
                    Err(error) => Err(raise_os_error(&error)),
                }
            }
        }
    }

    /// Sockets that are not exactly Python's, or that block: their own methods.
    fn attempt_by_python(&self, sock: &Obj, argument: &Obj) -> Res<Tried> {
        let result = match self.kind.get() {
            Kind::Recv => sock.get(c"recv")?.call1(argument),
            Kind::RecvInto => sock.get(c"recv_into")?.call1(argument),
            Kind::SendAll => return self.send_by_python(sock, argument),
        };
        match result {
            Ok(value) => Ok(Tried::Value(value)),
            Err(raised) => not_ready_or(raised),
        }
    }

    fn send_by_python(&self, sock: &Obj, argument: &Obj) -> Res<Tried> {
        let view = crate::ffi::memoryview(argument)?;
        let size = View::of(argument)?.len();
        let position = self.position.get();
        let rest = crate::ffi::tail(&view, position)?;
        match sock.get(c"send")?.call1(&rest) {
            Ok(count) => {
                let sent = position + usize::try_from(to_int(&count)?).unwrap_or(0);
                self.position.set(sent);
                Ok(if sent >= size {
                    Tried::Value(Obj::none())
                } else {
                    Tried::NotReady
                })
            }
            Err(raised) => not_ready_or(raised),
        }
    }

    fn unwatch(&self, core: &LoopCore) {
        if self.watching.replace(false) {
            let id = SocketId(self.fd.get());
            drop(match self.kind.get() {
                Kind::SendAll => core.remove_writer(id),
                _ => core.remove_reader(id),
            });
        }
    }

    /// Drop the interest and everything that is held. Nothing comes after it.
    pub fn end(&self) {
        self.stage.set(Stage::Over);
        if let Some(loop_) = self.loop_.take() {
            self.unwatch(core_of(&loop_));
        }
        self.sock.clear();
        self.argument.clear();
        self.future.clear();
    }

    pub fn warn_unused(&self) {
        warn_runtime(match self.kind.get() {
            Kind::Recv => c"coroutine 'EventLoop.sock_recv' was never awaited",
            Kind::RecvInto => c"coroutine 'EventLoop.sock_recv_into' was never awaited",
            Kind::SendAll => c"coroutine 'EventLoop.sock_sendall' was never awaited",
        });
    }
}

/// A system call's outcome around a Python object that may have failed to be made.
trait TransposeResult {
    fn transpose_result(self) -> Res<io::Result<Obj>>;
}

impl TransposeResult for io::Result<Res<Obj>> {
    fn transpose_result(self) -> Res<io::Result<Obj>> {
        match self {
            Ok(value) => value.map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }
}

fn tried(outcome: io::Result<Obj>) -> Res<Tried> {
    match outcome {
        Ok(value) => Ok(Tried::Value(value)),
        Err(error) if may_retry(&error) => Ok(Tried::NotReady),
        Err(error) => Err(raise_os_error(&error)),
    }
}

fn not_ready_or(raised: Raised) -> Res<Tried> {
    if raised_matches(blocking_error_type()) || raised_matches(interrupted_error_type()) {
        drop(take_exception());
        return Ok(Tried::NotReady);
    }
    Err(raised)
}
