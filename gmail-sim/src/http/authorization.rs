//! The first answer of the authorization endpoint, and the page of its errors. Nobody has to be signed in for either.

use url::form_urlencoded::byte_serialize;

use super::{Answer, Request, auth_error, page, person};
use crate::{
    lines::{Line, Said},
    world::{Refused, Wish, World},
};

/// Where people are told that they cannot go on.
pub(super) const ERROR: &str = "/signin/oauth/error";
pub(super) const ERROR_V2: &str = "/signin/oauth/error/v2";

/// `GET /o/oauth2/v2/auth`: to the sign-in, to the consent page, or to the error page.
pub(super) fn first(world: &World, request: &Request) -> Answer {
    let wish = Wish::parse(&request.query);
    let user_agent = request.header("user-agent").unwrap_or_default();
    let client = match world.weigh(&wish, user_agent) {
        Ok(client) => client,
        Err(refused) => return refuse(world, request, &wish, &refused),
    };
    let signed_in = person::signed_in(world, request);
    if wish.prompts("none") {
        let agreed = signed_in.as_ref().filter(|address| {
            world.has_agreed(&wish, address) && world.weigh_for(&wish, &client, address).is_ok()
        });
        return match agreed {
            Some(address) => person::send_back(world, &wish, address),
            // `access_denied` was seen (microsoft/pxt-microbit#5293); whether it always is [U].
            None => page::go(wish.back(&[("error", "access_denied")])),
        };
    }
    let hinted = wish.field("login_hint");
    let same = |address: &String| hinted.is_empty() || hinted.eq_ignore_ascii_case(address);
    if signed_in.as_ref().is_some_and(same) && !wish.prompts("select_account") {
        return Answer::redirect(&format!("{}?{}", person::CONSENT, wish.query()));
    }
    // What is captured of it; the request goes along, so that nothing has to be remembered.
    let asked = without_client(&wish);
    Answer::redirect(&format!(
        "{}{}?opparams=%253F&dsh=S1&client_id={}{asked}&flowName=GeneralOAuthFlow",
        origin(world, request),
        person::IDENTIFIER,
        escaped(wish.field("client_id")),
    ))
}

fn without_client(wish: &Wish) -> String {
    let query = wish.query();
    let fields = query.split('&').filter(|field| !field.starts_with("client_id="));
    fields.map(|field| format!("&{field}")).collect()
}

/// To the error page.
pub(super) fn refuse(world: &World, request: &Request, wish: &Wish, refused: &Refused) -> Answer {
    let form = world.error_form();
    Answer::redirect(&format!(
        "{}{}?authError={}&flowName=GeneralOAuthFlow&client_id={}&aes=AVQXgOsimulated",
        origin(world, request),
        if form.v2 { ERROR_V2 } else { ERROR },
        escaped(&auth_error::write(refused, &form)),
        escaped(wish.field("client_id")),
    ))
}

/// Says a line of the catalogue, whatever is true.
pub(super) fn say(world: &World, request: &Request, line: &'static Line) -> Answer {
    if let Said::Redirect { location } = line.said {
        let here = if location.starts_with('/') { origin(world, request) } else { String::new() };
        return Answer::redirect(&format!("{here}{location}"));
    }
    let wish = Wish::parse(&request.query);
    let client = world.client(wish.field("client_id"));
    let address = person::signed_in(world, request).unwrap_or_default();
    refuse(world, request, &wish, &wish.refused(line, client.as_ref(), &address))
}

/// The page of an error, by what its address says. That the status of the answer is the one in it is [U].
pub(super) fn error_page(request: &Request) -> Answer {
    let error = request.in_query("authError").unwrap_or_default();
    let Some(shown) = auth_error::read(&error) else {
        return page::page(
            400,
            "Error",
            "<h1 id=\"error-title\">400. That\u{2019}s an error.</h1>\n",
        );
    };
    let paragraphs =
        shown.message.split("\n\n").map(|part| format!("<p>{}</p>\n", page::text(part)));
    let body = format!(
        "<h1 id=\"error-title\">Access blocked: Authorization Error</h1>\n<div id=\"error-message\">{}</div>\n<p id=\"error-code\">Error {}: {}</p>\n",
        paragraphs.collect::<String>(),
        shown.status,
        page::text(&shown.code),
    );
    page::page(u16::try_from(shown.status).unwrap_or(400), "Authorization Error", &body)
}

fn origin(world: &World, request: &Request) -> String {
    let asked = || format!("https://{}", request.header("host").unwrap_or("accounts.google.com"));
    world.error_form().origin.unwrap_or_else(asked)
}

fn escaped(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}
