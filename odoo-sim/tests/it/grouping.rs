//! Counting by groups: `read_group` up to 18, `formatted_read_group` in 19.

use odoo_sim::Version;
use serde_json::{Value, json};

use crate::support::{ADMIN_KEY, Stage};

async fn queue(version: Version) -> Stage {
    let stage = Stage::set(version).await;
    for (state, failure, created) in [
        ("outgoing", json!(null), "2026-01-01 10:00:00"),
        ("exception", json!("mail_smtp"), "2026-01-01 09:00:00"),
        ("outgoing", json!(null), "2026-01-01 08:00:00"),
        ("exception", json!(null), "2026-01-01 07:00:00"),
        ("sent", json!(null), "2026-01-01 06:00:00"),
    ] {
        let row = json!({"state": state, "failure_type": failure, "create_date": created});
        stage.shop.put("mail.mail", row).unwrap();
    }
    stage
}

fn waiting() -> Value {
    json!([["state", "in", ["outgoing", "exception"]]])
}

#[tokio::test]
async fn read_group_counts_up_to_18() {
    let stage = queue(Version::V18).await;
    let args = json!([waiting(), ["oldest:min(create_date)"], ["state", "failure_type"]]);
    let answer = stage.kw("mail.mail", "read_group", args.clone(), json!({"lazy": false})).await;
    let told = |state: &str, failure: Value, oldest: &str, count: i64| {
        let domain = json!([
            "&",
            "&",
            ["state", "=", state],
            ["failure_type", "=", failure],
            ["state", "in", ["outgoing", "exception"]],
        ]);
        json!({
            "state": state, "failure_type": failure, "oldest": oldest,
            "__count": count, "__domain": domain,
        })
    };
    let wanted = json!([
        told("exception", json!("mail_smtp"), "2026-01-01 09:00:00", 1),
        told("exception", json!(false), "2026-01-01 07:00:00", 1),
        told("outgoing", json!(false), "2026-01-01 08:00:00", 2),
    ]);
    assert_eq!(answer["result"], wanted);
    // Lazy, it groups by the first field only and counts elsewhere.
    let answer = stage.kw("mail.mail", "read_group", args, json!({})).await;
    let counts: Vec<&Value> =
        answer["result"].as_array().unwrap().iter().map(|row| &row["state_count"]).collect();
    assert_eq!(counts, [2, 2]);
}

#[tokio::test]
async fn formatted_read_group_counts_in_19() {
    let stage = queue(Version::V19).await;
    let body = json!({
        "domain": waiting(), "groupby": ["state", "failure_type"],
        "aggregates": ["__count", "create_date:min"],
    });
    let answer = stage.json2(ADMIN_KEY, "mail.mail/formatted_read_group", body).await.json();
    let told = |state: &str, failure: Value, oldest: &str, count: i64| {
        let domain = json!(["&", ["state", "=", state], ["failure_type", "=", failure]]);
        json!({
            "state": state, "failure_type": failure, "create_date:min": oldest,
            "__extra_domain": domain, "__count": count,
        })
    };
    let wanted = json!([
        told("exception", json!("mail_smtp"), "2026-01-01 09:00:00", 1),
        told("exception", json!(false), "2026-01-01 07:00:00", 1),
        told("outgoing", json!(false), "2026-01-01 08:00:00", 2),
    ]);
    assert_eq!(answer, wanted);
    let body = json!({"domain": [], "aggregates": ["__count"]});
    let answer = stage.json2(ADMIN_KEY, "mail.mail/formatted_read_group", body).await.json();
    assert_eq!(answer[0]["__count"], 5);
}

#[tokio::test]
async fn each_version_has_one_of_them() {
    for version in Version::ALL {
        let stage = queue(version).await;
        let args = json!([[], [], ["state"]]);
        let old = stage.kw("mail.mail", "read_group", args, json!({})).await;
        let args = json!([[], ["state"], ["__count"]]);
        let new = stage.kw("mail.mail", "formatted_read_group", args, json!({})).await;
        let (there, absent) = if version == Version::V19 { (new, old) } else { (old, new) };
        assert_eq!(there["result"].as_array().map(Vec::len), Some(3), "{version:?}: {there}");
        assert_eq!(absent["error"]["data"]["name"], "builtins.AttributeError", "{version:?}");
        assert!(stage.sim.writes().is_empty());
    }
}
