//! What goes wrong instead of an answer.

use std::time::Duration;

use odoo_sim::{Fault, Version, What};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{ADMIN_KEY, Answer, DEADLINE, Stage};

async fn version(stage: &Stage) -> std::io::Result<Answer> {
    stage.try_rpc("common", "version", json!([])).await
}

#[tokio::test]
async fn pages_come_instead_of_answers() {
    let stage = Stage::set(Version::V18).await;
    for (what, status, kind, says) in [
        (What::BadGateway, 502, "text/html", "502 Bad Gateway"),
        (What::Html, 500, "text/html", "Internal Server Error"),
        (What::NotJson, 200, "text/html", "<!DOCTYPE html>"),
        (What::Redirect, 303, "text/html", "Redirecting"),
        (What::Upgrading, 503, "text/html", "503 Service Temporarily Unavailable"),
    ] {
        stage.sim.misbehave(Fault::new(what));
        let answer = version(&stage).await.unwrap();
        assert_eq!(answer.status, status, "{what:?}");
        assert!(answer.head.contains(&format!("content-type: {kind}")), "{what:?}: {answer:?}");
        assert!(answer.body.contains(says), "{what:?}: {answer:?}");
        if what == What::Redirect {
            assert!(answer.head.contains("location: /web/login?redirect=/jsonrpc"), "{answer:?}");
        }
        stage.sim.behave();
        assert_eq!(version(&stage).await.unwrap().json()["result"]["server_serie"], "18.0");
    }
}

#[tokio::test]
async fn connections_end_before_and_in_an_answer() {
    let stage = Stage::set(Version::V18).await;
    stage.sim.misbehave(Fault::new(What::Cut));
    assert!(version(&stage).await.is_err());
    stage.sim.behave();
    stage.sim.misbehave(Fault::new(What::CutInTheMiddle));
    let answer = version(&stage).await.unwrap();
    let length: usize = answer
        .head
        .split("content-length: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(length, answer.body.len() + 1000);
}

#[tokio::test]
async fn an_answer_may_be_huge() {
    let stage = Stage::set(Version::V18).await;
    stage.sim.misbehave(Fault::new(What::Huge(20 << 20)));
    let answer = version(&stage).await.unwrap();
    assert!(answer.head.contains("content-type: application/json"));
    assert!(answer.body.len() > 20 << 20);
}

#[tokio::test]
async fn a_stall_holds_one_request_and_no_other() {
    let stage = Stage::set(Version::V18).await;
    stage.sim.misbehave(Fault::new(What::Stall).times(1));
    let mut stalled = std::pin::pin!(version(&stage));
    let has_come = async {
        while stage.sim.asked().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        version(&stage).await.unwrap().status
    };
    tokio::select! {
        biased;
        answer = &mut stalled => panic!("{answer:?}"),
        status = has_come => assert_eq!(status, 200),
    }
    assert_eq!(stage.asked(), ["common.version", "common.version"]);
}

#[tokio::test]
async fn stopping_ends_what_stalls() {
    let Stage { sim, .. } = Stage::set(Version::V18).await;
    let address = sim.http_url().replace("http://", "");
    sim.misbehave(Fault::new(What::Stall));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /web HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let stopped = async {
        while sim.asked().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        sim.stop().await;
        stream.read(&mut [0; 1]).await.unwrap_or(0)
    };
    assert_eq!(tokio::time::timeout(DEADLINE, stopped).await.unwrap(), 0);
}

#[tokio::test]
async fn faults_are_for_a_model_later_and_so_many_times() {
    let stage = Stage::set(Version::V19).await;
    stage.sim.misbehave(Fault::new(What::Html).of("mail.mail").after(1).times(2));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let body = json!({"domain": []});
        statuses.push(stage.json2(ADMIN_KEY, "mail.mail/search_count", body.clone()).await.status);
        let other = stage.json2(ADMIN_KEY, "ir.mail_server/search_count", body).await;
        assert_eq!(other.status, 200);
    }
    assert_eq!(statuses, [200, 500, 500, 200]);
    // What failed was asked all the same.
    assert_eq!(stage.sim.asked().len(), 8);
}

#[tokio::test]
async fn tls_is_known_or_not() {
    let stage = Stage::set(Version::V19).await;
    let head = "GET /web/version HTTP/1.1\r\n";
    let known = stage.over_tls(&stage.sim.https_url(), head).await.unwrap();
    assert_eq!(known.json()["version"], "19.0");
    let stranger = stage.over_tls(&stage.sim.stranger_url(), head).await.unwrap_err();
    assert!(stranger.to_string().contains("UnknownIssuer"), "{stranger}");
}
