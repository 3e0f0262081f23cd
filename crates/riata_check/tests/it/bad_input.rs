//! Files and folders that are not what they should be: each is told, and the others are checked.

use std::os::unix::fs::symlink;

use crate::project::{Project, lines, problems};

const SLEEPS: &str = "import time\nasync def f():\n    time.sleep(1)\n";

fn check(name: &str, text: impl AsRef<[u8]>, expected_problems: &[&str], expected: &[&str]) {
    let project = Project::new(&[("good.py", SLEEPS)]);
    project.write(name, text);
    let outcome = project.check();
    assert_eq!(problems(&outcome), expected_problems);
    let found: Vec<_> = outcome
        .diagnostics
        .iter()
        .filter(|found| found.location.path == project.path(name))
        // What other rules say about odd code is not of interest.
        .filter(|found| ["RIA000", "RIA101"].contains(&&*found.code))
        .cloned()
        .collect();
    assert_eq!(lines(&found), expected);
    let good = outcome
        .diagnostics
        .iter()
        .find(|found| found.location.path == project.path("good.py"));
    assert!(good.is_some(), "the good file is checked too");
}

#[test]
fn files_that_are_no_text_are_told() {
    check(
        "bad.py",
        b"x = '\xe9'\n",
        &["bad.py: not valid UTF-8 at byte 5, and declares no other encoding"],
        &[],
    );
    let unknown = "bad.py: declares the encoding `klingon`, which is not known; hint: without a declaration it is UTF-8";
    check("bad.py", "# coding: klingon\nx = 1\n", &[unknown], &[]);
    check(
        "bad.py",
        b"x = 1\0\n",
        &["bad.py: has a NUL at byte 5, which Python does not accept"],
        &[],
    );
}

#[test]
fn odd_texts_are_checked() {
    check("odd.py", "", &[], &[]);
    check("odd.py", "\n", &[], &[]);
    check("odd.py", "\u{feff}", &[], &[]);
    check("odd.py", "#", &[], &[]);
    check("odd.py", "\\", &[], &["1: RIA000"]);
    check("odd.py", format!("\u{feff}{SLEEPS}"), &[], &["3: RIA101"]);
    check("odd.py", SLEEPS.replace('\n', "\r\n"), &[], &["3: RIA101"]);
    check("odd.py", SLEEPS.replace('\n', "\r"), &[], &["3: RIA101"]);
    check("odd.py", SLEEPS.trim_end(), &[], &["3: RIA101"]);
    check("odd.py", SLEEPS.replace("    ", "\t"), &[], &["3: RIA101"]);
    check("odd.py", format!("{SLEEPS}x = '''"), &[], &["4: RIA000"]);
}

/// Types have to see the same text, or they would speak of other places.
#[test]
fn files_are_read_in_the_encoding_that_they_declare() {
    let check = |start: &[u8], text: &str, expected_column: usize| {
        let project = Project::new(&[]);
        let helper =
            "class Clock:\n    def rest(self):\n        import time\n        time.sleep(1)\n";
        project.write("clock.py", helper);
        project.write("odd.py", [start, text.as_bytes()].concat());
        let outcome = project.check();
        assert_eq!(problems(&outcome), Vec::<String>::new());
        let [found] = outcome.diagnostics.as_slice() else {
            panic!("{:#?}", outcome.diagnostics)
        };
        assert_eq!(
            (&*found.code, found.location.start.column),
            ("RIA102", expected_column)
        );
    };
    let rest =
        "\nfrom clock import Clock\nasync def f(clock: Clock):\n    '\u{e9}'; clock.rest()\n";
    check(b"# coding: utf-8", rest, 10);
    let rest = rest.replace('\u{e9}', "");
    let check = |start: &[u8]| check(start, &rest, 9);
    check(b"# coding: latin-1 '\xe9\xe9\xe9'");
    check(b"# coding: cp1252 '\x93\xe9'");
    check(b"# coding: shift_jis '\x83\x65\x83\x58'");
}

#[test]
fn columns_are_in_characters_of_the_text() {
    let project = Project::new(&[]);
    let text = "import time\nasync def f():\n    'é', time.sleep(1)\n";
    let utf16: Vec<u8> = format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    project.write("a.py", utf16);
    let latin: Vec<u8> = format!("# coding: latin-1\n{text}")
        .chars()
        .map(|letter| u8::try_from(u32::from(letter)).expect("latin"))
        .collect();
    project.write("b.py", latin);
    let outcome = project.check();
    let columns: Vec<usize> = outcome
        .diagnostics
        .iter()
        .map(|found| found.location.start.column)
        .collect();
    assert_eq!((problems(&outcome), columns), (Vec::new(), vec![10, 10]));
}

#[test]
fn long_lines_and_files_are_checked() {
    check(
        "long.py",
        format!("{SLEEPS}x = '{}'\n", "é".repeat(5 << 20)),
        &[],
        &["3: RIA101"],
    );
    check(
        "long.py",
        format!("{SLEEPS}x = [{}]\n", "1, ".repeat(200_000)),
        &[],
        &["3: RIA101"],
    );
    check(
        "long.py",
        format!("{SLEEPS}# {}\n", "(".repeat(10 << 20)),
        &[],
        &["3: RIA101"],
    );
    check(
        "long.py",
        format!("{SLEEPS}{}", "x = 1\n".repeat(20_000)),
        &[],
        &["3: RIA101"],
    );
}

