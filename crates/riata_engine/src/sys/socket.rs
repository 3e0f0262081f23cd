//! Sockets: non-blocking, closed on exec, and silent (an error, not SIGPIPE) when the peer is gone.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::RawFd;

use super::addr::RawAddr;
use crate::addr::SocketAddr;
use crate::driver::{Connection, Domain, Kind};

#[cfg(target_vendor = "apple")]
const SEND_FLAGS: libc::c_int = 0;
#[cfg(not(target_vendor = "apple"))]
const SEND_FLAGS: libc::c_int = libc::MSG_NOSIGNAL;

/// Buffers that one `sendmsg` takes. Linux refuses more than 1,024 (`UIO_MAXIOV`), as do the BSDs.
const BUFFERS_MAX: usize = 1024;

pub(crate) fn socket(domain: Domain, kind: Kind) -> io::Result<RawFd> {
    let domain = match domain {
        Domain::V4 => libc::AF_INET,
        Domain::V6 => libc::AF_INET6,
        Domain::Unix => libc::AF_UNIX,
    };
    let kind = match kind {
        Kind::Stream => libc::SOCK_STREAM,
        Kind::Datagram => libc::SOCK_DGRAM,
    };
    #[cfg(not(target_vendor = "apple"))]
    {
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: socket takes numbers and touches no memory of ours.
        syscall!(unsafe { libc::socket(domain, kind | flags, 0) })
    }
    #[cfg(target_vendor = "apple")]
    {
        // SAFETY: as above.
        let fd = syscall!(unsafe { libc::socket(domain, kind, 0) })?;
        make_ours(fd)
    }
}

/// Sets what Linux sets in `socket` and `accept4`. A program started by another thread in between inherits the socket.
#[cfg(target_vendor = "apple")]
fn make_ours(fd: RawFd) -> io::Result<RawFd> {
    let set = || {
        // SAFETY: F_SETFD takes an int by value.
        syscall!(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) })?;
        setsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_NOSIGPIPE,
            &1i32.to_ne_bytes(),
        )?;
        super::fd::set_nonblocking(fd)
    };
    match set() {
        Ok(()) => Ok(fd),
        Err(error) => {
            let _ = super::fd::close(fd);
            Err(error)
        }
    }
}

pub(crate) fn bind(fd: RawFd, addr: &SocketAddr) -> io::Result<()> {
    let addr = RawAddr::new(addr)?;
    // SAFETY: `addr` holds `len` initialised bytes and outlives the call.
    syscall!(unsafe { libc::bind(fd, addr.as_ptr(), addr.len()) }).map(drop)
}

pub(crate) fn listen(fd: RawFd, backlog: i32) -> io::Result<()> {
    // SAFETY: listen takes numbers and touches no memory of ours.
    syscall!(unsafe { libc::listen(fd, backlog) }).map(drop)
}

pub(crate) fn accept(fd: RawFd) -> io::Result<(RawFd, SocketAddr)> {
    let mut addr = RawAddr::empty();
    let (addr_ptr, len_ptr) = addr.as_mut_ptrs();
    #[cfg(not(target_vendor = "apple"))]
    let accepted = {
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: `addr` has room for any address, `len` says how much, and both outlive the call.
        syscall_uninterrupted!(unsafe { libc::accept4(fd, addr_ptr, len_ptr, flags) })?
    };
    #[cfg(target_vendor = "apple")]
    let accepted = {
        // SAFETY: as above.
        make_ours(syscall_uninterrupted!(unsafe {
            libc::accept(fd, addr_ptr, len_ptr)
        })?)?
    };
    match addr.to_addr() {
        Ok(addr) => Ok((accepted, addr)),
        Err(error) => {
            let _ = super::fd::close(accepted);
            Err(error)
        }
    }
}

pub(crate) fn connect(fd: RawFd, addr: &SocketAddr) -> io::Result<Connection> {
    let addr = RawAddr::new(addr)?;
    // SAFETY: `addr` holds `len` initialised bytes and outlives the call.
    match syscall!(unsafe { libc::connect(fd, addr.as_ptr(), addr.len()) }) {
        Ok(_) => Ok(Connection::Established),
        Err(error) => match error.raw_os_error() {
            // An interrupted connect goes on by itself; to call it again would be an error (EALREADY).
            Some(libc::EINPROGRESS | libc::EINTR) => Ok(Connection::InProgress),
            _ => Err(error),
        },
    }
}

