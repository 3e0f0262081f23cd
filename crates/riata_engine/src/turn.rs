//! One turn of the loop: `prepare`, then `driver.wait`, then `collect`, which says how many jobs to run.
//!
//! The order is asyncio's: what other threads sent, then readiness, then due timers; and what a job schedules runs in
//! the next turn. What is deliberately absent: running a job. The caller pops and runs them, so that no borrow of the
//! engine lives while they do, and a job may do anything to the engine.

use std::io;
use std::sync::Arc;

use crate::driver::{Driver, Interest, Seconds, SocketId, Wait};
use crate::inbox::Inbox;
use crate::ready::Ready;
use crate::timers::{Timer, Timers};

// While there is work, a turn may skip the kernel's poll, the largest single cost of small callbacks. These bounds say
// for how long; the third is `Driver::quantum_is_over`, about a millisecond.

/// Turns in a row that may skip the wait.
const TURNS_SKIPPED_MAX: u32 = 63;
/// Jobs that may run before a turn must poll again.
const JOBS_UNPOLLED_MAX: usize = 1024;

/// Who is told about a socket.
struct Source<J> {
    reader: Option<J>,
    writer: Option<J>,
    /// What the driver was last told. It may be more than what is wanted, see [`Engine::remove_reader`].
    armed: Interest,
}

impl<J> Source<J> {
    const EMPTY: Self = Source {
        reader: None,
        writer: None,
        armed: Interest::NONE,
    };

    fn wanted(&self) -> Interest {
        let mut wanted = Interest::NONE;
        if self.reader.is_some() {
            wanted |= Interest::READABLE;
        }
        if self.writer.is_some() {
            wanted |= Interest::WRITABLE;
        }
        wanted
    }
}

/// The part of a loop that its own thread owns: over a driver, jobs, and timers that become jobs.
pub struct Engine<D, J, T = J> {
    pub driver: D,
    ready: Ready<J>,
    timers: Timers<J, T>,
    /// By socket id. As long as the highest id that was ever watched, which the driver's limit on sockets bounds.
    sources: Vec<Source<J>>,
    /// Sockets that were ready for something nobody wants any more. Empty between turns.
    unwanted: Vec<SocketId>,
    inbox: Arc<Inbox<J>>,
    /// Whether `prepare` asked for a wait in this turn.
    waited: bool,
    turns_skipped: u32,
    jobs_unpolled: usize,
}

impl<D: Driver, J: Clone, T: Timer<J>> Engine<D, J, T> {
    pub fn new(driver: D) -> Self {
        let inbox = Arc::new(Inbox::new(driver.waker()));
        Engine {
            driver,
            ready: Ready::new(),
            timers: Timers::new(),
            sources: Vec::new(),
            unwanted: Vec::new(),
            inbox,
            waited: false,
            turns_skipped: TURNS_SKIPPED_MAX,
            jobs_unpolled: 0,
        }
    }

    // The ready queue.

    /// Queues a job behind all others.
    #[inline(always)]
    pub fn push(&mut self, job: J) {
        self.ready.push(job);
    }

    /// Queues a job before all others: for a job that was popped and could not be run.
    #[inline]
    pub fn push_front(&mut self, job: J) {
        self.ready.push_front(job);
    }

