//! The file itself: SQLite, in write-ahead mode and held by one process alone.
//!
//! Invariant: a file that cannot be used is never written to; a damaged one is set aside, any other left alone.

use std::{
    fmt,
    fs::{self, DirBuilder, OpenOptions},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, params};

use crate::domain::{clock::Timestamp, fingerprint::Key};

/// An open file.
#[derive(Debug)]
pub(super) struct File {
    connection: Connection,
}

/// A row of a link or of a mailbox: its name, when it was watched last, its record in JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) seen: Timestamp,
    pub(super) record: String,
}

/// All that a file held.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) key: Key,
    pub(super) links: Vec<Row>,
    pub(super) mailboxes: Vec<Row>,
    pub(super) sendings: Vec<Row>,
    pub(super) consents: Vec<Row>,
}

/// What is written at once, by its tables.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) links: Vec<Row>,
    pub(super) mailboxes: Vec<Row>,
    pub(super) sendings: Vec<Row>,
    pub(super) consents: Vec<Row>,
}

/// Why a file cannot be used.
#[derive(Debug)]
pub(super) enum Trouble {
    /// What stands there is no database, or no longer a whole one.
    Damaged(String),
    /// There is no room for it, or for more of it. What it holds is whole.
    Full(String),
    /// Everything else: it is not ours to mend.
    Other(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Damaged(words) | Self::Full(words) | Self::Other(words)) = self;
        f.write_str(words)
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(error.to_string())
            }
            Some(ErrorCode::DiskFull) => Self::Full(error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Other("another process holds it; give each exporter its own".to_owned())
            }
            _ => Self::Other(error.to_string()),
        }
    }
}

/// Where the file of a directory is.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join("mailbox_exporter.sqlite")
}

impl File {
    /// Opens the file in `directory`, and makes what is missing; a new file takes `key`.
    pub(super) fn open(directory: &Path, key: &Key) -> Result<(Self, Contents), Trouble> {
        let other = |error: std::io::Error| Trouble::Other(error.to_string());
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(directory).map_err(other)?;
        let path = path(directory);
        // SQLite gives what it writes beside the file the same mode.
        let options = OpenOptions::new().write(true).create(true).mode(0o600).clone();
        options.open(&path).map_err(other)?;
        let mut connection = Connection::open(&path)?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version > VERSION {
            let words = format!("it is of version {version}, this exporter knows {VERSION}");
            return Err(Trouble::Other(words));
        }
        connection.execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;",
        )?;
        let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found != "ok" {
            return Err(Trouble::Damaged(found));
        }
        let change = connection.transaction()?;
        if version == 0 {
            change.execute_batch(SCHEMA)?;
            change.pragma_update(None, "user_version", VERSION)?;
        }
        // Of a later making than the other tables, and nothing to an exporter that does not know it.
        change.execute_batch(LATER)?;
        let key = key_of(&change, key)?;
        let links = rows(&change, "SELECT link, seen, record FROM links")?;
        let mailboxes = rows(&change, "SELECT mailbox, seen, record FROM mailboxes")?;
        let sendings = rows(&change, "SELECT mailbox, seen, record FROM sendings")?;
        let consents = rows(&change, "SELECT client, seen, record FROM consents")?;
        change.commit()?;
        Ok((Self { connection }, Contents { key, links, mailboxes, sendings, consents }))
    }

    /// Writes all or nothing; rows that were not watched since `forget` go.
    pub(super) fn save(
        &mut self,
        written: &Rows,
        forget: Option<Timestamp>,
    ) -> Result<(), Trouble> {
        let change = self.connection.transaction()?;
        let tables = [
            ("links", "link", &written.links),
            ("mailboxes", "mailbox", &written.mailboxes),
            ("sendings", "mailbox", &written.sendings),
            ("consents", "client", &written.consents),
        ];
        for (table, name, rows) in tables {
            let mut put = change.prepare_cached(&format!(
                "INSERT INTO {table} ({name}, seen, record) VALUES (?1, ?2, ?3) \
                 ON CONFLICT ({name}) DO UPDATE SET seen = ?2, record = ?3"
            ))?;
            for row in rows {
                put.execute(params![row.name, row.seen.as_millis(), row.record])?;
            }
            if let Some(forget) = forget {
                let gone = format!("DELETE FROM {table} WHERE seen < ?1");
                change.prepare_cached(&gone)?.execute([forget.as_millis()])?;
            }
        }
        Ok(change.commit()?)
    }

    /// As if the disk had no room for more.
    #[cfg(test)]
    pub(super) fn fill(&self) {
        let pages = "PRAGMA max_page_count = 1";
        self.connection.query_row(pages, [], |_| Ok(())).unwrap();
    }
}

/// Gives a damaged file and what SQLite keeps beside it another name, which is returned.
pub(super) fn set_aside(file: &Path, now: Timestamp) -> std::io::Result<PathBuf> {
    let name = |path: &Path, suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let aside = name(file, &format!(".damaged-{}", now.to_utc().format("%Y%m%dT%H%M%S%.3fZ")));
    fs::rename(file, &aside)?;
    for suffix in ["-wal", "-shm"] {
        // Mostly there is none.
        let _ = fs::rename(name(file, suffix), name(&aside, suffix));
    }
    Ok(aside)
}

