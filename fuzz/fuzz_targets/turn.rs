//! A loop in simulation, driven by bytes: timers, jobs, sockets and turns in any order. It looks for panics, for jobs
//! that are lost or come twice, and for timers that fire early or out of order.
#![no_main]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use riata_engine::{Domain, Driver, Engine, Kind, SocketAddr, SocketId, Timer, Wait};
use riata_sim::SimDriver;

/// Sockets beyond this number are not opened.
const SOCKETS_MAX: u8 = 16;

#[derive(Clone, Copy, PartialEq)]
enum State {
    Waiting,
    Cancelled,
    Queued,
}

/// A timer that becomes its job; its copies share the state.
#[derive(Clone)]
struct Shared {
    job: u64,
    state: Rc<Cell<State>>,
}

impl Timer<u64> for Shared {
    fn is_cancelled(&self) -> bool {
        self.state.get() == State::Cancelled
    }

    fn into_job(self) -> u64 {
        assert!(self.state.replace(State::Queued) == State::Waiting);
        self.job
    }
}

type Loop = Engine<SimDriver, u64, Shared>;

#[derive(Default)]
struct World {
    /// Jobs that are queued or on a timer, each of which must come out once.
    owed: BTreeSet<u64>,
    timers: Vec<Shared>,
    deadlines: BTreeMap<u64, f64>,
    next_job: u64,
}

impl World {
    fn new_job(&mut self) -> u64 {
        self.next_job += 1;
        self.owed.insert(self.next_job);
        self.next_job
    }
}

/// The job of every watcher; it may come any number of times.
const WATCHER: u64 = 0;

fuzz_target!(|data: &[u8]| {
    let mut engine: Loop = Engine::new(SimDriver::new());
    engine.driver.set_stream_capacity(8);
    let mut world = World::default();
    for step in data.chunks_exact(2) {
        let (action, argument) = (step[0], step[1]);
        let id = SocketId(u32::from(argument % SOCKETS_MAX));
        let port = SocketAddr::loopback(u16::from(argument % 3) + 1);
        // Errors are what is being asked for; only panics and broken promises count.
        match action % 18 {
            0 => engine.push(world.new_job()),
            1 => engine.push_front(world.new_job()),
            2 => engine.inbox().push(world.new_job()).unwrap(),
            3 | 4 => {
                let job = world.new_job();
                let when = match argument {
                    255 => f64::INFINITY,
                    254 => f64::NAN,
                    _ => engine.time() + f64::from(argument % 7),
                };
                let timer = Shared {
                    job,
                    state: Rc::new(Cell::new(State::Waiting)),
                };
                engine.add_timer(when, timer.clone());
                world.timers.push(timer);
                world.deadlines.insert(job, when);
            }
            5 => {
                if let Some(timer) = world.timers.get(usize::from(argument)) {
                    if timer.state.get() == State::Waiting {
                        timer.state.set(State::Cancelled);
                        engine.timer_cancelled(|_| true);
                        assert!(world.owed.remove(&timer.job));
                    }
                }
            }
            6 => drop(engine.driver.socket(Domain::V4, Kind::Stream)),
            7 => drop(engine.driver.bind(id, &port)),
            8 => drop(engine.driver.listen(id, i32::from(argument / 64))),
            9 => drop(engine.driver.connect(id, &port)),
            10 => drop(engine.driver.accept(id)),
            11 => drop(engine.driver.send(id, &[argument; 5])),
            12 => drop(engine.driver.recv(id, &mut [0; 3])),
            13 => drop(engine.driver.shutdown(id, std::net::Shutdown::Write)),
            14 => drop(engine.driver.close(id)),
            15 => drop(engine.add_reader(id, WATCHER)),
            16 => drop(engine.add_writer(id, WATCHER)),
            _ => turn(&mut engine, &mut world),
        }
        if argument % 5 == 0 {
            engine.remove_reader(id);
        }
    }
    let left = engine.clear();
    let left: Vec<_> = left.into_iter().filter(|&job| job != WATCHER).collect();
    assert_eq!(left.len(), world.owed.len());
    assert_eq!(left.into_iter().collect::<BTreeSet<_>>(), world.owed);
});

fn turn(engine: &mut Loop, world: &mut World) {
    let wait = engine.prepare();
    if wait != Wait::Skip {
        // A deadlock is an error, and here a common one.
        let _ = engine.driver.wait(wait);
    }
    let mut last = f64::NEG_INFINITY;
    for _ in 0..engine.collect() {
        let Some(job) = engine.pop() else {
            panic!("collect promised more");
        };
        if job == WATCHER {
            continue;
        }
        assert!(world.owed.remove(&job), "job {job} came twice");
        if let Some(when) = world.deadlines.get(&job).filter(|when| !when.is_nan()) {
            assert!(*when <= engine.time(), "early");
            assert!(*when >= last, "out of order");
            last = *when;
        }
    }
}
