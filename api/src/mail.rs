//! Mail: what is said, and how it leaves. Files by default; a program such as sendmail, msmtp or a script of one's own
//! where mail shall reach people. The protocol of mail is left to those programs: they know queues, TLS and retries.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant as Moment, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nilometer_indexer::Clock;
use time::macros::format_description;

use crate::config::{Config, MailSender};
use crate::problem::ApiError;
use crate::state::{Random, run_blocking};

/// Folder of mail in the data directory.
const FOLDER: &str = "mail";
/// Time that a program may take for one message.
const SENT_WITHIN: Duration = Duration::from_secs(30);

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// To whom: an address that was checked.
    pub(crate) to: String,
    /// What it is about.
    pub(crate) subject: String,
    /// The text.
    pub(crate) text: String,
}

/// A way for mail to leave.
trait Sender: Send + Sync {
    /// Hands on a whole message (RFC 5322). Blocks.
    fn send(&self, message: &[u8], name: &str) -> Result<(), String>;

    /// Removes messages that were handed on before a moment, where it keeps any. Blocks.
    fn clean_up(&self, before: SystemTime) -> Result<(), String>;
}

/// As files, which somebody or something looks at. They hold links that open accounts: their owner alone reads them.
struct Files(PathBuf);

impl Sender for Files {
    fn send(&self, message: &[u8], name: &str) -> Result<(), String> {
        let told = |error: std::io::Error| format!("{}: {error}", self.0.display());
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(told)?;
        // Written aside and renamed, so that nobody reads half a message.
        let (aside, file) = (self.0.join(format!(".{name}")), self.0.join(format!("{name}.eml")));
        let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside);
        written.and_then(|mut file| file.write_all(message).and_then(|()| file.sync_all())).map_err(told)?;
        std::fs::rename(&aside, &file).map_err(told)
    }

    fn clean_up(&self, before: SystemTime) -> Result<(), String> {
        let Ok(entries) = std::fs::read_dir(&self.0) else { return Ok(()) };
        let mut left = Ok(());
        for entry in entries.flatten() {
            let is_old = |of: std::fs::Metadata| of.is_file() && of.modified().is_ok_and(|at| at < before);
            if entry.metadata().is_ok_and(is_old) {
                match std::fs::remove_file(entry.path()) {
                    // Another process may have been quicker.
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        left = Err(format!("{}: {error}", entry.path().display()));
                    }
                    _ => {}
                }
            }
        }
        left
    }
}

/// By a program that takes the message on its standard input.
struct Program(Vec<String>);

impl Sender for Program {
    fn send(&self, message: &[u8], _: &str) -> Result<(), String> {
        let (program, arguments) = self.0.split_first().ok_or("no program is named")?;
        let told = |error: std::io::Error| format!("{program}: {error}");
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(told)?;
        // A message is smaller than a pipe's room, so this does not wait for a program that hangs.
        let written = child.stdin.take().map_or(Ok(()), |mut input| input.write_all(message));
        let begun = Moment::now();
        let status = loop {
            match child.try_wait().map_err(told)? {
                Some(status) => break status,
                None if begun.elapsed() > SENT_WITHIN => {
                    child.kill().and_then(|()| child.wait()).map_err(told)?;
                    return Err(format!("{program} took longer than {} seconds", SENT_WITHIN.as_secs()));
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        match (status.success(), written) {
            (true, Ok(())) => Ok(()),
            (true, Err(error)) => Err(told(error)),
            (false, _) => Err(format!("{program} ended with {status}")),
        }
    }

    fn clean_up(&self, _: SystemTime) -> Result<(), String> {
        Ok(())
    }
}

/// Writes messages and sends them. Clones share the way.
#[derive(Clone)]
pub(crate) struct Mailer {
    sender: Arc<dyn Sender>,
    from: String,
    clock: Clock,
    random: Random,
}

impl Mailer {
    /// As the settings say.
    pub(crate) fn new(config: &Config, clock: Clock, random: Random) -> Self {
        let sender: Arc<dyn Sender> = match config.mail.sender {
            MailSender::File => Arc::new(Files(config.data.join(FOLDER))),
            MailSender::Command => {
                Arc::new(Program(config.mail.command.split_whitespace().map(str::to_owned).collect()))
            }
        };
        Self { sender, from: config.mail.from.clone(), clock, random }
    }

    /// Sends a message; returns when it was handed on.
    ///
    /// # Errors
    /// `Internal` if it was not.
    pub(crate) async fn send(&self, message: Message) -> Result<(), ApiError> {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes).map_err(ApiError::internal)?;
        let id: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let micros = (self.clock)().0;
        let text = written(&message, &self.from, &id, micros);
        let (sender, name) = (Arc::clone(&self.sender), format!("{micros}-{id}"));
        run_blocking(move || sender.send(text.as_bytes(), &name).map_err(ApiError::internal)).await
    }

    /// Removes letters in files that are older than so many days.
    ///
    /// # Errors
    /// `Internal` where the folder cannot be changed.
    pub(crate) async fn clean_up(&self, days: u32) -> Result<(), ApiError> {
        let now = Duration::from_micros((self.clock)().0.unsigned_abs());
        let before = SystemTime::UNIX_EPOCH + now.saturating_sub(Duration::from_secs(u64::from(days) * 86_400));
        let sender = Arc::clone(&self.sender);
        run_blocking(move || sender.clean_up(before).map_err(ApiError::internal)).await
    }
}

/// The message as RFC 5322 wants it.
fn written(message: &Message, from: &str, id: &str, micros: i64) -> String {
    let moment = time::OffsetDateTime::from_unix_timestamp(micros.div_euclid(1_000_000));
    let format =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] +0000");
    let date = moment.ok().and_then(|moment| moment.format(&format).ok()).unwrap_or_default();
    let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain.trim_end_matches('>'));
    let lines = [
        format!("From: {}", one_line(from)),
        format!("To: {}", one_line(&message.to)),
        format!("Subject: {}", header_text(&message.subject)),
        format!("Date: {date}"),
        format!("Message-ID: <{id}@{}>", one_line(domain)),
        "MIME-Version: 1.0".into(),
        "Content-Type: text/plain; charset=utf-8".into(),
        "Content-Transfer-Encoding: 8bit".into(),
        "Auto-Submitted: auto-generated".into(),
        String::new(),
        message.text.replace('\n', "\r\n"),
    ];
    format!("{}\r\n", lines.join("\r\n"))
}

fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// RFC 2047 for what is not ASCII.
fn header_text(text: &str) -> String {
    let text = one_line(text);
    if text.is_ascii() { text } else { format!("=?UTF-8?B?{}?=", STANDARD.encode(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: i64 = 1_700_000_000;

    fn message() -> Message {
        Message {
            to: "ana@water.example\r\nBcc: x@y.example".into(),
            subject: "Confirmez l'été".into(),
            text: "a\nb".into(),
        }
    }

    #[test]
    fn a_message_has_its_headers_and_no_others() {
        let text = written(&message(), "Water <water@h.example>", "1f", 1_700_000_000_000_000);
        assert!(text.contains("To: ana@water.exampleBcc: x@y.example\r\n"), "{text}");
        assert!(text.contains("Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"), "{text}");
        assert!(text.contains("Subject: =?UTF-8?B?") && text.contains("Message-ID: <1f@h.example>"), "{text}");
        assert!(text.ends_with("\r\n\r\na\r\nb\r\n"), "{text}");
    }

    #[tokio::test]
    async fn mail_leaves_as_a_file_or_through_a_program_and_a_failing_one_is_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let mailer = |settings: &[(&str, &str)]| {
            let mut pairs = vec![("data", dir.path().to_str().expect("UTF-8"))];
            pairs.extend_from_slice(settings);
            let config = Config::from_pairs(&pairs).expect("valid");
            Mailer::new(&config, Arc::new(|| nilometer_schemas::Instant(NOW_S * 1_000_000)), Random::system())
        };
        mailer(&[]).send(message()).await.expect("sent");
        let files: Vec<_> = std::fs::read_dir(dir.path().join(FOLDER)).expect("the folder").collect();
        assert_eq!(files.len(), 1);
        // Letters go when they are old, and not before.
        let letter = files[0].as_ref().expect("a letter").path();
        let age = |days: u64| {
            let file = std::fs::File::options().write(true).open(&letter).expect("a letter");
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_S.unsigned_abs());
            file.set_modified(now - Duration::from_secs(days * 86_400)).expect("a file of another day");
        };
        age(29);
        mailer(&[]).clean_up(30).await.expect("cleaned up");
        assert!(letter.exists());
        age(31);
        mailer(&[]).clean_up(30).await.expect("cleaned up");
        assert!(!letter.exists());
        let taken = dir.path().join("taken");
        let command = format!("tee {}", taken.display());
        let program = [("mail.sender", "command"), ("mail.command", command.as_str())];
        mailer(&program).send(message()).await.expect("sent");
        assert!(std::fs::read_to_string(taken).expect("the program ran").contains("Subject: "));
        let failing = [("mail.sender", "command"), ("mail.command", "false")];
        assert!(mailer(&failing).send(message()).await.is_err());
    }
}
