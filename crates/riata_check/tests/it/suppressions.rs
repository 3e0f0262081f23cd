//! Comments that take findings back, and what is said about such comments.

use riata_check::diagnostic::Applicability;

use crate::project::{Project, lines};

/// Check the body of an async function; its first line is line 5.
fn check(body: &str, expected: &[&str]) {
    check_file(
        &format!("import asyncio, time\n\n\nasync def main():\n{body}"),
        expected,
    );
}

fn check_file(text: &str, expected: &[&str]) {
    let project = Project::new(&[("main.py", text)]);
    let outcome = project.check();
    assert_eq!(outcome.problems, []);
    assert_eq!(
        lines(&outcome.diagnostics),
        expected,
        "{text}\n{:#?}",
        outcome.diagnostics
    );
}

#[test]
fn a_comment_counts_for_its_line_and_its_rules() {
    check("    time.sleep(1)\n", &["5: RIA101"]);
    check("    time.sleep(1)  # riata: ignore\n", &[]);
    check("    time.sleep(1)  # riata: ignore[RIA101]\n", &[]);
    check(
        "    time.sleep(1)  # riata: ignore[blocking-call-in-async]\n",
        &[],
    );
    check("    time.sleep(1)  # noqa\n", &[]);
    check("    time.sleep(1)  # noqa: RIA101\n", &[]);
    check(
        "    time.sleep(1)  # type: ignore # noqa: RIA101 # why\n",
        &[],
    );
    check("    time.sleep(1)  # noqa: E501\n", &["5: RIA101"]);
    check("    time.sleep(1)  # noqa:\n", &["5: RIA101"]);
    check("    time.sleep(1)  # flake8: noqa\n", &["5: RIA101"]);
    check(
        "    time.sleep(1)  # riata: ignore[RIA102]\n",
        &["5: RIA101", "5: RIA001"],
    );
    check(
        "    # riata: ignore\n    time.sleep(1)\n",
        &["5: RIA001", "6: RIA101"],
    );
    check("    time.sleep(1); '# riata: ignore'\n", &["5: RIA101"]);
    check("    '''\n    # noqa'''; time.sleep(1)\n", &["6: RIA101"]);
}

#[test]
fn a_comment_counts_for_what_begins_or_ends_on_its_line() {
    check("    time.sleep(  # noqa\n        1\n    )\n", &[]);
    check("    time.sleep(\n        1\n    )  # noqa\n", &[]);
    check(
        "    time.sleep(\n        1  # noqa\n    )\n",
        &["5: RIA101"],
    );
    check("    time.sleep(1), \\\n        2  # noqa\n", &[]);
    check(
        "    time.sleep(1), \\\n        2, \\\n        3  # riata: ignore[RIA101]\n",
        &[],
    );
    check("    f'''{time.sleep(1)}\n    '''  # noqa\n", &[]);
    check(
        "    f'''{f'{time.sleep(1)}'}\n    ''' + '''\n    '''  # noqa\n",
        &[],
    );
    check("    time.sleep(len('''\n    '''))  # noqa\n", &[]);
    check(
        "    1, '''\n    ''', time.sleep(1)\n    2  # noqa\n",
        &["6: RIA101"],
    );
}

#[test]
fn a_comment_may_count_for_the_whole_file() {
    let body = "import time\nasync def main():\n    time.sleep(1)\n";
    check_file(&format!("# riata: ignore-file\n{body}"), &[]);
    check_file(&format!("{body}# riata: ignore-file[RIA101]\n"), &[]);
    check_file(
        &format!("# riata: ignore-file[RIA102]\n{body}"),
        &["1: RIA001", "4: RIA101"],
    );
    check_file(&format!("# ruff: noqa\n{body}"), &["4: RIA101"]);
    check_file(&format!("# flake8: noqa\n{body}"), &["4: RIA101"]);
    check_file(&format!("# flake8: noqa: RIA101\n{body}"), &["4: RIA101"]);
}

