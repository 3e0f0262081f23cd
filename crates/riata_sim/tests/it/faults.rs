//! An engine whose driver fails now and then: on the kernel's sockets and on simulated ones.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};

use riata_engine::{
    Connection, Domain, Driver, Engine, Interest, KernelDriver, Kind, SocketAddr, SocketId, Wait,
};
use riata_sim::{Faulty, SimDriver};

#[derive(Copy, Clone, Debug)]
enum Job {
    Accept,
    Read(SocketId),
    Write(SocketId),
}

/// A client's half of an exchange: what it sends, and what it has got back so far.
#[derive(Default)]
struct Client {
    sent: usize,
    got: Vec<u8>,
    ended: Option<ErrorKind>,
}

/// What a server keeps for a connection.
#[derive(Default)]
struct Echo {
    waiting: Vec<u8>,
}

struct World<D> {
    engine: Engine<Faulty<D>, Job>,
    listener: SocketId,
    data: Vec<u8>,
    clients: BTreeMap<SocketId, Client>,
    echoes: BTreeMap<SocketId, Echo>,
}

fn failed(error: &io::Error) -> bool {
    error.kind() != ErrorKind::WouldBlock
}

impl<D: Driver> World<D> {
    fn new(driver: D, plan: &str, clients: usize) -> Self {
        let mut driver = Faulty::new(driver, plan.parse().unwrap());
        let listener = driver.socket(Domain::V4, Kind::Stream).unwrap();
        driver.bind(listener, &SocketAddr::loopback(0)).unwrap();
        driver.listen(listener, 100).unwrap();
        let addr = driver.getsockname(listener).unwrap();
        let mut engine = Engine::new(driver);
        engine.add_reader(listener, Job::Accept).unwrap();
        let mut world = World {
            engine,
            listener,
            data: (0..50_000u32).map(|index| (index % 251) as u8).collect(),
            clients: BTreeMap::new(),
            echoes: BTreeMap::new(),
        };
        for _ in 0..clients {
            let client = world.engine.driver.socket(Domain::V4, Kind::Stream);
            let client = client.unwrap();
            let connected = world.engine.driver.connect(client, &addr).unwrap();
            assert!(matches!(
                connected,
                Connection::Established | Connection::InProgress
            ));
            world.clients.insert(client, Client::default());
            world.engine.add_writer(client, Job::Write(client)).unwrap();
            world.engine.add_reader(client, Job::Read(client)).unwrap();
        }
        world
    }

    fn turn(&mut self) {
        let wait = self.engine.prepare();
        if wait != Wait::Skip {
            match self.engine.driver.wait(wait) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => result.unwrap(),
            }
        }
        for _ in 0..self.engine.collect() {
            let job = self.engine.pop().unwrap();
            match job {
                Job::Accept => self.accept(),
                Job::Read(id) if self.is_client(id) => self.client_reads(id),
                Job::Write(id) if self.is_client(id) => self.client_writes(id),
                Job::Read(id) => self.echo_reads(id),
                Job::Write(id) => self.echo_writes(id),
            }
        }
    }

    /// The number of one that has ended may be an accepted socket's by now.
    fn is_client(&self, id: SocketId) -> bool {
        let client = self.clients.get(&id);
        client.is_some_and(|client| client.ended.is_none())
    }

    fn accept(&mut self) {
        // What is refused now is still there in the next turn, or is the client's loss.
        if let Ok((id, _)) = self.engine.driver.accept(self.listener) {
            self.echoes.insert(id, Echo::default());
            self.engine.add_reader(id, Job::Read(id)).unwrap();
        }
    }

    fn close(&mut self, id: SocketId) {
        self.engine.remove_reader(id);
        self.engine.remove_writer(id);
        self.engine.settle(id);
        self.engine.driver.close(id).unwrap();
    }

    fn client_ends(&mut self, id: SocketId, why: ErrorKind) {
        let client = self.clients.get_mut(&id).unwrap();
        assert_eq!(client.ended, None, "one end");
        client.ended = Some(why);
        self.close(id);
    }

    fn client_writes(&mut self, id: SocketId) {
        let client = self.clients.get_mut(&id).unwrap();
        match self.engine.driver.send(id, &self.data[client.sent..]) {
            Ok(count) => client.sent += count,
            Err(error) if failed(&error) => return self.client_ends(id, error.kind()),
            Err(_) => {}
        }
        if client.sent == self.data.len() {
            self.engine.remove_writer(id);
        }
    }

    fn client_reads(&mut self, id: SocketId) {
        let client = self.clients.get_mut(&id).unwrap();
        let mut buffer = [0; 10_000];
        match self.engine.driver.recv(id, &mut buffer) {
            Ok(0) => self.client_ends(id, ErrorKind::UnexpectedEof),
            Ok(count) => {
                client.got.extend(&buffer[..count]);
                assert!(self.data.starts_with(&client.got), "the same, in order");
                if client.got.len() == self.data.len() {
                    self.client_ends(id, ErrorKind::Other);
                }
            }
            Err(error) if failed(&error) => self.client_ends(id, error.kind()),
            Err(_) => {}
        }
    }

    fn echo_reads(&mut self, id: SocketId) {
        let Some(echo) = self.echoes.get_mut(&id) else {
            return;
        };
        let mut buffer = [0; 10_000];
        match self.engine.driver.recv(id, &mut buffer) {
            Ok(0) => self.echo_ends(id),
            Ok(count) => {
                echo.waiting.extend(&buffer[..count]);
                self.engine.add_writer(id, Job::Write(id)).unwrap();
            }
            Err(error) if failed(&error) => self.echo_ends(id),
            Err(_) => {}
        }
    }

    fn echo_writes(&mut self, id: SocketId) {
        let Some(echo) = self.echoes.get_mut(&id) else {
            return;
        };
        match self.engine.driver.send(id, &echo.waiting) {
            Ok(count) => drop(echo.waiting.drain(..count)),
            Err(error) if failed(&error) => return self.echo_ends(id),
            Err(_) => {}
        }
        if echo.waiting.is_empty() {
            self.engine.remove_writer(id);
        }
    }

    fn echo_ends(&mut self, id: SocketId) {
        self.echoes.remove(&id);
        self.close(id);
    }

    /// Runs until every client has ended, and says how.
    fn run(&mut self) -> Vec<ErrorKind> {
        while self.clients.values().any(|client| client.ended.is_none()) {
            self.turn();
        }
        self.clients.values().filter_map(|one| one.ended).collect()
    }
}

