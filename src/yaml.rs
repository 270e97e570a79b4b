//! YAML files: read bounded, and whatever is wrong in one is named with file, line and column.
//!
//! Invariant: a message quotes the faulty key or value at most, never the lines around it, which may hold a secret.

use std::{
    fs,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_saphyr::{Error, Location};

mod mistake;

pub use mistake::{Mistake, Mistakes, Place, Reading};

/// A value and where it stands in its file.
pub type At<T> = serde_saphyr::Spanned<T>;

/// Reads a file of settings.
///
/// # Errors
/// The first thing that is wrong in it.
pub fn read<T: DeserializeOwned>(file: &Arc<Path>) -> Result<T, Mistake> {
    let place = |position| Place { file: file.clone(), position };
    let whole = |what: String| Mistake { place: place(None), what };
    let text = text(file).map_err(whole)?;
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Err(whole("the file says nothing; examples/minimal.yaml shows the least".into()));
    }
    let options = serde_saphyr::options! {
        with_snippet: false,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 300_000 },
        budget: serde_saphyr::budget! { max_events: 8_000_000, max_nodes: 4_000_000 },
    };
    serde_saphyr::from_str_with_options(&text, options.clone()).map_err(|error| {
        // Broken YAML may be met as a missing key first; what is broken says more.
        let broken = serde_saphyr::from_str_with_options::<IgnoredAny>(&text, options);
        let error = broken.err().unwrap_or(error);
        let position = error.location().and_then(Position::of);
        let line = position.and_then(|at| text.lines().nth(at.line.saturating_sub(1) as usize));
        let what = explain(&error, line.unwrap_or_default());
        Mistake { place: place(position), what }
    })
}

/// A line and a column, both from 1.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Position {
    line: u32,
    column: u32,
}

impl Position {
    /// None where the parser does not know.
    fn of(location: Location) -> Option<Self> {
        let small = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let known = location != Location::UNKNOWN;
        known.then(|| Self { line: small(location.line()), column: small(location.column()) })
    }
}

fn text(file: &Path) -> Result<String, String> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::InvalidData => "the file is no UTF-8 text".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "this user may not read the file; see its mode and its folders'".to_owned()
        }
        _ => format!("the file cannot be read: {error}"),
    };
    let metadata = fs::metadata(file).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err("this is no file".to_owned());
    }
    let mut text = String::new();
    let opened = fs::File::open(file).map_err(unreadable)?;
    opened.take(LARGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LARGEST {
        return Err(format!("the file is larger than {} MiB; is it the right one?", LARGEST >> 20));
    }
    Ok(text)
}

/// In bytes. Ten thousand mailboxes take less than two million.
const LARGEST: u64 = 16 << 20;

/// The parser's error as a sentence that says what would be right.
fn explain(error: &Error, line: &str) -> String {
    match error.without_snippet() {
        Error::AliasError { error, .. } => explain(error, line),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {key:?} stands here a second time; keep one of them")
        }
        Error::InvalidScalar { ty, .. } => {
            format!("here stands something else than {}", plain(ty))
        }
        Error::Message { msg, .. } => msg.clone(),
        Error::MultipleDocuments { .. } => {
            "a second YAML document begins here; keep to one, without a line of \"---\"".to_owned()
        }
        Error::NonFiniteFloat { .. } => "this is no number".to_owned(),
        Error::NullIntoString { .. } => "a value is missing here".to_owned(),
        Error::SerdeInvalidType { expected, .. } | Error::SerdeInvalidValue { expected, .. } => {
            format!("here stands something else than {}", plain(expected))
        }
        Error::SerdeMissingField { field, .. } => missing(field),
        Error::SerdeUnknownField { field, expected, .. } => unknown(field, expected),
        Error::UnknownAnchor { .. } => {
            "nothing before this has the name behind \"*\"; give it to a value with \"&\""
                .to_owned()
        }
        Error::Unexpected { expected, .. } => {
            format!("here stands something else than {}", plain(expected))
        }
        _ if line.trim_start_matches(' ').starts_with('\t') => {
            "YAML is indented with spaces, and here stands a tab".to_owned()
        }
        Error::ExternalMessage { msg, .. } => format!("this is no YAML: {msg}"),
        other => {
            let said = other.to_string();
            said.split(" at line ").next().unwrap_or_default().to_owned()
        }
    }
}

