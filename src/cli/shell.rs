//! Scripts by which a shell completes `myriad`'s command line, and its manual pages; both are made from the options as
//! clap reads them, so that they cannot say anything else than `--help`. Comes in: the shell, or the command or folder.
//! Goes out: text for standard output, or files in the folder.

use super::args::Cli;
use super::args::shell::{CompletionsArgs, ManArgs};
use crate::error::{Error, Exit, Result};
use clap::CommandFactory;
use clap_mangen::Man;
use std::io;
use std::path::{Path, PathBuf};

/// What a shell is given to complete command lines.
#[derive(Debug, serde::Serialize)]
pub struct Completions {
    /// `bash`, `zsh` or `fish`.
    pub shell: String,
    /// Text that this shell reads.
    pub script: String,
}

/// Manual pages.
#[derive(Debug, serde::Serialize)]
#[serde(untagged)]
pub enum Pages {
    /// One, as man reads it.
    Page {
        /// The page's file name.
        name: String,
        /// Its text in roff.
        page: String,
    },
    /// All, in a folder.
    Written {
        /// Their files.
        files: Vec<PathBuf>,
    },
}

impl Pages {
    /// What people, and man, are given.
    pub fn text(&self) -> String {
        match self {
            Pages::Page { page, .. } => page.clone(),
            Pages::Written { files } => {
                files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

/// `myriad completions`.
pub fn completions(args: &CompletionsArgs) -> Completions {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "myriad", &mut script);
    Completions { shell: args.shell.to_string(), script: String::from_utf8_lossy(&script).into_owned() }
}

/// `myriad man`.
pub fn man(args: &ManArgs) -> Result<Pages> {
    let mut program = Cli::command();
    program.build();
    if let Some(folder) = &args.dir {
        let commands = std::iter::once(&program).chain(program.get_subcommands());
        let files = commands.map(|command| write(command, folder)).collect::<Result<_>>()?;
        return Ok(Pages::Written { files });
    }
    let command = match &args.command {
        None => &program,
        Some(name) => program.find_subcommand(name).ok_or_else(|| {
            Error::new(Exit::Usage, format!("myriad has no command {name}")).hint("`myriad --help` lists the commands")
        })?,
    };
    let (name, page) =
        page(command).map_err(|error| Error::new(Exit::Failure, format!("cannot make the page: {error}")))?;
    Ok(Pages::Page { name, page })
}

fn write(command: &clap::Command, folder: &Path) -> Result<PathBuf> {
    let written = page(command).and_then(|(name, page)| {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(name);
        std::fs::write(&path, page).map(|()| path)
    });
    written.map_err(|error| {
        Error::new(Exit::Failure, format!("cannot write manual pages to {}: {error}", folder.display()))
            .hint("give --dir a folder that this account may write")
    })
}

/// A page's file name and text.
fn page(command: &clap::Command) -> io::Result<(String, String)> {
    let man = Man::new(command.clone())
        .source(format!("myriad {}", env!("CARGO_PKG_VERSION")))
        .manual("Backup and restore for MySQL");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    let mut text = String::from_utf8_lossy(&text).into_owned();
    text.push_str(&feet(&command.get_after_help().map(ToString::to_string).unwrap_or_default()));
    Ok((man.get_filename(), text))
}

/// The foot of a help text as sections of a page: its paragraphs begin with a title, and their lines stay lines.
fn feet(after_help: &str) -> String {
    let mut text = String::new();
    for paragraph in after_help.split("\n\n") {
        let (title, lines) = paragraph.split_once('\n').unwrap_or(("", paragraph));
        let title = title.split(['(', ':']).next().unwrap_or_default().trim();
        let title = if title == "Exit codes" { "Exit status" } else { title };
        text.push_str(&format!(".SH {}\n.nf\n", quoted(&title.to_uppercase())));
        for line in lines.lines() {
            text.push_str(&format!("{}\n", escaped(line)));
        }
        text.push_str(".fi\n");
    }
    text
}

fn quoted(title: &str) -> String {
    if title.contains(' ') { format!("\"{title}\"") } else { title.to_owned() }
}

/// A line as roff prints it: backslashes and hyphens as they stand, and no line is a request.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_examples() {
        let mut program = Cli::command();
        program.build();
        for command in program.get_subcommands() {
            let (name, page) = page(command).unwrap();
            assert_eq!(name, format!("myriad-{}.1", command.get_name()));
            for section in ["NAME", "SYNOPSIS", "OPTIONS", "EXAMPLES", "\"EXIT STATUS\""] {
                assert!(page.contains(&format!(".SH {section}\n")), "{section} in {name}:\n{page}");
            }
        }
        let (name, page) = page(&program).unwrap();
        assert!(name == "myriad.1" && page.contains(".SH \"START HERE\"\n.nf\n"), "{page}");
    }

    #[test]
    fn a_line_is_never_a_request_and_keeps_its_characters() {
        assert_eq!(escaped("  a --b \\"), "  a \\-\\-b \\e");
        assert_eq!(escaped(".so x"), "\\&.so x");
        assert_eq!(escaped("'x'"), "\\&'x'");
    }
}
