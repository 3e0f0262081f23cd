//! The engine over the driver: turns, watchers, the inbox.

use super::*;

on_every_driver! {
    a_turn_takes_inbox_then_sockets_then_timers
    a_removed_reader_is_not_called
    a_reader_can_come_back
    a_replaced_reader_is_given_back
    an_inbox_reaches_a_sleeping_loop
    clear_gives_everything_back
    an_echo_server_serves_many
}

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
