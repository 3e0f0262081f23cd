//! Whatever is edited, a run with a cache finds what a run without one finds.

use std::fs;
use std::path::{Path, PathBuf};

use super::Cache;
use crate::session::Session;
use crate::settings::Settings;
use crate::source::{Module, Text};

/// A small xorshift: failures come back with the number of the edit.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).expect("small")
    }
}

/// Modules as slots, each of which holds one of several texts.
const MODULES: &[(&str, &[&[&str]])] = &[
    (
        "shop/__init__.py",
        &[&[
            "",
            "from .base import Base\n",
            "from .files import read as load\n",
        ]],
    ),
    (
        "shop/files.py",
        &[
            &[
                "import time\n\n",
                "import time\n# one more line\n\n",
                "from time import sleep\nimport time\n\n",
            ],
            &[
                "def read(path: str) -> str:\n    return path\n\n",
                "def read(path: str) -> str:\n    time.sleep(1)\n    return path\n\n",
                "def read(path: str) -> str:  # riata: blocks\n    return path\n\n",
                "def read(path: str) -> str:\n    return open(path).read()\n\n",
                "async def read(path: str) -> str:\n    return path\n\n",
                "def read(path):\n    return path\n\n",
                "def read(path):\n    return other(path)\n\n",
                "def read(path: str) -> str:\n    yield path\n\n",
            ],
            &[
                "async def other(path):\n    return path\n",
                "def other(path):\n    return time.sleep(2)\n",
                "",
            ],
        ],
    ),
    (
        "shop/middle.py",
        &[
            &[
                "from shop.files import read\n",
                "from shop import load as read\n",
                "from .files import *\n",
                "import shop.files\nread = shop.files.read\n",
            ],
            &["\n", "\n\n# words\n"],
            &[
                "def load(path: str) -> str:\n    return read(path)\n",
                "def load(path):\n    return read(path)\n",
                "def load(path: str) -> str:\n    return path\n",
                "def load(path: str, depth: int = 3) -> str:\n    return load(path, depth - 1) if depth else read(path)\n",
            ],
        ],
    ),
    (
        "shop/base.py",
        &[
            &[
                "import asyncio\nimport time\n\nclass Base:\n",
                "import asyncio\nimport time\n\nclass Root:\n    def stop(self):\n        time.sleep(3)\n\nclass Base(Root):\n",
            ],
            &[
                "    def run(self):\n        return 1\n",
                "    async def run(self):\n        return 1\n",
                "    def run(self) -> int:\n        raise NotImplementedError\n",
            ],
            &[
                "    def __init__(self) -> None:\n        self.work = time.sleep\n",
                "    def __init__(self) -> None:\n        self.work = asyncio.sleep\n",
                "    def __init__(self) -> None:\n        self.lock = asyncio.Lock()\n",
                "    def __init__(self) -> None:\n        pass\n",
            ],
            &[
                "    def close(self):\n        self.run()\n",
                "    async def close(self):\n        self.run()\n",
            ],
        ],
    ),
    (
        "shop/derived.py",
        &[
            &[
                "import time\nfrom shop.base import Base\n",
                "import time\nfrom .base import Base as Parent\nBase = Parent\n",
                "from shop import Base\nimport time\n",
            ],
            &[
                "\nclass Derived(Base):\n",
                "\n# words\nclass Derived(Base):\n",
                "\nclass Derived:\n",
            ],
            &[
                "    def run(self):\n        time.sleep(1)\n",
                "    async def run(self):\n        return 2\n",
                "    pass\n",
            ],
        ],
    ),
    (
        "shop/tasks.py",
        &[
            &["import asyncio\n\n"],
            &[
                "def start(coroutine):\n    return asyncio.create_task(coroutine)\n",
                "def start(coroutine) -> asyncio.Task:\n    return asyncio.create_task(coroutine)\n",
                "TASKS = set()\ndef start(coroutine) -> asyncio.Task:\n    task = asyncio.create_task(coroutine)\n    TASKS.add(task)\n    return task\n",
                "async def start(coroutine):\n    return await coroutine\n",
            ],
            &[
                "def enter(coroutine) -> None:\n    asyncio.run(coroutine)\n",
                "def enter(coroutine) -> None:\n    pass\n",
            ],
        ],
    ),
    (
        "shop/decorators.py",
        &[
            &["import functools\n\n"],
            &[
                "def logged(function):\n    @functools.wraps(function)\n    async def inner(*args):\n        return await function(*args)\n    return inner\n",
                "def logged(function):\n    def inner(*args):\n        return 1\n    return inner\n",
                "def logged(function):\n    return function\n",
                "def logged(function) -> int:\n    return 1\n",
            ],
        ],
    ),
    (
        "shop/main.py",
        &[
            &[
                "import asyncio\nfrom shop.middle import load\nfrom shop.base import Base\nfrom shop.derived import Derived\nfrom shop.tasks import start, enter\nfrom shop.decorators import logged\n\n",
                "import asyncio\nfrom .middle import load\nfrom .derived import Derived, Base\nfrom .tasks import *\nfrom .decorators import logged\n\n",
            ],
            &[
                "@logged\nasync def job(base: Base) -> int:\n    load('x')\n    base.run()\n    return 1\n\n",
                "async def job(base: Base):\n    base.close()\n    return load('y')\n\n",
            ],
            &[
                "async def main(derived: Derived) -> None:\n    job(derived)\n    start(job(derived))\n    derived.run()\n    derived.work(1)\n\n",
                "async def main() -> None:\n    enter(job(Derived()))\n    async with Derived().lock:\n        load('z')\n\n",
            ],
            &[
                "",
                "async def watch():\n    while True:\n        try:\n            await asyncio.sleep(1)\n        except asyncio.CancelledError:\n            pass\n",
            ],
        ],
    ),
    (
        "shop/spawn.py",
        &[
            &["import asyncio\nfrom shop import main\n\n"],
            &[
                "async def go():\n    task = asyncio.create_task(main.watch())\n    await task\n",
                "async def go():\n    await main.watch()\n",
                "async def go(:\n",
            ],
        ],
    ),
];

