//! The SARIF report has what its schema requires:
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json>

use serde_json::Value;

use crate::project::{Project, shop};

fn log(project: &Project) -> Value {
    let text = project.stdout(&["--isolated", "--output-format", "sarif"]);
    serde_json::from_str(&text).expect("valid JSON")
}

#[test]
fn sarif() {
    let shop = shop();
    let mut log = log(&shop);
    // The documentation of rules is looked at elsewhere.
    for rule in log["runs"][0]["tool"]["driver"]["rules"]
        .as_array_mut()
        .expect("a list")
    {
        rule["help"] = Value::Null;
    }
    insta::assert_snapshot!(shop.normalized(&format!("{log:#}")));
}

#[test]
fn required_fields_are_there() {
    let project = shop();
    project.write("broken encoding \u{fc}.py", "x = 1\n");
    let bytes = b"async def f(): pass # \xff\n";
    std::fs::write(project.path("broken encoding \u{fc}.py"), bytes).expect("written");
    let log = log(&project);
    assert_eq!(log["version"], "2.1.0");
    let runs = log["runs"].as_array().expect("required");
    assert_eq!(runs.len(), 1);
    let run = &runs[0];
    assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&text(&run["columnKind"])));
    let driver = &run["tool"]["driver"];
    assert!(!text(&driver["name"]).is_empty());
    let rules = driver["rules"].as_array().expect("a list");
    assert!(!rules.is_empty());
    for rule in rules {
        assert!(!text(&rule["id"]).is_empty());
        for key in ["shortDescription", "fullDescription", "help"] {
            message(&rule[key]);
        }
        assert!(text(&rule["helpUri"]).starts_with("https://"));
        level(&rule["defaultConfiguration"]["level"]);
    }
    let results = run["results"].as_array().expect("a list");
    assert!(results.len() >= 2);
    for result in results {
        message(&result["message"]);
        level(&result["level"]);
        let index =
            usize::try_from(result["ruleIndex"].as_u64().expect("a number")).expect("small");
        assert_eq!(rules[index]["id"], result["ruleId"]);
        for place in result["locations"].as_array().expect("a list") {
            location(place);
        }
        for place in result["relatedLocations"].as_array().into_iter().flatten() {
            assert!(place["id"].as_i64().expect("a number") >= 0);
            message(&place["message"]);
            location(place);
        }
    }
    let invocations = run["invocations"].as_array().expect("a list");
    assert_eq!(invocations[0]["executionSuccessful"], false);
    let notification = &invocations[0]["toolExecutionNotifications"][0];
    message(&notification["message"]);
    level(&notification["level"]);
    let uri = &notification["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(text(uri), "broken%20encoding%20%C3%BC.py");
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("a string, not {value}"))
}

fn message(value: &Value) {
    assert!(!text(&value["text"]).is_empty());
}

fn level(value: &Value) {
    assert!(["none", "note", "warning", "error"].contains(&text(value)));
}

fn location(value: &Value) {
    let place = &value["physicalLocation"];
    let uri = text(&place["artifactLocation"]["uri"]);
    assert!(!uri.contains([' ', '\\']) && !uri.starts_with('/'), "{uri}");
    let number = |key: &str| place["region"][key].as_u64().expect("a number");
    assert!(number("startLine") >= 1 && number("startColumn") >= 1 && number("endColumn") >= 1);
    assert!(number("endLine") >= number("startLine"));
}
