//! Accounts as people and programs meet them: signing up by mail, signing in, cookies and forms, keys, roles, the audit log.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nilometer_tests::http::encode;
use nilometer_tests::{Client, Response, Server, collection, nilometer, operator_key};
use serde_json::{Value, json};
use tempfile::TempDir;

const PASSWORD: &str = "crue de janvier 1910";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
/// Far above what is normal, so that only a hang fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server on fresh data, and its folder.
struct World {
    server: Server,
    visitor: Client,
    data: PathBuf,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(settings: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let data = folder.path().join("data");
        operator_key(&data);
        let server = Server::start_with(&data, settings);
        Self { visitor: server.visitor(), server, data, _folder: folder }
    }

    fn command(&self, arguments: &[&str]) -> nilometer_tests::Output {
        let data = self.data.to_str().expect("a plain name");
        nilometer(Path::new("/"), &[arguments, &["--data", data]].concat())
    }

    fn key(&self, user: &str, role: &str) -> Client {
        let output = self.command(&["admin", "key", "create", "--user", user, "--role", role]).success();
        self.server.client(output.stdout.lines().last().expect("a key").trim())
    }

    /// Letters, oldest first.
    fn letters(&self) -> Vec<String> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(self.data.join("mail")).into_iter().flatten().flatten().map(|e| e.path()).collect();
        files.retain(|file| file.extension().is_some_and(|ending| ending == "eml"));
        files.sort();
        files.iter().map(|file| fs::read_to_string(file).expect("a letter")).collect()
    }

    /// The `n`th letter, counted from one, once it is there.
    fn letter(&self, n: usize) -> String {
        let begun = Instant::now();
        loop {
            if let Some(letter) = self.letters().get(n - 1) {
                return letter.clone();
            }
            assert!(begun.elapsed() < PATIENCE, "letter {n} did not come");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Signs up, confirms, and returns the browser that is signed in then.
    fn member(&self, email: &str) -> Browser<'_> {
        let before = self.letters().len();
        self.visitor.post("/sign-up", &json!({"email": email, "password": PASSWORD})).expect(202);
        let token = token_of(&self.letter(before + 1));
        let answer = self.visitor.post("/sign-up/confirm", &json!({"token": token, "password": PASSWORD})).expect(200);
        Browser::of(self, &answer)
    }

    fn sign_in(&self, email: &str, password: &str) -> Response {
        self.visitor.post("/sign-in", &json!({"email": email, "password": password}))
    }

    fn check(&self) -> nilometer_tests::Output {
        // A catalogue is made with the first start of a server.
        self.command(&["check"])
    }
}

/// What a link in a letter holds.
fn token_of(letter: &str) -> String {
    let (_, rest) = letter.split_once("token=").unwrap_or_else(|| panic!("no link in {letter}"));
    rest.chars().take_while(char::is_ascii_hexdigit).collect()
}

/// A cookie of an answer: `name=value`.
fn cookie_of(answer: &Response) -> String {
    let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {}", answer.text()));
    cookie.split(';').next().expect("a pair").to_owned()
}

/// A browser that is signed in.
struct Browser<'a> {
    world: &'a World,
    cookie: String,
    csrf: String,
}

impl<'a> Browser<'a> {
    fn of(world: &'a World, answer: &Response) -> Self {
        let csrf = answer.json()["csrf"].as_str().expect("a token").to_owned();
        Self { world, cookie: cookie_of(answer), csrf }
    }

    fn get(&self, path: &str) -> Response {
        let headers = [("accept", "application/json"), ("cookie", self.cookie.as_str())];
        self.world.visitor.send("GET", path, &headers, None)
    }

    fn page(&self, path: &str) -> Response {
        self.world.visitor.send("GET", path, &[("accept", "text/html"), ("cookie", self.cookie.as_str())], None)
    }

    /// A write as a script of a page sends it.
    fn write(&self, method: &str, path: &str, body: &Value) -> Response {
        let headers = [
            ("cookie", self.cookie.as_str()),
            ("x-csrf-token", self.csrf.as_str()),
            ("content-type", "application/json"),
            ("origin", &self.world.server.url()),
        ];
        self.world.visitor.send(method, path, &headers, Some(body.to_string().as_bytes()))
    }

