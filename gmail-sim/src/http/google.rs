//! Google's HTTP services: which request is whose, and the headers that all answers carry.

use super::{Answer, Asking, Request, authorization, oauth, person};
use crate::{
    fault::Service,
    world::{World, subject},
};

/// Who is asked what, about which mailbox.
pub(crate) fn look(world: &World, request: &Request) -> Asking {
    let service = service(&request.path);
    let secret = |name: &str| request.field(name).unwrap_or_default();
    let mut noted = format!("{} {}", request.method, request.path);
    let mut address = None;
    let (token, credentials) = match service {
        Service::Token => {
            let grant_type = request.field("grant_type").unwrap_or_default();
            noted.push_str(&format!(" grant_type={grant_type}"));
            let token = secret("refresh_token");
            let assertion = secret("assertion");
            let code = secret("code");
            let credentials = format!("{} {token}{assertion}{code}", secret("client_secret"));
            address = subject(&assertion).or_else(|| world.owner_of_code(&code));
            (token, credentials)
        }
        Service::Tokeninfo => (oauth::access_token(request), oauth::access_token(request)),
        Service::Revoke => (secret("token"), secret("token")),
        Service::Authorization => {
            address = person::signed_in(world, request);
            (String::new(), String::new())
        }
        _ => {
            let token = oauth::bearer(request).unwrap_or_default().to_owned();
            (token.clone(), token)
        }
    };
    Asking { address: address.or_else(|| world.owner(&token)), noted, credentials, service }
}

/// The answer to a request.
pub(crate) fn answer(world: &World, request: &Request) -> Answer {
    let answer = match (service(&request.path), &*request.method) {
        (Service::Token, "POST") => oauth::token(world, request),
        (Service::Tokeninfo, "GET" | "POST") => oauth::tokeninfo(world, request),
        (Service::Revoke, "POST") => oauth::revoke(world, request),
        (Service::Authorization, method) => match (&*request.path, method) {
            (person::IDENTIFIER, "GET" | "HEAD") => person::accounts(world, request),
            (person::IDENTIFIER, "POST") => person::choose(world, request),
            (person::WARNING, "GET") => person::warning(world, request),
            (person::CONSENT, "GET") => person::consent(world, request),
            (person::CONSENT, "POST") => person::decide(world, request),
            (authorization::ERROR | authorization::ERROR_V2, "GET" | "HEAD") => {
                authorization::error_page(request)
            }
            (path, "GET" | "HEAD") if path.starts_with("/o/") => {
                authorization::first(world, request)
            }
            (path, _) => not_found(path),
        },
        (Service::Api, "GET") if request.path == PROFILE => oauth::profile(world, request),
        (Service::Api, "GET") if request.path == IMAP => oauth::imap_settings(world, request),
        _ => not_found(&request.path),
    };
    let none = "no-cache, no-store, max-age=0, must-revalidate";
    answer
        .with("Cache-Control", none)
        .with("Pragma", "no-cache")
        .with("Expires", "Mon, 01 Jan 1990 00:00:00 GMT")
        .with("Vary", "Origin, X-Origin, Referer")
        .with("Server", "scaffolding on HTTPServer2")
        .with("X-XSS-Protection", "0")
        .with("X-Frame-Options", "SAMEORIGIN")
        .with("X-Content-Type-Options", "nosniff")
}

const PROFILE: &str = "/gmail/v1/users/me/profile";
const IMAP: &str = "/gmail/v1/users/me/settings/imap";

fn service(path: &str) -> Service {
    match path {
        "/tokeninfo" | "/oauth2/v3/tokeninfo" => Service::Tokeninfo,
        "/revoke" => Service::Revoke,
        "/o/oauth2/v2/auth" | "/o/oauth2/auth" => Service::Authorization,
        path if path.starts_with("/v3/signin/") || path.starts_with("/signin/") => {
            Service::Authorization
        }
        path if path.starts_with("/gmail/") => Service::Api,
        _ => Service::Token,
    }
}

fn not_found(path: &str) -> Answer {
    let page = format!(
        "<!DOCTYPE html>\n<html lang=en>\n  <title>Error 404 (Not Found)!!1</title>\n  <p>The requested URL <code>{path}</code> was not found on this server.\n"
    );
    Answer::html(404, &page)
}
