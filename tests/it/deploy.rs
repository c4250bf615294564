//! The files of deploy/: every command line of ours in them is read by the program's own parser, every configuration by its
//! own reader, the manifests field by field, and where the tools of their trade are installed (systemd-analyze, kubeconform,
//! promtool) by those.

use crate::support::outside;
use clap::Parser as _;
use myriad::cli::args::{Cli, Command};
use myriad::command::drill::config::DrillConfig;
use serde::Deserialize as _;
use serde_yaml_ng::Value;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn text(name: &str) -> String {
    let path = folder().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the program makes of a command line that begins with its name.
#[track_caller]
fn drill(words: &[String]) -> myriad::cli::args::drill::DrillArgs {
    match Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{words:?}: {error}")).command {
        Command::Drill(args) => args,
        _ => panic!("no drill: {words:?}"),
    }
}

/// The words of a shell's or systemd's line from `myriad drill` on, up to a redirection; none where it has no such command.
fn words(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_drill = |pair: &[&str]| (pair[0] == "myriad" || pair[0].ends_with("/myriad")) && pair[1] == "drill";
    let Some(from) = words.windows(2).position(is_drill) else { return Vec::new() };
    words[from..].iter().take_while(|word| !word.starts_with(['>', '|', '&'])).map(|word| (*word).to_owned()).collect()
}

#[test]
fn the_cron_line_is_a_drill() {
    let text = text("cron/myriad-drill");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert_eq!(lines.len(), 1);
    assert!(!lines[0].contains('%'), "cron takes a percent sign for the end of the line");
    assert!(text.ends_with('\n'), "cron passes over a last line without end");
    let fields: Vec<&str> = lines[0].split_whitespace().take(9).collect();
    assert_eq!(fields[5..], ["myriad", "timeout", "6h", "myriad"], "account, then command");
    let args = drill(&words(lines[0]));
    assert!(args.history.is_some() && args.report_dir.is_some(), "{args:?}");
}

#[test]
fn the_unit_is_a_drill_and_systemd_takes_it() {
    let service = text("systemd/myriad-drill.service");
    let starts: Vec<&str> = service.lines().filter_map(|line| line.strip_prefix("ExecStart=")).collect();
    assert_eq!(starts.len(), 1);
    let args = drill(&words(starts[0]));
    assert!(args.history.is_some_and(|history| history.starts_with("/var/lib/myriad/")), "the unit's state folder");
    for line in
        ["NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes", "StateDirectory=myriad", "Type=oneshot"]
    {
        assert!(service.lines().any(|found| found == line), "{line}");
    }
    let timer = text("systemd/myriad-drill.timer");
    assert!(
        timer.contains("Persistent=true") && timer.contains("OnCalendar=") && timer.contains("WantedBy=timers.target")
    );

    // The program must be there, or systemd says so and nothing else.
    let copies = tempfile::tempdir().unwrap();
    let program = assert_cmd::cargo::cargo_bin("myriad");
    let here = service.replace("ExecStart=myriad", &format!("ExecStart={}", program.display()));
    assert_ne!(here, service);
    std::fs::write(copies.path().join("myriad-drill.service"), here).unwrap();
    std::fs::write(copies.path().join("myriad-drill.timer"), timer).unwrap();
    for unit in ["myriad-drill.service", "myriad-drill.timer"] {
        outside::takes("systemd-analyze", &["verify", "--man=no"], &copies.path().join(unit));
    }
}

