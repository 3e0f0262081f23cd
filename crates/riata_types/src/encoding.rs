//! From the bytes of a file to its text, and back: UTF-8, or what the file says that it is in (PEP 263).
//!
//! The whole program has to see one text, or places in it would differ: this is where ty reads its files, too.

/// What the bytes of a file are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    #[default]
    Utf8,
    Utf16LittleEndian,
    Utf16BigEndian,
    Ascii,
    /// ISO 8859-1, whose bytes are the first 256 characters. (To the web it is another name of windows-1252.)
    Latin1,
    Other(&'static encoding_rs::Encoding),
}

/// The text of a file and its encoding. A byte order mark stays in the text.
///
/// # Errors
/// Says where a file is no text, or which encoding it names that is not known.
pub fn decode(bytes: Vec<u8>) -> Result<(String, Encoding), String> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(String::from("larger than 4 GiB"));
    }
    let (text, encoding) = if let Some(encoding) = utf16_mark(&bytes) {
        (decode_utf16(&bytes, encoding)?, encoding)
    } else {
        decode_declared(bytes)?
    };
    match text.find('\0') {
        Some(at) => Err(format!(
            "has a NUL at byte {at}, which Python does not accept"
        )),
        None => Ok((text, encoding)),
    }
}

impl Encoding {
    /// The bytes of a text; `None` when it has characters that the encoding does not have.
    pub fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Utf8 => Some(text.as_bytes().to_vec()),
            Self::Utf16LittleEndian => {
                Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect())
            }
            Self::Utf16BigEndian => Some(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            Self::Ascii => text.is_ascii().then(|| text.as_bytes().to_vec()),
            Self::Latin1 => text
                .chars()
                .map(|letter| u8::try_from(u32::from(letter)).ok())
                .collect(),
            Self::Other(encoding) => {
                let (bytes, _, has_unmappable) = encoding.encode(text);
                (!has_unmappable).then(|| bytes.into_owned())
            }
        }
    }
}

fn utf16_mark(bytes: &[u8]) -> Option<Encoding> {
    match bytes {
        // The mark of UTF-32 begins with it.
        [0xff, 0xfe, 0, 0, ..] => None,
        [0xff, 0xfe, ..] => Some(Encoding::Utf16LittleEndian),
        [0xfe, 0xff, ..] => Some(Encoding::Utf16BigEndian),
        _ => None,
    }
}

fn decode_utf16(bytes: &[u8], encoding: Encoding) -> Result<String, String> {
    let pairs = bytes.chunks_exact(2);
    let is_whole = pairs.remainder().is_empty();
    let units = pairs.filter_map(|pair| {
        let pair = pair.try_into().ok()?;
        Some(match encoding {
            Encoding::Utf16BigEndian => u16::from_be_bytes(pair),
            _ => u16::from_le_bytes(pair),
        })
    });
    char::decode_utf16(units)
        .collect::<Result<String, _>>()
        .ok()
        .filter(|_| is_whole)
        .ok_or_else(|| String::from("begins as UTF-16, and is not valid in it"))
}

fn decode_declared(bytes: Vec<u8>) -> Result<(String, Encoding), String> {
    let Some(name) = declared(&bytes) else {
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            format!("not valid UTF-8 at byte {at}, and declares no other encoding")
        })?;
        return Ok((text, Encoding::Utf8));
    };
    let Some(encoding) = known(&name) else {
        // What is ASCII in these is so in UTF-8.
        if bytes.is_ascii() && is_known_to_python(&name) {
            return Ok((text_of_ascii(bytes), Encoding::Ascii));
        }
        return Err(format!(
            "declares the encoding `{name}`, which is not known; hint: without a declaration it is UTF-8"
        ));
    };
    if encoding != Encoding::Utf8 && bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(format!(
            "declares the encoding `{name}`, and begins with the mark of UTF-8"
        ));
    }
    let invalid = |at: Option<usize>| {
        let at = at.map_or_else(String::new, |at| format!(" at byte {at}"));
        format!("declares the encoding `{name}`, and is not valid in it{at}")
    };
    let text = match encoding {
        Encoding::Latin1 => bytes.iter().copied().map(char::from).collect(),
        Encoding::Ascii => match bytes.iter().position(|byte| !byte.is_ascii()) {
            Some(at) => return Err(invalid(Some(at))),
            None => text_of_ascii(bytes),
        },
        Encoding::Other(encoding) => encoding
            .decode_without_bom_handling_and_without_replacement(&bytes)
            .ok_or_else(|| invalid(None))?
            .into_owned(),
        Encoding::Utf8 | Encoding::Utf16LittleEndian | Encoding::Utf16BigEndian => {
            String::from_utf8(bytes)
                .map_err(|error| invalid(Some(error.utf8_error().valid_up_to())))?
        }
    };
    Ok((text, encoding))
}

