//! `SSLProtocol` as Python sees it: asyncio's signature, and the names by which asyncio and others reach in.

use std::cell::{Cell, RefCell};

use pyo3::prelude::*;

use super::backlog::Backlog;
use super::records::Records;
use super::state::{App, State, Water};
use super::{Mode, Session, app_transport, classes};
use crate::ffi::{GilBound, Obj, Res, Slot, dict, dict_set, obj, string};

/// What a transport that is not ours receives into, at a time.
const FOREIGN_BUFFER: usize = 16 * 1024;

/// TLS between a transport and a program's protocol. Mirrors `asyncio.sslproto.SSLProtocol`.
#[pyclass(frozen, weakref, dict, module = "riata._riata", name = "SSLProtocol")]
pub struct SslProtocol(GilBound<Session>);

impl std::ops::Deref for SslProtocol {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

fn or_none(value: Option<&Bound<'_, PyAny>>) -> Obj {
    value.map_or_else(Obj::none, obj)
}

/// `this`, with the session in it.
fn parts<'a>(slf: &'a Bound<'_, SslProtocol>) -> (Obj, &'a Session) {
    (obj(slf.as_any()), slf.get())
}

impl Session {
    #[expect(clippy::too_many_arguments, reason = "the constructor is asyncio's")]
    fn new(
        loop_: Obj,
        app: &Obj,
        context: Option<&Bound<'_, PyAny>>,
        waiter: Obj,
        server_side: bool,
        server_hostname: Obj,
        call_connection_made: bool,
        timeouts: (Obj, Obj),
    ) -> Res<Session> {
        let classes = classes::classes()?;
        let context = match context.map(obj) {
            Some(context) if context.truth()? => context,
            _ => classes.default_context(server_side, &server_hostname)?,
        };
        let server_hostname = if server_side || !server_hostname.truth()? {
            Obj::none()
        } else {
            server_hostname
        };
        let (incoming, outgoing) = (classes.memory_bio.call0()?, classes.memory_bio.call0()?);
        let ssl_object = classes.wrap(
            &context,
            (&incoming, &outgoing),
            server_side,
            &server_hostname,
        )?;
        let (io, exact) = classes.inner(&ssl_object)?;
        let extra = dict()?;
        dict_set(&extra, &string("sslcontext")?, &context)?;
        let none = Obj::none();
        let reading = classes.limits(&none, &none, c"FLOW_CONTROL_HIGH_WATER_SSL_READ")?;
        let writing = classes.limits(&none, &none, c"FLOW_CONTROL_HIGH_WATER_SSL_WRITE")?;
        let session = Session {
            loop_: Slot::new(loop_),
            app: Slot::empty(),
            app_transport: Slot::empty(),
            lower: Slot::empty(),
            waiter: Slot::empty(),
            context: Slot::new(context),
            ssl_object: Slot::new(ssl_object),
            io: Slot::new(io),
            incoming: Slot::new(incoming),
            outgoing: Slot::new(outgoing),
            extra: Slot::new(extra),
            handshake_timer: Slot::empty(),
            shutdown_timer: Slot::empty(),
            handshake_timeout: Slot::new(timeouts.0),
            shutdown_timeout: Slot::new(timeouts.1),
            server_hostname: Slot::new(server_hostname),
            buffer: Slot::empty(),
            server_side,
            exact,
            state: Cell::new(State::Unwrapped),
            app_state: Cell::new(if call_connection_made {
                App::Init
            } else {
                App::Made
            }),
            mode: Cell::new(Mode::Plain),
            eof_received: Cell::new(false),
            app_reading_paused: Cell::new(false),
            writing_paused: Cell::new(false),
            reading: Water::new(reading),
            app_writing: Water::new(writing),
            conn_lost: Cell::new(0),
            backlog: RefCell::new(Backlog::default()),
            encrypting: Cell::new(false),
            waiting: Cell::new(0),
            decrypted: Cell::new(0),
            swallowed: Cell::new(0),
            records: Cell::new(Records::default()),
            handshake_start: Cell::new(0.0),
        };
        if !waiter.is_none() {
            session.waiter.set(waiter);
        }
        session.set_app_protocol(app)?;
        Ok(session)
    }
}

