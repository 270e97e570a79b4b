//! A way to ask an Odoo: JSON-2 where it has that, else JSON-RPC as a user who has signed in.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    Endpoint,
    ask::Ask,
    trouble::{self, Trouble},
};
use crate::{source::odoo::version::Series, wire::Wire};

/// What holds until something goes wrong: then all of it is asked again.
#[derive(Debug)]
pub(super) struct Session {
    /// As the server says it. The database's own may differ for the time of an upgrade.
    pub(super) series: Series,
    protocol: Protocol,
}

#[derive(Debug)]
enum Protocol {
    Json2,
    JsonRpc { database: String, user: i64 },
}

/// Where, and through what, is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) wire: &'a Wire,
}

impl Session {
    /// Asks which version it is, and signs in where the version wants that.
    pub(super) async fn open(line: Line<'_>, series: &mut Option<Series>) -> Result<Self, Trouble> {
        let known = line.series().await?;
        *series = Some(known);
        let protocol = match known.traits().json2 {
            true => Protocol::Json2,
            false => line.sign_in().await?,
        };
        Ok(Self { series: known, protocol })
    }

    pub(super) async fn ask(
        &self,
        line: Line<'_>,
        model: &str,
        ask: Ask,
    ) -> Result<Value, Trouble> {
        match &self.protocol {
            Protocol::Json2 => {
                let (method, named) = ask.by_name();
                line.json2(model, method, &Value::Object(named)).await
            }
            Protocol::JsonRpc { database, user } => {
                let (method, args, named) = ask.by_position(self.series);
                let key = line.endpoint.key.expose();
                let args = json!([database, user, key, model, method, args, named]);
                line.json_rpc("object", "execute_kw", &args).await
            }
        }
    }

    pub(super) async fn rows(
        &self,
        line: Line<'_>,
        model: &str,
        ask: Ask,
    ) -> Result<Vec<Value>, Trouble> {
        match self.ask(line, model, ask).await? {
            Value::Array(rows) => Ok(rows),
            _ => Err(Trouble::odd(model)),
        }
    }

    /// The names of the fields that the user may read.
    pub(super) async fn fields(
        &self,
        line: Line<'_>,
        model: &str,
    ) -> Result<BTreeSet<String>, Trouble> {
        match self.ask(line, model, Ask::FieldsGet).await? {
            Value::Object(fields) => Ok(fields.into_iter().map(|(name, _)| name).collect()),
            _ => Err(Trouble::odd(model)),
        }
    }

    pub(super) async fn is_administrator(&self, line: Line<'_>) -> Result<bool, Trouble> {
        const USERS: &str = "res.users";
        let user = match self.protocol {
            Protocol::JsonRpc { user, .. } => user,
            Protocol::Json2 => {
                let context = self.ask(line, USERS, Ask::ContextGet).await?;
                context.get("uid").and_then(Value::as_i64).ok_or_else(|| Trouble::odd(USERS))?
            }
        };
        let ask = Ask::HasGroup { user, group: "base.group_system" };
        Ok(self.ask(line, USERS, ask).await? == json!(true))
    }
}