/// For a key that may be left out, but not be left empty.
pub(crate) fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// What is said of a key that has to be there.
pub(crate) fn missing(key: &str) -> String {
    format!("the key {key:?} is missing here; add it, as examples/full.yaml does")
}

/// What a person calls what serde and the parser call so.
fn plain(expected: &str) -> &str {
    match expected {
        "a sequence" | "sequence start" => "a list; begin each entry with \"- \"",
        "bool" | "boolean" | "a boolean" => "true or false",
        "string scalar" | "a string" => "a plain value",
        other if other.starts_with("struct ") => "a group of keys",
        "a map" | "map start" | "mapping start" => "a group of keys",
        other => other,
    }
}

fn unknown(key: &str, known: &[&str]) -> String {
    let mut known = known.to_vec();
    known.sort_unstable();
    match nearest(key, known.iter().copied()) {
        Some(near) => format!(
            "there is no key {key:?} here; is {near:?} meant? The keys here are {}",
            known.join(", ")
        ),
        None => format!("there is no key {key:?} here; the keys here are {}", known.join(", ")),
    }
}

/// What was probably meant, where something is near enough.
pub fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::normalized_damerau_levenshtein(written, name), name))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

/// `adress` is 0.86 like `address`, `token` 0.38 like `refresh_token`.
const NEAR: f64 = 0.6;

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A value that stands nowhere.
    pub(crate) fn at(value: &str) -> At<String> {
        At::new(value.to_owned(), Location::UNKNOWN, Location::UNKNOWN)
    }

    fn said(bytes: &[u8]) -> String {
        let home = tempfile::tempdir().unwrap();
        let file: Arc<Path> = home.path().join("main.yaml").into();
        fs::write(&file, bytes).unwrap();
        let mistake = read::<BTreeMap<String, String>>(&file).unwrap_err();
        mistake.to_string().replace(&*home.path().to_string_lossy(), "")
    }

    #[test]
    fn what_is_no_yaml_file_of_ours_is_refused_as_a_whole() {
        assert_eq!(said(b"a: \xff"), "/main.yaml: the file is no UTF-8 text");
        assert_eq!(
            said(&vec![b'#'; 17 << 20]),
            "/main.yaml: the file is larger than 16 MiB; is it the right one?"
        );
        let folder: Arc<Path> = Path::new("src").into();
        let error = read::<String>(&folder).unwrap_err().to_string();
        assert_eq!(error, "src: this is no file");
        let nowhere: Arc<Path> = Path::new("nowhere.yaml").into();
        let error = read::<String>(&nowhere).unwrap_err().to_string();
        assert_eq!(error, "nowhere.yaml: there is no such file");
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_key() {
        let home = tempfile::tempdir().unwrap();
        let file: Arc<Path> = home.path().join("main.yaml").into();
        fs::write(&file, "\u{feff}key: value\n").unwrap();
        let read: BTreeMap<String, String> = read(&file).unwrap();
        assert_eq!(read["key"], "value");
    }

    #[test]
    fn lines_near_a_mistake_are_never_quoted() {
        let said = said(b"secret: hunter2\nport: [1]\nother: hunter3\n");
        assert_eq!(said, "/main.yaml:2:7: here stands something else than a plain value");
    }

    #[test]
    fn aliases_cannot_grow_without_end() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let inner = vec![format!("*a{}", level - 1); 10].join(",");
            bomb.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
        }
        let home = tempfile::tempdir().unwrap();
        let file: Arc<Path> = home.path().join("main.yaml").into();
        fs::write(&file, bomb).unwrap();
        assert!(read::<BTreeMap<String, serde_json::Value>>(&file).is_err());
    }

    #[test]
    fn the_nearest_word_is_found_where_one_is_near() {
        let known = ["address", "client", "refresh_token"];
        let cases = [
            ("adress", Some("address")),
            ("clients", Some("client")),
            ("refreshtoken", Some("refresh_token")),
            ("token", None),
            ("", None),
        ];
        for (written, near) in cases {
            assert_eq!(nearest(written, known.into_iter()), near, "{written}");
        }
    }
}
