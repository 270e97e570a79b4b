//! Gmail's labels over IMAP: what marking, expunging, moving and copying do to a message.

use gmail_sim::{Change, ExpungeBehavior, Folder, Language};

use crate::support::{ADDRESS, Stage};

const OURS: &str =
    "Subject: Probe\r\nMessage-ID: <ours@probe.example>\r\nX-Probe: 7\r\n\r\nHello\r\n";
const THEIRS: &str = "Subject: Order\r\nMessage-ID: <theirs@x.example>\r\n\r\nHello\r\n";

/// Two messages in the inbox; the second is ours.
async fn stage() -> Stage {
    let stage = Stage::set().await;
    for raw in [THEIRS, OURS] {
        stage.world.put(ADDRESS, Folder::Inbox, raw, stage.world.now(), &[]);
    }
    stage
}

/// Where our message stands.
fn ours(stage: &Stage) -> Vec<Folder> {
    let holds = |folder: &Folder| {
        let messages = stage.world.messages(ADDRESS, *folder);
        messages.iter().any(|message| *message.raw == *OURS.as_bytes())
    };
    Folder::EVERY.into_iter().filter(holds).collect()
}

/// Nothing but our message was touched.
fn only_ours(stage: &Stage) {
    let touched = stage.world.touched(ADDRESS);
    let ours = |id: Option<&str>| id == Some("<ours@probe.example>");
    assert!(!touched.is_empty() && touched.iter().all(|t| ours(t.message_id.as_deref())));
    assert_eq!(stage.world.messages(ADDRESS, Folder::All)[0].raw[..], *THEIRS.as_bytes());
}

#[tokio::test]
async fn the_inbox_is_a_label_of_a_message_in_all_mail() {
    let stage = stage().await;
    assert_eq!(ours(&stage), [Folder::Inbox, Folder::All]);
    let mut wire = stage.selected("[Gmail]/All Mail").await;
    let found = wire.imap("UID SEARCH HEADER X-Probe 7").await;
    assert!(found.starts_with("* SEARCH 2\r\n"), "{found}");
    let items = "X-GM-LABELS BODY.PEEK[HEADER.FIELDS (Message-ID)]";
    let told = wire.imap(&format!("UID FETCH 2 ({items})")).await;
    assert!(
        told.contains("X-GM-LABELS (\"\\\\Inbox\") BODY[HEADER.FIELDS (MESSAGE-ID)]"),
        "{told}"
    );
    assert!(told.contains("Message-ID: <ours@probe.example>\r\n\r\n"));
    wire.imap("UID STORE 2 +FLAGS (\\Flagged)").await;
    wire.imap("SELECT INBOX").await;
    let told = wire.imap("UID FETCH 2 (FLAGS X-GM-LABELS)").await;
    assert!(told.contains("FLAGS (\\Flagged) X-GM-LABELS ()"), "flags are the message's: {told}");
    only_ours(&stage);
}

