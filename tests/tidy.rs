//! Rules of the source tree that the compiler does not check: which module may use which, how long files and
//! functions may be, who may print, which words and links may stand where. Reads files only; each test lists
//! every breach with file and line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a source file at most; a longer one is cut by stage.
const FILE_LINES_MAX: usize = 800;
/// Lines of a function at most, signature and closing brace included.
const FUNCTION_LINES_MAX: usize = 80;
/// The modules of `src`, highest first. A module uses only those on lower lines, and itself.
const LEVELS: [&[&str]; 9] = [
    &["main"],
    &["cli"],
    &["command"],
    &["bench"],
    &["dump", "load", "verify", "sandbox"],
    &["manifest", "plan", "guard", "settings"],
    &["server", "store", "codec", "workers"],
    &["schema", "position"],
    &["error", "limits", "progress", "secret"],
];

/// Modules that touch nothing outside their arguments.
const PURE: [&str; 4] = ["schema", "position", "plan", "codec"];

/// What reaches outside: files, sockets, processes, clocks, the environment.
const OUTSIDE: [&str; 8] =
    ["std::fs", "std::net", "std::process", "std::env", "tokio::", "SystemTime::now", "Instant::now", "mysql_async"];

/// A text file of the repository.
struct Text {
    /// Its path from the top of the repository.
    path: String,
    lines: Vec<String>,
}

/// A breach: where, and what.
type Breaches = Vec<String>;

#[test]
fn modules_use_only_lower_ones() {
    let levels: BTreeMap<&str, usize> =
        LEVELS.iter().enumerate().flat_map(|(level, names)| names.iter().map(move |name| (*name, level))).collect();
    let mut breaches = Breaches::new();
    for file in sources("src") {
        let module = module_of(&file.path);
        if module == "lib" {
            continue;
        }
        let Some(&own) = levels.get(module.as_str()) else {
            breaches.push(format!("{}: module {module} has no level", file.path));
            continue;
        };
        for (number, line) in code_lines(&file) {
            for used in used_modules(line) {
                match levels.get(used.as_str()) {
                    _ if used == module => {}
                    Some(&level) if level > own => {}
                    Some(_) => breaches.push(format!("{}:{number}: {module} uses {used}", file.path)),
                    None => breaches.push(format!("{}:{number}: {used} has no level", file.path)),
                }
            }
        }
    }
    none(breaches);
}

#[test]
fn pure_modules_reach_nothing_outside() {
    let mut breaches = Breaches::new();
    for file in sources("src").iter().filter(|file| PURE.contains(&module_of(&file.path).as_str())) {
        let tests = tests_begin(file);
        for (number, line) in code_lines(file).filter(|(number, _)| *number < tests) {
            for word in OUTSIDE.iter().filter(|word| line.contains(**word)) {
                breaches.push(format!("{}:{number}: {word} in a pure module", file.path));
            }
        }
    }
    none(breaches);
}

#[test]
fn only_cli_prints_or_reads_the_environment() {
    let mut breaches = Breaches::new();
    for file in sources("src").iter().filter(|file| module_of(&file.path) != "cli") {
        let tests = tests_begin(file);
        for (number, line) in code_lines(file) {
            for word in ["println!", "print!", "eprintln!", "eprint!", "dbg!"] {
                if contains_word(line, word) {
                    breaches.push(format!("{}:{number}: {word}", file.path));
                }
            }
            // main takes the command line from it; tests find the private server by it.
            let reads = ["env::var", "env::args", "env::current_dir", "env::home_dir"];
            if reads.iter().any(|word| line.contains(word))
                && file.path != "src/main.rs"
                && number < tests
                && !is_test_file(&file.path)
            {
                breaches.push(format!("{}:{number}: reads the environment", file.path));
            }
        }
    }
    none(breaches);
}

#[test]
fn nothing_is_left_to_be_done() {
    let words = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("FIX", "ME")];
    let mut breaches = Breaches::new();
    for file in everywhere() {
        for (i, line) in file.lines.iter().enumerate() {
            for word in words.iter().filter(|word| contains_word(line, word)) {
                breaches.push(format!("{}:{}: {word}", file.path, i + 1));
            }
        }
    }
    none(breaches);
}