fn text_of_ascii(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

/// The encoding that a comment in the first two lines declares. Before a second one there is nothing but a comment.
fn declared(bytes: &[u8]) -> Option<String> {
    let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for _ in 0..2 {
        let line;
        (line, rest) = match rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(end) => {
                let ending = if rest[end..].starts_with(b"\r\n") {
                    2
                } else {
                    1
                };
                (&rest[..end], &rest[end + ending..])
            }
            None => (rest, &[][..]),
        };
        let line = String::from_utf8_lossy(line);
        let line = line.trim_matches([' ', '\t', '\x0c']);
        if line.is_empty() {
            continue;
        }
        let comment = line.strip_prefix('#')?;
        for (at, word) in comment.match_indices("coding") {
            let after = comment.get(at + word.len()..).unwrap_or_default();
            let Some(after) = after.strip_prefix([':', '=']) else {
                continue;
            };
            let name: String = after
                .trim_start_matches([' ', '\t'])
                .chars()
                .take_while(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(*letter))
                .collect();
            if !name.is_empty() {
                return Some(name);
            }
        }
    }
    None
}

/// An encoding by one of the names that Python has for it.
fn known(name: &str) -> Option<Encoding> {
    let plain = name.to_ascii_lowercase().replace('_', "-");
    // As Python's tokenizer: editors add what line endings they use.
    let is = |known: &str| {
        plain
            .strip_prefix(known)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    if is("utf-8") {
        return Some(Encoding::Utf8);
    }
    if is("latin-1") || is("iso-8859-1") || is("iso-latin-1") {
        return Some(Encoding::Latin1);
    }
    let letters = letters(name);
    Some(match letters.as_str() {
        "utf8" | "utf8sig" | "u8" | "utf" | "cp65001" => Encoding::Utf8,
        "ascii" | "usascii" | "646" | "iso646us" => Encoding::Ascii,
        "latin1" | "latin" | "l1" | "iso88591" | "iso8859" | "8859" | "cp819" | "ibm819" => {
            Encoding::Latin1
        }
        _ => Encoding::Other(other(&letters)?),
    })
}

fn other(letters: &str) -> Option<&'static encoding_rs::Encoding> {
    let label = match letters {
        "cp932" | "932" | "ms932" | "mskanji" | "windows31j" | "sjis" | "shiftjis" => "shift_jis",
        "cp936" | "936" | "ms936" | "gbk" => "gbk",
        "gb2312" | "euccn" | "eucgb2312cn" => "gb2312",
        "gb18030" | "gb180302000" => "gb18030",
        "cp949" | "949" | "ms949" | "uhc" | "euckr" | "ksc5601" | "korean" => "euc-kr",
        "cp950" | "950" | "ms950" | "big5" | "big5tw" | "big5hkscs" => "big5",
        "eucjp" | "ujis" => "euc-jp",
        "iso2022jp" => "iso-2022-jp",
        "cp866" | "866" | "ibm866" => "ibm866",
        "cp874" | "windows874" | "tis620" => "windows-874",
        "koi8r" => "koi8-r",
        "koi8u" => "koi8-u",
        "macroman" | "macintosh" => "macintosh",
        "maccyrillic" => "x-mac-cyrillic",
        "latin2" | "l2" => "iso-8859-2",
        "latin3" | "l3" => "iso-8859-3",
        "latin4" | "l4" => "iso-8859-4",
        "cyrillic" => "iso-8859-5",
        "greek" => "iso-8859-7",
        "hebrew" => "iso-8859-8",
        "latin5" | "l5" => "iso-8859-9",
        "latin9" | "l9" => "iso-8859-15",
        _ => {
            if let Some(number) = letters.strip_prefix("iso8859") {
                return encoding_rs::Encoding::for_label(format!("iso-8859-{number}").as_bytes());
            }
            let number = letters
                .strip_prefix("cp")
                .or_else(|| letters.strip_prefix("windows"))
                .unwrap_or(letters);
            if !matches!(number.as_bytes(), [b'1', b'2', b'5', b'0'..=b'8']) {
                return None;
            }
            return encoding_rs::Encoding::for_label(format!("windows-{number}").as_bytes());
        }
    };
    encoding_rs::Encoding::for_label(label.as_bytes())
}