#[test]
fn images_are_small_and_run_without_rights() {
    let cargo: toml::Table = toml::from_str(&text("../Cargo.toml")).unwrap();
    let rust = cargo["package"]["rust-version"].as_str().unwrap();
    for name in ["../Dockerfile", "Dockerfile"] {
        let image = text(name);
        let said = |word: &str| image.lines().filter(|line| line.starts_with(word)).collect::<Vec<_>>();
        let (bases, users) = (said("FROM "), said("USER "));
        assert!(bases[0].starts_with(&format!("FROM rust:{rust}-")), "{bases:?}");
        // The numbers are those of the manifests; an image without /etc/passwd knows no names.
        assert_eq!(users, ["USER 10001:10001"], "{name}");
        assert!(!image.contains(":latest"), "{name}");
        outside::takes("hadolint", &[], &folder().join(name));
    }
    assert!(text("../Dockerfile").contains("\nFROM scratch\n"));
    let profile = &cargo["profile"]["static"];
    assert_eq!((profile["inherits"].as_str(), profile["strip"].as_bool()), (Some("release"), Some(true)));
}

#[test]
fn the_compose_file_is_whole() {
    let compose = text("../docker-compose.yml");
    let parsed: Value = serde_yaml_ng::from_str(&compose).unwrap();
    let mut servers = 0;
    for (name, service) in parsed["services"].as_mapping().unwrap() {
        let mut service = service.clone();
        service.apply_merge().unwrap();
        for port in service["ports"].as_sequence().into_iter().flatten() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name:?} is open to others");
        }
        // The matrix runs every service that has no profile.
        if service["profiles"].is_null() {
            servers += 1;
            assert!(service["healthcheck"]["test"].is_sequence() && service["ports"].is_sequence(), "{name:?}");
        }
    }
    assert_eq!(servers, 6);
    let (s3, program) = (&parsed["services"]["s3"], &parsed["services"]["myriad"]);
    for (of_server, of_program) in
        [("MINIO_ROOT_USER", "AWS_ACCESS_KEY_ID"), ("MINIO_ROOT_PASSWORD", "AWS_SECRET_ACCESS_KEY")]
    {
        assert_eq!(s3["environment"][of_server], program["environment"][of_program]);
    }
    // The lines in its head that run the program.
    let lines = compose.lines().filter_map(|line| line.split_once("docker compose run --rm ")).map(|(_, line)| line);
    let mut seen = 0;
    for line in lines.filter(|line| !line.contains("...")) {
        Cli::try_parse_from(line.split_whitespace()).unwrap_or_else(|error| panic!("{line}: {error}"));
        seen += 1;
    }
    assert_eq!(seen, 2);
    outside::takes_input("docker-compose", &["-f", "-", "config", "-q"], &folder().join("../docker-compose.yml"));
}

#[test]
fn the_package_holds_files_that_are_there() {
    let cargo: toml::Table = toml::from_str(&text("../Cargo.toml")).unwrap();
    let assets = cargo["package"]["metadata"]["deb"]["assets"].as_array().unwrap();
    let script = text("../scripts/package");
    for asset in assets {
        let from = asset[0].as_str().unwrap();
        let made = from.starts_with("target/release/") || script.contains(from.trim_end_matches("/*"));
        assert!(made || folder().join("..").join(from).is_file(), "{from}");
    }
    for part in ["postinst", "prerm", "postrm"] {
        outside::takes("sh", &["-n"], &folder().join("deb").join(part));
        outside::takes("shellcheck", &[], &folder().join("deb").join(part));
    }
}

#[test]
fn configurations_are_read() {
    let mut texts = vec![text("drill.toml")];
    let example = texts[0].split_once("# [[assert]]").unwrap().1.replace("\n# ", "\n");
    texts.push(format!("{}[[assert]]{example}", texts[0]));
    for (name, _) in MANIFESTS {
        let maps = documents(name).into_iter().filter(|document| document["kind"] == "ConfigMap");
        texts.extend(maps.map(|map| map["data"]["drill.toml"].as_str().unwrap().to_owned()));
    }
    assert_eq!(texts.len(), 4);
    for text in texts {
        let config =
            DrillConfig::parse(&text, Path::new("drill.toml")).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert!(config.budget.rto.is_some() && config.budget.rpo.is_some() && config.check.no_table_vanished);
    }
}

