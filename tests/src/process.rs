//! The binary as a process: finding it, running its commands, starting and stopping a server.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::Client;

/// Most time a server may take from its start to `/readyz`; far above what is normal, so that only a hang fails.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// Most time between SIGTERM and the end of the process.
const STOPPED_WITHIN: Duration = Duration::from_secs(40);

/// The binary under test: `NILOMETER_BIN`, or the one beside this test, built when it is needed.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("NILOMETER_BIN") {
            return fs::canonicalize(path).expect("NILOMETER_BIN names a file");
        }
        let test = std::env::current_exe().expect("a test knows its own file");
        let mut folder = test.parent().expect("a test lies in a folder");
        if folder.ends_with("deps") {
            folder = folder.parent().expect("deps lies in a profile's folder");
        }
        let profile = if folder.ends_with("release") { "release" } else { "dev" };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--quiet", "--package", "nilometer-api", "--bin", "nilometer", "--profile", profile])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .env("CARGO_TARGET_DIR", folder.parent().expect("a profile's folder lies in the target folder"))
            .status()
            .expect("cargo can be run");
        assert!(status.success(), "the binary does not build");
        folder.join("nilometer")
    })
}

/// The binary, ready to be given arguments. The tests' own variables are kept from it, since it refuses unknown ones.
pub fn command() -> Command {
    without_own_variables(Command::new(binary()))
}

fn without_own_variables(mut command: Command) -> Command {
    for name in ["NILOMETER_BIN", "NILOMETER_LONG", "NILOMETER_ROUNDS", "NILOMETER_SEARCHES", "NILOMETER_SEED"] {
        command.env_remove(name);
    }
    command
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Output {
    /// Exit status.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Ends the test unless the command succeeded.
    #[track_caller]
    pub fn success(self) -> Self {
        assert!(self.status.success(), "{}\nstdout: {}\nstderr: {}", self.status, self.stdout, self.stderr);
        self
    }

    /// Ends the test unless the command failed by its own decision: an exit code, no signal and no panic (101).
    #[track_caller]
    pub fn failure(self) -> Self {
        let code = self.status.code();
        assert!(
            code.is_some_and(|code| code != 0 && code != 101) && !self.stderr.contains("panicked at"),
            "{}\nstdout: {}\nstderr: {}",
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }
}

/// Runs one command of the binary in a folder.
#[track_caller]
pub fn nilometer(folder: &Path, arguments: &[&str]) -> Output {
    let output =
        command().args(arguments).current_dir(folder).stdin(Stdio::null()).output().expect("the binary can be run");
    Output {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A path as an argument.
fn argument(path: &Path) -> &str {
    path.to_str().expect("test folders have plain names")
}

/// Creates an operator's key for a data directory.
#[track_caller]
pub fn operator_key(data: &Path) -> String {
    key_of(data, "tester", "operator")
}

/// Creates a key for a data directory.
#[track_caller]
pub fn key_of(data: &Path, user: &str, role: &str) -> String {
    let arguments = ["admin", "key", "create", "--data", argument(data), "--user", user, "--role", role];
    let output = nilometer(Path::new("/"), &arguments).success();
    let key = output.stdout.lines().last().unwrap_or_default().trim().to_owned();
    assert!(!key.is_empty() && !key.contains(' '), "the last line is no key: {:?}", output.stdout);
    key
}

/// Files of a folder and of those below it, by path.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// Copies a folder with all it holds.
///
/// # Errors
/// When a file cannot be read or written; one that vanished meanwhile is left out.
pub fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            let copied = fs::copy(entry.path(), &target);
            if copied.as_ref().is_err_and(|e| e.kind() != std::io::ErrorKind::NotFound) {
                copied?;
            }
        }
    }
    Ok(())
}

/// A fresh copy of the demo data. The demo is made once for each build of the binary and kept in the target folder.
pub fn demo_copy(to: &Path) {
    static MASTER: OnceLock<PathBuf> = OnceLock::new();
    let master = MASTER.get_or_init(|| {
        let built = fs::metadata(binary()).and_then(|m| m.modified()).expect("the binary is there");
        let stamp = built.duration_since(SystemTime::UNIX_EPOCH).expect("built after 1970").as_nanos();
        let folder = binary().parent().expect("the binary lies in a folder").join("nilometer-demo");
        let master = folder.join(stamp.to_string());
        if !master.exists() {
            // Older ones go; made under another name first, so that a broken run leaves no half demo behind.
            drop(fs::remove_dir_all(&folder));
            let half = folder.join(format!("{stamp}-{}", std::process::id()));
            nilometer(Path::new("/"), &["demo", "--data", argument(&half)]).success();
            if fs::rename(&half, &master).is_err() {
                assert!(master.exists(), "the demo could not be put in place");
            }
        }
        master
    });
    copy_folder(master, to).expect("the demo can be copied");
}

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    address: SocketAddr,
    /// Time from the start of the process to `/readyz`.
    pub ready_after: Duration,
}

