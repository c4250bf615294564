//! The program: reads the command line, runs the command on a tokio runtime, ends with the exit code.
//! Everything else, printing included, stands in the library.

use myriad::cli;
use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let line: Vec<OsString> = std::env::args_os().collect();
    let invocation = match cli::parse(&line) {
        Ok(invocation) => invocation,
        Err(exit) => return ExitCode::from(exit.code()),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return ExitCode::from(cli::end_without_runtime(&invocation, error).code()),
    };
    let exit = runtime.block_on(cli::run(&invocation));
    // A thread that still waits for a server must not hold up the end.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}