pub(crate) fn recv(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of a live, exclusive slice.
    syscall_uninterrupted!(unsafe { libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), 0) })
        .map(|count| count as usize)
}

pub(crate) fn recv_from(fd: RawFd, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    let mut addr = RawAddr::empty();
    let (addr_ptr, len_ptr) = addr.as_mut_ptrs();
    // SAFETY: the buffer is a live, exclusive slice; `addr` has room for any address, and `len` says how much.
    let count = syscall_uninterrupted!(unsafe {
        libc::recvfrom(
            fd,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            0,
            addr_ptr,
            len_ptr,
        )
    })?;
    Ok((count as usize, addr.to_addr()?))
}

pub(crate) fn send(fd: RawFd, data: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of a live slice.
    syscall_uninterrupted!(unsafe { libc::send(fd, data.as_ptr().cast(), data.len(), SEND_FLAGS) })
        .map(|count| count as usize)
}

pub(crate) fn send_vectored(fd: RawFd, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    // SAFETY: a msghdr is integers and pointers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    // An IoSlice has the layout of an iovec; the standard library promises it. sendmsg does not write through it.
    message.msg_iov = buffers.as_ptr().cast_mut().cast();
    message.msg_iovlen = buffers.len().min(BUFFERS_MAX) as _;
    // SAFETY: the message points to live slices only, and only as many as it says.
    syscall_uninterrupted!(unsafe { libc::sendmsg(fd, &message, SEND_FLAGS) })
        .map(|count| count as usize)
}

pub(crate) fn send_to(fd: RawFd, data: &[u8], addr: &SocketAddr) -> io::Result<usize> {
    let addr = RawAddr::new(addr)?;
    // SAFETY: `data` is a live slice, and `addr` holds `len` initialised bytes.
    syscall_uninterrupted!(unsafe {
        libc::sendto(
            fd,
            data.as_ptr().cast(),
            data.len(),
            SEND_FLAGS,
            addr.as_ptr(),
            addr.len(),
        )
    })
    .map(|count| count as usize)
}

pub(crate) fn shutdown(fd: RawFd, how: Shutdown) -> io::Result<()> {
    let how = match how {
        Shutdown::Read => libc::SHUT_RD,
        Shutdown::Write => libc::SHUT_WR,
        Shutdown::Both => libc::SHUT_RDWR,
    };
    // SAFETY: shutdown takes numbers and touches no memory of ours.
    syscall!(unsafe { libc::shutdown(fd, how) }).map(drop)
}

pub(crate) fn getsockopt(fd: RawFd, level: i32, name: i32, value: &mut [u8]) -> io::Result<usize> {
    let mut len = value.len() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes to a live, exclusive slice of that length.
    syscall!(unsafe { libc::getsockopt(fd, level, name, value.as_mut_ptr().cast(), &mut len) })?;
    Ok(len as usize)
}

pub(crate) fn setsockopt(fd: RawFd, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    let len = value.len() as libc::socklen_t;
    // SAFETY: the kernel reads `len` bytes of a live slice of that length.
    syscall!(unsafe { libc::setsockopt(fd, level, name, value.as_ptr().cast(), len) }).map(drop)
}

pub(crate) fn take_error(fd: RawFd) -> io::Result<Option<io::Error>> {
    let mut value = [0; 4];
    getsockopt(fd, libc::SOL_SOCKET, libc::SO_ERROR, &mut value)?;
    Ok(match i32::from_ne_bytes(value) {
        0 => None,
        code => Some(io::Error::from_raw_os_error(code)),
    })
}

pub(crate) fn getsockname(fd: RawFd) -> io::Result<SocketAddr> {
    let mut addr = RawAddr::empty();
    let (addr_ptr, len_ptr) = addr.as_mut_ptrs();
    // SAFETY: `addr` has room for any address, `len` says how much, and both outlive the call.
    syscall!(unsafe { libc::getsockname(fd, addr_ptr, len_ptr) })?;
    addr.to_addr()
}

pub(crate) fn getpeername(fd: RawFd) -> io::Result<SocketAddr> {
    let mut addr = RawAddr::empty();
    let (addr_ptr, len_ptr) = addr.as_mut_ptrs();
    // SAFETY: as in getsockname.
    syscall!(unsafe { libc::getpeername(fd, addr_ptr, len_ptr) })?;
    addr.to_addr()
}