/// Manifests with the kinds and names of what they hold.
const MANIFESTS: [(&str, &[(&str, &str)]); 2] = [
    (
        "kubernetes/drill-cronjob.yaml",
        &[("ConfigMap", "myriad-drill"), ("PersistentVolumeClaim", "myriad-drill"), ("CronJob", "myriad-drill")],
    ),
    (
        "kubernetes/drill-shards.yaml",
        &[
            ("ConfigMap", "myriad-drill-shards"),
            ("CronJob", "myriad-drill-shards"),
            ("PersistentVolumeClaim", "myriad-drill-reports"),
            ("CronJob", "myriad-drill-merge"),
        ],
    ),
];

fn documents(name: &str) -> Vec<Value> {
    let text = text(name);
    let documents = serde_yaml_ng::Deserializer::from_str(&text);
    documents.map(|document| Value::deserialize(document).unwrap_or_else(|error| panic!("{name}: {error}"))).collect()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_sequence().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

#[test]
fn manifests_are_whole() {
    for (name, expected) in MANIFESTS {
        let documents = documents(name);
        let found: Vec<(&str, &str)> = documents
            .iter()
            .map(|document| (document["kind"].as_str().unwrap(), document["metadata"]["name"].as_str().unwrap()))
            .collect();
        assert_eq!(found, expected, "{name}");
        for job in documents.iter().filter(|document| document["kind"] == "CronJob") {
            assert_eq!(job["apiVersion"], "batch/v1");
            assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
            pod_is_whole(&job["spec"]["jobTemplate"]["spec"]["template"]["spec"], &found);
        }
        for validator in [("kubeconform", &["-strict", "-summary"][..]), ("kubernetes-validate", &["--strict"][..])] {
            outside::takes(validator.0, validator.1, &folder().join(name));
        }
    }
}

/// What it mounts is there, what it writes to can be written, and it may do nothing besides.
fn pod_is_whole(pod: &Value, others: &[(&str, &str)]) {
    assert_eq!(pod["restartPolicy"], "Never");
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let containers = pod["containers"].as_sequence().unwrap();
    assert_eq!(containers.len(), 1);
    let container = &containers[0];
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
    assert_eq!(strings(&container["securityContext"]["capabilities"]["drop"]), ["ALL"]);
    for of in ["requests", "limits"] {
        assert!(container["resources"][of]["memory"].is_string(), "{of}");
    }
    assert!(container["envFrom"][0]["secretRef"]["name"].as_str().is_some());

    let volumes = pod["volumes"].as_sequence().unwrap();
    let mounts = container["volumeMounts"].as_sequence().unwrap();
    assert_eq!(volumes.len(), mounts.len());
    for mount in mounts {
        assert!(volumes.iter().any(|volume| volume["name"] == mount["name"]), "{mount:?}");
    }
    for volume in volumes {
        let claims =
            [("configMap", "name", "ConfigMap"), ("persistentVolumeClaim", "claimName", "PersistentVolumeClaim")];
        for (key, field, kind) in claims {
            if let Some(name) = volume[key][field].as_str() {
                assert!(others.contains(&(kind, name)), "{kind} {name}");
            }
        }
    }
    let mut line = strings(&container["command"]);
    line.extend(strings(&container["args"]).iter().map(|word| word.replace("$(JOB_COMPLETION_INDEX)", "3")));
    let args = drill(&line);
    let written = [args.folder, args.report_dir, args.history.map(PathBuf::from)];
    for place in written.into_iter().flatten().filter(|place| !place.starts_with("s3:")) {
        let mounted = mounts.iter().any(|mount| place.starts_with(mount["mountPath"].as_str().unwrap()));
        assert!(mounted, "nothing is mounted at {}", place.display());
    }
    assert!(args.config.is_none_or(|config| config == Path::new("/etc/myriad/drill.toml")));
}

#[test]
fn shards_of_the_indexed_job_are_as_many_as_its_pods() {
    let documents = documents("kubernetes/drill-shards.yaml");
    let named = |name: &str| {
        let found =
            documents.iter().find(|document| document["kind"] == "CronJob" && document["metadata"]["name"] == name);
        &found.unwrap()["spec"]["jobTemplate"]["spec"]
    };
    let (job, merge) = (named("myriad-drill-shards"), named("myriad-drill-merge"));
    assert_eq!(job["completionMode"], "Indexed");
    let pods = job["completions"].as_u64().unwrap();
    assert!(job["parallelism"].as_u64().unwrap() <= pods && job["maxFailedIndexes"].as_u64().unwrap() <= pods);
    assert_eq!(job["podFailurePolicy"]["rules"][0]["action"], "FailIndex");
    let args = |job: &Value| strings(&job["template"]["spec"]["containers"][0]["args"]);
    assert!(args(job).contains(&format!("--shard=$(JOB_COMPLETION_INDEX)/{pods}")));
    let place = |job: &Value, option: &str| args(job).into_iter().find(|word| word.starts_with(option)).unwrap();
    for option in ["--repo=", "--history="] {
        assert_eq!(place(job, option), place(merge, option), "the report reads what the shards wrote");
    }
    assert!(
        args(merge).contains(&"--merge".to_owned()) && args(merge).iter().any(|word| word.starts_with("--within="))
    );
}

#[test]
fn exit_codes_that_are_not_tried_again_are_those_of_verdicts() {
    use myriad::command::drill::record::Verdict;
    let verdicts = [Verdict::OverBudget, Verdict::Unproved, Verdict::AssertionFailed, Verdict::DamagedBackup];
    let codes: Vec<u64> = verdicts.iter().map(|verdict| u64::from(verdict.exit().code())).collect();
    let mut seen = 0;
    for (name, _) in MANIFESTS {
        for document in documents(name) {
            let rules = &document["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"];
            for rule in rules.as_sequence().into_iter().flatten() {
                let values: Vec<u64> =
                    rule["onExitCodes"]["values"].as_sequence().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
                assert_eq!(values, codes);
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 2);
}

#[test]
fn command_lines_of_the_documents_are_understood() {
    let docs = [text("README.md"), text("../docs/drill.md")];
    let mut seen = 0;
    for line in docs.iter().flat_map(|doc| code_lines(doc)) {
        let line = words(&line.replace("I/N", "0/4").replace(['\'', '"'], ""));
        if !line.is_empty() {
            drill(&line);
            seen += 1;
        }
    }
    assert!(seen >= 3, "{seen}");
}

/// Lines of the fenced blocks, those that go on with a backslash joined; comments left out.
fn code_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut fenced = false;
    let mut held = String::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            let line = line.split(" #").next().unwrap_or(line).trim();
            match line.strip_suffix('\\') {
                Some(part) => held.push_str(part),
                None => lines.push(std::mem::take(&mut held) + line),
            }
        }
    }
    lines
}

#[test]
fn alerts_use_metrics_that_drills_have() {
    use crate::support::drill_records as drills;
    use myriad::command::drill::record::Verdict;
    let rules = text("prometheus/myriad-drill.rules.yml");
    let parsed: Value = serde_yaml_ng::from_str(&rules).unwrap();
    let metrics = myriad::command::drill::report::metrics(&drills::drill(Verdict::Proved, 0), &[]);
    let mut seen = 0;
    for rule in parsed["groups"][0]["rules"].as_sequence().unwrap() {
        let expression = rule["expr"].as_str().unwrap();
        for name in
            expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| w.starts_with("myriad_"))
        {
            assert!(metrics.contains(&format!("# TYPE {name} gauge\n")), "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen}");
    outside::takes("promtool", &["check", "rules"], &folder().join("prometheus/myriad-drill.rules.yml"));
}
