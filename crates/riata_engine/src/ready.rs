//! The ready queue: first in, first out.
//!
//! Nothing here re-orders jobs; libraries depend on it. `push` and `pop` are the hottest calls of the product.

use std::collections::VecDeque;

/// Capacity, in jobs, above which an idle queue gives its memory back; below it, keeping it is cheaper.
const KEPT_CAPACITY: usize = 1 << 16;

pub(crate) struct Ready<J> {
    jobs: VecDeque<J>,
}

impl<J> Ready<J> {
    pub(crate) fn new() -> Self {
        Ready {
            jobs: VecDeque::with_capacity(64),
        }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, job: J) {
        self.jobs.push_back(job);
    }

    #[inline(always)]
    pub(crate) fn push_front(&mut self, job: J) {
        self.jobs.push_front(job);
    }

    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<J> {
        self.jobs.pop_front()
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &J> {
        self.jobs.iter()
    }

    pub(crate) fn extend(&mut self, jobs: impl IntoIterator<Item = J>) {
        self.jobs.extend(jobs);
    }

    /// Gives memory back after a burst. Called when the loop is about to sleep.
    pub(crate) fn shrink(&mut self) {
        if self.jobs.capacity() > KEPT_CAPACITY && self.jobs.len() < KEPT_CAPACITY / 8 {
            self.jobs.shrink_to(KEPT_CAPACITY / 4);
        }
    }

    pub(crate) fn drain(&mut self) -> impl Iterator<Item = J> + '_ {
        self.jobs.drain(..)
    }
}
