//! Against servers of this machine that misbehave.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that answers the n-th request with what `answer` makes of its number and head, then closes.
async fn server(answer: impl Fn(usize, &str) -> Vec<u8> + Send + Sync + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    serve_at("127.0.0.1:0", answer).await
}

async fn serve_at(
    at: &str,
    answer: impl Fn(usize, &str) -> Vec<u8> + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(at).await.expect("an address");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            let bytes = answer(number, &String::from_utf8_lossy(&head).to_ascii_lowercase());
            let _ = stream.write_all(&bytes).await;
        }
    });
    (address, asked)
}

fn remote(hosts: &[String]) -> Arc<Remote> {
    let config = RemoteConfig {
        hosts: hosts.iter().map(|host| host.parse().expect("a host")).collect(),
        addresses: vec!["127.0.0.1".parse().expect("an address")],
        bytes_max: 1 << 20,
        idle_timeout_s: 1,
        duration_s_max: 30,
    };
    Arc::new(
        Remote::new(
            &config,
            Random::from_fn(|bytes| {
                bytes.fill(0);
                Ok(())
            }),
        )
        .expect("a client"),
    )
}

fn url(address: SocketAddr, path: &str) -> Url {
    Url::parse(&format!("http://{address}/{path}")).expect("an address")
}

const BODY: &[u8] = b"0123456789abcdefghij";

/// What a proper server answers; `cut` leaves out the end of the body.
fn proper(head: &str, tag: &str, cut: usize) -> Vec<u8> {
    let range = head.split_once("range: bytes=").and_then(|(_, rest)| rest.split("\r\n").next()?.split_once('-'));
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let (status, body, more) = match range {
        Some((first, last)) => {
            let (first, last) = (number(first), number(last).min(BODY.len() - 1));
            let more = format!("content-range: bytes {first}-{last}/{}\r\n", BODY.len());
            ("206 Partial Content", &BODY[first..=last], more)
        }
        None => ("200 OK", BODY, String::new()),
    };
    let mut out = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\netag: {tag}\r\n{more}connection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    if !head.starts_with("head ") {
        out.extend_from_slice(&body[..body.len() - cut.min(body.len())]);
    }
    out
}

async fn gathered(file: &File, range: std::ops::Range<u64>) -> Result<Vec<u8>, Vec<u8>> {
    let (mut all, mut bytes) = (Vec::new(), file.read(range));
    while let Some(piece) = bytes.next().await {
        match piece {
            Ok(piece) => all.extend_from_slice(&piece),
            Err(_) => return Err(all),
        }
    }
    Ok(all)
}

async fn problem(remote: &Arc<Remote>, url: &Url) -> Option<&'static str> {
    remote.open_file(url).await.err().map(|error| error.problem().code)
}

#[tokio::test]
async fn a_file_is_read_whole_and_in_part_and_resumed_where_it_broke_off() {
    // The first answers to GET are cut.
    let (address, _) = server(|number, head| proper(head, "\"a\"", if number < 3 { 7 } else { 0 })).await;
    let remote = remote(&[address.to_string()]);
    let file = remote.open_file(&url(address, "x.nc")).await.expect("a file");
    assert_eq!(file.facts.size, 20);
    assert_eq!(gathered(&file, 0..20).await.as_deref(), Ok(BODY));
    assert_eq!(gathered(&file, 3..5).await.as_deref(), Ok(&b"34"[..]));
}

