//! The commands of the binary `nilometer`.

mod admin;
mod demo;
mod ingest;
mod maintain;
mod out;
mod search;
mod serve;
mod settings;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Effective, Sources};
use crate::problem::chain;

type Outcome = Result<ExitCode, Box<dyn Error>>;

/// Finds, maps and delivers what is known about the world's surface water.
#[derive(Parser)]
#[command(
    name = "nilometer",
    version,
    arg_required_else_help = true,
    after_help = "\
Getting started:
  nilometer demo --data water          fill the directory `water` with demonstration data
  nilometer serve --data water         serve it on http://127.0.0.1:8080
  curl 'http://127.0.0.1:8080/search?q=Nile&limit=3'

Your own data:
  nilometer ingest --data water stations.ndjson granules/
  nilometer search --data water --bbox -10,35,5,45 --limit 5

Every setting has a default and can be given in DIR/nilometer.toml, in the environment (NILOMETER_…) or as
--set KEY=VALUE; `nilometer config` shows them all and where each value came from."
)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

/// Settings that every command takes.
#[derive(Args)]
struct Settings {
    /// Directory of the catalogue and the accounts [default: nilometer-data]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Settings file in TOML [default: DIR/nilometer.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Any setting by name, such as --set limits.page_limit_max=500; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Log lines: json or pretty
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Log level: error, warn, info, debug, trace, or directives
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Serve(serve::Arguments),
    Ingest(ingest::Arguments),
    Search(search::Arguments),
    Stats(maintain::Stats),
    Check(maintain::Check),
    Reindex(maintain::Reindex),
    Compact(maintain::Compact),
    Config(settings::Arguments),
    Admin(admin::Arguments),
}

/// Runs the command line and returns the process's exit code: 0 done, 1 failed, 2 misused.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli) -> Outcome {
    let Cli { settings, command } = cli;
    let mut flags = settings.flags()?;
    if let Command::Serve(arguments) = &command {
        flags.extend(arguments.flags());
    }
    let environment = std::env::vars_os().filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)));
    let effective = Sources { file: settings.config, environment: environment.collect(), flags }.load()?;
    start_log(&effective, matches!(command, Command::Serve(_)))?;
    match command {
        Command::Demo(arguments) => demo::run(arguments, &effective.config),
        Command::Serve(_) => serve::run(effective.config),
        Command::Ingest(arguments) => ingest::run(arguments, &effective.config),
        Command::Search(arguments) => search::run(arguments, &effective.config),
        Command::Stats(arguments) => maintain::stats(arguments, &effective.config),
        Command::Check(_) => maintain::check(&effective.config),
        Command::Reindex(_) => maintain::reindex(&effective.config),
        Command::Compact(_) => maintain::compact(&effective.config),
        Command::Config(arguments) => settings::run(&arguments, &effective),
        Command::Admin(arguments) => admin::run(arguments, &effective.config),
    }
}

impl Settings {
    fn flags(&self) -> Result<Vec<(String, String)>, String> {
        let mut flags = Vec::new();
        for pair in &self.set {
            let (name, value) = pair.split_once('=').ok_or_else(|| format!("--set takes KEY=VALUE, not {pair:?}"))?;
            flags.push((name.trim().to_owned(), value.to_owned()));
        }
        if let Some(data) = &self.data {
            let data = data.to_str().ok_or("the name of the data directory is not UTF-8")?;
            flags.push(("data".into(), data.to_owned()));
        }
        let named = [("log.format", &self.log_format), ("log.level", &self.log_level)];
        flags.extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
        Ok(flags)
    }
}

/// The service logs to standard output; other commands keep that for their results, and are quiet unless asked.
fn start_log(effective: &Effective, serving: bool) -> Result<(), Box<dyn Error>> {
    let clock = crate::state::system_clock();
    let mut log = effective.config.log.clone();
    if serving {
        tracing::subscriber::set_global_default(crate::observe::subscriber(&log, clock, std::io::stdout))?;
        crate::observe::log_panics();
    } else {
        if effective.origin("log.level") == Some(&crate::config::Origin::Default) {
            log.level = "warn".into();
        }
        tracing::subscriber::set_global_default(crate::observe::subscriber(&log, clock, std::io::stderr))?;
    }
    Ok(())
}

/// A runtime for commands that need the accounts.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_every_command_has_an_example() {
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        for sub in command.get_subcommands().filter(|s| s.get_name() != "help") {
            assert!(sub.get_about().is_some(), "{} says what it does", sub.get_name());
            let example = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(example.contains("nilometer "), "{} shows an example", sub.get_name());
        }
    }

    #[test]
    fn settings_may_stand_before_and_after_the_command() {
        for line in [
            ["nilometer", "--data", "d", "stats", "--set", "listen=127.0.0.1:1"],
            ["nilometer", "--set", "listen=127.0.0.1:1", "stats", "--data", "d"],
        ] {
            let cli = Cli::try_parse_from(line).expect("understood");
            let flags = cli.settings.flags().expect("pairs");
            assert!(flags.contains(&("data".into(), "d".into())));
            assert!(flags.contains(&("listen".into(), "127.0.0.1:1".into())));
        }
        let cli = Cli::try_parse_from(["nilometer", "stats", "--set", "listen"]).expect("understood");
        assert!(cli.settings.flags().is_err());
    }
}