fn key_of(change: &Transaction<'_>, key: &Key) -> Result<Key, Trouble> {
    let kept = change.query_row("SELECT value FROM meta WHERE name = 'key'", [], |row| row.get(0));
    let kept: Option<Vec<u8>> = kept.optional()?;
    if let Some(kept) = kept {
        return Key::from_bytes(&kept)
            .ok_or_else(|| Trouble::Damaged("the key in it is none".to_owned()));
    }
    change.execute("INSERT INTO meta (name, value) VALUES ('key', ?1)", [key.expose()])?;
    Ok(key.clone())
}

fn rows(change: &Transaction<'_>, query: &str) -> Result<Vec<Row>, Trouble> {
    let mut statement = change.prepare(query)?;
    let rows = statement.query_map([], |row| {
        let seen = Timestamp::from_millis(row.get(1)?);
        Ok(Row { name: row.get(0)?, seen, record: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Of the tables. It moves on when an older exporter could not read them.
const VERSION: i64 = 1;

/// Times are milliseconds since the Unix epoch, records JSON.
const SCHEMA: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
    CREATE TABLE links (link TEXT PRIMARY KEY, seen INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
    CREATE TABLE mailboxes (mailbox TEXT PRIMARY KEY, seen INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
";

const LATER: &str = "
    CREATE TABLE IF NOT EXISTS consents (client TEXT PRIMARY KEY, seen INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS sendings (mailbox TEXT PRIMARY KEY, seen INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn key() -> Key {
        Key::new([7; 32])
    }

    fn row(name: &str, seen: i64) -> Row {
        Row { name: name.to_owned(), seen: Timestamp::from_secs(seen), record: "{}".to_owned() }
    }

    #[test]
    fn what_was_written_is_read_with_the_first_key_and_nobody_else_may_read_it() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("a/b");
        let (mut file, _) = File::open(&directory, &key()).unwrap();
        let first = Rows {
            links: vec![row("a", 10), row("b", 20)],
            mailboxes: vec![row("m", 10)],
            sendings: vec![row("m", 20)],
            consents: vec![row("c", 20)],
        };
        file.save(&first, None).unwrap();
        let second = Rows { links: vec![row("b", 21)], ..Rows::default() };
        file.save(&second, Some(Timestamp::from_secs(11))).unwrap();
        drop(file);
        let (_, kept) = File::open(&directory, &Key::new([8; 32])).unwrap();
        assert_eq!(kept.key.expose(), key().expose());
        let kept_rows = (kept.links, kept.mailboxes, kept.sendings, kept.consents);
        let expected = (vec![row("b", 21)], vec![], vec![row("m", 20)], vec![row("c", 20)]);
        assert_eq!(kept_rows, expected);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&path(&directory))), (0o700, 0o600));
    }

    #[test]
    fn a_file_belongs_to_one_process() {
        let home = tempfile::tempdir().unwrap();
        let _held = File::open(home.path(), &key()).unwrap();
        let trouble = File::open(home.path(), &key()).unwrap_err();
        assert!(matches!(&trouble, Trouble::Other(words) if words.contains("another process")));
    }

    #[test]
    fn a_file_from_a_newer_exporter_is_not_touched() {
        let home = tempfile::tempdir().unwrap();
        let (file, _) = File::open(home.path(), &key()).unwrap();
        file.connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
        drop(file);
        let before = fs::read(path(home.path())).unwrap();
        let trouble = File::open(home.path(), &key()).unwrap_err();
        assert!(matches!(&trouble, Trouble::Other(words) if words.contains("version 2")));
        assert!(fs::read(path(home.path())).unwrap() == before);
    }

    #[test]
    fn damage_is_told_from_other_troubles() {
        let home = tempfile::tempdir().unwrap();
        let (mut file, _) = File::open(home.path(), &key()).unwrap();
        let links = (0..2000).map(|n| row(&format!("link-{n}"), n)).collect();
        file.save(&Rows { links, ..Rows::default() }, None).unwrap();
        drop(file);
        let path = path(home.path());
        let whole = fs::read(&path).unwrap();
        let damages: [(&str, Vec<u8>); 3] = [
            ("garbage", b"this is no database, and never was one ".repeat(30)),
            ("cut short", whole[..whole.len() / 2].to_vec()),
            ("a hole", [&whole[..8192], &[0xee; 4096], &whole[12288..]].concat()),
        ];
        for (name, bytes) in damages {
            fs::write(&path, bytes).unwrap();
            let opened = File::open(home.path(), &key());
            assert!(matches!(opened, Err(Trouble::Damaged(_))), "{name}: {opened:?}");
        }
        let aside = set_aside(&path, Timestamp::from_secs(0)).unwrap();
        assert!(aside.to_str().unwrap().contains("damaged-19700101T000000"), "{aside:?}");
        assert!(aside.exists() && !path.exists());
        fs::create_dir(&path).unwrap();
        assert!(matches!(File::open(home.path(), &key()), Err(Trouble::Other(_))));
    }
}
