//! Timers: a 4-ary heap of deadlines with lazy deletion, and a slab that holds the jobs.
//!
//! Against a hierarchical wheel the heap was equal or better in two of three workloads, and it is exact in order and
//! in precision. Cancelling takes the job out of the slab and leaves the deadline in the heap; when more than 64 of
//! them, and more than half, are dead, the heap is rebuilt without them. Timers with one deadline fire in the order in
//! which they were added.

use crate::driver::Seconds;

/// Dead entries that are always tolerated; below this a rebuild is not worth its while.
const PURGE_MIN: usize = 64;
/// Children per node. Four make the heap half as deep as two, and lie in one or two cache lines.
const ARITY: usize = 4;
/// Timers that fire one by one, before it is asked whether there are many.
const FEW: usize = 32;
/// End of the list of free slots.
const NO_SLOT: u32 = u32::MAX;

/// Names one added timer, for ever: a key whose timer has fired or was cancelled never names another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerKey {
    slot: u32,
    serial: u64,
}

#[derive(Clone, Copy)]
struct Entry {
    when: Deadline,
    serial: u64,
    slot: u32,
}

impl Entry {
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

struct Slot<J> {
    /// The serial number of the timer that is, or was last, in this slot.
    serial: u64,
    content: Content<J>,
}

enum Content<J> {
    Live(J),
    /// Cancelled; its entry is still in the heap.
    Dead,
    Free {
        next: u32,
    },
}

pub(crate) struct Timers<J> {
    heap: Vec<Entry>,
    slots: Vec<Slot<J>>,
    free: u32,
    dead: usize,
    next_serial: u64,
}

impl<J> Timers<J> {
    pub(crate) fn new() -> Self {
        Timers {
            heap: Vec::new(),
            slots: Vec::new(),
            free: NO_SLOT,
            dead: 0,
            next_serial: 0,
        }
    }

    /// How many timers are waiting.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.heap.len() - self.dead
    }

    /// The jobs of the timers that are waiting, in no order.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = &J> {
        self.slots.iter().filter_map(|slot| match &slot.content {
            Content::Live(job) => Some(job),
            Content::Dead | Content::Free { .. } => None,
        })
    }

    /// The deadline at the head of the heap, be it cancelled. Nothing is due before it.
    #[inline(always)]
    pub(crate) fn first(&self) -> Option<Seconds> {
        self.heap.first().map(|entry| entry.when.seconds())
    }

    /// Adds a timer. A deadline that is not a number is due at once, as in asyncio, where no comparison holds it back.
    #[inline]
    pub(crate) fn add(&mut self, when: Seconds, job: J) -> TimerKey {
        let when = Deadline::new(when);
        let serial = self.next_serial;
        self.next_serial += 1;
        let slot = self.occupy(serial, job);
        self.heap.push(Entry { when, serial, slot });
        self.sift_up(self.heap.len() - 1);
        TimerKey { slot, serial }
    }

    /// Cancels a timer and gives its job back; `None` when it has fired or was cancelled before.
    #[inline]
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<J> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        if slot.serial != key.serial {
            return None;
        }
        match std::mem::replace(&mut slot.content, Content::Dead) {
            Content::Live(job) => {
                self.dead += 1;
                if self.dead > PURGE_MIN && self.dead * 2 > self.heap.len() {
                    self.purge();
                }
                Some(job)
            }
            other => {
                slot.content = other;
                None
            }
        }
    }

    /// The earliest deadline. Drops dead entries that lie before it.
    pub(crate) fn next_deadline(&mut self) -> Option<Seconds> {
        loop {
            let first = *self.heap.first()?;
            if matches!(self.slots[first.slot as usize].content, Content::Live(_)) {
                return Some(first.when.seconds());
            }
            self.pop_first();
            self.release(first.slot);
            self.dead -= 1;
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
            let Some(entry) = self.pop_entry_before(end) else {
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
            while let Some(entry) = self.pop_entry_before(end) {
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
    fn pop_entry_before(&mut self, end: Deadline) -> Option<Entry> {
        let first = *self.heap.first()?;
        if first.when >= end {
            return None;
        }
        self.pop_first();
        Some(first)
    }

    /// Frees the slot of an entry that has left the heap.
    #[inline]
    fn settle(&mut self, entry: Entry, take: &mut impl FnMut(J)) {
        match self.release(entry.slot) {
            Some(job) => take(job),
            None => self.dead -= 1,
        }
    }

    /// Takes every job out, in the order in which they would have fired.
    pub(crate) fn clear(&mut self) -> Vec<J> {
        let mut jobs = Vec::with_capacity(self.len());
        let mut entries = std::mem::take(&mut self.heap);
        entries.sort_unstable_by_key(Entry::order);
        for entry in entries {
            jobs.extend(self.release(entry.slot));
        }
        self.dead = 0;
        self.slots = Vec::new();
        self.free = NO_SLOT;
        jobs
    }

    #[inline]
    fn occupy(&mut self, serial: u64, job: J) -> u32 {
        let content = Content::Live(job);
        if self.free == NO_SLOT {
            let slot = self.slots.len() as u32;
            assert!(slot < NO_SLOT, "more than four billion timers");
            self.slots.push(Slot { serial, content });
            return slot;
        }
        let slot = self.free;
        let entry = &mut self.slots[slot as usize];
        match std::mem::replace(&mut entry.content, content) {
            Content::Free { next } => self.free = next,
            _ => unreachable!("the list of free slots holds an occupied one"),
        }
        entry.serial = serial;
        slot
    }

    /// Puts a slot on the free list; gives its job back if it was live.
    #[inline]
    fn release(&mut self, slot: u32) -> Option<J> {
        let next = std::mem::replace(&mut self.free, slot);
        match std::mem::replace(
            &mut self.slots[slot as usize].content,
            Content::Free { next },
        ) {
            Content::Live(job) => Some(job),
            _ => None,
        }
    }

    #[cold]
    fn purge(&mut self) {
        let mut heap = std::mem::take(&mut self.heap);
        heap.retain(|entry| {
            let live = matches!(self.slots[entry.slot as usize].content, Content::Live(_));
            if !live {
                self.release(entry.slot);
            }
            live
        });
        self.heap = heap;
        self.dead = 0;
        self.rebuild();
    }

    /// Makes a heap of entries in any order.
    fn rebuild(&mut self) {
        // All nodes that have children, the last one first.
        for index in (0..self.heap.len().div_ceil(ARITY)).rev() {
            self.sift_down(index);
        }
    }

    #[inline]
    fn pop_first(&mut self) {
        self.heap.swap_remove(0);
        if self.heap.len() > 1 {
            self.sift_down(0);
        }
    }

    #[inline]
    fn sift_up(&mut self, mut index: usize) {
        let heap = self.heap.as_mut_slice();
        let entry = heap[index];
        while index > 0 {
            let parent = (index - 1) / ARITY;
            if entry.order() >= heap[parent].order() {
                break;
            }
            heap[index] = heap[parent];
            index = parent;
        }
        heap[index] = entry;
    }

    #[inline]
    fn sift_down(&mut self, mut index: usize) {
        let heap = self.heap.as_mut_slice();
        let entry = heap[index];
        loop {
            let first_child = index * ARITY + 1;
            if first_child >= heap.len() {
                break;
            }
            let least = least_child(heap, first_child);
            if heap[least].order() >= entry.order() {
                break;
            }
            heap[index] = heap[least];
            index = least;
        }
        heap[index] = entry;
    }
}

/// The earliest of the up to four entries from `first` on.
#[inline(always)]
fn least_child(heap: &[Entry], first: usize) -> usize {
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