#[test]
fn files_are_short_enough() {
    let long = everywhere().into_iter().filter(|file| file.lines.len() > FILE_LINES_MAX);
    none(long.map(|file| format!("{}: {} lines", file.path, file.lines.len())).collect());
}

#[test]
fn functions_are_short_enough() {
    let mut breaches = Breaches::new();
    for file in sources("src") {
        for (number, name, lines) in functions(&file) {
            if lines > FUNCTION_LINES_MAX {
                breaches.push(format!("{}:{number}: fn {name} has {lines} lines", file.path));
            }
        }
    }
    none(breaches);
}

#[test]
fn files_say_what_they_are_for() {
    let mut breaches = Breaches::new();
    // Unit tests moved out of a long file belong to that file's header.
    for file in everywhere().into_iter().filter(|file| !file.path.ends_with("/tests.rs")) {
        let header = file.lines.iter().take_while(|line| line.starts_with("//!")).count();
        if header == 0 {
            breaches.push(format!("{}: no //! header", file.path));
        }
    }
    none(breaches);
}

#[test]
fn words_that_mean_nothing_to_a_reader_are_absent() {
    // Cut in two here, so that this file does not hold them itself.
    let words = [
        concat!("DESIGN", ".md"),
        concat!("STYLE", ".md"),
        concat!("fact ", "sheet"),
        concat!("exact-", "rows"),
        concat!("sql-", "levers"),
        concat!("peers-", "measured"),
        concat!("/work", "/shared"),
        concat!("crates", ".io"),
        concat!("Chat", "GPT"),
        concat!("Clau", "de"),
        concat!("sub", "agent"),
    ];
    let mut breaches = Breaches::new();
    for file in texts().iter().filter(|file| !file.path.ends_with("Cargo.lock")) {
        for (i, line) in file.lines.iter().enumerate() {
            for word in words.iter().filter(|word| line.to_lowercase().contains(&word.to_lowercase())) {
                breaches.push(format!("{}:{}: {word}", file.path, i + 1));
            }
        }
    }
    none(breaches);
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    let mut breaches = Breaches::new();
    for file in texts().iter().filter(|file| file.path.ends_with(".md")) {
        for (number, link) in links(file) {
            let (target, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let path = match target {
                "" => PathBuf::from(&file.path),
                _ => Path::new(&file.path).parent().unwrap_or(Path::new("")).join(target),
            };
            let found = top().join(&path);
            if !found.exists() {
                breaches.push(format!("{}:{number}: no file {target}", file.path));
            } else if !anchor.is_empty() && !anchors(&found).contains(&anchor.to_owned()) {
                breaches.push(format!("{}:{number}: no heading #{anchor}", file.path));
            }
        }
    }
    none(breaches);
}

fn none(breaches: Breaches) {
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file.
fn everywhere() -> Vec<Text> {
    let mut files = texts();
    files.retain(|file| file.path.ends_with(".rs"));
    files
}

/// The Rust files below a folder; none where the folder is missing.
fn sources(folder: &str) -> Vec<Text> {
    let mut files = texts();
    files.retain(|file| file.path.starts_with(&format!("{folder}/")) && file.path.ends_with(".rs"));
    files
}

/// Every text file of the repository, in the order of the paths.
fn texts() -> Vec<Text> {
    let mut files = Vec::new();
    walk(top(), &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.iter().any(|file| file.path == "src/lib.rs"), "the walk found no source");
    files
}

fn walk(folder: &Path, files: &mut Vec<Text>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        // What fuzzing found, and what it builds, is no source.
        let found = folder.ends_with("fuzz") && ["corpus", "artifacts"].iter().any(|found| name == *found);
        if name == "target" || name == ".git" || found {
            continue;
        }
        if path.is_dir() {
            walk(&path, files);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(top()).unwrap().to_string_lossy().into_owned();
            files.push(Text { path, lines: text.lines().map(str::to_owned).collect() });
        }
    }
}

/// `src/server/raw/rows.rs` is of `server`, `src/error.rs` of `error`.
fn module_of(path: &str) -> String {
    let rest = path.strip_prefix("src/").unwrap_or(path);
    rest.split('/').next().unwrap_or(rest).trim_end_matches(".rs").to_owned()
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// The number of the line at which the unit tests of a file begin.
fn tests_begin(file: &Text) -> usize {
    if is_test_file(&file.path) {
        return 0;
    }
    file.lines.iter().position(|line| line.trim() == "#[cfg(test)]").map_or(usize::MAX, |i| i + 1)
}

/// Lines with their numbers, those that are only a comment left out.
fn code_lines(file: &Text) -> impl Iterator<Item = (usize, &str)> {
    let numbered = file.lines.iter().enumerate().map(|(i, line)| (i + 1, line.as_str()));
    numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The modules that a line names as `crate::module` or `myriad::module`; a name with a capital is one of
/// those that lib.rs takes from `error`.
fn used_modules(line: &str) -> Vec<String> {
    let mut used = Vec::new();
    for prefix in ["crate::", "myriad::"] {
        for (at, _) in line.match_indices(prefix) {
            let before = line[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let rest = &line[at + prefix.len()..];
            let list = rest.strip_prefix('{').map(|list| list.split('}').next().unwrap_or(list));
            let names: Vec<&str> = list.map_or_else(|| vec![rest], |list| list.split(',').collect());
            for name in names {
                let name: String = name.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                match name.chars().next() {
                    Some(c) if c.is_ascii_uppercase() => used.push("error".to_owned()),
                    Some(_) => used.push(name),
                    None => {}
                }
            }
        }
    }
    used
}

fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Functions of a formatted file: line number, name, lines from `fn` to the brace at the same depth.
fn functions(file: &Text) -> Vec<(usize, String, usize)> {
    let mut found = Vec::new();
    for (number, line) in code_lines(file) {
        let trimmed = line.trim_start();
        let Some(at) = trimmed.find("fn ") else { continue };
        let words = ["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe", "extern", "\"C\""];
        if !trimmed[..at].split_whitespace().all(|word| words.contains(&word)) || trimmed.ends_with(';') {
            continue;
        }
        let name: String = trimmed[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let end = format!("{}}}", &line[..line.len() - trimmed.len()]);
        if trimmed.ends_with('}') {
            continue;
        }
        if let Some(lines) = file.lines[number..].iter().position(|line| *line == end) {
            found.push((number, name, lines + 2));
        }
    }
    found
}

/// Links of a document to files and headings, with their line numbers; those to other sites are left out.
fn links(file: &Text) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (i, line) in file.lines.iter().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for part in line.split("](").skip(1) {
            let link = part.split(')').next().unwrap_or_default().trim();
            if !link.contains("://") && !link.starts_with("mailto:") {
                found.push((i + 1, link.to_owned()));
            }
        }
    }
    found
}

/// The anchors that a site gives to the headings of a document: lower case, blanks as dashes, no marks.
fn anchors(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn the_readers_of_this_file_read_right() {
    assert_eq!(used_modules("use crate::{Error, limits};"), ["error", "limits"]);
    assert_eq!(used_modules("    let x = crate::server::raw::open(); // std::crate::no"), ["server"]);
    assert_eq!(used_modules("use myriad::cli;"), ["cli"]);
    assert!(contains_word("a println!(1)", "println!") && !contains_word("eprintln!(1)", "println!"));
    let text = "fn short() {}\nimpl A {\n    pub async fn long(\n        x: u8,\n    ) -> u8 {\n        x\n    }\n}\n";
    let file = Text { path: "src/a.rs".into(), lines: text.lines().map(str::to_owned).collect() };
    assert_eq!(functions(&file), [(3, "long".to_owned(), 5)]);
    assert_eq!(module_of("src/server/raw/rows.rs"), "server");
    let text = "see [a](b.md#c-d) and [x](https://y)\n```\n[no](no)\n```\n";
    let file = Text { path: "a.md".into(), lines: text.lines().map(str::to_owned).collect() };
    assert_eq!(links(&file), [(1, "b.md#c-d".to_owned())]);
}
