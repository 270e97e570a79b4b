//! What each version has that others have not.

use odoo_sim::{Kind, Version};
use serde_json::{Value, json};

use crate::support::Stage;

async fn fields(stage: &Stage, model: &str) -> Value {
    let kwargs = json!({"attributes": ["type", "selection"]});
    stage.kw(model, "fields_get", json!([]), kwargs).await["result"].clone()
}

#[tokio::test]
async fn fields_come_and_go() {
    for (model, field, versions) in [
        ("ir.mail_server", "use_google_gmail_service", 15..=15),
        ("fetchmail.server", "use_google_gmail_service", 15..=15),
        ("ir.mail_server", "google_gmail_authorization_code", 15..=18),
        ("ir.mail_server", "google_gmail_refresh_token", 15..=19),
        ("fetchmail.server", "google_gmail_refresh_token", 15..=19),
        ("ir.mail_server", "max_email_size", 18..=19),
        ("ir.mail_server", "owner_user_id", 19..=19),
        ("fetchmail.server", "error_date", 19..=19),
        ("fetchmail.server", "error_message", 19..=19),
        ("ir.cron", "failure_count", 18..=19),
        ("mail.mail", "record_alias_domain_id", 17..=19),
        ("mail.alias.domain", "default_from", 17..=19),
    ] {
        for version in Version::ALL {
            let stage = Stage::set(version).await;
            let there = fields(&stage, model).await.get(field).is_some();
            assert_eq!(there, versions.contains(&version.major()), "{model}.{field} {version:?}");
        }
    }
}

#[tokio::test]
async fn words_come_and_go() {
    for version in Version::ALL {
        let stage = Stage::set(version).await;
        let told = fields(&stage, "ir.mail_server").await;
        let has = |field: &str, word: &str| {
            let words = told[field]["selection"].as_array().unwrap();
            words.iter().any(|pair| pair[0] == word)
        };
        let major = version.major();
        assert_eq!(has("smtp_authentication", "gmail"), major >= 16, "{version:?}");
        assert_eq!(has("smtp_authentication", "cli"), major >= 17);
        assert_eq!(has("smtp_authentication", "outlook"), major >= 19);
        assert_eq!(has("smtp_encryption", "starttls_strict"), major >= 19);
        let told = fields(&stage, "fetchmail.server").await;
        let words = told["server_type"]["selection"].to_string();
        assert_eq!(words.contains("\"gmail\""), major >= 16);
    }
}

#[tokio::test]
async fn a_test_cannot_put_in_what_odoo_has_not() {
    let stage = Stage::set(Version::V15).await;
    for (model, row, says) in [
        ("ir.mail_server", json!({"owner_user_id": 2}), "15.0 has no ir.mail_server.owner_user_id"),
        (
            "ir.mail_server",
            json!({"smtp_authentication": "gmail"}),
            "15.0 has no ir.mail_server.smtp_authentication = gmail",
        ),
        ("mail.alias.domain", json!({}), "15.0 has no mail.alias.domain"),
    ] {
        assert_eq!(stage.shop.put(model, row).unwrap_err().to_string(), says);
    }
    assert!(stage.shop.update("ir.mail_server", 9, json!({})).is_err());
}

#[tokio::test]
async fn fields_of_a_module_go_with_it() {
    let stage = Stage::set(Version::V18).await;
    stage.put_gmail("sales");
    stage.shop.set_module("google_gmail", "uninstalled").unwrap();
    let kwargs = json!({"fields": ["google_gmail_refresh_token"]});
    let answer = stage.kw("ir.mail_server", "search_read", json!([[]]), kwargs).await;
    assert_eq!(answer["error"]["data"]["name"], "builtins.ValueError");
    // Waiting for an upgrade it works on.
    stage.shop.set_module("google_gmail", "to upgrade").unwrap();
    let rows =
        stage.search("ir.mail_server", json!([]), json!(["google_gmail_refresh_token"])).await;
    assert_eq!(rows[0]["google_gmail_refresh_token"], "1//sales");
    let domain = json!([["name", "=", "google_gmail"]]);
    let rows = stage.search("ir.module.module", domain, json!(["state"])).await;
    assert_eq!(rows[0]["state"], "to upgrade");
}

#[tokio::test]
async fn addons_bring_fields_and_forks_take_them() {
    let stage = Stage::set(Version::V18).await;
    stage.shop.without_field("ir.mail_server", "google_gmail_refresh_token");
    stage.shop.with_field("ir.mail_server", "server_env_defaults", Kind::Text);
    let told = fields(&stage, "ir.mail_server").await;
    assert!(told.get("google_gmail_refresh_token").is_none());
    assert_eq!(told["server_env_defaults"], json!({"type": "text"}));
    stage.shop.put("ir.mail_server", json!({"server_env_defaults": "{}"})).unwrap();
}

#[tokio::test]
async fn unknown_models_and_methods_of_other_models_are_told_so() {
    let stage = Stage::set(Version::V16).await;
    let answer = stage.kw("mail.alias.domain", "search_read", json!([[]]), json!({})).await;
    let data = &answer["error"]["data"];
    assert_eq!(data["name"], "odoo.exceptions.UserError");
    assert_eq!(data["message"], "Object mail.alias.domain doesn't exist");
    let answer = stage.kw("mail.mail", "get_param", json!(["x"]), json!({})).await;
    assert_eq!(answer["error"]["data"]["name"], "builtins.AttributeError");
    let answer = stage.kw("mail.mail", "_send", json!([[1]]), json!({})).await;
    assert_eq!(answer["error"]["data"]["name"], "odoo.exceptions.AccessError");
    let answer = stage.kw("mail.mail", "search_read", json!([[]]), json!({"nope": 1})).await;
    assert_eq!(answer["error"]["data"]["name"], "builtins.TypeError");
}