fn harmless_faults_change_nothing<D: Driver>(new: impl Fn() -> D) {
    for seed in 0..3 {
        let plan = format!("seed={seed},rate=0.3,kinds=harmless");
        let mut world = World::new(new(), &plan, 10);
        assert_eq!(
            world.run(),
            [ErrorKind::Other; 10],
            "all that was sent came back"
        );
        let counts = world.engine.driver.fault_counts();
        let met: Vec<_> = counts.iter().map(|(name, _)| name.as_str()).collect();
        for fault in [
            "wait EINTR",
            "recv EAGAIN",
            "send EAGAIN",
            "recv short",
            "send short",
        ] {
            assert!(
                met.contains(&fault) || fault == "wait EINTR",
                "{fault}: {met:?}"
            );
        }
    }
}

fn harmful_faults_end_connections_and_nothing_else<D: Driver>(new: impl Fn() -> D) {
    let mut ends = BTreeMap::<String, usize>::new();
    for seed in 0..6 {
        // Not `socket` and `connect`: then there would be nothing to try.
        let plan =
            format!("seed={seed},rate=0.1,kinds=harmless+harmful,calls=wait+accept+recv+send");
        let mut world = World::new(new(), &plan, 20);
        for end in world.run() {
            *ends.entry(format!("{end:?}")).or_default() += 1;
        }
    }
    for kind in ["ConnectionReset", "UnexpectedEof"] {
        assert!(ends.contains_key(kind), "{ends:?}");
    }
}

fn an_interrupted_wait_finds_what_is_ready_the_next_time<D: Driver>(driver: D) {
    let mut driver = Faulty::new(driver, "rate=1,kinds=EINTR,times=1".parse().unwrap());
    let waker = driver.waker();
    // Not who only looks.
    driver.wait(Wait::Poll).unwrap();
    let error = driver.wait(Wait::Forever).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(driver.events().count(), 0);
    waker.wake();
    driver.wait(Wait::Forever).unwrap();
}

fn a_socket_that_cannot_be_watched_can_be_later<D: Driver>(driver: D) {
    let plan = "rate=1,kinds=ENOSPC,times=1".parse().unwrap();
    let mut engine: Engine<_, i32> = Engine::new(Faulty::new(driver, plan));
    let listener = engine.driver.socket(Domain::V4, Kind::Stream).unwrap();
    engine
        .driver
        .bind(listener, &SocketAddr::loopback(0))
        .unwrap();
    engine.driver.listen(listener, 1).unwrap();
    let error = engine.add_reader(listener, 1).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));
    assert_eq!(engine.remove_reader(listener), None);
    assert_eq!(engine.add_reader(listener, 2).unwrap(), None);
    assert_eq!(engine.remove_reader(listener), Some(2));
    engine.driver.deregister(listener).unwrap();
    engine
        .driver
        .register(listener, Interest::READABLE)
        .unwrap();
}

macro_rules! on_both {
    ($($test:ident($new:expr, $sim:expr))*) => {
        mod kernel {
            $(#[test]
            fn $test() {
                super::$test($new);
            })*
        }

        mod sim {
            $(#[test]
            fn $test() {
                super::$test($sim);
            })*
        }
    };
}

on_both! {
    harmless_faults_change_nothing(super::kernel_driver, super::SimDriver::new)
    harmful_faults_end_connections_and_nothing_else(super::kernel_driver, super::SimDriver::new)
    an_interrupted_wait_finds_what_is_ready_the_next_time(super::kernel_driver(), super::SimDriver::new())
    a_socket_that_cannot_be_watched_can_be_later(super::kernel_driver(), super::SimDriver::new())
}

fn kernel_driver() -> KernelDriver {
    KernelDriver::new().unwrap()
}
