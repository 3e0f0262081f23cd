//! Faults: which system calls fail, and how. A seeded plan that is read from a line of text.
//!
//! What is deliberately absent: faults that no kernel could give. A fault that nobody may notice (`EINTR`, `EAGAIN`, a
//! short read or write) leaves everything as it was, so that the next try, or the next wait, finds it so.

use std::collections::BTreeMap;
use std::str::FromStr;

use Call::{Accept, Connect, Name, Option as SetOption, Recv, Register, Send, Socket, Wait};

/// What is done to a system call.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Debug)]
pub enum Fault {
    /// It reads or writes less than it could.
    Short,
    /// It fails with this number.
    Error(i32),
}

/// The system calls of a driver that a fault can hit.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Debug)]
pub enum Call {
    Wait,
    Register,
    Socket,
    Connect,
    Accept,
    Recv,
    Send,
    /// `getsockname` and `getpeername`.
    Name,
    /// `setsockopt`.
    Option,
}

const CALLS: [(&str, Call); 9] = [
    ("wait", Call::Wait),
    ("register", Call::Register),
    ("socket", Call::Socket),
    ("connect", Call::Connect),
    ("accept", Call::Accept),
    ("recv", Call::Recv),
    ("send", Call::Send),
    ("name", Call::Name),
    ("option", Call::Option),
];

/// A fault, and what it can hit.
struct Kind {
    name: &'static str,
    fault: Fault,
    /// Whether a program may not notice.
    harmless: bool,
    calls: &'static [Call],
}

const fn kind(name: &'static str, fault: Fault, harmless: bool, calls: &'static [Call]) -> Kind {
    Kind {
        name,
        fault,
        harmless,
        calls,
    }
}

const KINDS: [Kind; 11] = [
    kind("EINTR", Fault::Error(libc::EINTR), true, &[Wait, Connect]),
    kind(
        "EAGAIN",
        Fault::Error(libc::EAGAIN),
        true,
        &[Accept, Recv, Send],
    ),
    kind("short", Fault::Short, true, &[Recv, Send]),
    kind(
        "ECONNRESET",
        Fault::Error(libc::ECONNRESET),
        false,
        &[Recv, Send],
    ),
    kind("EPIPE", Fault::Error(libc::EPIPE), false, &[Send]),
    kind(
        "ECONNABORTED",
        Fault::Error(libc::ECONNABORTED),
        false,
        &[Accept],
    ),
    kind(
        "EMFILE",
        Fault::Error(libc::EMFILE),
        false,
        &[Socket, Accept],
    ),
    kind(
        "ENFILE",
        Fault::Error(libc::ENFILE),
        false,
        &[Socket, Accept],
    ),
    kind(
        "ENOBUFS",
        Fault::Error(libc::ENOBUFS),
        false,
        &[Socket, Connect, Accept, Recv, Send, Name, SetOption],
    ),
    kind(
        "ENOMEM",
        Fault::Error(libc::ENOMEM),
        false,
        &[Socket, Accept, Recv, Send],
    ),
    kind("ENOSPC", Fault::Error(libc::ENOSPC), false, &[Register]),
];

/// Decides call by call. The same seed and the same calls give the same faults.
///
/// Read from words such as `seed=7,rate=0.1,kinds=EINTR+short`, all of which may be left out:
///
/// - `seed`: any whole number (0)
/// - `rate`: how many of the calls that could be hit are, from 0 to 1 (0.1)
/// - `kinds`: which faults, joined by `+`; `harmless` are those that no program may notice, `harmful` all others (`harmless`)
/// - `calls`: which calls, joined by `+` (all)
/// - `skip`: how many calls that could be hit pass first (0)
/// - `times`: how many faults there are at most (no limit)
#[derive(Clone, Debug)]
pub struct FaultPlan {
    random: Random,
    rate: f64,
    /// By index in `KINDS`.
    kinds: [bool; KINDS.len()],
    calls: Vec<Call>,
    skip: u64,
    times: u64,
    counts: BTreeMap<(Call, &'static str), u64>,
}

impl FaultPlan {
    /// No faults at all.
    pub fn none() -> Self {
        FaultPlan {
            random: Random(0),
            rate: 0.0,
            kinds: [false; KINDS.len()],
            calls: CALLS.map(|(_, call)| call).to_vec(),
            skip: 0,
            times: u64::MAX,
            counts: BTreeMap::new(),
        }
    }