/// Whether Python has an encoding of this name in which ASCII is ASCII, beside the ones that are known here.
fn is_known_to_python(name: &str) -> bool {
    let letters = letters(name);
    let number = letters.strip_prefix("cp").or(letters.strip_prefix("ibm"));
    let number = number.unwrap_or(&letters);
    matches!(
        number,
        "437"
            | "720"
            | "737"
            | "775"
            | "850"
            | "852"
            | "855"
            | "856"
            | "857"
            | "858"
            | "860"
            | "861"
            | "862"
            | "863"
            | "864"
            | "865"
            | "869"
            | "1006"
            | "1125"
    ) || matches!(
        letters.as_str(),
        "hproman8"
            | "roman8"
            | "koi8t"
            | "kz1048"
            | "ptcp154"
            | "johab"
            | "palmos"
            | "maccroatian"
            | "macgreek"
            | "maciceland"
            | "maclatin2"
            | "macromanian"
            | "macturkish"
            | "eucjis2004"
            | "eucjisx0213"
            | "mbcs"
    ) || letters.starts_with("iso2022")
}

fn letters(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Encoding, decode};

    #[test]
    fn bytes_that_are_no_text_are_told_where() {
        let check = |bytes: &[u8], expected: Result<&str, &str>| {
            let found = decode(bytes.to_vec()).map(|(text, _)| text);
            assert_eq!(found.as_deref().map_err(String::as_str), expected);
        };
        check(b"", Ok(""));
        check(b"\xef\xbb\xbfx = 1\n", Ok("\u{feff}x = 1\n"));
        check(
            b"x = '\xe9'\n",
            Err("not valid UTF-8 at byte 5, and declares no other encoding"),
        );
        check(
            b"# coding: utf-8\nx = '\xe9'\n",
            Err("declares the encoding `utf-8`, and is not valid in it at byte 21"),
        );
        check(
            b"# coding: shift_jis\nx = '\xff'\n",
            Err("declares the encoding `shift_jis`, and is not valid in it"),
        );
        check(
            b"# coding: klingon\nx = 1\n",
            Err(
                "declares the encoding `klingon`, which is not known; hint: without a declaration it is UTF-8",
            ),
        );
        check(
            b"\xef\xbb\xbf# coding: latin-1\nx = 1\n",
            Err("declares the encoding `latin-1`, and begins with the mark of UTF-8"),
        );
        check(b"# coding: cp437\nx = 1\n", Ok("# coding: cp437\nx = 1\n"));
        check(
            b"x\0",
            Err("has a NUL at byte 1, which Python does not accept"),
        );
        check(
            b"\xff\xfex\0y",
            Err("begins as UTF-16, and is not valid in it"),
        );
    }

    #[test]
    fn what_a_comment_declares_is_read_and_written() {
        let check = |bytes: &[u8], line: &str| {
            let (text, encoding) = decode(bytes.to_vec()).expect("it is text");
            assert_eq!(text.lines().last(), Some(line));
            assert_eq!(encoding.encode(&text).as_deref(), Some(bytes));
        };
        check(
            b"# -*- coding: latin-1 -*-\nx = '\xe9\x93'",
            "x = 'é\u{93}'",
        );
        check(b"# coding=iso-8859-1-unix\r\nx = '\xe9'", "x = 'é'");
        check(
            b"#!/bin/python\n# vim: set fileencoding=cp1252 :\nx = '\x93\xe9'",
            "x = '“é'",
        );
        check(b"\n# coding: ISO_8859_15\nx = '\xa4'", "x = '€'");
        check(
            b"# coding: shift_jis\nx = '\x83\x65\x83\x58\x83\x67'",
            "x = 'テスト'",
        );
        check(b"# encoding coding: euc_jp\nx = '\xa5\xc6'", "x = 'テ'");
        check(b"# coding: koi8-r\nx = '\xc1'", "x = 'а'");
        check(b"# coding: windows-1251\nx = '\xe0'", "x = 'а'");
        check(b"# coding: utf8\nx = '\xc3\xa9'", "x = 'é'");
        check(b"\xff\xfex\0 \0=\0 \x001\0\n\0x\0", "x");
        check(b"\xfe\xff\0x\0\n\0\xe9", "é");
        // Not in a comment, too late, or after code.
        check(b"\n\n# coding: latin-1 \xc3\xa9", "# coding: latin-1 é");
        check(b"x = 'coding: latin-1 \xc3\xa9'", "x = 'coding: latin-1 é'");
        check(b"#\n#\n# coding: latin-1 \xc3\xa9", "# coding: latin-1 é");
        check(b"x = 1\n# coding: latin-1 \xc3\xa9", "# coding: latin-1 é");
        assert_eq!(Encoding::Latin1.encode("“"), None);
        assert_eq!(Encoding::Ascii.encode("é"), None);
    }
}