    /// A write with other headers than its own.
    fn write_with(&self, path: &str, more: &[(&str, &str)], body: &str) -> Response {
        let mut headers = vec![("cookie", self.cookie.as_str())];
        headers.extend_from_slice(more);
        self.world.visitor.send("POST", path, &headers, Some(body.as_bytes()))
    }
}

fn is(problem: &Value, code: &str) -> bool {
    problem["type"].as_str().is_some_and(|address| address.ends_with(&format!("/problems/{code}")))
}

#[test]
fn somebody_signs_up_confirms_by_mail_and_signs_in() {
    let world = World::new();
    let answer = world.visitor.post("/sign-up", &json!({"email": "Ana@Water.example", "password": PASSWORD}));
    answer.expect(202);
    assert!(is(&world.sign_in("ana@water.example", PASSWORD).problem(401), "sign-in-refused"), "not confirmed yet");
    let letter = world.letter(1);
    assert!(letter.contains("To: ana@water.example\r\n") && letter.contains(&world.server.url()), "{letter}");
    let token = token_of(&letter);
    let confirm =
        |password: &str| world.visitor.post("/sign-up/confirm", &json!({"token": token, "password": password}));
    confirm("another password").problem(401);
    let answer = confirm(PASSWORD).expect(200);
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
    assert!(is(&confirm(PASSWORD).problem(400), "link-ended"), "a link works once");
    let ana = Browser::of(&world, &world.sign_in("ANA@water.example", PASSWORD).expect(200));
    let account = ana.get("/account").expect(200);
    assert_eq!(account.header("cache-control"), Some("no-store"));
    let account = account.json();
    assert_eq!((&account["role"], &account["email"]), (&json!("user"), &json!("ana@water.example")));
    assert_eq!(account["sessions"].as_array().map(Vec::len), Some(2));
    assert!(ana.page("/").expect(200).text().contains("ana@water.example"), "the head of pages names the account");
    for folder in [world.data.clone(), world.data.join("mail")] {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&folder).expect("there").permissions());
        assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
    }
    world.server.finish();
}

#[test]
fn no_answer_tells_whether_an_address_has_an_account() {
    let world = World::new();
    world.member("ana@water.example");
    let told = |answer: Response| {
        let mut value = answer.json();
        value["instance"] = Value::Null;
        (answer.status, value)
    };
    let sign_up = |email: &str| told(world.visitor.post("/sign-up", &json!({"email": email, "password": PASSWORD})));
    assert_eq!(sign_up("ana@water.example"), sign_up("bob@water.example"));
    let letters = world.letters();
    assert_eq!(letters.len(), 3);
    assert!(letters[1].contains("already") && !letters[1].contains("token="), "{}", letters[1]);
    let sign_in = |email: &str, password: &str| told(world.sign_in(email, password));
    assert_eq!(sign_in("ana@water.example", "a wrong password"), sign_in("nobody@water.example", "a wrong password"));
    assert_eq!(sign_in("bob@water.example", PASSWORD), sign_in("nobody@water.example", PASSWORD), "unconfirmed");
    let forgot = |email: &str| told(world.visitor.post("/password/forgot", &json!({"email": email})));
    assert_eq!(forgot("ana@water.example"), forgot("nobody@water.example"));
    assert!(world.letter(4).contains("To: ana@water.example"));
    // An account without an address whose name is one.
    world.key("cleo@water.example", "user");
    assert_eq!(sign_up("cleo@water.example"), sign_up("ana@water.example"));
    let letter = world.letter(5);
    assert!(letter.contains("To: cleo@water.example") && letter.contains("no address"), "{letter}");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(world.letters().len(), 6, "nobody gets no letter");
}

#[test]
fn somebody_else_s_address_gives_nobody_an_account() {
    let world = World::new();
    let sign_up = |password: &str| {
        world.visitor.post("/sign-up", &json!({"email": "ana@water.example", "password": password})).expect(202)
    };
    sign_up(PASSWORD);
    sign_up("the password of a thief");
    // The owner follows the newest link with a password of their own: it is not the account's.
    let token = token_of(&world.letter(2));
    world.visitor.post("/sign-up/confirm", &json!({"token": token, "password": PASSWORD})).problem(401);
    assert!(is(
        &world
            .visitor
            .post("/sign-up/confirm", &json!({"token": token_of(&world.letter(1)), "password": PASSWORD}))
            .problem(400),
        "link-ended"
    ));
    // A new password by mail is the way out, and ends what the thief knew.
    world.visitor.post("/password/forgot", &json!({"email": "ana@water.example"})).expect(202);
    let token = token_of(&world.letter(3));
    world.visitor.post("/password/reset", &json!({"token": token, "password": "my very own password"})).expect(200);
    world.sign_in("ana@water.example", "the password of a thief").problem(401);
    world.sign_in("ana@water.example", "my very own password").expect(200);
    world.visitor.post("/password/reset", &json!({"token": token, "password": "my very own password"})).problem(400);
}

