//! The received copy of a letter: who judged it how, and how long the servers had it.

use std::time::Duration;

use mail_parser::{Host, MessageParser};

use super::{Authentication, Results};
use crate::domain::clock::Timestamp;

/// What the header of a received copy tells. What it does not tell is absent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Copy {
    /// When the first server took the letter, by that server's clock.
    pub submitted: Option<Timestamp>,
    /// When the last server had it, by that server's clock.
    pub arrived: Option<Timestamp>,
    /// What the receiving server thinks of the sender.
    pub authentication: Option<Authentication>,
}

impl Copy {
    /// Reads a header, or at least its `Received` and `Authentication-Results` fields, in their order.
    ///
    /// `internal_date` is what the mailbox's own server says of the arrival; it counts before the header's dates.
    pub fn read(header: &[u8], internal_date: Option<Timestamp>) -> Self {
        let Some(message) = MessageParser::new().parse_headers(header) else {
            return Self { arrived: internal_date, ..Self::default() };
        };
        let mut hops = Vec::new();
        let mut results = None;
        for field in message.headers() {
            if let Some(received) = field.value.as_received() {
                hops.push(received);
            }
            if results.is_none() && field.name.as_str().eq_ignore_ascii_case(RESULTS) {
                let value = header.get(field.offset_start as usize..field.offset_end as usize);
                results = Some(value.and_then(|value| std::str::from_utf8(value).ok()));
            }
        }
        let date = |hop: &&mail_parser::Received<'_>| {
            hop.date.map(|date| Timestamp::from_secs(date.to_timestamp()))
        };
        // The first hop from the top that gives its name is the receiving server; Google puts one with an address above.
        let receiving = hops.iter().find_map(|hop| match &hop.by {
            Some(Host::Name(name)) => Some(name.as_ref()),
            _ => None,
        });
        // Only the topmost, and only where the receiving server wrote it: anybody can write the others.
        // https://www.rfc-editor.org/rfc/rfc8601#section-5
        let results = results.flatten().and_then(Results::parse).filter(|results| {
            receiving.is_some_and(|receiving| receiving.eq_ignore_ascii_case(&results.server))
        });
        Self {
            submitted: hops.iter().rev().find_map(date),
            arrived: internal_date.or_else(|| hops.iter().find_map(date)),
            authentication: results.map(|results| results.authentication),
        }
    }

    /// How long the servers had it, by their own clocks; zero where those disagree.
    pub fn delay(&self) -> Option<Duration> {
        Some(self.arrived?.since(self.submitted?))
    }
}

const RESULTS: &str = "Authentication-Results";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::letter::Verdict;

    /// Google's order: the hop inside, the receiving server, its results, the submission.
    const GOOGLE: &str = "\
Received: by 2002:a05:6a10:8e8a:b0:4d7:12ab:cdef with SMTP id d10csp1234567pxu;\r\n        Tue, 10 Nov 2026 04:11:09 -0800 (PST)\r\n\
Received: from mail-sor-f41.google.com (mail-sor-f41.google.com. [209.85.220.41])\r\n        by mx.google.com with SMTPS id af79cd13be357-abc\r\n        for <sink@example.com>\r\n        (Google Transport Security);\r\n        Tue, 10 Nov 2026 04:11:08 -0800 (PST)\r\n\
Authentication-Results: mx.google.com;\r\n       dkim=pass header.i=@example.com header.s=google header.b=abc;\r\n       spf=pass (google.com: domain of sales@example.com designates 209.85.220.41 as permitted sender) smtp.mailfrom=sales@example.com;\r\n       dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=example.com\r\n\
Received: from exporter.example.com ([192.0.2.7])\r\n        by smtp.gmail.com with ESMTPSA id abc-def.1.2026.11.10.04.11.06\r\n        for <sink@example.com>\r\n        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256);\r\n        Tue, 10 Nov 2026 04:11:07 -0800 (PST)\r\n\r\n";

    /// Postfix that hands over to Dovecot.
    const POSTFIX: &str = "\
Received: from mail.example.com\r\n\tby mail.example.com with LMTP\r\n\tid abc\r\n\t(envelope-from <sales@example.com>)\r\n\tfor <sink@example.com>; Tue, 10 Nov 2026 12:11:09 +0000\r\n\
Authentication-Results: mail.example.com; spf=softfail smtp.mailfrom=example.com\r\n\
Received: from exporter (localhost [127.0.0.1])\r\n\tby mail.example.com (Postfix) with ESMTPSA id 1A2B3C\r\n\tfor <sink@example.com>; Tue, 10 Nov 2026 12:11:06 +0000 (UTC)\r\n\r\n";

    #[test]
    fn delay_and_verdicts_are_read_in_everybodys_form() {
        let google = Copy::read(GOOGLE.as_bytes(), None);
        assert_eq!(google.submitted.unwrap().to_string(), "2026-11-10T12:11:07Z");
        assert_eq!(google.delay(), Some(Duration::from_secs(2)));
        let (pass, not) = (Some(Verdict::Pass), Some(Verdict::NotPassed));
        let expected = Authentication { spf: pass, dkim: pass, dmarc: not };
        assert_eq!(google.authentication, Some(expected));

        let stored = Timestamp::parse("2026-11-10T12:11:10Z").unwrap();
        let postfix = Copy::read(POSTFIX.as_bytes(), Some(stored));
        assert_eq!(postfix.delay(), Some(Duration::from_secs(4)));
        let expected = Authentication { spf: not, ..Authentication::default() };
        assert_eq!(postfix.authentication, Some(expected));
    }

    #[test]
    fn what_another_server_says_of_the_sender_is_not_believed() {
        let forged = GOOGLE.replace("Results: mx.google.com;", "Results: mx.elsewhere.example;");
        assert_eq!(Copy::read(forged.as_bytes(), None).authentication, None);
        // Nor is a lower one, where the topmost is not the receiving server's.
        let above = format!("Authentication-Results: elsewhere.example; spf=fail\r\n{GOOGLE}");
        assert_eq!(Copy::read(above.as_bytes(), None).authentication, None);
    }

    #[test]
    fn clocks_that_disagree_make_no_negative_delay_and_no_date_makes_none() {
        let earlier = Timestamp::parse("2026-11-10T11:00:00Z").unwrap();
        assert_eq!(Copy::read(POSTFIX.as_bytes(), Some(earlier)).delay(), Some(Duration::ZERO));
        assert_eq!(Copy::read(b"Subject: x\r\n\r\n", Some(earlier)).delay(), None);
        assert_eq!(Copy::read(b"", None), Copy::default());
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_reader(
            cut in 0..GOOGLE.len(), at in 0..GOOGLE.len(), byte in any::<u8>(),
        ) {
            let mut header = GOOGLE.as_bytes()[..cut].to_vec();
            if let Some(place) = header.get_mut(at) {
                *place = byte;
            }
            let _ = Copy::read(&header, None);
        }
    }
}
