//! What else knocks at the loopback address: it gets a page, and the command goes on waiting.

use gmail_sim::{At, Fault, Service, What};
use tokio::net::TcpListener;

use super::{A, attempt::connect, names, world};

#[tokio::test]
async fn what_is_no_answer_to_this_attempt_gets_a_page_and_changes_nothing() {
    let world = world().await;
    let mut attempt = connect(&world, &["--address", A]).await;
    let at = attempt.at();
    let back = attempt.agree(&world, A);
    let target = back.strip_prefix(&format!("http://{at}")).unwrap().to_owned();
    let of = |method: &str, target: &str, host: &str| {
        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n")
    };
    let port = at.rsplit_once(':').unwrap().1;
    let (rebound, bare) = (format!("evil.example.com:{port}"), "127.0.0.1".to_owned());
    let no_state = target.split('&').filter(|part| !part.contains("state=")).collect::<Vec<_>>();
    let no_state = format!("/?{}", no_state.join("&").trim_start_matches("/?"));
    let cases = [
        (of("GET", "/", &at), 200, "Waiting for Google"),
        (of("GET", "/favicon.ico", &at), 404, "nothing here"),
        (of("GET", &target.replace("/?", "/other?"), &at), 404, "nothing here"),
        (of("HEAD", &target, &at), 200, ""),
        (of("POST", &target, &at), 405, "only be read"),
        (of("GET", &target, &rebound), 421, "not of mailbox_exporter"),
        (of("GET", &target, &bare), 421, "not of mailbox_exporter"),
        (of("GET", &format!("http://{rebound}{target}"), &at), 421, "not of mailbox_exporter"),
        (of("GET", &target.replace("state=", "state=x"), &at), 400, "another attempt"),
        (of("GET", &no_state, &at), 400, "another attempt"),
        (of("GET", "/?error=access_denied", &at), 400, "another attempt"),
        (of("GET", "/?error=access_denied&state=", &at), 400, "another attempt"),
        (of("GET", &format!("{target}&code=4/0second"), &at), 400, "two things at once"),
        (of("GET", &format!("/?code={}", "x".repeat(20_000)), &at), 400, "far too long"),
    ];
    for (request, status, says) in cases {
        let (got, _, page) = attempt.raw(&request).await;
        let shown: String = request.chars().take(200).collect();
        assert_eq!(got, status, "{shown}: {page}");
        assert!(page.contains(says), "{shown}: {page}");
        assert!(!page.contains("4/0") && !page.contains("<script"), "{page}");
    }
    let huge = format!("GET / HTTP/1.1\r\nHost: {at}\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    assert!([0, 431].contains(&attempt.raw(&huge).await.0));
    assert!([0, 400].contains(&attempt.raw("\x16\x03\x01 no HTTP\r\n\r\n").await.0));
    assert_eq!(attempt.raw(&of("GET", "/", &format!("localhost:{port}"))).await.0, 200);
    assert!(attempt.is_running());
    assert_eq!(attempt.browser(&back).await.0, 200);
    let ended = attempt.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let warnings = ended.said.matches("no answer to this attempt").count();
    assert_eq!(warnings, 1, "said once: {}", ended.said);
}

#[tokio::test]
async fn the_answer_counts_once_however_often_the_browser_asks() {
    let world = world().await;
    let stall = Fault::new(Service::Token, At::Answer, What::Stall);
    world.sim.world().fault(stall).unwrap();
    let mut attempt = connect(&world, &["--address", A]).await;
    let back = attempt.agree(&world, A);
    let mut others = 0;
    {
        let first = attempt.browser(&back);
        tokio::pin!(first);
        let asked = |asked: &[String]| asked.iter().any(|what| what.contains("authorization_code"));
        tokio::select! {
            _ = &mut first => panic!("the token endpoint stalls"),
            () = world.until(asked) => {}
        }
        for _ in 0..3 {
            tokio::select! {
                _ = &mut first => panic!("the token endpoint stalls"),
                (status, _, page) = attempt.browser(&back) => {
                    assert_eq!((status, page.contains("answered already")), (409, true), "{page}");
                    others += 1;
                }
            }
        }
    }
    assert_eq!(others, 3);
    attempt.until_said("Google answered").await;
    attempt.signal("INT").await;
    let ended = attempt.ended().await;
    assert_eq!(ended.code, Some(130), "{}", ended.said);
    let asked = world.asked_about(A);
    let codes = asked.iter().filter(|what| what.contains("authorization_code")).count();
    assert_eq!(codes, 1, "{asked:?}");
    assert_eq!(names(&world), ["ca.pem", "client-secret", "config.yaml"]);
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_before_anybody_is_asked() {
    let world = world().await;
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = connect(&world, &["--address", A, "--port", &port]).await.ended().await;
    assert_eq!(ended.code, Some(64), "{}", ended.said);
    assert!(ended.said.contains(&format!("port {port} of 127.0.0.1 is taken")), "{}", ended.said);
    assert_eq!(names(&world), ["ca.pem", "client-secret", "config.yaml"]);
}

#[tokio::test]
async fn who_does_not_come_back_in_time_and_who_gives_up_leave_nothing_behind() {
    let world = world().await;
    for arguments in [&["--timeout", "1s"][..], &["--timeout", "1s", "--paste"]] {
        let arguments = [&["--address", A], arguments].concat();
        let ended = connect(&world, &arguments).await.ended().await;
        assert_eq!(ended.code, Some(1), "{}", ended.said);
        assert!(ended.said.contains("No answer came within 1s"), "{}", ended.said);
    }
    let mut attempt = connect(&world, &["--address", A, "--paste"]).await;
    attempt.paste("yes").await;
    attempt.close();
    let ended = attempt.ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    assert!(ended.said.contains("Nobody can paste anything any more"), "{}", ended.said);
    for (signal, arguments) in [("INT", &[][..]), ("TERM", &["--paste"])] {
        let attempt = connect(&world, &[&["--address", A], arguments].concat()).await;
        assert_eq!(names(&world).len(), 4, "a place is kept");
        attempt.signal(signal).await;
        let ended = attempt.ended().await;
        assert_eq!(ended.code, Some(130), "{}", ended.said);
    }
    assert_eq!(names(&world), ["ca.pem", "client-secret", "config.yaml"]);
    let ended = connect(&world, &["--address", A, "--timeout", "soon"]).await.ended().await;
    assert!(ended.code == Some(64) && ended.said.contains("write it as \"30s\""), "{}", ended.said);
}
