//! A database as Odoo ships it, neutralized ones, and very full ones.

use odoo_sim::Version;
use serde_json::{Value, json};

use crate::support::Stage;

async fn module(stage: &Stage, name: &str) -> Value {
    let domain = json!([["name", "=", name]]);
    let rows = stage.search("ir.module.module", domain, json!(["state", "latest_version"])).await;
    rows[0].clone()
}

#[tokio::test]
async fn modules_are_those_of_the_version() {
    for (version, gmail, fetchmail, outlook) in [
        (Version::V15, "15.0.1.0", true, "uninstalled"),
        (Version::V16, "16.0.1.2", false, "uninstalled"),
        (Version::V17, "17.0.1.2", false, "uninstalled"),
        (Version::V18, "18.0.1.2", false, "uninstalled"),
        (Version::V19, "19.0.1.2", false, "installed"),
    ] {
        let stage = Stage::set(version).await;
        let told = module(&stage, "google_gmail").await;
        assert_eq!((&told["state"], &told["latest_version"]), (&json!("installed"), &json!(gmail)));
        assert_eq!(module(&stage, "fetchmail_gmail").await.is_object(), fetchmail);
        assert_eq!(module(&stage, "microsoft_outlook").await["state"], outlook);
        assert_eq!(module(&stage, "rpc").await.is_object(), version == Version::V19);
    }
    let stage = Stage::set(Version::V18).await;
    assert_eq!(module(&stage, "base").await["latest_version"], "18.0.1.3");
    assert_eq!(module(&stage, "microsoft_outlook").await["latest_version"], false);
}

#[tokio::test]
async fn crons_are_found_by_their_external_ids() {
    for (version, owner) in [(Version::V15, "fetchmail"), (Version::V18, "mail")] {
        let stage = Stage::set(version).await;
        let domain = json!([["module", "=", owner], ["name", "=", "ir_cron_mail_gateway_action"]]);
        let data = stage.search("ir.model.data", domain, json!(["res_id"])).await;
        let domain = json!([["id", "=", data[0]["res_id"]]]);
        let fields = json!(["cron_name", "active", "interval_number", "interval_type"]);
        let rows = stage.search("ir.cron", domain, fields).await;
        assert_eq!(rows[0]["cron_name"], "Mail: Fetchmail Service");
        assert_eq!(rows[0]["active"], false);
        assert_eq!(
            (&rows[0]["interval_number"], &rows[0]["interval_type"]),
            (&json!(5), &json!("minutes"))
        );
    }
}

#[tokio::test]
async fn a_neutralized_copy_keeps_its_tokens() {
    let stage = Stage::set(Version::V18).await;
    stage.put_gmail("sales");
    stage.shop.neutralize().unwrap();
    let fields = json!(["active", "google_gmail_refresh_token", "smtp_host"]);
    let rows = stage.search("ir.mail_server", json!([]), fields).await;
    assert_eq!(rows[0]["active"], false);
    assert_eq!(rows[0]["google_gmail_refresh_token"], "1//sales");
    assert_eq!(rows[1]["smtp_host"], "invalid");
    let key = json!(["database.is_neutralized"]);
    let answer = stage.kw("ir.config_parameter", "get_param", key, json!({})).await;
    assert_eq!(answer["result"], "true");
    assert!(Stage::set(Version::V15).await.shop.neutralize().is_err());
}

#[tokio::test]
async fn rows_are_changed_and_taken_away() {
    let stage = Stage::set(Version::V18).await;
    let id = stage.put_gmail("sales");
    let incoming =
        json!({"name": "in", "server_type": "gmail", "state": "done", "user": "u@e.com"});
    stage.shop.put("fetchmail.server", incoming).unwrap();
    let domain = json!([["server_type", "=", "gmail"], ["state", "=", "done"]]);
    let rows = stage.search("fetchmail.server", domain, json!(["user", "active"])).await;
    assert_eq!(rows, json!([{"id": 1, "user": "u@e.com", "active": true}]));
    stage.shop.update("ir.mail_server", id, json!({"google_gmail_refresh_token": null})).unwrap();
    let fields = json!(["google_gmail_refresh_token"]);
    let rows = stage.search("ir.mail_server", json!([]), fields).await;
    assert_eq!(rows, json!([{"id": id, "google_gmail_refresh_token": false}]));
    assert!(stage.shop.remove("ir.mail_server", id) && !stage.shop.remove("ir.mail_server", id));
    assert_eq!(stage.search("ir.mail_server", json!([]), json!([])).await, json!([]));
    stage.sim.drop_database("shop");
    assert!(stage.shop.put("ir.mail_server", json!({})).is_err());
}

#[tokio::test]
async fn five_thousand_servers_are_read_in_one_call() {
    let stage = Stage::set(Version::V18).await;
    for number in 0..5000 {
        stage.put_gmail(&format!("m{number:04}"));
    }
    let domain = json!([["smtp_authentication", "=", "gmail"]]);
    let rows = stage.search("ir.mail_server", domain, json!(["name", "smtp_user"])).await;
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 5000);
    assert_eq!(rows[4999]["smtp_user"], "m4999@example.com");
    assert_eq!(stage.asked(), ["ir.mail_server.search_read"]);
}