struct Project {
    root: PathBuf,
    slots: Vec<Vec<usize>>,
    /// Lines at the top of each module that say nothing.
    above: Vec<usize>,
}

impl Project {
    fn new(root: &Path) -> Self {
        fs::create_dir(root.join("shop")).expect("a folder");
        let slots = MODULES
            .iter()
            .map(|(_, slots)| vec![0; slots.len()])
            .collect();
        let project = Self {
            root: root.to_path_buf(),
            slots,
            above: vec![0; MODULES.len()],
        };
        (0..MODULES.len()).for_each(|module| project.write(module));
        project
    }

    fn write(&self, module: usize) {
        let (path, slots) = MODULES[module];
        let texts = slots
            .iter()
            .zip(&self.slots[module])
            .map(|(texts, choice)| texts[*choice]);
        let text = "# A line.\n".repeat(self.above[module]) + &texts.collect::<String>();
        fs::write(self.root.join(path), text).expect("written");
    }

    fn edit(&mut self, random: &mut Random) -> &'static str {
        let module = random.below(MODULES.len());
        let (path, slots) = MODULES[module];
        let file = self.root.join(path);
        if random.below(12) == 0 && file.exists() {
            fs::remove_file(file).expect("removed");
            return path;
        }
        if random.below(4) == 0 {
            self.above[module] = random.below(4);
        }
        let slot = random.below(slots.len());
        self.slots[module][slot] = random.below(slots[slot].len());
        self.write(module);
        path
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = MODULES
            .iter()
            .map(|(path, _)| self.root.join(path))
            .filter(|path| path.exists());
        let mut files: Vec<PathBuf> = files.collect();
        files.sort();
        files
    }

    fn session(&self) -> Session {
        let files = self.files();
        let selection =
            crate::rules::Selection::new(Some(&["ALL".to_owned()]), &[], &[]).expect("all rules");
        let settings = Settings {
            selection,
            ..Settings::new(self.root.clone())
        };
        Session::new(files, settings).expect("settings are right")
    }

    fn cache(&self, session: &Session) -> Cache {
        Cache::new(&self.root.join(super::FOLDER), session.settings(), &[])
    }
}

#[test]
fn results_that_are_kept_are_what_a_fresh_run_finds() {
    let count = 200;
    let folder = tempfile::tempdir().expect("a folder");
    let mut project = Project::new(folder.path());
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut unchanged, mut found) = (0, 0);
    // Types of the standard library need not be worked out for each edit.
    let (mut without, mut with) = (project.session(), project.session());
    for number in 0..count {
        let edited = project.edit(&mut random);
        let changed = [project.root.join(edited)];
        without.refresh(project.files(), &changed);
        with.refresh(project.files(), &changed);
        let fresh = without.check();
        let cached = with.check_with(&project.cache(&with));
        assert_eq!(cached.failure, None);
        let text = |outcome: &crate::Outcome| {
            serde_json::to_string_pretty(&outcome.diagnostics).expect("JSON")
        };
        assert_eq!(
            text(&fresh),
            text(&cached.outcome),
            "edit {number}, of {edited}: {:?}",
            project.slots
        );
        assert_eq!(fresh.problems, cached.outcome.problems);
        unchanged += cached.unchanged;
        found += fresh.diagnostics.len();
    }
    // It is worth something.
    assert!(
        unchanged > count * 3,
        "{unchanged} of {} files",
        count * MODULES.len()
    );
    assert!(found > count * 3, "{found}");
}

fn project() -> (tempfile::TempDir, Project) {
    let folder = tempfile::tempdir().expect("a folder");
    let project = Project::new(folder.path());
    (folder, project)
}

