//! The driver: who waits, who owns the sockets, and whose clock it is.
//!
//! Its native word is readiness, level-triggered, because `add_reader` promises level. Above this trait there is no
//! file descriptor: a socket is a [`SocketId`], and what the kernel driver and a simulated one do not share stays below.

#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "driver/epoll.rs"]
mod poller;
#[cfg(any(
    target_os = "macos",
    target_os = "ios",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
))]
#[path = "driver/kqueue.rs"]
mod poller;

pub(crate) mod kernel;
mod quantum;

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::ops::{BitOr, BitOrAssign};

use crate::addr::SocketAddr;
use crate::waker::Waker;

/// A point on the driver's clock, or a length of time: seconds. The kernel driver's clock is Python's `time.monotonic()`.
pub type Seconds = f64;

/// Names a socket. Opaque above the driver; in the kernel driver it is the number of the file descriptor.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub struct SocketId(pub u32);

/// How long a turn waits for the driver.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Wait {
    /// Do not call the driver in this turn.
    Skip,
    /// See what is ready, and return at once.
    Poll,
    /// Return when something is ready, or at this time on the driver's clock.
    Until(Seconds),
    /// Return when something is ready.
    Forever,
}

macro_rules! readiness_bits {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Eq, PartialEq, Hash, Debug, Default)]
        pub struct $name(u8);

        impl $name {
            pub const NONE: Self = Self(0);
            pub const READABLE: Self = Self(1);
            pub const WRITABLE: Self = Self(2);
            pub const BOTH: Self = Self(3);

            #[inline]
            pub const fn is_readable(self) -> bool {
                self.0 & Self::READABLE.0 != 0
            }

            #[inline]
            pub const fn is_writable(self) -> bool {
                self.0 & Self::WRITABLE.0 != 0
            }

            #[inline]
            pub const fn is_none(self) -> bool {
                self.0 == 0
            }
        }

        impl BitOr for $name {
            type Output = Self;

            #[inline]
            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl BitOrAssign for $name {
            #[inline]
            fn bitor_assign(&mut self, other: Self) {
                self.0 |= other.0;
            }
        }
    };
}

readiness_bits! {
    /// What a socket is ready for. A hang-up or an error counts as both, as in Python's `selectors`: whoever watches
    /// the socket must hear of it.
    Readiness
}

readiness_bits! {
    /// What somebody wants to know about a socket.
    Interest
}

impl Readiness {
    /// The part of this readiness that `interest` asked for.
    #[inline]
    pub fn wanted_by(self, interest: Interest) -> Self {
        Self(self.0 & interest.0)
    }
}

/// The family of a socket.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Domain {
    V4,
    V6,
    Unix,
}

/// The type of a socket.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Kind {
    Stream,
    Datagram,
}

/// What came of a [`Driver::connect`].
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Connection {
    Established,
    /// The socket turns writable when it is decided; `SO_ERROR` then says how.
    InProgress,
}

/// Sockets, readiness and the clock.
///
/// All sockets are non-blocking and not inherited by programs that this one starts. A call that cannot proceed returns
/// [`io::ErrorKind::WouldBlock`]; one that a signal interrupted is repeated inside, except `wait`.
pub trait Driver {
    // The clock.

    /// The time. Never goes back.
    fn now(&self) -> Seconds;

    /// The smallest step of the clock.
    fn resolution(&self) -> Seconds;

    /// Whether a timer for `when` is due. Asked in every turn while there are timers, so a driver may know a cheaper
    /// way to say no.
    #[inline]
    fn has_reached(&self, when: Seconds) -> bool {
        when < self.now() + self.resolution()
    }

    /// Whether jobs have run for so long since the last `wait` (about a millisecond) that there must be another, though
    /// there is still work and no socket to wait for. Asked once in every turn that might skip the wait, so it must be
    /// cheap; a driver on which running jobs takes no time says `false`.
    fn quantum_is_over(&mut self) -> bool;

    // Waiting.

