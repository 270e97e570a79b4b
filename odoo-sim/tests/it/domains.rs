//! Which rows a search means, in which order, and how many at a time.

use odoo_sim::Version;
use serde_json::{Value, json};

use crate::support::Stage;

async fn servers() -> Stage {
    let stage = Stage::set(Version::V18).await;
    for (name, sequence, from_filter, authentication) in [
        ("a", 30, json!("a@example.com"), "gmail"),
        ("b", 10, json!(null), "gmail"),
        ("c", 20, json!("Example.com"), "login"),
        ("d", 10, json!("d@example.org"), "outlook"),
    ] {
        if authentication == "outlook" {
            stage.shop.set_module("microsoft_outlook", "installed").unwrap();
        }
        let row = json!({
            "name": name, "sequence": sequence, "from_filter": from_filter,
            "smtp_authentication": authentication,
        });
        stage.shop.put("ir.mail_server", row).unwrap();
    }
    stage
}

async fn names(stage: &Stage, args: Value, kwargs: Value) -> String {
    let answer = stage.kw("ir.mail_server", "search_read", args, kwargs).await;
    let rows = answer["result"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
    rows.iter().map(|row| row["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_operator_finds_its_rows() {
    let stage = servers().await;
    for (domain, wanted) in [
        (json!([]), "abcd"),
        (json!([["smtp_authentication", "=", "gmail"]]), "ab"),
        (json!([["smtp_authentication", "!=", "gmail"]]), "cd"),
        (json!([["smtp_authentication", "in", ["gmail", "outlook"]]]), "abd"),
        (json!([["smtp_authentication", "not in", ["gmail"]]]), "cd"),
        (json!([["from_filter", "=", false]]), "b"),
        (json!([["from_filter", "!=", false]]), "acd"),
        (json!([["from_filter", "!=", "a@example.com"]]), "bcd"),
        (json!([["from_filter", "in", [false]]]), "b"),
        (json!([["sequence", "<", 20]]), "bd"),
        (json!([["sequence", "<=", 20]]), "bcd"),
        (json!([["sequence", ">", 20]]), "a"),
        (json!([["sequence", ">=", 20]]), "ac"),
        (json!([["from_filter", "like", "example.com"]]), "a"),
        (json!([["from_filter", "ilike", "example.com"]]), "ac"),
        (json!([["from_filter", "=like", "%.org"]]), "d"),
        (json!([["from_filter", "=ilike", "example.___"]]), "c"),
        (json!([["from_filter", "not ilike", "example.com"]]), "bd"),
        (json!([["id", "in", [1, 4]]]), "ad"),
        (json!([["sequence", "=", 10], ["name", "=", "d"]]), "d"),
        (json!(["&", ["sequence", "=", 10], ["name", "=", "d"]]), "d"),
        (json!(["|", ["name", "=", "a"], ["name", "=", "d"]]), "ad"),
        (json!(["!", ["name", "=", "a"]]), "bcd"),
        (
            json!(["|", ["name", "=", "a"], "&", ["sequence", "=", 10], "!", ["name", "=", "b"]]),
            "ad",
        ),
        (
            json!([
                "|",
                "|",
                ["name", "=", "a"],
                ["name", "=", "b"],
                ["name", "=", "c"],
                ["sequence", ">", 10]
            ]),
            "ac",
        ),
        (json!([[1, "=", 1]]), "abcd"),
        (json!([[0, "=", 1]]), ""),
        (json!([["create_uid.login", "=", "admin"]]), ""),
    ] {
        let kwargs = json!({"order": "id", "fields": ["name"]});
        assert_eq!(names(&stage, json!([domain]), kwargs).await, wanted, "{domain}");
    }
}

#[tokio::test]
async fn rows_come_in_order_and_by_the_page() {
    let stage = servers().await;
    for (kwargs, wanted) in [
        (json!({}), "bdca"),
        (json!({"order": "name desc"}), "dcba"),
        (json!({"order": "sequence desc, name"}), "acbd"),
        // Nothing comes last upwards and first downwards, as in PostgreSQL.
        (json!({"order": "from_filter"}), "cadb"),
        (json!({"order": "from_filter desc"}), "bdac"),
        (json!({"order": "name", "limit": 2}), "ab"),
        (json!({"order": "name", "limit": 2, "offset": 1}), "bc"),
        (json!({"order": "name", "limit": 2, "offset": 4}), ""),
        (json!({"order": "name", "limit": false}), "abcd"),
    ] {
        assert_eq!(names(&stage, json!([[]]), kwargs.clone()).await, wanted, "{kwargs}");
    }
    let by_position = json!([[], ["name"], 1, 2, "name"]);
    assert_eq!(names(&stage, by_position, json!({})).await, "bc");
}

#[tokio::test]
async fn what_is_not_there_is_an_invalid_field() {
    for (version, condition) in [
        (Version::V15, "Invalid field ir.mail_server.nope in leaf ('nope', '=', 1)"),
        (Version::V18, "Invalid field ir.mail_server.nope in leaf ('nope', '=', 1)"),
        (Version::V19, "Invalid field ir.mail_server.nope in condition ('nope', '=', 1)"),
    ] {
        let stage = Stage::set(version).await;
        let in_list = "Invalid field 'nope' on model 'ir.mail_server'";
        for (domain, kwargs, wanted) in [
            (json!([]), json!({"fields": ["nope"]}), in_list),
            (json!([]), json!({"order": "nope"}), in_list),
            (json!([["nope", "=", 1]]), json!({}), condition),
        ] {
            let answer = stage.kw("ir.mail_server", "search_read", json!([domain]), kwargs).await;
            assert_eq!(answer["error"]["data"]["name"], "builtins.ValueError", "{answer}");
            assert_eq!(answer["error"]["data"]["message"], wanted);
        }
    }
}

#[tokio::test]
async fn what_is_no_domain_is_refused() {
    let stage = servers().await;
    for domain in [
        json!([["name", "resembles", "a"]]),
        json!([["name", "="]]),
        json!([["name", "in", "a"]]),
        json!(["|", ["name", "=", "a"]]),
        json!(["name"]),
        json!("name"),
    ] {
        let answer = stage.kw("ir.mail_server", "search_read", json!([domain]), json!({})).await;
        assert_eq!(answer["error"]["data"]["name"], "builtins.ValueError", "{domain}: {answer}");
    }
}
