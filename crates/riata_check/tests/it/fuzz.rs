//! Texts that nobody would write, made of those that the rules are tested with: lines and tokens left out, doubled, moved,
//! nested. Whatever they say, nothing panics, every place is in its file, and fixes leave what parsed parsing.
//!
//! A few rounds with every test run. `RIATA_FUZZ_SECONDS=60` goes on for so long with texts that were not tried before
//! (`RIATA_FUZZ_SEED` tries those of one run again).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use riata_check::diagnostic::Applicability;
use riata_check::fix::fix;
use riata_check::rules::Selection;
use riata_check::{Outcome, Session, Settings};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};

use crate::project::Project;

/// Texts that are checked together, each a module that others may import.
const MODULES: usize = 6;
/// What types remember of old texts is given back after so many rounds.
const ROUNDS_OF_A_SESSION: usize = 40;

#[test]
fn nothing_that_can_be_written_breaks_the_checker() {
    let seconds: Option<u64> = number("RIATA_FUZZ_SECONDS");
    let seed = number("RIATA_FUZZ_SEED").unwrap_or_else(|| match seconds {
        Some(_) => std::time::UNIX_EPOCH
            .elapsed()
            .map_or(1, |since| since.as_secs()),
        None => 1,
    });
    let texts = corpus();
    let names: Vec<String> = (0..MODULES).map(|index| format!("m{index}.py")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let project = Project::new(&files);
    let mut random = Random(seed.wrapping_mul(2).wrapping_add(1));
    let begin = Instant::now();
    let mut rounds = 0;
    let mut sessions = None;
    let goes_on = |rounds: usize| match seconds {
        Some(seconds) => begin.elapsed() < Duration::from_secs(seconds),
        None => rounds < 4,
    };
    while goes_on(rounds) {
        if rounds % ROUNDS_OF_A_SESSION == 0 {
            sessions = Some([session(&project, true), session(&project, false)]);
        }
        let Some(sessions) = &mut sessions else {
            unreachable!("it was just made")
        };
        let mutated: Vec<(PathBuf, String)> = names
            .iter()
            .map(|name| (project.path(name), mutate(&texts, &mut random)))
            .collect();
        for session in sessions {
            if let Err(message) = try_texts(session, &mutated) {
                let kept = keep(&mutated);
                panic!(
                    "{message}\nin one of the files of {} (seed {seed}, round {rounds})",
                    kept.display()
                );
            }
        }
        rounds += 1;
    }
    if seconds.is_some() {
        println!("{} texts, seed {seed}", rounds * MODULES);
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn session(project: &Project, use_types: bool) -> Session {
    let all = [String::from("ALL")];
    let selection = Selection::new(Some(&all), &[], &[]).expect("all rules are rules");
    let settings = Settings {
        selection,
        use_types,
        ..project.settings()
    };
    Session::new(project.files(), settings).expect("the settings are right")
}

fn try_texts(session: &mut Session, texts: &[(PathBuf, String)]) -> Result<(), String> {
    for (path, text) in texts {
        session.set_text(path, text.clone());
    }
    are_sound(session, &session.check())?;
    let fixed = fix(session, Applicability::Unsafe, |_, _| {});
    are_sound(session, &fixed.outcome)?;
    for (path, change) in &fixed.changes {
        let parsed = parses(&change.before);
        if parsed && !parses(&change.after) {
            return Err(format!(
                "a fix of {:?} breaks {}",
                change.fixed,
                path.display()
            ));
        }
    }
    Ok(())
}

/// No problem, and each place is one of its file.
fn are_sound(session: &Session, outcome: &Outcome) -> Result<(), String> {
    if let Some(problem) = outcome.problems.first() {
        return Err(format!("{}: {}", problem.path.display(), problem.message));
    }
    for found in &outcome.diagnostics {
        let text = session.text(&found.location.path)?;
        let is_in =
            |start: u32, end: u32| start <= end && text.get(start as usize..end as usize).is_some();
        let fix_is_in = found
            .fix
            .iter()
            .flat_map(|fix| &fix.edits)
            .all(|edit| is_in(edit.start, edit.end));
        if !is_in(found.range.0, found.range.1) || !fix_is_in {
            return Err(format!("a place that is not in the file: {found:?}"));
        }
    }
    Ok(())
}

fn parses(text: &str) -> bool {
    parse_unchecked(text, ParseOptions::from(Mode::Module))
        .errors()
        .is_empty()
}

/// Write the texts where they can be looked at.
fn keep(texts: &[(PathBuf, String)]) -> PathBuf {
    let folder = std::env::temp_dir().join("riata-check-fuzz");
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written to");
    for (path, text) in texts {
        std::fs::write(folder.join(path.file_name().expect("it has one")), text).expect("as above");
    }
    folder
}

/// The texts that rules are tested with.
fn corpus() -> Vec<String> {
    let mut texts = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("resources")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("the folder is there").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "py") {
                texts.extend(std::fs::read_to_string(&path));
            }
        }
    }
    // Folders have no order of their own, and a seed stands for the same texts each time.
    texts.sort();
    texts
}

