//! The watchdog; signal 0 is sent to nobody, and is told of all the same.

use std::thread::sleep;
use std::time::Duration;

use riata_engine::Watchdog;

const AFTER: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_millis(100);

#[test]
fn a_job_that_takes_too_long_is_told_of() {
    let watchdog = Watchdog::start(0).unwrap();
    let watch = watchdog.watch();
    watch.begin(AFTER);
    let began = watch.job_begins();
    sleep(LONG);
    let took = watch.job_ends(began).unwrap();
    assert!(took >= LONG, "{took:?}");

    let began = watch.job_begins();
    assert_eq!(watch.job_ends(began), None);
    watch.end();
}

#[test]
fn time_between_jobs_is_nobodys() {
    let watchdog = Watchdog::start(0).unwrap();
    let watch = watchdog.watch();
    watch.begin(AFTER);
    for _ in 0..3 {
        let began = watch.job_begins();
        assert_eq!(watch.job_ends(began), None);
        sleep(2 * AFTER);
    }
    watch.end();
}

#[test]
fn who_is_not_watched_is_not_told_of() {
    let watchdog = Watchdog::start(0).unwrap();
    let watch = watchdog.watch();
    let began = watch.job_begins();
    sleep(LONG);
    assert_eq!(watch.job_ends(began), None);

    watch.begin(AFTER);
    watch.end();
    let began = watch.job_begins();
    sleep(LONG);
    assert_eq!(watch.job_ends(began), None);
}

#[test]
fn what_outlives_the_watchdog_is_not_told_of() {
    let watchdog = Watchdog::start(0).unwrap();
    let watch = watchdog.watch();
    watch.begin(AFTER);
    drop(watchdog);
    let began = watch.job_begins();
    sleep(LONG);
    assert_eq!(watch.job_ends(began), None);
    watch.end();
}
