//! `/jsonrpc` in every version: signing in, reading, errors.

use odoo_sim::{User, Version};
use serde_json::{Value, json};

use crate::support::{ADMIN_KEY, Stage};

#[tokio::test]
async fn common_tells_the_version_without_a_database() {
    for version in Version::ALL {
        let stage = Stage::set(version).await;
        let answer = stage.rpc("common", "version", json!([])).await;
        let serie = version.serie();
        let wanted = json!({
            "server_version": serie, "server_version_info": [version.major(), 0, 0, "final", 0, ""],
            "server_serie": serie, "protocol_version": 1,
        });
        assert_eq!(answer, json!({"jsonrpc": "2.0", "id": 7, "result": wanted}));
    }
}

#[tokio::test]
async fn a_password_or_a_key_gives_the_users_id_and_anything_else_false() {
    let stage = Stage::set(Version::V18).await;
    let id = json!(stage.admin);
    for (login, secret, wanted) in [
        ("bot", "secret", id.clone()),
        ("bot", ADMIN_KEY, id),
        ("bot", "wrong", json!(false)),
        ("clerk", ADMIN_KEY, json!(false)),
        ("nobody", "secret", json!(false)),
    ] {
        let args = json!(["shop", login, secret, {}]);
        let answer = stage.rpc("common", "authenticate", args).await;
        assert_eq!(answer["result"], wanted, "{login} with {secret}");
    }
}

#[tokio::test]
async fn a_second_factor_leaves_only_keys() {
    let stage = Stage::set(Version::V18).await;
    stage.shop.change_user(stage.admin, User::with_second_factor);
    let by = |secret: &str| json!(["shop", "bot", secret, {}]);
    let password = stage.rpc("common", "authenticate", by("secret")).await;
    let key = stage.rpc("common", "authenticate", by(ADMIN_KEY)).await;
    assert_eq!((&password["result"], &key["result"]), (&json!(false), &json!(stage.admin)));
}

#[tokio::test]
async fn an_unknown_database_is_an_error_of_postgresql() {
    let stage = Stage::set(Version::V18).await;
    let signing_in =
        stage.rpc("common", "authenticate", json!(["nodb", "bot", "secret", {}])).await;
    let args = json!(["nodb", 2, "secret", "ir.mail_server", "search_read", [[]], {}]);
    let reading = stage.rpc("object", "execute_kw", args).await;
    for answer in [signing_in, reading] {
        let data = &answer["error"]["data"];
        assert_eq!(data["name"], "psycopg2.OperationalError");
        assert!(data["message"].as_str().unwrap().contains("database \"nodb\" does not exist"));
    }
}

#[tokio::test]
async fn errors_are_http_200_with_a_code_that_changed_in_19() {
    for version in Version::ALL {
        let stage = Stage::set(version).await;
        let who = (stage.admin, "wrong");
        let answer =
            stage.kw_as(who, "ir.mail_server", "search_read", json!([[]]), json!({})).await;
        let error = &answer["error"];
        assert_eq!(error["code"], if version == Version::V19 { 0 } else { 200 }, "{version:?}");
        assert_eq!(error["message"], "Odoo Server Error");
        assert_eq!(error["data"]["name"], "odoo.exceptions.AccessDenied");
        assert_eq!(error["data"]["message"], "Access Denied");
        let debug = error["data"]["debug"].as_str().unwrap();
        assert!(debug.starts_with("Traceback (most recent call last):\n"), "{debug}");
        assert!(answer.get("result").is_none());
    }
}

#[tokio::test]
async fn a_key_opens_its_own_user_only() {
    let stage = Stage::set(Version::V18).await;
    let who = (stage.clerk, ADMIN_KEY);
    let answer = stage.kw_as(who, "res.users", "context_get", json!([]), json!({})).await;
    assert_eq!(answer["error"]["data"]["name"], "odoo.exceptions.AccessDenied");
}

#[tokio::test]
async fn a_revoked_key_opens_nothing() {
    let stage = Stage::set(Version::V18).await;
    stage.shop.revoke_keys(stage.admin);
    let answer = stage.kw("res.users", "context_get", json!([]), json!({})).await;
    assert_eq!(answer["error"]["data"]["name"], "odoo.exceptions.AccessDenied");
}

#[tokio::test]
async fn archived_rows_come_only_without_the_active_test() {
    let stage = Stage::set(Version::V18).await;
    let (live, archived) = (stage.put_gmail("live"), stage.put_gmail("archived"));
    stage.shop.update("ir.mail_server", archived, json!({"active": false})).unwrap();
    let ids = async |args: Value, kwargs: Value| -> Vec<i64> {
        let answer = stage.kw("ir.mail_server", "search_read", args, kwargs).await;
        let rows = answer["result"].as_array().unwrap().clone();
        rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids(json!([[]]), json!({})).await, [live]);
    let context = json!({"context": {"active_test": false}});
    assert_eq!(ids(json!([[]]), context).await, [live, archived]);
    let named = json!([[["active", "in", [true, false]]]]);
    assert_eq!(ids(named, json!({})).await, [live, archived]);
    let count = stage.kw("ir.mail_server", "search_count", json!([[]]), json!({})).await;
    assert_eq!(count["result"], 1);
}

