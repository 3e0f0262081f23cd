//! Fixes of whole projects, in memory and on disk. What RIA001 finds is what there is to fix.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use riata_check::diagnostic::Applicability;
use riata_check::fix::{Fixed, fix};

use crate::project::{Project, lines};

const BEFORE: &str = "import time\nx = 1  # riata: ignore[RIA101]\n\n\nasync def f():\n    time.sleep(1)  # noqa: RIA102, RIA101\n";
const AFTER: &str = "import time\nx = 1\n\n\nasync def f():\n    time.sleep(1)  # noqa: RIA101\n";

fn fix_all(project: &Project) -> Fixed {
    fix(&mut project.session(), Applicability::Safe, |_, _| {})
}

#[test]
fn fixes_go_on_until_there_is_nothing_to_fix() {
    let project = Project::new(&[("a.py", BEFORE), ("b.py", "x = 1\n")]);
    let fixed = fix_all(&project);
    assert_eq!(fixed.outcome.problems, []);
    assert_eq!(lines(&fixed.outcome.diagnostics), Vec::<String>::new());
    let [(path, change)] = fixed.changes.iter().collect::<Vec<_>>()[..] else {
        panic!("{fixed:?}")
    };
    assert_eq!(*path, project.path("a.py"));
    assert_eq!((change.after.as_str(), change.count()), (AFTER, 2));
    assert_eq!(project.read("a.py"), BEFORE);
    change.write(path).expect("it can be written");
    assert_eq!(project.read("a.py"), AFTER);
}

#[test]
fn a_diff_shows_what_would_change() {
    let fixed = fix_all(&Project::new(&[("a.py", "x = 1  # noqa: RIA101\n")]));
    let change = fixed.changes.values().next().expect("one file changes");
    assert_eq!(
        change.diff("a.py"),
        "--- a.py\n+++ a.py\n@@ -1 +1 @@\n-x = 1  # noqa: RIA101\n+x = 1\n"
    );
}

#[test]
fn what_is_left_alone_is_not_fixed() {
    let project = Project::new(&[("a.py", BEFORE)]);
    let fixed = fix(&mut project.session(), Applicability::Safe, |_, found| {
        found.clear()
    });
    assert!(fixed.changes.is_empty());
}

#[test]
fn files_with_syntax_errors_are_not_fixed() {
    let fixed = fix_all(&Project::new(&[(
        "a.py",
        "x = 1  # noqa: RIA101\n\n\n\n\ny = = 1\n",
    )]));
    assert!(fixed.changes.is_empty());
    assert_eq!(lines(&fixed.outcome.diagnostics), ["6: RIA000"]);
}

#[test]
fn written_files_keep_their_mode_and_links_lead_where_they_led() {
    let project = Project::new(&[(
        "folder/real.txt",
        "\u{feff}x = 'é'  # noqa: RIA101\r\ny = 2\r\n",
    )]);
    let real = project.path("folder/real.txt");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o751)).expect("it is ours");
    symlink("folder/real.txt", project.path("link.py")).expect("the folder is ours");
    let fixed = fix_all(&project);
    for (path, change) in &fixed.changes {
        change.write(path).expect("it can be written");
    }
    assert!(project.path("link.py").is_symlink());
    assert_eq!(
        project.read("folder/real.txt"),
        "\u{feff}x = 'é'\r\ny = 2\r\n"
    );
    assert_eq!(
        real.metadata().expect("it is there").permissions().mode() & 0o777,
        0o751
    );
    let names = std::fs::read_dir(project.path("folder"))
        .expect("it is there")
        .count();
    assert_eq!(names, 1, "temporary files are left");
}

#[test]
fn a_file_that_somebody_else_changed_is_not_written() {
    let project = Project::new(&[("a.py", BEFORE)]);
    let fixed = fix_all(&project);
    project.write("a.py", "other = 1\n");
    let (path, change) = fixed.changes.iter().next().expect("one file changes");
    let error = change.write(path).expect_err("it was changed");
    assert_eq!(error, "was changed while it was checked, and is not fixed");
    assert_eq!(project.read("a.py"), "other = 1\n");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o444)).expect("it is ours");
    project.write("b.py", BEFORE);
    std::fs::set_permissions(project.path("b.py"), std::fs::Permissions::from_mode(0o444))
        .expect("it is ours");
    let fixed = fix_all(&project);
    let error = fixed.changes[&project.path("b.py")].write(&project.path("b.py"));
    assert_eq!(
        error,
        Err(String::from("cannot be written: the file is read-only"))
    );
}
