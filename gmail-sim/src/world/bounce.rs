//! The notification that Google sends for a message that could not be delivered (RFC 3464).
//!
//! Of captures: the sender, `(Failure)` in the subject and the form of the Message-ID (id:56028009481),
//! the words of a delay (id:12360232097); the server's words are the catalogue's. Programs look for
//! `X-Failed-Recipients`. All else is RFC 3464's, and [U].

use std::time::SystemTime;

use super::{Bounce, line, stamp};
use crate::{header, lines::Said};

/// A message that comes back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Returned<'a> {
    pub(super) at: SystemTime,
    pub(super) number: u64,
    pub(super) original: &'a [u8],
    pub(super) recipient: &'a str,
    pub(super) sender: &'a str,
    pub(super) sent: SystemTime,
    pub(super) why: Bounce,
}

impl Returned<'_> {
    /// The notification, as it stands in the sender's inbox.
    pub(super) fn message(&self) -> Vec<u8> {
        let Self { number, recipient, sender, .. } = *self;
        let said = self.said();
        let status = said.split([' ', '-']).nth(1).unwrap_or_default().to_owned();
        let for_good = status.starts_with('5');
        let id = header::value(self.original, "Message-ID").unwrap_or_default();
        let (now, sent) = (stamp::date(self.at), stamp::date(self.sent));
        let boundary = format!("{number:028x}");
        let group = number & 0xffff;
        let (kind, action, words) = if for_good {
            let words = format!("Your message wasn't delivered to {recipient}.");
            ("Failure", "failed", format!("** Message not delivered **\r\n\r\n{words}"))
        } else {
            let words = format!(
                "There was a temporary problem while delivering your message to {recipient}. Gmail will retry for 46 more hours."
            );
            ("Delay", "delayed", format!("** Delivery incomplete **\r\n\r\n{words}"))
        };
        let failed = match for_good {
            true => format!("X-Failed-Recipients: {recipient}\r\n"),
            false => String::new(),
        };
        let original = String::from_utf8_lossy(header::split(self.original).0);
        format!(
            "Delivered-To: {sender}\r\n\
             Received: by 2002:a05:6a20:{group:x}:b0:4d7:12ab:cdef with SMTP id s{number:x}csp{number};\r\n        {now}\r\n\
             Return-Path: <>\r\n\
             Authentication-Results: mx.google.com;\r\n       \
             dkim=pass header.i=@googlemail.com header.s=20230601 header.b=SiMuLaTe;\r\n       \
             spf=pass (google.com: best guess record for domain of postmaster@mail-sor-f69.google.com designates 209.85.220.69 as permitted sender) smtp.helo=mail-sor-f69.google.com;\r\n       \
             dmarc=pass (p=QUARANTINE sp=QUARANTINE dis=NONE) header.from=googlemail.com\r\n\
             {failed}Auto-Submitted: auto-replied\r\n\
             Content-Type: multipart/report; boundary=\"{boundary}\"; report-type=delivery-status\r\n\
             To: {sender}\r\n\
             From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\r\n\
             Subject: Delivery Status Notification ({kind})\r\n\
             References: {id}\r\nIn-Reply-To: {id}\r\n\
             Message-ID: <{number:x}.sim.GMR@mx.google.com>\r\nDate: {now}\r\n\r\n\
             --{boundary}\r\nContent-Type: text/plain; charset=\"UTF-8\"\r\n\r\n{words}\r\n\r\n\
             The response was:\r\n\r\n{said}\r\n\r\n\
             --{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n\
             Reporting-MTA: dns; googlemail.com\r\nReceived-From-MTA: dns; {sender}\r\n\
             Arrival-Date: {sent}\r\nX-Original-Message-ID: {id}\r\n\r\n\
             Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n\
             Remote-MTA: dns; gmail-smtp-in.l.google.com. (142.250.0.26, the server for the domain)\r\n\
             Diagnostic-Code: smtp; {diagnostic}\r\nLast-Attempt-Date: {now}\r\n\r\n\
             --{boundary}\r\nContent-Type: message/rfc822\r\n\r\n{original}\r\n--{boundary}--\r\n",
            diagnostic = said.replace("\r\n", "\r\n "),
        )
        .into_bytes()
    }

    /// What the recipient's server said, with the id filled in.
    fn said(&self) -> String {
        match line(self.why.key()).said {
            Said::Http { body, .. } => body.to_owned(),
            Said::Text { text, .. } => text.replace("{id}", &format!("m{:x}si.0", self.number)),
            Said::AuthError { message: text, .. } | Said::Redirect { location: text } => {
                text.into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_status() {
        let cases = [
            (Bounce::Disabled, "failed", "5.2.1"),
            (Bounce::NoSuchUser, "failed", "5.1.1"),
            (Bounce::OverQuota, "failed", "5.2.2"),
            (Bounce::OverQuotaForNow, "delayed", "4.2.2"),
            (Bounce::Refused, "failed", "5.7.1"),
            (Bounce::Unauthenticated, "failed", "5.7.26"),
        ];
        for (why, action, status) in cases {
            let at = SystemTime::UNIX_EPOCH;
            let original = b"Message-ID: <1@a.example>\r\nX-Probe: 7\r\n\r\nbody";
            let (recipient, sender) = ("b@c.example", "a@a.example");
            let returned = Returned { at, number: 7, original, recipient, sender, sent: at, why };
            let text = String::from_utf8(returned.message()).unwrap();
            let expected = format!("\r\nAction: {action}\r\nStatus: {status}\r\n");
            assert!(text.contains(&expected), "{why:?}: {text}");
            assert_eq!(text.contains("X-Failed-Recipients"), action == "failed");
            assert!(text.contains("\r\n\r\nMessage-ID: <1@a.example>\r\nX-Probe: 7\r\n\r\n"));
            assert!(!text.contains("body\r\n--"), "the header comes back, not the body");
        }
    }
}
