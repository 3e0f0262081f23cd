//! `riata-check rule`

use riata_check::rules::RULES;

use crate::project::Project;

fn run(arguments: &[&str]) -> String {
    Project::new(&[]).run(arguments)
}

#[test]
fn one_rule_is_explained() {
    insta::assert_snapshot!(run(&["rule", "RIA102"]));
    assert_eq!(
        run(&["rule", "RIA102"]),
        run(&["rule", "blocking-call-through-helper"])
    );
}

#[test]
fn a_rule_as_json() {
    insta::assert_snapshot!(run(&["rule", "RIA102", "--output-format", "json"]));
}

#[test]
fn all_rules_are_listed_and_explained() {
    let (list, all) = (run(&["rule"]), run(&["rule", "--all"]));
    for rule in RULES {
        let line = list
            .lines()
            .find(|line| line.starts_with(rule.code))
            .expect("a line");
        assert_eq!(line.split_whitespace().nth(1), Some(rule.name));
        assert!(
            all.contains(&format!("# {} ({})\n", rule.name, rule.code)),
            "{}",
            rule.code
        );
    }
    let json = Project::new(&[]).stdout(&["rule", "--all", "--output-format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("valid JSON");
    assert_eq!(json.as_array().map(Vec::len), Some(RULES.len()));
}

#[test]
fn a_word_that_is_no_rule() {
    insta::assert_snapshot!(run(&["rule", "blocking-call-in-asnyc"]), @r"
    exit code: 2
    ----- stderr -----
    error: `blocking-call-in-asnyc` is no rule; did you mean `blocking-call-in-async`?
    ");
}
