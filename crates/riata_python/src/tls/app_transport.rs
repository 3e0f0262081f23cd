//! The transport that a program sees: every method asks the session.
//!
//! Mirrors `asyncio.sslproto._SSLProtocolTransport`. A second `close()` lets go of the session, as there; asking anything
//! after that gets the answer of a closed transport, where asyncio raises `AttributeError`.

use std::cell::Cell;

use pyo3::exceptions::{PyNotImplementedError, PyTypeError};
use pyo3::prelude::*;

use super::{Session, classes};
use crate::core::buffer::kind_of;
use crate::ffi::{GilBound, Obj, Res, Slot, length, obj, warn_unclosed};

/// A TLS connection of a riata loop.
#[pyclass(
    frozen,
    weakref,
    dict,
    module = "riata._riata",
    name = "_SSLProtocolTransport"
)]
pub struct SslTransport(GilBound<Fields>);

pub struct Fields {
    loop_: Slot,
    protocol: Slot,
    closed: Cell<bool>,
}

pub fn new(py: Python<'_>, protocol: &Obj) -> PyResult<Obj> {
    let fields = Fields {
        loop_: Slot::new(Session::of(protocol).map_or_else(Obj::none, Session::loop_)),
        protocol: Slot::new(protocol.clone()),
        closed: Cell::new(false),
    };
    Ok(Bound::new(py, SslTransport(GilBound(fields)))?.into())
}

/// Nothing is left to close.
pub fn mark_closed(transport: &Obj) {
    if let Some(transport) = transport.as_class::<SslTransport>() {
        transport.0.closed.set(true);
    }
}

impl Fields {
    fn warn_unclosed(&self) {
        if !self.closed.replace(true) {
            warn_unclosed(c"unclosed transport <asyncio._SSLProtocolTransport object>");
        }
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        self.warn_unclosed();
    }
}

/// Make `__del__` the class's finalizer, which takes an assignment: the collector is to call it, though what it found may yet
/// be kept, by a warning's record of its source.
pub fn finalize_by_del(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<SslTransport>();
    class.setattr("__del__", class.getattr("__del__")?)
}

impl SslTransport {
    /// Do something with the session; `None` when it was let go.
    fn with<T>(&self, body: impl FnOnce(&Obj, &Session) -> Res<T>) -> PyResult<Option<T>> {
        let Some(protocol) = self.0.protocol.get() else {
            return Ok(None);
        };
        match Session::of(&protocol) {
            Some(session) => Ok(Some(body(&protocol, session)?)),
            None => Ok(None),
        }
    }
}

fn or_none(value: Option<&Bound<'_, PyAny>>) -> Obj {
    value.map_or_else(Obj::none, obj)
}

#[pymethods]
impl SslTransport {
    fn __del__(&self) {
        self.0.warn_unclosed();
    }

    #[pyo3(signature = (name, default=None))]
    fn get_extra_info(
        &self,
        name: &Bound<'_, PyAny>,
        default: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let default = or_none(default);
        let found = self.with(|_, session| session.extra_info(&obj(name), Some(&default)))?;
        Ok(found.unwrap_or(default).into())
    }

    fn set_protocol(&self, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        self.with(|_, session| session.set_app_protocol(&obj(protocol)))?;
        Ok(())
    }

    fn get_protocol(&self) -> PyResult<Py<PyAny>> {
        let protocol = self.with(|_, session| Ok(session.app.get_or_none()))?;
        Ok(protocol.unwrap_or_else(Obj::none).into())
    }

    fn is_closing(&self) -> PyResult<bool> {
        if self.0.closed.get() {
            return Ok(true);
        }
        let closing = self.with(|_, session| session.lower_is_closing())?;
        Ok(closing.unwrap_or(true))
    }

    /// Close once what is kept has been sent.
    fn close(&self) -> PyResult<()> {
        if self.0.closed.replace(true) {
            self.0.protocol.clear();
            return Ok(());
        }
        self.with(|this, session| session.start_shutdown(this))?;
        Ok(())
    }

    /// Close at once; what is kept is lost.
    fn abort(&self) -> PyResult<()> {
        self._force_close(None)
    }

    #[pyo3(signature = (exc))]
    fn _force_close(&self, exc: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        self.0.closed.set(true);
        self.with(|_, session| session.abort(&or_none(exc)))?;
        Ok(())
    }

    fn is_reading(&self) -> PyResult<bool> {
        let reading = self.with(|_, session| Ok(!session.app_reading_paused.get()))?;
        Ok(reading.unwrap_or(false))
    }

    fn pause_reading(&self) -> PyResult<()> {
        self.with(|_, session| {
            session.pause_reading();
            Ok(())
        })?;
        Ok(())
    }

