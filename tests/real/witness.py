"""An independent witness: what Python's own imaplib and smtplib are answered.

Called as witness.py AUTHORITY USER TOKEN COMMAND PORT [ARGUMENT]; prints what the server said, a line each.
"""

import email
import email.policy
import imaplib
import json
import re
import smtplib
import ssl
import sys
from datetime import datetime

AUTHORITY, USER, TOKEN, COMMAND, PORT, *REST = sys.argv[1:]
TLS = ssl.create_default_context(cafile=AUTHORITY)


def respond(challenge=None):
    """The first answer carries the token; whoever is asked again was refused, and has to answer nothing."""
    if challenge:
        print("challenge", challenge.decode())
        return ""
    return f"user={USER}\1auth=Bearer {TOKEN}\1\1"


def imap():
    session = imaplib.IMAP4_SSL("localhost", int(PORT), ssl_context=TLS, timeout=30)
    print("OK", session.authenticate("XOAUTH2", lambda c: respond(c).encode())[1][0].decode())
    return session


def imap_sign_in():
    print("BYE", imap().logout()[1][0].decode())


def imap_messages():
    session = imap()
    session.select("INBOX", readonly=True)
    for message in session.fetch("1:*", "(FLAGS)")[1]:
        print("message", message.decode() if message else "none")
    session.logout()


def imap_append():
    """Puts a message of somebody else's into a folder."""
    folder, flags, subject = REST
    session = imap()
    text = f"From: other@elsewhere.test\r\nTo: {USER}\r\nSubject: {subject}\r\n\r\nhello\r\n"
    print(session.append(folder, f"({flags})", None, text.encode())[0])
    session.logout()


def imap_survey():
    """Every message of every folder: its UID, its flags but for \\Recent, its subject."""
    session = imap()
    for line in session.list()[1]:
        folder = line.decode().rsplit(' "." ', 1)[1]
        _, [count] = session.select(folder, readonly=True)
        if count == b"0":
            continue
        for part in session.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]:
            if isinstance(part, tuple):
                what, subject = (each.decode() for each in part)
                uid = re.search(r"UID (\d+)", what)[1]
                flags = set(re.search(r"FLAGS \((.*?)\)", what)[1].split()) - {"\\Recent"}
                print(folder.strip('"'), uid, *sorted(flags), subject.strip(), sep="|")
    session.logout()


def sent(session):
    """The folder of sent mail by its use, as the server writes its name."""
    found = [re.match(rb'\((.*?)\) ".*?" (.*)', line).groups() for line in session.list()[1]]
    [folder] = [name.decode() for uses, name in found if rb"\Sent" in uses.split()]
    return folder


def imap_fill():
    """Puts messages into the folder of sent mail; on standard input, a list of dates and texts."""
    session = imap()
    folder = sent(session)
    for date, text in json.load(sys.stdin):
        done, said = session.append(folder, "(\\Seen)", f'"{date}"', text.encode())
        assert done == "OK", said
    session.logout()


def imap_count_sent():
    """What stands in the folder of sent mail since a time: messages, recipients, those outside; each of both once."""
    session = imap()
    session.select(sent(session), readonly=True)
    messages, everybody = 0, []
    for part in session.uid("FETCH", "1:*", "(INTERNALDATE BODY.PEEK[HEADER])")[1]:
        if not isinstance(part, tuple):
            continue
        date = re.search(r'INTERNALDATE "(.*?)"', part[0].decode())[1].strip()
        if datetime.strptime(date, "%d-%b-%Y %H:%M:%S %z").timestamp() <= float(REST[0]):
            continue
        message = email.message_from_bytes(part[1], policy=email.policy.default)
        fields = [field for name in ("to", "cc", "bcc") for field in message.get_all(name, [])]
        people = {person.addr_spec.lower() for field in fields for person in field.addresses}
        messages += 1
        everybody += people
    outside = [person for person in everybody if not person.endswith("@example.test")]
    print(messages, len(everybody), len(outside), len(set(everybody)), len(set(outside)))
    session.logout()


def imap_idle():
    """Waits in IDLE until the server has said so many times that it is still there."""
    session = imap()
    session.select("INBOX", readonly=True)
    session.send(b"X IDLE\r\n")
    said = 0
    while said < int(REST[0]):
        said += session.readline().startswith(b"* OK Still here")
    session.send(b"DONE\r\n")
    while not session.readline().startswith(b"X OK"):
        pass
    session.logout()
    print("still there", said)


def imap_hold():
    """Keeps a number of sessions until standard input ends."""
    sessions = [imap() for _ in range(int(REST[0]))]
    print("holding", len(sessions), flush=True)
    sys.stdin.read()


def smtp():
    if COMMAND.endswith("_starttls"):
        session = smtplib.SMTP("localhost", int(PORT), timeout=30)
        session.starttls(context=TLS)
    else:
        session = smtplib.SMTP_SSL("localhost", int(PORT), context=TLS, timeout=30)
    session.ehlo()
    print(*show(session.auth("XOAUTH2", respond)))
    return session


def smtp_sign_in():
    print(*show(smtp().quit()))


def smtp_send():
    session = smtp()
    session.sendmail(USER, REST[0], f"From: {USER}\r\nTo: {REST[0]}\r\nSubject: hello\r\n\r\nhello\r\n")
    session.quit()


def show(reply):
    return reply[0], reply[1].decode()


COMMANDS = {
    "imap_append": imap_append,
    "imap_count_sent": imap_count_sent,
    "imap_fill": imap_fill,
    "imap_hold": imap_hold,
    "imap_idle": imap_idle,
    "imap_messages": imap_messages,
    "imap_sign_in": imap_sign_in,
    "imap_survey": imap_survey,
    "smtp_send": smtp_send,
    "smtp_sign_in": smtp_sign_in,
    "smtp_sign_in_starttls": smtp_sign_in,
}
try:
    COMMANDS[COMMAND]()
except imaplib.IMAP4.error as refusal:
    print("NO", refusal)
except smtplib.SMTPRecipientsRefused as refusal:
    print(*(line for reply in refusal.recipients.values() for line in show(reply)))
except smtplib.SMTPResponseException as refusal:
    print(*show((refusal.smtp_code, refusal.smtp_error)))
