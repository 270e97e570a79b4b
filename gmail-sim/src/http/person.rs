//! What a person sees who links a mailbox: the accounts, the warning, the consent page. A password is never asked for.
//!
//! The order of the pages is Google's; what they look like is not, but for the words that say why somebody cannot go on.

use super::{
    Answer, Request,
    authorization::refuse,
    page::{self, page, text},
};
use crate::world::{Answered, Client, MAIL_SCOPE, Wish, World, is_about_signing_in};

/// Where somebody chooses an account.
pub(super) const IDENTIFIER: &str = "/v3/signin/identifier";
/// Where somebody is warned of an app that Google did not verify.
pub(super) const WARNING: &str = "/signin/oauth/warning";
/// Where somebody agrees.
pub(super) const CONSENT: &str = "/signin/oauth/consent";

/// Who is signed in in the browser that asks.
pub(super) fn signed_in(world: &World, request: &Request) -> Option<String> {
    let mut cookies = request.header("cookie")?.split(';').map(str::trim);
    let cookie = cookies.find_map(|cookie| cookie.strip_prefix("SID="))?;
    world.in_browser(cookie).filter(|address| world.account(address).is_some())
}

/// `GET /v3/signin/identifier`: the accounts, the hinted one chosen already.
pub(super) fn accounts(world: &World, request: &Request) -> Answer {
    let wish = Wish::parse(&request.query);
    let client = match world.weigh(&wish, "") {
        Ok(client) => client,
        Err(refused) => return refuse(world, request, &wish, &refused),
    };
    let hinted = wish.field("login_hint");
    let option = |address: String| {
        let chosen = if address.eq_ignore_ascii_case(hinted) { " selected" } else { "" };
        let address = text(&address);
        format!("<option value=\"{address}\"{chosen}>{address}</option>\n")
    };
    let options: String = world.addresses().into_iter().map(option).collect();
    let body = format!(
        "<h1>Choose an account</h1>\n<p id=\"app\">to continue to {}</p>\n<form id=\"accounts\" method=\"post\" action=\"{}\">\n<select id=\"account\" name=\"account\">\n{options}</select>\n<button id=\"next\" type=\"submit\">Next</button>\n</form>\n",
        text(client.shown_name(wish.field("client_id"))),
        path(IDENTIFIER, &wish),
    );
    page(200, "Sign in - Google Accounts", &body)
}

/// `POST /v3/signin/identifier`: signs the chosen account in.
pub(super) fn choose(world: &World, request: &Request) -> Answer {
    let wish = Wish::parse(&request.query);
    let address = request.values("account").pop().unwrap_or_default().to_lowercase();
    if world.account(&address).is_none() {
        let body = "<p id=\"error-message\">Couldn\u{2019}t find your Google Account</p>\n";
        return page(200, "Sign in - Google Accounts", body);
    }
    let cookie = format!("SID={}; Path=/; Secure; HttpOnly", world.open_browser(&address));
    Answer::redirect(&format!("{CONSENT}?{}", wish.query())).with("Set-Cookie", &cookie)
}

/// `GET /signin/oauth/warning`: the app is not verified.
pub(super) fn warning(world: &World, request: &Request) -> Answer {
    let wish = Wish::parse(&request.query);
    let (client, _) = match admitted(world, request, &wish) {
        Ok(admitted) => admitted,
        Err(answer) => return *answer,
    };
    let name = text(client.shown_name(wish.field("client_id")));
    let onward = path(CONSENT, &wish) + "&amp;unverified=accepted";
    let back = wish.back(&[("error", "access_denied")]).unwrap_or_default();
    let back = text(&back);
    // The words of both are from memory and from porjo/youtubeuploader#97; the one of Testing is [U].
    let body = if client.testing {
        format!(
            "<h1 id=\"warning\">Google hasn\u{2019}t verified this app</h1>\n<p>You\u{2019}ve been given access to an app that\u{2019}s currently being tested. You should only continue if you know the developer that invited you.</p>\n<a id=\"proceed\" href=\"{onward}\">Continue</a>\n<a id=\"back\" href=\"{back}\">Back to safety</a>\n"
        )
    } else {
        format!(
            "<h1 id=\"warning\">Google hasn\u{2019}t verified this app</h1>\n<p>The app is requesting access to sensitive info in your Google Account. Until the developer verifies this app with Google, you shouldn't use it.</p>\n<details id=\"advanced\"><summary id=\"advanced-summary\">Advanced</summary>\n<p>Continue only if you understand the risks and trust the developer.</p>\n<a id=\"proceed\" href=\"{onward}\">Go to {name} (unsafe)</a>\n</details>\n<a id=\"back\" href=\"{back}\">Back to safety</a>\n"
        )
    };
    page(200, "Google hasn\u{2019}t verified this app", &body)
}

