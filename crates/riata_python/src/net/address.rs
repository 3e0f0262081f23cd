//! Addresses of sockets as Python shows them.

use riata_engine::{SocketAddr, UnixAddr};

use crate::ffi::{Obj, Res, bytes, import, int, string, tuple};

/// Both ends of a connection, as they were when it was made: they stay known when the socket is closed.
pub struct Addresses {
    pub local: Option<SocketAddr>,
    pub peer: Option<SocketAddr>,
}

/// A Python socket of the kind that had this address, closed.
pub fn closed_socket(address: Option<&SocketAddr>) -> Res {
    let (family, protocol) = match address {
        Some(SocketAddr::V4(_)) => (libc::AF_INET, libc::IPPROTO_TCP),
        Some(SocketAddr::V6(_)) => (libc::AF_INET6, libc::IPPROTO_TCP),
        Some(SocketAddr::Unix(_)) | None => (libc::AF_UNIX, 0),
    };
    let (family, kind, protocol) = (
        int(family.into())?,
        int(libc::SOCK_STREAM.into())?,
        int(protocol.into())?,
    );
    let arguments = [family.as_ptr(), kind.as_ptr(), protocol.as_ptr()];
    let sock = import(c"socket")?.get(c"socket")?.call(&arguments)?;
    sock.get(c"close")?.call0()?;
    Ok(sock)
}

/// `None` for an end that has no address.
pub fn optional(address: Option<&SocketAddr>) -> Res {
    address.map_or_else(|| Ok(Obj::none()), to_python)
}

/// What `socket.getsockname()` and its kin return.
pub fn to_python(address: &SocketAddr) -> Res {
    match address {
        SocketAddr::V4(v4) => {
            let (host, port) = (string(&v4.ip().to_string())?, int(v4.port().into())?);
            tuple(&[host.as_ptr(), port.as_ptr()])
        }
        SocketAddr::V6(v6) => {
            let (host, port) = (string(&v6.ip().to_string())?, int(v6.port().into())?);
            let (flow, scope) = (int(v6.flowinfo().into())?, int(v6.scope_id().into())?);
            tuple(&[host.as_ptr(), port.as_ptr(), flow.as_ptr(), scope.as_ptr()])
        }
        SocketAddr::Unix(UnixAddr::Unnamed) => string(""),
        SocketAddr::Unix(UnixAddr::Path(path)) => {
            import(c"os")?.get(c"fsdecode")?.call1(&bytes(path)?)
        }
        SocketAddr::Unix(UnixAddr::Abstract(name)) => {
            let mut raw = Vec::with_capacity(name.len() + 1);
            raw.push(0);
            raw.extend_from_slice(name);
            bytes(&raw)
        }
    }
}
