//! What a server does with timers in 24 hours, in virtual time.

use std::collections::VecDeque;

use riata_engine::{Driver, Engine, TimerKey};
use riata_sim::SimDriver;

const DAY: u32 = 24 * 60 * 60;

#[test]
fn a_day_of_timers_leaves_nothing() {
    let mut engine: Engine<SimDriver, u32> = Engine::new(SimDriver::new());
    let mut reminders: VecDeque<(TimerKey, u32)> = VecDeque::new();
    let mut watchdog = engine.add_timer(f64::from(2 * DAY), u32::MAX);
    let (mut fired, mut pending_max) = (0, 0);
    for second in 0..DAY {
        let now = f64::from(second);
        // Ten timeouts that nobody waits for in the end, ten steps that happen, the tick that ends the second.
        let timeouts: Vec<_> = (0..10).map(|_| engine.add_timer(now + 60.0, 0)).collect();
        for step in 0..10 {
            engine.add_timer(now + f64::from(step) / 10.0, second);
        }
        engine.add_timer(now + 1.0, second);
        // A watchdog that is moved every second, and a reminder for tomorrow that is dropped after a minute.
        assert_eq!(engine.cancel_timer(watchdog), Some(u32::MAX));
        watchdog = engine.add_timer(now + f64::from(2 * DAY), u32::MAX);
        reminders.push_back((engine.add_timer(now + f64::from(2 * DAY), second), second));
        if reminders.len() > 60 {
            let (key, job) = reminders.pop_front().unwrap();
            assert_eq!(engine.cancel_timer(key), Some(job));
        }
        for key in timeouts {
            assert_eq!(engine.cancel_timer(key), Some(0));
        }
        pending_max = pending_max.max(engine.timer_len());
        while engine.time() < now + 1.0 {
            let wait = engine.prepare();
            engine.driver.wait(wait).unwrap();
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
}
