//! What a driver must do. Each test is one body that runs on the kernel's driver and on the simulated one: if they
//! agree, what a program does in simulation may be believed.

use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::thread;

use riata_engine::{
    Connection, Domain, Driver, Engine, Interest, KernelDriver, Kind, Readiness, SocketAddr,
    SocketId, UnixAddr, Wait,
};
use riata_sim::SimDriver;

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
    };
}

on_every_driver! {
    addresses_agree_at_both_ends
    a_stream_carries_bytes_both_ways
    nothing_to_receive_would_block
    nothing_to_accept_would_block
    connections_are_accepted_in_order
    a_refused_connection_says_so
    a_missing_unix_socket_says_so
    an_address_is_bound_once
    half_a_connection_can_be_closed
    a_slow_reader_holds_the_writer_back
    buffers_are_sent_in_order
    unread_data_makes_a_close_a_reset
    sending_to_a_closed_peer_breaks_the_pipe
    readiness_is_level_triggered
    only_what_is_asked_for_is_reported
    a_hang_up_is_readable_and_writable
    readiness_of_an_unwatched_socket_is_silent
    a_closed_socket_can_be_deregistered
    an_id_used_again_can_be_modified
    an_id_used_again_can_be_registered
    what_is_not_open_is_an_error
    many_sockets_are_each_reported_once
    options_are_kept
    numeric_names_are_resolved
    a_poll_does_not_wait
    a_wait_lasts_until_its_time
    a_wake_before_the_wait_ends_it
    a_thread_can_wake_the_wait
    many_wakes_are_one
    a_turn_takes_inbox_then_sockets_then_timers
    a_removed_reader_is_not_called
    a_reader_can_come_back
    a_replaced_reader_is_given_back
    an_inbox_reaches_a_sleeping_loop
    clear_gives_everything_back
    an_echo_server_serves_many
}

// Helpers.

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

// Sockets.

fn addresses_agree_at_both_ends(mut driver: impl Driver) {
    let (client, server) = connected(&mut driver);
    let client_addr = driver.getsockname(client).unwrap();
    let server_addr = driver.getsockname(server).unwrap();
    assert_ne!(client_addr, server_addr);
    assert_ne!(client_addr.port(), Some(0));
    assert_eq!(driver.getpeername(client).unwrap(), server_addr);
    assert_eq!(driver.getpeername(server).unwrap(), client_addr);

    let (client, server) = connected_unix(&mut driver, "addresses");
    let unnamed = SocketAddr::Unix(UnixAddr::Unnamed);
    assert_eq!(driver.getsockname(client).unwrap(), unnamed);
    assert_eq!(driver.getpeername(server).unwrap(), unnamed);
    assert_eq!(driver.getpeername(client).unwrap(), unix_addr("addresses"));

    let fresh = driver.socket(Domain::V4, Kind::Stream).unwrap();
    assert_eq!(kind(driver.getpeername(fresh)), ErrorKind::NotConnected);
}

fn a_stream_carries_bytes_both_ways(mut driver: impl Driver) {
    let tcp = connected(&mut driver);
    let unix = connected_unix(&mut driver, "bytes");
    for (client, server) in [tcp, unix] {
        assert_eq!(driver.send(client, b"question").unwrap(), 8);
        assert_eq!(recv_all(&mut driver, server, 8), b"question");
        assert_eq!(driver.send(server, b"answer").unwrap(), 6);
        assert_eq!(recv_all(&mut driver, client, 6), b"answer");
        driver.close(client).unwrap();
        driver.close(server).unwrap();
    }
}

fn nothing_to_receive_would_block(mut driver: impl Driver) {
    let (client, _server) = connected(&mut driver);
    assert_eq!(
        kind(driver.recv(client, &mut [0; 8])),
        ErrorKind::WouldBlock
    );
}

