//! `nilometer config`: the configuration in force and where each value came from.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, json};

use super::Outcome;
use super::out::say;
use crate::config::{Effective, STORE_KEYS};

/// Shows the configuration in force, and where each value came from
#[derive(Args)]
#[command(after_help = "\
Later sources win: default < file < environment < flag.

Examples:
  nilometer config --data water                       a table of all settings
  nilometer config --docs                             what each means, with its unit
  NILOMETER_LISTEN=0.0.0.0:80 nilometer config --json the same for programs")]
pub(super) struct Arguments {
    /// Print JSON
    #[arg(long, conflicts_with = "docs")]
    json: bool,
    /// Say what each setting means and how its environment variable is called
    #[arg(long)]
    docs: bool,
}

pub(super) fn run(arguments: &Arguments, effective: &Effective) -> Outcome {
    let text = if arguments.json {
        json(effective)
    } else if arguments.docs {
        docs(effective)
    } else {
        table(effective)
    };
    say!("{text}");
    Ok(ExitCode::SUCCESS)
}

/// Name, value and origin of each setting, those of stores last.
fn rows(effective: &Effective) -> Vec<(String, String, String)> {
    let own = effective.rows().map(|(key, value, origin)| (key.name.to_owned(), value, origin.to_string()));
    let stores = effective.store_rows().map(|(name, value, origin)| (name, value, origin.to_string()));
    own.chain(stores).collect()
}

fn table(effective: &Effective) -> String {
    let rows = rows(effective);
    let name_width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    let value_width = rows.iter().map(|(_, value, _)| value.chars().count()).filter(|n| *n < 40).max().unwrap_or(0);
    let line = |(name, value, origin): &(String, String, String)| {
        format!("{name:name_width$}  {value:value_width$}  {origin}")
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn json(effective: &Effective) -> String {
    let member = |(name, value, origin): (String, String, String)| (name, json!({"value": value, "origin": origin}));
    let members: Map<_, _> = rows(effective).into_iter().map(member).collect();
    serde_json::Value::Object(members).to_string()
}

fn docs(effective: &Effective) -> String {
    let entry = |(key, ..): (&crate::config::Key, String, &crate::config::Origin)| {
        let default = if key.default.is_empty() { "(empty)" } else { key.default };
        format!("{}  {}\n    {}\n    default: {default}", key.name, key.variable(), key.doc)
    };
    let of_store = |key: &crate::config::StoreKey| {
        let variable = key.name.to_ascii_uppercase();
        format!("stores.NAME.{}  NILOMETER_STORES_NAME_{variable}\n    {}", key.name, key.doc)
    };
    effective.rows().map(entry).chain(STORE_KEYS.iter().map(of_store)).collect::<Vec<_>>().join("\n\n")
}