    /// What is to be done to this call, if anything. `possible` is asked about the fault that was drawn.
    pub(crate) fn draw(
        &mut self,
        call: Call,
        possible: impl FnOnce(Fault) -> bool,
    ) -> Option<Fault> {
        if !self.calls.contains(&call) {
            return None;
        }
        let mut kinds = (0..KINDS.len())
            .filter(|&index| self.kinds[index] && KINDS[index].calls.contains(&call));
        let count = kinds.clone().count();
        if count == 0 {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        if self.times == 0 || !self.random.chance(self.rate) {
            return None;
        }
        let kind = &KINDS[kinds.nth(self.random.below(count))?];
        if !possible(kind.fault) {
            return None;
        }
        self.times -= 1;
        *self.counts.entry((call, kind.name)).or_default() += 1;
        Some(kind.fault)
    }

    /// How many of `len` bytes a short read or write is about: at least one, not all, and often few.
    pub(crate) fn part_of(&mut self, len: usize) -> usize {
        let scale = 1usize << self.random.below(17);
        (1 + self.random.below(scale)).min(len - 1)
    }

    /// How often there was which fault, as `recv ECONNRESET`.
    pub fn counts(&self) -> impl Iterator<Item = (String, u64)> {
        self.counts.iter().map(|((call, fault), count)| {
            let entry = CALLS.iter().find(|(_, known)| known == call);
            let call = entry.map_or("?", |(name, _)| name);
            (format!("{call} {fault}"), *count)
        })
    }

    fn set(&mut self, word: &str) -> Result<(), String> {
        let Some((name, value)) = word.split_once('=') else {
            return Err(format!("`{word}` is not of the form `name=value`"));
        };
        let number = |value: &str| {
            let parsed = value.parse::<u64>();
            parsed.map_err(|_| format!("`{name}` takes a whole number, not `{value}`"))
        };
        match name {
            "seed" => self.random = Random(number(value)?),
            "skip" => self.skip = number(value)?,
            "times" => self.times = number(value)?,
            "rate" => {
                let rate = value.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
                self.rate = rate
                    .ok_or_else(|| format!("`rate` takes a number from 0 to 1, not `{value}`"))?;
            }
            "kinds" => {
                self.kinds = [false; KINDS.len()];
                for value in value.split('+') {
                    self.add_kind(value)?;
                }
            }
            "calls" => {
                self.calls = value.split('+').map(call_named).collect::<Result<_, _>>()?;
            }
            _ => {
                return Err(format!(
                    "unknown word `{name}`; hint: seed, rate, kinds, calls, skip or times"
                ));
            }
        }
        Ok(())
    }

    fn add_kind(&mut self, name: &str) -> Result<(), String> {
        let mut known = false;
        for (kind, chosen) in KINDS.iter().zip(&mut self.kinds) {
            let group = if kind.harmless { "harmless" } else { "harmful" };
            if name == kind.name || name == group {
                *chosen = true;
                known = true;
            }
        }
        if known {
            return Ok(());
        }
        let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        Err(format!(
            "unknown fault `{name}`; hint: harmless, harmful, or some of {}",
            names.join(", ")
        ))
    }
}

impl FromStr for FaultPlan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut plan = FaultPlan::none();
        plan.rate = 0.1;
        plan.add_kind("harmless")?;
        for word in text.split(',').filter(|word| !word.is_empty()) {
            plan.set(word)?;
        }
        Ok(plan)
    }
}

fn call_named(name: &str) -> Result<Call, String> {
    let found = CALLS.iter().find(|(known, _)| *known == name);
    found.map(|(_, call)| *call).ok_or_else(|| {
        let names: Vec<_> = CALLS.iter().map(|(name, _)| *name).collect();
        format!(
            "unknown call `{name}`; hint: some of {}, joined by `+`",
            names.join(", ")
        )
    })
}

/// SplitMix64: small, and good enough to choose faults.
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from zero up to `end`, which it is not.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn chance(&mut self, rate: f64) -> bool {
        // 53 bits are what a float holds.
        ((self.next() >> 11) as f64) < rate * (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> FaultPlan {
        text.parse().unwrap()
    }

    fn draws(text: &str, call: Call, count: usize) -> Vec<Option<Fault>> {
        let mut plan = plan(text);
        (0..count).map(|_| plan.draw(call, |_| true)).collect()
    }

    #[test]
    fn a_seed_repeats_itself_and_differs_from_others() {
        let first = draws("seed=1,rate=0.5", Call::Recv, 100);
        assert_eq!(first, draws("seed=1,rate=0.5", Call::Recv, 100));
        assert_ne!(first, draws("seed=2,rate=0.5", Call::Recv, 100));
        let hit = first.iter().flatten().count();
        assert!((25..75).contains(&hit), "{hit}");
    }

    #[test]
    fn a_call_is_hit_by_what_can_hit_it() {
        for fault in draws("rate=1,kinds=harmless+harmful", Call::Register, 20) {
            assert_eq!(fault, Some(Fault::Error(libc::ENOSPC)));
        }
        assert_eq!(draws("rate=1,kinds=EMFILE", Call::Recv, 1), [None]);
        assert_eq!(draws("rate=1,calls=accept", Call::Recv, 1), [None]);
    }

    #[test]
    fn skip_and_times_pick_one_call() {
        let reset = Some(Fault::Error(libc::ECONNRESET));
        let text = "rate=1,kinds=ECONNRESET,calls=recv,skip=2,times=1";
        assert_eq!(draws(text, Call::Recv, 5), [None, None, reset, None, None]);
        let mut plan = plan(text);
        assert_eq!(plan.draw(Call::Send, |_| true), None);
        for _ in 0..4 {
            plan.draw(Call::Recv, |_| true);
        }
        let counts: Vec<_> = plan.counts().collect();
        assert_eq!(counts, [("recv ECONNRESET".to_owned(), 1)]);
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_known_ones() {
        let refused = |text: &str| text.parse::<FaultPlan>().unwrap_err();
        assert!(refused("kinds=EFOO").contains("unknown fault `EFOO`; hint: harmless"));
        assert!(refused("calls=recv+open").contains("unknown call `open`; hint: some of wait"));
        assert!(refused("sede=1").contains("unknown word `sede`; hint: seed"));
        assert!(refused("seed").contains("`seed` is not of the form"));
        assert!(refused("seed=x").contains("`seed` takes a whole number, not `x`"));
        for rate in ["2", "-1", "NaN", ""] {
            assert!(refused(&format!("rate={rate}")).contains("from 0 to 1"));
        }
    }
}
