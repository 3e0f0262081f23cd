//! Timers: a 4-ary heap of deadlines with lazy deletion.
//!
//! Against a hierarchical wheel the heap was equal or better in two of three workloads, and it is exact in order and
//! in precision. A cancelled timer stays in the heap, where it is only counted, unless it is the last: it says itself that it is
//! cancelled. As in
//! asyncio, cancelled timers leave the head of the heap in each turn, and the rest of it when more than 64, and more than half,
//! are dead: some dozens and some hundreds in a turn, so that no turn is long, and all when a run begins, before the loop sleeps
//! and when the heap would have to grow.
//! Timers with one deadline fire in the order in which they were added.

use std::marker::PhantomData;

use crate::driver::Seconds;

/// Dead entries that are always tolerated; below this a rebuild is not worth its while.
const PURGE_MIN: usize = 64;
/// Children per node. Four make the heap half as deep as two, and lie in few cache lines.
const ARITY: usize = 4;
/// Entries that are looked at in a turn, for dead ones among them.
const SWEPT: usize = 256;
/// Timers that are taken from the head of the heap one by one, before it is asked whether there is a better way: of those that
/// fire, to sort many at once; of dead ones, to wait for the end of the busy time.
const FEW: usize = 32;

/// What waits for a deadline.
pub trait Timer<J> {
    /// Whether it was cancelled. From the time it is, it stays so, and whoever cancels it tells the engine
    /// (`Queues::timer_cancelled`).
    fn is_cancelled(&self) -> bool;

    /// The job to queue when the deadline has come.
    fn into_job(self) -> J;
}

/// A job by itself is a timer that nobody can cancel.
impl<J> Timer<J> for J {
    #[inline]
    fn is_cancelled(&self) -> bool {
        false
    }

    #[inline]
    fn into_job(self) -> J {
        self
    }
}

struct Entry<T> {
    when: Deadline,
    serial: u64,
    timer: T,
}

impl<T> Entry<T> {
    /// What the heap is ordered by. One wide integer, so that comparing two needs no branch.
    #[inline(always)]
    fn order(&self) -> u128 {
        u128::from(self.when.0) << 64 | u128::from(self.serial)
    }
}

/// A point in time as an integer of the same order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Deadline(u64);

impl Deadline {
    const SIGN: u64 = 1 << 63;
    /// Later than infinity.
    const BEYOND: Self = Deadline(u64::MAX);

    /// What is not a number lies before all time: in asyncio no comparison holds it back.
    #[inline(always)]
    fn new(when: Seconds) -> Self {
        if when.is_nan() {
            return Deadline::new(Seconds::NEG_INFINITY);
        }
        // The addition makes one zero of the two.
        let bits = (when + 0.0).to_bits();
        Deadline(if bits & Self::SIGN == 0 {
            bits | Self::SIGN
        } else {
            !bits
        })
    }

    #[inline(always)]
    fn seconds(self) -> Seconds {
        Seconds::from_bits(if self.0 & Self::SIGN == 0 {
            !self.0
        } else {
            self.0 & !Self::SIGN
        })
    }
}

pub(crate) struct Timers<J, T> {
    heap: Vec<Entry<T>>,
    /// How many entries of the heap are cancelled.
    dead: usize,
    /// Where the next sweep begins: it goes down from there.
    cursor: usize,
    /// Cancelled timers that have left the heap, for the owner of the engine to drop.
    discarded: Vec<T>,
    next_serial: u64,
    becomes: PhantomData<fn() -> J>,
}

impl<J, T: Timer<J>> Timers<J, T> {
    pub(crate) fn new() -> Self {
        Timers {
            heap: Vec::new(),
            dead: 0,
            cursor: 0,
            discarded: Vec::new(),
            next_serial: 0,
            becomes: PhantomData,
        }
    }

