//! What a server does with timers in 24 hours, in virtual time.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use riata_engine::{Driver, Engine, Timer};
use riata_sim::SimDriver;

const DAY: u32 = 24 * 60 * 60;

/// A timer that can be cancelled, and the second that it belongs to.
#[derive(Clone)]
struct Cancellable(u32, Rc<Cell<bool>>);

impl Timer<u32> for Cancellable {
    fn is_cancelled(&self) -> bool {
        self.1.get()
    }

    fn into_job(self) -> u32 {
        self.0
    }
}

type Loop = Engine<SimDriver, u32, Cancellable>;

fn add(engine: &mut Loop, when: f64, job: u32) -> Cancellable {
    let timer = Cancellable(job, Rc::default());
    engine.add_timer(when, timer.clone());
    timer
}

fn cancel(engine: &mut Loop, timer: &Cancellable) {
    timer.1.set(true);
    engine.timer_cancelled(|_| true);
}

#[test]
fn a_day_of_timers_leaves_nothing() {
    let mut engine: Loop = Engine::new(SimDriver::new());
    let mut reminders = VecDeque::new();
    let mut watchdog = add(&mut engine, f64::from(2 * DAY), u32::MAX);
    let (mut fired, mut pending_max, mut discarded) = (0, 0, 0);
    for second in 0..DAY {
        let now = f64::from(second);
        // Ten timeouts that nobody waits for in the end, ten steps that happen, the tick that ends the second.
        let timeouts: Vec<_> = (0..10).map(|_| add(&mut engine, now + 60.0, 0)).collect();
        for step in 0..10 {
            add(&mut engine, now + f64::from(step) / 10.0, second);
        }
        add(&mut engine, now + 1.0, second);
        // A watchdog that is moved every second, and a reminder for tomorrow that is dropped after a minute.
        cancel(&mut engine, &watchdog);
        watchdog = add(&mut engine, now + f64::from(2 * DAY), u32::MAX);
        reminders.push_back(add(&mut engine, now + f64::from(2 * DAY), second));
        if reminders.len() > 60 {
            cancel(&mut engine, &reminders.pop_front().unwrap());
        }
        for timeout in timeouts {
            cancel(&mut engine, &timeout);
        }
        pending_max = pending_max.max(engine.timer_len());
        while engine.time() < now + 1.0 {
            let wait = engine.prepare();
            engine.driver.wait(wait).unwrap();
            discarded += engine.take_discarded().len();
            for _ in 0..engine.collect() {
                assert_eq!(
                    engine.pop(),
                    Some(second),
                    "nothing fires in another second"
                );
                fired += 1;
            }
        }
    }
    assert_eq!((engine.time(), fired), (f64::from(DAY), DAY * 11));
    assert!(
        pending_max < 100,
        "{pending_max} timers were pending at once"
    );
    assert_eq!(engine.timer_len(), 1 + reminders.len());
    let cancelled = DAY as usize * 12 - reminders.len();
    assert!(cancelled - discarded < 200, "cancelled timers are kept");
}
