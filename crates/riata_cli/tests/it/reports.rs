//! What each format looks like.

use riata_check::diagnostic::{Applicability, Diagnostic, Edit, Fix, Related};
use riata_check::report::{OutputFormat, Reporter, Style};
use riata_check::{Location, Outcome, Position, Problem};

use crate::project::{Project, shop};

#[test]
fn full() {
    insta::assert_snapshot!(shop().run(&["--isolated"]));
}

#[test]
fn concise() {
    insta::assert_snapshot!(shop().run(&["--isolated", "--output-format", "concise"]));
}

#[test]
fn json() {
    insta::assert_snapshot!(shop().run(&["--isolated", "--output-format", "json"]));
}

#[test]
fn github() {
    insta::assert_snapshot!(shop().run(&["--isolated", "--output-format", "github"]));
}

#[test]
fn statistics() {
    let shop = shop();
    insta::assert_snapshot!(shop.run(&["--isolated", "--statistics"]));
    insta::assert_snapshot!(
        "statistics_json",
        shop.run(&["--isolated", "--statistics", "--output-format", "json"])
    );
}

#[test]
fn nothing_found() {
    let project = Project::new(&[("fine.py", "x = 1\n")]);
    insta::assert_snapshot!(project.run(&["--isolated"]), @r"
    exit code: 0
    ----- stdout -----
    All checks passed!
    ");
    insta::assert_snapshot!(project.run(&["--isolated", "--output-format", "json"]), @r"
    exit code: 0
    ----- stdout -----
    []
    ");
    insta::assert_snapshot!(project.run(&["--isolated", "-q"]), @"exit code: 0");
}

/// A text that is hard to show, with a finding for each piece of it.
fn hard(text: &str, pieces: &[&str]) -> String {
    let project = Project::new(&[("hard.py", text)]);
    let outcome = Outcome {
        diagnostics: pieces
            .iter()
            .map(|piece| finding(&project, text, piece))
            .collect(),
        ..Outcome::default()
    };
    render(
        &project,
        OutputFormat::Full,
        Style::default(),
        false,
        &outcome,
    )
}

fn finding(project: &Project, text: &str, piece: &str) -> Diagnostic {
    let start = text.find(piece).expect("a piece of the text");
    let end = start + piece.len();
    Diagnostic {
        code: "RIA101".to_owned(),
        name: "blocking-call-in-async".to_owned(),
        location: Location {
            path: project.path("hard.py"),
            start: position(text, start),
            end: position(text, end),
        },
        range: (
            u32::try_from(start).expect("small"),
            u32::try_from(end).expect("small"),
        ),
        message: "Async function does something".to_owned(),
        related: Vec::new(),
        also: Vec::new(),
        function: None,
        notes: Vec::new(),
        help: None,
        fix: None,
        cause: None,
    }
}

fn position(text: &str, offset: usize) -> Position {
    let before = &text[..offset];
    let line = before.rsplit('\n').next().expect("one at least");
    Position {
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
    }
}

fn render(
    project: &Project,
    format: OutputFormat,
    style: Style,
    unsafe_fixes: bool,
    outcome: &Outcome,
) -> String {
    let root = project.root();
    let reporter = Reporter::new(&root, format, style).unsafe_fixes(unsafe_fixes);
    let mut out = Vec::new();
    reporter.write(&mut out, outcome).expect("memory");
    if format.is_for_people() {
        reporter.write_summary(&mut out, outcome).expect("memory");
    }
    project.normalized(&String::from_utf8(out).expect("UTF-8"))
}

#[test]
fn tabs_wide_characters_and_windows_lines() {
    insta::assert_snapshot!(hard(
        "async def f():\r\n\tif x:\r\n\t\t名前 = 'ü'; sleep('日本')\r\n\tpass\r\n",
        &["sleep('日本')", "名前"],
    ));
}

#[test]
fn long_lines_are_cut() {
    let list = (0..500)
        .map(|n| n.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    let text = format!("async def f():\n    x = [{list}]; sleep(1); y = [{list}]\n");
    insta::assert_snapshot!(hard(&text, &["sleep(1)", &list]));
}

#[test]
fn a_call_over_many_lines() {
    let arguments: String = (0..12).map(|n| format!("        {n},\n")).collect();
    let call = format!("sleep(\n{arguments}    )");
    insta::assert_snapshot!(hard(
        &format!("async def f():\n    {call}\n    pass\n"),
        &[&call]
    ));
}

#[test]
fn the_end_of_a_file_and_control_characters() {
    insta::assert_snapshot!(hard(
        "async def f():\n    x = '\u{1b}[31m\u{8}'; sleep(1)",
        &["sleep(1)"]
    ));
    let mut beyond = hard_beyond();
    beyond.push('\n');
    insta::assert_snapshot!("a_place_that_is_not_there", beyond);
}

/// The file was changed after it was checked, or is gone.
fn hard_beyond() -> String {
    let project = Project::new(&[("hard.py", "x = 1\n")]);
    let mut found = finding(&project, "x = 1\n", "1");
    found.location.start = Position {
        line: 70,
        column: 12,
    };
    found.location.end = Position {
        line: 71,
        column: 2,
    };
    let mut gone = found.clone();
    gone.location.path = project.path("gone.py");
    gone.related.push(Related {
        location: gone.location.clone(),
        message: "calls `f`".to_owned(),
    });
    let outcome = Outcome {
        diagnostics: vec![found, gone],
        ..Outcome::default()
    };
    render(
        &project,
        OutputFormat::Full,
        Style::default(),
        false,
        &outcome,
    )
}

const SLEEPS: &str =
    "import time\n\n\nasync def f():\n    time.sleep(1)\n\n\nasync def g():\n    time.sleep(2)\n";

/// Two findings with a fix each, of which one is safe.
fn fixable() -> (Project, Outcome) {
    let project = Project::new(&[("hard.py", SLEEPS)]);
    let import = Edit {
        start: 0,
        end: 0,
        content: "import asyncio\n".to_owned(),
    };
    let fixed = |piece: &str, applicability| {
        let mut found = finding(&project, SLEEPS, piece);
        let name = piece.find('(').expect("a call");
        let edit = Edit {
            start: found.range.0,
            end: found.range.0 + u32::try_from(name).expect("small"),
            content: "await asyncio.sleep".to_owned(),
        };
        found.fix = Some(Fix {
            title: "Await `asyncio.sleep`".to_owned(),
            applicability,
            edits: vec![import.clone(), edit],
        });
        found.notes.push("a note".to_owned());
        found
    };
    let diagnostics = vec![
        fixed("time.sleep(1)", Applicability::Safe),
        fixed("time.sleep(2)", Applicability::Unsafe),
    ];
    (
        project,
        Outcome {
            diagnostics,
            ..Outcome::default()
        },
    )
}

#[test]
fn fixes() {
    let (project, outcome) = fixable();
    let render =
        |format, unsafe_fixes| render(&project, format, Style::default(), unsafe_fixes, &outcome);
    insta::assert_snapshot!("fixes_full", render(OutputFormat::Full, false));
    insta::assert_snapshot!("fixes_json", render(OutputFormat::Json, false));
    insta::assert_snapshot!(render(OutputFormat::Concise, false), @r"
    hard.py:5:5: RIA101 [*] Async function does something
    hard.py:9:5: RIA101 Async function does something
    Found 2 errors (1 fixable with --fix, 1 more with --unsafe-fixes).
    ");
    insta::assert_snapshot!(render(OutputFormat::Concise, true), @r"
    hard.py:5:5: RIA101 [*] Async function does something
    hard.py:9:5: RIA101 [*] Async function does something
    Found 2 errors (2 fixable with --fix --unsafe-fixes).
    ");
}

#[test]
fn colors_and_links() {
    let (project, outcome) = fixable();
    let style = Style {
        color: true,
        hyperlinks: true,
        width: 80,
    };
    let text = render(&project, OutputFormat::Full, style, false, &outcome);
    insta::assert_snapshot!(text.replace('\x1b', "ESC"));
}

#[test]
fn a_stub_and_other_places() {
    let text = "async def f():\n    sleep(1)\n";
    let project = Project::new(&[("hard.py", text)]);
    let mut found = finding(&project, text, "sleep(1)");
    let stub = Location {
        path: "stdlib/time.pyi".into(),
        ..found.location.clone()
    };
    found.related.push(Related {
        location: found.location.clone(),
        message: "calls `sleep`".to_owned(),
    });
    found.related.push(Related {
        location: stub,
        message: "calls `time.sleep`".to_owned(),
    });
    found.also.push(Related {
        location: found.location.clone(),
        message: "also reached from `g`".to_owned(),
    });
    found
        .notes
        .push("also reached from 1 more async function".to_owned());
    found.help = Some("await `asyncio.sleep`".to_owned());
    let outcome = Outcome {
        diagnostics: vec![found],
        ..Outcome::default()
    };
    insta::assert_snapshot!(render(
        &project,
        OutputFormat::Full,
        Style::default(),
        false,
        &outcome
    ));
}

#[test]
fn what_could_not_be_checked_has_not_passed() {
    let project = Project::new(&[]);
    let problem = Problem {
        path: project.path("a.py"),
        message: "not readable".to_owned(),
    };
    let outcome = Outcome {
        problems: vec![problem],
        ..Outcome::default()
    };
    assert_eq!(
        render(
            &project,
            OutputFormat::Full,
            Style::default(),
            false,
            &outcome
        ),
        ""
    );
}

#[test]
fn a_fix_in_sarif_is_a_list_of_replacements() {
    let (project, outcome) = fixable();
    let text = render(
        &project,
        OutputFormat::Sarif,
        Style::default(),
        false,
        &outcome,
    );
    let log: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
    let fix = &log["runs"][0]["results"][0]["fixes"][0];
    insta::assert_snapshot!(format!("{fix:#}"));
}

#[test]
fn no_place_is_too_odd_to_show() {
    let texts = [
        "",
        "\n",
        "\u{feff}x = 1",
        "e\u{301} = '👩‍👩‍👧' # \u{202e}\u{200b}\n\r\r\n\tx\u{0}\n",
        "if x:\r\n    y\r\n\r\n\u{3000}z",
    ];
    let mut places = Vec::new();
    for line in 0..5 {
        places.extend([0, 1, 4, 9, 500].map(|column| Position { line, column }));
    }
    for text in texts {
        let project = Project::new(&[("hard.py", text)]);
        let mut diagnostics = Vec::new();
        for start in &places {
            for end in &places {
                let mut found = finding(&project, "x", "x");
                found.location.start = *start;
                found.location.end = *end;
                let related = Location {
                    start: *end,
                    end: *start,
                    ..found.location.clone()
                };
                found.related = vec![Related {
                    location: related,
                    message: "calls".to_owned(),
                }];
                let (from, to) = (u32::try_from(start.column), u32::try_from(end.column));
                let edit = Edit {
                    start: from.expect("small"),
                    end: to.expect("small"),
                    content: "\n".to_owned(),
                };
                found.fix = Some(Fix {
                    title: "Mend it".to_owned(),
                    applicability: Applicability::Safe,
                    edits: vec![edit],
                });
                diagnostics.push(found);
            }
        }
        let count = diagnostics.len();
        let outcome = Outcome {
            diagnostics,
            ..Outcome::default()
        };
        for (_, format) in OutputFormat::ALL {
            let style = Style {
                width: 10,
                ..Style::default()
            };
            let text = render(&project, format, style, false, &outcome);
            assert!(text.matches("RIA101").count() >= count, "{format}");
        }
    }
}