    fn resume_reading(&self) -> PyResult<()> {
        self.with(|this, session| session.resume_reading(this))?;
        Ok(())
    }

    #[pyo3(signature = (high=None, low=None))]
    fn set_write_buffer_limits(
        &self,
        high: Option<&Bound<'_, PyAny>>,
        low: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        self.with(|this, session| {
            let (high, low) = (or_none(high), or_none(low));
            let name = c"FLOW_CONTROL_HIGH_WATER_SSL_WRITE";
            let (high, low) = classes::classes()?.limits(&high, &low, name)?;
            session.app_writing.high.set(high);
            session.app_writing.low.set(low);
            session.control_app_writing(this)
        })?;
        Ok(())
    }

    fn get_write_buffer_limits(&self) -> PyResult<(usize, usize)> {
        let limits = self.with(|_, session| {
            let water = &session.app_writing;
            Ok((water.low.get(), water.high.get()))
        })?;
        Ok(limits.unwrap_or_default())
    }

    fn get_write_buffer_size(&self) -> PyResult<usize> {
        let size = self.with(|_, session| session.write_buffer_size())?;
        Ok(size.unwrap_or(0))
    }

    #[pyo3(signature = (high=None, low=None))]
    fn set_read_buffer_limits(
        &self,
        high: Option<&Bound<'_, PyAny>>,
        low: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        self.with(|_, session| {
            let (high, low) = (or_none(high), or_none(low));
            let name = c"FLOW_CONTROL_HIGH_WATER_SSL_READ";
            let (high, low) = classes::classes()?.limits(&high, &low, name)?;
            session.reading.high.set(high);
            session.reading.low.set(low);
            session.control_reading()
        })?;
        Ok(())
    }

    fn get_read_buffer_limits(&self) -> PyResult<(usize, usize)> {
        let limits = self.with(|_, session| {
            let water = &session.reading;
            Ok((water.low.get(), water.high.get()))
        })?;
        Ok(limits.unwrap_or_default())
    }

    fn get_read_buffer_size(&self) -> PyResult<usize> {
        let size = self.with(|_, session| classes::pending(&session.incoming.get_or_none()))?;
        Ok(size.unwrap_or(0))
    }

    /// Encrypt bytes and send them; what does not fit now is kept and sent later.
    fn write(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let object = obj(data);
        if kind_of(&object).is_none() {
            let name = data.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "data: expecting a bytes-like instance, got {name}"
            )));
        }
        if length(&object)? == 0 {
            return Ok(());
        }
        self.with(|this, session| session.write(this, &object))?;
        Ok(())
    }

    fn writelines(&self, list_of_data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.with(|this, session| session.writelines(this, &obj(list_of_data)))?;
        Ok(())
    }

    fn write_eof(&self) -> PyResult<()> {
        Err(PyNotImplementedError::new_err(()))
    }

    fn can_write_eof(&self) -> bool {
        false
    }

    #[pyo3(name = "_test__append_write_backlog")]
    fn append_to_backlog(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.with(|_, session| {
            session.keep(&obj(data));
            Ok(())
        })?;
        Ok(())
    }

    /// `asyncio.sslproto._SSLProtocolTransport`: what `isinstance` asks.
    #[getter]
    fn __class__(&self) -> PyResult<Py<PyAny>> {
        Ok(classes::classes()?.asyncio_transport()?.into())
    }

    #[getter]
    fn _loop(&self) -> Py<PyAny> {
        self.0.loop_.get_or_none().into()
    }

    #[getter]
    fn _ssl_protocol(&self) -> Py<PyAny> {
        self.0.protocol.get_or_none().into()
    }

    #[getter]
    fn _closed(&self) -> bool {
        self.0.closed.get()
    }

    /// Asked by asyncio's `sendfile`, which falls back to reading and writing.
    #[getter]
    fn _protocol_paused(&self) -> PyResult<bool> {
        let paused = self.with(|_, session| Ok(session.app_writing.paused.get()))?;
        Ok(paused.unwrap_or(false))
    }

    #[getter]
    fn _start_tls_compatible(&self) -> bool {
        true
    }

    #[getter]
    fn _sendfile_compatible(&self) -> PyResult<Py<PyAny>> {
        let modes = classes::classes()?.constant(c"_SendfileMode")?;
        Ok(modes.get(c"FALLBACK")?.into())
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        for slot in [&self.0.loop_, &self.0.protocol] {
            if let Some(object) = slot.as_py() {
                visit.call(object)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        for slot in [&self.0.loop_, &self.0.protocol] {
            slot.clear();
        }
    }
}
