//! File descriptors.

use std::io;
use std::os::fd::RawFd;

/// Closes `fd`. An interrupted close has closed it all the same (Linux) or may have (elsewhere): never repeat it.
pub(crate) fn close(fd: RawFd) -> io::Result<()> {
    // SAFETY: close takes a number, and reads or writes no memory of ours.
    match syscall!(unsafe { libc::close(fd) }) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        result => result.map(drop),
    }
}

pub(crate) fn set_nonblocking(fd: RawFd) -> io::Result<()> {
    // SAFETY: F_GETFL takes no argument and touches no memory of ours.
    let flags = syscall!(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    if flags & libc::O_NONBLOCK == 0 {
        // SAFETY: F_SETFL takes an int by value.
        syscall!(unsafe { libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK) })?;
    }
    Ok(())
}

pub(crate) fn read(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of a live, exclusive slice.
    syscall_uninterrupted!(unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) })
        .map(|count| count as usize)
}

pub(crate) fn write(fd: RawFd, data: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of a live slice.
    syscall_uninterrupted!(unsafe { libc::write(fd, data.as_ptr().cast(), data.len()) })
        .map(|count| count as usize)
}