#[test]
fn a_write_by_cookie_needs_its_token_and_a_page_of_ours() {
    let world = World::new();
    let ana = world.member("ana@water.example");
    let (url, json_type) = (world.server.url(), ("content-type", "application/json"));
    let body = "{\"name\":\"laptop\"}";
    assert!(is(&ana.write_with("/account/keys", &[json_type], body).problem(403), "csrf"));
    assert!(is(&ana.write_with("/account/keys", &[json_type, ("x-csrf-token", "0")], body).problem(403), "csrf"));
    let token = ("x-csrf-token", ana.csrf.as_str());
    for from in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let answer = ana.write_with("/account/keys", &[json_type, token, from], body);
        assert!(is(&answer.problem(403), "csrf"), "{from:?}");
    }
    // A form of another site brings the cookie and no token, one of ours brings both.
    ana.write_with("/account/keys", &[FORM], "name=laptop").problem(403);
    let page = ana.page("/account").expect(200).text();
    assert!(page.contains(&format!("name=\"csrf\" value=\"{}\"", ana.csrf)), "the page's forms hold the token");
    let form = format!("csrf={}&name=laptop&scopes=read&scopes=download&expires_days=30", ana.csrf);
    let made =
        ana.write_with("/account/keys", &[FORM, ("origin", &url), ("accept", "text/html")], &form).expect(200).text();
    assert!(made.contains("id=\"new-key\">nil_"), "{made}");
    // Another session's token is none.
    let again = Browser::of(&world, &world.sign_in("ana@water.example", PASSWORD).expect(200));
    assert_ne!(again.csrf, ana.csrf);
    ana.write_with("/account/keys", &[json_type, ("x-csrf-token", &again.csrf)], body).problem(403);
    ana.write("POST", "/account/keys", &json!({"name": "script"})).expect(201);
    // Signing in by a form of another site is closed too.
    let form = format!("email={}&password={}", encode("ana@water.example"), encode(PASSWORD));
    let foreign = [FORM, ("origin", "https://evil.example")];
    world.visitor.send("POST", "/sign-in", &foreign, Some(form.as_bytes())).expect(403);
    let own = [FORM, ("origin", url.as_str()), ("accept", "text/html")];
    let signed = world.visitor.send("POST", "/sign-in", &own, Some(form.as_bytes())).expect(303);
    assert_eq!(signed.header("location"), Some("/account"));
    let away = format!("{form}&next={}", encode("//evil.example/"));
    let signed = world.visitor.send("POST", "/sign-in", &own, Some(away.as_bytes())).expect(303);
    assert_eq!(signed.header("location"), Some("/account"), "a way on leads nowhere else");
}

#[test]
fn a_cookie_counts_for_nothing_in_requests_of_other_origins() {
    let world = World::new();
    world.key("boss", "operator").post("/collections", &collection("secret", "hidden")).expect(201);
    world.member("ana@water.example");
    world.command(&["admin", "user", "role", "--name", "ana@water.example", "--role", "operator"]).success();
    let ana = Browser::of(&world, &world.sign_in("ana@water.example", PASSWORD).expect(200));
    ana.get("/collections/secret").expect(200);
    let with = |more: &[(&str, &str)]| {
        let mut headers = vec![("accept", "application/json"), ("cookie", ana.cookie.as_str())];
        headers.extend_from_slice(more);
        world.visitor.send("GET", "/collections/secret", &headers, None)
    };
    with(&[("origin", "https://evil.example")]).problem(404);
    with(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")]).problem(404);
    with(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]).expect(200);
    let answer = with(&[("sec-fetch-site", "same-origin")]).expect(200);
    assert!(answer.header("vary").is_some_and(|vary| vary.contains("cookie")), "{:?}", answer.headers);
    assert!(answer.header("cache-control").is_some_and(|cache| cache.contains("private")));
    assert!(answer.header("access-control-allow-credentials").is_none());
    // Asking by POST changes nothing, so it needs no token; from elsewhere it is asked as a visitor.
    let ask = |more: (&str, &str)| {
        let headers = [("content-type", "application/json"), ("cookie", ana.cookie.as_str()), more];
        let body = json!({"collections": ["secret"]}).to_string();
        world.visitor.send("POST", "/search", &headers, Some(body.as_bytes()))
    };
    assert_eq!(ask(("origin", &world.server.url())).status, 200);
    let elsewhere = ask(("origin", "https://evil.example"));
    let told = elsewhere.text();
    assert!(!told.contains("\"id\":\"secret\""), "{told}");
}

