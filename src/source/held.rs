//! A secret in use: read again when its file changes, kept when it can no longer be read.

use super::{
    secret::{self, Kind, Origin},
    stamp::Seen,
};
use crate::{domain::secret::Secret, yaml::Place};

/// A secret, and all that is needed to see it change.
#[derive(Debug)]
pub(crate) struct Held {
    origin: Origin,
    kind: Kind,
    /// Where it is named.
    place: Place,
    seen: Seen,
    value: Option<Secret>,
    /// Why it could not be read last time.
    trouble: Option<String>,
}

impl Held {
    /// Reads the secret that is named at `place`.
    pub(crate) fn open(origin: Origin, kind: Kind, place: Place) -> Self {
        let mut held =
            Self { origin, kind, place, seen: Seen::default(), value: None, trouble: None };
        held.poll();
        held
    }

    /// Takes over the value of what was named so before, if it cannot be read now.
    pub(super) fn succeed(&mut self, before: Self) {
        if self.value.is_none() && self.origin == before.origin {
            self.value = before.value;
        }
    }

    /// Reads the secret again if its file changed. What was read stays where reading fails.
    pub(crate) fn poll(&mut self) {
        let is_news = match &self.origin {
            Origin::Env(_) => self.value.is_none(),
            Origin::File(path) => self.seen.is_news(path),
        };
        if !is_news {
            return;
        }
        match secret::read(&self.origin, self.kind) {
            Ok(secret) => {
                self.trouble = None;
                if self.value.as_ref() != Some(&secret) {
                    self.value = Some(secret);
                }
            }
            Err(trouble) => self.trouble = Some(trouble),
        }
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// # Errors
    /// Why it was never read so far.
    pub(crate) fn value(&self) -> Result<&Secret, &str> {
        self.value.as_ref().ok_or(self.trouble.as_deref().unwrap_or_default())
    }

    /// What is wrong with it now, with the place that names it.
    pub(crate) fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.as_ref()?;
        let stays = if self.value.is_some() { "; the value read before stays in use" } else { "" };
        Some(format!("{}: {trouble}{stays}", self.place))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
        path::Path,
    };

    use super::*;
    use crate::yaml::{Reading, tests::at};

    fn write(path: &Path, text: &str) {
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(&new, path).unwrap();
    }

    fn held(path: &Path) -> Held {
        let place = Reading::new(Path::new("main.yaml").into()).place(&at(""));
        Held::open(Origin::File(path.to_owned()), Kind::RefreshToken, place)
    }

    fn value(held: &Held) -> &str {
        held.value().unwrap().expose()
    }

    #[test]
    fn a_new_secret_is_read_and_the_last_one_outlives_its_file() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("token");
        write(&path, "1//0gOne");
        let mut held = held(&path);
        assert_eq!(value(&held), "1//0gOne");
        write(&path, "1//0gTwo");
        held.poll();
        assert_eq!((value(&held), held.trouble()), ("1//0gTwo", None));
        fs::remove_file(&path).unwrap();
        held.poll();
        assert_eq!(value(&held), "1//0gTwo");
        let trouble = held.trouble().unwrap();
        assert!(
            trouble.contains("does not exist") && trouble.ends_with("stays in use"),
            "{trouble}"
        );
        write(&path, "1//0gThree");
        held.poll();
        assert_eq!((value(&held), held.trouble()), ("1//0gThree", None));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        held.poll();
        assert!(held.trouble().unwrap().contains("open to everybody"));
        assert_eq!(value(&held), "1//0gThree");
    }

    #[test]
    fn a_secret_behind_links_is_read_again_when_kubernetes_turns_them() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        for version in ["v1", "v2"] {
            fs::create_dir(at(version)).unwrap();
            write(&at(version).join("token"), version);
        }
        symlink("v1", at("..data")).unwrap();
        symlink("..data/token", at("token")).unwrap();
        let mut held = held(&at("token"));
        assert_eq!(value(&held), "v1");
        symlink("v2", at("..new")).unwrap();
        fs::rename(at("..new"), at("..data")).unwrap();
        held.poll();
        assert_eq!(value(&held), "v2");
    }

    #[test]
    fn a_secret_that_was_never_read_has_a_reason_instead() {
        let home = tempfile::tempdir().unwrap();
        let mut held = held(home.path());
        assert!(held.value().unwrap_err().contains("is no file"));
        held.poll();
        assert!(!held.trouble().unwrap().contains("stays in use"));
    }
}
