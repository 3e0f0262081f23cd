//! A loop on the simulated driver: when its clock moves though tasks spin, and its looks at the real world.
//!
//! Its clock jumps when every task waits, which the driver sees by itself. A task that gives way in every turn until something
//! has happened never waits, and a timer beside it would never be due: so after [`SPINS`] turns in which nothing else was done,
//! the clock jumps, too. What is deliberately absent: a wait for the real world. A loop on which nothing can run any more
//! calls its method `_stuck`.

use std::cell::Cell;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use riata_engine::{KernelDriver, Seconds};
use riata_sim::Deadlock;
use riata_trace::Waits;

use super::{Loop, LoopCore};
use crate::ffi::Res;
use crate::run::run_batch;

/// Turns in a row in which tasks gave way and did nothing else, after which they are taken to wait for the clock. Some
/// milliseconds; few programs give way so often in one go for another reason.
const SPINS: u32 = 10_000;
/// How long jobs run, at most, before signals are looked at and another thread gets a turn that waits for one: real seconds.
const QUANTUM: Seconds = 0.001;

/// What a loop on the simulated driver knows beside it.
pub struct Simulation {
    /// How many turns in a row were spun.
    spins: Cell<u32>,
    /// After the turn before.
    seen: Cell<Seen>,
    /// In the turn that runs.
    foreign_steps: Cell<usize>,
    /// When to call `_overdue`, on the real clock; infinite for never.
    overdue_at: Cell<Seconds>,
    /// When the quantum is over, on the real clock.
    quantum_end: Cell<Seconds>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    /// How often a task gave way.
    gave_way: u64,
    timers: usize,
}

impl Simulation {
    pub fn new() -> Simulation {
        Simulation {
            spins: Cell::new(0),
            seen: Cell::new(Seen::default()),
            foreign_steps: Cell::new(0),
            overdue_at: Cell::new(Seconds::INFINITY),
            quantum_end: Cell::new(0.0),
        }
    }

    /// Takes note of a turn that ran so many jobs; says whether tasks have spun for long enough.
    fn has_spun(&self, ran: usize, now: Seen) -> bool {
        let before = self.seen.replace(now);
        let ours = ran - self.foreign_steps.take().min(ran);
        // Every job was the step of a task that gave way, and no timer came or went. Whatever else a step does shows in the
        // next turn, by a job that is none. What asyncio's own tasks do is not counted, but that shows as well.
        let spun = Seen {
            gave_way: before.gave_way + ours as u64,
            timers: before.timers,
        };
        if ran == 0 || now != spun {
            self.spins.set(0);
            return false;
        }
        self.spins.set(self.spins.get() + 1);
        if self.spins.get() < SPINS {
            return false;
        }
        self.spins.set(0);
        true
    }
}

impl LoopCore {
    /// Run so many jobs of a simulated loop.
    #[cold]
    pub fn run_simulated_batch(&self, simulation: &Simulation, count: usize) -> Res<()> {
        simulation.foreign_steps.set(self.foreign_steps());
        run_batch(self, count)?;
        self.after_simulated_turn(simulation, count)
    }

    fn after_simulated_turn(&self, simulation: &Simulation, ran: usize) -> Res<()> {
        let (_, timers, _) = self.pending();
        let gave_way = self.counts.borrow().parks_for(Waits::Turn);
        if simulation.has_spun(ran, Seen { gave_way, timers }) {
            self.jump_to_timer();
        }
        let now = KernelDriver::monotonic();
        if now < simulation.quantum_end.get() {
            return Ok(());
        }
        simulation.quantum_end.set(now + QUANTUM);
        if now >= simulation.overdue_at.get() {
            simulation.overdue_at.set(Seconds::INFINITY);
            self.leave()?;
            self.this().get(c"_overdue")?.call0()?;
        }
        crate::ffi::check_signals()?;
        crate::state::state().give_way.call0().map(drop)
    }

    /// Nothing can end a wait.
    #[cold]
    pub fn stuck(&self) -> Res<()> {
        self.this().get(c"_stuck")?.call0().map(drop)
    }
}

/// What only a loop made with `_simulated=True` has any use for.
#[pymethods]
impl Loop {
    /// Whether the clock is simulated.
    #[getter(_simulated)]
    fn simulated(&self) -> bool {
        self.core.simulation.is_some()
    }

    /// Move the simulated clock by so many seconds, and queue what became due.
    fn _advance(&self, seconds: f64) -> PyResult<()> {
        let when = self.core.time() + seconds;
        if self.core.simulation.is_none() {
            return Err(PyRuntimeError::new_err("the loop runs in real time"));
        }
        if !(seconds >= 0.0 && when.is_finite()) {
            return Err(PyValueError::new_err(format!(
                "the clock cannot move by {seconds} seconds"
            )));
        }
        self.core.advance_to(when);
        self.core.queue_due();
        Ok(())
    }

    /// Call `_overdue()` after a turn when the real clock, that of `time.monotonic`, has come to this; infinite for never.
    #[setter(_overdue_at)]
    fn set_overdue_at(&self, when: f64) {
        if let Some(simulation) = &self.core.simulation {
            simulation.overdue_at.set(when);
        }
    }

    /// Called when nothing can wake the simulated loop. It goes on if this returns.
    fn _stuck(&self) -> PyResult<()> {
        Err(PyRuntimeError::new_err(Deadlock.to_string()))
    }

    /// Called when the real clock has come to `_overdue_at`.
    fn _overdue(&self) {}
}
