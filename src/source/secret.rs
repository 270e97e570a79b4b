//! Secrets out of files and the environment: who may read them, and what they must look like.
//!
//! Invariant: no message holds a secret, nor anything of a file's contents.

use std::{
    env, fmt, fs,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::domain::{secret::Secret, service_account::ServiceAccount};

/// What a secret is for, hence what it cannot be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Of Odoo's external API.
    ApiKey,
    ClientSecret,
    /// Of a PostgreSQL connection, with its password.
    DatabaseUrl,
    /// Of a keyed hash.
    Key,
    RefreshToken,
    /// The key file of one, as Google made it.
    ServiceAccount,
}

/// Where a secret is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    Env(String),
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// Reads a secret. A file's is read whatever its version.
pub(super) fn read(origin: &Origin, kind: Kind) -> Result<Secret, String> {
    let text = match origin {
        Origin::Env(name) => from_env(name),
        Origin::File(path) => from_file(path),
    };
    text.and_then(|text| understand(&text, kind, origin))
}

fn from_env(name: &str) -> Result<String, String> {
    #[expect(clippy::disallowed_methods, reason = "the one place where {env: NAME} is looked up")]
    let value = env::var(name);
    value.map_err(|error| match error {
        env::VarError::NotPresent => {
            format!("the environment variable {name} is not set; set it, or write {{file: PATH}}")
        }
        env::VarError::NotUnicode(_) => format!("the environment variable {name} is no text"),
    })
}

fn from_file(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData => format!("{shown} is no text, so it holds no secret of ours"),
        io::ErrorKind::NotFound => {
            format!(
                "{shown} does not exist; write the secret into it (chmod 600), or mend the path"
            )
        }
        io::ErrorKind::PermissionDenied => {
            format!("{shown} may not be read by this user; chown it to the user, and chmod 600")
        }
        _ => format!("{shown} cannot be read: {error}"),
    };
    // Asked first, since opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(format!("{shown} is no file; name a file that holds the secret alone"));
    }
    let opened = fs::File::open(path).map_err(unreadable)?;
    let metadata = opened.metadata().map_err(unreadable)?;
    private(metadata.uid(), metadata.mode()).map_err(|how| format!("{shown} {how}"))?;
    let mut text = String::new();
    opened.take(LARGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LARGEST {
        return Err(format!(
            "{shown} is larger than {LARGEST} bytes; it must hold the secret alone"
        ));
    }
    Ok(text)
}

/// Only its owner may read the file. A file of root's may be read by its group too: so do Kubernetes (`fsGroup`) and
/// systemd (`LoadCredential=`, whose access list shows as the group's) hand secrets to a service's user.
fn private(owner: u32, mode: u32) -> Result<(), String> {
    let allowed = if owner == 0 { 0o740 } else { 0o700 };
    if mode & !allowed & 0o777 == 0 {
        return Ok(());
    }
    let who = if mode & 0o007 == 0 { "its group" } else { "everybody" };
    Err(format!(
        "is open to {who} (mode {:04o}); chmod 600 it (Kubernetes: defaultMode 0440 with fsGroup)",
        mode & 0o777
    ))
}

/// In bytes; Google's tokens have less than 2048, its key files less than 4096.
const LARGEST: u64 = 8 << 10;

fn understand(text: &str, kind: Kind, origin: &Origin) -> Result<Secret, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
    if text.is_empty() {
        return Err(format!("{origin} is empty; it must hold the secret"));
    }
    if kind == Kind::ServiceAccount {
        ServiceAccount::parse(text).map_err(|wrong| format!("{origin} {wrong}"))?;
        return Ok(Secret::new(text));
    }
    if text.starts_with(['{', '[']) {
        return Err(format!(
            "{origin} looks like JSON; it must hold the secret alone, the value of {}",
            kind.json_key()
        ));
    }
    if kind == Kind::DatabaseUrl && !text.contains(char::is_control) {
        return Ok(Secret::new(text));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        return Err(format!(
            "{origin} holds more than one word; it must hold the secret alone, on one line"
        ));
    }
    if text.starts_with(['"', '\'']) {
        return Err(format!("{origin} has quotation marks around the secret; leave them out"));
    }
    let looks = looks_like(text).filter(|(of, _)| *of != Some(kind) && kind != Kind::Key);
    if let Some((_, name)) = looks {
        return Err(format!("{origin} holds {name}; {} is wanted here", kind.name()));
    }
    if kind == Kind::Key && text.len() < SHORTEST_KEY {
        return Err(format!(
            "{origin} holds fewer than {SHORTEST_KEY} characters, which could be guessed; openssl rand -hex 32 makes a good key"
        ));
    }
    Ok(Secret::new(text))
}

