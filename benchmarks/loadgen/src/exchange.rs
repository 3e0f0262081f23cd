//! What is asked, and what the answer must be, byte for byte.

/// How far an answer has come.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    More,
    Complete,
}

/// A conversation of one connection: a request, its answer, the next request.
pub trait Exchange {
    /// Makes the next request current, and forgets the last answer.
    fn next(&mut self);
    /// All bytes of the current request.
    fn request(&self) -> &[u8];
    /// Takes bytes of the answer. An error says how they differ from what was expected.
    fn accept(&mut self, bytes: &[u8]) -> Result<Progress, String>;
}

/// The answer is the request. Each request is another slice of one pool of noise, so an answer that
/// belongs to another connection, or to the request before, does not pass.
pub struct Echo<'a> {
    pool: &'a [u8],
    size: usize,
    state: u64,
    start: usize,
    received: usize,
}

impl<'a> Echo<'a> {
    /// `pool` must be longer than `size`.
    pub fn new(pool: &'a [u8], size: usize, seed: u64) -> Self {
        assert!(
            size > 0 && pool.len() > size,
            "the pool of noise must be longer than a message"
        );
        Echo {
            pool,
            size,
            state: seed,
            start: 0,
            received: 0,
        }
    }
}

impl Exchange for Echo<'_> {
    fn next(&mut self) {
        self.start = (scramble(&mut self.state) % (self.pool.len() - self.size) as u64) as usize;
        self.received = 0;
    }

    fn request(&self) -> &[u8] {
        &self.pool[self.start..self.start + self.size]
    }

    fn accept(&mut self, bytes: &[u8]) -> Result<Progress, String> {
        let expected = &self.request()[self.received..];
        if bytes.len() > expected.len() {
            return Err(format!("{} bytes too many", bytes.len() - expected.len()));
        }
        if bytes != &expected[..bytes.len()] {
            let wrong = bytes
                .iter()
                .zip(expected)
                .position(|(a, b)| a != b)
                .unwrap_or(0);
            return Err(format!(
                "byte {} of {} is wrong",
                self.received + wrong,
                self.size
            ));
        }
        self.received += bytes.len();
        Ok(if self.received == self.size {
            Progress::Complete
        } else {
            Progress::More
        })
    }
}

/// `GET` over a kept-alive HTTP/1.1 connection, answered 200 with a known body.
pub struct Http<'a> {
    request: &'a [u8],
    body: &'a [u8],
    answer: Vec<u8>,
}

impl<'a> Http<'a> {
    pub fn new(request: &'a [u8], body: &'a [u8]) -> Self {
        Http {
            request,
            body,
            answer: Vec::new(),
        }
    }
}

impl Exchange for Http<'_> {
    fn next(&mut self) {
        self.answer.clear();
    }

    fn request(&self) -> &[u8] {
        self.request
    }

    fn accept(&mut self, bytes: &[u8]) -> Result<Progress, String> {
        self.answer.extend_from_slice(bytes);
        let Some(end) = find(&self.answer, b"\r\n\r\n") else {
            return Ok(Progress::More);
        };
        let head = String::from_utf8_lossy(&self.answer[..end]);
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap_or("");
        if !status.starts_with("HTTP/1.1 200 ") {
            return Err(format!("status line `{status}`"));
        }
        let length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse::<usize>().ok())
            .ok_or("no content-length")?;
        let body = &self.answer[end + 4..];
        if body.len() < length {
            return Ok(Progress::More);
        }
        if body != self.body || length != self.body.len() {
            return Err(format!("body `{}`", String::from_utf8_lossy(body)));
        }
        Ok(Progress::Complete)
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// Noise to cut messages from.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 1;
    (0..length).map(|_| scramble(&mut state) as u8).collect()
}

/// SplitMix64: small, and good enough to tell messages apart.
fn scramble(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(pool: &[u8]) -> Echo<'_> {
        let mut echo = Echo::new(pool, 8, 7);
        echo.next();
        echo
    }

    #[test]
    fn an_echo_may_come_in_pieces() {
        let pool = noise(64);
        let mut echo = echo(&pool);
        let sent = echo.request().to_vec();
        assert_eq!(echo.accept(&sent[..3]), Ok(Progress::More));
        assert_eq!(echo.accept(&sent[3..]), Ok(Progress::Complete));
    }

    #[test]
    fn one_wrong_byte_is_named() {
        let pool = noise(64);
        let mut echo = echo(&pool);
        let mut sent = echo.request().to_vec();
        sent[5] ^= 1;
        assert_eq!(echo.accept(&sent), Err("byte 5 of 8 is wrong".into()));
    }

    #[test]
    fn too_much_is_wrong_too() {
        let pool = noise(64);
        let mut echo = echo(&pool);
        let mut sent = echo.request().to_vec();
        sent.push(0);
        assert_eq!(echo.accept(&sent), Err("1 bytes too many".into()));
    }

    #[test]
    fn requests_differ_from_each_other_and_between_connections() {
        let pool = noise(4096);
        let (mut one, mut other) = (Echo::new(&pool, 8, 1), Echo::new(&pool, 8, 2));
        one.next();
        other.next();
        let first = one.request().to_vec();
        assert_ne!(first, other.request());
        one.next();
        assert_ne!(first, one.request());
    }

    fn http(answer: &str) -> Result<Progress, String> {
        let mut http = Http::new(b"", b"hello");
        http.next();
        http.accept(answer.as_bytes())
    }

    #[test]
    fn http_wants_200_and_the_whole_body() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(http(&format!("{head}hello")), Ok(Progress::Complete));
        assert_eq!(http(&format!("{head}hell")), Ok(Progress::More));
        assert_eq!(http("HTTP/1.1 200 OK\r\nConte"), Ok(Progress::More));
        assert_eq!(http(&format!("{head}hallo")), Err("body `hallo`".into()));
        assert_eq!(http(&format!("{head}helloo")), Err("body `helloo`".into()));
        assert!(http("HTTP/1.1 500 Oops\r\ncontent-length: 5\r\n\r\nhello").is_err());
        assert!(http("HTTP/1.1 200 OK\r\n\r\nhello").is_err());
    }
}
