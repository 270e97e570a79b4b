//! Whether a file changed since it was last read, without reading it and without being told: network file systems
//! and Kubernetes' volumes tell nobody.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path};

/// Which version of a file was read last.
#[derive(Debug, Default)]
pub(super) struct Seen(Option<(Stamp, Reads)>);

impl Seen {
    /// Whether the file is to be read (again). A version is read twice, since a file system's clock may be too coarse to
    /// tell a write just before the first reading from one just after.
    pub(super) fn is_news(&mut self, path: &Path) -> bool {
        let reads = match (Stamp::of(path), self.0) {
            (Ok(stamp), Some((seen, Reads::Twice))) if stamp == seen => return false,
            (Ok(stamp), Some((seen, Reads::Once))) if stamp == seen => Some((stamp, Reads::Twice)),
            (Ok(stamp), _) => Some((stamp, Reads::Once)),
            (Err(_), _) => None,
        };
        self.0 = reads;
        true
    }
}

#[derive(Clone, Copy, Debug)]
enum Reads {
    Once,
    Twice,
}

/// Links are followed, so a link that was turned to another file is news too (Kubernetes' `..data`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    modified: (i64, i64),
    changed: (i64, i64),
    size: u64,
    file: (u64, u64),
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            size: metadata.size(),
            file: (metadata.dev(), metadata.ino()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_news_twice_after_each_change_and_always_while_it_cannot_be_seen() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("it");
        let mut seen = Seen::default();
        let mut looks = |path: &Path| [0; 4].map(|_| seen.is_news(path));
        assert_eq!(looks(&path), [true; 4]);
        fs::write(&path, "one").unwrap();
        assert_eq!(looks(&path), [true, true, false, false]);
        fs::write(&path, "three").unwrap();
        assert_eq!(looks(&path), [true, true, false, false]);
    }
}
