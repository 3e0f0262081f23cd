//! The heap against a list that is searched from one end to the other.

use proptest::prelude::*;

use super::*;

/// What timers mean, said as plainly as possible.
#[derive(Default)]
struct Model {
    /// Deadline, number and whether it still waits. The number is that of the addition.
    timers: Vec<(Seconds, usize, bool)>,
}

impl Model {
    fn add(&mut self, when: Seconds) {
        let number = self.timers.len();
        self.timers.push((when, number, true));
    }

    fn cancel(&mut self, number: usize) -> Option<usize> {
        let timer = self.timers.get_mut(number)?;
        std::mem::replace(&mut timer.2, false).then_some(number)
    }

    fn waiting(&self) -> impl Iterator<Item = (Seconds, usize)> + '_ {
        self.timers
            .iter()
            .filter(|timer| timer.2)
            .map(|&(when, number, _)| (when, number))
    }

    fn pop_before(&mut self, end: Seconds) -> Option<usize> {
        // Of the earliest, the first to be added: `min_by` keeps the first of equals.
        let (when, number) = self
            .waiting()
            .min_by(|a, b| due(a.0).total_cmp(&due(b.0)))?;
        if due(when) >= end {
            return None;
        }
        self.timers[number].2 = false;
        Some(number)
    }
}

/// A deadline that is no number is always due; the two zeros are one.
fn due(when: Seconds) -> Seconds {
    if when.is_nan() {
        Seconds::NEG_INFINITY
    } else {
        when + 0.0
    }
}

#[derive(Clone, Debug)]
enum Step {
    Add(Seconds),
    /// Of the timers added so far, by a fraction.
    Cancel(f64),
    CancelAll,
    PopBefore(Seconds),
    Clear,
}

fn deadline() -> impl Strategy<Value = Seconds> {
    prop_oneof![
        // Few values, so that many are equal.
        8 => (0..20u8).prop_map(Seconds::from),
        4 => any::<f64>(),
        1 => prop::sample::select(vec![
            Seconds::INFINITY,
            Seconds::NEG_INFINITY,
            Seconds::NAN,
            0.0,
            -0.0,
        ]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => deadline().prop_map(Step::Add),
        10 => (0.0..1.0).prop_map(Step::Cancel),
        1 => Just(Step::CancelAll),
        6 => deadline().prop_map(Step::PopBefore),
        1 => Just(Step::Clear),
    ]
}

fn check(steps: Vec<Step>) {
    let mut timers = Timers::new();
    let mut model = Model::default();
    let mut keys = Vec::new();
    for step in steps {
        match step {
            Step::Add(when) => {
                keys.push(timers.add(when, keys.len()));
                model.add(when);
            }
            Step::Cancel(at) => {
                let number = (keys.len() as f64 * at) as usize;
                if let Some(&key) = keys.get(number) {
                    assert_eq!(timers.cancel(key), model.cancel(number));
                }
            }
            Step::CancelAll => {
                for (number, &key) in keys.iter().enumerate() {
                    assert_eq!(timers.cancel(key), model.cancel(number));
                }
            }
            Step::PopBefore(end) => loop {
                let popped = timers.pop_before(end);
                assert_eq!(popped, model.pop_before(end));
                if popped.is_none() {
                    break;
                }
            },
            Step::Clear => {
                let mut expected = Vec::new();
                let end = Seconds::NAN;
                while let Some(number) = model.pop_before(end) {
                    expected.push(number);
                }
                assert_eq!(timers.clear(), expected);
            }
        }
        assert_eq!(timers.len(), model.waiting().count());
        let earliest = model
            .waiting()
            .map(|(when, _)| due(when))
            .reduce(Seconds::min);
        assert_eq!(timers.next_deadline(), earliest);
        // Lazy deletion is bounded.
        assert!(timers.dead <= PURGE_MIN || timers.dead * 2 <= timers.heap.len());
    }
}

proptest! {
    #[test]
    fn agree_with_a_list(steps in prop::collection::vec(step(), 0..400)) {
        check(steps);
    }
}

#[test]
fn a_key_never_names_a_later_timer() {
    let mut timers = Timers::new();
    let first = timers.add(1.0, "first");
    assert_eq!(timers.pop_before(2.0), Some("first"));
    let second = timers.add(1.0, "second");
    assert_eq!(second.slot, first.slot, "the slot is used again");
    assert_eq!(timers.cancel(first), None);
    assert_eq!(timers.cancel(second), Some("second"));
    assert_eq!(timers.cancel(second), None);
}

#[test]
fn the_two_zeros_are_one_deadline() {
    let add_and_clear = vec![Step::Add(0.0), Step::Add(-0.0), Step::Add(0.0), Step::Clear];
    check(add_and_clear);
}

#[test]
fn memory_stays_flat_while_timers_come_and_go() {
    let mut timers = Timers::new();
    for round in 0..100_000 {
        let key = timers.add(f64::from(round) + 3600.0, round);
        assert_eq!(timers.cancel(key), Some(round));
    }
    assert!(timers.heap.capacity() <= 4 * PURGE_MIN);
    assert!(timers.slots.capacity() <= 4 * PURGE_MIN);
}
