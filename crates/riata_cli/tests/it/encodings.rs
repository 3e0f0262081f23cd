//! Files that are not in UTF-8 are checked, and fixes leave them in their encoding.

use crate::project::Project;

const START: &[u8] =
    b"# coding: latin-1\r\nimport asyncio\r\nx = '\xe9'  # riata: ignore[RIA101]\r\n";
const FIXED: &[u8] = b"# coding: latin-1\r\nimport asyncio\r\nx = '\xe9'\r\n";

#[test]
fn fixes_are_written_in_the_encoding_of_the_file() {
    let project = Project::new(&[]);
    let path = project.path("a.py");
    std::fs::write(&path, START).expect("written");
    insta::assert_snapshot!(project.run(&["--isolated", "--diff"]), @r"
    exit code: 1
    ----- stdout -----
    --- a.py
    +++ a.py
    @@ -1,3 +1,3 @@
     # coding: latin-1
     import asyncio
    -x = 'é'  # riata: ignore[RIA101]
    +x = 'é'
    ----- stderr -----
    note: --fix would fix 1 error in 1 file
    ");
    project.run(&["--isolated", "--fix"]);
    assert_eq!(std::fs::read(&path).expect("read"), FIXED);
}

#[test]
fn standard_input_comes_out_in_its_encoding() {
    // What is there is not what is checked.
    let project = Project::new(&[("a.py", "")]);
    let output = project.output_with_input(
        &["--isolated", "--fix", "--stdin-filename", "a.py", "-"],
        START,
    );
    assert_eq!(output.stdout, FIXED);
}
