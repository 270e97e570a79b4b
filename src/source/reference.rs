//! Where a secret is, as files of settings say it: `{file: PATH}` or `{env: NAME}`, never the secret itself.
//!
//! Invariant: whatever else stands there may be the secret, so no message quotes it.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};

use super::{
    held::Held,
    secret::{Kind, Origin, looks_like},
};
use crate::yaml::{At, Reading};

/// What names a secret.
#[derive(Clone, Debug)]
pub enum Reference {
    Env(At<String>),
    File(At<String>),
}

impl Reference {
    /// What stands behind its key.
    pub(super) fn at(&self) -> &At<String> {
        let (Self::Env(at) | Self::File(at)) = self;
        at
    }

    /// Reads the secret; if that cannot be, the file of settings is wrong, unless it is allowed to be.
    pub(crate) fn open(&self, kind: Kind, unreadable: Unreadable, reading: &mut Reading) -> Held {
        let at = self.at();
        let origin = match self {
            Self::Env(name) => Origin::Env(name.value.clone()),
            Self::File(path) => Origin::File(reading.folder().join(&path.value)),
        };
        let held = Held::open(origin, kind, reading.place(at));
        match (held.value(), unreadable) {
            (Err(trouble), Unreadable::Refused) => reading.wrong(at, trouble),
            (Ok(_), _) | (_, Unreadable::Tolerated) => {}
        }
        held
    }
}

/// Whether a file of settings is wrong when a secret that it names cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unreadable {
    Refused,
    Tolerated,
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReferenceVisitor)
    }
}

struct ReferenceVisitor;

impl<'de> Visitor<'de> for ReferenceVisitor {
    type Value = Reference;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(INLINE)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Reference, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            let reference = match key.as_str() {
                "env" => Reference::Env,
                "file" => Reference::File,
                _ => return Err(de::Error::custom(INLINE)),
            };
            let value: At<String> = map.next_value()?;
            if value.value.is_empty() || looks_like(&value.value).is_some() {
                return Err(de::Error::custom(INLINE));
            }
            if found.replace(reference(value)).is_some() {
                return Err(de::Error::custom(
                    "a secret has one origin: {file: PATH} or {env: NAME}",
                ));
            }
        }
        found.ok_or_else(|| de::Error::custom(INLINE))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Reference, E> {
        Err(E::custom(INLINE))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Reference, E> {
        Err(E::custom(INLINE))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Reference, E> {
        Err(E::custom(INLINE))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Reference, A::Error> {
        Err(de::Error::custom(INLINE))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Reference, E> {
        Err(E::custom(INLINE))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Reference, E> {
        Err(E::custom(INLINE))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Reference, E> {
        Err(E::custom(MISSING))
    }
}

const INLINE: &str = "a secret never stands in this file; write it into a file of its own (chmod 600) and name that here, {file: PATH}, or a variable, {env: NAME}";

const MISSING: &str = "say where the secret is: {file: PATH}, or {env: NAME}";
