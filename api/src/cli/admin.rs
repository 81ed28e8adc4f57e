//! `nilometer admin`: accounts, API keys and rights, also beside a running server.

use std::io::Read;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use nilometer_schemas::{CollectionId, Instant, Level, Role, Scope};

use super::Outcome;
use super::out::say;
use crate::accounts::{Accounts, Actor, KeyInfo, NewKey, NewUser, Powers, QuotaChange, Terms};
use crate::config::Config;
use crate::routes::DEFAULT_QUOTA;
use crate::state::{Random, system_clock};

/// Most bytes that are read as a password.
const PASSWORD_BYTES_MAX: u64 = 4_096;

/// Manages accounts, API keys and rights; works while the server runs
#[derive(Args)]
#[command(after_help = "\
The first administrator is made here; everything else can be done on the pages of the service then.

Examples:
  nilometer admin user add --data water --name ana --email ana@water.example --role administrator
  nilometer admin key create --data water --user ana --role operator
  KEY=$(nilometer admin key create --data water --user ana --role operator | tail -n 1)
  curl -H \"Authorization: Bearer $KEY\" -T item.json http://127.0.0.1:8080/collections/stations/items/a
  nilometer admin key list --data water
  nilometer admin key revoke --data water 1f2e3d4c5b6a
  nilometer admin grant set --data water --group partners --collection swot --level partial --older-than P30D")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Subject,
}

#[derive(Subcommand)]
enum Subject {
    /// Accounts
    #[command(subcommand)]
    User(UserCommand),
    /// API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// What groups may see of collections
    #[command(subcommand)]
    Grant(GrantCommand),
}

impl Subject {
    /// Whether it makes sense as the first that is done with a data directory.
    fn begins(&self) -> bool {
        matches!(self, Self::User(UserCommand::Add { .. }) | Self::Key(KeyCommand::Create { .. }))
    }
}

#[derive(Subcommand)]
enum UserCommand {
    /// Makes an account; with an address and without a password, the last line is a link that sets one
    #[command(after_help = "\
Examples:
  nilometer admin user add --data water --name ana --email ana@water.example --role administrator
  pass show water/ana | nilometer admin user add --data water --name ana --email ana@water.example --password-stdin")]
    Add {
        /// Name of the account
        #[arg(long, value_name = "NAME")]
        name: String,
        /// Mail address to sign in with; taken as confirmed
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// What the account may do: visitor, user, operator (the catalogue) or administrator (accounts too)
        #[arg(long, default_value = "user", value_parser = parse_role)]
        role: Role,
        /// Read the password from standard input
        #[arg(long, requires = "email")]
        password_stdin: bool,
    },
    /// Lists all accounts
    #[command(after_help = "Example:\n  nilometer admin user list --data water")]
    List,
    /// Gives an account another role
    #[command(after_help = "Example:\n  nilometer admin user role --data water --name ana --role operator")]
    Role {
        /// Name of the account
        #[arg(long, value_name = "NAME")]
        name: String,
        /// The role
        #[arg(long, value_parser = parse_role)]
        role: Role,
    },
    /// Gives an account more or less than all have; what is not named stays
    #[command(after_help = "\
Examples:
  nilometer admin user quota --data water --name ana --download-bytes-per-day 1000000000000
  nilometer admin user quota --data water --name ana --download-bytes-per-day default --running-orders 0")]
    Quota {
        /// Name of the account
        #[arg(long, value_name = "NAME")]
        name: String,
        /// Bytes of files a day (UTC); 0 for no limit, default for what all have
        #[arg(long, value_name = "N", value_parser = parse_limit)]
        download_bytes_per_day: Option<OwnLimit>,
        /// Orders under way at a time; 0 for no limit, default for what all have
        #[arg(long, value_name = "N", value_parser = parse_limit)]
        running_orders: Option<OwnLimit>,
    },
}

/// A limit of an account's own; `None` for what all have.
#[derive(Clone, Copy)]
struct OwnLimit(Option<u64>);