#[tokio::test]
async fn read_takes_ids_and_misses_none() {
    let stage = Stage::set(Version::V18).await;
    let id = stage.put_gmail("sales");
    stage.shop.update("ir.mail_server", id, json!({"active": false})).unwrap();
    let kwargs = json!({"fields": ["name", "google_gmail_refresh_token", "from_filter"]});
    let answer = stage.kw("ir.mail_server", "read", json!([[id]]), kwargs).await;
    // In clear to an administrator; a null is `false`.
    let wanted = json!([{
        "id": id, "name": "sales", "google_gmail_refresh_token": "1//sales", "from_filter": false,
    }]);
    assert_eq!(answer["result"], wanted);
    let answer = stage.kw("ir.mail_server", "read", json!([[id, 99]]), json!({})).await;
    assert_eq!(answer["error"]["data"]["name"], "odoo.exceptions.MissingError");
}

#[tokio::test]
async fn a_row_of_another_model_is_an_id_and_a_name() {
    let stage = Stage::set(Version::V18).await;
    let server = stage.put_gmail("sales");
    stage.shop.put("mail.mail", json!({"mail_server_id": server})).unwrap();
    stage.shop.put("mail.mail", json!({})).unwrap();
    let rows = stage.search("mail.mail", json!([]), json!(["mail_server_id"])).await;
    assert_eq!(rows[0]["mail_server_id"], json!(false));
    assert_eq!(rows[1]["mail_server_id"], json!([server, "sales"]));
}

#[tokio::test]
async fn parameters_are_read_by_get_param_and_by_search() {
    let stage = Stage::set(Version::V18).await;
    stage.shop.set_param("google_gmail_client_id", "1234-abc.apps.googleusercontent.com");
    let get = async |args: Value| {
        stage.kw("ir.config_parameter", "get_param", args, json!({})).await["result"].clone()
    };
    let id = json!("1234-abc.apps.googleusercontent.com");
    assert_eq!(get(json!(["google_gmail_client_id"])).await, id);
    assert_eq!(get(json!(["google_gmail_client_secret"])).await, false);
    assert_eq!(get(json!(["google_gmail_client_secret", "none"])).await, "none");
    let domain = json!([["key", "in", ["google_gmail_client_id", "web.base.url"]]]);
    let rows = stage.search("ir.config_parameter", domain, json!(["key", "value"])).await;
    assert_eq!(rows.as_array().unwrap().len(), 2);
    stage.shop.remove_param("google_gmail_client_id");
    assert_eq!(get(json!(["google_gmail_client_id"])).await, false);
}

#[tokio::test]
async fn what_is_no_call_is_a_page() {
    let stage = Stage::set(Version::V18).await;
    let plain = "POST /jsonrpc HTTP/1.1\r\nContent-Type: text/plain\r\n";
    assert_eq!(stage.send(plain, "{}").await.unwrap().status, 400);
    for (path, status) in [("/web", 303), ("/web/login", 200), ("/jsonrpc", 400), ("/no", 404)] {
        let answer = stage.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.head.contains("content-type: text/html"), "{answer:?}");
    }
}

#[tokio::test]
async fn calls_are_noted_without_credentials_and_writes_are_refused() {
    let stage = Stage::set(Version::V18).await;
    stage.rpc("common", "authenticate", json!(["shop", "bot", "secret", {}])).await;
    stage.kw("ir.mail_server", "search_count", json!([[]]), json!({})).await;
    assert!(stage.sim.writes().is_empty());
    for method in ["write", "create", "unlink", "test_smtp_connection"] {
        let answer = stage.kw("ir.mail_server", method, json!([[1], {}]), json!({})).await;
        assert_eq!(answer["error"]["data"]["name"], "odoo.exceptions.UserError", "{method}");
    }
    let writes: Vec<String> = stage.sim.writes().iter().map(odoo_sim::Asked::what).collect();
    assert_eq!(writes[0], "ir.mail_server.write");
    assert_eq!(writes.len(), 4);
    assert_eq!(stage.asked()[..2], ["common.authenticate", "ir.mail_server.search_count"]);
    let all = format!("{:?}", stage.sim.asked());
    assert!(all.contains("\"bot\"") && !all.contains("secret") && !all.contains(ADMIN_KEY));
    stage.sim.forget();
    assert!(stage.sim.asked().is_empty() && stage.sim.writes().is_empty());
}
