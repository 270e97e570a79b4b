//! Where the token goes: a file that only its owner can read.
//!
//! Invariant: whoever looks finds the old token or the new one, whole; and a file that is not ours is left alone.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};

use crate::domain::secret::Secret;

/// What a file that is there already means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Over {
    /// That there is no place here.
    Nothing,
    /// It is the link's own token, or somebody insists.
    It,
}

/// A place for a token, which was tried out before anybody is asked for a consent.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    over: Over,
    /// The file beside, still empty.
    beside: PathBuf,
    file: fs::File,
}

impl Place {
    /// # Errors
    /// No token can be put there, and what would be right.
    pub(super) fn reserve(path: &Path, over: Over) -> anyhow::Result<Self> {
        let shown = path.display();
        let there = path.symlink_metadata().is_ok();
        if there && over == Over::Nothing {
            bail!(
                "{shown} exists already; name another file with --output, or say --force to have it replaced"
            );
        }
        // A link stays a link: what it leads to is replaced.
        let path = match there {
            true => fs::canonicalize(path).with_context(|| format!("{shown} leads nowhere"))?,
            false => path.to_owned(),
        };
        let before = there.then(|| fs::metadata(&path)).transpose()?;
        ensure!(
            before.as_ref().is_none_or(fs::Metadata::is_file),
            "{shown} is no file; name one with --output"
        );
        let mut beside = path.clone().into_os_string();
        beside.push(format!(".{}.part", std::process::id()));
        let beside = PathBuf::from(beside);
        let unwritable = || {
            format!(
                "{shown} cannot be written; name a file with --output in a folder that is there and yours (a secret that Kubernetes mounts is changed in Kubernetes)"
            )
        };
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside);
        let place = Self { path, over, file: file.with_context(unwritable)?, beside };
        if let Some(before) = before {
            place.become_like(&before).with_context(|| {
                format!("{shown} belongs to another user; run this as that user, or as root")
            })?;
        }
        Ok(place)
    }

    /// Of the same owner, since that is who reads it; and of the same mode, unless that is too open for a secret.
    fn become_like(&self, before: &fs::Metadata) -> io::Result<()> {
        let own = self.file.metadata()?;
        if (own.uid(), own.gid()) != (before.uid(), before.gid()) {
            fchown(&self.file, Some(before.uid()), Some(before.gid()))?;
        }
        // As secrets are taken: of root's files the group's, too.
        let of_group = before.uid() == 0 && before.mode() & 0o037 == 0;
        let mode = 0o600 | if of_group { before.mode() & 0o040 } else { 0 };
        self.file.set_permissions(fs::Permissions::from_mode(mode))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// # Errors
    /// It could not be written; what was there stays as it was.
    pub(super) fn write(mut self, token: &Secret) -> anyhow::Result<()> {
        let shown = self.path.display().to_string();
        let unwritten = || format!("{shown} could not be written");
        self.file.write_all(format!("{}\n", token.expose()).as_bytes()).with_context(unwritten)?;
        self.file.sync_all().with_context(unwritten)?;
        match self.over {
            Over::It => fs::rename(&self.beside, &self.path).with_context(unwritten)?,
            // Unlike a rename, it does not replace a file that came meanwhile.
            Over::Nothing => match fs::hard_link(&self.beside, &self.path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    bail!(
                        "{shown} came into being meanwhile, by another `connect` perhaps, and was left alone"
                    )
                }
                // Some file systems know no such links.
                Err(_) => fs::rename(&self.beside, &self.path).with_context(unwritten)?,
            },
        }
        // The name is as lasting as the contents.
        if let Some(folder) = self.path.parent() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            fs::File::open(folder).and_then(|it| it.sync_all()).with_context(unwritten)?;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Renamed, it is not there any more.
        let _ = fs::remove_file(&self.beside);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn token(text: &str) -> Secret {
        Secret::new(text)
    }

    #[test]
    fn a_token_is_its_owners_alone_and_nothing_is_left_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("token");
        Place::reserve(&path, Over::Nothing).unwrap().write(&token("1//0one")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "1//0one\n");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        drop(Place::reserve(&home.path().join("never"), Over::Nothing).unwrap());
        assert_eq!(names(home.path()), ["token"]);
    }

    #[test]
    fn a_file_that_is_there_is_replaced_only_where_that_is_meant() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("token");
        let meanwhile = Place::reserve(&path, Over::Nothing).unwrap();
        fs::write(&path, "another's").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Place::reserve(&path, Over::Nothing).is_err());
        let refused = meanwhile.write(&token("1//0one")).unwrap_err();
        assert!(refused.to_string().contains("meanwhile"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
        Place::reserve(&path, Over::It).unwrap().write(&token("1//0two")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "1//0two\n");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600, "it was open to everybody");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        Place::reserve(&path, Over::It).unwrap().write(&token("1//0three")).unwrap();
        let after = fs::metadata(&path).unwrap();
        let expected = if after.uid() == 0 { 0o640 } else { 0o600 };
        assert_eq!(after.mode() & 0o777, expected, "of root's files the group may read");
        assert_eq!(names(home.path()), ["token"]);
    }

    #[test]
    fn a_link_to_a_token_stays_a_link() {
        let home = tempfile::tempdir().unwrap();
        let (path, real) = (home.path().join("token"), home.path().join("v1"));
        fs::write(&real, "old").unwrap();
        symlink("v1", &path).unwrap();
        Place::reserve(&path, Over::It).unwrap().write(&token("1//0new")).unwrap();
        assert!(path.is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "1//0new\n");
    }

    #[test]
    fn where_nothing_can_be_written_is_said_before_anybody_is_asked() {
        let home = tempfile::tempdir().unwrap();
        for path in [home.path().join("none/token"), home.path().to_owned()] {
            for over in [Over::Nothing, Over::It] {
                let refused = Place::reserve(&path, over).unwrap_err();
                assert!(format!("{refused:#}").contains("--output"), "{refused:#}");
            }
        }
    }
}
