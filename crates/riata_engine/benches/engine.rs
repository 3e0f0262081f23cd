//! Nanoseconds for each of the engine's hot calls: `cargo bench -p riata_engine`.
//!
//! A plain harness: each case runs several times and the fastest is shown, which on a noisy machine says most.

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::Instant;

use riata_engine::{Driver, Engine, KernelDriver, Timer, Wait};

/// As large as a job of the Python binding.
type Job = [u64; 4];

/// Somebody else holds it and may cancel it.
#[derive(Clone, Default)]
struct Shared(Rc<Cell<bool>>);

impl Timer<Job> for Shared {
    fn is_cancelled(&self) -> bool {
        self.0.get()
    }

    fn into_job(self) -> Job {
        [1; 4]
    }
}

type Bench = Engine<KernelDriver, Job, Shared>;

fn cancel(engine: &mut Bench, timer: &Shared) {
    timer.0.set(true);
    engine.timer_cancelled(|_| true);
}

const ROUNDS: usize = 15;

fn measure(name: &str, count: usize, mut run: impl FnMut() -> u64) {
    let best = (0..ROUNDS).map(|_| run()).min().unwrap_or(0);
    println!("{name:<44}{:>8.1} ns", best as f64 / count as f64);
}

fn nanos(run: impl FnOnce()) -> u64 {
    let begin = Instant::now();
    run();
    begin.elapsed().as_nanos() as u64
}

fn engine() -> Bench {
    Engine::new(KernelDriver::new().expect("a poller"))
}

fn turn(engine: &mut Bench) -> usize {
    let wait = engine.prepare();
    if wait != Wait::Skip {
        engine.driver.wait(wait).expect("no signals here");
    }
    engine.collect()
}

/// A cheap sequence without pattern.
fn scatter(number: usize) -> f64 {
    (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as f64
}

fn main() {
    const N: usize = 100_000;

    measure("push + pop, one at a time", N, || {
        let mut engine = engine();
        nanos(|| {
            for number in 0..N as u64 {
                engine.push([number; 4]);
                black_box(engine.pop());
            }
        })
    });
    measure("push + pop, 10,000 at a time", N, || {
        let mut engine = engine();
        nanos(|| {
            for _ in 0..N / 10_000 {
                for number in 0..10_000 {
                    engine.push([number; 4]);
                }
                while let Some(job) = engine.pop() {
                    black_box(job);
                }
            }
        })
    });
    for (name, timer) in [
        ("a turn of one job", false),
        ("a turn of one job, with a timer", true),
    ] {
        measure(name, N, || {
            let mut engine = engine();
            if timer {
                engine.add_timer(engine.time() + 3600.0, Shared::default());
            }
            engine.push([1; 4]);
            nanos(|| {
                for _ in 0..N {
                    for _ in 0..turn(&mut engine) {
                        if let Some(job) = engine.pop() {
                            engine.push(job);
                        }
                    }
                }
            })
        });
    }
    measure("a turn that polls", N, || {
        let mut engine = engine();
        engine.push([1; 4]);
        nanos(|| {
            for _ in 0..N {
                engine.begin_run();
                turn(&mut engine);
            }
        })
    });
    for (name, pending, base) in [
        ("add + cancel timer", 0, 1e12),
        ("add + cancel timer, before 100,000", 100_000, 1e8),
        ("add + cancel timer, after 100,000", 100_000, 1e12),
    ] {
        measure(name, N, || {
            let mut engine = engine();
            for number in 0..pending {
                engine.add_timer(1e9 + scatter(number), Shared::default());
            }
            nanos(|| {
                for number in 0..N {
                    let timer = Shared::default();
                    engine.add_timer(base + number as f64, timer.clone());
                    cancel(&mut engine, &timer);
                }
            })
        });
    }
    for (order, when) in [
        ("in order", (|number| number as f64) as fn(usize) -> f64),
        ("at random", scatter),
    ] {
        let mut engine = engine();
        let mut timers = Vec::with_capacity(N);
        let mut add = |engine: &mut Bench, base: f64| {
            timers.resize_with(N, Shared::default);
            let time = nanos(|| {
                for (number, timer) in timers.iter().enumerate() {
                    engine.add_timer(base + when(number), timer.clone());
                }
            });
            (time, std::mem::take(&mut timers))
        };
        measure(&format!("100,000 timers {order}: add"), N, || {
            let time = add(&mut engine, 1e9).0;
            engine.clear();
            time
        });
        measure(&format!("100,000 timers {order}: cancel"), N, || {
            let timers = add(&mut engine, 1e9).1;
            let time = nanos(|| {
                for timer in &timers {
                    cancel(&mut engine, timer);
                }
                black_box(engine.prepare());
            });
            engine.take_discarded();
            time
        });
        measure(&format!("100,000 timers {order}: fire"), N, || {
            add(&mut engine, -1e12);
            nanos(|| {
                for _ in 0..turn(&mut engine) {
                    black_box(engine.pop());
                }
            })
        });
    }
    measure("inbox: push, awake loop", N, || {
        let mut engine = engine();
        let inbox = engine.inbox();
        nanos(|| {
            for number in 0..N as u64 {
                let _ = inbox.push([number; 4]);
            }
            engine.push([0; 4]);
            turn(&mut engine);
        })
    });
    measure("clock", N, || {
        let engine = engine();
        nanos(|| {
            for _ in 0..N {
                black_box(engine.driver.now());
            }
        })
    });
}
