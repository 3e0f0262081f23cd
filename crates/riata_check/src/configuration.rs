//! What `[tool.riata.check]` of a pyproject.toml says, checked key by key.
//!
//! Nothing here knows defaults: a key that is absent is `None`, so that the command line, or a file, can be laid over it.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::files::reason;
use crate::report::OutputFormat;

/// The keys that a table may have.
pub const KEYS: &[&str] = &[
    "select",
    "extend-select",
    "ignore",
    "extend-ignore",
    "per-file-ignores",
    "exclude",
    "extend-exclude",
    "respect-gitignore",
    "target-version",
    "src",
    "python",
    "blocking",
    "not-blocking",
    "baseline",
    "cache-dir",
    "output-format",
];

/// The newest minor version of Python 3 that is known, and the oldest.
const MINOR_VERSIONS: Range<u8> = 7..16;

/// One layer of options. Paths are as written; the reader of a file makes them absolute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    pub select: Option<Vec<String>>,
    pub extend_select: Vec<String>,
    pub ignore: Vec<String>,
    pub per_file_ignores: Option<Vec<(String, Vec<String>)>>,
    pub exclude: Option<Vec<String>>,
    pub extend_exclude: Vec<String>,
    pub respect_gitignore: Option<bool>,
    pub target_version: Option<(u8, u8)>,
    pub src: Option<Vec<PathBuf>>,
    pub python: Option<PathBuf>,
    pub blocking: Vec<String>,
    pub not_blocking: Vec<String>,
    pub baseline: Option<PathBuf>,
    pub cache_dir: Option<PathBuf>,
    pub output_format: Option<OutputFormat>,
}

/// A configuration file that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigurationFile {
    pub path: PathBuf,
    pub configuration: Configuration,
    /// The oldest Python of `requires-python`.
    pub requires_python: Option<(u8, u8)>,
    /// What is wrong in it, and not needed.
    pub warnings: Vec<String>,
}

impl Configuration {
    /// The nearest pyproject.toml at or above `folder` that configures the checker, or else the nearest one of all.
    ///
    /// # Errors
    /// Says which file cannot be read, or what is wrong in it.
    pub fn find(folder: &Path) -> Result<Option<ConfigurationFile>, String> {
        let mut nearest = None;
        for folder in folder.ancestors() {
            let path = folder.join("pyproject.toml");
            if !path.is_file() {
                continue;
            }
            let (file, configures) = read(&path, false)?;
            if configures {
                return Ok(Some(file));
            }
            nearest.get_or_insert(file);
        }
        Ok(nearest)
    }

    /// The pyproject.toml of a folder, if it configures the checker.
    ///
    /// # Errors
    /// Says what is wrong in it; not of one that is no TOML and does not speak of the checker: test data, say.
    pub fn of_folder(folder: &Path) -> Result<Option<ConfigurationFile>, String> {
        let path = folder.join("pyproject.toml");
        let names_us = std::fs::read(&path)
            .is_ok_and(|bytes| memchr::memmem::find(&bytes, b"riata").is_some());
        if !names_us {
            return Ok(None);
        }
        let (file, configures) = read(&path, false)?;
        Ok(configures.then_some(file))
    }

    /// The file that `--config` names: a pyproject.toml, or a file with the keys at its top.
    ///
    /// # Errors
    /// Says that it cannot be read, or what is wrong in it.
    pub fn load(path: &Path) -> Result<ConfigurationFile, String> {
        let whole = path
            .file_name()
            .is_some_and(|name| name != "pyproject.toml");
        read(path, whole).map(|(file, _)| file)
    }

    /// Options written on the command line, `key = value`.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn inline(text: &str, folder: &Path) -> Result<Self, String> {
        let reader = Reader {
            name: None,
            text,
            folder,
        };
        let table = DeTable::parse(text).map_err(|error| reader.toml_error(&error))?;
        reader.table(table.get_ref())
    }
}

