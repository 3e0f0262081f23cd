//! A folder with files, and the command run in it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    /// A folder with these files: (path, text).
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let project = Self {
            folder: tempfile::tempdir().expect("a folder can be made"),
        };
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    pub(crate) fn root(&self) -> PathBuf {
        // On some systems the folder for temporary files is a link.
        self.folder.path().canonicalize().expect("it exists")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_riata-check"));
        command
            .args(arguments)
            .current_dir(self.root())
            .env_clear()
            .env("NO_COLOR", "1")
            // Nothing is found there.
            .env("PATH", self.root());
        command
    }

    /// The exit code, standard output and standard error of a run, as one text.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.show(
            &self
                .command(arguments)
                .output()
                .expect("the command starts"),
        )
    }

    /// The same with a text on standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> String {
        self.show(&self.output_with_input(arguments, input.as_bytes()))
    }

    /// What comes of bytes on standard input.
    pub(crate) fn output_with_input(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(input).expect("it is read");
        drop(stdin);
        child.wait_with_output().expect("the command ends")
    }

    /// Standard output alone, as it is.
    pub(crate) fn stdout(&self, arguments: &[&str]) -> String {
        let output = self
            .command(arguments)
            .output()
            .expect("the command starts");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn show(&self, output: &Output) -> String {
        let mut text = format!("exit code: {}\n", output.status.code().expect("no signal"));
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            if !bytes.is_empty() {
                text.push_str(&format!(
                    "----- {name} -----\n{}",
                    String::from_utf8_lossy(bytes)
                ));
            }
        }
        self.normalized(&text)
    }

    /// Without what differs from one machine to another.
    pub(crate) fn normalized(&self, text: &str) -> String {
        let root: &Path = &self.root();
        text.replace(&root.display().to_string(), "<root>")
            .replace(env!("CARGO_PKG_VERSION"), "<version>")
    }
}

/// A project in which a coroutine sleeps, and others come to the network through a helper in another module.
pub(crate) fn shop() -> Project {
    Project::new(&[
        ("shop/__init__.py", ""),
        (
            "shop/prices.py",
            "\
import urllib.request


def read(url):
    return urllib.request.urlopen(url).read()


class Prices:
    def of(self, item):
        return int(read(f\"https://example.org/{item}\"))
",
        ),
        (
            "shop/server.py",
            "\
import time

from shop.prices import Prices


async def answer(prices: Prices, item: str) -> int:
    return prices.of(item)


async def sum_up(prices: Prices, items: list[str]) -> int:
    total = 0
    for item in items:
        total += prices.of(item)
    return total


class Worker:
    async def run(self):
        while True:
            time.sleep(1)
",
        ),
    ])
}
