//! One turn of the loop: `prepare`, then `driver.wait`, then `collect`, which says how many jobs to run.
//!
//! The order is asyncio's: what other threads sent, then readiness, then due timers; and what a job schedules runs in
//! the next turn. What is deliberately absent: running a job. The caller pops and runs them, so that no borrow of the
//! engine lives while they do, and a job may do anything to the engine.

use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::driver::{Driver, Interest, Seconds, SocketId, Wait};
use crate::inbox::Inbox;
use crate::queues::{Queues, Source};
use crate::timers::Timer;

/// The part of a loop that its own thread owns: queues over a driver. What needs no driver is a method of [`Queues`].
pub struct Engine<D, J, T = J> {
    pub driver: D,
    pub queues: Queues<J, T>,
    /// Sockets that were ready for something nobody wants any more. Empty between turns.
    unwanted: Vec<SocketId>,
    /// How many sockets the driver watches.
    armed: usize,
    /// Whether `prepare` asked for a wait in this turn.
    waited: bool,
    /// Whether no turn of this run has waited yet.
    begins: bool,
}

impl<D, J, T> Deref for Engine<D, J, T> {
    type Target = Queues<J, T>;

    #[inline(always)]
    fn deref(&self) -> &Queues<J, T> {
        &self.queues
    }
}

impl<D, J, T> DerefMut for Engine<D, J, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Queues<J, T> {
        &mut self.queues
    }
}

impl<D: Driver, J: Clone, T: Timer<J>> Engine<D, J, T> {
    pub fn new(driver: D) -> Self {
        let inbox = Arc::new(Inbox::new(driver.waker()));
        Engine {
            driver,
            queues: Queues::new(inbox),
            unwanted: Vec::new(),
            armed: 0,
            waited: false,
            begins: true,
        }
    }

    /// The time on the driver's clock.
    #[inline]
    pub fn time(&self) -> Seconds {
        self.driver.now()
    }

    /// [`Queues::add_timer`], here so that the same engine can be asked for `time()` in the argument.
    #[inline]
    pub fn add_timer(&mut self, when: Seconds, timer: T) {
        self.queues.add_timer(when, timer);
    }

    // Sockets.

    /// Queues a clone of `job` in every turn in which the socket is readable. Gives back the job it replaces.
    ///
    /// # Errors
    ///
    /// What the driver says; then nothing has changed.
    pub fn add_reader(&mut self, id: SocketId, job: J) -> io::Result<Option<J>> {
        let source = self.watch(id, Interest::READABLE)?;
        Ok(source.reader.replace(job))
    }

    /// As [`add_reader`](Self::add_reader), for writing.
    ///
    /// # Errors
    ///
    /// What the driver says; then nothing has changed.
    pub fn add_writer(&mut self, id: SocketId, job: J) -> io::Result<Option<J>> {
        let source = self.watch(id, Interest::WRITABLE)?;
        Ok(source.writer.replace(job))
    }

    /// Tells the driver now that a socket is wanted for less. Before a descriptor is closed this must be done: another
    /// process may hold a copy of it, and then the kernel would go on reporting what nobody can unregister any more.
    pub fn settle(&mut self, id: SocketId) {
        let Some(source) = self.queues.sources.get_mut(id.0 as usize) else {
            return;
        };
        let wanted = source.wanted();
        if wanted == source.armed {
            return;
        }
        let told = if wanted.is_none() {
            self.driver.deregister(id)
        } else {
            self.driver.modify(id, wanted)
        };
        source.arm(told.map_or(Interest::NONE, |()| wanted), &mut self.armed);
    }

    /// Tells the driver that `more` is wanted of a socket, beside what already is.
    ///
    /// The driver is asked even when it should know: the socket may have been closed and its id used again, and only
    /// the driver can find out.
    fn watch(&mut self, id: SocketId, more: Interest) -> io::Result<&mut Source<J>> {
        let index = id.0 as usize;
        let (armed, wanted) = match self.queues.sources.get(index) {
            Some(source) => (source.armed, source.wanted()),
            None => (Interest::NONE, Interest::NONE),
        };
        let interest = wanted | more;
        if armed.is_none() {
            self.driver.register(id, interest)?;
        } else {
            self.driver.modify(id, interest)?;
        }
        // Only now, when the driver has accepted it, is the id known to be of a sane size.
        if index >= self.queues.sources.len() {
            self.queues.sources.resize_with(index + 1, || Source::EMPTY);
        }
        let source = &mut self.queues.sources[index];
        source.arm(interest, &mut self.armed);
        Ok(source)
    }

