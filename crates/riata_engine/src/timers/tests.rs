//! The heap against a list that is searched from one end to the other.

use std::cell::Cell;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;

/// A timer that becomes its number, and whose copies are cancelled together.
#[derive(Clone, Debug)]
struct Numbered {
    number: usize,
    state: Rc<Cell<State>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Waiting,
    Cancelled,
    Fired,
}

impl Numbered {
    fn new(number: usize) -> Self {
        Numbered {
            number,
            state: Rc::new(Cell::new(State::Waiting)),
        }
    }

    /// As a handle does it. Gives the number if it was waiting; `gone` counts what leaves the heap at once.
    fn cancel(&self, timers: &mut Timers<usize, Numbered>, gone: &mut usize) -> Option<usize> {
        if self.state.get() != State::Waiting {
            return None;
        }
        self.state.set(State::Cancelled);
        if let Some(timer) = timers.cancelled(|timer| timer.number == self.number) {
            assert_eq!(timer.state.get(), State::Cancelled);
            *gone += 1;
        }
        Some(self.number)
    }
}

impl Timer<usize> for Numbered {
    fn is_cancelled(&self) -> bool {
        self.state.get() == State::Cancelled
    }

    fn into_job(self) -> usize {
        assert_eq!(self.state.replace(State::Fired), State::Waiting);
        self.number
    }
}

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

    fn drain_before(&mut self, end: Seconds) -> Vec<usize> {
        let mut fired: Vec<_> = self
            .waiting()
            .filter(|timer| end.is_nan() || due(timer.0) < end)
            .collect();
        // A stable sort keeps those of one deadline in the order in which they were added.
        fired.sort_by(|a, b| due(a.0).total_cmp(&due(b.0)));
        for &(_, number) in &fired {
            self.timers[number].2 = false;
        }
        fired.into_iter().map(|timer| timer.1).collect()
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
    DrainBefore(Seconds),
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
        6 => deadline().prop_map(Step::DrainBefore),
        1 => Just(Step::Clear),
    ]
}

/// Applies the steps to both, and compares what comes out and what is left.
fn check(steps: Vec<Step>) {
    check_with(steps, true);
}

/// As `check`, but compares only what comes out: the model is slow.
fn check_ends(steps: Vec<Step>) {
    check_with(steps, false);
}

fn check_with(steps: Vec<Step>, each: bool) {
    let mut timers = Timers::<usize, Numbered>::new();
    let mut model = Model::default();
    let mut added: Vec<Numbered> = Vec::new();
    let mut gone = 0;
    let mut discarded = 0;
    for step in steps {
        match step {
            Step::Add(when) => {
                let timer = Numbered::new(added.len());
                timers.add(when, timer.clone());
                added.push(timer);
                model.add(when);
            }
            Step::Cancel(at) => {
                let number = (added.len() as f64 * at) as usize;
                if let Some(timer) = added.get(number) {
                    assert_eq!(timer.cancel(&mut timers, &mut gone), model.cancel(number));
                }
            }
            Step::CancelAll => {
                for (number, timer) in added.iter().enumerate() {
                    assert_eq!(timer.cancel(&mut timers, &mut gone), model.cancel(number));
                }
            }
            Step::DrainBefore(end) => {
                let mut jobs = Vec::new();
                timers.drain_before(end, |job| jobs.push(job));
                assert_eq!(jobs, model.drain_before(end));
            }
            Step::Clear => {
                assert_eq!(timers.clear(), model.drain_before(Seconds::NAN));
            }
        }
        timers.tidy_a_little();
        if !each {
            continue;
        }
        assert_eq!(timers.len(), model.waiting().count());
        let earliest = model
            .waiting()
            .map(|(when, _)| due(when))
            .reduce(Seconds::min);
        assert_eq!(timers.next_deadline(), earliest);
        // Lazy deletion is bounded.
        assert!(timers.dead <= PURGE_MIN || timers.dead * 2 <= timers.heap.len());
        // What was cancelled is in the heap or given back, once.
        discarded += timers.take_discarded().len();
        let cancelled = added
            .iter()
            .filter(|timer| timer.state.get() == State::Cancelled)
            .count();
        assert_eq!(gone + discarded + timers.dead, cancelled);
    }
}

