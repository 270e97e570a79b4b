//! IMAP as `imap.gmail.com` speaks it, or as a plainer server would.
//!
//! Invariant: a session that is signed in ends when its access token does, even while it idles.

mod change;
mod command;
mod date;
mod fetch;
mod folders;
mod header;
mod idle;
mod messages;
mod name;
mod raw;
mod reply;
mod search;
mod set;
mod sign_in;
mod view;

use std::io;

use crate::{
    dialogue::{Dialogue, Fate, Turn},
    fault::{At, What},
    world::{Account, Bandwidth, Extension, Folder, Hand, Notice, Shelf, SignedIn, line},
};
use command::{Command, Wait, announces_literal};
use reply::Reply;
use view::{Tell, View};

/// One client's session.
#[derive(Debug)]
struct Session {
    /// The command that is being carried out, as it is noted.
    command: String,
    dialogue: Dialogue,
    signed_in: Option<SignedIn>,
    view: Option<View>,
}

/// What happens next to a session.
#[derive(Debug)]
enum Event {
    Expired,
    Line(Option<Vec<u8>>),
    Notice(Notice),
}

/// The largest literal that a client may send.
const LARGEST_LITERAL: usize = 35_651_584;

/// Serves one connection to its end.
pub(crate) async fn serve(dialogue: Dialogue) -> io::Result<()> {
    let mut session = Session { command: String::new(), dialogue, signed_in: None, view: None };
    let id = session.dialogue.id();
    let greeting = format!("* OK Gimap ready for requests from 127.0.0.1 {id}\r\n");
    let turn = match session.dialogue.fate(At::Greeting).await? {
        Fate::Replaced(turn) => turn,
        Fate::CarryOut(how) => session.dialogue.say_as(greeting, how.as_ref()).await?,
    };
    if turn == Turn::Over {
        return Ok(());
    }
    loop {
        let turn = match session.event(Tell::New).await? {
            Event::Line(None) => return Ok(()),
            Event::Line(Some(line)) => session.obey(line).await?,
            Event::Expired => session.expire().await?,
            Event::Notice(notice) => session.hear(notice, Tell::New).await?,
        };
        if turn == Turn::Over {
            return Ok(());
        }
    }
}

impl Session {
    /// `tell` says whether mail that arrives is worth an event.
    async fn event(&mut self, tell: Tell) -> io::Result<Event> {
        let Some(signed_in) = &mut self.signed_in else {
            return Ok(Event::Line(self.dialogue.line().await?));
        };
        let world = self.dialogue.world.clone();
        let arrival = match tell {
            Tell::All => world.next_arrival(&signed_in.address),
            Tell::New => None,
        };
        let arrives = async {
            match arrival {
                Some(at) => world.reached(at).await,
                None => std::future::pending().await,
            }
        };
        Ok(tokio::select! {
            biased;
            () = world.reached(signed_in.until) => Event::Expired,
            line = self.dialogue.line() => Event::Line(line?),
            Some(notice) = signed_in.seat.notices.recv() => Event::Notice(notice),
            () = arrives => Event::Notice(Notice::Changed),
        })
    }

    /// Ends the session, because its numbers are no longer the folder's.
    async fn give_up(&mut self) -> io::Result<Turn> {
        self.dialogue.say_line(line("imap.system_error_bye"), None).await
    }

    async fn expire(&mut self) -> io::Result<Turn> {
        self.dialogue.say_line(line("imap.session_expired"), None).await
    }

    async fn hear(&mut self, notice: Notice, tell: Tell) -> io::Result<Turn> {
        match notice {
            // Outside IDLE changes are told with the next command's answer.
            Notice::Changed if tell == Tell::New => Ok(Turn::GoOn),
            Notice::Changed if self.is_renumbered() => self.give_up().await,
            Notice::Changed => {
                let lines = self.news(tell);
                if lines.is_empty() { Ok(Turn::GoOn) } else { self.dialogue.say(lines).await }
            }
            Notice::Misbehave(what) => self.dialogue.misbehave(&what).await,
            Notice::Say(bytes) => self.dialogue.say(bytes).await,
        }
    }

