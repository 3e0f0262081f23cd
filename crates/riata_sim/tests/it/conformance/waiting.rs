//! Waiting: how long, and what ends it.

use super::*;

on_every_driver! {
    a_poll_does_not_wait
    a_wait_lasts_until_its_time
    a_wake_before_the_wait_ends_it
    a_thread_can_wake_the_wait
    many_wakes_are_one
}

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