#[pymethods]
impl SslProtocol {
    #[expect(clippy::too_many_arguments, reason = "the constructor is asyncio's")]
    #[new]
    #[pyo3(signature = (
        r#loop, app_protocol, sslcontext, waiter, server_side=false, server_hostname=None,
        call_connection_made=true, ssl_handshake_timeout=None, ssl_shutdown_timeout=None,
    ))]
    fn new<'py>(
        py: Python<'py>,
        r#loop: &Bound<'py, PyAny>,
        app_protocol: &Bound<'py, PyAny>,
        sslcontext: Option<&Bound<'py, PyAny>>,
        waiter: Option<&Bound<'py, PyAny>>,
        server_side: bool,
        server_hostname: Option<&Bound<'py, PyAny>>,
        call_connection_made: bool,
        ssl_handshake_timeout: Option<&Bound<'py, PyAny>>,
        ssl_shutdown_timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, SslProtocol>> {
        let timeouts = (
            classes::timeout(
                ssl_handshake_timeout,
                "ssl_handshake_timeout",
                c"SSL_HANDSHAKE_TIMEOUT",
            )?,
            classes::timeout(
                ssl_shutdown_timeout,
                "ssl_shutdown_timeout",
                c"SSL_SHUTDOWN_TIMEOUT",
            )?,
        );
        let session = Session::new(
            obj(r#loop),
            &obj(app_protocol),
            sslcontext,
            or_none(waiter),
            server_side,
            or_none(server_hostname),
            call_connection_made,
            timeouts,
        )?;
        let protocol = Bound::new(py, SslProtocol(GilBound(session)))?;
        let transport = app_transport::new(py, &obj(protocol.as_any()))?;
        protocol.get().app_transport.set(transport);
        Ok(protocol)
    }

    // -------------------------------------------------------------- what a transport calls

    fn connection_made(slf: &Bound<'_, Self>, transport: &Bound<'_, PyAny>) -> PyResult<()> {
        let (this, session) = parts(slf);
        session.lower.set(obj(transport));
        Ok(session.start_handshake(&this)?)
    }

    fn connection_lost(slf: &Bound<'_, Self>, exc: &Bound<'_, PyAny>) -> PyResult<()> {
        Ok(slf.get().connection_lost(&obj(exc))?)
    }

    fn get_buffer(&self, sizehint: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let buffer = match self.buffer.get() {
            Some(buffer) => buffer,
            None => {
                let py = sizehint.py();
                let made = pyo3::types::PyByteArray::new_with(py, FOREIGN_BUFFER, |_| Ok(()))?;
                self.buffer.set(obj(made.as_any()));
                obj(made.as_any())
            }
        };
        Ok(crate::ffi::memoryview(&buffer)?.into())
    }

    fn buffer_updated(slf: &Bound<'_, Self>, nbytes: usize) -> PyResult<()> {
        let (this, session) = parts(slf);
        let Some(buffer) = session.buffer.get() else {
            return Ok(());
        };
        let view = crate::core::buffer::View::of(&buffer)?;
        let count = nbytes.min(view.len());
        Ok(session.received(&this, &view.bytes()[..count])?)
    }

    fn eof_received(slf: &Bound<'_, Self>) -> PyResult<Option<bool>> {
        let (this, session) = parts(slf);
        Ok(session.lower_eof(&this)?.then_some(true))
    }

    fn pause_writing(&self) {
        self.writing_paused.set(true);
    }

    fn resume_writing(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (this, session) = parts(slf);
        Ok(session.lower_resume_writing(&this)?)
    }

    // -------------------------------------------------------------- what the loop calls

    fn _check_handshake_timeout(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (this, session) = parts(slf);
        Ok(session.check_handshake_timeout(&this)?)
    }

    fn _check_shutdown_timeout(&self) -> PyResult<()> {
        Ok(self.check_shutdown_timeout()?)
    }

    fn _do_read(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (this, session) = parts(slf);
        Ok(session.do_read(&this, &[])?)
    }

    fn _resume(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (this, session) = parts(slf);
        Ok(session.resume(&this)?)
    }

    // -------------------------------------------------------------- asyncio's private names

    fn _start_shutdown(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (this, session) = parts(slf);
        Ok(session.start_shutdown(&this)?)
    }

    #[pyo3(signature = (exc=None))]
    fn _abort(&self, exc: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        Ok(self.abort(&or_none(exc))?)
    }

    fn _set_app_protocol(&self, app_protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Ok(self.set_app_protocol(&obj(app_protocol))?)
    }

    fn _get_app_transport(&self) -> Py<PyAny> {
        self.app_transport.get_or_none().into()
    }

    #[pyo3(signature = (name, default=None))]
    fn _get_extra_info(
        &self,
        name: &Bound<'_, PyAny>,
        default: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        Ok(self
            .extra_info(&obj(name), default.map(obj).as_ref())?
            .into())
    }

    /// `asyncio.sslproto.SSLProtocol`: what `isinstance` asks.
    #[getter]
    fn __class__(&self) -> PyResult<Py<PyAny>> {
        Ok(classes::classes()?.asyncio_protocol()?.into())
    }

    #[getter]
    fn _app_transport(&self) -> Py<PyAny> {
        self.app_transport.get_or_none().into()
    }

    #[getter]
    fn _app_protocol(&self) -> Py<PyAny> {
        self.app.get_or_none().into()
    }

    #[getter]
    fn _transport(&self) -> Py<PyAny> {
        self.lower.get_or_none().into()
    }

    #[getter]
    fn _loop(&self) -> Py<PyAny> {
        self.loop_.get_or_none().into()
    }

    #[getter]
    fn _waiter(&self) -> Py<PyAny> {
        self.waiter.get_or_none().into()
    }

    #[getter]
    fn _sslcontext(&self) -> Py<PyAny> {
        self.context.get_or_none().into()
    }

    #[getter]
    fn _sslobj(&self) -> Py<PyAny> {
        self.ssl_object.get_or_none().into()
    }

    #[getter]
    fn _extra(&self) -> Py<PyAny> {
        self.extra.get_or_none().into()
    }

    #[getter]
    fn _server_side(&self) -> bool {
        self.server_side
    }

    #[getter]
    fn _server_hostname(&self) -> Py<PyAny> {
        self.server_hostname.get_or_none().into()
    }

    #[getter]
    fn _state(&self) -> PyResult<Py<PyAny>> {
        Ok(classes::classes()?.show_state(self.state.get())?.into())
    }

    #[getter]
    fn _incoming(&self) -> Py<PyAny> {
        self.incoming.get_or_none().into()
    }

    #[getter]
    fn _outgoing(&self) -> Py<PyAny> {
        self.outgoing.get_or_none().into()
    }

    #[getter]
    fn _ssl_handshake_timeout(&self) -> Py<PyAny> {
        self.handshake_timeout.get_or_none().into()
    }

    #[getter]
    fn _ssl_shutdown_timeout(&self) -> Py<PyAny> {
        self.shutdown_timeout.get_or_none().into()
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        for slot in self.slots() {
            if let Some(object) = slot.as_py() {
                visit.call(object)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        for slot in self.slots() {
            slot.clear();
        }
    }
}
