use super::*;
use clap::CommandFactory;
use std::collections::BTreeSet;

fn commands() -> Vec<clap::Command> {
    let mut root = Cli::command();
    root.build();
    let mut all: Vec<_> = root.get_subcommands().cloned().collect();
    all.insert(0, root);
    all
}

#[test]
fn clap_finds_the_definitions_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_option_has_a_unique_ascii_name_and_a_help_line() {
    for command in commands() {
        let mut seen = BTreeSet::new();
        for arg in command.get_arguments().filter(|arg| !arg.is_positional()) {
            let name =
                arg.get_long().unwrap_or_else(|| panic!("{} {} has no long name", command.get_name(), arg.get_id()));
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
            assert!(seen.insert(name.to_owned()), "--{name} of {} stands twice", command.get_name());
            if let Some(short) = arg.get_short() {
                assert!(short.is_ascii_alphabetic());
                assert!(seen.insert(short.to_string()), "-{short} of {} stands twice", command.get_name());
            }
            let help = arg.get_help().map(|help| help.to_string()).unwrap_or_default();
            assert!(!help.is_empty() && help.is_ascii() && !help.ends_with('.'), "--{name}: {help:?}");
            assert!(arg.get_long_help().is_none(), "--{name} has a second paragraph: -h and --help would differ");
        }
    }
}

#[test]
fn choices_are_lower_case_words() {
    for command in commands() {
        for arg in command.get_arguments() {
            for value in arg.get_possible_values() {
                let name = value.get_name();
                assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
            }
        }
    }
}

#[test]
fn options_stand_under_a_heading() {
    let headings = ["Connection", "Selection", "Speed", "Storage", "Target", "Drill", "Private server", "Output"];
    for command in commands() {
        let usual = |arg: &&clap::Arg| ["help", "version"].contains(&arg.get_id().as_str());
        for arg in command.get_arguments().filter(|arg| !arg.is_positional() && !usual(arg)) {
            let heading = arg.get_help_heading().unwrap_or("none");
            assert!(headings.contains(&heading), "{} {}: {heading}", command.get_name(), arg.get_id());
        }
    }
}

#[test]
fn help_fits_80_columns() {
    for command in commands() {
        let text = command.clone().term_width(80).render_help().to_string();
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{}: {line}", command.get_name());
        }
    }
}

#[test]
fn short_and_long_help_are_the_same_page() {
    for command in commands().iter().skip(1) {
        let page = |flag| Cli::try_parse_from(["myriad", command.get_name(), flag]).map(|_| ()).expect_err("help");
        assert_eq!(page("-h").to_string(), page("--help").to_string());
    }
}

#[test]
fn help_ends_with_the_exit_codes() {
    for command in commands().into_iter().skip(1) {
        let text = command.clone().render_help().to_string();
        let foot = text.split("Exit codes").nth(1).unwrap_or_else(|| panic!("{}", command.get_name()));
        assert!(foot.contains(" 0 ") && foot.trim_end().ends_with("130 stopped by Ctrl-C or SIGTERM"), "{foot}");
        assert!(text.contains("Examples:\n  myriad "));
    }
}