fn unchanged(project: &Project) -> usize {
    unchanged_in(project, &project.session())
}

fn unchanged_in(project: &Project, session: &Session) -> usize {
    let fresh = session.check();
    let cached = session.check_with(&project.cache(session));
    assert_eq!(fresh.diagnostics, cached.outcome.diagnostics);
    cached.unchanged
}

#[test]
fn a_second_run_checks_nothing() {
    let (_folder, project) = project();
    assert_eq!(unchanged(&project), 0);
    assert_eq!(unchanged(&project), MODULES.len());
    let folder = project.root.join(super::FOLDER);
    assert!(
        fs::read_to_string(folder.join(".gitignore"))
            .expect("written")
            .contains("\n*\n")
    );
    assert!(folder.join("CACHEDIR.TAG").exists());
}

#[test]
fn a_comment_is_seen_by_its_own_file_alone() {
    let (_folder, project) = project();
    unchanged(&project);
    let path = project.root.join("shop/spawn.py");
    fs::write(
        &path,
        format!("{}# words\n", fs::read_to_string(&path).expect("text")),
    )
    .expect("written");
    assert_eq!(unchanged(&project), MODULES.len() - 1);
}

#[test]
fn each_definition_has_a_name_of_its_own() {
    let class = "    class Shop:\n        def open(self): ...\n        def open(self): ...\n";
    let text = format!("if True:\n{class}else:\n{class}");
    let module = Module::of(Text::own(
        Path::new("shop.py"),
        String::new(),
        text,
        (3, 10),
    ));
    let mut all: Vec<String> = super::code::all(&module).into_keys().collect();
    all.sort_unstable();
    assert_eq!(
        all,
        [
            "Shop#1",
            "Shop#1.open#1",
            "Shop#1.open#2",
            "Shop#2",
            "Shop#2.open#1",
            "Shop#2.open#2"
        ]
    );
}

#[test]
fn damaged_files_are_replaced() {
    let (_folder, project) = project();
    unchanged(&project);
    let session = project.session();
    let file = project.cache(&session).file;
    let whole = fs::read(&file).expect("a cache");
    let mut random = Random(7);
    for round in 0..60 {
        let mut bytes = whole.clone();
        match round % 3 {
            0 => bytes.truncate(random.below(whole.len())),
            1 => {
                let at = random.below(whole.len());
                bytes[at] ^= 1 << random.below(8);
            }
            _ => {
                bytes = (0..random.below(300))
                    .map(|_| random.below(256) as u8)
                    .collect()
            }
        }
        fs::write(&file, &bytes).expect("written");
        // Types of the standard library need not be worked out for each round.
        assert_eq!(unchanged_in(&project, &session), 0, "round {round}");
        assert_eq!(unchanged_in(&project, &session), MODULES.len());
    }
}

#[test]
fn other_settings_have_a_cache_of_their_own() {
    let (_folder, project) = project();
    unchanged(&project);
    let folder = project.root.join(super::FOLDER);
    let session = project.session();
    let settings = Settings {
        blocking: vec!["shop.middle.load".to_owned()],
        ..session.settings().clone()
    };
    let cache = Cache::new(&folder, &settings, &[]);
    let session = Session::new(session.files().to_vec(), settings).expect("settings are right");
    let cached = session.check_with(&cache);
    assert_eq!(cached.unchanged, 0);
    assert_eq!(cached.outcome.diagnostics, session.check().diagnostics);
    assert_eq!(unchanged(&project), MODULES.len());
}

#[test]
fn what_other_versions_wrote_is_removed() {
    let (_folder, project) = project();
    let folder = project.root.join(super::FOLDER);
    fs::create_dir(&folder).expect("a folder");
    let old = folder.join("0123456789abcdef.cache");
    fs::write(&old, "riata-check   0\n and more").expect("written");
    let foreign = folder.join("notes.txt");
    fs::write(&foreign, "not ours").expect("written");
    unchanged(&project);
    assert!(!old.exists());
    assert!(foreign.exists());
}

#[test]
fn where_nothing_can_be_written_the_run_goes_on() {
    let (_folder, project) = project();
    fs::write(project.root.join(super::FOLDER), "a file").expect("written");
    let session = project.session();
    let cached = session.check_with(&project.cache(&session));
    assert!(
        cached
            .failure
            .expect("it says why")
            .starts_with("results are not kept in ")
    );
    assert_eq!(cached.outcome.diagnostics, session.check().diagnostics);
}

#[test]
fn runs_at_the_same_time_leave_a_whole_file() {
    let (_folder, project) = project();
    let run = || {
        let session = project.session();
        session.check_with(&project.cache(&session)).failure
    };
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
        for run in runs {
            assert_eq!(run.join().expect("no panic"), None);
        }
    });
    assert_eq!(unchanged(&project), MODULES.len());
}
