//! What is asked of an Odoo by its API: how little, and what never.

use std::{sync::Arc, time::Duration};

use mailbox_exporter::domain::secret::Secret;
use odoo_sim::Version;
use serde_json::json;

use super::Stage;

#[tokio::test]
async fn little_is_asked_and_nothing_that_writes() {
    for version in Version::ALL {
        let mut stage = Stage::set(version).await;
        let gmail = stage.outgoing("sales");
        stage.shop.put("ir.mail_server", json!({"name": "other"})).unwrap();
        stage.gmail("fetchmail.server", json!({"name": "in"}));
        stage.look().await.unwrap();
        let first = stage.asked().len();
        assert!(first <= 20, "{:#?}", stage.asked());
        for asked in stage.sim.asked() {
            let told = asked.arguments.to_string();
            for never in ["pass", "access_token", "authorization", "database.secret", "body"] {
                assert!(!told.contains(never), "{asked}: {told}");
            }
            if told.contains("google_gmail_refresh_token") && asked.method == "search_read" {
                assert!(told.contains(&format!("[\"id\",\"in\",[{gmail}]]")), "{told}");
            }
        }
        stage.sim.forget();
        stage.look_after(Duration::from_secs(45)).await.unwrap();
        let servers = ["ir.mail_server", "ir.mail_server", "fetchmail.server", "fetchmail.server"];
        let again = servers.into_iter().chain(["ir.config_parameter"]);
        let again: Vec<_> = again.map(|model| format!("{model}.search_read")).collect();
        assert_eq!(stage.asked(), again, "{version:?}");
        stage.sim.forget();
        stage.look_after(Duration::from_secs(301)).await.unwrap();
        let asked = stage.asked();
        assert!(asked.contains(&"ir.module.module.search_read".to_owned()), "{asked:?}");
        assert!(asked.contains(&"mail.notification.search_count".to_owned()), "{asked:?}");
        let signed_in = ["common.version", "common.authenticate", "/web/version"];
        assert!(!signed_in.iter().any(|what| asked.contains(&(*what).to_owned())), "{asked:?}");
        assert_eq!(stage.sim.writes(), []);
    }
}

#[tokio::test]
async fn tokens_are_asked_of_gmails_rows_only() {
    let mut stage = Stage::set(Version::V18).await;
    let row = json!({"name": "other", "google_gmail_refresh_token": "1//0no-longer-gmails"});
    stage.shop.put("ir.mail_server", row).unwrap();
    let look = stage.look().await.unwrap();
    assert_eq!(look.database.outgoing[0].token, None);
    for asked in stage.sim.asked() {
        assert!(!asked.arguments.to_string().contains("google_gmail_refresh_token"), "{asked}");
    }
}

#[tokio::test]
async fn what_did_not_change_is_the_very_same() {
    for version in [Version::V18, Version::V19] {
        let mut stage = Stage::set(version).await;
        let id = stage.outgoing("sales");
        let first = stage.look().await.unwrap();
        let same = stage.look_after(Duration::from_secs(301)).await.unwrap();
        assert!(Arc::ptr_eq(&first.database, &same.database));
        assert!(Arc::ptr_eq(&first.queue.unwrap(), &same.queue.unwrap()));
        let linked = json!({"google_gmail_refresh_token": "1//0linked-again"});
        stage.shop.update("ir.mail_server", id, linked).unwrap();
        let changed = stage.look_after(Duration::from_secs(302)).await.unwrap();
        assert_eq!(changed.database.outgoing[0].token, Some(Secret::new("1//0linked-again")));
    }
}

#[tokio::test]
async fn five_thousand_servers_come_in_one_answer() {
    for version in [Version::V18, Version::V19] {
        let mut stage = Stage::set(version).await;
        for number in 0..5000 {
            stage.outgoing(&format!("mailbox-{number:04}"));
        }
        let look = stage.look().await.unwrap();
        assert_eq!(look.database.outgoing.len(), 5000);
        let token = Secret::new("1//0mailbox-4999-token");
        assert_eq!(look.database.outgoing[4999].token, Some(token));
        let asked = stage.asked();
        assert!(asked.len() <= 20, "{asked:?}");
    }
}
