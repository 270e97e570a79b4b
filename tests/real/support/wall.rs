//! The wall clock as one program sees it: libfaketime stands between the two, and a file says how far ahead it is.
//!
//! Invariant: what waits for a while waits as long as ever; only the time of day is moved.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) struct Wall {
    file: PathBuf,
    /// Holds the numbers of the processes that looked at it.
    processes: PathBuf,
    ahead: Duration,
}

impl Wall {
    /// It is right at first.
    pub(crate) fn new(folder: &Path) -> Self {
        let (file, processes) = (folder.join("ahead"), folder.join("processes"));
        let wall = Self { file, processes, ahead: Duration::ZERO };
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
        let script = format!("echo $$ >>'{}'; exec env \"$@\"", self.processes.display());
        let shell = ["sh", "-c", &script, "sh"].map(str::to_owned);
        shell.into_iter().chain(told).collect()
    }

    /// The program may look at any moment, so what it finds is always whole.
    fn show(&self) {
        let new = self.file.with_extension("new");
        fs::write(&new, format!("+{}\n", self.ahead.as_secs())).expect("a file of ours");
        fs::rename(&new, &self.file).expect("a folder of ours");
    }
}

/// What libfaketime shares of a process that was killed stays behind, and is in the way of a later one of that number.
impl Drop for Wall {
    fn drop(&mut self) {
        let processes = fs::read_to_string(&self.processes).unwrap_or_default();
        for process in processes.lines() {
            for name in ["faketime_shm_", "sem.faketime_sem_"] {
                // Whoever ended well has done so already.
                let _ = fs::remove_file(format!("/dev/shm/{name}{process}"));
            }
        }
    }
}

/// Where Debian keeps it.
pub(crate) const LIBRARY: &str = match cfg!(target_arch = "aarch64") {
    true => "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    false => "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
};
