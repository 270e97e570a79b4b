//! What a service account signs, read by others: Python takes it apart, OpenSSL verifies it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, thread};

use serde_json::{Value, json};

use crate::support::are_there;

#[test]
fn openssl_verifies_what_a_service_account_signs() {
    if !are_there(&[("openssl", "OpenSSL"), ("python3", "Python")]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // A key that OpenSSL made just now.
    let key = openssl(folder, "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    let file = json!({
        "type": "service_account",
        "private_key_id": "the-keys-id",
        "private_key": key,
        "client_id": "110000000000000000001",
        "client_email": "watcher@mail-1234.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    });
    write(folder, "key.json", &file.to_string());
    write(folder, "key.pem", &key);
    let config = format!(
        "google: {{token_url: \"http://{address}/token\"}}\n\
         clients: {{delegated: {{service_account: {{file: key.json}}}}}}\n\
         mailboxes: [{{address: sales@example.com}}]\n"
    );
    write(folder, "main.yaml", &config);
    let form = thread::spawn(move || refuse(&listener));
    let config = folder.join("main.yaml");
    let mut exporter = Command::new(env!("CARGO_BIN_EXE_mailbox_exporter"));
    let exporter = exporter.args(["check", "--only", "token", "--config.file"]).arg(config);
    let said = exporter.output().unwrap();
    // Whoever still waits for the exporter need not wait any longer.
    drop(TcpStream::connect(address));
    let form = form.join().unwrap();
    assert!(form.contains("assertion="), "{}", String::from_utf8_lossy(&said.stderr));

    let [grant_type, header, claims] = taken_apart(folder, &form);
    assert_eq!(grant_type, "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT", "kid": "the-keys-id" }));
    let expected = json!({
        "iss": "watcher@mail-1234.iam.gserviceaccount.com",
        "sub": "sales@example.com",
        "scope": "https://mail.google.com/",
        "aud": "https://oauth2.googleapis.com/token",
        "iat": "now",
        "exp": 3600,
    });
    assert_eq!(claims, expected);
    openssl(folder, "pkey -in key.pem -pubout -out public.pem");
    let verified = openssl(folder, "dgst -sha256 -verify public.pem -signature signature signed");
    assert_eq!(verified, "Verified OK\n");
}

/// Answers the first request as Google refuses, and returns its body.
fn refuse(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line).expect("a request") > 0 && !line.trim().is_empty() {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().expect("a number");
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a whole body");
    let refusal = r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#;
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{refusal}",
        refusal.len()
    );
    // Nobody listens where the exporter never came.
    let _ = stream.write_all(answer.as_bytes());
    String::from_utf8(body).expect("a form")
}

fn taken_apart(folder: &Path, form: &str) -> [Value; 3] {
    let mut python = Command::new("python3");
    python.arg(SCRIPT).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().expect("python3 starts");
    let mut stdin = python.stdin.take().expect("stdin is piped");
    stdin.write_all(form.as_bytes()).expect("python3 reads");
    drop(stdin);
    let output = python.wait_with_output().expect("python3 ends");
    let lines = String::from_utf8(output.stdout).expect("text");
    let values: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    values.try_into().expect("three lines")
}

fn openssl(folder: &Path, arguments: &str) -> String {
    let mut command = Command::new("openssl");
    let output =
        command.args(arguments.split(' ')).current_dir(folder).output().expect("openssl starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn write(folder: &Path, name: &str, text: &str) {
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(folder.join(name))
        .expect("a new file");
    file.write_all(text.as_bytes()).expect("it is ours");
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/assertion.py");
