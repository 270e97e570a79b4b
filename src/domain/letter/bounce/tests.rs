//! Bounces as Postfix and Google write them, and what only looks like one.

use proptest::prelude::*;

use super::*;

/// Of Postfix 3.7, as it leaves `bounce(8)`.
const POSTFIX: &str = "\
From: MAILER-DAEMON@mail.example.com (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: sales@example.com
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary=\"1A2B3C.1700000000/mail.example.com\"
Content-Transfer-Encoding: 8bit
Message-Id: <20261110121109.4D5E6F@mail.example.com>

This is a MIME-encapsulated message.

--1A2B3C.1700000000/mail.example.com
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients.

--1A2B3C.1700000000/mail.example.com
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.com
X-Postfix-Queue-ID: 1A2B3C
X-Postfix-Sender: rfc822; sales@example.com
Arrival-Date: Tue, 10 Nov 2026 12:11:06 +0000 (UTC)

Final-Recipient: rfc822; nobody@example.com
Original-Recipient: rfc822;nobody@example.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.example.com
Diagnostic-Code: smtp; 550 5.1.1 <nobody@example.com> User doesn't exist:
    nobody@example.com

--1A2B3C.1700000000/mail.example.com
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers
Content-Transfer-Encoding: 8bit

From: sales@example.com
Message-ID: <abababababababababababab@example.com>
Subject: Test

--1A2B3C.1700000000/mail.example.com--
";

/// Google's has pictures, and the whole message at its end.
const GOOGLE: &str = "\
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
To: sales@example.com
Auto-Submitted: auto-replied
References: <abababababababababababab@example.com>
In-Reply-To: <abababababababababababab@example.com>
Content-Type: multipart/report; boundary=\"00000000000012\"; report-type=delivery-status
Subject: Delivery Status Notification (Failure)

--00000000000012
Content-Type: multipart/related; boundary=\"00000000000034\"

--00000000000034
Content-Type: text/html; charset=\"UTF-8\"

<p>Address not found</p>
--00000000000034
Content-Type: image/png; name=\"icon.png\"
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--00000000000034--
--00000000000012
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
Arrival-Date: Tue, 10 Nov 2026 04:11:06 -0800 (PST)
X-Original-Message-ID: <abababababababababababab@example.com>

Final-Recipient: rfc822; nobody@elsewhere.example
Action: delayed
Status: 4.4.1 (no answer)
Diagnostic-Code: smtp; The recipient server did not accept our requests to connect.
Last-Attempt-Date: Tue, 10 Nov 2026 04:11:06 -0800 (PST)
";

fn read(text: &str) -> Option<Bounce> {
    Bounce::read(text.replace('\n', "\r\n").as_bytes())
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

const LETTER: &str = "<abababababababababababab@example.com>";

#[test]
fn a_bounce_tells_whose_letter_it_is_and_why_it_came_back() {
    let expected = Bounce {
        action: Action::Failed,
        recipient: some("nobody@example.com"),
        status: some("5.1.1"),
        diagnostic: some("550 5.1.1 <nobody@example.com> User doesn't exist: nobody@example.com"),
        original: some(LETTER),
    };
    assert_eq!(read(POSTFIX), Some(expected));
}

#[test]
fn a_bounce_that_is_cut_off_before_the_letter_still_names_it() {
    let expected = Bounce {
        action: Action::Delayed,
        recipient: some("nobody@elsewhere.example"),
        status: some("4.4.1"),
        diagnostic: some("The recipient server did not accept our requests to connect."),
        original: some(LETTER),
    };
    assert_eq!(read(GOOGLE), Some(expected));
}

#[test]
fn the_letter_is_named_by_itself_before_anything_else_names_it() {
    let whole = "--00000000000012\nContent-Type: message/rfc822\n\nMessage-ID: <it@example.com>\nSubject: x\n\nText\n";
    let text = format!("{GOOGLE}\n{whole}--00000000000012--\n");
    assert_eq!(read(&text).unwrap().original, some("<it@example.com>"));
}

#[test]
fn what_is_no_bounce_is_none() {
    let receipt =
        POSTFIX.replace("report-type=delivery-status", "report-type=disposition-notification");
    let empty = POSTFIX.replace("Final-Recipient", "X-Final-Recipient");
    let quoted = format!("Subject: Fwd\n\n{POSTFIX}");
    for text in ["", "Subject: x\n\nFinal-Recipient: rfc822; a@b.c\n", &receipt, &empty, &quoted] {
        assert_eq!(read(text), None, "{text}");
    }
    let odd = POSTFIX.replace("Status: 5.1.1", "Status: five");
    assert_eq!(read(&odd).unwrap().status, None);
}

proptest! {
    #[test]
    fn no_message_breaks_the_reader(cut in 0..POSTFIX.len(), at in 0..POSTFIX.len(), byte in any::<u8>()) {
        let mut message = POSTFIX.as_bytes()[..cut].to_vec();
        if let Some(place) = message.get_mut(at) {
            *place = byte;
        }
        let _ = Bounce::read(&message);
    }
}
