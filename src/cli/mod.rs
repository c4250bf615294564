//! The edge of the program: what was typed comes in, a document on standard output and an exit code go out.
//! Only here is the environment read and anything printed. What the commands do stands in `command`.

pub mod args;
mod command_line;
pub mod environment;
mod interrupt;
mod log;
mod message;
pub mod option_file;
mod progress_text;
pub mod settings;
mod shell;
pub mod size;

use crate::command;
use crate::error::{Error, Exit, Result};
use crate::progress::{Progress, Silent, Stop};
use args::{Cli, Command, GlobalArgs};
use clap::Parser;
use environment::Environment;
use message::Outcome;
use progress_text::TextProgress;
use serde::Serialize;
use settings::Settings;
use std::ffi::OsString;
use std::sync::Arc;

/// What was typed, and where.
pub struct Invocation {
    cli: Cli,
    environment: Environment,
    line: Vec<OsString>,
}

/// Reads the command line. Help, version and what is wrong with the line are printed here; then the exit
/// code comes back as the error.
pub fn parse(line: &[OsString]) -> Result<Invocation, Exit> {
    let environment = Environment::read();
    if let Some(error) = args::password_on_the_line(line) {
        return Err(end(error, &typed_globals(line), &environment));
    }
    match Cli::try_parse_from(line) {
        Ok(cli) => Ok(Invocation { cli, environment, line: line.to_vec() }),
        Err(error) => {
            // Help goes to standard output, errors to standard error; a reader that left is no error.
            let _ = error.print();
            if error.use_stderr() && typed_globals(line).json {
                let text = error.to_string();
                let first = text.lines().next().unwrap_or_default();
                let error = Error::new(Exit::Usage, first.strip_prefix("error: ").unwrap_or(first));
                let _ = message::print(&message::error_json(&error));
            }
            Err(if error.use_stderr() { Exit::Usage } else { Exit::Success })
        }
    }
}

/// Runs the command and prints its result or its error.
pub async fn run(invocation: &Invocation) -> Exit {
    let Invocation { cli: Cli { global, command }, environment, line } = invocation;
    match dispatch(command, global, environment, line).await.and_then(|outcome| {
        message::print(&outcome.document)?;
        Ok(outcome.exit)
    }) {
        Ok(exit) => exit,
        Err(error) => end(error, global, environment),
    }
}

/// Prints why there is no runtime to run the command on (no memory, no threads).
pub fn end_without_runtime(invocation: &Invocation, error: std::io::Error) -> Exit {
    let error = Error::new(Exit::Failure, format!("cannot start the program's threads: {error}"));
    end(error, &invocation.cli.global, &invocation.environment)
}

