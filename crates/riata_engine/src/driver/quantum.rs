//! Tells when jobs have run for about a millisecond, at less than the price of a clock.
//!
//! Reading the clock costs 24 ns, a fifth of a turn that runs one small callback. So the clock is not read in every turn
//! but, as long as turns are short, in every eighth. When turns turn out to be long, it is read in each: the bound is
//! missed by at most eight turns, and once. (Always reading the processor's counter instead: 12 ns; the kernel's coarse
//! clock: 6.6 ns, but it moves every 4 ms.)

/// For how long jobs may run before there is another wait.
const QUANTUM_NANOS: u64 = 1_000_000;
/// Turns between two looks at the clock, at most.
const STRIDE_MAX: u32 = 8;

pub(crate) struct Quantum {
    end: u64,
    looked_at: u64,
    /// Turns from one look to the next, and how many of them are left.
    stride: u32,
    turns_left: u32,
}

impl Quantum {
    pub(crate) fn new() -> Self {
        Quantum {
            end: 0,
            looked_at: 0,
            stride: 1,
            turns_left: 1,
        }
    }

    /// Begins a quantum: the driver has just been polled.
    pub(crate) fn start(&mut self, now: u64) {
        self.end = now + QUANTUM_NANOS;
        self.looked_at = now;
        self.turns_left = self.stride;
    }

    /// Whether the quantum is over. Asked once in every turn.
    #[inline]
    pub(crate) fn is_over(&mut self, clock: impl FnOnce() -> u64) -> bool {
        self.turns_left -= 1;
        self.turns_left == 0 && self.look(clock())
    }

    fn look(&mut self, now: u64) -> bool {
        let turn = (now - self.looked_at) / u64::from(self.stride);
        // As many turns as would take an eighth of a quantum at this pace.
        let stride = QUANTUM_NANOS / 8 / turn.max(1);
        self.stride = stride.clamp(1, u64::from(STRIDE_MAX)) as u32;
        self.turns_left = self.stride;
        self.looked_at = now;
        now >= self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs turns of `turn` nanoseconds and returns when the quantum was over, and how often the clock was read.
    fn run(quantum: &mut Quantum, turn: u64) -> (u64, u64) {
        let (mut now, mut looks) = (5_000_000_000, 0);
        quantum.start(now);
        let begin = now;
        loop {
            now += turn;
            let over = quantum.is_over(|| {
                looks += 1;
                now
            });
            if over {
                return (now - begin, looks);
            }
        }
    }

    #[test]
    fn short_turns_read_the_clock_seldom() {
        let mut quantum = Quantum::new();
        let (time, looks) = run(&mut quantum, 100);
        assert!((1_000_000..1_001_000).contains(&time), "{time}");
        assert!(looks <= 10_000 / 8 + 8, "{looks}");
    }

    #[test]
    fn a_change_of_pace_is_noticed_within_eight_turns() {
        let mut quantum = Quantum::new();
        run(&mut quantum, 100);
        assert_eq!(run(&mut quantum, 10_000_000).0, 80_000_000);
        assert_eq!(run(&mut quantum, 10_000_000).0, 10_000_000);
        assert_eq!(run(&mut quantum, 300_000).0, 1_200_000);
    }
}
