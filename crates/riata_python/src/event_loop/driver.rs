//! Which driver a loop runs on: the kernel's, or a simulated one. A build with the feature `faults` makes their system calls fail.
//!
//! What is deliberately absent: faults that are chosen at run time. A build without the feature knows of none and pays for none.

use std::io::{self, IoSlice};
use std::net::Shutdown;

use riata_engine::{
    Connection, Domain, Driver, Interest, KernelDriver, Kind, Readiness, Seconds, SocketAddr,
    SocketId, Wait, Waker,
};
use riata_sim::SimDriver;

#[cfg(not(feature = "faults"))]
type Real = KernelDriver;
#[cfg(not(feature = "faults"))]
type Virtual = SimDriver;
#[cfg(feature = "faults")]
use faulty::{Real, Virtual};

/// What the kernel's driver is called, for `build_info`.
pub const NAME: &str = if cfg!(feature = "faults") {
    "faulty"
} else {
    KernelDriver::NAME
};

/// The driver of a loop. The kernel's is the first case everywhere, and costs a branch that is always taken the same way.
#[cfg_attr(
    feature = "faults",
    expect(
        clippy::large_enum_variant,
        reason = "a loop has one, and what lies inside is found without a pointer"
    )
)]
pub enum LoopDriver {
    Kernel(Real),
    Simulated(Box<Virtual>),
}

impl LoopDriver {
    /// # Errors
    /// When the process may not open any more files; with faults, when their plan cannot be read.
    pub fn open(simulated: bool) -> io::Result<LoopDriver> {
        Ok(if simulated {
            LoopDriver::Simulated(Box::new(with_faults(SimDriver::new())?))
        } else {
            LoopDriver::Kernel(with_faults(KernelDriver::new()?)?)
        })
    }

    /// See [`KernelDriver::tell_time`]. A simulated clock has its own mind: timers are due when it gets to them, whatever else a
    /// program takes for the time.
    pub fn tell_time(&mut self, now: Option<Seconds>) {
        match self {
            LoopDriver::Kernel(driver) => driver.tell_time(now),
            LoopDriver::Simulated(_) => {}
        }
    }

    /// Let go of what is the kernel's.
    pub fn shut(&mut self) {
        match self {
            LoopDriver::Kernel(driver) => driver.shut(),
            LoopDriver::Simulated(_) => {}
        }
    }

    /// Move the clock to this time, unless that is past; the kernel's clock moves by itself.
    pub fn advance_to(&mut self, when: Seconds) {
        match self {
            LoopDriver::Kernel(_) => {}
            LoopDriver::Simulated(driver) => driver.advance_to(when),
        }
    }
}

#[cfg(not(feature = "faults"))]
fn with_faults<D>(driver: D) -> io::Result<D> {
    Ok(driver)
}

/// `on!(self, driver => call)`: the same call on either driver.
macro_rules! on {
    ($this:expr, $driver:ident => $call:expr) => {
        match $this {
            LoopDriver::Kernel($driver) => $call,
            LoopDriver::Simulated($driver) => $call,
        }
    };
}

/// The events of either driver.
enum Events<K, S> {
    Kernel(K),
    Simulated(S),
}

impl<K, S> Iterator for Events<K, S>
where
    K: Iterator<Item = (SocketId, Readiness)>,
    S: Iterator<Item = (SocketId, Readiness)>,
{
    type Item = (SocketId, Readiness);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Events::Kernel(events) => events.next(),
            Events::Simulated(events) => events.next(),
        }
    }
}

impl Driver for LoopDriver {
    #[inline(always)]
    fn now(&self) -> Seconds {
        on!(self, driver => driver.now())
    }

    #[inline(always)]
    fn resolution(&self) -> Seconds {
        on!(self, driver => driver.resolution())
    }

    #[inline(always)]
    fn has_reached(&self, when: Seconds) -> bool {
        on!(self, driver => driver.has_reached(when))
    }

    #[inline(always)]
    fn quantum_is_over(&mut self) -> bool {
        on!(self, driver => driver.quantum_is_over())
    }

    #[inline(always)]
    fn wait(&mut self, wait: Wait) -> io::Result<()> {
        on!(self, driver => driver.wait(wait))
    }

    #[inline(always)]
    fn events(&mut self) -> impl Iterator<Item = (SocketId, Readiness)> {
        match self {
            LoopDriver::Kernel(driver) => Events::Kernel(driver.events()),
            LoopDriver::Simulated(driver) => Events::Simulated(driver.events()),
        }
    }

    fn waker(&self) -> Waker {
        on!(self, driver => driver.waker())
    }

    #[inline]
    fn register(&mut self, id: SocketId, interest: Interest) -> io::Result<()> {
        on!(self, driver => driver.register(id, interest))
    }

    #[inline]
    fn modify(&mut self, id: SocketId, interest: Interest) -> io::Result<()> {
        on!(self, driver => driver.modify(id, interest))
    }

