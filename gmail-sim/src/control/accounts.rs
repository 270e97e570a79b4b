//! `/accounts`: mailboxes, their settings and their grants.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Refusal, body, told};
use crate::{
    fault::{Mistake, What},
    http::{Answer, Request},
    world::{Delivery, Folder, Message, World, asked::unix},
};

/// Which messages the owner deletes; all of the folder where neither is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deleted {
    folder: Folder,
    uids: Option<HashSet<u32>>,
    before: Option<f64>,
}

/// Which folder gets another UIDVALIDITY.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Renumbered {
    folder: Folder,
}

/// What the open sessions do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Disturbed {
    what: What,
}

/// Answers a request below `/accounts/`.
pub(super) fn answer(world: &World, request: &Request, rest: &str) -> Result<Answer, Refusal> {
    let (address, what) = rest.split_once('/').unwrap_or((rest, ""));
    let address =
        url::form_urlencoded::parse(format!("a={}", address.replace('+', "%2B")).as_bytes())
            .next()
            .map_or(String::new(), |pair| pair.1.into_owned());
    match (&*request.method, &*address, what) {
        ("GET", "", "") => {
            let addresses = world.addresses().into_iter();
            let all = addresses.filter_map(|a| described(world, &a).map(|account| (a, account)));
            told(&all.collect::<Map<String, Value>>())
        }
        ("GET", address, "") => told(&known(world, address)?),
        ("PUT", address, "") => {
            let settings: Map<String, Value> = body(request)?;
            world.merge_account(address, settings)?;
            told(&known(world, address)?)
        }
        ("POST", address, "deliveries") => {
            let delivery: Delivery = body(request)?;
            world.next_delivery(address, delivery.clone());
            told(&delivery)
        }
        ("POST", address, "sent") => {
            known(world, address)?;
            let uids = world.put_sent(address, &body(request)?);
            told(&json!({ "first_uid": uids.start, "next_uid": uids.end }))
        }
        ("POST", address, "delete") => {
            known(world, address)?;
            let Deleted { folder, uids, before } = body(request)?;
            let which = |message: &Message| {
                let named = uids.as_ref().is_none_or(|uids| uids.contains(&message.uid));
                named && before.is_none_or(|before| unix(message.received) < before)
            };
            told(&json!({ "deleted": world.delete(address, folder, which) }))
        }
        ("POST", address, "renumber") => {
            known(world, address)?;
            let Renumbered { folder } = body(request)?;
            told(&json!({ "uid_validity": world.renumber(address, folder) }))
        }
        ("GET" | "DELETE" | "POST", address, "sessions") => {
            known(world, address)?;
            match &*request.method {
                "DELETE" => world.forget_sessions(address),
                "POST" => {
                    let Disturbed { what } = body(request)?;
                    world.disturb_sessions(address, what)?;
                }
                _ => {}
            }
            told(&world.session_count(address))
        }
        ("GET", address, "touched") => {
            known(world, address)?;
            told(&world.touched(address))
        }
        ("POST", address, "revoke") => {
            known(world, address)?;
            let body: Map<String, Value> = body(request)?;
            match body.get("refresh_token").and_then(Value::as_str) {
                Some(token) => world.revoke(token),
                None => world.revoke_all(address),
            }
            told(&known(world, address)?)
        }
        ("POST", address, "password") => {
            known(world, address)?;
            world.change_password(address);
            told(&known(world, address)?)
        }
        ("POST", address, "expire") => {
            known(world, address)?;
            world.expire_access_tokens(address);
            told(&known(world, address)?)
        }
        ("POST", address, "link") => {
            known(world, address)?;
            let body: Map<String, Value> = body(request)?;
            let client_id = body.get("client_id").and_then(Value::as_str);
            let right = "the body has to be {\"client_id\": \"...\"}";
            let client_id = client_id.ok_or_else(|| Mistake::new(right))?;
            told(&json!({ "refresh_token": world.link(address, client_id) }))
        }
        _ => Err(Refusal(405, Mistake::new("that is not done here; GET / lists what is"))),
    }
}

fn known(world: &World, address: &str) -> Result<Value, Refusal> {
    let nobody =
        || Refusal(404, Mistake::new(format!("{address} is no mailbox; PUT makes it one")));
    described(world, address).ok_or_else(nobody)
}

fn described(world: &World, address: &str) -> Option<Value> {
    let mut account = serde_json::to_value(world.account(address)?).ok()?;
    account["imap_sessions_open"] = world.sessions(address).into();
    account["refresh_tokens"] = world.refresh_tokens(address).into();
    Some(account)
}
