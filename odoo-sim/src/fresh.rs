//! A database as Odoo ships it.

use serde_json::{Value, json};

use crate::{
    schema::Schema,
    version::Version,
    world::{Content, Row},
};

/// The cron that neutralizing leaves alone.
pub(crate) const VACUUM: &str = "Base: Auto-vacuum internal data";

/// Fills an empty database: modules, crons, parameters, users. Numbers that are not of
/// `google_gmail`, `microsoft_outlook` and `base` are [UNVERIFIED].
pub(crate) fn fill(content: &mut Content, version: Version) {
    for (name, state) in modules(version) {
        let latest = (state == "installed").then(|| latest_version(version, name));
        let row = json!({
            "name": name, "shortdesc": name, "author": "Odoo S.A.", "state": state,
            "latest_version": latest, "auto_install": name == "google_gmail",
        });
        insert(content, "ir.module.module", row);
    }
    // 15 has the incoming servers in a module of their own.
    let fetching = if version == Version::V15 { "fetchmail" } else { "mail" };
    cron(content, version, VACUUM, (1, "days"), ("base", "autovacuum_job"), true);
    let queue = ("mail", "ir_cron_mail_scheduler_action");
    cron(content, version, "Mail: Email Queue Manager", (1, "hours"), queue, true);
    let fetch = (fetching, "ir_cron_mail_gateway_action");
    // Off until a server is confirmed [RUN18].
    cron(content, version, "Mail: Fetchmail Service", (5, "minutes"), fetch, false);

    let mut params = vec![
        ("web.base.url", "http://localhost:8069"),
        ("database.uuid", "6f1e0c1e-2b5d-11f0-9a3c-0242ac120002"),
        ("database.secret", "0a1b2c3d-0000-4000-8000-00000000dead"),
    ];
    if version < Version::V17 {
        params.extend([("mail.bounce.alias", "bounce"), ("mail.catchall.alias", "catchall")]);
    }
    for (key, value) in params {
        insert(content, "ir.config_parameter", json!({"key": key, "value": value}));
    }

    let users = [
        (1, "__system__", "OdooBot", false),
        (2, "admin", "Administrator", true),
        (3, "default", "Default User Template", false),
        (4, "public", "Public user", false),
        (5, "portaltemplate", "Portal User Template", false),
    ];
    for (id, login, name, active) in users {
        let row = json!({"id": id, "login": login, "name": name, "active": active});
        insert(content, "res.users", row);
    }
}

fn insert(content: &mut Content, model: &str, row: Value) -> i64 {
    let Value::Object(row) = row else { return 0 };
    content.insert(model, row)
}

fn cron(
    content: &mut Content,
    version: Version,
    name: &str,
    (number, unit): (i64, &str),
    (module, xmlid): (&str, &str),
    active: bool,
) {
    let mut row = json!({
        "cron_name": name, "name": name, "active": active,
        "interval_number": number, "interval_type": unit, "nextcall": "2100-01-01 00:00:00",
    });
    if version >= Version::V18 {
        row["failure_count"] = json!(0);
    }
    let id = insert(content, "ir.cron", row);
    let data = json!({"module": module, "name": xmlid, "model": "ir.cron", "res_id": id});
    insert(content, "ir.model.data", data);
}

/// The modules of a database with `mail`: the first are there, the others could be.
fn modules(version: Version) -> Vec<(&'static str, &'static str)> {
    let mut installed = vec!["base", "web", "base_setup", "mail", "auth_totp", "google_gmail"];
    let mut others = vec!["mass_mailing"];
    match version {
        Version::V15 => {
            installed.extend(["fetchmail", "fetchmail_gmail", "google_account"]);
            others.extend(["microsoft_outlook", "fetchmail_outlook"]);
        }
        // Installs itself from 19 on [RUN19].
        Version::V19 => installed.extend(["microsoft_outlook", "rpc"]),
        _ => others.push("microsoft_outlook"),
    }
    let installed = installed.into_iter().map(|name| (name, "installed"));
    installed.chain(others.into_iter().map(|name| (name, "uninstalled"))).collect()
}

/// What is installed: `18.0.1.2`.
pub(crate) fn latest_version(version: Version, name: &str) -> String {
    let own = match name {
        "base" => "1.3",
        "google_gmail" if version == Version::V15 => "1.0",
        "google_gmail" => "1.2",
        "microsoft_outlook" => "1.1",
        _ => "1.0",
    };
    format!("{}.{own}", version.serie())
}

/// What Odoo puts where a row says nothing.
pub(crate) fn defaults(schema: &Schema, model: &str) -> Row {
    let row = match model {
        // `onchange_authentication` fills in Google's host when a person chooses Gmail; the API does not.
        "ir.mail_server" => json!({
            "active": true, "sequence": 10, "smtp_port": 25, "smtp_encryption": "none",
            "smtp_authentication": "login",
        }),
        "fetchmail.server" => json!({
            "active": true, "state": "draft", "server_type": "imap", "priority": 5, "attach": true,
        }),
        "mail.mail" => json!({"state": "outgoing"}),
        "ir.cron" => json!({
            "active": true, "interval_number": 1, "interval_type": "months",
        }),
        "mail.alias.domain" => json!({
            "sequence": 10, "bounce_alias": "bounce", "catchall_alias": "catchall",
            "default_from": "notifications",
        }),
        "res.users" => json!({"active": true}),
        _ => json!({}),
    };
    let Value::Object(mut row) = row else { return Row::new() };
    let model = schema.model(model);
    row.retain(|name, _| model.is_some_and(|model| schema.field(model, name).is_some()));
    row
}
