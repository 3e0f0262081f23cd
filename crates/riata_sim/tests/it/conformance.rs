//! What a driver must do. Each test is one body that runs on the kernel's driver and on the simulated one: if they
//! agree, what a program does in simulation may be believed.

use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::thread;

use riata_engine::{
    Connection, Domain, Driver, Engine, Interest, KernelDriver, Kind, Readiness, SocketAddr,
    SocketId, UnixAddr, Wait,
};
use riata_sim::{FaultPlan, Faulty, SimDriver};

/// A driver under test.
trait Subject: Driver + Sized {
    fn new() -> Self;

    /// Runs `work` in a thread, which ends by waking the driver.
    fn work_outside(&self, work: impl FnOnce() + Send + 'static);
}

impl Subject for KernelDriver {
    fn new() -> Self {
        KernelDriver::new().unwrap()
    }

    fn work_outside(&self, work: impl FnOnce() + Send + 'static) {
        thread::spawn(work);
    }
}

impl Subject for SimDriver {
    fn new() -> Self {
        SimDriver::new()
    }

    fn work_outside(&self, work: impl FnOnce() + Send + 'static) {
        let under_way = self.outside().begin();
        thread::spawn(move || {
            work();
            drop(under_way);
        });
    }
}

/// With no fault in its plan, the wrapper is the driver that it wraps.
impl<D: Subject> Subject for Faulty<D> {
    fn new() -> Self {
        Faulty::new(D::new(), FaultPlan::none())
    }

    fn work_outside(&self, work: impl FnOnce() + Send + 'static) {
        (**self).work_outside(work);
    }
}

macro_rules! on_every_driver {
    ($($test:ident)*) => {
        mod kernel {
            $(#[test]
            fn $test() {
                super::$test(<super::KernelDriver as super::Subject>::new());
            })*
        }

        mod sim {
            $(#[test]
            fn $test() {
                super::$test(<super::SimDriver as super::Subject>::new());
            })*
        }

        mod faulty_kernel {
            $(#[test]
            fn $test() {
                super::$test(<super::Faulty<super::KernelDriver> as super::Subject>::new());
            })*
        }

        mod faulty_sim {
            $(#[test]
            fn $test() {
                super::$test(<super::Faulty<super::SimDriver> as super::Subject>::new());
            })*
        }
    };
}

// After the macro, which these use.
mod engine;
mod readiness;
mod sockets;
mod waiting;

/// More than any test takes, on any machine.
const LONG: f64 = 60.0;

fn listen(driver: &mut impl Driver, addr: &SocketAddr) -> (SocketId, SocketAddr) {
    let domain = match addr {
        SocketAddr::V4(_) => Domain::V4,
        SocketAddr::V6(_) => Domain::V6,
        SocketAddr::Unix(_) => Domain::Unix,
    };
    let listener = driver.socket(domain, Kind::Stream).unwrap();
    driver.bind(listener, addr).unwrap();
    driver.listen(listener, 1000).unwrap();
    let addr = driver.getsockname(listener).unwrap();
    (listener, addr)
}

/// A pair of connected sockets: who called, and who was called.
fn connected(driver: &mut impl Driver) -> (SocketId, SocketId) {
    let (listener, addr) = listen(driver, &SocketAddr::loopback(0));
    let pair = connect_to(driver, listener, &addr);
    driver.close(listener).unwrap();
    pair
}

fn connected_unix(driver: &mut impl Driver, name: &str) -> (SocketId, SocketId) {
    let (listener, addr) = listen(driver, &unix_addr(name));
    let pair = connect_to(driver, listener, &addr);
    driver.close(listener).unwrap();
    pair
}

fn connect_to(
    driver: &mut impl Driver,
    listener: SocketId,
    addr: &SocketAddr,
) -> (SocketId, SocketId) {
    let domain = match addr {
        SocketAddr::Unix(_) => Domain::Unix,
        _ => Domain::V4,
    };
    let client = driver.socket(domain, Kind::Stream).unwrap();
    if driver.connect(client, addr).unwrap() == Connection::InProgress {
        wait_for(driver, client, Interest::WRITABLE);
    }
    assert!(driver.take_error(client).unwrap().is_none());
    wait_for(driver, listener, Interest::READABLE);
    let (server, _) = driver.accept(listener).unwrap();
    (client, server)
}

fn unix_addr(name: &str) -> SocketAddr {
    let name = format!("riata-conformance-{}-{name}", std::process::id());
    if cfg!(target_os = "linux") {
        SocketAddr::Unix(UnixAddr::Abstract(name.into_bytes()))
    } else {
        SocketAddr::unix(std::env::temp_dir().join(name))
    }
}

/// Watches one socket until it is ready, and then no more.
fn wait_for(driver: &mut impl Driver, id: SocketId, interest: Interest) -> Readiness {
    driver.register(id, interest).unwrap();
    let deadline = driver.now() + LONG;
    loop {
        driver.wait(Wait::Until(deadline)).unwrap();
        let found = driver.events().find(|event| event.0 == id);
        if let Some((_, readiness)) = found {
            driver.deregister(id).unwrap();
            return readiness;
        }
        assert!(driver.now() < deadline, "nothing came");
    }
}

fn poll(driver: &mut impl Driver) -> Vec<(SocketId, Readiness)> {
    driver.wait(Wait::Poll).unwrap();
    let mut events: Vec<_> = driver.events().collect();
    events.sort_by_key(|event| event.0);
    events
}

fn recv_all(driver: &mut impl Driver, id: SocketId, count: usize) -> Vec<u8> {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    while received.len() < count {
        match driver.recv(id, &mut buffer) {
            Ok(0) => break,
            Ok(count) => received.extend(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                wait_for(driver, id, Interest::READABLE);
            }
            Err(error) => panic!("{error}"),
        }
    }
    received
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("this should have failed"),
        Err(error) => error.kind(),
    }
}
