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
pub(crate) mod thread;

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

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use std::io::{self, ErrorKind};

    /// A system call that fails with each of these numbers in turn, and then returns 7.
    fn failing(errors: &[i32]) -> impl FnMut() -> i32 {
        let mut errors = errors.iter().copied();
        move || match errors.next() {
            Some(number) => {
                // SAFETY: the location of this thread's own errno is always valid.
                unsafe { *libc::__errno_location() = number };
                -1
            }
            None => 7,
        }
    }

    fn call(errors: &[i32]) -> io::Result<i32> {
        let mut call = failing(errors);
        syscall_uninterrupted!(call())
    }

    #[test]
    fn an_interrupted_call_is_repeated() {
        assert_eq!(call(&[]).unwrap(), 7);
        assert_eq!(call(&[libc::EINTR]).unwrap(), 7);
        assert_eq!(call(&[libc::EINTR; 100]).unwrap(), 7);
    }

    #[test]
    fn any_other_error_is_passed_on() {
        let kind = |errors: &[i32]| call(errors).unwrap_err().kind();
        assert_eq!(kind(&[libc::EAGAIN]), ErrorKind::WouldBlock);
        assert_eq!(
            kind(&[libc::EINTR, libc::ECONNRESET]),
            ErrorKind::ConnectionReset
        );
    }
}