fn nothing_to_accept_would_block(mut driver: impl Driver) {
    let (listener, _) = listen(&mut driver, &SocketAddr::loopback(0));
    assert_eq!(kind(driver.accept(listener)), ErrorKind::WouldBlock);
}

fn connections_are_accepted_in_order(mut driver: impl Driver) {
    let (listener, addr) = listen(&mut driver, &SocketAddr::loopback(0));
    let mut clients = Vec::new();
    for _ in 0..3 {
        let client = driver.socket(Domain::V4, Kind::Stream).unwrap();
        driver.connect(client, &addr).unwrap();
        wait_for(&mut driver, client, Interest::WRITABLE);
        clients.push(driver.getsockname(client).unwrap());
    }
    for client in clients {
        let (server, peer) = driver.accept(listener).unwrap();
        assert_eq!(peer, client);
        assert_eq!(driver.getpeername(server).unwrap(), client);
    }
}

fn a_refused_connection_says_so(mut driver: impl Driver) {
    let (listener, addr) = listen(&mut driver, &SocketAddr::loopback(0));
    driver.close(listener).unwrap();
    let client = driver.socket(Domain::V4, Kind::Stream).unwrap();
    let error = match driver.connect(client, &addr) {
        Ok(Connection::InProgress) => {
            wait_for(&mut driver, client, Interest::WRITABLE);
            driver.take_error(client).unwrap().expect("an error waits")
        }
        Ok(Connection::Established) => panic!("nobody is there"),
        Err(error) => error,
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(
        driver.take_error(client).unwrap().is_none(),
        "it is taken once"
    );
}

fn a_missing_unix_socket_says_so(mut driver: impl Driver) {
    let client = driver.socket(Domain::Unix, Kind::Stream).unwrap();
    let missing = SocketAddr::unix("/nonexistent/riata.sock");
    assert_eq!(kind(driver.connect(client, &missing)), ErrorKind::NotFound);
}

fn an_address_is_bound_once(mut driver: impl Driver) {
    let (listener, addr) = listen(&mut driver, &SocketAddr::loopback(0));
    let other = driver.socket(Domain::V4, Kind::Stream).unwrap();
    assert_eq!(kind(driver.bind(other, &addr)), ErrorKind::AddrInUse);
    driver.close(listener).unwrap();
    driver.bind(other, &addr).unwrap();
}

fn half_a_connection_can_be_closed(mut driver: impl Driver) {
    let tcp = connected(&mut driver);
    let unix = connected_unix(&mut driver, "half");
    for (client, server) in [tcp, unix] {
        driver.send(client, b"last words").unwrap();
        driver.shutdown(client, Shutdown::Write).unwrap();
        assert_eq!(kind(driver.send(client, b"more")), ErrorKind::BrokenPipe);

        assert_eq!(recv_all(&mut driver, server, 100), b"last words");
        assert_eq!(
            driver.recv(server, &mut [0; 8]).unwrap(),
            0,
            "it stays over"
        );

        // The other half goes on.
        assert_eq!(driver.send(server, b"reply").unwrap(), 5);
        assert_eq!(recv_all(&mut driver, client, 5), b"reply");
        driver.close(server).unwrap();
        assert_eq!(recv_all(&mut driver, client, 1), b"");
    }
}

fn a_slow_reader_holds_the_writer_back(mut driver: impl Driver) {
    let tcp = connected(&mut driver);
    let unix = connected_unix(&mut driver, "slow");
    for (client, server) in [tcp, unix] {
        let data: Vec<u8> = (0..20_000_000u32)
            .map(|index| (index % 251) as u8)
            .collect();
        let mut sent = 0;
        loop {
            match driver.send(client, &data[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
            assert!(sent < data.len(), "no limit was met");
        }
        driver.register(client, Interest::WRITABLE).unwrap();
        assert_eq!(poll(&mut driver), [], "full, so not writable");

        let mut received: Vec<u8> = Vec::new();
        driver.register(server, Interest::READABLE).unwrap();
        let mut buffer = vec![0; 100_000];
        while received.len() < data.len() {
            driver.wait(Wait::Until(driver.now() + LONG)).unwrap();
            let events: Vec<_> = driver.events().collect();
            assert!(!events.is_empty(), "one of the two can always go on");
            for (id, _) in events {
                let done = if id == server {
                    driver.recv(server, &mut buffer).map(|count| {
                        received.extend(&buffer[..count]);
                    })
                } else {
                    driver.send(client, &data[sent..]).map(|count| {
                        sent += count;
                    })
                };
                match done {
                    Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
                    _ => {}
                }
                if sent == data.len() {
                    driver.deregister(client).unwrap();
                }
            }
        }
        assert!(received == data, "the same bytes, in order");
        driver.close(server).unwrap();
        driver.close(client).unwrap();
    }
}

fn buffers_are_sent_in_order(mut driver: impl Driver) {
    let (client, server) = connected(&mut driver);
    let buffers = [&b"one "[..], b"", b"two ", b"three"].map(IoSlice::new);
    assert_eq!(driver.send_vectored(client, &buffers).unwrap(), 13);
    assert_eq!(recv_all(&mut driver, server, 13), b"one two three");
    // More than the kernel takes in one call: a part is taken, and that is no error.
    let many = vec![IoSlice::new(b"x"); 3000];
    let count = driver.send_vectored(client, &many).unwrap();
    assert!((1024..=3000).contains(&count), "{count}");
    assert_eq!(recv_all(&mut driver, server, count).len(), count);
}

fn unread_data_makes_a_close_a_reset(mut driver: impl Driver) {
    let tcp = connected(&mut driver);
    let unix = connected_unix(&mut driver, "reset");
    for (client, server) in [tcp, unix] {
        driver.send(client, b"nobody reads this").unwrap();
        wait_for(&mut driver, server, Interest::READABLE);
        driver.close(server).unwrap();
        assert_eq!(
            wait_for(&mut driver, client, Interest::BOTH),
            Readiness::BOTH
        );
        assert_eq!(
            kind(driver.recv(client, &mut [0; 8])),
            ErrorKind::ConnectionReset
        );
        assert_eq!(driver.recv(client, &mut [0; 8]).unwrap(), 0, "said once");
        assert_eq!(kind(driver.send(client, b"more")), ErrorKind::BrokenPipe);
    }
}

fn sending_to_a_closed_peer_breaks_the_pipe(mut driver: impl Driver) {
    let tcp = connected(&mut driver);
    let unix = connected_unix(&mut driver, "broken");
    for (client, server) in [tcp, unix] {
        driver.close(server).unwrap();
        assert_eq!(recv_all(&mut driver, client, 1), b"");
        // Over the internet the first send may succeed: the peer's answer is what breaks the pipe.
        let error = (0..1000).find_map(|_| driver.send(client, b"hello?").err());
        assert_eq!(error.unwrap().kind(), ErrorKind::BrokenPipe);
    }
}

// Readiness.

fn readiness_is_level_triggered(mut driver: impl Driver) {
    let (client, server) = connected(&mut driver);
    driver.send(client, b"ab").unwrap();
    wait_for(&mut driver, server, Interest::READABLE);
    driver.register(server, Interest::READABLE).unwrap();
    let readable = [(server, Readiness::READABLE)];
    assert_eq!(poll(&mut driver), readable);
    assert_eq!(poll(&mut driver), readable, "again, as nobody received");
    driver.recv(server, &mut [0; 1]).unwrap();
    assert_eq!(poll(&mut driver), readable, "there is one byte left");
    driver.recv(server, &mut [0; 1]).unwrap();
    assert_eq!(poll(&mut driver), []);
}

fn only_what_is_asked_for_is_reported(mut driver: impl Driver) {
    let (client, server) = connected(&mut driver);
    driver.send(server, b"x").unwrap();
    wait_for(&mut driver, client, Interest::READABLE);
    driver.register(client, Interest::READABLE).unwrap();
    assert_eq!(poll(&mut driver), [(client, Readiness::READABLE)]);
    driver.modify(client, Interest::WRITABLE).unwrap();
    assert_eq!(poll(&mut driver), [(client, Readiness::WRITABLE)]);
    driver.modify(client, Interest::BOTH).unwrap();
    assert_eq!(poll(&mut driver), [(client, Readiness::BOTH)]);
    driver.modify(client, Interest::NONE).unwrap();
    assert_eq!(poll(&mut driver), []);
}

fn a_hang_up_is_readable_and_writable(mut driver: impl Driver) {
    let (client, server) = connected(&mut driver);
    driver.shutdown(client, Shutdown::Write).unwrap();
    driver.shutdown(server, Shutdown::Write).unwrap();
    // The end of the peer's half may arrive later than our own shutdown; then comes the hang-up, for each watcher.
    for interest in [Interest::READABLE, Interest::WRITABLE] {
        let readiness = wait_for(&mut driver, client, interest);
        assert!(!readiness.wanted_by(interest).is_none());
    }
}

fn readiness_of_an_unwatched_socket_is_silent(mut driver: impl Driver) {
    let (client, server) = connected(&mut driver);
    driver.register(server, Interest::READABLE).unwrap();
    driver.deregister(server).unwrap();
    driver.deregister(server).unwrap();
    driver.send(client, b"x").unwrap();
    driver.close(client).unwrap();
    driver.wait(Wait::Until(driver.now() + 0.01)).unwrap();
    assert_eq!(driver.events().count(), 0);
}

fn a_closed_socket_can_be_deregistered(mut driver: impl Driver) {
    let (client, server) = connected(&mut driver);
    driver.register(server, Interest::READABLE).unwrap();
    driver.close(server).unwrap();
    driver.deregister(server).unwrap();
    assert_eq!(poll(&mut driver), []);
    driver.close(client).unwrap();
    assert!(driver.close(client).is_err());
}

fn an_id_used_again_can_be_modified(mut driver: impl Driver) {
    let (_client, server) = connected(&mut driver);
    driver.register(server, Interest::READABLE).unwrap();
    driver.close(server).unwrap();
    let (listener, addr) = listen(&mut driver, &SocketAddr::loopback(0));
    let (client, other) = connect_to(&mut driver, listener, &addr);
    for id in [client, other] {
        driver.modify(id, Interest::WRITABLE).unwrap();
    }
    let mut expected = [(client, Readiness::WRITABLE), (other, Readiness::WRITABLE)];
    expected.sort_by_key(|event| event.0);
    assert_eq!(poll(&mut driver), expected);
}

fn an_id_used_again_can_be_registered(mut driver: impl Driver) {
    let (client, server) = connected(&mut driver);
    driver.register(server, Interest::READABLE).unwrap();
    driver.send(client, b"x").unwrap();
    // Registering twice is the same as modifying.
    driver.register(server, Interest::WRITABLE).unwrap();
    assert_eq!(poll(&mut driver), [(server, Readiness::WRITABLE)]);
}

fn what_is_not_open_is_an_error(mut driver: impl Driver) {
    let nothing = SocketId(100_000);
    assert!(driver.register(nothing, Interest::READABLE).is_err());
    assert!(driver.modify(nothing, Interest::READABLE).is_err());
    assert!(driver.deregister(nothing).is_ok());
    assert!(driver.recv(nothing, &mut [0; 1]).is_err());
    assert!(driver.send(nothing, b"x").is_err());
    assert!(driver.accept(nothing).is_err());
    assert!(driver.getsockname(nothing).is_err());
    assert!(driver.close(nothing).is_err());
    let huge = SocketId(u32::MAX);
    assert!(driver.register(huge, Interest::READABLE).is_err());
    let mut engine: Engine<_, i32> = Engine::new(driver);
    assert!(engine.add_reader(huge, 1).is_err());
    assert_eq!(engine.reader(huge), None);
    assert_eq!(engine.remove_reader(huge), None);
}

fn many_sockets_are_each_reported_once(mut driver: impl Driver) {
    let (listener, addr) = listen(&mut driver, &SocketAddr::loopback(0));
    let pairs: Vec<_> = (0..400)
        .map(|_| connect_to(&mut driver, listener, &addr))
        .collect();
    let mut servers = Vec::new();
    for &(client, server) in &pairs {
        driver.register(server, Interest::READABLE).unwrap();
        driver.send(client, b"x").unwrap();
        servers.push(server);
    }
    servers.sort();
    // Not necessarily all in one wait.
    let mut seen = Vec::new();
    while seen.len() < servers.len() {
        let events = poll(&mut driver);
        for (id, readiness) in events {
            assert_eq!(readiness, Readiness::READABLE);
            assert_eq!(driver.recv(id, &mut [0; 8]).unwrap(), 1);
            seen.push(id);
        }
    }
    seen.sort();
    assert_eq!(seen, servers);
    assert_eq!(poll(&mut driver), []);
}

fn options_are_kept(mut driver: impl Driver) {
    let (client, _server) = connected(&mut driver);
    let one = 1i32.to_ne_bytes();
    let mut value = [0; 4];
    driver
        .setsockopt(client, libc::IPPROTO_TCP, libc::TCP_NODELAY, &one)
        .unwrap();
    let len = driver
        .getsockopt(client, libc::IPPROTO_TCP, libc::TCP_NODELAY, &mut value)
        .unwrap();
    assert_eq!((len, value), (4, one));
    driver
        .getsockopt(client, libc::SOL_SOCKET, libc::SO_TYPE, &mut value)
        .unwrap();
    assert_eq!(i32::from_ne_bytes(value), libc::SOCK_STREAM);
    driver
        .getsockopt(client, libc::SOL_SOCKET, libc::SO_ERROR, &mut value)
        .unwrap();
    assert_eq!(i32::from_ne_bytes(value), 0);
}

fn numeric_names_are_resolved(driver: impl Driver) {
    let found = driver.resolve("127.0.0.1", 80).unwrap().unwrap();
    assert_eq!(found, [SocketAddr::loopback(80)]);
    let found = driver.resolve("::1", 80).unwrap().unwrap();
    assert_eq!(found[0].to_string(), "[::1]:80");
}

// Waiting.

fn a_poll_does_not_wait(mut driver: impl Driver) {
    let before = driver.now();
    driver.wait(Wait::Poll).unwrap();
    driver.wait(Wait::Skip).unwrap();
    driver.wait(Wait::Until(before - 1.0)).unwrap();
    driver.wait(Wait::Until(f64::NEG_INFINITY)).unwrap();
    driver.wait(Wait::Until(f64::NAN)).unwrap();
    assert!(driver.now() - before < LONG);
}

fn a_wait_lasts_until_its_time(mut driver: impl Driver) {
    for delay in [0.0003, 0.02] {
        let when = driver.now() + delay;
        assert!(!driver.has_reached(when));
        driver.wait(Wait::Until(when)).unwrap();
        let now = driver.now();
        assert!(
            now + driver.resolution() > when,
            "too early: {now} < {when}"
        );
        assert!(now < when + LONG);
        assert!(driver.has_reached(when));
    }
}

fn a_wake_before_the_wait_ends_it(mut driver: impl Driver) {
    driver.waker().wake();
    driver.wait(Wait::Forever).unwrap();
    assert_eq!(driver.events().count(), 0);
}

fn a_thread_can_wake_the_wait(mut driver: impl Subject) {
    for _ in 0..100 {
        let waker = driver.waker();
        driver.work_outside(move || waker.wake());
        driver.wait(Wait::Forever).unwrap();
        assert_eq!(driver.events().count(), 0);
    }
}

fn many_wakes_are_one(mut driver: impl Driver) {
    let waker = driver.waker();
    for _ in 0..3 {
        for _ in 0..1000 {
            waker.wake();
        }
        driver.wait(Wait::Forever).unwrap();
        let when = driver.now() + 0.001;
        driver.wait(Wait::Until(when)).unwrap();
        assert!(driver.has_reached(when), "no wake is left");
    }
}

// The engine over the driver.

/// One turn; returns the jobs it runs.
fn turn<D: Driver, J: Clone>(engine: &mut Engine<D, J>) -> Vec<J> {
    let wait = engine.prepare();
    if wait != Wait::Skip {
        engine.driver.wait(wait).unwrap();
    }
    let count = engine.collect();
    (0..count).map(|_| engine.pop().unwrap()).collect()
}

fn a_turn_takes_inbox_then_sockets_then_timers(mut driver: impl Driver) {
    let (client, server) = connected(&mut driver);
    driver.send(client, b"x").unwrap();
    wait_for(&mut driver, server, Interest::READABLE);
    let mut engine = Engine::new(driver);
    let now = engine.time();
    engine.add_timer(now - 1.0, "second timer");
    engine.add_timer(now - 2.0, "first timer");
    engine.add_timer(now + LONG * 10.0, "no timer");
    engine.add_writer(server, "writer").unwrap();
    engine.add_reader(server, "reader").unwrap();
    engine.push("pushed");
    engine.inbox().push("sent").unwrap();
    assert_eq!(
        turn(&mut engine),
        [
            "pushed",
            "sent",
            "reader",
            "writer",
            "first timer",
            "second timer"
        ]
    );
    assert_eq!(engine.timer_len(), 1);
}

fn a_removed_reader_is_not_called(mut driver: impl Driver) {
    let (client, server) = connected(&mut driver);
    let mut engine = Engine::new(driver);
    engine.add_reader(server, "reader").unwrap();
    assert_eq!(engine.remove_reader(server), Some("reader"));
    assert_eq!(engine.remove_reader(server), None);
    engine.driver.send(client, b"x").unwrap();
    // The first wait may end early, since the driver has not been told; but only the first.
    for _ in 0..3 {
        engine.add_timer(engine.time() + 0.001, "timer");
        while turn(&mut engine).is_empty() {}
    }
    let when = engine.time() + 0.01;
    engine.driver.wait(Wait::Until(when)).unwrap();
    assert!(engine.driver.has_reached(when), "the wait lasts");
    assert_eq!(engine.driver.events().count(), 0);

    // A writer on the same socket is not disturbed, nor does it bring the reader back.
    engine.add_reader(server, "reader").unwrap();
    engine.add_writer(server, "writer").unwrap();
    assert_eq!(turn(&mut engine), ["reader", "writer"]);
    engine.remove_reader(server);
    assert_eq!(turn(&mut engine), ["writer"]);
    assert_eq!(turn(&mut engine), ["writer"]);
}

fn a_reader_can_come_back(mut driver: impl Driver) {
    let (client, server) = connected(&mut driver);
    let mut engine = Engine::new(driver);
    for round in 0..10 {
        engine.add_reader(server, round).unwrap();
        engine.driver.send(client, b"x").unwrap();
        assert_eq!(turn(&mut engine), [round]);
        assert_eq!(engine.driver.recv(server, &mut [0; 8]).unwrap(), 1);
        assert_eq!(engine.remove_reader(server), Some(round));
    }
    // Behind our back, another socket takes the id.
    engine.driver.close(server).unwrap();
    engine.driver.close(client).unwrap();
    let (client, server) = connected(&mut engine.driver);
    for id in [client, server] {
        engine.add_reader(id, id.0).unwrap();
    }
    engine.driver.send(client, b"x").unwrap();
    assert_eq!(turn(&mut engine), [server.0]);
}

fn a_replaced_reader_is_given_back(mut driver: impl Driver) {
    let (_client, server) = connected(&mut driver);
    let mut engine = Engine::new(driver);
    assert_eq!(engine.add_reader(server, 1).unwrap(), None);
    assert_eq!(engine.add_reader(server, 2).unwrap(), Some(1));
    assert_eq!(engine.add_writer(server, 3).unwrap(), None);
    assert_eq!(engine.add_writer(server, 4).unwrap(), Some(3));
    assert_eq!(engine.reader(server), Some(&2));
    assert_eq!(engine.writer(server), Some(&4));
    assert_eq!(turn(&mut engine), [4]);
    assert_eq!(engine.remove_writer(server), Some(4));
}

fn an_inbox_reaches_a_sleeping_loop(driver: impl Subject) {
    let mut engine = Engine::new(driver);
    for round in 0..200 {
        let inbox = engine.inbox();
        engine
            .driver
            .work_outside(move || inbox.push(round).unwrap());
        let mut jobs = turn(&mut engine);
        while jobs.is_empty() {
            jobs = turn(&mut engine);
        }
        assert_eq!(jobs, [round]);
    }
}

fn clear_gives_everything_back(mut driver: impl Driver) {
    let (_client, server) = connected(&mut driver);
    let mut engine = Engine::new(driver);
    let inbox = engine.inbox();
    engine.push(1);
    inbox.push(2).unwrap();
    engine.add_timer(engine.time() + LONG, 4);
    engine.add_timer(engine.time(), 3);
    engine.add_reader(server, 5).unwrap();
    engine.add_writer(server, 6).unwrap();
    assert_eq!(engine.clear(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(engine.clear(), []);
    assert_eq!(inbox.push(7), Err(7));
    assert_eq!((engine.ready_len(), engine.timer_len()), (0, 0));
    assert_eq!(poll(&mut engine.driver), []);
}

fn an_echo_server_serves_many(mut driver: impl Driver) {
    const CLIENTS: usize = 50;
    const ROUNDS: usize = 20;
    #[derive(Clone, Copy)]
    enum Job {
        Accept,
        Echo(SocketId),
        Client(usize, SocketId),
    }
    let (listener, addr) = listen(&mut driver, &SocketAddr::loopback(0));
    let mut engine = Engine::new(driver);
    engine.add_reader(listener, Job::Accept).unwrap();
    for number in 0..CLIENTS {
        let client = engine.driver.socket(Domain::V4, Kind::Stream).unwrap();
        engine.driver.connect(client, &addr).unwrap();
        engine
            .add_writer(client, Job::Client(number, client))
            .unwrap();
    }
    let mut rounds = [0; CLIENTS];
    let mut open = CLIENTS;
    let mut buffer = [0; 64];
    while open > 0 {
        for job in turn(&mut engine) {
            match job {
                Job::Accept => {
                    let (server, _) = engine.driver.accept(listener).unwrap();
                    engine.add_reader(server, Job::Echo(server)).unwrap();
                }
                Job::Echo(id) => match engine.driver.recv(id, &mut buffer).unwrap() {
                    0 => {
                        engine.remove_reader(id);
                        engine.driver.close(id).unwrap();
                        open -= 1;
                    }
                    count => {
                        assert_eq!(engine.driver.send(id, &buffer[..count]).unwrap(), count);
                    }
                },
                Job::Client(number, id) => {
                    let message = [number as u8, rounds[number] as u8];
                    if engine.remove_writer(id).is_none() {
                        let count = engine.driver.recv(id, &mut buffer).unwrap();
                        assert_eq!(buffer[..count], message);
                        rounds[number] += 1;
                    } else {
                        engine.add_reader(id, job).unwrap();
                    }
                    if rounds[number] == ROUNDS {
                        engine.remove_reader(id);
                        engine.driver.close(id).unwrap();
                        continue;
                    }
                    let message = [number as u8, rounds[number] as u8];
                    engine.driver.send(id, &message).unwrap();
                }
            }
        }
    }
    assert_eq!(rounds, [ROUNDS; CLIENTS]);
}
