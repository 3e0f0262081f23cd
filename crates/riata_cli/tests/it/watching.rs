//! Checking again after edits.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::project::Project;

/// A run with `--watch`, ended with the test.
struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    fn start(project: &Project, arguments: &[&str]) -> Self {
        let mut all = vec!["--watch", "--output-format", "concise"];
        all.extend(arguments);
        let mut child = project
            .command(&all)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let (sender, lines) = channel();
        let stdout: Box<dyn Read + Send> = Box::new(child.stdout.take().expect("it is piped"));
        let stderr: Box<dyn Read + Send> = Box::new(child.stderr.take().expect("it is piped"));
        for stream in [stdout, stderr] {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Self { child, lines }
    }

    /// Wait for a line of standard output or standard error, which come in no order, that has this in it.
    fn expect(&self, part: &str) {
        let mut seen = Vec::new();
        loop {
            // The machine may be busy; what is to come comes.
            match self.lines.recv_timeout(Duration::from_secs(60)) {
                Ok(line) if line.contains(part) => return,
                Ok(line) => seen.push(line),
                Err(error) => panic!("no `{part}` ({error}) after {seen:#?}"),
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const SLEEPS: &str = "import time\n\n\nasync def f():\n    time.sleep(1)\n";

#[test]
fn edits_are_answered() {
    let helper = "import time\n\n\ndef wait():\n    time.sleep(1)\n";
    let caller = "from pkg.helper import wait\n\n\nasync def f():\n    wait()\n";
    let project = Project::new(&[
        ("pkg/__init__.py", ""),
        ("pkg/helper.py", helper),
        ("pkg/caller.py", caller),
    ]);
    let watch = Watch::start(&project, &[]);
    watch.expect("pkg/caller.py:5:5: RIA102");
    // A file that the caller imports.
    project.write("pkg/helper.py", "def wait():\n    pass\n");
    watch.expect("All checks passed!");
    project.write("pkg/helper.py", helper);
    watch.expect("RIA102");
    // A new file, and one that is gone.
    project.write("pkg/new.py", SLEEPS);
    watch.expect("pkg/new.py:5:5: RIA101");
    std::fs::remove_file(project.path("pkg/new.py")).expect("it is there");
    std::fs::remove_file(project.path("pkg/caller.py")).expect("it is there");
    watch.expect("All checks passed!");
    // A new folder.
    project.write("other/deep/new.py", SLEEPS);
    watch.expect("other/deep/new.py:5:5: RIA101");
    // Settings.
    project.write(
        "pyproject.toml",
        "[tool.riata.check]\nignore = ['RIA101']\n",
    );
    watch.expect("All checks passed!");
    project.write(
        "pyproject.toml",
        "[tool.riata.check]\nignore = ['RIA1']\nx = 1\n",
    );
    watch.expect("unknown key `x`");
    project.write("pyproject.toml", "");
    watch.expect("other/deep/new.py:5:5: RIA101");
}

#[test]
fn what_is_wrong_from_the_beginning_ends_it() {
    let project = Project::new(&[("pyproject.toml", "[tool.riata.check]\nx = 1\n")]);
    insta::assert_snapshot!(project.run(&["--watch"]), @r"
    exit code: 2
    ----- stderr -----
    error: <root>/pyproject.toml:2:1: unknown key `x`
    ");
}

#[test]
fn a_folder_that_is_gone_may_come_back() {
    let sleeps = "import time\nasync def f():\n    time.sleep(1)\n";
    let project = Project::new(&[("pkg/a.py", "x = 1\n")]);
    let watch = Watch::start(&project, &["--isolated", "pkg"]);
    watch.expect("watching 1 file");
    std::fs::remove_dir_all(project.path("pkg")).expect("removed");
    watch.expect("no such file or folder");
    project.write("pkg/b.py", sleeps);
    watch.expect("b.py:3:5: RIA101");
    project.write("pkg/b.py", "x = 1\n");
    watch.expect("All checks passed!");
}
