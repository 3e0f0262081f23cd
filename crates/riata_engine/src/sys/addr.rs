//! Addresses between our form and the kernel's.

use std::io;
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use crate::addr::{SocketAddr, UnixAddr};

/// Where the path begins in a `sockaddr_un`.
const UNIX_PATH_OFFSET: usize = mem::offset_of!(libc::sockaddr_un, sun_path);

/// An address in the kernel's form: room for any family, and how much of it is used.
pub(crate) struct RawAddr {
    storage: libc::sockaddr_storage,
    len: libc::socklen_t,
}

impl RawAddr {
    /// Room for an address that the kernel will write.
    pub(crate) fn empty() -> Self {
        RawAddr {
            // SAFETY: a sockaddr_storage is plain integers, for which zero is a value.
            storage: unsafe { mem::zeroed() },
            len: mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t,
        }
    }

    pub(crate) fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    pub(crate) fn len(&self) -> libc::socklen_t {
        self.len
    }

    /// What `accept` and its kin take: where to write the address, and where its size is and will be.
    pub(crate) fn as_mut_ptrs(&mut self) -> (*mut libc::sockaddr, *mut libc::socklen_t) {
        ((&raw mut self.storage).cast(), &raw mut self.len)
    }

    /// # Errors
    ///
    /// `InvalidInput` when a Unix path is empty, holds a zero byte or is too long.
    pub(crate) fn new(addr: &SocketAddr) -> io::Result<Self> {
        let mut raw = RawAddr::empty();
        match addr {
            SocketAddr::V4(addr) => {
                // SAFETY: a sockaddr_in is plain integers, for which zero is a value.
                let mut inet: libc::sockaddr_in = unsafe { mem::zeroed() };
                inet.sin_family = libc::AF_INET as libc::sa_family_t;
                inet.sin_port = addr.port().to_be();
                inet.sin_addr.s_addr = u32::from_ne_bytes(addr.ip().octets());
                raw.store(inet, mem::size_of::<libc::sockaddr_in>());
            }
            SocketAddr::V6(addr) => {
                // SAFETY: a sockaddr_in6 is plain integers, for which zero is a value.
                let mut inet: libc::sockaddr_in6 = unsafe { mem::zeroed() };
                inet.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                inet.sin6_port = addr.port().to_be();
                inet.sin6_addr.s6_addr = addr.ip().octets();
                // In the kernel's struct this field is in network order; in ours, and in Python's tuples, it is not.
                inet.sin6_flowinfo = addr.flowinfo().to_be();
                inet.sin6_scope_id = addr.scope_id();
                raw.store(inet, mem::size_of::<libc::sockaddr_in6>());
            }
            SocketAddr::Unix(addr) => {
                // SAFETY: a sockaddr_un is plain integers, for which zero is a value.
                let mut unix: libc::sockaddr_un = unsafe { mem::zeroed() };
                unix.sun_family = libc::AF_UNIX as libc::sa_family_t;
                let len = write_unix_path(addr, &mut unix.sun_path)?;
                raw.store(unix, UNIX_PATH_OFFSET + len);
            }
        }
        Ok(raw)
    }

    fn store<T: Copy>(&mut self, addr: T, len: usize) {
        const { assert!(mem::size_of::<T>() <= mem::size_of::<libc::sockaddr_storage>()) };
        const { assert!(mem::align_of::<T>() <= mem::align_of::<libc::sockaddr_storage>()) };
        // SAFETY: the storage is at least as large and as aligned as T, as just asserted.
        unsafe { (&raw mut self.storage).cast::<T>().write(addr) };
        self.len = len as libc::socklen_t;
    }

    /// # Errors
    ///
    /// `InvalidData` for a family that is none of ours.
    pub(crate) fn to_addr(&self) -> io::Result<SocketAddr> {
        // A socket without a name may come back with length zero; then not even the family was written.
        let len = (self.len as usize).min(mem::size_of::<libc::sockaddr_storage>());
        if len < UNIX_PATH_OFFSET {
            return Ok(SocketAddr::Unix(UnixAddr::Unnamed));
        }
        match i32::from(self.storage.ss_family) {
            libc::AF_INET => {
                // SAFETY: the storage is larger than, and as aligned as, a sockaddr_in, and was zeroed first, so all
                // of it is initialised; a sockaddr_in is plain integers.
                let inet: libc::sockaddr_in =
                    unsafe { (&raw const self.storage).cast::<libc::sockaddr_in>().read() };
                let ip = Ipv4Addr::from(inet.sin_addr.s_addr.to_ne_bytes());
                Ok(SocketAddr::V4(SocketAddrV4::new(
                    ip,
                    u16::from_be(inet.sin_port),
                )))
            }
            libc::AF_INET6 => {
                // SAFETY: as above, for a sockaddr_in6.
                let inet: libc::sockaddr_in6 = unsafe {
                    (&raw const self.storage)
                        .cast::<libc::sockaddr_in6>()
                        .read()
                };
                Ok(SocketAddr::V6(SocketAddrV6::new(
                    Ipv6Addr::from(inet.sin6_addr.s6_addr),
                    u16::from_be(inet.sin6_port),
                    u32::from_be(inet.sin6_flowinfo),
                    inet.sin6_scope_id,
                )))
            }
            libc::AF_UNIX => {
                // SAFETY: as above, for a sockaddr_un.
                let unix: libc::sockaddr_un =
                    unsafe { (&raw const self.storage).cast::<libc::sockaddr_un>().read() };
                let len = (len - UNIX_PATH_OFFSET).min(unix.sun_path.len());
                Ok(SocketAddr::Unix(read_unix_path(&unix.sun_path[..len])))
            }
            family => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("address family {family} is not supported"),
            )),
        }
    }
}

/// Returns how many bytes of `path` are part of the address.
fn write_unix_path(addr: &UnixAddr, path: &mut [libc::c_char]) -> io::Result<usize> {
    let invalid = |message| Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    // A path is followed by a zero byte, an abstract name is preceded by one and ends with the address.
    let (bytes, start, len) = match addr {
        UnixAddr::Unnamed => return Ok(0),
        UnixAddr::Path(bytes) if bytes.is_empty() => return invalid("AF_UNIX path is empty"),
        UnixAddr::Path(bytes) if bytes.contains(&0) => {
            return invalid("AF_UNIX path holds a null byte");
        }
        UnixAddr::Path(bytes) => (bytes, 0, bytes.len() + 1),
        UnixAddr::Abstract(bytes) => (bytes, 1, bytes.len() + 1),
    };
    if len > path.len() {
        return invalid("AF_UNIX path too long");
    }
    for (to, from) in path[start..].iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    Ok(len)
}

fn read_unix_path(path: &[libc::c_char]) -> UnixAddr {
    let bytes = |chars: &[libc::c_char]| chars.iter().map(|&char| char as u8).collect();
    match path {
        [] => UnixAddr::Unnamed,
        [0, name @ ..] if cfg!(any(target_os = "linux", target_os = "android")) => {
            UnixAddr::Abstract(bytes(name))
        }
        // Elsewhere a socket without a name may come back as a path of zeros.
        [0, ..] => UnixAddr::Unnamed,
        path => {
            let end = path.iter().position(|&char| char == 0);
            UnixAddr::Path(bytes(&path[..end.unwrap_or(path.len())]))
        }
    }
}
