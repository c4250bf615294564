//! The log for people who look into the program: off unless `-v` or `RUST_LOG` asks for it, on standard
//! error, so that it never mixes with a result.

use super::environment::Environment;
use tracing_subscriber::EnvFilter;

/// Starts the log; `RUST_LOG` wins over the number of `-v`. Returns a line for a person where it is malformed.
pub fn start(verbose: u8, environment: &Environment) -> Option<String> {
    let text = environment.text("RUST_LOG").or(directives(verbose).map(str::to_owned))?;
    let filter = match EnvFilter::try_new(&text) {
        Ok(filter) => filter,
        Err(error) => return Some(format!("RUST_LOG is ignored: {error}")),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Fails only where a log was started before, and then there is one.
    let _ = log.with_ansi(environment.colour()).try_init();
    None
}

fn directives(verbose: u8) -> Option<&'static str> {
    match verbose {
        0 => None,
        1 => Some("myriad=debug"),
        _ => Some("debug"),
    }
}