fn parse_limit(text: &str) -> Result<OwnLimit, String> {
    if text == DEFAULT_QUOTA {
        return Ok(OwnLimit(None));
    }
    let number = text.parse::<u64>().ok().filter(|number| i64::try_from(*number).is_ok());
    number
        .map(|number| OwnLimit(Some(number)))
        .ok_or_else(|| format!("{text:?} is neither a number nor {DEFAULT_QUOTA}"))
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Makes a key, and the account if there is none; the key stands on the last line and is shown only once
    #[command(after_help = "Example:\n  nilometer admin key create --data water --user ana --role operator")]
    Create {
        /// Name of the account
        #[arg(long, value_name = "NAME")]
        user: String,
        /// What the key may do in place of the account's role: visitor, user, operator or administrator
        #[arg(long, value_parser = parse_role)]
        role: Option<Role>,
        /// What the key may do of what the role allows: read, download, order, write, admin, with commas; all without it
        #[arg(long, value_name = "SCOPES", default_value = "")]
        scopes: String,
        /// Days until the key ends; without it, it does not
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        expires_days: Option<u32>,
    },
    /// Lists all keys without their secrets
    #[command(after_help = "Example:\n  nilometer admin key list --data water")]
    List,
    /// Takes a key back; running servers refuse it within five seconds
    #[command(after_help = "Example:\n  nilometer admin key revoke --data water 1f2e3d4c5b6a")]
    Revoke {
        /// The key's id: its middle part, as `list` shows it
        id: String,
    },
}

#[derive(Subcommand)]
enum GrantCommand {
    /// Grants something to a group, in place of what was granted to it on the collection before
    #[command(after_help = "\
Examples:
  nilometer admin grant set --data water --group partners --collection swot --level full
  nilometer admin grant set --data water --group everyone --collection swot --level partial --older-than P30D
  nilometer admin grant set --data water --group users --collection gauges --level partial --filter \"country = 'CHE'\"")]
    Set {
        /// Name of the group; everyone is any caller, users is whoever has an account
        #[arg(long, value_name = "NAME")]
        group: String,
        /// Id of the collection
        #[arg(long, value_name = "ID")]
        collection: String,
        /// How much is seen: hidden, metadata, partial or full
        #[arg(long, value_parser = parse_level)]
        level: Level,
        /// The items that are seen at the level partial, as CQL2 text
        #[arg(long, value_name = "CQL2")]
        filter: Option<String>,
        /// How long ago the time of an item must have ended to be seen at the level partial: P30D, PT12H
        #[arg(long, value_name = "DURATION")]
        older_than: Option<String>,
    },
    /// Lists all grants
    #[command(after_help = "Example:\n  nilometer admin grant list --data water")]
    List,
    /// Takes a grant back; running servers follow within five seconds
    #[command(after_help = "Example:\n  nilometer admin grant remove --data water --group partners --collection swot")]
    Remove {
        /// Name of the group
        #[arg(long, value_name = "NAME")]
        group: String,
        /// Id of the collection
        #[arg(long, value_name = "ID")]
        collection: String,
    },
}

fn parse_level(text: &str) -> Result<Level, String> {
    Level::of_name(text).ok_or_else(|| format!("{text:?} is no level: {}", Level::ALL.map(Level::name).join(", ")))
}

fn parse_role(text: &str) -> Result<Role, String> {
    Role::of_name(text).ok_or_else(|| format!("{text:?} is no role: {}", Role::ALL.map(Role::name).join(", ")))
}

pub(super) fn run(arguments: Arguments, config: &Config) -> Outcome {
    if !config.data.is_dir() {
        let data = config.data.display();
        if !arguments.command.begins() {
            return Err(format!("there is no data directory {data}").into());
        }
        say!("making the new data directory {data}");
    }
    super::runtime()?.block_on(async {
        let accounts = Accounts::open(&config.data, system_clock(), Random::system()).await?;
        let code = match arguments.command {
            Subject::User(command) => of_users(command, &accounts, config).await,
            Subject::Key(command) => of_keys(command, &accounts).await,
            Subject::Grant(command) => of_grants(command, &accounts, config).await,
        };
        accounts.close().await;
        code
    })
}

