//! Who may read what, and the exact refusals.

use odoo_sim::{Group, User, Version};
use serde_json::{Value, json};

use crate::support::{CLERK_KEY, MARKETER_KEY, Stage};

/// [RUN18]
const NO_SERVERS: &str = "You are not allowed to access 'Mail Server' (ir.mail_server) records.\n\n\
    This operation is allowed for the following groups:\n\t- Administration/Settings\n\n\
    Contact your administrator to request access if necessary.";

async fn as_clerk(stage: &Stage, model: &str, method: &str, args: Value) -> Value {
    stage.kw_as((stage.clerk, CLERK_KEY), model, method, args, json!({})).await
}

#[tokio::test]
async fn an_ordinary_user_reads_no_mail_server() {
    let stage = Stage::set(Version::V18).await;
    let answer = as_clerk(&stage, "ir.mail_server", "search_read", json!([[]])).await;
    let data = &answer["error"]["data"];
    assert_eq!(data["name"], "odoo.exceptions.AccessError");
    assert_eq!(data["message"], NO_SERVERS);
    assert_eq!(data["arguments"], json!([NO_SERVERS]));
}

#[tokio::test]
async fn access_rights_are_not_enough() {
    let stage = Stage::set(Version::V18).await;
    stage.shop.change_user(stage.clerk, |user| user.with_group(Group::AccessRights));
    let answer = as_clerk(&stage, "ir.mail_server", "search_count", json!([[]])).await;
    assert_eq!(answer["error"]["data"]["message"], NO_SERVERS);
}

#[tokio::test]
async fn every_model_of_administrators_is_closed_to_others() {
    let stage = Stage::set(Version::V18).await;
    for model in [
        "fetchmail.server",
        "ir.config_parameter",
        "ir.cron",
        "ir.mail_server",
        "ir.module.module",
        "mail.mail",
    ] {
        let answer = as_clerk(&stage, model, "search_read", json!([[]])).await;
        assert_eq!(answer["error"]["data"]["name"], "odoo.exceptions.AccessError", "{model}");
    }
    let answer =
        as_clerk(&stage, "ir.config_parameter", "get_param", json!(["web.base.url"])).await;
    assert_eq!(answer["error"]["data"]["name"], "odoo.exceptions.AccessError");
}

#[tokio::test]
async fn email_marketing_reads_servers_without_what_is_secret() {
    let stage = Stage::set(Version::V18).await;
    stage.put_gmail("sales");
    let who = (stage.marketer, MARKETER_KEY);
    let read = async |fields: Value| {
        let kwargs = json!({"fields": fields});
        stage.kw_as(who, "ir.mail_server", "search_read", json!([[]]), kwargs).await
    };
    // Only where the module is installed.
    assert_eq!(read(json!(["name"])).await["error"]["data"]["message"], NO_SERVERS);
    stage.shop.set_module("mass_mailing", "installed").unwrap();
    assert_eq!(read(json!(["name"])).await["result"][0]["name"], "sales");
    for field in ["google_gmail_refresh_token", "smtp_user", "smtp_pass"] {
        let answer = read(json!(["name", field])).await;
        let message = answer["error"]["data"]["message"].as_str().unwrap();
        let wanted = format!(
            "You do not have enough rights to access the fields \"{field}\" on Mail Server \
             (ir.mail_server). Please contact your system administrator.\n\n\
             Operation: read\nUser: {}\nFields:\n- {field}",
            stage.marketer,
        );
        assert!(message.starts_with(&wanted), "{message}");
        assert_eq!(answer["error"]["data"]["name"], "odoo.exceptions.AccessError");
    }
    // Where no field is named, those that are closed are left out.
    let row = &read(json!([])).await["result"][0];
    assert!(row.get("smtp_host").is_some() && row.get("smtp_user").is_none(), "{row}");
    let told = stage.kw_as(who, "ir.mail_server", "fields_get", json!([]), json!({})).await;
    assert!(told["result"].get("smtp_host").is_some() && told["result"].get("smtp_pass").is_none());
}

#[tokio::test]
async fn a_user_learns_its_groups() {
    for version in Version::ALL {
        let stage = Stage::set(version).await;
        for (id, key, wanted) in
            [(stage.admin, crate::support::ADMIN_KEY, true), (stage.clerk, CLERK_KEY, false)]
        {
            // A method of the model up to 17, of a user since.
            let args = match version >= Version::V18 {
                true => json!([[id], "base.group_system"]),
                false => json!(["base.group_system"]),
            };
            let answer = stage.kw_as((id, key), "res.users", "has_group", args, json!({})).await;
            assert_eq!(answer["result"], wanted, "{version:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_user_added_later_signs_in_until_it_is_archived() {
    let stage = Stage::set(Version::V18).await;
    let id = stage.shop.add_user(User::admin("late").with_password("pw"));
    let args = json!(["shop", "late", "pw", {}]);
    assert_eq!(stage.rpc("common", "authenticate", args).await["result"], id);
    stage.shop.update("res.users", id, json!({"active": false})).unwrap();
    let args = json!(["shop", "late", "pw", {}]);
    assert_eq!(stage.rpc("common", "authenticate", args).await["result"], false);
    let answer = stage.kw_as((id, "pw"), "res.users", "context_get", json!([]), json!({})).await;
    assert_eq!(answer["error"]["data"]["name"], "odoo.exceptions.AccessDenied");
}