/// xorshift64*: no more is needed here.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).unwrap_or_default() % end.max(1)
    }

    fn range(&mut self, end: usize, longest: usize) -> std::ops::Range<usize> {
        let start = self.below(end);
        start..(start + 1 + self.below(longest)).min(end)
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

const HEADS: &[&str] = &[
    "async def f():",
    "def f(self):",
    "class C:",
    "if x:",
    "while True:",
    "for x in xs:",
    "async for x in xs:",
    "with a as b:",
    "async with a, b as c:",
    "async with asyncio.timeout(1):",
    "async with asyncio.TaskGroup() as g:",
    "try:",
    "finally:",
    "except:",
    "except BaseException as e:",
    "except* ValueError:",
    "else:",
    "match x:",
    "case [a, *_]:",
    "@decorator",
];
/// What goes around an expression.
const PAIRS: &[(&str, &str)] = &[
    ("(", ")"),
    ("[", "]"),
    ("f(", ")"),
    ("await (", ")"),
    ("f'{", "}'"),
    ("lambda x: (", ")"),
];
const TOKENS: &[&str] = &[
    "await ",
    "async ",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    "=",
    ":=",
    "*",
    "**",
    ".",
    "lambda: ",
    "yield ",
    "yield from ",
    "return ",
    "not ",
    "None",
    "self",
    "asyncio",
    "asyncio.create_task(f())",
    "asyncio.gather(*x)",
    "f'{x}'",
    "'é𝄞'",
    "\"\"\"",
    "# noqa: RIA101, E501",
    "  # riata: ignore[RIA201]",
    "\\\n",
    ";",
    "\t",
    "\r\n",
    "\u{feff}",
    "global x",
    "nonlocal x",
    "->",
    "import m1",
    "from m2 import *",
    "from . import m3",
    "del x",
    "raise",
    "assert f()",
    "...",
    "0",
    " if x else ",
    " for x in y",
];

fn mutate(texts: &[String], random: &mut Random) -> String {
    let mut text = random.pick(texts).clone();
    for _ in 0..=random.below(5) {
        text = if random.below(2) == 0 {
            mutate_lines(&text, texts, random)
        } else {
            mutate_tokens(&text, random)
        };
    }
    match random.below(20) {
        0 => text.replace('\n', "\r\n"),
        1 => text.replace('\n', "\r"),
        2 => format!("\u{feff}{text}"),
        3 => text.trim_end().to_owned(),
        _ => text,
    }
}

fn mutate_lines(text: &str, texts: &[String], random: &mut Random) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(ToOwned::to_owned).collect();
    if lines.is_empty() {
        return random.pick(texts).clone();
    }
    let range = random.range(lines.len(), 8);
    let at = random.below(lines.len());
    match random.below(7) {
        0 => drop(lines.drain(range)),
        1 => {
            let copied = lines[range].to_vec();
            lines.splice(at..at, copied);
        }
        2 => {
            let moved: Vec<String> = lines.drain(range).collect();
            let at = random.below(lines.len());
            lines.splice(at..at, moved);
        }
        3 => {
            let other: Vec<String> = random
                .pick(texts)
                .split_inclusive('\n')
                .map(ToOwned::to_owned)
                .collect();
            let taken = random.range(other.len(), 12);
            lines.splice(at..at, other[taken].to_vec());
        }
        4 => {
            for line in &mut lines[range] {
                *line = line.strip_prefix("    ").unwrap_or(line).to_owned();
            }
        }
        // Put a head before some lines and those below it.
        _ => {
            let first = &lines[range.start];
            let indent = first[..first.len() - first.trim_start_matches(' ').len()].to_owned();
            let head = format!("{indent}{}\n", random.pick(HEADS));
            for line in &mut lines[range.clone()] {
                line.insert_str(0, "    ");
            }
            lines.insert(range.start, head);
        }
    }
    lines.concat()
}

fn mutate_tokens(text: &str, random: &mut Random) -> String {
    let mut tokens: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let end = if is_word(first) {
            rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(end);
        tokens.push(token);
        rest = after;
    }
    if tokens.is_empty() {
        return random.pick(TOKENS).to_string();
    }
    let range = random.range(tokens.len(), 5);
    let at = random.below(tokens.len());
    match random.below(5) {
        0 => drop(tokens.drain(range)),
        1 => {
            let copied = tokens[range].to_vec();
            tokens.splice(at..at, copied);
        }
        2 => tokens[at] = tokens[range.start],
        3 => {
            let token: &&str = random.pick(TOKENS);
            tokens.insert(at, token);
        }
        _ => {
            // Around an expression, with some luck.
            let (open, close) = *random.pick(PAIRS);
            tokens.insert(range.end, close);
            tokens.insert(range.start, open);
        }
    }
    tokens.concat()
}
