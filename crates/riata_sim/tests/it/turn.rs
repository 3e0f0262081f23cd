//! The order of jobs, and when the wait may be skipped, against a slow and obvious model of asyncio's loop.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use proptest::prelude::*;
use riata_engine::{Domain, Driver, Engine, Kind, SocketAddr, SocketId, Timer, Wait};
use riata_sim::SimDriver;

/// A timer that the test holds, too, so as to cancel it.
#[derive(Clone)]
struct Shared {
    job: u32,
    cancelled: Rc<Cell<bool>>,
}

impl Timer<u32> for Shared {
    fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    fn into_job(self) -> u32 {
        self.job
    }
}

/// asyncio's loop, as `BaseEventLoop._run_once` has it, with numbers for handles.
#[derive(Default)]
struct Model {
    now: f64,
    ready: VecDeque<u32>,
    inbox: Vec<u32>,
    /// In the order in which they were added; `None` once fired or cancelled.
    timers: Vec<Option<(f64, u32)>>,
}

impl Model {
    fn begin_turn(&mut self) -> usize {
        self.ready.extend(self.inbox.drain(..));
        if self.ready.is_empty() {
            let deadlines = self.timers.iter().flatten().map(|timer| timer.0);
            if let Some(when) = deadlines.reduce(f64::min) {
                self.now = self.now.max(when);
            }
        }
        let mut due: Vec<_> = self
            .timers
            .iter_mut()
            .filter(|timer| timer.is_some_and(|timer| timer.0 <= self.now))
            .filter_map(Option::take)
            .collect();
        // A stable sort keeps those of one deadline in the order in which they were added.
        due.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.ready.extend(due.into_iter().map(|timer| timer.1));
        self.ready.len()
    }
}

/// What a job does when it runs, or what is done between turns.
#[derive(Clone, Debug)]
enum Action {
    Push,
    PushFront,
    Send,
    AddTimer(u8),
    Cancel(f64),
    Advance(u8),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => Just(Action::Push),
        1 => Just(Action::PushFront),
        2 => Just(Action::Send),
        4 => (0..6u8).prop_map(Action::AddTimer),
        3 => (0.0..1.0).prop_map(Action::Cancel),
        1 => (0..3u8).prop_map(Action::Advance),
    ]
}

struct Pair {
    engine: Engine<SimDriver, u32, Shared>,
    model: Model,
    timers: Vec<Shared>,
    next_job: u32,
}

impl Pair {
    fn act(&mut self, action: &Action) {
        let job = self.next_job;
        self.next_job += 1;
        match *action {
            Action::Push => {
                self.engine.push(job);
                // asyncio has one queue, to which other threads add too.
                self.model.ready.extend(self.model.inbox.drain(..));
                self.model.ready.push_back(job);
            }
            Action::PushFront => {
                self.engine.push_front(job);
                self.model.ready.push_front(job);
            }
            Action::Send => {
                self.engine.inbox().push(job).unwrap();
                self.model.inbox.push(job);
            }
            Action::AddTimer(delay) => {
                let when = self.engine.time() + f64::from(delay);
                let timer = Shared {
                    job,
                    cancelled: Rc::default(),
                };
                self.engine.add_timer(when, timer.clone());
                self.timers.push(timer);
                self.model.timers.push(Some((when, job)));
            }
            Action::Cancel(at) => {
                let number = (self.timers.len() as f64 * at) as usize;
                let waiting = self.model.timers.get_mut(number).and_then(Option::take);
                if waiting.is_some() {
                    self.timers[number].cancelled.set(true);
                    self.engine.timer_cancelled(|_| true);
                }
            }
            Action::Advance(by) => {
                self.engine.driver.advance(f64::from(by));
                self.model.now += f64::from(by);
            }
        }
        assert_eq!(
            self.engine.timer_len(),
            self.model.timers.iter().flatten().count()
        );
    }
}

/// Runs turns; each job that runs does what the script says next.
fn check(script: Vec<Vec<Action>>) {
    let mut pair = Pair {
        engine: Engine::new(SimDriver::new()),
        model: Model::default(),
        timers: Vec::new(),
        next_job: 0,
    };
    let mut script = script.iter();
    for action in script.next().into_iter().flatten() {
        pair.act(action);
    }
    loop {
        let wait = pair.engine.prepare();
        match wait {
            Wait::Forever => break,
            Wait::Skip => {}
            Wait::Poll | Wait::Until(_) => pair.engine.driver.wait(wait).unwrap(),
        }
        let count = pair.engine.collect();
        assert_eq!(count, pair.model.begin_turn());
        assert_eq!(pair.engine.driver.now(), pair.model.now);
        for _ in 0..count {
            let job = pair.engine.pop();
            assert_eq!(job, pair.model.ready.pop_front());
            if job.is_none() {
                break;
            }
            for action in script.next().into_iter().flatten() {
                pair.act(action);
            }
        }
        assert_eq!(pair.engine.ready_len(), pair.model.ready.len());
    }
    assert!(pair.model.ready.is_empty());
    assert_eq!(pair.model.timers.iter().flatten().count(), 0);
}

proptest! {
    #[test]
    fn jobs_run_in_the_order_of_asyncio(
        script in prop::collection::vec(prop::collection::vec(action(), 0..4), 0..150)
    ) {
        check(script);
    }
}

/// One turn of an engine whose jobs are pushed again; says whether it polled.
fn busy_turn(engine: &mut Engine<SimDriver, u32>) -> bool {
    let wait = engine.prepare();
    assert!(matches!(wait, Wait::Skip | Wait::Poll));
    if wait == Wait::Poll {
        engine.driver.wait(wait).unwrap();
    }
    for _ in 0..engine.collect() {
        let job = engine.pop().unwrap();
        engine.push(job);
    }
    wait == Wait::Poll
}

#[test]
fn every_turn_polls_while_a_socket_is_watched() {
    let mut engine = Engine::new(SimDriver::new());
    let socket = engine.driver.socket(Domain::V4, Kind::Stream).unwrap();
    engine
        .driver
        .bind(socket, &SocketAddr::loopback(0))
        .unwrap();
    engine.driver.listen(socket, 1).unwrap();
    engine.push(1);
    let mut polls = |change: fn(&mut Engine<SimDriver, u32>, SocketId)| {
        change(&mut engine, socket);
        (0..3).map(|_| busy_turn(&mut engine)).collect::<Vec<_>>()
    };
    assert_eq!(polls(|_, _| ()), [true, false, false]); // the first of a run
    assert_eq!(
        polls(|engine, id| _ = engine.add_reader(id, 2).unwrap()),
        [true; 3]
    );
    assert_eq!(
        polls(|engine, id| _ = engine.add_writer(id, 2).unwrap()),
        [true; 3]
    );
    assert_eq!(polls(|engine, id| _ = engine.remove_writer(id)), [true; 3]);
    assert_eq!(polls(|engine, id| _ = engine.remove_reader(id)), [true; 3]); // it does not know yet
    assert_eq!(polls(|engine, id| engine.settle(id)), [false; 3]);
    assert_eq!(polls(|engine, id| engine.settle(id)), [false; 3]);
}

#[test]
fn each_run_begins_with_a_poll() {
    let mut engine = Engine::new(SimDriver::new());
    engine.push(1);
    assert!(busy_turn(&mut engine));
    assert!(!busy_turn(&mut engine));
    engine.begin_run();
    assert!(busy_turn(&mut engine));
    assert!(!busy_turn(&mut engine));
}
