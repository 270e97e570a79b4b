//! The control port: what [`World`] does, by HTTP and JSON. An error says what would be right.

mod accounts;

use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, json};

use crate::{
    dialogue::Dialogue,
    fault::{Fault, Mistake, Service, Whose},
    http::{self, Answer, Asking, Request},
    lines,
    pipe::Pipe,
    world::{Portal, World, asked::unix},
};

const HELP: &str = "\
gmail-sim

GET    /accounts                     what is set about every mailbox
GET    /accounts/ADDRESS             what is set about one, with its live refresh tokens
PUT    /accounts/ADDRESS             sets what is given: {\"client_id\": \"...\", \"imap\": \"off_for_domain\"}
POST   /accounts/ADDRESS/revoke      ends its grants; one of them: {\"refresh_token\": \"...\"}
POST   /accounts/ADDRESS/password    its password is changed, which ends grants of mail
POST   /accounts/ADDRESS/expire      refuses the access tokens handed out so far
POST   /accounts/ADDRESS/link        another refresh token: {\"client_id\": \"...\"}
POST   /accounts/ADDRESS/deliveries  what becomes of the next message to it:
                                     {\"arrival\": {\"bounced\": \"over_quota\"}, \"delay\": 60}
POST   /accounts/ADDRESS/sent        messages stand in \\Sent as if sent before; all may be left out:
                                     {\"messages\": 500, \"every_seconds\": 60, \"until\": 1767225600,
                                     \"to\": [\"a{n}@example.org\"], \"cc\": [], \"bcc\": [], \"by\": \"smtp\",
                                     \"header\": [\"X-A: b\"]}
POST   /accounts/ADDRESS/delete      its owner deletes messages in a browser: {\"folder\": \"sent\"} with
                                     {\"uids\": [1, 2]} or {\"before\": 1767225600}, or all of it
POST   /accounts/ADDRESS/renumber    another UIDVALIDITY: {\"folder\": \"sent\"}
GET    /accounts/ADDRESS/sessions    how many IMAP sessions it has, had at most, and was refused
DELETE /accounts/ADDRESS/sessions    counts them anew
POST   /accounts/ADDRESS/sessions    makes the open ones misbehave at once: {\"what\": \"reset\"},
                                     {\"what\": {\"say_raw\": \"* OK [ALERT] text\\r\\n\"}}
GET    /accounts/ADDRESS/touched     which of its messages clients changed, and by which command
GET    /clients/ID                   what is set about an OAuth client
PUT    /clients/ID                   sets what is given: {\"secret\": \"...\", \"state\": \"deleted\"},
                                     {\"kind\": \"desktop\", \"name\": \"My app\", \"verified\": false},
                                     {\"testing\": true, \"testers\": [\"a@example.com\"]},
                                     {\"internal_to\": \"example.com\", \"redirect_uris\": [\"https://...\"]}
POST   /consent                      a person goes through the pages: {\"url\": \"https://.../auth?...\",
                                     \"address\": \"a@example.com\", \"untick\": [\"SCOPE\"], \"cancel\": false};
                                     tells where the browser is sent back to
GET    /error_form                   how authError is written
PUT    /error_form                   sets what is given: {\"padded\": true, \"standard_alphabet\": true,
                                     \"reversed\": true, \"details\": true, \"v2\": true, \"origin\": \"https://...\"}
PUT    /service_accounts/EMAIL       sets what is given: {\"scopes\": []}, {\"key_ids\": [\"...\"]}
POST   /service_accounts/EMAIL/key   another key, as the file that Google would give
GET    /faults                       what goes wrong
POST   /faults                       makes something go wrong: {\"service\": \"imap\", \"at\": \"auth\",
                                     \"what\": {\"say\": \"imap.too_many_connections\"}, \"times\": 1}
POST   /portal                       a captive portal before all of HTTP, until DELETE /faults:
                                     {\"redirect\": \"http://portal.example/\", \"untrusted\": true}
DELETE /faults                       makes all go right; ?address=... or ?service=... for one
GET    /asked                        what was asked, in order; ?address=... for one mailbox
DELETE /asked                        forgets it
POST   /clock                        {\"advance_seconds\": 3600}, {\"date_skew_seconds\": -600}: how much
                                     later the Date of HTTP answers is than the clock
GET    /lines                        everything that Google says, with source and meaning
";

/// Serves one connection to its end.
pub(crate) async fn serve(pipe: Pipe, world: World) {
    let dialogue = Dialogue::unnoted(world, pipe);
    // An error here is a client that went away in the middle.
    let _ = http::serve(dialogue, look, |world, request| match answer(world, request) {
        Ok(answer) => answer,
        Err(Refusal(status, mistake)) => {
            Answer::json(status, &json!({ "error": mistake.to_string() }))
        }
    })
    .await;
}

fn look(_: &World, _: &Request) -> Asking {
    Asking {
        address: None,
        noted: String::new(),
        credentials: String::new(),
        service: Service::Control,
    }
}

/// A status and what would be right.
#[derive(Debug)]
struct Refusal(u16, Mistake);

impl From<Mistake> for Refusal {
    fn from(mistake: Mistake) -> Self {
        Self(400, mistake)
    }
}

fn answer(world: &World, request: &Request) -> Result<Answer, Refusal> {
    let path = request.path.trim_matches('/');
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    match (&*request.method, first, rest) {
        ("GET", "", "") => Ok(Answer::text(200, HELP)),
        (_, "accounts", rest) => accounts::answer(world, request, rest),
        ("GET", "clients", id) if !id.is_empty() => match world.client(id) {
            Some(client) => told(&client),
            None => Err(Refusal(404, Mistake::new(format!("{id} is no client; PUT makes it one")))),
        },
        ("PUT", "clients", id) if !id.is_empty() => {
            world.merge_client(id, &body(request)?)?;
            told(&world.client(id))
        }
        (method, "service_accounts", rest) => service_account(world, request, method, rest),
        ("GET", "faults", "") => told(&world.faults()),
        ("POST", "faults", "") => {
            let fault: Fault = body(request)?;
            world.fault(fault.clone())?;
            told(&fault)
        }
        ("POST", "consent", "") => consent(world, &body(request)?),
        ("GET", "error_form", "") => told(&world.error_form()),
        ("PUT", "error_form", "") => {
            world.merge_error_form(&body(request)?)?;
            told(&world.error_form())
        }
        ("POST", "portal", "") => {
            let portal: Portal = body(request)?;
            world.captive_portal(&portal);
            told(&portal)
        }
        ("DELETE", "faults", "") => {
            world.clear_faults(whose(request)?);
            told(&world.faults())
        }
        ("GET", "asked", "") => match query(request, "address") {
            Some(address) => told(&world.asked_about(&address)),
            None => told(&world.asked()),
        },
        ("DELETE", "asked", "") => {
            world.forget_asked();
            told(&json!([]))
        }
        ("POST", "clock", "") => {
            let Clock { advance_seconds, date_skew_seconds } = body(request)?;
            if let Some(skew) = date_skew_seconds {
                world.skew_date(skew);
            }
            let seconds = advance_seconds.or(date_skew_seconds.map(|_| 0.0));
            let by = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            let right = "the body has to be {\"advance_seconds\": n}, n not negative";
            world.advance(by.ok_or_else(|| Mistake::new(right))?);
            told(&json!({ "now": unix(world.now()) }))
        }
        ("GET", "lines", "") => told(&lines::all().collect::<Vec<_>>()),
        (
            _,
            "" | "clients" | "consent" | "error_form" | "faults" | "asked" | "clock" | "lines"
            | "portal",
            _,
        ) => Err(Refusal(405, Mistake::new("that is not done here; GET / lists what is"))),
        _ => Err(Refusal(404, Mistake::new("there is no such path; GET / lists them"))),
    }
}

/// What happens to the clock; at least one of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    advance_seconds: Option<f64>,
    date_skew_seconds: Option<i64>,
}

/// Who goes through the pages, and what they do there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Consent {
    url: String,
    address: String,
    #[serde(default)]
    untick: Vec<String>,
    #[serde(default)]
    cancel: bool,
}

fn consent(world: &World, consent: &Consent) -> Result<Answer, Refusal> {
    let Consent { url, address, untick, cancel } = consent;
    let untick: Vec<&str> = untick.iter().map(|scope| &**scope).collect();
    let back = match cancel {
        true => world.decline(url, address)?,
        false => world.agree(url, address, &untick)?,
    };
    told(&json!({ "location": back }))
}

fn service_account(
    world: &World,
    request: &Request,
    method: &str,
    rest: &str,
) -> Result<Answer, Refusal> {
    let (email, what) = rest.split_once('/').unwrap_or((rest, ""));
    match (method, what) {
        ("PUT", "") => {
            world.merge_service_account(email, &body(request)?)?;
            told(&world.service_account(email))
        }
        ("POST", "key") => {
            world.merge_service_account(email, &Map::new())?;
            Ok(Answer::text(200, &world.add_service_account(email)))
        }
        _ => Err(Refusal(405, Mistake::new("that is not done here; GET / lists what is"))),
    }
}

fn whose(request: &Request) -> Result<Whose, Mistake> {
    if let Some(address) = query(request, "address") {
        return Ok(Whose::from(&*address));
    }
    let Some(service) = query(request, "service") else { return Ok(Whose::All) };
    let service: Service = serde_json::from_value(service.into())
        .map_err(|error| Mistake::new(format!("service: {error}")))?;
    Ok(Whose::Service(service))
}

fn query(request: &Request, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(request.query.as_bytes());
    pairs.find(|pair| pair.0 == name).map(|pair| pair.1.into_owned())
}

/// The body, whatever content type it is sent with.
fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Mistake> {
    let bytes = if request.body.is_empty() { b"{}" } else { &*request.body };
    serde_json::from_slice(bytes).map_err(|error| Mistake::new(format!("the body: {error}")))
}

fn told(what: &impl Serialize) -> Result<Answer, Refusal> {
    let body = serde_json::to_value(what).map_err(|error| Mistake::new(error.to_string()))?;
    Ok(Answer::json(200, &body))
}
