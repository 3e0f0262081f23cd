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
    when: Seconds,
    serial: u64,
    slot: u32,
}

impl Entry {
    /// Whether this timer fires before `other`. `when` is never NaN here.
    #[inline(always)]
    fn is_before(&self, other: &Entry) -> bool {
        self.when < other.when || (self.when == other.when && self.serial < other.serial)
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

    /// Whether there is nothing to look at: no timer, not even a cancelled one.
    /// The jobs of the timers that are waiting, in no order.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = &J> {
        self.slots.iter().filter_map(|slot| match &slot.content {
            Content::Live(job) => Some(job),
            Content::Dead | Content::Free { .. } => None,
        })
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Adds a timer. A deadline that is not a number is due at once, as in asyncio, where no comparison holds it back.
    #[inline]
    pub(crate) fn add(&mut self, when: Seconds, job: J) -> TimerKey {
        let when = if when.is_nan() {
            Seconds::NEG_INFINITY
        } else {
            when
        };
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
                return Some(first.when);
            }
            self.pop_first();
            self.release(first.slot);
            self.dead -= 1;
        }
    }

    /// Takes the earliest timer out if its deadline is before `end`.
    #[inline]
    pub(crate) fn pop_before(&mut self, end: Seconds) -> Option<J> {
        loop {
            let first = *self.heap.first()?;
            // Written as asyncio writes it (`if when >= end: break`): should the clock be no number, everything is due.
            if first.when >= end {
                return None;
            }
            self.pop_first();
            match self.release(first.slot) {
                Some(job) => return Some(job),
                None => self.dead -= 1,
            }
        }
    }

    /// Takes every job out, in the order in which they would have fired.
    pub(crate) fn clear(&mut self) -> Vec<J> {
        let mut jobs = Vec::with_capacity(self.len());
        let mut entries = std::mem::take(&mut self.heap);
        entries.sort_unstable_by(|a, b| {
            a.when
                .total_cmp(&b.when)
                .then_with(|| a.serial.cmp(&b.serial))
        });
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
            if !entry.is_before(&heap[parent]) {
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
            let end = (first_child + ARITY).min(heap.len());
            let mut least = first_child;
            for child in first_child + 1..end {
                if heap[child].is_before(&heap[least]) {
                    least = child;
                }
            }
            if !heap[least].is_before(&entry) {
                break;
            }
            heap[index] = heap[least];
            index = least;
        }
        heap[index] = entry;
    }
}
