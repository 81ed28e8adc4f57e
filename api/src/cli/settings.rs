//! `nilometer config`: the configuration in force and where each value came from.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, json};

use super::Outcome;
use super::out::say;
use crate::config::Effective;

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

fn table(effective: &Effective) -> String {
    let rows: Vec<_> = effective.rows().collect();
    let name_width = rows.iter().map(|(key, ..)| key.name.len()).max().unwrap_or(0);
    let value_width = rows.iter().map(|(_, value, _)| value.chars().count()).filter(|n| *n < 40).max().unwrap_or(0);
    let line = |(key, value, origin): &(&crate::config::Key, String, &crate::config::Origin)| {
        format!("{:name_width$}  {value:value_width$}  {origin}", key.name)
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn json(effective: &Effective) -> String {
    let rows = effective.rows();
    let members: Map<_, _> = rows
        .map(|(key, value, origin)| (key.name.to_owned(), json!({"value": value, "origin": origin.to_string()})))
        .collect();
    serde_json::Value::Object(members).to_string()
}

fn docs(effective: &Effective) -> String {
    let entry = |(key, ..): (&crate::config::Key, String, &crate::config::Origin)| {
        let default = if key.default.is_empty() { "(empty)" } else { key.default };
        format!("{}  {}\n    {}\n    default: {default}", key.name, key.variable(), key.doc)
    };
    effective.rows().map(entry).collect::<Vec<_>>().join("\n\n")
}