async fn of_users(command: UserCommand, accounts: &Accounts, config: &Config) -> Outcome {
    match command {
        UserCommand::Add { name, email, role, password_stdin } => {
            let password = if password_stdin { Some(read_password()?) } else { None };
            let new = NewUser { name: name.clone(), role, email, password };
            let (_, token) = accounts.add_user(&Actor::command(), new).await?;
            say!("account {name}, role {}", role.name());
            if let Some(token) = token {
                let base =
                    config.public_url.as_ref().map_or_else(|| format!("http://{}", config.listen), ToString::to_string);
                say!("this link sets the password, once, within an hour:");
                say!("{base}/password/reset?token={token}");
            }
        }
        UserCommand::List => {
            let mut after = 0;
            loop {
                let users = accounts.users(after).await?;
                let Some(last) = users.last() else { break };
                after = last.id;
                for user in &users {
                    let closed = if user.disabled.is_some() { "  closed" } else { "" };
                    let email = user.email.as_deref().unwrap_or("-");
                    say!("{:13}  {}  {email}  created {}{closed}", user.role.name(), user.name, user.created);
                }
            }
        }
        UserCommand::Role { name, role } => {
            let id = accounts.user_id(&name).await?;
            accounts.change_user(&Actor::command(), id, Some(role), None).await?;
            say!("account {name}, role {}", role.name());
        }
        UserCommand::Quota { name, download_bytes_per_day, running_orders } => {
            let id = accounts.user_id(&name).await?;
            let orders = running_orders.map(|own| own.0.map(|number| u32::try_from(number).unwrap_or(u32::MAX)));
            let change =
                QuotaChange { download_bytes: download_bytes_per_day.map(|own| own.0), running_orders: orders };
            let quota = accounts.set_quota(&Actor::command(), id, change).await?;
            let told = |own: Option<u64>| own.map_or_else(|| DEFAULT_QUOTA.to_owned(), |number| number.to_string());
            let (bytes, orders) = (told(quota.download_bytes), told(quota.running_orders.map(u64::from)));
            say!("account {name}, bytes of files a day {bytes}, orders under way {orders}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// All of standard input but the end of its last line.
fn read_password() -> Result<String, String> {
    let mut text = String::new();
    let read = std::io::stdin().take(PASSWORD_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| format!("standard input: {error}"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

async fn of_keys(command: KeyCommand, accounts: &Accounts) -> Outcome {
    match command {
        KeyCommand::Create { user, role, scopes, expires_days } => {
            let new = NewKey { role, expires_days, powers: Powers::parse(&scopes)?, ..NewKey::default() };
            let key = accounts.create_key_for(&Actor::command(), &user, &new).await?;
            let role = role.map_or("that of the account", Role::name);
            say!("key {} of {user}, role {role}; keep it, it is not shown again:", key.id());
            say!("{}", key.reveal());
        }
        KeyCommand::List => {
            for key in accounts.keys().await? {
                say!("{}", line(&key));
            }
        }
        KeyCommand::Revoke { id } => {
            if !accounts.revoke(&id).await? {
                return Err(format!("there is no key {id:?}; `nilometer admin key list` shows them").into());
            }
            say!("key {id} is revoked");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn of_grants(command: GrantCommand, accounts: &Accounts, config: &Config) -> Outcome {
    match command {
        GrantCommand::Set { group, collection, level, filter, older_than } => {
            let catalog = super::maintain::open_for_reading(config)?;
            if catalog.snapshot().collection(&collection, Scope::of(Role::Administrator)).is_none() {
                return Err(format!("there is no collection {collection:?}").into());
            }
            let id = CollectionId::new(collection)?;
            accounts.put_grant(&Actor::command(), &group, &id, &Terms { level, filter, older_than }).await?;
            say!("group {group}, collection {}: {}", id.as_str(), level.name());
        }
        GrantCommand::List => {
            for grant in accounts.grants().await? {
                let part = [("filter", &grant.terms.filter), ("older than", &grant.terms.older_than)];
                let part = part.into_iter().filter_map(|(name, text)| Some(format!("  {name} {}", text.as_ref()?)));
                let (level, part) = (grant.terms.level.name(), part.collect::<String>());
                say!("{}  {}  {level}{part}", grant.group, grant.collection);
            }
        }
        GrantCommand::Remove { group, collection } => {
            accounts.delete_grant(&Actor::command(), &group, &collection).await?;
            say!("group {group}, collection {collection}: nothing is granted");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(key: &KeyInfo) -> String {
    let moment = |m: Option<Instant>| m.map_or_else(|| "-".to_owned(), |m| m.to_string());
    let (expires, revoked, used) = (moment(key.expires), moment(key.revoked), moment(key.last_used));
    format!(
        "{}  {:8}  {}  created {}  expires {expires}  revoked {revoked}  used {used}",
        key.id,
        key.role.name(),
        key.user,
        key.created
    )
}
