//! The one HTTP client. It follows no redirect, bounds what it reads, and says why an exchange failed.

use std::fmt;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use super::dial::{self, Dialer, System};
use crate::domain::{outcome::Failure, reason::Reason};

/// An HTTP client whose connections are kept for the next request.
pub struct Https {
    client: Client<HttpsConnector<HttpConnector<System>>, Full<Bytes>>,
}

impl Https {
    pub fn new(dialer: &Dialer) -> Self {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(dialer.tls_config())
            .https_or_http()
            .enable_http1()
            .wrap_connector(dial::connector(System));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(std::time::Duration::from_secs(60))
            .pool_max_idle_per_host(8)
            .build(connector);
        Self { client }
    }

    /// One exchange with somebody whose words do not matter: the answer's body is not read. The caller bounds the time.
    ///
    /// # Errors
    /// Where there is no answer.
    pub async fn status(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::StatusCode, Failure> {
        self.head(request).await.map(|head| head.status)
    }

    /// The same, with all of the answer's head.
    ///
    /// # Errors
    /// Where there is no answer.
    pub(crate) async fn head(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::response::Parts, Failure> {
        let uri = request.uri().clone();
        let request = request.map(|body| Full::new(Bytes::from(body)));
        let answer = self.client.request(request).await;
        answer.map(|answer| answer.into_parts().0).map_err(|error| named(&uri, &error))
    }

    /// One exchange; the caller bounds the time.
    ///
    /// # Errors
    /// Where there is no whole answer of at most 64 KiB.
    pub(super) async fn exchange(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Bytes>, Failure> {
        self.exchange_up_to(LONGEST, request).await
    }

    /// The same with somebody whose answers are longer.
    ///
    /// # Errors
    /// Where there is no whole answer of at most so many bytes.
    pub(crate) async fn exchange_up_to(
        &self,
        longest: usize,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Bytes>, Failure> {
        let uri = request.uri().clone();
        let failure = |error: &(dyn std::error::Error + 'static)| named(&uri, error);
        let request = request.map(|body| Full::new(Bytes::from(body)));
        let answer = self.client.request(request).await.map_err(|error| failure(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, longest).collect().await.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                let words = format!("{}: a body of more than {longest} bytes", head.status);
                Failure::own(Reason::GarbledAnswer, words)
            } else {
                failure(error.as_ref())
            }
        })?;
        Ok(http::Response::from_parts(head, body.to_bytes()))
    }
}

fn named(uri: &http::Uri, error: &(dyn std::error::Error + 'static)) -> Failure {
    let port = uri.port_u16().unwrap_or(443);
    dial::at(uri.host().unwrap_or_default(), port, dial::failure(error))
}

impl fmt::Debug for Https {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Https")
    }
}

/// In bytes. Google's longest answer has some 3 KB.
const LONGEST: usize = 64 * 1024;