/// Read a file; `whole`: its top is the table. Also gives whether there is a table.
fn read(path: &Path, whole: bool) -> Result<(ConfigurationFile, bool), String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {}", path.display(), reason(&error)))?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let reader = Reader {
        name: Some(path.display().to_string()),
        text: &text,
        folder,
    };
    let document = DeTable::parse(&text).map_err(|error| reader.toml_error(&error))?;
    let top = document.get_ref();
    let mut file = ConfigurationFile {
        path: path.to_path_buf(),
        ..ConfigurationFile::default()
    };
    if whole {
        file.configuration = reader.table(top)?;
        return Ok((file, true));
    }
    let table = reader.own_table(top)?;
    if let Some(table) = table {
        file.configuration = reader.table(table)?;
    }
    match reader.requires_python(top) {
        Ok(oldest) => file.requires_python = oldest,
        Err(message) if table.is_some() && file.configuration.target_version.is_none() => {
            return Err(format!(
                "{message}\nhint: mend it, or set `target-version` in `tool.riata.check`"
            ));
        }
        Err(message) => file.warnings.push(message),
    }
    Ok((file, table.is_some()))
}

/// What is read, for messages; and the folder that its relative paths are below.
struct Reader<'a> {
    /// Of a file; there is none for the command line.
    name: Option<String>,
    text: &'a str,
    folder: &'a Path,
}

type Value<'a> = Spanned<DeValue<'a>>;

