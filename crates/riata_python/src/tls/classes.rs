//! Python's `ssl`, and what is left of `asyncio.sslproto`: looked up once, when the first connection is made.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::state::State;
use crate::ffi::{
    GilBound, Obj, Raised, Res, attached, import, int, interned, raise_runtime_error,
    raised_matches, string, take_exception, to_int_saturating, tuple, utf8,
};
use crate::state::state;

pub struct Classes {
    pub memory_bio: Obj,
    want_read: Obj,
    syscall: Obj,
    error: Obj,
    certificate_error: Obj,
    ssl_object: Obj,
    /// The methods of `SSLObject` that are stepped over, as they were.
    stepped_over: Vec<(Obj, Obj)>,
    inner: Obj,
    inner_class: Obj,
    sslproto: Obj,
    constants: Obj,
    wrap_names: Obj,
}

static CLASSES: PyOnceLock<GilBound<Classes>> = PyOnceLock::new();

/// The table; an `ImportError` where Python was built without `ssl`.
pub fn classes() -> Res<&'static Classes> {
    attached(|py| {
        CLASSES
            .get_or_try_init(py, || load().map(GilBound))
            .map(|classes| &**classes)
    })
}

fn load() -> Res<Classes> {
    let ssl = import(c"ssl")?;
    let native = import(c"_ssl")?;
    let ssl_object = ssl.get(c"SSLObject")?;
    let mut stepped_over = Vec::new();
    for name in [c"read", c"write", c"pending"] {
        stepped_over.push((interned(name)?, ssl_object.get(name)?));
    }
    Ok(Classes {
        memory_bio: native.get(c"MemoryBIO")?,
        want_read: ssl.get(c"SSLWantReadError")?,
        syscall: ssl.get(c"SSLSyscallError")?,
        error: ssl.get(c"SSLError")?,
        certificate_error: ssl.get(c"CertificateError")?,
        ssl_object,
        stepped_over,
        inner: interned(c"_sslobj")?,
        inner_class: native.get(c"_SSLSocket")?,
        sslproto: import(c"asyncio.sslproto")?,
        constants: import(c"asyncio.constants")?,
        wrap_names: tuple(&[
            interned(c"server_side")?.as_ptr(),
            interned(c"server_hostname")?.as_ptr(),
        ])?,
    })
}

impl Classes {
    /// The C object inside an `ssl.SSLObject` that nobody has changed, and whether that is what came back. It saves a Python
    /// frame per read and write.
    pub fn inner(&self, ssl_object: &Obj) -> Res<(Obj, bool)> {
        if !self.ssl_object.is(ssl_object.type_ptr().cast()) {
            return Ok((ssl_object.clone(), false));
        }
        for (name, function) in &self.stepped_over {
            if !self.ssl_object.attr(name)?.is(function.as_ptr()) {
                return Ok((ssl_object.clone(), false));
            }
        }
        let inner = ssl_object.attr(&self.inner)?;
        if self.inner_class.is(inner.type_ptr().cast()) {
            Ok((inner, true))
        } else {
            Ok((ssl_object.clone(), false))
        }
    }

    pub fn wrap(
        &self,
        context: &Obj,
        bios: (&Obj, &Obj),
        server_side: bool,
        server_hostname: &Obj,
    ) -> Res {
        let side = Obj::bool(server_side);
        context.get(c"wrap_bio")?.call_kw(
            &[
                bios.0.as_ptr(),
                bios.1.as_ptr(),
                side.as_ptr(),
                server_hostname.as_ptr(),
            ],
            &self.wrap_names,
        )
    }

    /// The context for `ssl=True`.
    pub fn default_context(&self, server_side: bool, server_hostname: &Obj) -> Res {
        let side = Obj::bool(server_side);
        self.sslproto
            .get(c"_create_transport_context")?
            .call(&[side.as_ptr(), server_hostname.as_ptr()])
    }

    pub fn constant(&self, name: &std::ffi::CStr) -> Res {
        self.constants.get(name)
    }

