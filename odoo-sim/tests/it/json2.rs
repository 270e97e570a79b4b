//! `/json/2` and the version pages of 19.

use odoo_sim::Version;
use serde_json::{Value, json};

use crate::support::{ADMIN_KEY, Answer, CLERK_KEY, Stage};

async fn bare(stage: &Stage, call: &str, headers: &str, body: &str) -> Answer {
    let kind = "Content-Type: application/json\r\n";
    let head = format!("POST /json/2/{call} HTTP/1.1\r\n{kind}{headers}");
    stage.send(&head, body).await.unwrap()
}

#[tokio::test]
async fn only_19_has_it() {
    for version in Version::ALL {
        let stage = Stage::set(version).await;
        let status = if version == Version::V19 { 200 } else { 404 };
        assert_eq!(stage.get("/web/version").await.status, status, "{version:?}");
        assert_eq!(stage.get("/json/version").await.status, status);
        let call = stage.json2(ADMIN_KEY, "ir.mail_server/search_read", json!({})).await;
        assert_eq!(call.status, status);
    }
    let stage = Stage::set(Version::V19).await;
    let wanted = json!({"version_info": [19, 0, 0, "final", 0, ""], "version": "19.0"});
    assert_eq!(stage.get("/web/version").await.json(), wanted);
}

#[tokio::test]
async fn answers_are_bare_values() {
    let stage = Stage::set(Version::V19).await;
    let id = stage.put_gmail("sales");
    stage.shop.update("ir.mail_server", id, json!({"active": false})).unwrap();
    stage.shop.set_param("google_gmail_client_id", "1234.apps");
    let ask = async |call: &str, body: Value| stage.json2(ADMIN_KEY, call, body).await.json();
    let body = json!({
        "domain": [["smtp_authentication", "=", "gmail"]],
        "fields": ["name", "google_gmail_refresh_token"], "context": {"active_test": false},
    });
    let row = json!({"id": id, "name": "sales", "google_gmail_refresh_token": "1//sales"});
    assert_eq!(ask("ir.mail_server/search_read", body).await, json!([row]));
    let body = json!({"key": "google_gmail_client_id"});
    assert_eq!(ask("ir.config_parameter/get_param", body).await, "1234.apps");
    assert_eq!(ask("res.users/context_get", json!({})).await["uid"], stage.admin);
    let body = json!({"ids": [id], "fields": ["name"]});
    assert_eq!(ask("ir.mail_server/read", body).await, json!([{"id": id, "name": "sales"}]));
    let body = json!({"ids": [stage.clerk], "group_ext_id": "base.group_system"});
    assert_eq!(ask("res.users/has_group", body).await, false);
}

#[tokio::test]
async fn refusals_have_a_status_and_five_keys() {
    let stage = Stage::set(Version::V19).await;
    let database = "X-Odoo-Database: shop\r\n";
    let no_key = bare(&stage, "ir.mail_server/search_read", database, "{}").await;
    let ask = async |key: &str, call: &str, body: Value| stage.json2(key, call, body).await;
    let text = |answer: &Answer| answer.json()["message"].as_str().unwrap().to_owned();
    let no_key_words = "User not authenticated, use an API Key with a Bearer Authorization header.";
    assert_eq!((no_key.status, &*text(&no_key)), (401, no_key_words));
    // A password is no key.
    let password = ask("secret", "ir.mail_server/search_read", json!({})).await;
    assert_eq!((password.status, &*text(&password)), (401, "Invalid apikey"));
    let clerk = ask(CLERK_KEY, "ir.mail_server/search_read", json!({})).await;
    assert_eq!(clerk.status, 403);
    assert_eq!(clerk.json()["name"], "odoo.exceptions.AccessError");
    assert!(text(&clerk).contains("\t- Role / Administrator\n"), "{}", text(&clerk));
    for (call, body, status) in [
        ("no.model/search_read", json!({}), 404),
        ("ir.mail_server/read_group", json!({}), 404),
        ("mail.mail/get_param", json!({"key": "x"}), 404),
        ("ir.config_parameter/get_param", json!({}), 422),
        ("ir.mail_server/search_read", json!({"filter": []}), 422),
        ("ir.mail_server/search_read", json!({"ids": [1]}), 422),
        ("ir.mail_server/search_read", json!({"fields": ["nope"]}), 500),
        ("ir.mail_server/search_read", json!([]), 400),
        ("ir.mail_server/_compute", json!({}), 403),
        ("ir.mail_server/read", json!({"ids": [99]}), 404),
        ("ir.mail_server/write", json!({"ids": [1], "vals": {}}), 422),
    ] {
        let answer = ask(ADMIN_KEY, call, body).await;
        assert_eq!(answer.status, status, "{call}: {answer:?}");
        let body = answer.json();
        let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["name", "message", "arguments", "context", "debug"], "{call}");
        assert!(body["debug"].as_str().unwrap().starts_with("Traceback"), "{call}");
    }
    assert_eq!(stage.sim.writes().len(), 1);
}

#[tokio::test]
async fn the_database_is_named_unless_there_is_only_one() {
    let stage = Stage::set(Version::V19).await;
    let key = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    let ask = async |headers: &str| {
        bare(&stage, "ir.mail_server/search_count", headers, "{\"domain\": []}").await.status
    };
    assert_eq!(ask(&key).await, 200);
    let other = stage.sim.add_database("other");
    assert_eq!(ask(&key).await, 404);
    assert_eq!(ask(&format!("{key}X-Odoo-Database: shop\r\n")).await, 200);
    // The other database knows nothing of the key.
    assert_eq!(ask(&format!("{key}X-Odoo-Database: other\r\n")).await, 401);
    assert_eq!(ask(&format!("{key}X-Odoo-Database: nodb\r\n")).await, 404);
    other.hide(true);
    assert_eq!(ask(&key).await, 200);
    stage.shop.hide(true);
    assert_eq!(ask(&format!("{key}X-Odoo-Database: shop\r\n")).await, 404);
}

#[tokio::test]
async fn the_old_protocol_is_there_too() {
    let stage = Stage::set(Version::V19).await;
    stage.put_gmail("sales");
    let rows = stage.search("ir.mail_server", json!([]), json!(["name"])).await;
    assert_eq!(rows[0]["name"], "sales");
}