/// `GET /signin/oauth/consent`: what the app wants; straight back where all of it was granted before.
pub(super) fn consent(world: &World, request: &Request) -> Answer {
    let wish = Wish::parse(&request.query);
    let (client, address) = match admitted(world, request, &wish) {
        Ok(admitted) => admitted,
        Err(answer) => return *answer,
    };
    if world.has_agreed(&wish, &address) && !wish.prompts("consent") {
        return send_back(world, &wish, &address);
    }
    let sensitive = wish.scopes().iter().any(|scope| !is_about_signing_in(scope));
    let accepted = request.in_query("unverified").is_some();
    let warned = client.verified || client.internal_to.is_some() || accepted;
    if sensitive && !warned {
        return Answer::redirect(&format!("{WARNING}?{}", wish.query()));
    }
    let body = format!(
        "<h1 id=\"app\">{} wants access to your Google Account</h1>\n<p id=\"who\">{}</p>\n<form id=\"consent\" method=\"post\" action=\"{}\">\n{}<p><input type=\"checkbox\" id=\"ongoing-access\" name=\"access\" value=\"ongoing\" checked> <label for=\"ongoing-access\">Ongoing access</label></p>\n<button id=\"continue\" type=\"submit\" name=\"decision\" value=\"continue\">Continue</button>\n<button id=\"cancel\" type=\"submit\" name=\"decision\" value=\"cancel\">Cancel</button>\n</form>\n<a id=\"another-account\" href=\"{}\">Use another account</a>\n",
        text(client.shown_name(wish.field("client_id"))),
        text(&address),
        path(CONSENT, &wish),
        boxes(&wish, &client),
        path(IDENTIFIER, &wish),
    );
    page(200, "Sign in - Google Accounts", &body)
}

/// A line a scope; a box to untick where Google has one.
fn boxes(wish: &Wish, client: &Client) -> String {
    let own = wish.scopes().into_iter().filter(|scope| !is_about_signing_in(scope));
    let asked = own.count() > 1 || client.asks_each_scope;
    let line = |scope: &str| {
        let (id, value) = (scope_id(scope), text(scope));
        let label = text(meaning(scope));
        match asked && !is_about_signing_in(scope) {
            true => format!(
                "<p><input type=\"checkbox\" id=\"{id}\" name=\"scope\" value=\"{value}\" checked> <label for=\"{id}\">{label}</label></p>\n"
            ),
            false => format!(
                "<p id=\"{id}\">{label}<input type=\"hidden\" name=\"scope\" value=\"{value}\"></p>\n"
            ),
        }
    };
    wish.scopes().into_iter().map(line).collect()
}

/// `scope-mail`, `scope-gmail-send`
fn scope_id(scope: &str) -> String {
    if scope == MAIL_SCOPE {
        return "scope-mail".to_owned();
    }
    let last = scope.rsplit('/').next().unwrap_or_default();
    format!("scope-{}", last.replace(['.', '_'], "-"))
}

/// <https://developers.google.com/identity/protocols/oauth2/scopes#gmail>
fn meaning(scope: &str) -> &str {
    match scope {
        MAIL_SCOPE => "Read, compose, send, and permanently delete all your email from Gmail",
        "https://www.googleapis.com/auth/gmail.send" => "Send email on your behalf",
        "https://www.googleapis.com/auth/gmail.readonly" => "View your email messages and settings",
        scope => scope,
    }
}

/// `POST /signin/oauth/consent`: Continue or Cancel.
pub(super) fn decide(world: &World, request: &Request) -> Answer {
    let wish = Wish::parse(&request.query);
    let address = match admitted(world, request, &wish) {
        Ok((_, address)) => address,
        Err(answer) => return *answer,
    };
    if request.values("decision").iter().all(|decision| decision != "continue") {
        return page::go(wish.back(&[("error", "access_denied")]));
    }
    let ticked = request.values("scope");
    let asked = wish.scopes().into_iter().map(ToOwned::to_owned);
    let answered = Answered {
        unticked: asked.filter(|scope| !ticked.contains(scope)).collect(),
        for_a_time: request.values("access").is_empty(),
    };
    page::go(world.agree_to(&wish, &address, &answered))
}

/// Back with a code, without asking.
pub(super) fn send_back(world: &World, wish: &Wish, address: &str) -> Answer {
    page::go(world.agree_to(wish, address, &Answered::default()))
}

/// The client and the person, where both may go on; otherwise where they go instead.
fn admitted(
    world: &World,
    request: &Request,
    wish: &Wish,
) -> Result<(Client, String), Box<Answer>> {
    let refused = |refused| Box::new(refuse(world, request, wish, &refused));
    let client = world.weigh(wish, "").map_err(refused)?;
    let Some(address) = signed_in(world, request) else {
        return Err(Box::new(Answer::redirect(&format!("{IDENTIFIER}?{}", wish.query()))));
    };
    world.weigh_for(wish, &client, &address).map_err(refused)?;
    Ok((client, address))
}

/// For an attribute in double quotes.
fn path(path: &str, wish: &Wish) -> String {
    text(&format!("{path}?{}", wish.query()))
}