impl Line<'_> {
    /// `/web/version` came with JSON-2; whatever an older Odoo says there, it is no version.
    async fn series(self) -> Result<Series, Trouble> {
        let answer = self.exchange(self.request("GET", "web/version"), Vec::new()).await?;
        let told = answer.json().filter(|_| answer.status.is_success());
        let version = told.as_ref().and_then(|told| told.get("version")).and_then(Value::as_str);
        if let Some(version) = version {
            return Series::parse(version).map_err(Trouble::Unanswered);
        }
        if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS {
            return Err(answer.page(self));
        }
        let told = self.json_rpc("common", "version", &json!([])).await?;
        let version = told.get("server_version").and_then(Value::as_str);
        let version = version.ok_or_else(|| answer.page(self))?;
        Series::parse(version).map_err(Trouble::Unanswered)
    }

    async fn sign_in(self) -> Result<Protocol, Trouble> {
        let Endpoint { database, login, key, .. } = self.endpoint;
        let database = database.clone().ok_or(Trouble::NoDatabase)?;
        let login = login.as_ref().ok_or(Trouble::LoginMissing)?;
        let args = json!([database, login, key.expose(), {}]);
        let user = self.json_rpc("common", "authenticate", &args).await?;
        let user = user.as_i64().ok_or(Trouble::KeyRefused)?;
        Ok(Protocol::JsonRpc { database, user })
    }

    async fn json2(self, model: &str, method: &str, body: &Value) -> Result<Value, Trouble> {
        let Endpoint { database, key, .. } = self.endpoint;
        let mut bearer = header_value(&format!("bearer {}", key.expose()), "the API key")?;
        bearer.set_sensitive(true);
        let request = self.request("POST", &format!("json/2/{model}/{method}"));
        let mut request = request.header(header::AUTHORIZATION, bearer);
        if let Some(database) = database {
            request = request.header("X-Odoo-Database", header_value(database, "`database`")?);
        }
        let answer = self.exchange(request, body.to_string().into_bytes()).await?;
        match answer.json() {
            Some(told) if answer.status.is_success() => Ok(told),
            Some(told) => Err(trouble::exception(answer.status.as_u16(), &told)
                .unwrap_or_else(|| answer.page(self))),
            // With no database, Odoo has no such path.
            None if answer.status == StatusCode::NOT_FOUND => Err(Trouble::NoDatabase),
            None => Err(answer.page(self)),
        }
    }

    async fn json_rpc(self, service: &str, method: &str, args: &Value) -> Result<Value, Trouble> {
        let params = json!({"service": service, "method": method, "args": args});
        let body = json!({"jsonrpc": "2.0", "method": "call", "id": 1, "params": params});
        let request = self.request("POST", "jsonrpc");
        let answer = self.exchange(request, body.to_string().into_bytes()).await?;
        let Some(mut told) = answer.json().filter(Value::is_object) else {
            return Err(answer.page(self));
        };
        if let Some(error) = told.get("error") {
            let data = error.get("data").unwrap_or(error);
            return Err(trouble::exception(0, data).unwrap_or_else(|| answer.page(self)));
        }
        match told.get_mut("result") {
            Some(result) => Ok(result.take()),
            None => Err(answer.page(self)),
        }
    }

    fn request(self, method: &str, path: &str) -> http::request::Builder {
        let mut url = self.endpoint.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        http::Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(header::ACCEPT, JSON)
            .header(header::CONTENT_TYPE, JSON)
            .header(header::USER_AGENT, concat!("mailbox_exporter/", env!("CARGO_PKG_VERSION")))
    }

    async fn exchange(
        self,
        request: http::request::Builder,
        body: Vec<u8>,
    ) -> Result<Answer, Trouble> {
        let unfit = |error: http::Error| Trouble::Unanswered(format!("`url` is at fault: {error}"));
        let request = request.body(body).map_err(unfit)?;
        let answer = self.wire.https.exchange_up_to(LONGEST, request);
        let answer = timeout(PATIENCE, answer).await.map_err(|_| late(PATIENCE))?;
        let (head, body) = answer.map_err(|failure| Trouble::failure(&failure))?.into_parts();
        let location = head.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        Ok(Answer { status: head.status, location: location.map(ToOwned::to_owned), body })
    }
}

const JSON: &str = "application/json";

/// In bytes. Five thousand mail servers take some two million.
const LONGEST: usize = 16 << 20;

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn late(after: Duration) -> Trouble {
    let seconds = after.as_secs();
    Trouble::Unanswered(format!(
        "it did not answer within {seconds} s: all its workers are busy, or it hangs"
    ))
}

fn header_value(text: &str, what: &str) -> Result<HeaderValue, Trouble> {
    // The error would name the value.
    HeaderValue::try_from(text).map_err(|_| {
        Trouble::Unanswered(format!("{what} has characters that fit into no HTTP header"))
    })
}

/// Whatever came back, read in full.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    location: Option<String>,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    fn page(&self, line: Line<'_>) -> Trouble {
        Trouble::page(&line.endpoint.url, self.status.as_u16(), self.location.as_deref())
    }
}