#[test]
fn each_sign_in_has_a_cookie_of_its_own_and_ended_sessions_are_over() {
    let world = World::new();
    world.member("ana@water.example");
    // A cookie that somebody planted before the sign-in is not taken over.
    let planted = format!("nilometer={}", "a".repeat(64));
    let body = json!({"email": "ana@water.example", "password": PASSWORD}).to_string();
    let sign_in = |cookie: &str| {
        let headers = [("content-type", "application/json"), ("cookie", cookie)];
        Browser::of(&world, &world.visitor.send("POST", "/sign-in", &headers, Some(body.as_bytes())).expect(200))
    };
    let first = sign_in(&planted);
    assert_ne!(first.cookie, planted);
    world.visitor.send("GET", "/account", &[("cookie", planted.as_str())], None).problem(401);
    // Signing in again in the same browser ends the session before.
    let second = sign_in(&first.cookie);
    assert_ne!(second.cookie, first.cookie);
    first.get("/account").problem(401);
    let sessions = second.get("/account/sessions").expect(200).json();
    let other = sign_in("");
    let id = sessions["sessions"][0]["id"].as_str().expect("an id");
    other.write("DELETE", &format!("/account/sessions/{id}"), &json!({})).expect(204);
    second.get("/account").problem(401);
    // A new password ends the others and keeps this one; signing out ends this one.
    let third = sign_in("");
    let change = json!({"current": PASSWORD, "password": "crue de février 1910"});
    other.write("POST", "/account/password", &change).expect(200);
    third.get("/account").problem(401);
    other.get("/account").expect(200);
    let out = other.write("POST", "/sign-out", &json!({})).expect(200);
    assert!(out.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
    other.get("/account").problem(401);
    world.sign_in("ana@water.example", PASSWORD).problem(401);
    world.sign_in("ana@water.example", "crue de février 1910").expect(200);
}

#[test]
fn keys_are_shown_once_narrowed_and_revoked_at_once() {
    let world = World::new();
    let ana = world.member("ana@water.example");
    let make = |body: &Value| ana.write("POST", "/account/keys", body).expect(201).json();
    let (all, narrow) =
        (make(&json!({"name": "all"})), make(&json!({"scopes": ["read", "download"], "expires_days": 1})));
    let text = all["key"].as_str().expect("a key");
    // In either header, whatever its case.
    for (name, value) in
        [("X-API-Key", text.to_owned()), ("x-api-KEY", text.to_owned()), ("authorization", format!("Bearer {text}"))]
    {
        world.visitor.send("GET", "/account", &[(name, value.as_str())], None).expect(200);
    }
    let listed = ana.get("/account/keys").expect(200).text();
    assert!(!listed.contains(text) && listed.contains("\"read,download\"") && listed.contains("last_used"), "{listed}");
    let reader = world.server.client(narrow["key"].as_str().expect("a key"));
    reader.get("/account").expect(200);
    assert!(is(&reader.post("/account/keys", &json!({})).problem(403), "key-scope"));
    reader.get("/account/export").problem(403);
    ana.write("POST", "/account/keys", &json!({"scopes": ["everything"]})).problem(400);
    ana.write("POST", "/account/keys", &json!({"expires_days": 0})).problem(400);
    let revoke =
        |id: &Value| ana.write("DELETE", &format!("/account/keys/{}", id.as_str().expect("an id")), &json!({}));
    revoke(&all["id"]).expect(204);
    world.server.client(text).get("/account").problem(401);
    revoke(&json!("000000000000")).problem(404);
    // Nobody revokes another's key.
    let bob = world.member("bob@water.example");
    let id = narrow["id"].as_str().expect("an id");
    bob.write("DELETE", &format!("/account/keys/{id}"), &json!({})).problem(404);
    reader.get("/account").expect(200);
    // A writing operator's key for reading alone does not write.
    let operator = world.key("boss", "operator");
    let made = operator.post("/account/keys", &json!({"scopes": ["read"]})).expect(201).json();
    let made = world.server.client(made["key"].as_str().expect("a key"));
    assert!(made.post("/collections", &collection("c", "public")).status == 403);
    operator.post("/collections", &collection("c", "public")).expect(201);
}

#[test]
fn a_key_never_makes_one_that_may_more_or_lasts_longer() {
    let world = World::new();
    let made = |client: &Client, body: Value| client.post("/account/keys", &body).expect(201).json();
    let with = |key: &Value| world.server.client(key["key"].as_str().expect("a key"));
    // A key of an administrator that is a user's only, and one that it makes.
    world.key("root", "administrator").get("/admin/users").expect(200);
    let narrow = world.key("root", "user");
    narrow.get("/admin/users").problem(403);
    let child = with(&made(&narrow, json!({"name": "child"})));
    child.get("/account").expect(200);
    child.get("/admin/users").problem(403);
    let ana = world.key("ana", "user");
    let short = made(&ana, json!({"name": "short", "expires_days": 1}));
    for (name, days) in [("as long", None), ("longer", Some(30))] {
        let mut body = json!({"name": name});
        if let Some(days) = days {
            body["expires_days"] = json!(days);
        }
        made(&with(&short), body);
    }
    let keys = ana.get("/account/keys").expect(200).json();
    let ends = |name: &str| {
        let all = keys["keys"].as_array().expect("a list");
        all.iter().find(|key| key["name"] == name).map(|key| key["expires"].clone()).expect("the key")
    };
    assert!(ends("short").is_string(), "{keys}");
    assert_eq!((ends("as long"), ends("longer")), (ends("short"), ends("short")));
    assert!(is(&ana.post("/account/keys", &json!({"scopes": []})).problem(400), "key-scope"));
}

#[test]
fn who_has_the_role_of_visitors_takes_no_files_and_makes_no_keys() {
    let world = World::new();
    let vic = world.key("vic", "visitor");
    vic.get("/account").expect(200);
    for path in ["/account/keys", "/api/download/workflows"] {
        let body = json!({"search": {"collections": ["c"]}});
        let body = if path.starts_with("/account") { json!({}) } else { body };
        assert!(is(&vic.post(path, &body).problem(403), "role-required"), "{path}");
    }
}

#[test]
fn too_many_attempts_have_to_wait_whether_or_not_there_is_an_account() {
    let world = World::new();
    world.member("ana@water.example");
    for email in ["ana@water.example", "nobody@water.example"] {
        for attempt in 1..=5 {
            assert_eq!(world.sign_in(email, "a wrong password").status, 401, "attempt {attempt} of {email}");
        }
        let refused = world.sign_in(email, PASSWORD);
        let wait: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("a time to wait");
        assert!((14 * 60..=15 * 60).contains(&wait), "the whole wait, and not a guess: {wait}");
        assert!(refused.header("ratelimit").is_some_and(|text| text.starts_with("\"attempts\";r=0")));
        assert!(is(&refused.problem(429), "too-many-attempts"), "{email}");
        let metrics = world.visitor.get("/metrics").expect(200).text();
        for reason in ["password", "attempts"] {
            assert!(metrics.contains(&format!("nilometer_auth_failures_total{{reason=\"{reason}\"}}")), "{metrics}");
        }
    }
    // The same with forms: a page says so.
    let form = format!("email={}&password=x", encode("ana@water.example"));
    let page =
        world.visitor.send("POST", "/sign-in", &[FORM, ("accept", "text/html")], Some(form.as_bytes())).expect(429);
    assert!(page.text().contains("too many attempts") || page.text().contains("Too many attempts"), "{}", page.text());
}

#[test]
fn an_account_takes_its_data_out_and_goes() {
    let world = World::new();
    let ana = world.member("ana@water.example");
    let key = ana.write("POST", "/account/keys", &json!({"name": "laptop"})).expect(201).json();
    let key = key["key"].as_str().expect("a key").to_owned();
    let export = ana.get("/account/export").expect(200);
    assert!(export.header("content-disposition").is_some_and(|value| value.contains("attachment")));
    let data = export.json();
    assert_eq!(data["account"]["email"], "ana@water.example");
    assert_eq!(data["keys"][0]["name"], "laptop");
    assert!(
        data["audit"].as_array().is_some_and(|rows| rows.iter().any(|row| row["action"] == "key.create")),
        "{data}"
    );
    assert!(!export.text().contains("argon2") && !export.text().contains(&key));
    let delete = |body: &Value| ana.write("DELETE", "/account", body);
    assert!(is(&delete(&json!({"confirm": "ana", "password": PASSWORD})).problem(400), "confirm-name"));
    assert!(is(
        &delete(&json!({"confirm": "ana@water.example", "password": "not mine at all"})).problem(403),
        "password-wrong"
    ));
    delete(&json!({"confirm": "ana@water.example", "password": PASSWORD})).expect(204);
    ana.get("/account").problem(401);
    world.server.client(&key).get("/account").problem(401);
    world.sign_in("ana@water.example", PASSWORD).problem(401);
    // The address is free again.
    world.member("ana@water.example");
    world.check().success();
}

#[test]
fn administrators_look_after_accounts_and_operators_after_groups() {
    let world = World::new();
    let (admin, operator) = (world.key("root", "administrator"), world.key("boss", "operator"));
    let ana = world.member("ana@water.example");
    ana.get("/admin/users").problem(403);
    world.visitor.get("/admin/users").problem(401);
    let users = operator.get("/admin/users").expect(200).json();
    let of = |name: &str| {
        let found = users["users"].as_array().expect("a list").iter().find(|user| user["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {users}")).clone()
    };
    let id = of("ana@water.example")["id"].clone();
    let path = format!("/admin/users/{id}");
    assert!(is(&operator.json("PATCH", &path, &json!({"role": "operator"})).problem(403), "role-required"));
    operator.get("/admin/audit").problem(403);
    admin.json("PATCH", &path, &json!({"role": "operator"})).expect(200);
    ana.get("/admin/users").expect(200);
    ana.write("POST", "/collections", &collection("written", "public")).expect(201);
    // Closed: the session is over, no sign-in, and open again.
    admin.json("PATCH", &path, &json!({"disabled": true})).expect(200);
    ana.get("/account").problem(401);
    world.sign_in("ana@water.example", PASSWORD).problem(401);
    admin.json("PATCH", &path, &json!({"disabled": false, "role": "user"})).expect(200);
    world.sign_in("ana@water.example", PASSWORD).expect(200);
    // The last administrator stays.
    let root = format!("/admin/users/{}", of("root")["id"]);
    assert!(is(&admin.json("PATCH", &root, &json!({"role": "user"})).problem(409), "last-administrator"));
    assert!(is(&admin.delete(&root).problem(409), "last-administrator"));
    // Groups.
    operator.post("/admin/groups", &json!({"name": "hydrologists"})).expect(201);
    operator.post("/admin/groups", &json!({"name": "hydrologists"})).problem(409);
    operator.post("/admin/groups", &json!({"name": "not a name"})).problem(400);
    let member = format!("/admin/groups/hydrologists/members/{}", encode("ana@water.example"));
    operator.put(&member, &json!({})).expect(204);
    operator.put(&member, &json!({})).expect(204);
    operator.put("/admin/groups/hydrologists/members/nobody", &json!({})).problem(404);
    let groups = operator.get("/admin/groups").expect(200).json();
    assert_eq!(groups["groups"][0]["members"], json!(["ana@water.example"]));
    assert_eq!(admin.get(&path).expect(200).json()["groups"], json!(["hydrologists"]));
    operator.delete(&member).expect(204);
    operator.delete("/admin/groups/hydrologists").expect(204);
    // A new account with a link that sets its password.
    let made = admin.post("/admin/users", &json!({"name": "Bob", "email": "bob@water.example"})).expect(201).json();
    let token = token_of(made["password_link"].as_str().expect("a link"));
    world.visitor.post("/password/reset", &json!({"token": token, "password": PASSWORD})).expect(200);
    world.sign_in("bob@water.example", PASSWORD).expect(200);
    admin.delete(&format!("/admin/users/{}", made["id"])).expect(204);
    world.sign_in("bob@water.example", PASSWORD).problem(401);
    // All of it is in the log, which is whole.
    let log = admin.get("/admin/audit?limit=1000").expect(200).json();
    let rows = log["rows"].as_array().expect("rows");
    for action in [
        "account.sign-up",
        "account.confirm",
        "session.sign-in",
        "user.role",
        "user.close",
        "user.open",
        "user.create",
        "user.delete",
        "group.create",
        "group.add",
        "group.remove",
        "group.delete",
        "key.create",
        "password.reset",
        "collection.write",
    ] {
        assert!(rows.iter().any(|row| row["action"] == action), "{action} is missing");
    }
    assert!(rows.iter().all(|row| !row.to_string().contains(PASSWORD)));
    assert!(rows.iter().any(|row| row["address"] == "127.0.0.1" && row["actor"] == "root"));
    world.check().success();
    let pages =
        ["/admin", "/admin/users", "/admin/groups", "/admin/audit", "/account", "/account/keys", "/account/licences"];
    for path in pages {
        for lang in ["en", "fr"] {
            let page = admin.send("GET", &format!("{path}?lang={lang}"), &[("accept", "text/html")], None).expect(200);
            let text = page.text();
            assert!(text.contains("<h1>") && text.contains(&format!("<html lang=\"{lang}\"")), "{path}");
        }
        // Who is not signed in is led there and back; programs are told.
        let sent = world.visitor.send("GET", path, &[("accept", "text/html")], None).expect(303);
        assert_eq!(sent.header("location"), Some(format!("/sign-in?next={}", encode(path)).as_str()));
        world.visitor.get(path).problem(401);
    }
    let overview = admin.get("/admin").expect(200).json();
    assert!(overview["accounts"].as_i64() > Some(1) && overview["audit"].as_i64() > Some(5), "{overview}");
    assert!(operator.get("/admin").expect(200).json()["audit"].is_null(), "the log is for administrators");
    world.server.finish();
}

#[test]
fn the_first_administrator_comes_from_the_command_line() {
    let world = World::new();
    let add = ["admin", "user", "add", "--name", "ana", "--email", "ana@water.example", "--role", "administrator"];
    let output = world.command(&add).success();
    let link = output.stdout.lines().last().expect("a line").to_owned();
    world.command(&add).failure();
    world.visitor.post("/password/reset", &json!({"token": token_of(&link), "password": PASSWORD})).expect(200);
    let ana = Browser::of(&world, &world.sign_in("ana@water.example", PASSWORD).expect(200));
    ana.get("/admin/audit").expect(200);
    // A key without a role of its own has the account's.
    let key = world.command(&["admin", "key", "create", "--user", "ana"]).success().stdout;
    let key = world.server.client(key.lines().last().expect("a key").trim());
    assert_eq!(key.get("/account").expect(200).json()["role"], "administrator");
    key.get("/admin/users").expect(200);
    assert!(world.command(&["admin", "user", "list"]).success().stdout.contains("ana@water.example"));
    // Demoted, keys of a greater role than the account's end.
    let strong = world.key("eve", "administrator");
    strong.get("/admin/users").expect(200);
    world.command(&["admin", "user", "role", "--name", "eve", "--role", "user"]).success();
    std::thread::sleep(Duration::from_millis(2_500));
    strong.get("/account").problem(401);
}

#[test]
fn secrets_are_in_no_file_log_or_answer() {
    let world = World::new();
    let ana = world.member("ana@water.example");
    let key = ana.write("POST", "/account/keys", &json!({"name": "laptop"})).expect(201).json();
    let key = key["key"].as_str().expect("a key").to_owned();
    let reset = {
        world.visitor.post("/password/forgot", &json!({"email": "ana@water.example"})).expect(202);
        token_of(&world.letter(2))
    };
    let session = ana.cookie.split_once('=').expect("a pair").1.to_owned();
    let lines = world.server.lines().join("\n");
    let data = world.data.clone();
    world.server.finish();
    for secret in [PASSWORD, key.as_str(), session.as_str(), reset.as_str()] {
        assert!(!lines.contains(secret), "the log holds {secret}");
        for file in nilometer_tests::files(&data) {
            let letter = file.extension().is_some_and(|ending| ending == "eml");
            let bytes = fs::read(&file).expect("a file");
            let holds = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!holds || letter, "{} holds {secret}", file.display());
        }
    }
    assert!(!lines.contains("ana@water.example"), "log lines name nobody");
}