impl Reader<'_> {
    /// `tool.riata.check`, when there is one.
    fn own_table<'t>(&self, top: &'t DeTable<'_>) -> Result<Option<&'t DeTable<'t>>, String> {
        let Some(tool) = top.get("tool") else {
            return Ok(None);
        };
        let tool = self.as_table("tool", tool)?;
        if let Some((key, _)) = tool.get_key_value("riata-check") {
            let message = "unknown key `tool.riata-check`; did you mean `tool.riata.check`?";
            return Err(self.error(key.span(), message));
        }
        let Some(riata) = tool.get("riata") else {
            return Ok(None);
        };
        let riata = self.as_table("tool.riata", riata)?;
        for (key, _) in riata {
            let name: &str = key.get_ref();
            if name != "check" {
                let hint = if KEYS.contains(&name) {
                    format!("; did you mean `tool.riata.check.{name}`?")
                } else if nearest(name, ["check"].into_iter()).is_some() {
                    "; did you mean `tool.riata.check`?".to_owned()
                } else {
                    "; hint: the settings are in `tool.riata.check`".to_owned()
                };
                let message = format!("unknown key `tool.riata.{name}`{hint}");
                return Err(self.error(key.span(), &message));
            }
        }
        riata
            .get("check")
            .map(|check| self.as_table("tool.riata.check", check))
            .transpose()
    }

    fn as_table<'v>(&self, name: &str, value: &'v Value<'_>) -> Result<&'v DeTable<'v>, String> {
        value
            .get_ref()
            .as_table()
            .ok_or_else(|| self.wrong(name, "a table", value))
    }

    /// The oldest Python of `project.requires-python`.
    fn requires_python(&self, top: &DeTable<'_>) -> Result<Option<(u8, u8)>, String> {
        let Some(project) = top.get("project") else {
            return Ok(None);
        };
        let Some(value) = self.as_table("project", project)?.get("requires-python") else {
            return Ok(None);
        };
        let name = "project.requires-python";
        let text = self.string(name, value)?;
        match text.split(',').find(|clause| !is_specifier(clause.trim())) {
            Some(clause) if !text.trim().is_empty() => {
                let message = format!(
                    "`{name}`: `{}` is no version specifier; write it as in `>=3.10,<4`",
                    clause.trim()
                );
                Err(self.error(value.span(), &message))
            }
            _ => Ok(oldest_python(text)),
        }
    }

    /// Full names of functions.
    fn names(&self, key: &str, value: &Value<'_>) -> Result<Vec<String>, String> {
        let names = self.strings(key, value)?;
        let is_name = |part: &str| {
            !part.starts_with(|first: char| first.is_numeric())
                && !part.is_empty()
                && part
                    .chars()
                    .all(|letter| letter.is_alphanumeric() || letter == '_')
        };
        match names.iter().find(|name| !name.split('.').all(is_name)) {
            Some(wrong) => {
                let message = format!(
                    "`{key}`: `{wrong}` is no name of a function; write it as in `shop.db.query`"
                );
                Err(self.error(value.span(), &message))
            }
            None => Ok(names),
        }
    }

    fn table(&self, table: &DeTable<'_>) -> Result<Configuration, String> {
        let mut found = Configuration::default();
        for (key, value) in table {
            let name: &str = key.get_ref();
            match name {
                "select" => found.select = Some(self.strings(name, value)?),
                "extend-select" => found.extend_select = self.strings(name, value)?,
                // Two names for one thing, so that nobody has to remember which one a tool has.
                "ignore" | "extend-ignore" => found.ignore.extend(self.strings(name, value)?),
                "per-file-ignores" => {
                    found.per_file_ignores = Some(self.lists_by_pattern(name, value)?);
                }
                "exclude" => found.exclude = Some(self.strings(name, value)?),
                "extend-exclude" => found.extend_exclude = self.strings(name, value)?,
                "respect-gitignore" => {
                    let yes = value.get_ref().as_bool();
                    found.respect_gitignore =
                        Some(yes.ok_or_else(|| self.wrong(name, "`true` or `false`", value))?);
                }
                "target-version" => {
                    let text = self.string(name, value)?;
                    let version = python_version(text)
                        .map_err(|error| self.error(value.span(), &format!("`{name}`: {error}")))?;
                    found.target_version = Some(version);
                }
                "src" => {
                    let paths = self.strings(name, value)?;
                    found.src = Some(paths.iter().map(|path| self.path(path)).collect());
                }
                "python" => found.python = Some(self.path(self.string(name, value)?)),
                "blocking" => found.blocking = self.names(name, value)?,
                "not-blocking" => found.not_blocking = self.names(name, value)?,
                "baseline" => found.baseline = Some(self.path(self.string(name, value)?)),
                "cache-dir" => found.cache_dir = Some(self.path(self.string(name, value)?)),
                "output-format" => {
                    let format = self.string(name, value)?.parse::<OutputFormat>();
                    let format = format
                        .map_err(|error| self.error(value.span(), &format!("`{name}`: {error}")))?;
                    found.output_format = Some(format);
                }
                _ => {
                    let mut message = format!("unknown key `{name}`");
                    if let Some(near) = nearest(name, KEYS.iter().copied()) {
                        write!(message, "; did you mean `{near}`?").expect("a string");
                    }
                    return Err(self.error(key.span(), &message));
                }
            }
        }
        Ok(found)
    }

    fn string<'v>(&self, key: &str, value: &'v Value<'_>) -> Result<&'v str, String> {
        value
            .get_ref()
            .as_str()
            .ok_or_else(|| self.wrong(key, "a string", value))
    }

    fn strings(&self, key: &str, value: &Value<'_>) -> Result<Vec<String>, String> {
        let expected = "a list of strings";
        let list = value
            .get_ref()
            .as_array()
            .ok_or_else(|| self.wrong(key, expected, value))?;
        list.iter()
            .map(|entry| match entry.get_ref().as_str() {
                Some(text) => Ok(text.to_owned()),
                None => Err(self.wrong(key, expected, entry)),
            })
            .collect()
    }

    fn lists_by_pattern(
        &self,
        key: &str,
        value: &Value<'_>,
    ) -> Result<Vec<(String, Vec<String>)>, String> {
        let table = value
            .get_ref()
            .as_table()
            .ok_or_else(|| self.wrong(key, "a table of lists of strings", value))?;
        table
            .iter()
            .map(|(pattern, list)| {
                let name = format!("{key}.\"{}\"", pattern.get_ref());
                Ok((pattern.get_ref().to_string(), self.strings(&name, list)?))
            })
            .collect()
    }

    fn path(&self, path: &str) -> PathBuf {
        absolute(self.folder, Path::new(path))
    }

    fn wrong(&self, key: &str, expected: &str, value: &Value<'_>) -> String {
        let message = format!("`{key}` is {expected}, not {}", kind(value.get_ref()));
        self.error(value.span(), &message)
    }

    fn error(&self, span: Range<usize>, message: &str) -> String {
        let Some(name) = &self.name else {
            return format!("`--config`: {message}");
        };
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        format!("{name}:{line}:{column}: {message}")
    }

    fn toml_error(&self, error: &toml::de::Error) -> String {
        let message = format!("not valid TOML: {}", error.message().replace('\n', " "));
        self.error(error.span().unwrap_or(0..0), &message)
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A path below a folder, with `.` and `..` taken out by name, so that it compares with the ones that a walk gives.
pub fn absolute(folder: &Path, path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

/// The known name that is nearest to one that is not known, if one is near.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + name.len().max(candidate.len()) / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `py312` or `3.12`, as (3, 12).
///
/// # Errors
/// Says which versions there are.
pub fn python_version(text: &str) -> Result<(u8, u8), String> {
    text.strip_prefix("py3")
        .or_else(|| text.strip_prefix("3."))
        .and_then(|minor| minor.parse::<u8>().ok())
        .filter(|minor| MINOR_VERSIONS.contains(minor))
        .map(|minor| (3, minor))
        .ok_or_else(|| {
            format!(
                "`{text}` is no version of Python; hint: `py3{}` to `py3{}`",
                MINOR_VERSIONS.start,
                MINOR_VERSIONS.end - 1
            )
        })
}

/// Whether a text is one clause of a version specifier (PEP 440): an operator and a version, or `==3.10.*`.
fn is_specifier(clause: &str) -> bool {
    let operators = ["===", "~=", "==", "!=", "<=", ">=", "<", ">"];
    let Some((operator, version)) = operators
        .iter()
        .find_map(|operator| Some((*operator, clause.strip_prefix(operator)?.trim())))
    else {
        return false;
    };
    let version = match version.strip_suffix(".*") {
        Some(version) if matches!(operator, "==" | "!=") => version,
        // Older tools accept it, and everybody knows what is meant.
        Some(version) if matches!(operator, ">=" | "<") => version,
        Some(_) => return false,
        None => version,
    };
    let release = version.trim_start_matches('v');
    let rest = release.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let numbers = &release[..release.len() - rest.len()];
    let are_numbers = !numbers.is_empty()
        && numbers
            .trim_end_matches('.')
            .split('.')
            .all(|number| !number.is_empty());
    // `3.13.0rc1`, `3.12.dev0`, `3.12+local`
    let is_suffix = rest.is_empty() && !numbers.ends_with('.')
        || rest.starts_with(|letter: char| letter.is_ascii_alphabetic() || "-_+".contains(letter))
            && rest
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-_+.".contains(letter));
    are_numbers && is_suffix
}

/// The oldest Python 3 that a specifier such as `>=3.10,<4` lets in, when it has a lower bound.
fn oldest_python(specifier: &str) -> Option<(u8, u8)> {
    specifier
        .split(',')
        .filter_map(|clause| {
            let clause = clause.trim();
            let version = ["~=", "===", "==", ">=", ">"]
                .iter()
                .find_map(|operator| clause.strip_prefix(operator))?;
            let mut parts = version.trim().split('.');
            let major: u8 = parts.next()?.trim().parse().ok()?;
            let minor = parts
                .next()
                .map_or("0", |minor| minor.trim_end_matches('*').trim());
            let minor: u8 = if minor.is_empty() {
                0
            } else {
                minor.parse().ok()?
            };
            // `>3.9` lets 3.9.1 in.
            Some(if major < 3 {
                0
            } else if major > 3 {
                u8::MAX
            } else {
                minor
            })
        })
        .max()
        .map(|minor| (3, minor.clamp(MINOR_VERSIONS.start, MINOR_VERSIONS.end - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Configuration, String> {
        Configuration::inline(text, Path::new("/project"))
    }

    fn error(text: &str) -> String {
        let reader = Reader {
            name: Some("pyproject.toml".to_owned()),
            text,
            folder: Path::new("/project"),
        };
        let table = match DeTable::parse(text) {
            Ok(table) => table,
            Err(error) => return reader.toml_error(&error),
        };
        reader.table(table.get_ref()).expect_err("a mistake")
    }

    #[test]
    fn keys_are_read() {
        let found = parse(
            r#"
            select = ["RIA1", "coroutine-never-awaited"]
            extend-select = ["RIA301"]
            ignore = ["RIA102"]
            extend-ignore = ["RIA103"]
            per-file-ignores = { "tests/*" = ["RIA9"] }
            exclude = ["a"]
            extend-exclude = ["b"]
            respect-gitignore = false
            target-version = "py312"
            src = ["lib", "../other"]
            python = ".venv"
            blocking = ["shop.db.query"]
            not-blocking = ["requests.get"]
            baseline = "baseline.json"
            cache-dir = "cache"
            output-format = "concise"
            "#,
        )
        .expect("right");
        assert_eq!(found.select.as_deref().map(<[_]>::len), Some(2));
        assert_eq!(found.ignore, ["RIA103", "RIA102"]);
        assert_eq!(found.target_version, Some((3, 12)));
        assert_eq!(
            found.src,
            Some(vec![PathBuf::from("/project/lib"), PathBuf::from("/other")])
        );
        assert_eq!(found.python, Some(PathBuf::from("/project/.venv")));
        assert_eq!(found.cache_dir, Some(PathBuf::from("/project/cache")));
        assert_eq!(found.respect_gitignore, Some(false));
        assert_eq!(found.output_format, Some(OutputFormat::Concise));
    }

    #[test]
    fn every_key_is_known_to_the_reader() {
        for key in KEYS {
            let message = error(&format!("{key} = 1"));
            assert!(
                message.starts_with(&format!("pyproject.toml:1:{}: `{key}` is ", key.len() + 4)),
                "{message}"
            );
        }
    }

    #[test]
    fn mistakes_say_where_and_what() {
        let check = |text: &str, expected: &str| assert_eq!(error(text), expected);
        check(
            "\nselct = []",
            "pyproject.toml:2:1: unknown key `selct`; did you mean `select`?",
        );
        check("colour = 1", "pyproject.toml:1:1: unknown key `colour`");
        check(
            "not_blocking = []",
            "pyproject.toml:1:1: unknown key `not_blocking`; did you mean `not-blocking`?",
        );
        check(
            "select = \"RIA1\"",
            "pyproject.toml:1:10: `select` is a list of strings, not a string",
        );
        check(
            "ignore = [\"RIA1\", 2]",
            "pyproject.toml:1:19: `ignore` is a list of strings, not an integer",
        );
        check(
            "[per-file-ignores]\n\"tests/*\" = true",
            "pyproject.toml:2:13: `per-file-ignores.\"tests/*\"` is a list of strings, not a boolean",
        );
        check(
            "target-version = \"py3\"",
            "pyproject.toml:1:18: `target-version`: `py3` is no version of Python; hint: `py37` to `py315`",
        );
        assert!(error("a = [").starts_with("pyproject.toml:1:"));
    }

    #[test]
    fn requires_python_gives_its_lower_bound() {
        let check = |text: &str, expected: Option<u8>| {
            assert_eq!(
                oldest_python(text),
                expected.map(|minor| (3, minor)),
                "{text}"
            );
        };
        check(">=3.10,<4", Some(10));
        check(">= 3.11", Some(11));
        check("~=3.12.1", Some(12));
        check("==3.13.*", Some(13));
        check("<3.14,>3.9", Some(9));
        check(">=2.7, !=3.0.*", Some(7));
        check(">=3", Some(7));
        check("<4", None);
        check("!=3.9", None);
        check("nonsense", None);
    }

    #[test]
    fn clauses_of_requires_python_are_told_from_other_things() {
        for right in [
            ">=3.10",
            "~= 3.12.1",
            "==3.13.*",
            "<4",
            "!=3.9.7",
            ">3.9.0rc1",
            ">=3.8.dev0",
            ">=3.7.*",
            "===3.10",
        ] {
            assert!(is_specifier(right), "{right}");
        }
        for wrong in [
            "", "3.10", "^3.8", ">=3.8 <4", ">=", ">=x", ">=3..8", ">=3.", "=>3.8", "~=3.*",
        ] {
            assert!(!is_specifier(wrong), "{wrong}");
        }
    }
}