    /// How many timers are waiting.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.heap.len() - self.dead
    }

    /// Everything in the heap, cancelled or not, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.heap.iter().map(|entry| &entry.timer)
    }

    /// The deadline at the head of the heap, be it cancelled. Nothing is due before it.
    #[inline(always)]
    pub(crate) fn first(&self) -> Option<Seconds> {
        self.heap.first().map(|entry| entry.when.seconds())
    }

    /// The timer in the heap that `is_it` knows was cancelled. If it lies at the end of the heap, as one does that was added last
    /// and is the latest, it leaves at once: so a timeout that is not reached, the commonest, costs no sweep.
    #[inline(always)]
    pub(crate) fn cancelled(&mut self, is_it: impl Fn(&T) -> bool) -> Option<T> {
        debug_assert!(self.dead < self.heap.len());
        match self.heap.last() {
            Some(last) if is_it(&last.timer) && last.timer.is_cancelled() => self.pop_last(),
            _ => {
                self.dead += 1;
                None
            }
        }
    }

    fn pop_last(&mut self) -> Option<T> {
        let entry = self.heap.pop();
        if self.heap.capacity() > 4 * PURGE_MIN.max(self.heap.len()) {
            self.heap.shrink_to(2 * self.heap.len());
        }
        entry.map(|entry| entry.timer)
    }

    #[inline(always)]
    pub(crate) fn has_discarded(&self) -> bool {
        !self.discarded.is_empty()
    }

    pub(crate) fn take_discarded(&mut self) -> Vec<T> {
        std::mem::take(&mut self.discarded)
    }

    /// Adds a timer. A deadline that is not a number is due at once, as in asyncio, where no comparison holds it back.
    #[inline]
    pub(crate) fn add(&mut self, when: Seconds, timer: T) {
        if self.heap.len() == self.heap.capacity() {
            self.purge();
        }
        let serial = self.next_serial;
        self.next_serial += 1;
        self.heap.push(Entry {
            when: Deadline::new(when),
            serial,
            timer,
        });
        self.sift_up(self.heap.len() - 1);
    }

    /// The earliest deadline.
    pub(crate) fn next_deadline(&mut self) -> Option<Seconds> {
        self.tidy();
        self.first()
    }

    /// Gets rid of dead entries that lie before all that wait, or are too many.
    #[inline(always)]
    pub(crate) fn tidy(&mut self) {
        if self.dead > 0 {
            self.tidy_now();
        }
    }

    /// As [`tidy`](Self::tidy), but only a part, so that no turn is long.
    #[inline(always)]
    pub(crate) fn tidy_a_little(&mut self) {
        if self.dead > 0 {
            self.sweep();
            self.drop_dead_heads(FEW);
        }
    }

    #[cold]
    fn tidy_now(&mut self) {
        self.purge();
        self.drop_dead_heads(usize::MAX);
    }

    fn drop_dead_heads(&mut self, most: usize) {
        for _ in 0..most {
            if self.dead == 0 || !self.heap[0].timer.is_cancelled() {
                break;
            }
            let first = self.pop_first();
            self.discard(first.timer);
        }
    }

    /// Takes out every timer whose deadline is before `end`, and hands the jobs to `take` in the order of deadlines.
    #[inline]
    pub(crate) fn drain_before(&mut self, end: Seconds, mut take: impl FnMut(J)) {
        // Should the clock be no number, everything is due, as in asyncio (`if when >= end: break`).
        let end = if end.is_nan() {
            Deadline::BEYOND
        } else {
            Deadline::new(end)
        };
        for _ in 0..FEW {
            let Some(entry) = self.pop_before(end) else {
                return;
            };
            self.settle(entry, &mut take);
        }
        self.drain_many_before(end, &mut take);
    }

    /// As `drain_before`, when many timers are due: to sort a large part of the heap at once is several times faster
    /// than to pop it.
    #[cold]
    fn drain_many_before(&mut self, end: Deadline, take: &mut impl FnMut(J)) {
        if !self.an_eighth_is_before(end) {
            while let Some(entry) = self.pop_before(end) {
                self.settle(entry, take);
            }
            return;
        }
        let (mut due, rest): (Vec<_>, Vec<_>) =
            self.heap.drain(..).partition(|entry| entry.when < end);
        self.heap.extend(rest);
        self.rebuild();
        due.sort_unstable_by_key(Entry::order);
        for entry in due {
            self.settle(entry, take);
        }
    }

    /// Whether more than an eighth of the entries lie before `end`. Looks at these and their children only.
    fn an_eighth_is_before(&self, end: Deadline) -> bool {
        let mut count = 0;
        let mut nodes = vec![0];
        while let Some(node) = nodes.pop() {
            match self.heap.get(node) {
                Some(entry) if entry.when < end => count += 1,
                _ => continue,
            }
            if count * 8 > self.heap.len() {
                return true;
            }
            let first_child = node * ARITY + 1;
            nodes.extend(first_child..first_child + ARITY);
        }
        false
    }

    #[inline]
    fn pop_before(&mut self, end: Deadline) -> Option<Entry<T>> {
        if self.heap.first()?.when >= end {
            return None;
        }
        Some(self.pop_first())
    }

    /// What becomes of an entry that has left the heap when its time came.
    #[inline]
    fn settle(&mut self, entry: Entry<T>, take: &mut impl FnMut(J)) {
        if entry.timer.is_cancelled() {
            self.discard(entry.timer);
        } else {
            take(entry.timer.into_job());
        }
    }

    #[cold]
    fn discard(&mut self, timer: T) {
        self.dead -= 1;
        self.discarded.push(timer);
    }

    /// Takes every timer out, in the order in which they would have fired: the jobs of those that wait, to the caller; the
    /// others are discarded.
    pub(crate) fn clear(&mut self) -> Vec<J> {
        let mut jobs = Vec::with_capacity(self.len());
        let mut entries = std::mem::take(&mut self.heap);
        entries.sort_unstable_by_key(Entry::order);
        for entry in entries {
            self.settle(entry, &mut |job| jobs.push(job));
        }
        jobs
    }

    #[inline]
    fn too_many_are_dead(&self) -> bool {
        self.dead > PURGE_MIN && self.dead * 2 > self.heap.len()
    }

    /// Takes dead entries out of a part of the heap, if they are too many.
    #[inline]
    fn sweep(&mut self) {
        for _ in 0..SWEPT {
            if !self.too_many_are_dead() {
                break;
            }
            if self.cursor == 0 || self.cursor > self.heap.len() {
                self.cursor = self.heap.len();
            }
            self.cursor -= 1;
            if self.heap[self.cursor].timer.is_cancelled() {
                self.take_out(self.cursor);
            }
        }
    }

    /// Takes a dead entry out, wherever it is.
    fn take_out(&mut self, index: usize) {
        let entry = self.heap.swap_remove(index);
        if index < self.heap.len() {
            self.sift_up(index);
            self.sift_down(index);
        }
        self.discard(entry.timer);
    }

    /// Rebuilds the heap without its dead entries, if they are too many.
    #[inline]
    fn purge(&mut self) {
        if self.too_many_are_dead() {
            self.purge_now();
        }
    }

    #[cold]
    fn purge_now(&mut self) {
        let mut index = 0;
        while index < self.heap.len() {
            if self.heap[index].timer.is_cancelled() {
                let entry = self.heap.swap_remove(index);
                self.discard(entry.timer);
            } else {
                index += 1;
            }
        }
        self.heap.shrink_to(self.heap.len() * 4);
        self.rebuild();
    }

    /// Makes a heap of entries in any order.
    fn rebuild(&mut self) {
        // All nodes that have children, the last one first.
        for index in (0..self.heap.len().div_ceil(ARITY)).rev() {
            self.sift_down(index);
        }
    }

    /// Takes the head out. There is one.
    #[inline]
    fn pop_first(&mut self) -> Entry<T> {
        let first = self.heap.swap_remove(0);
        if self.heap.len() > 1 {
            self.sift_down(0);
        }
        first
    }

    #[inline]
    fn sift_up(&mut self, mut index: usize) {
        let heap = self.heap.as_mut_slice();
        let order = heap[index].order();
        while index > 0 {
            let parent = (index - 1) / ARITY;
            if order >= heap[parent].order() {
                break;
            }
            heap.swap(index, parent);
            index = parent;
        }
    }

    #[inline]
    fn sift_down(&mut self, mut index: usize) {
        let heap = self.heap.as_mut_slice();
        let order = heap[index].order();
        loop {
            let first_child = index * ARITY + 1;
            if first_child >= heap.len() {
                break;
            }
            let least = least_child(heap, first_child);
            if heap[least].order() >= order {
                break;
            }
            heap.swap(index, least);
            index = least;
        }
    }
}

/// The earliest of the up to four entries from `first` on.
#[inline(always)]
fn least_child<T>(heap: &[Entry<T>], first: usize) -> usize {
    if let Some([a, b, c, d]) = heap.get(first..first + ARITY) {
        let (left, left_order) = earlier((0, a.order()), (1, b.order()));
        let (right, right_order) = earlier((2, c.order()), (3, d.order()));
        return first + earlier((left, left_order), (right, right_order)).0;
    }
    let mut least = (first, heap[first].order());
    for (index, entry) in heap.iter().enumerate().skip(first + 1) {
        least = earlier(least, (index, entry.order()));
    }
    least.0
}

#[inline(always)]
fn earlier(a: (usize, u128), b: (usize, u128)) -> (usize, u128) {
    if b.1 < a.1 { b } else { a }
}

#[cfg(test)]
mod tests;