#[test]
fn what_is_nested_too_deeply_is_told() {
    let long = [
        "deep.py: has an expression with more than 10000 operators or calls in a row, which is too long to check",
    ];
    let deep = ["deep.py: nested more than 1000 levels deep, which is too deep to check"];
    check(
        "deep.py",
        format!(
            "async def f():\n    x = {}{}\n",
            "(".repeat(10_000),
            ")".repeat(10_000)
        ),
        &deep,
        &[],
    );
    check(
        "deep.py",
        format!("async def f():\n    x = {}\n", "[".repeat(10_000)),
        &deep,
        &[],
    );
    check(
        "deep.py",
        format!(
            "async def f():\n    x = {}1{}\n",
            "f(".repeat(10_000),
            ")".repeat(10_000)
        ),
        &deep,
        &[],
    );
    let ifs: String = (0..5000)
        .map(|depth| format!("{}if x:\n", " ".repeat(depth)))
        .collect();
    check(
        "deep.py",
        format!("{ifs}{}async\n", " ".repeat(5000)),
        &deep,
        &[],
    );
    check(
        "deep.py",
        format!("async def f():\n    x = x{}\n", " + x".repeat(100_000)),
        &long,
        &[],
    );
    check(
        "deep.py",
        format!("async def f():\n    x = x{}\n", ".x".repeat(100_000)),
        &long,
        &[],
    );
    check(
        "deep.py",
        format!("async def f():\n    x = {}x\n", "not ".repeat(100_000)),
        &deep,
        &[],
    );
    check(
        "deep.py",
        format!("async def f():\n    x = {}x\n", "lambda: ".repeat(100_000)),
        &deep,
        &[],
    );
    check(
        "deep.py",
        format!(
            "async def f():\n    x = {}x\n",
            "x if y else ".repeat(100_000)
        ),
        &deep,
        &[],
    );
}

/// As deep as is allowed, through every walk and through inference.
#[test]
fn what_is_nested_deeply_is_checked() {
    let found = ["3: RIA101"];
    let check = |text: String| check("deep.py", format!("{SLEEPS}{text}"), &[], &found);
    check(format!("    x = {}1{}\n", "(".repeat(900), ")".repeat(900)));
    check(format!("    x = {}1{}\n", "[".repeat(900), "]".repeat(900)));
    check(format!(
        "    x = {}1{}\n",
        "str(".repeat(450),
        ")".repeat(450)
    ));
    check(format!("    x = 1{}\n", " + 1".repeat(9900)));
    check(format!("    x = '' {}\n", "f'{f}' ".repeat(20_000)));
    check(format!("    x = ''{}\n", ".strip()".repeat(4900)));
    check(format!("    x = f{}\n", ".x".repeat(900)));
    check(format!("    x = {}1\n", "not ".repeat(900)));
    check(format!("    x = {}1\n", "lambda: ".repeat(900)));
    check(format!("    x = {}1\n", "1 if f else ".repeat(450)));
    let ifs: String = (0..450)
        .map(|depth| format!("    {}if f:\n", " ".repeat(depth)))
        .collect();
    check(format!("{ifs}    {}pass\n", " ".repeat(450)));
    let defs: String = (0..300)
        .map(|depth| format!("    {}async def g():\n", " ".repeat(depth)))
        .collect();
    check(format!("{defs}    {}pass\n", " ".repeat(300)));
    check(format!(
        "    if f: pass\n{}",
        "    elif f(): pass\n".repeat(3000)
    ));
}

#[test]
fn classes_that_name_each_other_are_checked() {
    let project = Project::new(&[(
        "odd.py",
        "class A(B): pass\nclass B(A): pass\nclass C(C): pass\nasync def f(): A().run()\n",
    )]);
    assert_eq!(problems(&project.check()), Vec::<String>::new());
}

#[test]
fn files_that_cannot_be_read_are_told() {
    let project = Project::new(&[("good.py", SLEEPS), ("gone.py", SLEEPS)]);
    std::fs::create_dir(project.path("folder.py")).expect("it is ours");
    symlink("nowhere", project.path("broken.py")).expect("it is ours");
    symlink("loop.py", project.path("loop.py")).expect("it is ours");
    let session = riata_check::Session::new(
        ["good.py", "gone.py", "folder.py", "broken.py", "loop.py"]
            .map(|name| project.path(name))
            .to_vec(),
        project.settings(),
    )
    .expect("the settings are right");
    std::fs::remove_file(project.path("gone.py")).expect("it is ours");
    let outcome = session.check();
    assert_eq!(lines(&outcome.diagnostics), ["3: RIA101"]);
    let expected = [
        "gone.py: no such file or directory",
        "folder.py: is a directory",
        "broken.py: no such file or directory",
        "loop.py: too many levels of symbolic links",
    ];
    assert_eq!(problems(&outcome), expected);
}

#[test]
fn folders_are_searched_past_what_is_odd_in_them() {
    let project = Project::new(&[("pkg/good.py", SLEEPS)]);
    std::fs::create_dir(project.path("folder.py")).expect("it is ours");
    symlink("..", project.path("pkg/up")).expect("it is ours");
    symlink("loop.py", project.path("pkg/loop.py")).expect("it is ours");
    let outcome = riata_check::check(&[project.path("")], project.settings())
        .expect("the settings are right");
    assert_eq!(lines(&outcome.diagnostics), ["3: RIA101"]);
    assert_eq!(problems(&outcome), Vec::<String>::new());
    let outcome =
        riata_check::check(&[project.path("nowhere")], project.settings()).expect("as above");
    assert_eq!(outcome.problems.len(), 1);
}
