//! Drives an echo or HTTP server as hard as it answers, checks every byte, and reads its CPU clock.
//!
//!     loadgen echo ADDRESS --pid PID [--connections 100] [--size 1024] [--warmup-ms 200] [--window-ms 500]
//!     loadgen http ADDRESS --pid PID --body TEXT [--path /] [--connections 100] …
//!     loadgen idle ADDRESS [--connections 5000]     opens them, prints a line, keeps them until end of input
//!
//! ADDRESS is `HOST:PORT`, `tls:HOST:PORT` or `unix:PATH`. One line of JSON on standard output; status 1 after any error.

mod exchange;
mod load;
mod stream;
mod sys;
mod tls;

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use exchange::{Echo, Exchange, Http, noise};
use load::{Load, Measured};
use sys::ProcessClock;

const IDLE_GREETING: usize = 64;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("loadgen: {problem}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode, String> {
    let mut words = std::env::args().skip(1);
    let (Some(mode), Some(address)) = (words.next(), words.next()) else {
        return Err("usage: loadgen echo|http|idle ADDRESS [--name value …]".into());
    };
    let options = Options::parse(words)?;
    sys::raise_file_limit().map_err(|error| error.to_string())?;
    match mode.as_str() {
        "echo" => {
            let size: usize = options.number("size", 1024)?;
            let pool = noise(size + 64 * 1024);
            measure(&address, &options, |seed| Echo::new(&pool, size, seed))
        }
        "http" => {
            let path = options.text("path").unwrap_or("/");
            let body = options.text("body").ok_or("http needs --body")?;
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            measure(&address, &options, |_| {
                Http::new(request.as_bytes(), body.as_bytes())
            })
        }
        "idle" => idle(&address, options.number("connections", 5000)?),
        other => Err(format!("no mode is called `{other}`")),
    }
}

fn measure<E: Exchange>(
    address: &str,
    options: &Options,
    exchange: impl Fn(u64) -> E,
) -> Result<ExitCode, String> {
    let connections: u64 = options.number("connections", 100)?;
    let clock = options.required("pid").and_then(|pid| {
        ProcessClock::of(pid).map_err(|error| format!("no CPU clock of process {pid}: {error}"))
    })?;
    let mut load = Load::new(connections as usize).map_err(|error| error.to_string())?;
    for seed in 0..connections {
        load.connect(address, exchange(seed))
            .map_err(|error| format!("cannot connect to {address}: {error}"))?;
    }
    let warmup = Duration::from_millis(options.number("warmup-ms", 200)?);
    let window = Duration::from_millis(options.number("window-ms", 500)?);
    let measured = load
        .run(warmup, window, &clock)
        .map_err(|error| error.to_string())?;
    println!("{}", json(&measured));
    Ok(if measured.tally.errors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn idle(address: &str, connections: u64) -> Result<ExitCode, String> {
    let pool = noise(4096);
    let mut load = Load::new(connections as usize).map_err(|error| error.to_string())?;
    let mut errors = 0;
    for seed in 0..connections {
        let opened = load.connect(address, Echo::new(&pool, IDLE_GREETING, seed));
        opened.map_err(|error| format!("cannot connect to {address}: {error}"))?;
        errors = load.greet().map_err(|error| error.to_string())?.errors;
    }
    println!(
        "{{\"open\": {}, \"errors\": {errors}}}",
        connections - errors
    );
    io::stdout().flush().map_err(|error| error.to_string())?;
    let mut rest = Vec::new();
    io::stdin()
        .read_to_end(&mut rest)
        .map_err(|error| error.to_string())?;
    Ok(if errors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn json(measured: &Measured) -> String {
    let tally = &measured.tally;
    let problem = tally.first_error.as_deref().unwrap_or("");
    format!(
        "{{\"requests\": {}, \"errors\": {}, \"first_error\": \"{}\", \"warmup_requests\": {}, \
         \"cpu_ns\": {}, \"wall_ns\": {}}}",
        tally.requests,
        tally.errors,
        problem.escape_default().to_string().replace("\\'", "'"),
        measured.warmup_requests,
        measured.cpu_nanoseconds,
        measured.wall.as_nanos(),
    )
}

struct Options(HashMap<String, String>);

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = HashMap::new();
        while let Some(word) = words.next() {
            let name = word
                .strip_prefix("--")
                .ok_or_else(|| format!("unexpected `{word}`"))?;
            let value = words
                .next()
                .ok_or_else(|| format!("`{word}` needs a value"))?;
            options.insert(name.to_owned(), value);
        }
        Ok(Options(options))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn number<T: std::str::FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| format!("--{name} is not a number: `{text}`")),
        }
    }

    fn required(&self, name: &str) -> Result<i32, String> {
        let text = self
            .text(name)
            .ok_or_else(|| format!("--{name} is missing"))?;
        text.parse()
            .map_err(|_| format!("--{name} is not a number: `{text}`"))
    }
}