    // The turn.

    /// Makes the first turn of a run poll the driver, whatever came before.
    pub fn begin_run(&mut self) {
        self.queues.timers.tidy();
        self.begins = true;
    }

    /// Begins a turn: says how to wait for the driver in it.
    ///
    /// A poll is the largest single cost of small callbacks. While there is work and no socket is watched there is
    /// nothing to learn from it, so a turn skips it, unless it is the first of a run or a quantum has passed: then
    /// whoever waits beside the loop, for a lock that its thread gives up in a wait, gets a turn too.
    #[inline(always)]
    pub fn prepare(&mut self) -> Wait {
        self.queues.inbox.drain_into(&mut self.queues.ready);
        if self.queues.ready.is_empty() {
            return self.prepare_to_sleep();
        }
        self.waited = self.armed > 0 || self.begins || self.driver.quantum_is_over();
        if self.waited { Wait::Poll } else { Wait::Skip }
    }

    fn prepare_to_sleep(&mut self) -> Wait {
        self.waited = true;
        self.queues.ready.shrink();
        if !self.queues.inbox.park() {
            return Wait::Poll;
        }
        match self.queues.timers.next_deadline() {
            None => Wait::Forever,
            Some(when) => Wait::Until(when),
        }
    }

    /// Queues what has become ready since the last turn, and says how many jobs are to run in this one.
    #[inline]
    pub fn collect(&mut self) -> usize {
        if self.waited {
            self.collect_waited();
        } else {
            self.queues.inbox.drain_into(&mut self.queues.ready);
        }
        self.queues.timers.tidy_a_little();
        self.queue_due();
        self.queues.ready.len()
    }

    /// Queues the timers that are due. `collect` does; so may who has moved a clock, for them to run before what comes next.
    #[inline(always)]
    pub fn queue_due(&mut self) {
        if let Some(when) = self.queues.timers.first() {
            if self.driver.has_reached(when) {
                self.collect_timers();
            }
        }
    }

    fn collect_waited(&mut self) {
        self.waited = false;
        self.begins = false;
        self.queues.inbox.unpark();
        self.queues.inbox.drain_into(&mut self.queues.ready);
        for (id, readiness) in self.driver.events() {
            let Some(source) = self.queues.sources.get(id.0 as usize) else {
                continue;
            };
            if readiness.is_readable() {
                if let Some(job) = &source.reader {
                    self.queues.ready.push(job.clone());
                }
            }
            if readiness.is_writable() {
                if let Some(job) = &source.writer {
                    self.queues.ready.push(job.clone());
                }
            }
            let wanted = source.wanted();
            if wanted != source.armed
                && readiness.wanted_by(wanted) != readiness.wanted_by(source.armed)
            {
                self.unwanted.push(id);
            }
        }
        self.disarm_unwanted();
    }

    /// Tells the driver about removed readers and writers for which something did arrive.
    fn disarm_unwanted(&mut self) {
        while let Some(id) = self.unwanted.pop() {
            let source = &mut self.queues.sources[id.0 as usize];
            let wanted = source.wanted();
            // If this fails the socket is gone. Whoever watches it, if anybody, finds out when they use or add it.
            let told = self.driver.modify(id, wanted);
            source.arm(told.map_or(Interest::NONE, |()| wanted), &mut self.armed);
        }
    }

    fn collect_timers(&mut self) {
        let end = self.driver.now() + self.driver.resolution();
        let ready = &mut self.queues.ready;
        self.queues.timers.drain_before(end, |job| ready.push(job));
    }

    /// Empties the engine and closes its inbox. Everything that was queued, due or watching is given back.
    pub fn clear(&mut self) -> Vec<J> {
        let mut jobs = Vec::new();
        jobs.extend(self.queues.ready.drain());
        jobs.extend(self.queues.inbox.close());
        jobs.extend(self.queues.timers.clear());
        for (index, source) in self.queues.sources.iter_mut().enumerate() {
            jobs.extend(source.reader.take());
            jobs.extend(source.writer.take());
            if !source.armed.is_none() {
                source.arm(Interest::NONE, &mut self.armed);
                // A socket that is not open any more is not watched either.
                let _ = self.driver.deregister(SocketId(index as u32));
            }
        }
        jobs
    }
}
