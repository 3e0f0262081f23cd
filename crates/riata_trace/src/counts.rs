//! A sink that only counts.

use crate::{Event, Sink, Waits};

/// How often each event was seen. With the event known where it is emitted, `emit` is one addition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub spawns: u64,
    pub steps: u64,
    pub wakes: u64,
    /// By kind, in the order of [`Waits`].
    pub parks: [u64; Waits::COUNT],
    pub cancels: u64,
    pub finishes: u64,
    pub io_waits: u64,
    /// Sockets that were ready, over all waits.
    pub io_ready: u64,
}

impl Counts {
    /// How often a task parked to wait for `waits`.
    pub fn parks_for(&self, waits: Waits) -> u64 {
        self.parks[waits as usize]
    }
}

impl Sink for Counts {
    #[inline(always)]
    fn emit(&mut self, event: Event) {
        match event {
            Event::Spawn { .. } => self.spawns += 1,
            Event::Step { .. } => self.steps += 1,
            Event::Wake { .. } => self.wakes += 1,
            Event::Park { waits, .. } => self.parks[waits as usize] += 1,
            Event::Cancel { .. } => self.cancels += 1,
            Event::Finish { .. } => self.finishes += 1,
            Event::IoWait => self.io_waits += 1,
            Event::IoReady { ready } => self.io_ready += u64::from(ready),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TaskId;

    #[test]
    fn each_event_counts_once_in_its_own_place() {
        let (task, by) = (TaskId(1), TaskId::NONE);
        let mut counts = Counts::default();
        counts.emit(Event::Spawn { task, by });
        counts.emit(Event::Step { task });
        counts.emit(Event::Step { task });
        counts.emit(Event::Park {
            task,
            waits: Waits::Thread,
            owner: by,
        });
        counts.emit(Event::Wake { task, by });
        counts.emit(Event::Cancel { task, by });
        counts.emit(Event::Finish { task });
        counts.emit(Event::IoWait);
        counts.emit(Event::IoReady { ready: 3 });

        let mut parks = [0; Waits::COUNT];
        parks[Waits::Thread as usize] = 1;
        let expected = Counts {
            spawns: 1,
            steps: 2,
            wakes: 1,
            parks,
            cancels: 1,
            finishes: 1,
            io_waits: 1,
            io_ready: 3,
        };
        assert_eq!(counts, expected);
        assert_eq!(counts.parks_for(Waits::Thread), 1);
        assert_eq!(counts.parks_for(Waits::Lock), 0);
    }
}
