//! A small blocking HTTP/1.1 client: keeps connections, sends any bytes, hides nothing.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Time after which an unanswered request counts as hanging.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// An answer, with its body as it came.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header names in lower case, and their values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; ends the test when it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(e) => panic!("status {}, body is no JSON ({e}): {}", self.status, excerpt(&self.text())),
        }
    }

    /// Ends the test unless the status is `status`.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "body: {}", excerpt(&self.text()));
        self
    }

    /// Ends the test unless this is a problem document (RFC 9457) with this status.
    #[track_caller]
    pub fn problem(self, status: u16) -> Value {
        let answer = self.expect(status);
        let media_type = answer.header("content-type").unwrap_or_default();
        assert!(media_type.starts_with("application/problem+json"), "{media_type:?}: {}", excerpt(&answer.text()));
        let problem = answer.json();
        assert_eq!(problem["status"], status, "{problem}");
        for member in ["type", "title", "detail", "instance"] {
            assert!(problem[member].is_string(), "no {member} in {problem}");
        }
        problem
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(1_000).collect()
}

/// One kept connection.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends raw bytes and reads one answer (`head_only` for HEAD).
    ///
    /// # Errors
    /// When the connection breaks or the answer is no HTTP.
    pub fn send_raw(&mut self, request: &[u8], head_only: bool) -> io::Result<Response> {
        // A server may answer and close before it has read all of a body that it refuses: the answer counts.
        let sent = self.stream.get_mut().write_all(request);
        match self.read_response(head_only) {
            Ok(response) => Ok(response),
            Err(e) => Err(sent.err().unwrap_or(e)),
        }
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// As [`Connection::send_raw`].
    pub fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> io::Result<Response> {
        let mut request = format!("{method} {target} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            let address = self.stream.get_ref().peer_addr()?;
            request += &format!("host: {address}\r\n");
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = body {
            request += &format!("content-length: {}\r\n", body.len());
        }
        request += "\r\n";
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body.unwrap_or_default());
        self.send_raw(&bytes, method == "HEAD")
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn read_response(&mut self, head_only: bool) -> io::Result<Response> {
        let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| bad(&first))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| bad(&line))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut response = Response { status, headers, body: Vec::new() };
        if head_only || status == 204 || status == 304 {
            return Ok(response);
        }
        if response.header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
            response.body = self.read_chunks()?;
        } else if let Some(length) = response.header("content-length") {
            response.body = vec![0; length.parse().map_err(|_| bad(length))?];
            self.stream.read_exact(&mut response.body)?;
        } else {
            self.stream.read_to_end(&mut response.body)?;
        }
        Ok(response)
    }

    fn read_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = self.line()?;
            let size = usize::from_str_radix(size.split(';').next().unwrap_or_default(), 16)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "chunk size"))?;
            let begin = body.len();
            body.resize(begin + size, 0);
            self.stream.read_exact(&mut body[begin..])?;
            self.line()?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
}

/// Who asks: an address, and a key or none. Each request has a connection of its own.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    key: Option<String>,
}

impl Client {
    /// A visitor.
    pub fn visitor(address: SocketAddr) -> Self {
        Self { address, key: None }
    }

    /// The same with a key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { address: self.address, key: Some(key.to_owned()) }
    }

    /// Where it asks.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn try_send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> io::Result<Response> {
        let bearer = self.key.as_ref().map(|key| format!("Bearer {key}"));
        let mut all: Vec<(&str, &str)> = vec![("connection", "close")];
        all.extend(bearer.as_deref().map(|value| ("authorization", value)));
        all.extend_from_slice(headers);
        Connection::open(self.address)?.send(method, target, &all, body)
    }

    /// Sends a request; ends the test when there is no answer.
    #[track_caller]
    pub fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Response {
        match self.try_send(method, target, headers, body) {
            Ok(response) => response,
            Err(e) => panic!("{method} {}: {e}", excerpt(target)),
        }
    }

    /// GET, asking for JSON.
    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.send("GET", target, &[("accept", "application/json")], None)
    }

    /// Sends JSON.
    #[track_caller]
    pub fn json(&self, method: &str, target: &str, body: &Value) -> Response {
        self.send(method, target, &[("content-type", "application/json")], Some(body.to_string().as_bytes()))
    }

    /// POSTs JSON.
    #[track_caller]
    pub fn post(&self, target: &str, body: &Value) -> Response {
        self.json("POST", target, body)
    }

    /// PUTs JSON.
    #[track_caller]
    pub fn put(&self, target: &str, body: &Value) -> Response {
        self.json("PUT", target, body)
    }

    /// DELETEs.
    #[track_caller]
    pub fn delete(&self, target: &str) -> Response {
        self.send("DELETE", target, &[], None)
    }

    /// Sends items as newline-delimited JSON to a collection.
    #[track_caller]
    pub fn bulk(&self, collection: &str, items: &[Value]) -> Response {
        let headers = [("content-type", "application/x-ndjson")];
        self.send("POST", &format!("/collections/{collection}/items"), &headers, Some(ndjson(items).as_bytes()))
    }

    /// All features of a search, following the `next` links as the standard tells.
    #[track_caller]
    pub fn all_pages(&self, first: &str) -> Vec<Value> {
        let mut features = Vec::new();
        let mut target = first.to_owned();
        for _ in 0..10_000 {
            let page = self.get(&target).expect(200).json();
            features.extend(page["features"].as_array().cloned().unwrap_or_default());
            match link(&page, "next") {
                Some(href) => target = path_of(&href),
                None => return features,
            }
        }
        panic!("{first} has pages without end");
    }
}

/// Items as newline-delimited JSON.
pub fn ndjson(items: &[Value]) -> String {
    items.iter().map(|item| format!("{item}\n")).collect()
}

/// The address of the first link with this relation.
pub fn link(document: &Value, rel: &str) -> Option<String> {
    let links = document["links"].as_array()?;
    links.iter().find(|link| link["rel"] == rel)?["href"].as_str().map(str::to_owned)
}

/// Path and query of an absolute address.
pub fn path_of(href: &str) -> String {
    let rest = href.split_once("://").map_or(href, |(_, rest)| rest);
    rest.find('/').map_or_else(|| "/".to_owned(), |at| rest[at..].to_owned())
}

/// Percent-encodes a value of a query parameter.
pub fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