    /// Waits, and keeps what is ready for [`events`](Self::events). `Wait::Skip` returns at once.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Interrupted`] when a signal came first; then there are no events, and the caller looks at its
    /// signals and goes on.
    fn wait(&mut self, wait: Wait) -> io::Result<()>;

    /// Hands out what the last `wait` found, once. At most one event for each socket.
    fn events(&mut self) -> impl Iterator<Item = (SocketId, Readiness)>;

    /// A handle that makes `wait` return.
    fn waker(&self) -> Waker;

    // Interest. A socket may have been closed, and its id used again, behind the driver's back; so `register` and
    // `modify` both mean "from now on, tell me exactly this", and put right what they find otherwise.

    /// Starts watching a socket.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::PermissionDenied`] for what can never block, such as a regular file.
    fn register(&mut self, id: SocketId, interest: Interest) -> io::Result<()>;

    /// Changes what is watched for. No interest at all is the same as `deregister`.
    fn modify(&mut self, id: SocketId, interest: Interest) -> io::Result<()>;

    /// Stops watching. A socket that is not watched, or not open, is no error.
    fn deregister(&mut self, id: SocketId) -> io::Result<()>;

    // Sockets.

    fn socket(&mut self, domain: Domain, kind: Kind) -> io::Result<SocketId>;

    /// Takes over an open file descriptor, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] in a driver whose sockets are not file descriptors.
    fn adopt(&mut self, fd: i32) -> io::Result<SocketId>;

    /// The file descriptor behind a socket, where there is one.
    fn as_raw_fd(&self, id: SocketId) -> Option<i32>;

    fn bind(&mut self, id: SocketId, addr: &SocketAddr) -> io::Result<()>;

    fn listen(&mut self, id: SocketId, backlog: i32) -> io::Result<()>;

    fn accept(&mut self, id: SocketId) -> io::Result<(SocketId, SocketAddr)>;

    fn connect(&mut self, id: SocketId, addr: &SocketAddr) -> io::Result<Connection>;

    /// Receives; 0 bytes into a buffer that has room means that the peer has finished.
    fn recv(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<usize>;

    fn recv_from(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)>;

    /// Sends what fits, and says how much that was. A peer that is gone is an error, never a signal.
    fn send(&mut self, id: SocketId, data: &[u8]) -> io::Result<usize>;

    /// As `send`, for the concatenation of `buffers`. May take only as many of them as the system allows in one call.
    fn send_vectored(&mut self, id: SocketId, buffers: &[IoSlice<'_>]) -> io::Result<usize>;

    fn send_to(&mut self, id: SocketId, data: &[u8], addr: &SocketAddr) -> io::Result<usize>;

    /// As `recv`, of what may be a pipe or a terminal.
    fn read(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<usize>;

    /// As `send`, to what may be a pipe or a terminal; there, a reader that is gone is a signal (SIGPIPE) too.
    fn write(&mut self, id: SocketId, data: &[u8]) -> io::Result<usize>;

    fn shutdown(&mut self, id: SocketId, how: Shutdown) -> io::Result<()>;

    /// Closes a socket and stops watching it.
    fn close(&mut self, id: SocketId) -> io::Result<()>;

    /// Reads an option into `value`, and says how long it is. Numbers as in the platform's C headers.
    fn getsockopt(
        &mut self,
        id: SocketId,
        level: i32,
        name: i32,
        value: &mut [u8],
    ) -> io::Result<usize>;

    fn setsockopt(&mut self, id: SocketId, level: i32, name: i32, value: &[u8]) -> io::Result<()>;

    fn getsockname(&self, id: SocketId) -> io::Result<SocketAddr>;

    fn getpeername(&self, id: SocketId) -> io::Result<SocketAddr>;

    /// Looks a name up without blocking. `None`: this driver does not know; ask the system's resolver, on a thread.
    fn resolve(&self, host: &str, port: u16) -> Option<io::Result<Vec<SocketAddr>>>;

    /// Takes the error that is pending on a socket, such as that of a connection in progress.
    fn take_error(&mut self, id: SocketId) -> io::Result<Option<io::Error>>;
}