/// Two lines a command: settings and run, then the report.
async fn dispatch(
    command: &Command,
    global: &GlobalArgs,
    environment: &Environment,
    line: &[OsString],
) -> Result<Outcome> {
    let edge = Edge { global, environment };
    log::start(global.verbose, environment).iter().for_each(|line| edge.warn(line));
    let warn = |line: &str| edge.warn(line);
    let settings = Settings::new(environment, &warn);
    match command {
        Command::Backup(args) => {
            let report = edge.run(settings.backup(args)?, command::backup::run).await?;
            edge.outcome(&report, Exit::Success, || report.text())
        }
        Command::Archive(args) => {
            let report = edge.run(settings.archive(args)?, command::archive::run).await?;
            edge.outcome(&report, report.exit(), || report.text())
        }
        Command::Restore(args) if args.abort => {
            let report = edge.run(settings.abort(args)?, command::restore::abort::run).await?;
            edge.outcome(&report, Exit::Success, || report.text())
        }
        Command::Restore(args) => {
            let mut options = settings.restore(args)?;
            options.command_line = command_line::again(line, args);
            options.abort_line = command_line::abort(line, args);
            let report = edge.run(options, command::restore::run).await?;
            let outcome = edge.outcome(&report, report.exit(), || report.text())?;
            // What is usable and what is not stands in the report; why it is no success, here as with every failure.
            if let Some(error) = report.error() {
                message::print_error(&message::error_text(&error, environment.colour(), global.verbose > 0));
            }
            Ok(outcome)
        }
        Command::Verify(args) => {
            let report = edge.run(settings.verify(args)?, command::verify::run).await?;
            edge.outcome(&report, report.exit(), || report.text())
        }
        Command::List(args) => {
            let report = edge.run(settings.list(args)?, command::list::run).await?;
            edge.outcome(&report, Exit::Success, || report.text())
        }
        Command::Show(args) => {
            let report = edge.run(settings.show(args)?, command::show::run).await?;
            edge.outcome(&report, Exit::Success, || report.text())
        }
        Command::Prune(args) => {
            let report = edge.run(settings.prune(args)?, command::prune::run).await?;
            edge.outcome(&report, Exit::Success, || report.text())
        }
        Command::Drill(args) if args.merge => {
            let report = edge.run(settings.drill(args)?, command::drill::merging::run).await?;
            report.warnings.iter().for_each(|line| edge.warn(line));
            edge.outcome(&report, report.exit(), || report.text())
        }
        Command::Drill(args) => {
            let report = edge.run(settings.drill(args)?, command::drill::run).await?;
            // They matter where nobody watches, so --quiet does not hide them.
            report.warnings.iter().for_each(|line| message::print_error(&message::warning(line, environment.colour())));
            edge.outcome(&report, report.exit(), || report.text())
        }
        Command::Demo(args) => {
            let report = edge.run(settings.demo(args)?, command::demo::run).await?;
            edge.outcome(&report, report.exit(), || report.text())
        }
        Command::Bench(args) => {
            let report = edge.run(settings.bench(args)?, command::bench::run).await?;
            edge.outcome(&report, Exit::Success, || report.to_string())
        }
        Command::Completions(args) => edge.plain(&shell::completions(args), |report| report.script.clone()),
        Command::Man(args) => edge.plain(&shell::man(args)?, shell::Pages::text),
    }
}

/// What every command shares at its edge.
struct Edge<'a> {
    global: &'a GlobalArgs,
    environment: &'a Environment,
}

impl Edge<'_> {
    fn warn(&self, line: &str) {
        if !self.global.quiet {
            message::print_error(&message::warning(line, self.environment.colour()));
        }
    }

    /// Runs a command with progress and with signals watched. Called after the settings were made, so that
    /// Ctrl-C at the password prompt ends the program at once. The display is gone when this returns.
    async fn run<O, R>(
        &self,
        options: O,
        command: impl AsyncFnOnce(&O, Arc<dyn Progress>, Stop) -> Result<R>,
    ) -> Result<R> {
        let stop = Stop::default();
        let silent = self.global.quiet || self.global.json;
        let display = (!silent).then(|| TextProgress::new(self.environment.stderr_terminal, message::print_error));
        let progress = display.as_ref().map_or_else(|| Arc::new(Silent) as Arc<dyn Progress>, TextProgress::progress);
        let noted = progress.clone();
        let say = move |line: &str| if silent { message::print_error(line) } else { noted.note(line) };
        interrupt::watch(stop.clone(), say)
            .map_err(|error| Error::new(Exit::Failure, format!("cannot watch for signals: {error}")))?;
        command(&options, progress, stop).await
    }

    /// The outcome of a command that needs nothing but the program itself.
    fn plain<R: Serialize>(&self, report: &R, text: impl FnOnce(&R) -> String) -> Result<Outcome> {
        self.outcome(report, Exit::Success, || text(report))
    }

    fn outcome(&self, report: &impl Serialize, exit: Exit, text: impl FnOnce() -> String) -> Result<Outcome> {
        Outcome::new(report, exit, text, self.global.json)
    }
}

/// Prints an error as people and, with `--json`, as scripts read it.
fn end(error: Error, global: &GlobalArgs, environment: &Environment) -> Exit {
    message::print_error(&message::error_text(&error, environment.colour(), global.verbose > 0));
    if global.json {
        // The error is already told on standard error; a full disk there changes nothing about it.
        let _ = message::print(&message::error_json(&error));
    }
    error.exit()
}

/// The global options of a line that clap could not read.
fn typed_globals(line: &[OsString]) -> GlobalArgs {
    GlobalArgs { json: line.iter().any(|arg| arg == "--json"), ..GlobalArgs::default() }
}
