//! The wall clock as one program sees it: libfaketime stands between the two, and a file says how far ahead it is.
//!
//! Invariant: what waits for a while waits as long as ever; only the time of day is moved.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) struct Wall {
    file: PathBuf,
    ahead: Duration,
}

impl Wall {
    /// It is right at first.
    pub(crate) fn new(folder: &Path) -> Self {
        let wall = Self { file: folder.join("ahead"), ahead: Duration::ZERO };
        wall.show();
        wall
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.ahead += by;
        self.show();
    }

    /// What goes before a program's command, so that it looks at this clock.
    pub(crate) fn command(&self) -> Vec<String> {
        let told = [
            format!("LD_PRELOAD={LIBRARY}"),
            format!("FAKETIME_TIMESTAMP_FILE={}", self.file.display()),
            "FAKETIME_NO_CACHE=1".to_owned(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
            // The files are of the time at which they were written.
            "NO_FAKE_STAT=1".to_owned(),
        ];
        ["env".to_owned()].into_iter().chain(told).collect()
    }

    /// The program may look at any moment, so what it finds is always whole.
    fn show(&self) {
        let new = self.file.with_extension("new");
        fs::write(&new, format!("+{}\n", self.ahead.as_secs())).expect("a file of ours");
        fs::rename(&new, &self.file).expect("a folder of ours");
    }
}

/// Where Debian keeps it.
pub(crate) const LIBRARY: &str = match cfg!(target_arch = "aarch64") {
    true => "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    false => "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
};