impl Server {
    /// Starts `nilometer serve` on a free port and waits until it is ready.
    #[track_caller]
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// The same with more arguments.
    #[track_caller]
    pub fn start_with(data: &Path, arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(["serve", "--data", argument(data), "--listen", "127.0.0.1:0"]).args(arguments);
        Self::start_command(command)
    }

    /// Starts a server by a command of the caller's (a shell that sets something up and then `exec`s the binary).
    #[track_caller]
    pub fn start_command(command: Command) -> Self {
        let begun = Instant::now();
        let mut child = without_own_variables(command)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be run");
        let log = Arc::new(Mutex::new(Vec::new()));
        collect(child.stdout.take().expect("stdout is piped"), &log);
        collect(child.stderr.take().expect("stderr is piped"), &log);
        let mut server =
            Self { child, log, address: SocketAddr::from(([127, 0, 0, 1], 0)), ready_after: begun.elapsed() };
        server.address = server.wait_for(begun, |server| server.lines().iter().find_map(|line| listening_on(line)));
        let visitor = server.visitor();
        server.wait_for(begun, |_| {
            let answer = visitor.try_send("GET", "/readyz", &[], None).ok()?;
            (answer.status == 200).then_some(())
        });
        server.ready_after = begun.elapsed();
        server
    }

    #[track_caller]
    fn wait_for<T>(&mut self, begun: Instant, mut ready: impl FnMut(&Self) -> Option<T>) -> T {
        loop {
            if let Some(value) = ready(self) {
                return value;
            }
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                thread::sleep(Duration::from_millis(50));
                panic!("the server ended ({status}):\n{}", self.lines().join("\n"));
            }
            assert!(begun.elapsed() < READY_WITHIN, "the server is not ready:\n{}", self.lines().join("\n"));
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Somebody without a key.
    pub fn visitor(&self) -> Client {
        Client::visitor(self.address)
    }

    /// Somebody with this key.
    pub fn client(&self, key: &str) -> Client {
        self.visitor().with_key(key)
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it logged so far, both streams.
    pub fn lines(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the process still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Sends a signal by name (`TERM`, `STOP`, `CONT`).
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.pid())]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{name} could not be sent");
    }

    /// SIGKILL, at once and without warning.
    pub fn kill(mut self) {
        self.child.kill().expect("a child of ours can be killed");
        self.child.wait().expect("a child of ours ends");
    }

    /// SIGTERM; ends the test unless the server stops in time, with code 0 and without an error or panic in its log.
    #[track_caller]
    pub fn finish(mut self) {
        self.signal("TERM");
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                break status;
            }
            assert!(begun.elapsed() < STOPPED_WITHIN, "the server does not stop:\n{}", self.lines().join("\n"));
            thread::sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "the server ended with {status}:\n{}", self.lines().join("\n"));
        let bad: Vec<String> = self.lines().into_iter().filter(|line| is_bad(line)).collect();
        assert!(bad.is_empty(), "the log is not clean:\n{}", bad.join("\n"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.is_alive() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

fn collect(stream: impl Read + Send + 'static, log: &Arc<Mutex<Vec<String>>>) {
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    });
}

fn listening_on(line: &str) -> Option<SocketAddr> {
    let at = line.find("http://127.0.0.1:")? + "http://".len();
    let end = line[at..].find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').map_or(line.len(), |n| at + n);
    line[at..end].trim_end_matches(['.', ':']).parse().ok().filter(|address: &SocketAddr| address.port() != 0)
}

fn is_bad(line: &str) -> bool {
    line.contains("panicked at") || line.contains(" ERROR ") || line.contains("\"level\":\"ERROR\"")
}