#[test]
fn what_is_not_used_is_removed_and_other_text_stays() {
    let check = |before: &str, after: &str| {
        let project = Project::new(&[("main.py", before)]);
        let outcome = project.check();
        let [found] = outcome.diagnostics.as_slice() else {
            panic!("{:#?}", outcome.diagnostics)
        };
        assert_eq!(found.code, "RIA001");
        let fix = found.fix.as_ref().expect("it has a fix");
        assert_eq!(fix.applicability, Applicability::Safe);
        let [edit] = fix.edits.as_slice() else {
            panic!("{fix:?}")
        };
        let mut text = before.to_owned();
        text.replace_range(edit.start as usize..edit.end as usize, &edit.content);
        assert_eq!(text, after);
    };
    check("x = 1  # riata: ignore[RIA101]\n", "x = 1\n");
    check("x = 1  # riata: ignore[RIA101]", "x = 1");
    check("x = 1  # riata: ignore\n", "x = 1\n");
    check("# riata: ignore-file\nx = 1\n", "x = 1\n");
    check("x = 1  # riata: ignore  # noqa\n", "x = 1  # noqa\n");
    check(
        "x = 1  # riata: ignore[RIA101]\r\ny = 2\r\n",
        "x = 1\r\ny = 2\r\n",
    );
    check(
        "x = 1  # riata: ignore[RIA101] because\n",
        "x = 1  # because\n",
    );
    check(
        "x = 1  # riata: ignore[RIA101]  # noqa\n",
        "x = 1  # noqa\n",
    );
    check(
        "x = 1  # noqa: E501  # riata: ignore[RIA101]\n",
        "x = 1  # noqa: E501\n",
    );
    check("x = 1  # noqa: RIA101, E501\n", "x = 1  # noqa: E501\n");
    check(
        "x = 1  # noqa: E501 RIA101 why\n",
        "x = 1  # noqa: E501 why\n",
    );
    check("x = 1  # noqa: RIA101 why\n", "x = 1  # why\n");
    check(
        "x = 1\n    # riata: ignore[RIA101]\ny = 2\n",
        "x = 1\ny = 2\n",
    );
    check("# riata: ignore-file[RIA101, RIA102]\nx = 1\n", "x = 1\n");
    check("# noqa: RIA101", "");
    check("\u{feff}x = 'é'  # noqa: RIA101\n", "\u{feff}x = 'é'\n");
}

#[test]
fn wrong_names_are_told_with_what_may_be_meant() {
    let project = Project::new(&[(
        "main.py",
        "x = 1  # riata: ignore[blocking-call-in-asink, RIA000]\n",
    )]);
    let outcome = project.check();
    let said: Vec<_> = outcome
        .diagnostics
        .iter()
        .map(|found| (found.message.as_str(), found.help.as_deref()))
        .collect();
    let expected = [
        (
            "Suppression names `blocking-call-in-asink`, which is no rule",
            Some("did you mean `blocking-call-in-async`?"),
        ),
        (
            "Suppression names `RIA000`, and syntax errors cannot be suppressed",
            said[1].1,
        ),
    ];
    assert_eq!(said, expected);
}

#[test]
fn without_types_nothing_is_called_unused() {
    let project = Project::new(&[(
        "main.py",
        "async def f():\n    x = 1  # riata: ignore[RIA101]\n",
    )]);
    assert_eq!(lines(&project.check().diagnostics), ["2: RIA001"]);
    let settings = riata_check::Settings {
        use_types: false,
        ..project.settings()
    };
    let session = riata_check::Session::new(project.files(), settings).expect("as above");
    assert_eq!(session.check().diagnostics, []);
}

#[test]
fn a_comment_for_all_rules_is_unused_when_none_has_to_say_anything() {
    check("    time.sleep(1)  # riata: ignore\n", &[]);
    check(
        "    await asyncio.sleep(1)  # riata: ignore\n",
        &["5: RIA001"],
    );
    check("    await asyncio.sleep(1)  # noqa\n", &[]);
    check_file("# riata: ignore-file\nx = 1\n", &["1: RIA001"]);
    // Both take the same thing back.
    let body = "import time\nasync def main():\n    time.sleep(1)  # riata: ignore\n";
    check_file(&format!("# riata: ignore-file\n{body}"), &[]);
    // Nobody has looked for anything that it could take back.
    let project = Project::new(&[("main.py", "x = 1  # riata: ignore\n")]);
    let only = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let selectors = riata_check::rules::Selectors {
            select: Some(&names),
            ..Default::default()
        };
        let settings = riata_check::Settings {
            selection: riata_check::rules::Selection::layered(&[selectors]).expect("rules"),
            ..project.settings()
        };
        let session = riata_check::Session::new(project.files(), settings).expect("as above");
        lines(&session.check().diagnostics)
    };
    assert_eq!(only(&["RIA001"]), Vec::<String>::new());
    assert_eq!(only(&["RIA001", "RIA101"]), ["1: RIA001"]);
}
