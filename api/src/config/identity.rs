//! Settings of accounts, mail and outside issuers.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use nilometer_schemas::Role;
use zeroize::Zeroizing;

use super::network::WebAddress;
use crate::accounts::SessionTimes;

/// Whether anybody may sign up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUp {
    /// Yes.
    Open,
    /// Administrators alone make accounts.
    Closed,
}

/// Where people may sign in without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainHttp {
    /// On the machine itself.
    Loopback,
    /// Everywhere: passwords and cookies can be read on the way.
    Anywhere,
}

/// How mail leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSender {
    /// As files in `mail` of the data directory.
    File,
    /// By a program that takes a whole message, such as sendmail.
    Command,
}

/// A small set of words with a name each.
macro_rules! words {
    ($kind:ty, $($word:literal => $value:expr),+) => {
        impl FromStr for $kind {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok($value),)+
                    other => Err(format!("{other:?} is none of {}", [$($word),+].join(", "))),
                }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let words = [$(($word, $value)),+];
                f.write_str(words.iter().find(|(_, value)| value == self).map_or("", |(word, _)| word))
            }
        }
    };
}

words!(SignUp, "open" => SignUp::Open, "closed" => SignUp::Closed);
words!(PlainHttp, "loopback" => PlainHttp::Loopback, "anywhere" => PlainHttp::Anywhere);
words!(MailSender, "file" => MailSender::File, "command" => MailSender::Command);

/// A secret; whoever prints a configuration does not print it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Wraps a text.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned().into())
    }

    /// The secret itself, for the one who needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What a list of settings shows of it.
    pub fn shown(&self) -> String {
        if self.0.is_empty() { String::new() } else { "(set)".into() }
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// An issuer's role and what it means here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleMapping {
    /// The issuer's name.
    pub theirs: String,
    /// Ours.
    pub ours: Role,
}

impl FromStr for RoleMapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.rsplit_once('=').map(|(theirs, ours)| (theirs.trim(), Role::of_name(ours.trim())));
        match parts {
            Some((theirs, Some(ours))) if !theirs.is_empty() => Ok(Self { theirs: theirs.to_owned(), ours }),
            _ => Err(format!("{text:?} is no THEIRS=OURS with one of our roles")),
        }
    }
}

impl fmt::Display for RoleMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.theirs, self.ours.name())
    }
}

/// A signature that tokens may have. Those with shared secrets are none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// RSA, PKCS #1 v1.5, SHA-256.
    Rs256,
    /// RSA, PSS, SHA-256.
    Ps256,
    /// ECDSA, P-256.
    Es256,
    /// ECDSA, P-384.
    Es384,
    /// Edwards curves.
    EdDsa,
}

words!(TokenAlgorithm, "RS256" => TokenAlgorithm::Rs256, "PS256" => TokenAlgorithm::Ps256,
    "ES256" => TokenAlgorithm::Es256, "ES384" => TokenAlgorithm::Es384, "EdDSA" => TokenAlgorithm::EdDsa);

/// Accounts of our own.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountSettings {
    /// Whether anybody may sign up.
    pub sign_up: SignUp,
    /// When sessions end.
    pub sessions: SessionTimes,
    /// Where people may sign in without TLS.
    pub plain_http: PlainHttp,
    /// Days that the audit log keeps.
    pub audit_days: u32,
    /// Whether the audit log holds who fetched which file.
    pub audit_downloads: bool,
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self {
            sign_up: SignUp::Open,
            sessions: SessionTimes::default(),
            plain_http: PlainHttp::Loopback,
            audit_days: 0,
            audit_downloads: true,
        }
    }
}

/// Mail.
#[derive(Clone, Debug, PartialEq)]
pub struct MailSettings {
    /// How it leaves.
    pub sender: MailSender,
    /// The program and its arguments.
    pub command: String,
    /// Who it is from.
    pub from: String,
    /// Days that letters in files are kept.
    pub days: u32,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self { sender: MailSender::File, command: String::new(), from: String::new(), days: 30 }
    }
}

/// An outside issuer (OpenID Connect).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OidcSettings {
    /// Its address.
    pub issuer: Option<WebAddress>,
    /// What people call it.
    pub name: String,
    /// What it calls this service.
    pub client_id: String,
    /// How this service shows that it is the one.
    pub client_secret: SecretText,
    /// File with the same.
    pub client_secret_file: Option<PathBuf>,
    /// What tokens of programs must be made for.
    pub audience: String,
    /// Clients whose tokens count; none names all.
    pub clients: Vec<String>,
    /// Signatures that count.
    pub algorithms: Vec<TokenAlgorithm>,
    /// What is asked for at a sign-in.
    pub scopes: Vec<String>,
    /// The issuer's roles and ours.
    pub roles: Vec<RoleMapping>,
    /// Claim with names of groups, which count as roles do.
    pub groups_claim: String,
}

impl OidcSettings {
    /// The client's secret, from the file where one is named.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn secret(&self) -> std::io::Result<SecretText> {
        match &self.client_secret_file {
            Some(file) => Ok(SecretText::new(std::fs::read_to_string(file)?.trim())),
            None => Ok(self.client_secret.clone()),
        }
    }

    /// What no single key can say.
    pub(super) fn validate(&self) -> Result<(), String> {
        let Some(issuer) = &self.issuer else { return Ok(()) };
        if !is_safe(&issuer.to_string()) {
            return Err(format!("oidc.issuer is {issuer}: it begins with https://, but for an issuer on this machine"));
        }
        if self.client_id.is_empty() && self.audience.is_empty() {
            return Err(
                "oidc.issuer needs oidc.client_id for sign-ins, oidc.audience for tokens of programs, or both".into()
            );
        }
        self.secret().map(drop).map_err(|error| format!("oidc.client_secret_file: {error}"))
    }
}

/// Whether an address is reached over TLS, or does not leave the machine.
pub(crate) fn is_safe(address: &str) -> bool {
    address.starts_with("https://") || address.strip_prefix("http://").is_some_and(is_loopback)
}

/// Whether an authority, and what may follow it, names this machine.
pub(crate) fn is_loopback(authority: &str) -> bool {
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_reached_safely_or_not_at_all() {
        for (address, safe) in [
            ("https://id.example/realms/water", true),
            ("http://127.0.0.1:8080/x", true),
            ("http://[::1]:80", true),
            ("http://localhost:9", true),
            ("http://id.example", false),
            ("http://127.0.0.1.evil.example", false),
            ("http://localhost.evil.example", false),
            ("http://user@127.0.0.1", false),
        ] {
            assert_eq!(is_safe(address), safe, "{address}");
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let secret = SecretText::new("high water");
        assert_eq!((format!("{secret:?}"), secret.shown()), ("(set)".to_owned(), "(set)".to_owned()));
    }

    #[test]
    fn roles_are_mapped_by_name() {
        let mapping: RoleMapping = "a=b = operator".parse().expect("a mapping");
        assert_eq!((mapping.theirs.as_str(), mapping.ours), ("a=b", Role::Operator));
        assert!("x=king".parse::<RoleMapping>().is_err() && "operator".parse::<RoleMapping>().is_err());
    }
}
