//! Messages that stand in `\Sent` as if they had been sent before, by the web or by SMTP.

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::Deserialize;

use super::{Folder, Letter, Notice, World};

/// Messages that were sent at even intervals. All have the same bytes, unless an address has `{n}`
/// in it, which becomes the message's number, counted from one.
///
/// As JSON: `{"messages": 500, "every_seconds": 60, "until": 1767225600, "to": ["a@example.org"],
/// "cc": [], "bcc": [], "by": "web", "header": ["X-A: b"]}`; everything may be left out.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sent {
    bcc: Vec<String>,
    by: By,
    cc: Vec<String>,
    every_seconds: f64,
    header: Vec<String>,
    messages: u32,
    to: Vec<String>,
    /// Seconds since 1970; now where absent.
    until: Option<f64>,
}

/// By which way messages were sent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
enum By {
    /// Recipients in Bcc are known to the envelope only.
    Smtp,
    /// The copy in `\Sent` keeps its Bcc.
    Web,
}

impl Default for Sent {
    fn default() -> Self {
        let nobody = Vec::new;
        Self {
            bcc: nobody(),
            by: By::Web,
            cc: nobody(),
            every_seconds: 60.0,
            header: Vec::new(),
            messages: 1,
            to: nobody(),
            until: None,
        }
    }
}

impl Sent {
    /// One message, sent by the web just now; each recipient as it stands in a header.
    pub fn to(recipients: &[&str]) -> Self {
        Self { to: owned(recipients), ..Self::default() }
    }

    /// With these in Cc.
    #[must_use]
    pub fn cc(mut self, recipients: &[&str]) -> Self {
        self.cc = owned(recipients);
        self
    }

    /// With these in Bcc: the copy in `\Sent` names them, unless it was sent by SMTP.
    #[must_use]
    pub fn bcc(mut self, recipients: &[&str]) -> Self {
        self.bcc = owned(recipients);
        self
    }

    /// Sent by SMTP: who is in Bcc is known to the envelope only.
    #[must_use]
    pub fn by_smtp(mut self) -> Self {
        self.by = By::Smtp;
        self
    }

    /// With one more field in the header, such as `X-A: b`.
    #[must_use]
    pub fn with_field(mut self, field: &str) -> Self {
        self.header.push(field.to_owned());
        self
    }

    /// So many messages, this long after one another.
    #[must_use]
    pub fn times(mut self, messages: u32, apart: Duration) -> Self {
        (self.messages, self.every_seconds) = (messages, apart.as_secs_f64());
        self
    }

    /// The last one was sent at this time.
    #[must_use]
    pub fn until(mut self, last: SystemTime) -> Self {
        self.until = Some(super::asked::unix(last));
        self
    }

    fn letters(&self, sender: &str, now: SystemTime, id: impl Fn() -> u64) -> Vec<Letter> {
        let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let last = self.until.map_or(now, |until| SystemTime::UNIX_EPOCH + seconds(until));
        let everybody: Vec<String> =
            [&self.to, &self.cc, &self.bcc].into_iter().flatten().cloned().collect();
        let differ = everybody.iter().any(|one| one.contains(NUMBER));
        let flags = Arc::new(vec!["\\Seen".to_owned()]);
        let (mut raw, mut recipients) = (Arc::from([]), Arc::from([]));
        let made = (1..=self.messages).map(|number| {
            if differ || number == 1 {
                raw = self.raw(sender, number).into();
                let bare = |one: &String| {
                    crate::header::bare_address(one).replace(NUMBER, &number.to_string())
                };
                recipients = everybody.iter().map(bare).collect();
            }
            let before = seconds(self.every_seconds * f64::from(self.messages - number));
            Letter {
                gmail_id: id(),
                raw: Arc::clone(&raw),
                recipients: Arc::clone(&recipients),
                received: last.checked_sub(before).unwrap_or(SystemTime::UNIX_EPOCH),
                flags: Arc::clone(&flags),
            }
        });
        made.collect()
    }

    fn raw(&self, sender: &str, number: u32) -> Vec<u8> {
        let mut raw = format!("From: {sender}\r\n");
        for (name, people) in [("To", &self.to), ("Cc", &self.cc), ("Bcc", &self.bcc)] {
            let told = name != "Bcc" || self.by == By::Web;
            if told && !people.is_empty() {
                raw.push_str(&format!("{name}: {}\r\n", people.join(", ")));
            }
        }
        for field in &self.header {
            raw.push_str(&format!("{field}\r\n"));
        }
        raw.push_str("Subject: Sent before\r\n\r\nHello\r\n");
        raw.replace(NUMBER, &number.to_string()).into_bytes()
    }
}

/// What becomes the number of a message.
const NUMBER: &str = "{n}";

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

impl World {
    /// Puts messages into `\Sent` as if they had been sent before: the answer is their UIDs. They
    /// count for the account's daily limits, and reach nobody. A mailbox that is not known yet is
    /// added.
    pub fn put_sent(&self, address: &str, sent: &Sent) -> Range<u32> {
        let now = self.now();
        let letters = sent.letters(&address.to_lowercase(), now, || self.gmail_id());
        let mut state = self.state();
        let resident = state.resident(address);
        for letter in letters.iter().filter(|letter| letter.received + super::DAY > now) {
            resident.count_sent(letter.received, 1, letter.recipients.len() as u64);
        }
        let uids = resident.store.put_all(Folder::Sent, &letters, resident.account.keeping());
        resident.sessions.tell(&Notice::Changed);
        uids
    }
}
