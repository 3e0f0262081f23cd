//! What a loop's thread owns beside the driver: the ready queue, the timers, the table of watched sockets.
//!
//! They are apart from the driver because a wait borrows the driver, and only the driver: whoever keeps other threads
//! from running at the same time may let them use all that is here while the loop's thread waits.

use std::sync::Arc;

use crate::driver::{Interest, Seconds, SocketId};
use crate::inbox::Inbox;
use crate::ready::Ready;
use crate::timers::{Timer, Timers};

/// Who is told about a socket.
pub(crate) struct Source<J> {
    pub(crate) reader: Option<J>,
    pub(crate) writer: Option<J>,
    /// What the driver was last told. It may be more than what is wanted, see [`Queues::remove_reader`].
    pub(crate) armed: Interest,
}

impl<J> Source<J> {
    pub(crate) const EMPTY: Self = Source {
        reader: None,
        writer: None,
        armed: Interest::NONE,
    };

    /// Notes what the driver watches now. `armed` counts the sources of which it watches anything.
    pub(crate) fn arm(&mut self, interest: Interest, armed: &mut usize) {
        *armed += usize::from(!interest.is_none());
        *armed -= usize::from(!self.armed.is_none());
        self.armed = interest;
    }

    pub(crate) fn wanted(&self) -> Interest {
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

/// See the module.
pub struct Queues<J, T = J> {
    pub(crate) ready: Ready<J>,
    pub(crate) timers: Timers<J, T>,
    /// By socket id. As long as the highest id that was ever watched, which the driver's limit on sockets bounds.
    pub(crate) sources: Vec<Source<J>>,
    pub(crate) inbox: Arc<Inbox<J>>,
}

impl<J: Clone, T: Timer<J>> Queues<J, T> {
    pub(crate) fn new(inbox: Arc<Inbox<J>>) -> Self {
        Queues {
            ready: Ready::new(),
            timers: Timers::new(),
            sources: Vec::new(),
            inbox,
        }
    }

    // The ready queue.

    /// Queues a job behind all others: those too that other threads have sent and no turn has taken in yet, since the
    /// one may have waited for the other.
    #[inline(always)]
    pub fn push(&mut self, job: J) {
        self.inbox.drain_into(&mut self.ready);
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

    /// Queues the timer's job at time `when`, unless it is cancelled by then. Jobs with the same `when` are queued in the
    /// order in which they were added.
    #[inline]
    pub fn add_timer(&mut self, when: Seconds, timer: T) {
        self.timers.add(when, timer);
    }

    /// One timer that was added, has not become a job and was not cancelled before, says from now on that it is; `is_it` knows
    /// it. When it comes back, the engine has no use for it any more.
    #[inline]
    pub fn timer_cancelled(&mut self, is_it: impl Fn(&T) -> bool) -> Option<T> {
        self.timers.cancelled(is_it)
    }

    /// Whether there is something to take with [`take_discarded`](Self::take_discarded).
    #[inline]
    pub fn has_discarded(&self) -> bool {
        self.timers.has_discarded()
    }

    /// The cancelled timers that the engine has no use for any more. `begin_run`, `add_timer`, `next_deadline`, `prepare`,
    /// `collect` and `clear` discard.
    pub fn take_discarded(&mut self) -> Vec<T> {
        self.timers.take_discarded()
    }

    /// When the next timer that is not cancelled is due.
    pub fn next_deadline(&mut self) -> Option<Seconds> {
        self.timers.next_deadline()
    }

    /// How many timers are waiting.
    #[inline]
    pub fn timer_len(&self) -> usize {
        self.timers.len()
    }

    // Sockets.

    /// How many sockets somebody watches. Looks at each.
    pub fn watched(&self) -> usize {
        let wanted = self.sources.iter().map(Source::wanted);
        wanted.filter(|wanted| !wanted.is_none()).count()
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

    // From other threads.

    /// Queues what other threads have sent, though no turn begins.
    pub fn take_in(&mut self) {
        self.inbox.drain_into(&mut self.ready);
    }
}