#[tokio::test]
async fn after_three_repetitions_a_file_breaks_off() {
    let (address, asked) =
        server(|number, head| if number == 0 { proper(head, "\"a\"", 0) } else { proper(head, "\"a\"", 20) }).await;
    let remote = remote(&[address.to_string()]);
    let file = remote.open_file(&url(address, "x")).await.expect("a file");
    assert_eq!(gathered(&file, 0..20).await, Err(Vec::new()));
    assert_eq!(asked.load(Ordering::SeqCst), 5);

    let (address, asked) =
        server(|_, _| b"HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec()).await;
    let remote = super::tests::remote(&[address.to_string()]);
    assert_eq!(problem(&remote, &url(address, "x")).await, Some("remote-unavailable"));
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn another_state_of_a_file_is_never_joined_to_the_first() {
    let (address, _) = server(|number, head| match number {
        0 => proper(head, "\"a\"", 0),
        1 => proper(head, "\"a\"", 10),
        _ => proper(head, "\"b\"", 0),
    })
    .await;
    let remote = remote(&[address.to_string()]);
    let file = remote.open_file(&url(address, "x")).await.expect("a file");
    assert_eq!(gathered(&file, 0..20).await, Err(BODY[..10].to_vec()));
}

#[tokio::test]
async fn a_server_without_ranges_or_head_does_as_well() {
    let whole = |_: usize, head: &str| {
        if head.starts_with("head ") {
            return b"HTTP/1.1 405 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec();
        }
        proper("get", "\"a\"", 0)
    };
    let (address, _) = server(whole).await;
    let remote = remote(&[address.to_string()]);
    let file = remote.open_file(&url(address, "x")).await.expect("a file");
    assert_eq!(gathered(&file, 15..18).await.as_deref(), Ok(&b"fgh"[..]));
}

#[tokio::test]
async fn redirects_are_followed_three_times_and_only_to_where_we_may_ask() {
    let (inner, inner_asked) = serve_at("127.0.0.2:0", |_, head| proper(head, "\"a\"", 0)).await;
    let to = |target: String| {
        move |_: usize, _: &str| {
            format!("HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .into_bytes()
        }
    };
    let port = inner.port();
    let v6 = serve_at("[::1]:0", |_, head| proper(head, "\"a\"", 0)).await;
    for target in [
        format!("http://127.0.0.2:{port}/x"),
        format!("http://[::ffff:127.0.0.2]:{port}/x"),
        format!("http://[::1]:{}/x", v6.0.port()),
        format!("http://2130706434:{port}/x"),
        format!("http://0177.0.0.2:{port}/x"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fd00:ec2::254]/".to_owned(),
        format!("http://user:secret@127.0.0.2:{port}/x"),
        "file:///etc/passwd".to_owned(),
        format!("gopher://127.0.0.2:{port}/x"),
        "http://other.example/x".to_owned(),
    ] {
        let (address, asked) = server(to(target.clone())).await;
        // Also where the configuration names the host: the address decides.
        let hosts = [
            address.to_string(),
            format!("127.0.0.2:{port}"),
            format!("[::ffff:127.0.0.2]:{port}"),
            format!("[::1]:{}", v6.0.port()),
            "169.254.169.254".into(),
            "[fd00:ec2::254]".into(),
        ];
        let remote = remote(&hosts);
        assert_eq!(problem(&remote, &url(address, "x")).await, Some("remote-unavailable"), "{target}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{target}");
    }
    assert_eq!((inner_asked.load(Ordering::SeqCst), v6.1.load(Ordering::SeqCst)), (0, 0));

    let circle = server(|number, head| match number {
        0..=2 => b"HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec(),
        _ => proper(head, "\"a\"", 0),
    })
    .await;
    let allowed = remote(&[circle.0.to_string()]);
    assert!(allowed.open_file(&url(circle.0, "x")).await.is_ok(), "three redirects");
    let endless = server(to("/x".to_owned())).await;
    let allowed = remote(&[endless.0.to_string()]);
    assert_eq!(problem(&allowed, &url(endless.0, "x")).await, Some("remote-unavailable"));
    assert_eq!(endless.1.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn sizes_pauses_and_codings_have_limits() {
    let headers = |more: &'static str| {
        move |_: usize, _: &str| format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{more}\r\n\r\n").into_bytes()
    };
    for (more, code) in [
        ("content-length: 99999999", "remote-size"),
        ("content-length: 10\r\ncontent-encoding: gzip", "remote-unavailable"),
        ("x: y", "remote-unavailable"),
    ] {
        let (address, _) = server(headers(more)).await;
        assert_eq!(problem(&remote(&[address.to_string()]), &url(address, "x")).await, Some(code), "{more}");
    }
    let (address, _) =
        server(|_, _| b"HTTP/1.1 404 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec()).await;
    assert_eq!(problem(&remote(&[address.to_string()]), &url(address, "x")).await, Some("file-not-found"));
}

#[tokio::test]
async fn nothing_but_our_own_headers_is_sent() {
    let seen = Arc::new(parking_lot::Mutex::new(String::new()));
    let notes = Arc::clone(&seen);
    let (address, _) = server(move |_, head| {
        notes.lock().push_str(head);
        proper(head, "\"a\"", 0)
    })
    .await;
    let remote = remote(&[address.to_string()]);
    remote.open_file(&url(address, "x")).await.expect("a file");
    let seen = seen.lock();
    for name in ["authorization", "x-api-key", "cookie", "referer", "x-forwarded-for", "accept-encoding"] {
        assert!(!seen.contains(&format!("{name}:")), "{name}: {seen}");
    }
}