proptest! {
    #[test]
    fn agree_with_a_list(steps in prop::collection::vec(step(), 0..300)) {
        check(steps);
    }
}

/// So many that due timers are sorted and not popped; or, when few of them are due, both.
#[test]
fn many_timers_agree_with_a_list() {
    for fraction in [0.01, 0.2, 0.9, 1.0] {
        let count = 5000u64;
        let scattered = (0..count).map(|number| (number * 7919 % count / 3) as Seconds);
        let mut steps: Vec<_> = scattered.map(Step::Add).collect();
        steps.extend((0..count / 10).map(|number| Step::Cancel(number as f64 / 500.0)));
        steps.push(Step::DrainBefore(count as Seconds / 3.0 * fraction));
        steps.push(Step::DrainBefore(Seconds::INFINITY));
        check_ends(steps);
    }
}

#[test]
fn any_small_number_of_timers_can_be_due() {
    for count in 0..3 * FEW {
        let mut steps = vec![Step::Add(1.0); count];
        steps.push(Step::DrainBefore(2.0));
        check(steps);
    }
}

#[test]
fn the_two_zeros_are_one_deadline() {
    let add_and_clear = vec![Step::Add(0.0), Step::Add(-0.0), Step::Add(0.0), Step::Clear];
    check(add_and_clear);
}

#[test]
fn memory_stays_flat_while_timers_come_and_go() {
    let mut timers = Timers::<usize, Numbered>::new();
    let mut gone = 0;
    for round in 0..100_000 {
        let timer = Numbered::new(round);
        timers.add(round as Seconds + 3600.0, timer.clone());
        timer.cancel(&mut timers, &mut gone);
        timers.take_discarded();
    }
    assert!(timers.heap.capacity() <= 4 * PURGE_MIN);
}

#[test]
fn what_a_burst_took_is_given_back_before_a_sleep() {
    let mut timers = Timers::<usize, Numbered>::new();
    let mut gone = 0;
    let burst: Vec<_> = (0..100_000).map(Numbered::new).collect();
    for timer in &burst {
        timers.add(3600.0, timer.clone());
    }
    for timer in &burst {
        timer.cancel(&mut timers, &mut gone);
    }
    assert!(!timers.has_discarded(), "cancelling leaves the heap alone");
    assert_eq!(timers.next_deadline(), None);
    assert_eq!(gone + timers.take_discarded().len(), burst.len());
    assert!(timers.heap.capacity() <= 4 * PURGE_MIN);
}

#[test]
fn what_was_added_last_leaves_at_once_and_gives_its_memory_back() {
    let mut timers = Timers::<usize, Numbered>::new();
    let mut gone = 0;
    let burst: Vec<_> = (0..10_000).map(Numbered::new).collect();
    for timer in &burst {
        timers.add(timer.number as Seconds, timer.clone());
    }
    for timer in burst.iter().rev() {
        timer.cancel(&mut timers, &mut gone);
    }
    assert_eq!((gone, timers.dead), (burst.len(), 0));
    assert!(timers.heap.capacity() <= 4 * PURGE_MIN);
}

#[test]
fn what_a_burst_took_is_given_back_bit_by_bit_while_there_is_work() {
    let mut timers = Timers::<usize, Numbered>::new();
    let mut gone = 0;
    // One that waits comes first, so that the others are never at the head.
    timers.add(1.0, Numbered::new(usize::MAX));
    let burst: Vec<_> = (0..10_000).map(Numbered::new).collect();
    for timer in &burst {
        timers.add(
            (timer.number * 7919 % 10_000) as Seconds + 2.0,
            timer.clone(),
        );
    }
    for timer in &burst {
        timer.cancel(&mut timers, &mut gone);
    }
    let mut turns = 0;
    while timers.dead > PURGE_MIN {
        timers.tidy_a_little();
        assert!(timers.take_discarded().len() <= 2 * SWEPT);
        turns += 1;
    }
    assert!(turns <= 2 * burst.len() / SWEPT);
    assert_eq!(timers.next_deadline(), Some(1.0));
}