#[tokio::test]
async fn expunging_takes_a_label_away_and_then_does_what_the_account_says() {
    let cases = [
        (ExpungeBehavior::Archive, &[Folder::All][..], Change::Removed),
        (ExpungeBehavior::DeleteForever, &[], Change::Destroyed),
        (ExpungeBehavior::Trash, &[Folder::Trash], Change::Removed),
    ];
    for (behavior, left, last) in cases {
        let stage = stage().await;
        stage.world.set(ADDRESS, |account| {
            account.auto_expunge = false;
            account.expunge_behavior = behavior;
        });
        let mut wire = stage.selected("INBOX").await;
        wire.imap("UID STORE 2 +X-GM-LABELS (\\Important)").await;
        wire.imap("UID STORE 2 +FLAGS (\\Deleted)").await;
        assert_eq!(ours(&stage).len(), 3, "marking alone removes nothing");
        assert!(wire.imap("UID EXPUNGE 2").await.starts_with("* 2 EXPUNGE\r\n"));
        assert_eq!(ours(&stage), [Folder::All, Folder::Important], "{behavior:?}: one label less");
        wire.imap("SELECT \"[Gmail]/Important\"").await;
        wire.imap("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
        wire.imap("EXPUNGE").await;
        assert_eq!(ours(&stage), left, "{behavior:?}");
        only_ours(&stage);
        let touched = stage.world.touched(ADDRESS).pop().unwrap();
        assert_eq!((touched.change, &*touched.by), (last, "EXPUNGE"));
    }
}

#[tokio::test]
async fn unless_it_is_switched_off_marking_is_enough() {
    let stage = stage().await;
    let mut wire = stage.selected("INBOX").await;
    let marked = wire.imap("UID STORE 2 +FLAGS (\\Deleted)").await;
    assert_eq!(marked, "* 2 EXPUNGE\r\nT3 OK Success\r\n");
    assert_eq!(ours(&stage), [Folder::All]);
}

#[tokio::test]
async fn only_the_bin_and_spam_delete_for_good() {
    for (command, bin) in [("MOVE", "Trash"), ("COPY", "Trash"), ("MOVE", "Spam")] {
        let stage = stage().await;
        let folder = if bin == "Trash" { Folder::Trash } else { Folder::Junk };
        stage.world.set(ADDRESS, |account| {
            account.auto_expunge = false;
            account.expunge_behavior = ExpungeBehavior::Trash;
        });
        let mut wire = stage.selected("INBOX").await;
        let moved = wire.imap(&format!("UID {command} 2 \"[Gmail]/{bin}\"")).await;
        assert!(moved.contains("[COPYUID 1 2 1]") && moved.contains("* 2 EXPUNGE\r\n"), "{moved}");
        assert_eq!(ours(&stage), [folder], "{command} into {bin} takes every label away");
        wire.imap(&format!("SELECT \"[Gmail]/{bin}\"")).await;
        wire.imap("UID STORE 1 +FLAGS.SILENT (\\Deleted)").await;
        assert!(wire.imap("UID EXPUNGE 1").await.starts_with("* 1 EXPUNGE\r\n"));
        assert_eq!(ours(&stage), []);
        only_ours(&stage);
        let last = stage.world.touched(ADDRESS).pop().unwrap();
        assert_eq!((last.change, &*last.by), (Change::Destroyed, "UID EXPUNGE 1"));
    }
}

#[tokio::test]
async fn what_leaves_the_bin_is_in_all_mail_again_and_a_label_may_be_taken_away() {
    let stage = stage().await;
    let mut wire = stage.selected("INBOX").await;
    wire.imap("UID MOVE 2 \"[Gmail]/Trash\"").await;
    wire.imap("SELECT \"[Gmail]/Trash\"").await;
    wire.imap("UID MOVE 1 INBOX").await;
    assert_eq!(ours(&stage), [Folder::Inbox, Folder::All]);
    wire.imap("SELECT INBOX").await;
    let archived = wire.imap("UID STORE 3 -X-GM-LABELS (\\Inbox)").await;
    assert!(archived.contains("* 2 EXPUNGE\r\n"), "{archived}");
    assert_eq!(ours(&stage), [Folder::All]);
    wire.imap("SELECT \"[Gmail]/All Mail\"").await;
    wire.imap("UID STORE 1:* +FLAGS (\\Deleted)").await;
    wire.imap("EXPUNGE").await;
    assert_eq!(ours(&stage), [Folder::All], "archived is where it is already");
}

#[tokio::test]
async fn folders_have_names_of_their_language_and_may_be_hidden() {
    let stage = stage().await;
    let cases = [
        (Language::English, "[Gmail]", "Spam", "Sent Mail", "Trash"),
        (Language::French, "[Gmail]", "Spam", "Messages envoy&AOk-s", "Corbeille"),
        (Language::German, "[Google Mail]", "Spam", "Gesendet", "Papierkorb"),
        (Language::Japanese, "[Gmail]", "&j,dg0TDhMPww6w-", "&kAFP4W4IMH8w4TD8MOs-", "&MLQw33ux-"),
        (Language::Spanish, "[Gmail]", "Spam", "Enviados", "Papelera"),
    ];
    let mut wire = stage.signed_in().await;
    for (language, root, junk, sent, trash) in cases {
        stage.world.set(ADDRESS, |account| {
            account.language = language;
            account.folder_root = root.to_owned();
            account.hidden_folders.clear();
        });
        for list in ["LIST \"\" \"*\"", "LIST (SPECIAL-USE) \"\" \"*\""] {
            let listed = wire.imap(list).await;
            let parent = format!("* LIST (\\HasChildren \\Noselect) \"/\" \"{root}\"\r\n");
            assert_eq!(listed.contains(&parent), !list.contains("SPECIAL"), "{listed}");
            for (special, name) in [("Junk", junk), ("Sent", sent), ("Trash", trash)] {
                let line =
                    format!("* LIST (\\HasNoChildren \\{special}) \"/\" \"{root}/{name}\"\r\n");
                assert!(listed.contains(&line), "{line}{listed}");
            }
        }
        assert!(wire.imap(&format!("SELECT \"{root}/{sent}\"")).await.contains("[READ-WRITE]"));
        stage.world.set(ADDRESS, |account| {
            account.hidden_folders.extend([Folder::Junk, Folder::Sent, Folder::All]);
        });
        let listed = wire.imap("LIST \"\" \"*\"").await;
        for hidden in ["\\Junk", "\\Sent", "\\All"] {
            assert!(!listed.contains(hidden), "{listed}");
        }
        assert!(wire.imap(&format!("SELECT \"{root}/{sent}\"")).await.contains("[NONEXISTENT]"));
        assert!(wire.imap(&format!("UID MOVE 1 \"{root}/{junk}\"")).await.contains(" BAD "));
    }
}
