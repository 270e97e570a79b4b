//! A small disk that is the exporter's own: a file system in memory, in a namespace that any user may make.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::skip;

pub(crate) struct Disk {
    point: PathBuf,
    /// Holds the number of the process that lives in the namespace.
    process: PathBuf,
}

impl Disk {
    /// None, said aloud, where this machine lets nobody make one.
    pub(crate) fn at(point: &Path) -> Option<Self> {
        let may = Command::new("unshare").args(["-rm", "true"]).status();
        if !may.is_ok_and(|status| status.success()) {
            skip("unshare, and the right to use it");
            return None;
        }
        let process = point.with_extension("process");
        Some(Self { point: point.to_owned(), process })
    }

    /// What goes before a program's command, so that it has the disk, which may be full.
    pub(crate) fn command(&self, full: bool) -> Vec<String> {
        let (point, process) = (self.point.display(), self.process.display());
        let fill = if full { format!("{FILL} >'{point}/{BALLAST}';") } else { String::new() };
        let script = format!(
            "echo $$ >'{process}'; mount -t tmpfs -o size=256k tmpfs '{point}' || exit 1; {fill} exec \"$@\""
        );
        ["unshare", "-rm", "sh", "-c", &script, "sh"].map(str::to_owned).into()
    }

    pub(crate) fn fill(&self) {
        let filled = fs::write(self.ballast(), vec![0; 1 << 20]);
        let error = filled.expect_err("the disk is smaller than that");
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
    }

    pub(crate) fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("it was filled before");
    }

    /// Whether what is on it holds these words.
    pub(crate) fn holds(&self, words: &str) -> bool {
        let files = fs::read_dir(self.seen()).expect("the exporter runs");
        let read = |file: Result<fs::DirEntry, _>| fs::read(file?.path());
        let bytes: Vec<_> = files.flat_map(read).flatten().collect();
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    }

    fn ballast(&self) -> PathBuf {
        self.seen().join(BALLAST)
    }

    /// The kernel shows every process's own view of the files.
    fn seen(&self) -> PathBuf {
        let process = fs::read_to_string(&self.process).expect("the exporter was started");
        let point = self.point.strip_prefix("/").expect("an absolute path");
        Path::new("/proc").join(process.trim()).join("root").join(point)
    }
}

const BALLAST: &str = "ballast";
const FILL: &str = "head -c 1048576 /dev/zero 2>/dev/null";