#[test]
fn a_changed_audit_log_is_found() {
    let world = World::new();
    let admin = world.key("root", "administrator");
    for name in ["a", "b", "c"] {
        admin.post("/admin/groups", &json!({"name": name})).expect(201);
    }
    let data = world.data.clone();
    world.server.finish();
    let data = data.to_str().expect("a plain name");
    nilometer(Path::new("/"), &["check", "--data", data]).success();
    let file = Path::new(data).join("state.sqlite");
    let bytes = fs::read(&file).expect("the accounts");
    let at = bytes.windows(12).position(|window| window == b"group.create").expect("an act");
    let mut changed = bytes.clone();
    changed[at..at + 12].copy_from_slice(b"group.creatx");
    fs::write(&file, changed).expect("written");
    let found = nilometer(Path::new("/"), &["check", "--data", data]).failure();
    assert!(found.stdout.contains("audit"), "{}", found.stdout);
    fs::write(&file, bytes).expect("written");
    nilometer(Path::new("/"), &["check", "--data", data]).success();
}

#[test]
fn what_holds_a_token_of_a_session_is_not_compressed() {
    let world = World::new();
    let browser = world.member("ana@water.example");
    let ask = |path: &str, accept: &str| {
        let headers = [("accept", accept), ("accept-encoding", "gzip"), ("cookie", browser.cookie.as_str())];
        world.visitor.send("GET", path, &headers, None).expect(200)
    };
    for accept in ["text/html", "application/json"] {
        let account = ask("/account", accept);
        assert_eq!(account.header("content-encoding"), None, "{accept}");
        assert!(account.text().contains(&browser.csrf), "{accept}");
    }
    assert_eq!(ask("/collections", "text/html").header("content-encoding"), Some("gzip"));
    world.server.finish();
}

