//! System calls behind safe functions. The only room of this crate where `unsafe` lives.
//!
//! Nothing here decides anything: one function for each call, in the kernel's order of arguments, with the kernel's
//! error. File descriptors come in as plain numbers, since a loop watches descriptors it does not own.
#![expect(
    unsafe_code,
    reason = "system calls; each block names the fact that makes it sound"
)]

/// Turns a failing system call into an `io::Result`.
macro_rules! syscall {
    ($call:expr) => {{
        let result = $call;
        if result == -1 {
            Err(std::io::Error::last_os_error())
        } else {
            Ok(result)
        }
    }};
}

/// As `syscall!`, and repeats the call while signals interrupt it.
macro_rules! syscall_uninterrupted {
    ($call:expr) => {
        loop {
            match syscall!($call) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                result => break result,
            }
        }
    };
}

pub(crate) mod addr;
pub(crate) mod clock;
pub(crate) mod fd;
pub(crate) mod fork;
pub(crate) mod socket;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) mod epoll;
#[cfg(any(
    target_os = "macos",
    target_os = "ios",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
))]
pub(crate) mod kqueue;
