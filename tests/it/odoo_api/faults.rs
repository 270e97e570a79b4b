//! What is said of an Odoo whose API gives no answer, or not all of it; and that it passes.

use std::time::Duration;

use mailbox_exporter::{
    domain::{clock::Clock, secret::Secret},
    source::odoo::api::Endpoint,
    wire::Wire,
};
use odoo_sim::{Fault, Group, User, Version, What};

use super::{KEY, NOW, Stage, at};

#[tokio::test]
async fn each_fault_has_its_sentence_and_passes() {
    let cases = [
        (What::BadGateway, "it answers 502: the proxy reaches no Odoo"),
        (What::Cut, "the connection broke off"),
        (What::CutInTheMiddle, "the connection broke off"),
        (What::Html, "it answers 500: its log says why"),
        (What::Huge((16 << 20) + 1), "a body of more than 16777216 bytes"),
        (
            What::NotJson,
            "it answers 200, but not as the API does: is this the address of Odoo itself",
        ),
        (What::Redirect, "it redirects to /web/login: is this the address of Odoo itself"),
        (
            What::Upgrading,
            "it answers 503: the proxy reaches no Odoo, which is stopped, starting or being upgraded",
        ),
    ];
    for version in [Version::V18, Version::V19] {
        for (what, words) in cases {
            let mut stage = Stage::set(version).await;
            // From the first request on, and in the middle.
            stage.sim.misbehave(Fault::new(what));
            let why = stage.refusal().await;
            assert!(why.contains(words), "{version:?} {what:?}: {why}");
            stage.sim.behave();
            stage.look().await.unwrap();
            stage.sim.misbehave(Fault::new(what).of("ir.mail_server"));
            let why = stage.refusal().await;
            assert!(why.contains(words), "{version:?} {what:?}: {why}");
            stage.sim.behave();
            stage.look().await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_odoo_that_hangs_is_not_waited_for() {
    for version in [Version::V18, Version::V19] {
        let mut stage = Stage::set(version).await;
        stage.sim.misbehave(Fault::new(What::Stall));
        let clock = Clock::starting(at(NOW));
        let wire = Wire { dialer: stage.dialer.clone(), https: stage.https.clone(), clock };
        let mut looking = Box::pin(stage.reader.look(&stage.endpoint, &wire));
        // Once the question is there, the time that nothing happens in passes at once.
        while stage.sim.asked().is_empty() {
            tokio::select! {
                looked = &mut looking => panic!("{looked:?}"),
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
            }
        }
        tokio::time::pause();
        let why = looking.await.unwrap_err();
        tokio::time::resume();
        assert!(why.contains("did not answer within 30 s"), "{why}");
    }
}

#[tokio::test]
async fn a_queue_that_cannot_be_read_is_no_reason_to_do_without_the_servers() {
    let mut stage = Stage::set(Version::V18).await;
    stage.outgoing("sales");
    stage.sim.misbehave(Fault::new(What::Html).of("mail.mail"));
    let look = stage.look().await.unwrap();
    assert_eq!((look.database.outgoing.len(), look.queue), (1, None));
    assert_eq!(look.database.unread, ["mail.mail"]);
    // Nor is it asked again at once.
    stage.sim.forget();
    stage.look_after(Duration::from_secs(45)).await.unwrap();
    assert!(stage.sim.asked().iter().all(|asked| asked.model != "mail.mail"));
    stage.sim.behave();
    let look = stage.look_after(Duration::from_secs(301)).await.unwrap();
    assert_eq!(look.database.unread, Vec::<String>::new());
    assert!(look.queue.is_some());
    // What was sent may be unknown by itself.
    stage.sim.misbehave(Fault::new(What::Html).of("mail.notification"));
    let look = stage.look_after(Duration::from_secs(602)).await.unwrap();
    assert_eq!(look.queue.unwrap().sent_at_least, None);
}

#[tokio::test]
async fn keys_that_are_not_good_are_told_apart() {
    for version in Version::ALL {
        let is_19 = version == Version::V19;
        let mut stage = Stage::set(version).await;
        let good = stage.endpoint.clone();
        stage.endpoint.key = Secret::new("0000000000000000000000000000000000000000");
        let why = stage.refusal().await;
        let words = if is_19 {
            "Odoo does not take this key"
        } else {
            "Odoo takes neither this key nor this password of bot"
        };
        assert!(why.starts_with(words) && why.contains("New API Key"), "{why}");

        let user = User::admin("careful").with_password("hunter22").with_second_factor();
        stage.shop.add_user(user);
        let (login, key) = (Some("careful".to_owned()), Secret::new("hunter22"));
        stage.endpoint = Endpoint { login, key, ..good.clone() };
        let why = stage.refusal().await;
        assert!(why.contains("with two-factor authentication nothing else is taken"), "{why}");
        assert!(!why.contains("hunter22"), "{why}");

        stage.endpoint = good;
        stage.look().await.unwrap();
        stage.shop.revoke_keys(stage.bot);
        let why = stage.refusal().await;
        assert!(
            why.contains("it was deleted or is over")
                || why.contains("the key was deleted or is over"),
            "{why}"
        );
        // Odoo counts failed sign-ins, so the same key is left alone for a while; another one is not.
        stage.sim.forget();
        assert_eq!(stage.refusal().await, why);
        assert_eq!(stage.asked(), Vec::<String>::new());
        stage.shop.change_user(stage.bot, |user| user.with_key(KEY));
        stage.look_after(Duration::from_secs(601)).await.unwrap();
    }
}

#[tokio::test]
async fn json_rpc_wants_a_login_and_a_database_and_json_2_neither() {
    for version in Version::ALL {
        let is_19 = version == Version::V19;
        let mut stage = Stage::set(version).await;
        let good = stage.endpoint.clone();
        stage.endpoint = Endpoint { database: None, ..good.clone() };
        let without = stage.look().await.map(drop);
        let database = "Odoo 15 to 18 want to know which database is meant: give `database`";
        assert_eq!(without, if is_19 { Ok(()) } else { Err(database.to_owned()) });
        stage.endpoint = Endpoint { login: None, ..good.clone() };
        let without = stage.look().await.map(drop);
        let login = "Odoo 15 to 18 want to know whose key it is: give the user's `login`";
        assert_eq!(without, if is_19 { Ok(()) } else { Err(login.to_owned()) });
        stage.endpoint = Endpoint { database: Some("ship".to_owned()), ..good.clone() };
        let why = stage.refusal().await;
        assert!(why.starts_with("this Odoo has no database ship"), "{why}");
        if is_19 {
            stage.sim.add_database("other");
            stage.endpoint = Endpoint { database: None, ..good.clone() };
            let why = stage.refusal().await;
            assert_eq!(
                why,
                "this Odoo has not exactly one database: name the one that is meant as `database`"
            );
        }
        stage.endpoint = good;
        stage.look().await.unwrap();
    }
}

#[tokio::test]
async fn who_is_no_administrator_is_told_which_group_is_missing() {
    for version in Version::ALL {
        let mut stage = Stage::set(version).await;
        stage.outgoing("sales");
        let group = if version == Version::V19 {
            "Role / Administrator"
        } else {
            "Administration / Settings"
        };
        for user in [
            User::internal("clerk").with_key("clerks-key"),
            User::internal("clerk").with_key("clerks-key").with_group(Group::AccessRights),
            User::internal("clerk").with_key("clerks-key").with_group(Group::EmailMarketing),
        ] {
            let id = stage.shop.add_user(user);
            let (login, key) = (Some("clerk".to_owned()), Secret::new("clerks-key"));
            stage.endpoint = Endpoint { login, key, ..stage.endpoint.clone() };
            let why = stage.refusal().await;
            assert!(why.contains("is no administrator") && why.contains(group), "{why}");
            stage.shop.revoke_keys(id);
        }
    }
}

#[tokio::test]
async fn what_a_database_has_not_is_told_from_what_may_not_be_read() {
    let mut stage = Stage::set(Version::V18).await;
    stage.outgoing("sales");
    for model in ["ir.mail_server", "fetchmail.server"] {
        stage.shop.without_field(model, "google_gmail_refresh_token");
    }
    let look = stage.look().await.unwrap();
    assert!(!look.database.has_token_columns);
    assert_eq!(look.database.outgoing[0].token, None);
    assert!(stage.asked().contains(&"res.users.has_group".to_owned()), "{:?}", stage.asked());

    for version in Version::ALL {
        let mut stage = Stage::set(version).await;
        let fetching = if version == Version::V15 { "fetchmail" } else { "mail" };
        stage.shop.set_module("google_gmail", "uninstalled").unwrap();
        stage.shop.set_module(fetching, "uninstalled").unwrap();
        let look = stage.look().await.unwrap();
        assert_eq!(look.database.incoming, []);
        assert_eq!(look.queue.is_some(), version == Version::V15);
        assert_eq!(look.database.modules["google_gmail"].state, "uninstalled");
    }
}

#[tokio::test]
async fn a_certificate_is_looked_at() {
    let mut stage = Stage::set(Version::V19).await;
    stage.endpoint.url = stage.sim.https_url().parse().unwrap();
    stage.look().await.unwrap();
    stage.endpoint.url = stage.sim.stranger_url().parse().unwrap();
    let why = stage.refusal().await;
    assert!(
        why.contains("its certificate is not trusted") && why.contains("google.ca_file"),
        "{why}"
    );
    stage.endpoint.url = "http://127.0.0.1:1".parse().unwrap();
    let why = stage.refusal().await;
    assert!(why.contains("it cannot be reached: 127.0.0.1:1"), "{why}");
}