#[test]
fn closed_sign_up_and_open_lines_are_refused() {
    let world = World::with(&["--set", "accounts.sign_up=closed"]);
    let body = json!({"email": "ana@water.example", "password": PASSWORD});
    assert!(is(&world.visitor.post("/sign-up", &body).problem(403), "sign-up-closed"));
    let world = World::new();
    let headers = [("content-type", "application/json"), ("host", "water.example")];
    let answer = world.visitor.send("POST", "/sign-in", &headers, Some(body.to_string().as_bytes()));
    assert!(is(&answer.problem(403), "https-required"));
    // Letters lead to the address of the settings, whatever a request calls this host.
    let headers = [("content-type", "application/json"), ("host", "localhost:1")];
    world.visitor.send("POST", "/sign-up", &headers, Some(body.to_string().as_bytes())).expect(202);
    assert!(world.letter(1).contains(&format!("{}/sign-up/confirm?token=", world.server.url())));
    for weak in ["short", "password123", "aaaaaaaaaaaa"] {
        let body = json!({"email": "bob@water.example", "password": weak});
        assert!(is(&world.visitor.post("/sign-up", &body).problem(400), "password-weak"), "{weak}");
    }
    for email in ["bob", "bob@water.example\r\nBcc: eve@evil.example", "a@b"] {
        let body = json!({"email": email, "password": PASSWORD});
        assert!(is(&world.visitor.post("/sign-up", &body).problem(400), "email"), "{email:?}");
    }
}

#[test]
fn pages_work_without_scripts_in_both_languages() {
    let world = World::new();
    for (path, english, french) in [
        ("/sign-in", "Sign in", "Se connecter"),
        ("/sign-up", "Make an account", "Créer un compte"),
        ("/sign-up/confirm?token=0", "Confirm your address", "Confirmez votre adresse"),
        ("/password/forgot", "Password forgotten", "Mot de passe oublié"),
        ("/password/reset?token=0", "Choose a new password", "Choisissez un nouveau mot de passe"),
    ] {
        for (language, heading) in [("en", english), ("fr", french)] {
            let headers = [("accept", "text/html"), ("accept-language", language)];
            let page = world.visitor.send("GET", path, &headers, None).expect(200);
            let text = page.text();
            assert!(
                text.contains(&format!("<h1>{heading}</h1>")) && text.contains("method=\"post\""),
                "{path}: {text}"
            );
            assert_eq!(page.header("cache-control"), Some("no-store"));
        }
    }
    let to = world.visitor.send("GET", "/account", &[("accept", "text/html")], None).expect(303);
    assert_eq!(to.header("location"), Some("/sign-in?next=%2Faccount"));
}