    /// Takes the next job.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<J> {
        self.ready.pop()
    }

    #[inline(always)]
    pub fn ready_len(&self) -> usize {
        self.ready.len()
    }

    /// The queue into this loop for other threads.
    pub fn inbox(&self) -> Arc<Inbox<J>> {
        Arc::clone(&self.inbox)
    }

    // Timers.

    /// The time on the driver's clock.
    #[inline]
    pub fn time(&self) -> Seconds {
        self.driver.now()
    }

    /// Queues the timer's job at time `when`, unless it is cancelled by then. Jobs with the same `when` are queued in the
    /// order in which they were added.
    #[inline]
    pub fn add_timer(&mut self, when: Seconds, timer: T) {
        self.timers.add(when, timer);
    }

    /// One timer that was added, has not become a job and was not cancelled before, says from now on that it is.
    #[inline]
    pub fn timer_cancelled(&mut self) {
        self.timers.cancelled();
    }

    /// Whether there is something to take with [`take_discarded`](Self::take_discarded).
    #[inline]
    pub fn has_discarded(&self) -> bool {
        self.timers.has_discarded()
    }

    /// The cancelled timers that the engine has no use for any more. `begin_run`, `add_timer`, `prepare`, `collect` and
    /// `clear` discard.
    pub fn take_discarded(&mut self) -> Vec<T> {
        self.timers.take_discarded()
    }

    /// How many timers are waiting.
    #[inline]
    pub fn timer_len(&self) -> usize {
        self.timers.len()
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

    /// Stops watching for reading, and gives the job back.
    ///
    /// The driver is not told yet. Mostly the socket is closed next, or the same reader comes back before anything
    /// arrives, and then one system call in two is saved; if something does arrive, `collect` tells the driver.
    pub fn remove_reader(&mut self, id: SocketId) -> Option<J> {
        self.sources.get_mut(id.0 as usize)?.reader.take()
    }

    /// As [`remove_reader`](Self::remove_reader), for writing.
    pub fn remove_writer(&mut self, id: SocketId) -> Option<J> {
        self.sources.get_mut(id.0 as usize)?.writer.take()
    }

    pub fn reader(&self, id: SocketId) -> Option<&J> {
        self.sources.get(id.0 as usize)?.reader.as_ref()
    }

    pub fn writer(&self, id: SocketId) -> Option<&J> {
        self.sources.get(id.0 as usize)?.writer.as_ref()
    }

    /// Tells the driver now that a socket is wanted for less. Before a descriptor is closed this must be done: another
    /// process may hold a copy of it, and then the kernel would go on reporting what nobody can unregister any more.
    pub fn settle(&mut self, id: SocketId) {
        let Some(source) = self.sources.get_mut(id.0 as usize) else {
            return;
        };
        let wanted = source.wanted();
        if wanted == source.armed {
            return;
        }
        source.armed = wanted;
        let told = if wanted.is_none() {
            self.driver.deregister(id)
        } else {
            self.driver.modify(id, wanted)
        };
        if told.is_err() {
            source.armed = Interest::NONE;
        }
    }

    /// Every job that the engine holds, but for the inbox's and those that timers will become.
    pub fn jobs(&self) -> impl Iterator<Item = &J> {
        let sources = self.sources.iter();
        let watching = sources.flat_map(|source| source.reader.iter().chain(&source.writer));
        self.ready.iter().chain(watching)
    }

    /// Every timer that has not become a job, cancelled or not.
    pub fn timers(&self) -> impl Iterator<Item = &T> {
        self.timers.iter()
    }

    /// Tells the driver that `more` is wanted of a socket, beside what already is.
    ///
    /// The driver is asked even when it should know: the socket may have been closed and its id used again, and only
    /// the driver can find out.
    fn watch(&mut self, id: SocketId, more: Interest) -> io::Result<&mut Source<J>> {
        let index = id.0 as usize;
        let (armed, wanted) = match self.sources.get(index) {
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
        if index >= self.sources.len() {
            self.sources.resize_with(index + 1, || Source::EMPTY);
        }
        let source = &mut self.sources[index];
        source.armed = interest;
        Ok(source)
    }

    // The turn.

    /// Makes the first turn of a run poll the driver, whatever came before.
    pub fn begin_run(&mut self) {
        self.timers.tidy();
        self.turns_skipped = TURNS_SKIPPED_MAX;
    }

    /// Queues what other threads have sent, though no turn begins.
    pub fn take_in(&mut self) {
        self.inbox.drain_into(&mut self.ready);
    }

    /// Begins a turn: says how to wait for the driver in it.
    #[inline(always)]
    pub fn prepare(&mut self) -> Wait {
        self.inbox.drain_into(&mut self.ready);
        if self.ready.is_empty() {
            return self.prepare_to_sleep();
        }
        self.waited = self.turns_skipped >= TURNS_SKIPPED_MAX
            || self.jobs_unpolled >= JOBS_UNPOLLED_MAX
            || self.driver.quantum_is_over();
        if self.waited { Wait::Poll } else { Wait::Skip }
    }

    fn prepare_to_sleep(&mut self) -> Wait {
        self.waited = true;
        self.ready.shrink();
        if !self.inbox.park() {
            return Wait::Poll;
        }
        match self.timers.next_deadline() {
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
            self.turns_skipped += 1;
            self.inbox.drain_into(&mut self.ready);
        }
        self.timers.tidy_a_little();
        if let Some(when) = self.timers.first() {
            if self.driver.has_reached(when) {
                self.collect_timers();
            }
        }
        let batch = self.ready.len();
        self.jobs_unpolled += batch;
        batch
    }

    fn collect_waited(&mut self) {
        self.waited = false;
        self.turns_skipped = 0;
        self.jobs_unpolled = 0;
        self.inbox.unpark();
        self.inbox.drain_into(&mut self.ready);
        for (id, readiness) in self.driver.events() {
            let Some(source) = self.sources.get(id.0 as usize) else {
                continue;
            };
            if readiness.is_readable() {
                if let Some(job) = &source.reader {
                    self.ready.push(job.clone());
                }
            }
            if readiness.is_writable() {
                if let Some(job) = &source.writer {
                    self.ready.push(job.clone());
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
            let source = &mut self.sources[id.0 as usize];
            let wanted = source.wanted();
            source.armed = wanted;
            if self.driver.modify(id, wanted).is_err() {
                // The socket is gone. Whoever watches it, if anybody, finds out when they use or add it.
                source.armed = Interest::NONE;
            }
        }
    }

    fn collect_timers(&mut self) {
        let end = self.driver.now() + self.driver.resolution();
        let ready = &mut self.ready;
        self.timers.drain_before(end, |job| ready.push(job));
    }

    /// Empties the engine and closes its inbox. Everything that was queued, due or watching is given back.
    pub fn clear(&mut self) -> Vec<J> {
        let mut jobs = Vec::new();
        jobs.extend(self.ready.drain());
        jobs.extend(self.inbox.close());
        jobs.extend(self.timers.clear());
        for (index, source) in self.sources.iter_mut().enumerate() {
            jobs.extend(source.reader.take());
            jobs.extend(source.writer.take());
            if !source.armed.is_none() {
                source.armed = Interest::NONE;
                // A socket that is not open any more is not watched either.
                let _ = self.driver.deregister(SocketId(index as u32));
            }
        }
        jobs
    }
}
