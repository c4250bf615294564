//! What serves a shell: completions, read and used by the shells themselves, and manual pages, judged by those who read
//! such; each where it is installed.

use crate::support::outside;
use crate::support::program::run;
use std::process::Command;

#[test]
fn completions_are_read_by_their_shell() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]).expect(0).out;
        assert!(script.contains("gtid-purged") && script.contains("backup"), "{script}");
        let file = folder.path().join(shell);
        std::fs::write(&file, &script).unwrap();
        outside::takes(shell, &["-n"], &file);
        assert_eq!(run(&["completions", shell, "--json"]).expect(0).json()["shell"], shell);
    }
    run(&["completions", "csh"]).expect(2);

    // As bash does when Tab is pressed after `myriad re` and after `myriad restore --verify `.
    let complete = |words: &str, index: usize| {
        let script = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD={index}; _myriad myriad \"${{COMP_WORDS[{index}]}}\" \
             \"${{COMP_WORDS[{}]}}\"; echo \"${{COMPREPLY[@]}}\"",
            folder.path().join("bash").display(),
            index - 1
        );
        let output = Command::new("bash").args(["--norc", "-c", &script]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    if outside::find("bash").is_some() {
        assert_eq!(complete("myriad rest", 1), "restore");
        assert!(complete("myriad restore --verify ''", 3).contains("full"));
    }
}

#[test]
fn manual_pages_are_read_by_man() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("man1");
    let written = run(&["man", "--dir", place.to_str().unwrap()]).expect(0).out;
    let files: Vec<&str> = written.lines().collect();
    for page in ["myriad.1", "myriad-restore.1", "myriad-archive.1", "myriad-man.1"] {
        assert!(files.contains(&place.join(page).to_str().unwrap()), "{page}: {written}");
    }
    for file in &files {
        outside::takes("mandoc", &["-T", "lint", "-W", "error"], file.as_ref());
    }
    let restore = run(&["man", "restore"]).expect(0).out;
    assert_eq!(restore, std::fs::read_to_string(place.join("myriad-restore.1")).unwrap());
    assert!(restore.contains("\\-\\-gtid\\-purged") && restore.contains(".SH EXAMPLES"), "{restore}");
    assert_eq!(run(&["man", "--json"]).expect(0).json()["name"], "myriad.1");
    run(&["man", "dump"]).refused(2, &["dump"]);
    let taken = folder.path().join("file");
    std::fs::write(&taken, "").unwrap();
    run(&["man", "--dir", taken.to_str().unwrap()]).refused(1, &["manual pages"]);

    if let Some(mandoc) = outside::find("mandoc") {
        let shown =
            Command::new(mandoc).args(["-T", "utf8", "-O", "width=100"]).arg(place.join("myriad-restore.1")).output();
        let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
        // Bold is a letter, a backspace and the letter again.
        let plain: String = without_overprint(&shown);
        assert!(plain.contains("--rename shop=shop_yesterday\n") && plain.contains("EXIT STATUS"), "{plain}");
    }
}

/// Text without what makes letters bold or underlined on a printer.
fn without_overprint(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars() {
        match character {
            '\u{8}' => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
}
