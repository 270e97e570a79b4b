//! Where the programs of one test run live: a folder, and the promise that neither the folder nor a program outlives it.
//!
//! Invariant: whatever ends the test binary, a signal included, ends the programs too. Each runs below a small shell
//! that waits for its standard input to end, which the kernel sees to. The folder goes when the last of them is gone.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

pub(crate) struct Home {
    path: PathBuf,
    /// Every program holds a copy of it, so that the sweeper reads to the end of it when all are gone.
    lifeline: OwnedFd,
}

impl Home {
    #[expect(clippy::zombie_processes, reason = "the sweeper's work begins when nobody is left")]
    pub(crate) fn new() -> Self {
        let path = tempfile::tempdir().expect("a temporary folder").keep();
        open(&path);
        let mut sweeper = shell(SWEEPER)
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("sh starts");
        let lifeline = sweeper.stdin.take().expect("stdin is piped").into();
        Self { path, lifeline }
    }

    /// A folder in it that every user may enter.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir(&path).expect("a new folder in the home");
        open(&path);
        path
    }

    pub(crate) fn start(&self, command: &[&str]) -> Program {
        let name = Path::new(command[0]).file_stem().expect("a program's path").to_string_lossy();
        let log = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .suffix(".stderr")
            .tempfile_in(&self.path)
            .and_then(|log| log.keep().map_err(|e| e.error))
            .expect("a log file in the home");
        let guard = shell(GUARD)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(self.lifeline.try_clone().expect("a copy of the lifeline"))
            .stderr(log.0)
            .spawn()
            .expect("sh starts");
        Program { name: name.into_owned(), guard, log: log.1 }
    }
}

/// A server that runs until this is dropped.
pub(crate) struct Program {
    name: String,
    guard: Child,
    log: PathBuf,
}

impl Program {
    /// Waits until it is ready; a program that ends instead is a failure that shows what it said.
    pub(crate) fn ready(mut self, ready: impl Fn() -> bool) -> Self {
        let mut ended = false;
        let waited = holds_in_time(|| {
            ended = self.guard.try_wait().expect("our own child").is_some();
            ended || ready()
        });
        assert!(waited && !ended, "{} did not become ready:\n{}", self.name, self.said());
        self
    }

    /// Sends it a signal, by its name.
    pub(crate) fn signal(&mut self, name: &str) {
        let guard = self.guard.stdin.as_mut().expect("only the end takes it away");
        writeln!(guard, "{name}").expect("the guard listens as long as the program runs");
    }

    /// Waits for its end, and says how it ended: a signal counts as 128 and its number.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let mut ended = None;
        let waited = holds_in_time(|| {
            ended = self.guard.try_wait().expect("our own child");
            ended.is_some()
        });
        assert!(waited, "{} did not end:\n{}", self.name, self.said());
        ended.and_then(|ended| ended.code())
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).expect("the log we made")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        if let Err(error) = self.guard.wait() {
            // A panic here, during another one, would hide the test's own message.
            let _ = writeln!(std::io::stderr(), "{} was not waited for: {error}", self.name);
        }
    }
}

/// Waits for a condition; false when the deadline passed first.
pub(crate) fn holds_in_time(mut condition: impl FnMut() -> bool) -> bool {
    (0..DEADLINE.as_millis() / PAUSE.as_millis()).any(|_| {
        let holds = condition();
        if !holds {
            thread::sleep(PAUSE);
        }
        holds
    })
}

/// The servers drop root's rights and still have to get here.
fn open(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("our own folder");
}

/// Out of the way of the terminal's Ctrl-C, which would end it before what it guards.
fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).process_group(0);
    command
}

/// A storage that could not be written is tried again after a minute.
const DEADLINE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(10);

/// Starts a program as a process group of its own, so that a server's children end with it. A line on standard input is
/// a signal for the program alone.
const GUARD: &str = r#"
exec 3<&0
setsid "$@" 3<&- &
server=$!
(while read -r signal <&3; do kill -s "$signal" "$server"; done
kill -TERM -- "-$server" || kill -TERM "$server"
kill -CONT -- "-$server") >/dev/null 2>&1 &
guard=$!
wait "$server"
ended=$?
kill "$guard" 2>/dev/null
kill -KILL -- "-$server" 2>/dev/null
exit "$ended"
"#;

const SWEEPER: &str = r#"cat >/dev/null; rm -rf -- "$1""#;
