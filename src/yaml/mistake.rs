//! What is wrong in a file, and where.

use std::{fmt, path::Path, sync::Arc};

use super::{At, Position};

/// Where something stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    pub(super) file: Arc<Path>,
    /// None where the file as a whole is meant.
    pub(super) position: Option<Position>,
}

/// `/etc/mailbox_exporter.yaml:12:5`, as editors read it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistake {
    pub place: Place,
    /// A sentence that says what would be right.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// What is wrong in a file, one a line; never none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.0.iter()
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl std::error::Error for Mistakes {}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, mistake) in self.0.iter().enumerate() {
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{mistake}")?;
        }
        Ok(())
    }
}

/// A file whose settings are being understood, and what was found wrong in it so far.
#[derive(Debug)]
pub struct Reading {
    file: Arc<Path>,
    mistakes: Vec<Mistake>,
}

impl Reading {
    pub fn new(file: Arc<Path>) -> Self {
        Self { file, mistakes: Vec::new() }
    }

    /// What relative paths in the file are relative to.
    pub fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// Where the value was defined; an alias is of no interest to who has to mend it.
    pub fn place<T>(&self, at: &At<T>) -> Place {
        Place { file: self.file.clone(), position: Position::of(at.defined) }
    }

    /// This value is wrong.
    pub fn wrong<T>(&mut self, at: &At<T>, what: impl Into<String>) {
        let place = self.place(at);
        self.mistakes.push(Mistake { place, what: what.into() });
    }

    /// The file as a whole is wrong.
    pub fn wrong_altogether(&mut self, what: impl Into<String>) {
        let place = Place { file: self.file.clone(), position: None };
        self.mistakes.push(Mistake { place, what: what.into() });
    }

    /// The value as `parse` understands it; what it says against it is noted.
    pub fn understand<V: AsRef<str>, T>(
        &mut self,
        at: &At<V>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let parsed = parse(at.value.as_ref());
        parsed.map_err(|what| self.wrong(at, what)).ok()
    }

    /// One of a few words, or what was written is noted as wrong.
    pub fn choose<T: Copy>(
        &mut self,
        at: &At<String>,
        what: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        self.understand(at, |written| {
            if let Some((_, chosen)) = words.iter().find(|(word, _)| *word == written) {
                return Ok(*chosen);
            }
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Err(format!("{written:?} is no {what}; write one of {}", known.join(", ")))
        })
    }

    /// `value`, unless anything was wrong.
    ///
    /// # Errors
    /// Everything that was.
    pub fn end<T>(self, value: T) -> Result<T, Mistakes> {
        let mut mistakes = self.mistakes;
        mistakes.sort_by_key(|mistake| mistake.place.position);
        if mistakes.is_empty() { Ok(value) } else { Err(Mistakes(mistakes)) }
    }
}
