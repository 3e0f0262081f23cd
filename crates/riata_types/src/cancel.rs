//! Calling off what a thread asks of types, from another one: some files take longer than anybody waits.

use std::any::Any;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use salsa::Database as _;

use crate::database::Database;

/// Calls off the questions to one handle of `Types`, now and from then on: the question at hand unwinds, and each later
/// one does at once. Clones of that handle are not affected.
pub struct Canceller {
    token: salsa::CancellationToken,
    cancelled: Arc<AtomicBool>,
}

impl Canceller {
    pub(crate) fn new(db: &Database, cancelled: Arc<AtomicBool>) -> Self {
        Self {
            token: db.cancellation_token(),
            cancelled,
        }
    }

    pub fn cancel(&self) {
        // In this order: whoever is stopped by the token looks at the flag.
        self.cancelled.store(true, Ordering::Release);
        self.token.cancel();
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}

/// The payload with which cancelled questions unwind.
struct Cancelled;

pub(crate) fn unwind() -> ! {
    resume_unwind(Box::new(Cancelled))
}

/// Whether a panic is one of questions that were called off.
pub fn is_cancellation(payload: &(dyn Any + Send)) -> bool {
    payload.is::<Cancelled>() || payload.is::<salsa::Cancelled>()
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::PathBuf;
    use std::time::Duration;

    use ruff_db::files::File;
    use ruff_db::system::SystemPath;

    use super::is_cancellation;
    use crate::database::ProgramDb;
    use crate::{Settings, Types, Value};

    /// What inference that has no end looks like.
    #[salsa::tracked(returns(copy))]
    fn endless(db: &dyn ProgramDb, file: File) -> bool {
        while file.exists(db) {
            db.unwind_if_revision_cancelled();
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    #[salsa::tracked(returns(copy))]
    fn panics(_db: &dyn ProgramDb, _file: File) -> bool {
        panic!("as inference sometimes does")
    }

    /// A program of one file, `x = 1`.
    fn program(name: &str) -> (Types, PathBuf) {
        let root = std::env::temp_dir().join(format!("riata-types-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&root).expect("the temporary folder can be written to");
        let path = root.join("main.py");
        std::fs::write(&path, "x = 1\nx\n").expect("as above");
        let settings = Settings {
            root: root.clone(),
            source_roots: vec![root],
            site_packages: Vec::new(),
            python_version: (3, 10),
        };
        (Types::new(&settings).expect("the settings are right"), path)
    }

    fn file(types: &Types, path: &std::path::Path) -> File {
        let path = SystemPath::from_std_path(path).expect("the name is UTF-8");
        ruff_db::files::system_path_to_file(&types.db, path).expect("the file is there")
    }

    /// What `x` in the last line is.
    fn ask(types: &Types, path: &std::path::Path) -> Value {
        let module = types.open(path).expect("the file is there");
        let parsed = module.parsed();
        let last = parsed.suite().last().and_then(|last| last.as_expr_stmt());
        module.value(&last.expect("`x` is the last line").value)
    }

    #[test]
    fn a_question_that_is_called_off_unwinds_and_others_go_on() {
        let (types, path) = program("cancel");
        let mine = types.clone();
        let canceller = mine.canceller();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            canceller.cancel();
            canceller
        });
        let start = file(&mine, &path);
        let result = catch_unwind(AssertUnwindSafe(|| endless(&mine.db, start)));
        assert!(is_cancellation(&*result.expect_err("it has no end")));
        assert!(thread.join().expect("it does not panic").is_cancelled());
        // This handle is done for; others are not, nor are new ones.
        let result = catch_unwind(AssertUnwindSafe(|| ask(&mine, &path)));
        assert!(is_cancellation(&*result.expect_err("it is called off")));
        assert!(matches!(ask(&types, &path), Value::Instance(_)));
        assert!(matches!(ask(&mine.clone(), &path), Value::Instance(_)));
        std::fs::remove_dir_all(path.parent().expect("it has one")).expect("it is ours");
    }

    #[test]
    fn a_panic_leaves_types_as_they_were() {
        let (mut types, path) = program("panic");
        let file = file(&types, &path);
        for _ in 0..2 {
            let result = catch_unwind(AssertUnwindSafe(|| panics(&types.db, file)));
            assert!(!is_cancellation(&*result.expect_err("it panics")));
            assert!(matches!(ask(&types, &path), Value::Instance(_)));
        }
        let module = types.open(&path).expect("the file is there");
        assert_eq!(module.guarded(|| panics(&types.db, file)), None);
        drop(module);
        types.set_text(&path, String::from("x = None\nx\n"));
        assert!(matches!(ask(&types, &path), Value::None));
        // What is on disk counts again once it changes there.
        std::fs::write(&path, "x = 1\nx\n\n").expect("it is ours");
        types.refresh([path.as_path()]);
        assert!(matches!(ask(&types, &path), Value::Instance(_)));
        std::fs::remove_dir_all(path.parent().expect("it has one")).expect("it is ours");
    }
}