    /// One command, with its literals.
    async fn obey(&mut self, mut line: Vec<u8>) -> io::Result<Turn> {
        let mut bytes = line.clone();
        while let Some((length, wait)) = announces_literal(&line) {
            if length > LARGEST_LITERAL {
                self.dialogue.tag = "*".to_owned();
                return self.dialogue.say("* BAD literal too large\r\n").await;
            }
            if wait == Wait::Yes && self.dialogue.say("+ go ahead\r\n").await? == Turn::Over {
                return Ok(Turn::Over);
            }
            let Some(literal) = self.dialogue.exactly(length).await? else { return Ok(Turn::Over) };
            let Some(next) = self.dialogue.line().await? else { return Ok(Turn::Over) };
            bytes.extend(b"\r\n");
            bytes.extend(literal);
            bytes.extend(&next);
            line = next;
        }
        let Some(command) = Command::parse(&bytes) else {
            self.dialogue.note("(no command)");
            return self.dialogue.say("* BAD Unknown command\r\n").await;
        };
        let leaves = ["EXAMINE", "LOGOUT", "SELECT", "UNSELECT"];
        if !leaves.contains(&&*command.verb) && self.is_renumbered() {
            return self.give_up().await;
        }
        command.tag.clone_into(&mut self.dialogue.tag);
        match &*command.verb {
            "AUTHENTICATE" => return self.authenticate(&command).await,
            "LOGIN" => {
                self.dialogue.note("LOGIN ***");
                return self.password().await;
            }
            _ => {}
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.command = text.split_once(' ').map_or(&*text, |(_, rest)| rest.trim()).to_owned();
        self.dialogue.note(&self.command);
        self.carry_out(&command).await
    }

    async fn carry_out(&mut self, command: &Command) -> io::Result<Turn> {
        let at = place(command);
        let known = self.signed_in.is_some();
        let lacks = known && self.lacks(command);
        match &*command.verb {
            "LOGOUT" => return self.log_out().await,
            _ if lacks => return self.finish(at, Reply::bad()).await,
            "IDLE" if known => return self.idle().await,
            _ => {}
        }
        let how = match self.dialogue.fate(at).await? {
            Fate::Replaced(turn) => return Ok(turn),
            Fate::CarryOut(how) => how,
        };
        let reply = match &*command.verb {
            "CAPABILITY" if known => Reply::ok("Success").with(sign_in::after(&self.account())),
            "CAPABILITY" => {
                let id = self.dialogue.id();
                Reply::ok(&format!("Thats all she wrote! {id}")).with(sign_in::BEFORE)
            }
            "NOOP" | "CHECK" => Reply::ok("Success"),
            "ID" => Reply::ok("Success").with(ID),
            "ENABLE" | "NAMESPACE" | "LIST" | "XLIST" | "LSUB" | "SELECT" | "EXAMINE"
            | "STATUS" | "GETQUOTA" | "GETQUOTAROOT" | "SEARCH" | "FETCH" | "STORE" | "EXPUNGE"
            | "MOVE" | "COPY" | "CLOSE" | "UNSELECT"
                if !known =>
            {
                Reply::no("Not signed in (Failure)")
            }
            "ENABLE" => Reply::ok("Success").with("* ENABLED\r\n"),
            "NAMESPACE" => Reply::ok("Success").with("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"),
            "LIST" | "XLIST" | "LSUB" => self.list(command),
            "SELECT" | "EXAMINE" => self.select(command),
            "STATUS" => self.status(command),
            "GETQUOTA" | "GETQUOTAROOT" => self.quota(command),
            "SEARCH" => self.search(command, how.as_ref()),
            "FETCH" => self.fetch(command),
            "STORE" => self.store(command, how.as_ref()),
            "EXPUNGE" => self.expunge(command, how.as_ref()),
            "MOVE" | "COPY" => self.move_or_copy(command, how.as_ref()),
            "CLOSE" | "UNSELECT" => self.leave(command, how.as_ref()),
            _ => Reply::bad(),
        };
        self.answer(command, reply, how.as_ref()).await
    }

    /// Says the answer, with what else is new, and within the account's bandwidth.
    async fn answer(
        &mut self,
        command: &Command,
        mut reply: Reply,
        how: Option<&What>,
    ) -> io::Result<Turn> {
        let numbers = matches!(&*command.verb, "FETCH" | "STORE" | "SEARCH") && !command.by_uid;
        let news = self.news(if numbers { Tell::New } else { Tell::All });
        reply.untagged.extend(news.into_bytes());
        let spent = (reply.untagged.len() + reply.status.len()) as u64;
        let address = self.dialogue.address.clone().unwrap_or_default();
        let bandwidth = match self.signed_in {
            Some(_) => self.dialogue.world.spend(&address, spent),
            None => Bandwidth::Enough,
        };
        match bandwidth {
            Bandwidth::Enough => {}
            Bandwidth::Exceeded => {
                return self.dialogue.say_line(line("imap.overquota_bye"), how).await;
            }
            Bandwidth::Low if reply.status.starts_with("OK") => {
                reply.status = "OK Success [THROTTLED]".to_owned();
            }
            Bandwidth::Low => {}
        }
        let last = format!("{} {}\r\n", self.dialogue.tag, reply.status);
        reply.untagged.extend(last.into_bytes());
        self.dialogue.say_as(reply.untagged, how).await
    }

    /// Says an answer that no folder has a part in.
    async fn finish(&mut self, at: At, reply: Reply) -> io::Result<Turn> {
        match self.dialogue.fate(at).await? {
            Fate::Replaced(turn) => Ok(turn),
            Fate::CarryOut(how) => {
                let last = format!("{} {}\r\n", self.dialogue.tag, reply.status);
                let whole = [reply.untagged, last.into_bytes()].concat();
                self.dialogue.say_as(whole, how.as_ref()).await
            }
        }
    }

    async fn log_out(&mut self) -> io::Result<Turn> {
        self.dialogue.ending("logout");
        let reply = Reply::ok("73 good day (Success)").with("* BYE LOGOUT Requested\r\n");
        self.finish(At::Logout, reply).await
    }

    fn leave(&mut self, command: &Command, how: Option<&What>) -> Reply {
        let Some(view) = &self.view else { return Reply::not_selected() };
        if command.verb == "CLOSE" && !view.read_only {
            let all = Command { by_uid: false, ..Command::default() };
            self.expunge(&all, how);
        }
        self.view = None;
        Reply::ok("Returned to authenticated state. (Success)")
    }

    fn news(&mut self, tell: Tell) -> String {
        let Some(mut view) = self.view.take() else { return String::new() };
        let lines = self.shelf(view.folder, |shelf| view.sync(shelf, tell)).unwrap_or_default();
        self.view = Some(view);
        lines
    }

    /// Did the selected folder get another UIDVALIDITY?
    fn is_renumbered(&self) -> bool {
        let valid = |view: &View| self.shelf(view.folder, |shelf| view.is_valid(shelf));
        self.view.as_ref().and_then(valid) == Some(false)
    }

    /// Is the command of an extension that the server is to be without?
    fn lacks(&self, command: &Command) -> bool {
        let needed = match &*command.verb {
            "EXPUNGE" if command.by_uid => Extension::Uidplus,
            "IDLE" => Extension::Idle,
            "MOVE" => Extension::Move,
            "XLIST" => Extension::Gmail,
            "FETCH" | "SEARCH" | "STORE" => {
                if !self.command.to_ascii_uppercase().contains("X-GM-") {
                    return false;
                }
                Extension::Gmail
            }
            _ => return false,
        };
        !self.account().has(needed)
    }

    fn account(&self) -> Account {
        let address = self.dialogue.address.as_deref().unwrap_or_default();
        self.dialogue.world.account(address).unwrap_or_default()
    }

    /// How many bytes the mailbox's messages take.
    fn stored(&self) -> u64 {
        let address = self.dialogue.address.as_deref().unwrap_or_default();
        self.dialogue.world.state().residents.get(address).map_or(0, |r| r.store.bytes)
    }

    /// Looks at a folder, after letting mail arrive.
    fn shelf<T>(&self, folder: Folder, look: impl FnOnce(&mut Shelf) -> T) -> Option<T> {
        let now = self.dialogue.world.now();
        let address = self.dialogue.address.as_deref()?;
        let mut state = self.dialogue.world.state();
        let resident = state.residents.get_mut(address)?;
        resident.settle(now);
        Some(look(resident.store.shelf(folder)))
    }

    /// Lends the command a hand in the mailbox.
    fn hand<T>(&self, act: impl FnOnce(&mut Hand<'_>) -> T) -> Option<T> {
        let address = self.dialogue.address.as_deref()?;
        self.dialogue.world.hand(address, (self.dialogue.connection, &self.command), act)
    }

    /// Tells the mailbox's other sessions that something changed.
    fn told_others(&self) {
        let address = self.dialogue.address.as_deref().unwrap_or_default();
        self.dialogue.world.tell_changed(address);
    }
}

const ID: &str = "* ID (\"name\" \"GImap\" \"vendor\" \"Google, Inc.\" \"support-url\" \"http://support.google.com/mail\" \"remote-host\" \"127.0.0.1\" \"connection-token\" \"simulated\")\r\n";

/// Where in the dialogue a command stands.
fn place(command: &Command) -> At {
    match &*command.verb {
        "CAPABILITY" => At::Capability,
        "CLOSE" | "UNSELECT" => At::Close,
        "COPY" => At::Copy,
        "EXAMINE" | "SELECT" => At::Examine,
        "EXPUNGE" => At::Expunge,
        "FETCH" => At::Fetch,
        "GETQUOTA" | "GETQUOTAROOT" => At::Quota,
        "ID" => At::Id,
        "LIST" | "LSUB" | "XLIST" => At::List,
        "MOVE" => At::Move,
        "NOOP" => At::Noop,
        "SEARCH" => At::Search,
        "STATUS" => At::Status,
        "STORE" => At::Store,
        _ => At::Command,
    }
}
