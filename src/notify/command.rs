//! Tells by running a program: no shell, the message on its standard input, and not for long.
//!
//! Invariant: the program gets none of our environment but what [`KEPT`] names, for the rest may hold secrets; and whatever
//! it has started ends with it.

use std::{
    env,
    fmt::Display,
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    pin::pin,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{self, Child},
    time::timeout,
};

use super::Parcel;
use crate::yaml::{At, Reading};

/// A program and its arguments.
#[derive(Clone, Debug)]
pub struct Command {
    /// Looked for in the PATH where it has no slash.
    program: PathBuf,
    arguments: Vec<String>,
}

impl Command {
    pub(super) fn settle(at: &At<Vec<At<String>>>, reading: &mut Reading) -> Option<Self> {
        let Some((program, arguments)) = at.value.split_first() else {
            reading.wrong(at, "no program stands here; name one, [/usr/local/bin/tell, argument]");
            return None;
        };
        let folder = reading.folder().to_owned();
        let program = reading.understand(program, |written| found(&folder, written))?;
        let arguments = arguments.iter().map(|argument| argument.value.clone()).collect();
        Some(Self { program, arguments })
    }

    /// The program, then its arguments.
    pub fn words(&self) -> Vec<String> {
        let program = self.program.display().to_string();
        std::iter::once(program).chain(self.arguments.iter().cloned()).collect()
    }

    pub(super) async fn run(&self, parcel: &Parcel) -> Result<(), String> {
        let shown = self.program.display();
        let mut child = self.spawn(parcel).map_err(|e| format!("{shown} cannot be run: {e}"))?;
        let group = Group::of(&child);
        let ended = timeout(LONGEST, attend(&mut child, &parcel.body)).await;
        drop(group);
        match ended {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("{shown} ended with {status}")),
            Ok(Err(error)) => Err(format!("{shown} was lost: {error}")),
            Err(_) => {
                // Killed by its group, so this takes no time; nothing is left for others to reap.
                let _ = child.wait().await;
                Err(format!("{shown} took longer than {LONGEST:?} and was killed"))
            }
        }
    }

    fn spawn(&self, parcel: &Parcel) -> io::Result<Child> {
        let (client, link) = parcel.of.names();
        process::Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(KEPT.iter().filter_map(|name| Some((name, env::var_os(name)?))))
            .env("MAILBOX_EXPORTER_EVENT", parcel.event)
            .env("MAILBOX_EXPORTER_CLIENT", client.unwrap_or_default())
            .env("MAILBOX_EXPORTER_LINK", link.unwrap_or_default())
            .env("MAILBOX_EXPORTER_REASON", parcel.reason)
            .env("MAILBOX_EXPORTER_CLASS", parcel.class)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }
}

fn found(folder: &Path, written: &str) -> Result<PathBuf, String> {
    if written.is_empty() {
        return Err("no program stands here; name one, such as /usr/local/bin/tell".to_owned());
    }
    if !written.contains('/') {
        return Ok(written.into());
    }
    let path = folder.join(written);
    let shown = path.display();
    match path.metadata() {
        Ok(file) if file.is_file() && file.permissions().mode() & 0o111 != 0 => Ok(path),
        Ok(_) => Err(format!("{shown} is no program; chmod +x it, or name another")),
        Err(error) => Err(format!("{shown} cannot be run: {error}; mend the path")),
    }
}

/// Gives the program its message, takes what it says, and waits for its end.
async fn attend(child: &mut Child, message: &[u8]) -> io::Result<ExitStatus> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A program need not read it.
            let _ = stdin.write_all(message).await;
        }
    };
    let mut talk = pin!(async { tokio::join!(feed, hear("out", stdout), hear("err", stderr)) });
    let status = tokio::select! {
        status = child.wait() => Some(status),
        _ = &mut talk => None,
    };
    match status {
        Some(status) => {
            // What it said last; but whom it left behind may hold the pipes for ever.
            let _ = timeout(LAST_WORDS, talk).await;
            status
        }
        None => child.wait().await,
    }
}

/// Logs the beginning of what the program says, and takes the rest, so that it need not wait for us.
async fn hear(from: impl Display, pipe: Option<impl AsyncRead + Unpin>) {
    let Some(mut pipe) = pipe else { return };
    let mut said = Vec::new();
    let mut beginning = (&mut pipe).take(LONGEST_WORDS);
    if beginning.read_to_end(&mut said).await.is_ok() && !said.is_empty() {
        let said = String::from_utf8_lossy(&said);
        tracing::debug!(%from, said = said.trim_end(), "the command says");
    }
    let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
}

/// The program and all that it has started; they are killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Mostly nobody is left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Of our environment.
pub const KEPT: [&str; 7] = ["HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ", "USER"];

const LONGEST: Duration = Duration::from_secs(30);

const LAST_WORDS: Duration = Duration::from_millis(200);

/// In bytes, of each of its outputs.
const LONGEST_WORDS: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::course::Subject;

    fn shell(script: &str) -> Command {
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        Command { program: "/bin/sh".into(), arguments }
    }

    fn parcel(body: Vec<u8>) -> Parcel {
        let (event, reason, class) = ("client_broke", "client_deleted", "client");
        Parcel { body, of: Subject::Client("a b; $(x)".into()), event, reason, class }
    }

    #[tokio::test]
    async fn it_gets_the_message_and_five_variables_and_none_of_our_secrets() {
        let script = r#"test "$(cat)" = '{}' && test "$MAILBOX_EXPORTER_CLIENT" = 'a b; $(x)' &&
            test "$MAILBOX_EXPORTER_EVENT $MAILBOX_EXPORTER_REASON" = 'client_broke client_deleted' &&
            test "$MAILBOX_EXPORTER_CLASS" = client && test "${MAILBOX_EXPORTER_LINK-none}" = '' &&
            test -n "$PATH" && test -z "$CARGO_PKG_NAME""#;
        assert_eq!(shell(script).run(&parcel(b"{}".to_vec())).await, Ok(()));
    }

    #[tokio::test]
    async fn it_may_ignore_the_message_and_say_more_than_anybody_wants() {
        let talkative = shell("exec 0<&-; yes | head -c 1000000; exit 3");
        let said = talkative.run(&parcel(vec![b' '; 1 << 20])).await;
        assert!(said.unwrap_err().contains("exit status: 3"));
    }

    #[tokio::test]
    async fn whom_it_leaves_behind_holds_nobody_up_and_is_killed() {
        let home = tempfile::tempdir().unwrap();
        let mark = home.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {}", mark.display());
        assert_eq!(shell(&script).run(&parcel(Vec::new())).await, Ok(()));
        let left = std::fs::read_to_string(mark).unwrap();
        let stat = format!("/proc/{}/stat", left.trim());
        let lives = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        timeout(Duration::from_secs(30), async {
            while lives() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("it is killed");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_does_not_end_is_killed() {
        let said = shell("sleep 1000").run(&parcel(Vec::new())).await;
        assert!(said.unwrap_err().contains("was killed"));
    }

    #[tokio::test]
    async fn one_that_is_not_there_is_said_so() {
        let command = Command { program: "/nowhere/tell".into(), arguments: Vec::new() };
        let said = command.run(&parcel(Vec::new())).await.unwrap_err();
        assert!(said.starts_with("/nowhere/tell cannot be run: "), "{said}");
    }
}