    #[inline]
    fn deregister(&mut self, id: SocketId) -> io::Result<()> {
        on!(self, driver => driver.deregister(id))
    }

    fn socket(&mut self, domain: Domain, kind: Kind) -> io::Result<SocketId> {
        on!(self, driver => driver.socket(domain, kind))
    }

    fn adopt(&mut self, fd: i32) -> io::Result<SocketId> {
        on!(self, driver => driver.adopt(fd))
    }

    fn as_raw_fd(&self, id: SocketId) -> Option<i32> {
        on!(self, driver => driver.as_raw_fd(id))
    }

    fn bind(&mut self, id: SocketId, addr: &SocketAddr) -> io::Result<()> {
        on!(self, driver => driver.bind(id, addr))
    }

    fn listen(&mut self, id: SocketId, backlog: i32) -> io::Result<()> {
        on!(self, driver => driver.listen(id, backlog))
    }

    #[inline]
    fn accept(&mut self, id: SocketId) -> io::Result<(SocketId, SocketAddr)> {
        on!(self, driver => driver.accept(id))
    }

    fn connect(&mut self, id: SocketId, addr: &SocketAddr) -> io::Result<Connection> {
        on!(self, driver => driver.connect(id, addr))
    }

    #[inline]
    fn recv(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<usize> {
        on!(self, driver => driver.recv(id, buffer))
    }

    #[inline]
    fn recv_from(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        on!(self, driver => driver.recv_from(id, buffer))
    }

    #[inline]
    fn send(&mut self, id: SocketId, data: &[u8]) -> io::Result<usize> {
        on!(self, driver => driver.send(id, data))
    }

    #[inline]
    fn send_vectored(&mut self, id: SocketId, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        on!(self, driver => driver.send_vectored(id, buffers))
    }

    #[inline]
    fn send_to(&mut self, id: SocketId, data: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        on!(self, driver => driver.send_to(id, data, addr))
    }

    #[inline]
    fn read(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<usize> {
        on!(self, driver => driver.read(id, buffer))
    }

    #[inline]
    fn write(&mut self, id: SocketId, data: &[u8]) -> io::Result<usize> {
        on!(self, driver => driver.write(id, data))
    }

    fn shutdown(&mut self, id: SocketId, how: Shutdown) -> io::Result<()> {
        on!(self, driver => driver.shutdown(id, how))
    }

    fn close(&mut self, id: SocketId) -> io::Result<()> {
        on!(self, driver => driver.close(id))
    }

    fn getsockopt(
        &mut self,
        id: SocketId,
        level: i32,
        name: i32,
        value: &mut [u8],
    ) -> io::Result<usize> {
        on!(self, driver => driver.getsockopt(id, level, name, value))
    }

    fn setsockopt(&mut self, id: SocketId, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
        on!(self, driver => driver.setsockopt(id, level, name, value))
    }

    fn getsockname(&self, id: SocketId) -> io::Result<SocketAddr> {
        on!(self, driver => driver.getsockname(id))
    }

    fn getpeername(&self, id: SocketId) -> io::Result<SocketAddr> {
        on!(self, driver => driver.getpeername(id))
    }

    fn resolve(&self, host: &str, port: u16) -> Option<io::Result<Vec<SocketAddr>>> {
        on!(self, driver => driver.resolve(host, port))
    }

    fn take_error(&mut self, id: SocketId) -> io::Result<Option<io::Error>> {
        on!(self, driver => driver.take_error(id))
    }
}

#[cfg(feature = "faults")]
use faulty::with_faults;

#[cfg(feature = "faults")]
mod faulty {
    use std::io;

    use pyo3::prelude::*;
    use pyo3::types::PyDict;
    use riata_engine::{Driver, KernelDriver};
    use riata_sim::{FaultPlan, Faulty, SimDriver};

    use super::LoopDriver;
    use crate::event_loop::Loop;

    pub type Real = Faulty<KernelDriver>;
    pub type Virtual = Faulty<SimDriver>;

    /// Reads the plan anew for each loop: `RIATA_FAULTS`, whose words `FaultPlan` describes. Without it there are no faults.
    pub fn with_faults<D: Driver>(driver: D) -> io::Result<Faulty<D>> {
        let plan = match std::env::var("RIATA_FAULTS") {
            Ok(text) => text.parse().map_err(|error| {
                io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("RIATA_FAULTS: {error}"),
                )
            })?,
            Err(_) => FaultPlan::none(),
        };
        Ok(Faulty::new(driver, plan))
    }

    impl LoopDriver {
        pub fn fault_counts(&self) -> Vec<(String, u64)> {
            on!(self, driver => driver.fault_counts())
        }
    }

    #[pymethods]
    impl Loop {
        /// How often there was which fault, as `{"recv ECONNRESET": 1}`.
        fn _fault_counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
            let counts = PyDict::new(py);
            for (name, count) in self.core.fault_counts() {
                counts.set_item(name, count)?;
            }
            Ok(counts)
        }
    }
}
