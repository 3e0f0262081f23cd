//! Addresses of sockets, as values: nothing here touches the system.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, SocketAddrV6};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// An address of any family riata's drivers speak.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SocketAddr {
    V4(SocketAddrV4),
    /// With flow information and scope.
    V6(SocketAddrV6),
    Unix(UnixAddr),
}

/// An address of a Unix domain socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnixAddr {
    /// A socket that was never bound.
    Unnamed,
    /// The bytes of a path, not empty and without a zero byte.
    Path(Vec<u8>),
    /// A name in Linux's abstract namespace, without the zero byte that leads it in the kernel's form.
    Abstract(Vec<u8>),
}

impl SocketAddr {
    /// The port of an internet address.
    pub fn port(&self) -> Option<u16> {
        match self {
            SocketAddr::V4(addr) => Some(addr.port()),
            SocketAddr::V6(addr) => Some(addr.port()),
            SocketAddr::Unix(_) => None,
        }
    }

    /// Port `port` of this machine's IPv4 loopback.
    pub fn loopback(port: u16) -> Self {
        SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
    }

    pub fn unix(path: impl AsRef<Path>) -> Self {
        SocketAddr::Unix(UnixAddr::Path(
            path.as_ref().as_os_str().as_bytes().to_vec(),
        ))
    }
}

impl From<(IpAddr, u16)> for SocketAddr {
    fn from((ip, port): (IpAddr, u16)) -> Self {
        std::net::SocketAddr::new(ip, port).into()
    }
}

impl From<std::net::SocketAddr> for SocketAddr {
    fn from(addr: std::net::SocketAddr) -> Self {
        match addr {
            std::net::SocketAddr::V4(addr) => SocketAddr::V4(addr),
            std::net::SocketAddr::V6(addr) => SocketAddr::V6(addr),
        }
    }
}

impl fmt::Display for SocketAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SocketAddr::V4(addr) => addr.fmt(f),
            SocketAddr::V6(addr) => addr.fmt(f),
            SocketAddr::Unix(addr) => addr.fmt(f),
        }
    }
}

impl fmt::Display for UnixAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnixAddr::Unnamed => f.write_str("(unnamed)"),
            UnixAddr::Path(path) => String::from_utf8_lossy(path).fmt(f),
            UnixAddr::Abstract(name) => write!(f, "@{}", name.escape_ascii()),
        }
    }
}
