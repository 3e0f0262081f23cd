//! What the simulation promises beyond being a driver.

use std::io::ErrorKind;
use std::thread;

use riata_engine::{Connection, Domain, Driver, Engine, Interest, Kind, SocketAddr, Wait};
use riata_sim::{Deadlock, SimDriver};

#[test]
fn the_clock_jumps_to_the_deadline_and_stands_still_otherwise() {
    let mut driver = SimDriver::new();
    assert_eq!(driver.now(), 0.0);
    driver.wait(Wait::Until(86_400.0)).unwrap();
    assert_eq!(driver.now(), 86_400.0);
    driver.wait(Wait::Poll).unwrap();
    driver.wait(Wait::Until(5.0)).unwrap();
    assert_eq!(driver.now(), 86_400.0);
    driver.advance(0.5);
    assert_eq!(driver.now(), 86_400.5);
}

#[test]
fn the_clock_is_set_exactly_and_never_back() {
    let mut driver = SimDriver::new();
    driver.advance(0.1);
    // 0.1 + (0.3 - 0.1) is another number.
    driver.advance_to(0.3);
    assert_eq!(driver.now(), 0.3);
    driver.advance_to(0.2);
    assert_eq!(driver.now(), 0.3);
}

#[test]
fn who_will_not_wait_can_move_the_clock_to_the_next_timer() {
    let mut engine = Engine::new(SimDriver::new());
    assert_eq!(engine.next_deadline(), None);
    engine.push("spins");
    engine.add_timer(7.5, "later");
    engine.add_timer(2.5, "timer");
    let when = engine.next_deadline().unwrap();
    assert_eq!(when, 2.5);
    engine.driver.advance_to(when);
    engine.queue_due();
    engine.push("after it");
    let wait = engine.prepare();
    engine.driver.wait(wait).unwrap();
    assert_eq!(engine.collect(), 3);
    let ran = [engine.pop(), engine.pop(), engine.pop()];
    assert_eq!(ran, [Some("spins"), Some("timer"), Some("after it")]);
    assert_eq!(engine.time(), 2.5);
}

#[test]
fn timers_are_due_when_the_clock_has_jumped_to_them_however_late_it_is() {
    let mut engine = Engine::new(SimDriver::new());
    for when in [1e-9, 1.0, 1e7, 1e12, 1e300] {
        engine.add_timer(when, when);
        let wait = engine.prepare();
        assert_eq!(wait, Wait::Until(when));
        engine.driver.wait(wait).unwrap();
        assert_eq!(engine.collect(), 1);
        assert_eq!(engine.pop(), Some(when));
    }
}

#[test]
fn waiting_for_nothing_is_an_error_of_its_own() {
    let mut driver = SimDriver::new();
    let listener = driver.socket(Domain::V4, Kind::Stream).unwrap();
    driver.bind(listener, &SocketAddr::loopback(80)).unwrap();
    driver.listen(listener, 1).unwrap();
    driver.register(listener, Interest::READABLE).unwrap();
    for wait in [Wait::Forever, Wait::Until(f64::INFINITY)] {
        let error = driver.wait(wait).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadlock);
        assert!(error.get_ref().unwrap().is::<Deadlock>());
    }
}

#[test]
fn work_outside_holds_the_clock_and_ends_the_wait() {
    let mut engine = Engine::new(SimDriver::new());
    engine.add_timer(10.0, "timer");
    let under_way = engine.driver.outside().begin();
    let inbox = engine.inbox();
    let thread = thread::spawn(move || {
        inbox.push("result").unwrap();
        drop(under_way);
    });
    let wait = engine.prepare();
    engine.driver.wait(wait).unwrap();
    assert_eq!(engine.driver.now(), 0.0);
    engine.collect();
    assert_eq!(engine.pop(), Some("result"));
    thread.join().unwrap();
    let wait = engine.prepare();
    engine.driver.wait(wait).unwrap();
    assert_eq!(engine.driver.now(), 10.0);
}

#[test]
fn work_that_ends_without_a_wake_leaves_a_deadlock() {
    let mut driver = SimDriver::new();
    let under_way = driver.outside().begin();
    let thread = thread::spawn(move || drop(under_way));
    assert_eq!(
        driver.wait(Wait::Forever).unwrap_err().kind(),
        ErrorKind::Deadlock
    );
    thread.join().unwrap();
}

#[test]
fn a_full_backlog_makes_callers_wait() {
    let mut driver = SimDriver::new();
    let listener = driver.socket(Domain::V4, Kind::Stream).unwrap();
    driver.bind(listener, &SocketAddr::loopback(80)).unwrap();
    driver.listen(listener, 1).unwrap();
    let mut call = || {
        let client = driver.socket(Domain::V4, Kind::Stream).unwrap();
        let called = driver.connect(client, &SocketAddr::loopback(80)).unwrap();
        assert_eq!(called, Connection::InProgress);
        driver.register(client, Interest::WRITABLE).unwrap();
        client
    };
    let (first, second, third) = (call(), call(), call());
    let connected = |driver: &mut SimDriver| {
        driver.wait(Wait::Poll).unwrap();
        driver.events().map(|event| event.0).collect::<Vec<_>>()
    };
    assert_eq!(connected(&mut driver), [first]);
    driver.accept(listener).unwrap();
    assert_eq!(connected(&mut driver), [first, second]);
    // The listener goes: who was called and not accepted is reset, who still waits is refused.
    driver.close(listener).unwrap();
    assert_eq!(connected(&mut driver), [first, second, third]);
    let mut error = |id| driver.take_error(id).unwrap().map(|error| error.kind());
    assert_eq!(error(first), None);
    assert_eq!(error(second), Some(ErrorKind::ConnectionReset));
    assert_eq!(error(third), Some(ErrorKind::ConnectionRefused));
}

#[test]
fn names_are_those_that_were_added() {
    let mut driver = SimDriver::new();
    driver.add_name("db", ["10.0.0.1".parse().unwrap(), "::1".parse().unwrap()]);
    let found = driver.resolve("db", 5432).unwrap().unwrap();
    let found: Vec<_> = found.iter().map(SocketAddr::to_string).collect();
    assert_eq!(found, ["10.0.0.1:5432", "[::1]:5432"]);
    let error = driver.resolve("example.org", 80).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn what_has_no_counterpart_is_unsupported() {
    let mut driver = SimDriver::new();
    assert_eq!(driver.adopt(0).unwrap_err().kind(), ErrorKind::Unsupported);
    let error = driver.socket(Domain::V4, Kind::Datagram).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let socket = driver.socket(Domain::V4, Kind::Stream).unwrap();
    assert_eq!(driver.as_raw_fd(socket), None);
}