#[test]
fn forms_are_checked() {
    let refused: &[&[&str]] = &[
        &["backup"],
        &["backup", "--repo", "/r", "--chunk-size", "1k"],
        &["backup", "--repo", "/r", "--chunk-size", "1X"],
        &["backup", "--repo", "/r", "--memory", "0"],
        &["backup", "--repo", "/r", "--threads", "0"],
        &["backup", "--repo", "/r", "--threads", "many"],
        &["backup", "--repo", "/r", "--table", "orders"],
        &["backup", "--repo", "/r", "--database", "a[b"],
        &["backup", "--repo", "/r", "--where", "orders=1"],
        &["backup", "--repo", "/r", "--where", "shop.orders"],
        &["backup", "--repo", "/r", "--consistency", "maybe"],
        &["backup", "--repo", "/r", "--host", "a", "--socket", "/s"],
        &["backup", "--repo", "/r", "--port", "70000"],
        &["backup", "--repo", "/r", "--ssl-mode", "sometimes"],
        &["backup", "--repo", "/r", "-p", "--password-file", "f"],
        &["backup", "--repo", "/r", "stray"],
        &["restore", "--repo", "/r", "--rename", "shop"],
        &["restore", "--repo", "/r", "--rename", "=x"],
        &["restore", "--repo", "/r", "--verify", "sample"],
        &["verify", "--repo", "/r", "--rows"],
        &["verify", "--repo", "/r", "--against", "mysql://a", "--rows", "0"],
        &["restore", "--repo", "/r", "--definer", "root"],
        &["restore", "--repo", "/r", "--definer", "map:a@b"],
        &["restore", "--repo", "/r", "--definer", "map:=b@c"],
        &["restore", "--repo", "/r", "--events", "off"],
        &["restore", "--repo", "/r", "--existing-users", "skip"],
        &["prune"],
        &["prune", "--repo", "/r", "--keep-last", "0"],
        &["prune", "--repo", "/r", "--keep-daily", "-1"],
        &["prune", "--repo", "/r", "--grace", "3"],
        &["prune", "--repo", "/r", "--grace", "d"],
        &["prune", "--repo", "/r", "--grace", "3w"],
        &["demo", "--scale", "nan"],
        &["bench", "--runs", "0"],
        &["bench", "--source", "mysql://a", "--dataset", "shop"],
        &["bench", "--from", "a.json", "--quick"],
        &["bench", "--rivals", "mysqldump,xtrabackup"],
        &["bench", "--program", "mydumper"],
        &["bench", "--argument", "perl=-v"],
        &["dump"],
    ];
    for typed in refused {
        let line = [&["myriad"], *typed].concat();
        let error = Cli::try_parse_from(&line).map(|_| ()).expect_err(&line.join(" "));
        assert_eq!(error.exit_code(), 2, "{line:?}");
    }
    let taken: &[&[&str]] = &[
        &["backup", "--repo", "/r"],
        &["backup", "--repo", "/r", "--chunk-size", "64k", "--memory", "2GiB", "-t", "2"],
        &["backup", "--repo", "/r", "--where", "shop.orders=a = 'x=y'", "--table", "*.o*"],
        &["backup", "--repo", "/r", "--ssl-mode", "VERIFY_CA", "-u", "root", "-p", "-P", "3307"],
        &["restore", "--repo", "/r", "--backup", "latest", "--json", "-q", "-vv"],
        &["restore", "--repo", "/r", "--definer", "current", "--definer", "map:a@%=b@localhost", "--events", "none"],
        &["restore", "--repo", "/r", "--users", "--existing-users", "replace", "--allow-gipk", "--allow-external"],
        &["verify", "--repo", "/r", "--rows", "--against", "mysql://a"],
        &["verify", "--repo", "/r", "--against", "mysql://a", "--rows", "3", "-q"],
        &["--json", "list", "--repo", "/r"],
    ];
    for typed in taken {
        let line = [&["myriad"], *typed].concat();
        Cli::try_parse_from(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    }
}

#[test]
fn a_typed_password_is_refused_and_not_repeated() {
    let refused = |typed: &[&str]| {
        let line: Vec<OsString> = ["myriad", "backup"].iter().chain(typed).map(OsString::from).collect();
        password_on_the_line(&line).map(|error| format!("{error:?}"))
    };
    for typed in [["-psecret"], ["--password=secret"]] {
        let text = refused(&typed).expect("refused");
        assert!(!text.contains("secret") && text.contains("hint: "), "{text}");
    }
    for typed in [&["-p"][..], &["--password"], &["--password-file=x"], &["-P", "3306"], &["--", "-px"]] {
        assert_eq!(refused(typed), None, "{typed:?}");
    }
}

/// The words of a line as a shell cuts them, quotes taken away.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for c in line.chars() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (_, Some(open)) if c == open => quote = None,
            (' ', None) => words.push(String::new()),
            _ => words.last_mut().expect("begins with one").push(c),
        }
    }
    words
}

#[test]
fn the_commands_of_the_guide_can_be_typed() {
    let blocks = include_str!("../../../docs/guide.md").split("```sh\n").skip(1);
    let lines: Vec<&str> = blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines()).collect();
    assert!(lines.len() >= 10, "{lines:?}");
    for line in lines {
        let line = line.replace("$SOURCE", "mysql://u@h").replace("$TARGET", "mysql://u@i").replace("$REPO", "/r");
        Cli::try_parse_from(words(&line)).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[test]
fn the_options_of_the_guide_exist() {
    let known: BTreeSet<String> = commands()
        .iter()
        .flat_map(|command| {
            command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)).collect::<Vec<_>>()
        })
        .collect();
    // Of mysqlbinlog and its client.
    let theirs = ["read-from-remote-server", "start-position", "stop-position"];
    // In the tables for people from other tools, the last cell is ours. Lines of other programs have their own.
    for line in include_str!("../../../docs/guide.md").lines().filter(|line| !line.contains("mysqlbinlog $FROM")) {
        let ours = line.strip_suffix(" |").and_then(|row| row.rsplit(" | ").next()).unwrap_or(line);
        for option in ours.split("--").skip(1) {
            let name: String = option.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            let name = name.trim_end_matches('-');
            assert!(name.is_empty() || known.contains(name) || theirs.contains(&name), "--{name} in: {line}");
        }
    }
}

#[test]
fn a_condition_keeps_its_own_equal_signs() {
    assert_eq!(condition("shop.orders = state = 'open'"), Ok(("shop.orders".into(), "state = 'open'".into())));
}