/// In characters: sixteen random ones of base64 are 96 bits.
const SHORTEST_KEY: usize = 16;

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "the API key",
            Self::ClientSecret => "the client's secret",
            Self::DatabaseUrl => "the database's URL",
            Self::Key => "the key",
            Self::RefreshToken => "the refresh token",
            Self::ServiceAccount => "the service account's key file",
        }
    }

    /// Where Google's own files have it.
    fn json_key(self) -> &'static str {
        match self {
            Self::ClientSecret => "\"client_secret\"",
            Self::ApiKey | Self::DatabaseUrl => self.name(),
            Self::Key => "the key",
            Self::RefreshToken => "\"refresh_token\"",
            Self::ServiceAccount => "the whole file",
        }
    }
}

/// What Google's secrets begin with, so that they are not taken for each other, nor shown when written where a path or
/// a name belongs. Google promises none of it, so nothing else is concluded.
pub(crate) fn looks_like(text: &str) -> Option<(Option<Kind>, &'static str)> {
    const BEGINNINGS: [(&str, Option<Kind>, &str); 4] = [
        ("1//", Some(Kind::RefreshToken), "a refresh token"),
        ("4/0", None, "an authorization code"),
        ("GOCSPX-", Some(Kind::ClientSecret), "a client's secret"),
        ("ya29.", None, "an access token"),
    ];
    let found = BEGINNINGS.into_iter().find(|(begins, ..)| text.starts_with(begins));
    found.map(|(_, kind, name)| (kind, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_may_read_a_secret_and_of_roots_files_the_group_too() {
        let cases = [
            (1000, 0o600, None),
            (1000, 0o400, None),
            (1000, 0o640, Some("is open to its group (mode 0640)")),
            (1000, 0o604, Some("is open to everybody (mode 0604)")),
            (0, 0o440, None),
            (0, 0o640, None),
            (0, 0o660, Some("is open to its group (mode 0660)")),
            (0, 0o100_444, Some("is open to everybody (mode 0444)")),
        ];
        for (owner, mode, says) in cases {
            let refused = private(owner, mode).err();
            let as_said = match (&refused, says) {
                (Some(refused), Some(says)) => refused.starts_with(says),
                (refused, says) => refused.is_none() && says.is_none(),
            };
            assert!(as_said, "{owner} {mode:o}: {refused:?}");
        }
    }

    #[test]
    fn what_cannot_be_the_secret_is_refused_without_quoting_it() {
        let (client, key, token) = (Kind::ClientSecret, Kind::Key, Kind::RefreshToken);
        let cases = [
            (token, "1//0gOne-Two_Three\n", None),
            (token, "\u{feff}1//0gOne\r\n", None),
            (token, "opaque", None),
            (client, "GOCSPX-One", None),
            (key, "1//0gOneTwoThreeFour", None),
            (token, " \n", Some("is empty")),
            (token, "{\"refresh_token\": \"1//0gOne\"}", Some("value of \"refresh_token\"")),
            (client, "{\"web\": {}}", Some("value of \"client_secret\"")),
            (token, "\"1//0gOne\"", Some("quotation marks")),
            (token, "1//0gOne\n1//0gTwo\n", Some("on one line")),
            (token, "1//0gO\u{301}ne", Some("on one line")),
            (token, "GOCSPX-One", Some("holds a client's secret; the refresh token is wanted")),
            (token, "ya29.One", Some("holds an access token")),
            (token, "4/0One", Some("holds an authorization code")),
            (client, "1//0gOne", Some("holds a refresh token; the client's secret is wanted")),
            (key, "short", Some("fewer than 16 characters")),
        ];
        let origin = Origin::File("/run/secrets/it".into());
        for (kind, text, says) in cases {
            match (understand(text, kind, &origin), says) {
                (Ok(secret), None) => assert!(text.contains(secret.expose()), "{text:?}"),
                (Err(error), Some(says)) => {
                    assert!(error.contains(says), "{text:?}: {error}");
                    assert!(!error.contains("One"), "{error}");
                }
                (got, _) => panic!("{text:?}: {got:?}"),
            }
        }
    }
}
