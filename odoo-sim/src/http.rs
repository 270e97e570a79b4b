//! HTTP: the paths, the faults, the pages.

mod json2;
mod jsonrpc;

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Frame, Incoming, SizeHint},
    header::{self, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    fault::What,
    version::Version,
    world::{Asked, World},
};

/// Nobody who reads asks for more.
const LARGEST_REQUEST: usize = 16 << 20;

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";

/// Serves one connection until it ends.
pub(crate) async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, world: World) {
    let service = service_fn(move |request| {
        let world = world.clone();
        async move { answer(&world, request).await }
    });
    // An error is a client that went away, or a fault that cut the connection.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(world: &World, request: Request<Incoming>) -> io::Result<Response<Said>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_REQUEST).collect().await.map_err(io::Error::other)?;
    let body = body.to_bytes();
    let path = head.uri.path().to_owned();
    let post = head.method == Method::POST;
    let is_19 = world.version >= Version::V19;
    let is_json = head.headers.get(header::CONTENT_TYPE).is_some_and(is_json);

    let asked = match &*path {
        "/jsonrpc" if post && is_json => Turn::Rpc(jsonrpc::Request::parse(&body)),
        _ if path.starts_with("/json/2/") && is_19 && post => {
            Turn::Json2(json2::Request::parse(&path, &head.headers, body))
        }
        _ => Turn::Page,
    };
    let noted = match &asked {
        Turn::Json2(request) => request.noted(),
        Turn::Page => Asked { path: path.clone(), ..Asked::default() },
        Turn::Rpc(request) => request.noted(),
    };
    if let Some(what) = world.due(&noted.model) {
        // What meets a fault was asked too.
        world.note(noted);
        return misbehave(what, &path).await;
    }
    match asked {
        Turn::Json2(request) => Ok(request.answer(world)),
        Turn::Page => {
            world.note(noted);
            Ok(page(world.version, &head.method, &path, is_json))
        }
        Turn::Rpc(request) => Ok(json_page(200, &request.answer(world))),
    }
}

/// What a request turns out to be.
enum Turn {
    Json2(json2::Request),
    Page,
    Rpc(jsonrpc::Request),
}

fn is_json(kind: &HeaderValue) -> bool {
    kind.to_str().is_ok_and(|kind| kind.starts_with("application/json"))
}

/// What is no call.
fn page(version: Version, method: &Method, path: &str, is_json: bool) -> Response<Said> {
    let get = method == Method::GET || method == Method::HEAD;
    match path {
        // [RUN19]
        "/web/version" | "/json/version" if version >= Version::V19 && get => {
            let version = json!({"version_info": version.info(), "version": version.serie()});
            json_page(200, &version)
        }
        "/" | "/web" | "/odoo" => redirect("/web/login"),
        "/web/login" => said(200, HTML, LOGIN),
        // The wrong type, the wrong verb [UNVERIFIED].
        "/jsonrpc" if !is_json => said(400, HTML, &html("400 Bad Request", "Bad Request")),
        "/jsonrpc" => said(405, HTML, &html("405 Method Not Allowed", "Method Not Allowed")),
        _ => said(404, HTML, &html("404 Not Found", "Not Found")),
    }
}

async fn misbehave(what: What, path: &str) -> io::Result<Response<Said>> {
    Ok(match what {
        What::BadGateway => said(502, "text/html", &proxy("502 Bad Gateway")),
        What::Cut => return Err(io::Error::other("cut")),
        What::CutInTheMiddle => {
            let mut answer = said(200, JSON, "[{\"id\": 1, \"name\": \"Sal");
            answer.body_mut().promised += 1000;
            answer
        }
        What::Html => said(500, HTML, &html("500 Internal Server Error", "Internal Server Error")),
        What::Huge(size) => said(200, JSON, &format!("[\"{}\"]", "a".repeat(size))),
        What::NotJson => said(200, HTML, LOGIN),
        What::Redirect => redirect(&format!("/web/login?redirect={path}")),
        What::Stall => std::future::pending().await,
        What::Upgrading => {
            let mut answer = said(503, "text/html", &proxy("503 Service Temporarily Unavailable"));
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
            answer
        }
    })
}

const LOGIN: &str = "<!DOCTYPE html>\n<html><head><title>Login | My Website</title></head>\
    <body><form class=\"oe_login_form\" action=\"/web/login\" method=\"post\"></form></body></html>\n";

fn html(title: &str, heading: &str) -> String {
    format!("<!doctype html>\n<html lang=en>\n<title>{title}</title>\n<h1>{heading}</h1>\n")
}

fn proxy(title: &str) -> String {
    format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\
         \r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
}

fn redirect(location: &str) -> Response<Said> {
    let mut answer = said(303, HTML, &html("Redirecting...", "Redirecting..."));
    let location = HeaderValue::from_str(location);
    answer
        .headers_mut()
        .insert(header::LOCATION, location.unwrap_or(HeaderValue::from_static("/")));
    answer
}

fn json_page(status: u16, body: &Value) -> Response<Said> {
    said(status, JSON, &body.to_string())
}

fn said(status: u16, kind: &'static str, body: &str) -> Response<Said> {
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    let mut answer =
        Response::new(Said { promised: bytes.len() as u64, bytes: Some(bytes), waited: false });
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// A body that may promise more than it holds: then the connection ends in its middle.
#[derive(Debug)]
struct Said {
    bytes: Option<Bytes>,
    promised: u64,
    waited: bool,
}

impl Body for Said {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.bytes.take() {
            Some(bytes) => {
                self.promised -= bytes.len() as u64;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            None if self.promised > 0 && !self.waited => {
                // hyper flushes what it holds when it has to wait; an error would drop it.
                self.waited = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            None if self.promised > 0 => Poll::Ready(Some(Err(io::Error::other("cut")))),
            None => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}
