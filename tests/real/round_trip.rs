//! Letters on their way through Postfix and Dovecot: what becomes of them, and what is left in the mailboxes afterwards.

use serde_json::{Value, json};

use crate::support::{LIBRARY, MAIL, Trips, Witness, World, are_there, holds_in_time};

#[test]
fn a_letter_arrives_and_nothing_is_left_of_it() {
    let Some(world) = World::shared() else { return };
    let (from, to) = (Owner::new(world, "m"), Owner::new(world, "m"));
    let report = Trips::new(world, &from.user, &to.user).send();
    assert_eq!(report.check("round_trip"), "round_trip pass");
    assert_eq!(report.told("/round_trip/arrival"), "inbox");
    // Full seconds are all that these servers' dates have.
    let transit = report.told("/round_trip/transit_seconds").as_f64();
    assert!(transit.is_some_and(|seconds| seconds < 60.0), "{transit:?}");
    assert_eq!(report.told("/round_trip/left"), &Value::Null);
    assert!(world.postfix.log().contains(&format!("from=<{}>, size=", from.user)));
    assert_eq!((from.survey(), to.survey()), (vec![], vec![]));
}

#[test]
fn a_letter_is_sent_and_removed_on_schedule() {
    if !are_there(&[(LIBRARY, "libfaketime")]) {
        return;
    }
    let Some(world) = World::shared() else { return };
    let (from, to) = (Owner::new(world, "sent-"), Owner::new(world, "m"));
    let mut exporter = Trips::new(world, &from.user, &to.user).serve();
    exporter.a_minute_later();
    exporter.arrives();
    assert_eq!(to.survey(), NOTHING);
    // What was kept where it was sent goes right after.
    assert!(holds_in_time(|| from.survey().is_empty()), "{:?}", from.survey());
}

#[test]
fn what_is_not_ours_stays_as_it_was() {
    let Some(world) = World::shared() else { return };
    let owner = Owner::new(world, "m");
    let witness = owner.witness();
    for (folder, flags, subject) in [
        ("INBOX", "", "unread"),
        ("INBOX", r"\Seen \Flagged", "read"),
        ("INBOX", r"\Deleted", "about to be deleted"),
        ("INBOX", "", "Test of this mailbox by mailbox_exporter"),
        (JUNK, "", "spam"),
        ("Sent", r"\Seen", "sent"),
        ("Trash", "", "thrown away"),
    ] {
        witness.append(folder, flags, subject);
    }
    let before = owner.survey();
    assert_eq!(before.len(), 7, "{before:?}");
    assert!(before.contains(&r"INBOX|3|\Deleted|Subject: about to be deleted".to_owned()));
    let report = Trips::to_itself(world, &owner.user).send();
    assert_eq!(report.check("round_trip"), "round_trip pass");
    assert_eq!(owner.survey(), before);
}

#[test]
fn a_letter_in_spam_is_found_whatever_the_folder_is_called() {
    let Some(world) = World::shared() else { return };
    let owner = Owner::new(world, "junk-");
    owner.witness().append(JUNK, "", "spam");
    world.dovecot.alias(&owner.user, "elsewhere", JUNK);
    let before = owner.survey();
    let report = Trips::to_itself(world, &owner.user).send();
    assert_eq!(report.check("round_trip"), "round_trip fail delivered_to_spam delivery");
    assert_eq!(owner.survey(), before);
}

#[test]
fn the_copy_that_a_server_keeps_of_what_it_sent_is_removed_too() {
    let Some(world) = World::shared() else { return };
    let owner = Owner::new(world, "sent-");
    owner.witness().append("Sent", r"\Seen", "sent");
    let before = owner.survey();
    let to = Owner::new(world, "m");
    let report = Trips::new(world, &owner.user, &to.user).send();
    assert_eq!(report.check("round_trip"), "round_trip pass");
    let copy = format!("to=<{}>", owner.user.replace('@', "+Sent@"));
    assert!(world.postfix.log().contains(&copy), "{}", world.postfix.log());
    assert_eq!((owner.survey(), to.survey()), (before, vec![]));
}

#[test]
fn a_recipient_that_is_refused_gets_nothing() {
    let Some(world) = World::shared() else { return };
    let (from, to) = (Owner::new(world, "m"), Owner::new(world, "nobody-"));
    let report = Trips::new(world, &from.user, &to.user).send();
    assert_eq!(report.check("round_trip"), "round_trip fail recipient_rejected delivery");
    assert!(!world.postfix.log().contains(&format!("from=<{}>, size=", from.user)));
    assert_eq!((from.survey(), to.survey()), (vec![], vec![]));
}

#[test]
fn a_bounce_says_why_and_stays() {
    let Some(world) = World::shared() else { return };
    let owner = Owner::new(world, "m");
    let report = Trips::new(world, &owner.user, &world.mailbox_of("gone-")).send();
    assert_eq!(report.check("round_trip"), "round_trip fail recipient_rejected delivery");
    assert_eq!(owner.survey(), [format!("INBOX|1|{BOUNCE}")]);
}

#[test]
fn a_full_mailbox_is_known_by_its_bounce() {
    let Some(world) = World::shared() else { return };
    let owner = Owner::new(world, "m");
    let report = Trips::new(world, &owner.user, &world.mailbox_of("full-")).send();
    assert_eq!(report.check("round_trip"), "round_trip fail storage_full quota");
    assert_eq!(owner.survey(), [format!("INBOX|1|{BOUNCE}")]);
}

#[test]
fn nothing_is_expunged_where_that_would_take_others_along() {
    let Some(world) = World::shared() else { return };
    let owner = Owner::new(world, "m");
    owner.witness().append("INBOX", r"\Deleted", "about to be deleted");
    let before = owner.survey();
    let trips = Trips { imap: world.old_imap(), ..Trips::to_itself(world, &owner.user) };
    let report = trips.send();
    assert_eq!(report.check("round_trip"), "round_trip pass");
    let left = format!("in {}: it is marked as deleted", owner.user);
    assert_eq!(report.told("/round_trip/left"), &json!([left]));
    let ours = r"INBOX|2|\Deleted|Subject: Test of this mailbox by mailbox_exporter";
    let after = owner.survey();
    assert_eq!(after[0], before[0]);
    assert!(after.len() == 2 && after[1].starts_with(ours), "{after:?}");
}

/// The owner of a mailbox, who looks into it with another client.
struct Owner<'a> {
    world: &'a World,
    user: String,
    token: String,
}

impl<'a> Owner<'a> {
    /// Of a new mailbox; `postfix/main.cf` says what happens to the mail of this kind.
    fn new(world: &'a World, kind: &str) -> Self {
        let user = world.mailbox_of(kind);
        let token = world.oauth.access_token(&user, MAIL);
        Self { world, user, token }
    }

    fn witness(&self) -> Witness<'_> {
        Witness { world: self.world, user: &self.user, token: &self.token }
    }

    fn survey(&self) -> Vec<String> {
        self.witness().survey()
    }
}

/// What an owner calls "Müll".
const JUNK: &str = "M&APw-ll";

const BOUNCE: &str = "Subject: Undelivered Mail Returned to Sender";

const NOTHING: [&str; 0] = [];
