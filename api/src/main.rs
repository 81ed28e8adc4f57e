//! The program `nilometer`.

fn main() -> std::process::ExitCode {
    nilometer_api::cli::run()
}
