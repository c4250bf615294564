//! What was typed of the commands that serve a shell: completions and manual pages.

use clap::Args;
use clap_complete::Shell;
use std::path::PathBuf;

/// `myriad completions`.
#[derive(Clone, Copy, Debug, Args)]
pub struct CompletionsArgs {
    /// Shell that the script is for
    #[arg(value_name = "SHELL", value_parser = shell())]
    pub shell: Shell,
}

/// `myriad man`.
#[derive(Clone, Debug, Args)]
pub struct ManArgs {
    /// Command that the page is of [default: the program itself]
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub command: Option<String>,
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub dir: Option<PathBuf>,
}

/// The shells whose scripts are tested.
fn shell() -> impl clap::builder::TypedValueParser<Value = Shell> {
    use clap::builder::TypedValueParser;
    clap::builder::PossibleValuesParser::new(["bash", "zsh", "fish"]).map(|name| match name.as_str() {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        _ => Shell::Fish,
    })
}

pub const COMPLETIONS_EXAMPLES: &str = "  myriad completions bash > /etc/bash_completion.d/myriad
  myriad completions zsh > /usr/local/share/zsh/site-functions/_myriad
  myriad completions fish > ~/.config/fish/completions/myriad.fish";

pub const MAN_EXAMPLES: &str = "  myriad man restore | man -l -
  myriad man --dir /usr/local/share/man/man1";
