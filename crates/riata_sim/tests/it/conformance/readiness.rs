//! Readiness: what is reported of which socket, and when.

use super::*;

on_every_driver! {
    readiness_is_level_triggered
    only_what_is_asked_for_is_reported
    a_hang_up_is_readable_and_writable
    readiness_of_an_unwatched_socket_is_silent
    a_closed_socket_can_be_deregistered
    an_id_used_again_can_be_modified
    an_id_used_again_can_be_registered
    what_is_not_open_is_an_error
    many_sockets_are_each_reported_once
}

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
