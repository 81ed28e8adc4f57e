//! `nilometer admin`: API keys, also beside a running server.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use nilometer_schemas::{Instant, Role};

use super::Outcome;
use super::out::say;
use crate::accounts::{Accounts, KeyInfo, parse_role, role_name};
use crate::config::Config;
use crate::state::{Random, system_clock};

/// Manages accounts and API keys; works while the server runs
#[derive(Args)]
#[command(after_help = "\
Examples:
  nilometer admin key create --data water --user ana --role operator
  KEY=$(nilometer admin key create --data water --user ana --role operator | tail -n 1)
  curl -H \"Authorization: Bearer $KEY\" -T item.json http://127.0.0.1:8080/collections/stations/items/a
  nilometer admin key list --data water
  nilometer admin key revoke --data water 1f2e3d4c5b6a")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Subject,
}

#[derive(Subcommand)]
enum Subject {
    /// API keys
    #[command(subcommand)]
    Key(KeyCommand),
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Makes a key, and the account if there is none; the key stands on the last line and is shown only once
    #[command(after_help = "Example:\n  nilometer admin key create --data water --user ana --role operator")]
    Create {
        /// Name of the account
        #[arg(long, value_name = "NAME")]
        user: String,
        /// What the key may do: visitor (reads public collections) or operator (reads and writes everything)
        #[arg(long, default_value = "visitor", value_parser = parse_role)]
        role: Role,
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

pub(super) fn run(arguments: Arguments, config: &Config) -> Outcome {
    super::runtime()?.block_on(async {
        let Subject::Key(command) = arguments.command;
        let accounts = Accounts::open(&config.data, system_clock(), Random::system()).await?;
        let code = execute(command, &accounts).await;
        accounts.close().await;
        code
    })
}

async fn execute(command: KeyCommand, accounts: &Accounts) -> Outcome {
    match command {
        KeyCommand::Create { user, role, expires_days } => {
            let key = accounts.create_key(&user, role, expires_days).await?;
            say!("key {} of {user}, role {}; keep it, it is not shown again:", key.id(), role_name(role));
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

fn line(key: &KeyInfo) -> String {
    let moment = |m: Option<Instant>| m.map_or_else(|| "-".to_owned(), |m| m.to_string());
    let (expires, revoked, used) = (moment(key.expires), moment(key.revoked), moment(key.last_used));
    format!(
        "{}  {:8}  {}  created {}  expires {expires}  revoked {revoked}  used {used}",
        key.id,
        role_name(key.role),
        key.user,
        key.created
    )
}