    /// asyncio's arithmetic of limits, with its errors: `(high, low)` in bytes.
    pub fn limits(&self, high: &Obj, low: &Obj, default: &std::ffi::CStr) -> Res<(usize, usize)> {
        let kibibytes = self.constant(default)?;
        let both = self.sslproto.get(c"add_flowcontrol_defaults")?.call(&[
            high.as_ptr(),
            low.as_ptr(),
            kibibytes.as_ptr(),
        ])?;
        let [high, low] = crate::ffi::items(&both)?
            .try_into()
            .map_err(|_| raise_runtime_error("add_flowcontrol_defaults() gave no pair"))?;
        Ok((
            to_int_saturating(&high)? as usize,
            to_int_saturating(&low)? as usize,
        ))
    }

    /// Whether what was raised only means that more must be received first; then it is cleared.
    pub fn raised_again(&self) -> bool {
        if !raised_matches(self.want_read.as_ptr()) && !raised_matches(self.syscall.as_ptr()) {
            return false;
        }
        drop(take_exception());
        true
    }

    pub fn raised_ssl_error(&self) -> bool {
        raised_matches(self.error.as_ptr())
    }

    pub fn is_certificate_error(&self, exception: &Obj) -> Res<bool> {
        exception.is_instance(&self.certificate_error)
    }

    pub fn asyncio_protocol(&self) -> Res {
        self.sslproto.get(c"SSLProtocol")
    }

    pub fn asyncio_transport(&self) -> Res {
        self.sslproto.get(c"_SSLProtocolTransport")
    }

    /// asyncio's own name for a state.
    pub fn show_state(&self, now: State) -> Res {
        self.sslproto.get(c"SSLProtocolState")?.get(now.name())
    }
}

/// `RuntimeError`: such a step does not exist.
#[cold]
pub fn wrong_change(now: State, next: State) -> Raised {
    let shown = |of: State| -> Res<String> {
        let member = classes()?.show_state(of)?;
        let empty = string("")?;
        utf8(&member.get(c"__format__")?.call1(&empty)?)
    };
    match (shown(now), shown(next)) {
        (Ok(now), Ok(next)) => {
            raise_runtime_error(&format!("cannot switch state from {now} to {next}"))
        }
        _ => Raised,
    }
}

/// `logger.debug("%r: %s", this, message, exc_info=exception)`.
pub fn log_with_exception(this: &Obj, message: &str, exception: &Obj) -> Res<()> {
    let (format, message) = (string("%r: %s")?, string(message)?);
    let names = tuple(&[interned(c"exc_info")?.as_ptr()])?;
    let args = [
        format.as_ptr(),
        this.as_ptr(),
        message.as_ptr(),
        exception.as_ptr(),
    ];
    state()
        .logger
        .get(c"debug")?
        .call_kw(&args, &names)
        .map(drop)
}

/// `logger.warning(message)`.
pub fn warn(message: &str) -> Res<()> {
    let text = string(message)?;
    state().logger.get(c"warning")?.call1(&text).map(drop)
}

/// The size of what waits in a `MemoryBIO`.
#[inline]
pub fn pending(bio: &Obj) -> Res<usize> {
    crate::ffi::to_int(&bio.attr(&state().names.pending)?).map(|size| size as usize)
}

/// A timeout as asyncio takes it: `None` means the default, and it must be positive.
pub fn timeout(value: Option<&Bound<'_, PyAny>>, name: &str, default: &std::ffi::CStr) -> Res {
    let Some(value) = value else {
        return classes()?.constant(default);
    };
    if value.le(0)? {
        let shown = value.str()?;
        return Err(crate::ffi::raise(
            crate::ffi::value_error(),
            &format!("{name} should be a positive number, got {shown}"),
        ));
    }
    Ok(crate::ffi::obj(value))
}

/// A size as Python's int.
pub fn size(value: usize) -> Res {
    int(i64::try_from(value).unwrap_or(i64::MAX))
}
