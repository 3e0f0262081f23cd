//! From the bytes of a file to its text: UTF-8, or a message that says what is in the way.

/// # Errors
/// Says where a file is no Python in UTF-8.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<String, String> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(String::from("larger than 4 GiB"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(String::from("encoded as UTF-16; only UTF-8 is supported"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        match declared(error.as_bytes()) {
            Some(name) => format!(
                "declares the encoding `{name}`; only UTF-8 is supported (byte {at} is not)"
            ),
            None => format!("not valid UTF-8 at byte {at}"),
        }
    })?;
    match text.find('\0') {
        Some(at) => Err(format!(
            "has a NUL at byte {at}, which Python does not accept"
        )),
        None => Ok(text),
    }
}

/// The encoding that a comment in the first two lines declares (PEP 263), unless it is UTF-8.
fn declared(bytes: &[u8]) -> Option<String> {
    bytes.split(|byte| *byte == b'\n').take(2).find_map(|line| {
        let line = String::from_utf8_lossy(line);
        let comment = line.trim_start().strip_prefix('#')?;
        let (_, after) = comment.split_once("coding")?;
        let name: String = after
            .strip_prefix([':', '='])?
            .trim_start()
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(*letter))
            .collect();
        let plain = name.to_ascii_lowercase().replace(['_', '.'], "-");
        let is_utf8 = plain == "utf8" || plain == "utf-8" || plain.starts_with("utf-8-");
        (!name.is_empty() && !is_utf8).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn bytes_that_are_no_text_are_told_where() {
        let check = |bytes: &[u8], expected: Result<&str, &str>| {
            let found = decode(bytes.to_vec());
            assert_eq!(found.as_deref().map_err(String::as_str), expected);
        };
        check(b"", Ok(""));
        check(b"\xef\xbb\xbfx = 1\n", Ok("\u{feff}x = 1\n"));
        check(
            b"# -*- coding: latin-1 -*-\nx = 1\n",
            Ok("# -*- coding: latin-1 -*-\nx = 1\n"),
        );
        check(b"x = '\xe9'\n", Err("not valid UTF-8 at byte 5"));
        check(
            b"# coding: utf-8\nx = '\xe9'\n",
            Err("not valid UTF-8 at byte 21"),
        );
        let latin = "declares the encoding `latin-1`; only UTF-8 is supported (byte 31 is not)";
        check(b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", Err(latin));
        check(
            b"#!/bin/python\n# vim: fileencoding=cp1252\n\xe9",
            Err("declares the encoding `cp1252`; only UTF-8 is supported (byte 41 is not)"),
        );
        check(
            b"x\0",
            Err("has a NUL at byte 1, which Python does not accept"),
        );
        check(
            b"\xff\xfex\0",
            Err("encoded as UTF-16; only UTF-8 is supported"),
        );
    }
}
