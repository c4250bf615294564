//! Many sources drilled by several processes side by side, each with its share of the names, and one report of all of them.

use crate::support::data;
use crate::support::program::{Repo, address, run, start};
use crate::support::server::source;
use serde_json::Value;
use std::collections::BTreeMap;

const NAMES: [&str; 3] = ["shard-a", "shard-b", "shard-c"];

#[tokio::test(flavor = "multi_thread")]
async fn shards_drill_each_source_once_and_one_report_has_them_all() {
    let statements = [
        "CREATE DATABASE drill_shards",
        "CREATE TABLE drill_shards.t (id INT PRIMARY KEY, name VARCHAR(20))",
        "INSERT INTO drill_shards.t VALUES (1, 'one'), (2, 'two')",
    ];
    data::run(source(), &statements).await;
    let repo = Repo::new();
    let place = repo.place();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    for name in NAMES {
        let from = address(source());
        run(&["backup", "--source", &from, "--repo", &place, "--name", name, "--database", "drill_shards"]).expect(0);
    }

    let (history, reports) = (at("history"), at("reports"));
    let mysqld = source().program().to_string_lossy().into_owned();
    let shard = |shard: &str| {
        let own = ["drill", "--shard", shard, "--mysqld", &mysqld, "--report-dir", &reports, "--json"];
        start(&[&own[..], &["--repo", &place, "--history", &history, "--memory", "64M"]].concat())
    };
    let running = ["0/2", "1/2"].map(shard);
    let ended = running.map(|process| process.end().expect(0).json());
    let drilled = |report: &Value| -> Vec<String> {
        let drills = report["drills"].as_array().unwrap();
        drills.iter().map(|drill| drill["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(drilled(&ended[0]), ["shard-a", "shard-c"]);
    assert_eq!(drilled(&ended[1]), ["shard-b"]);
    let ids: BTreeMap<&str, &Value> = ended
        .iter()
        .flat_map(|report| report["drills"].as_array().unwrap())
        .map(|drill| (drill["name"].as_str().unwrap(), &drill["id"]))
        .collect();

    let merge = |more: &[&str]| {
        run(&[&["drill", "--merge", "--repo", &place, "--history", &history, "--json"][..], more].concat())
    };
    let all = at("all.html");
    let (junit, metrics) = (at("all.xml"), at("all.prom"));
    let files = ["--within", "1h", "--html", &all, "--junit", &junit, "--metrics", &metrics, "--report-dir", &reports];
    let merged = merge(&files).expect(0).json();
    assert_eq!(merged["verdict"], "proved");
    assert_eq!(drilled(&merged), NAMES);
    for drill in merged["drills"].as_array().unwrap() {
        assert_eq!(&drill["id"], ids[drill["name"].as_str().unwrap()], "the drill that the shard told of");
    }
    let text = |path: &str| std::fs::read_to_string(path).unwrap();
    let (page, junit, metrics) = (text(&all), text(&junit), text(&metrics));
    for name in NAMES {
        assert!(page.contains(name) && junit.contains(&format!("drill {name}")), "{name}");
        assert!(metrics.contains(&format!("myriad_drill_success{{name=\"{name}\"}} 1\n")), "{name}");
        assert!(folder.path().join(format!("reports/{name}.html")).is_file(), "{name}");
    }
    assert!(text(&at("reports/@all.html")).contains("href=\"./shard-b.html\""));

    // Nor does one whose last drill was killed, however well the one before went.
    let own = folder.path().join("history/drills/shard-b");
    let unread = own.join("29991231T000000Z-dead.begun");
    std::fs::write(&unread, b"{}\n").unwrap();
    let merged = merge(&[]).expect(64).json();
    assert_eq!(merged["missing"][0]["name"], "shard-b", "{merged}");
    std::fs::remove_file(&unread).unwrap();
    let ended = own.join(format!("{}.json", ids["shard-b"].as_str().unwrap()));
    std::fs::rename(&ended, ended.with_extension("begun")).unwrap();
    let merged = merge(&[]).expect(64).json();
    let first = &merged["drills"][0];
    assert!(first["name"] == "shard-b" && first["verdict"] == "could_not_run", "{first}");
    assert!(first["message"].as_str().unwrap().contains("has begun and left no record"), "{first}");
    std::fs::rename(ended.with_extension("begun"), &ended).unwrap();

    // Nor does any where no shard has written its history at all.
    let nowhere = ["drill", "--merge", "--repo", &place, "--history", &at("nowhere"), "--json", "--html", &all];
    let nothing = run(&nowhere).expect(64);
    let missing = nothing.json()["missing"].as_array().unwrap().len();
    assert!(missing == NAMES.len() && nothing.err.contains("there is no history at"), "{}", nothing.err);
    assert!(text(&all).contains("shard-c"));

    // One source whose history cannot be written takes nothing from the others, wherever it stands among them.
    let (spoilt, told) = (at("spoilt"), at("told"));
    std::fs::create_dir_all(format!("{spoilt}/drills")).unwrap();
    std::fs::write(format!("{spoilt}/drills/shard-a"), "").unwrap();
    std::fs::write(format!("{spoilt}/drills/shard-c"), "").unwrap();
    let config = format!("[notify]\ncommand = [\"/bin/sh\", \"-c\", \"cat >> '{told}'; echo >> '{told}'\"]\n");
    std::fs::write(at("drill.toml"), config).unwrap();
    let own = ["drill", "--mysqld", &mysqld, "--json", "--report-dir", &at("spoilt-reports"), "--memory", "64M"];
    let ended =
        run(&[&own[..], &["--repo", &place, "--history", &spoilt, "--config", &at("drill.toml")]].concat()).expect(64);
    let verdicts = |report: &Value| -> Vec<(String, String)> {
        let of = |drill: &Value, key: &str| drill[key].as_str().unwrap().to_owned();
        report["drills"].as_array().unwrap().iter().map(|drill| (of(drill, "name"), of(drill, "verdict"))).collect()
    };
    let expected = ["could_not_run", "proved", "could_not_run"];
    let expected = NAMES.iter().zip(expected).map(|(name, verdict)| (name.to_string(), verdict.to_owned()));
    let expected: Vec<_> = expected.collect();
    assert_eq!(verdicts(&ended.json()), expected);
    let failure = ended.json()["drills"][0]["failures"][0].as_str().unwrap().to_owned();
    assert!(failure.contains("the history cannot be written, so the drill was not begun"), "{failure}");
    let told = text(&told);
    let notified: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(verdicts(&serde_json::json!({"drills": notified})), expected);
    assert!(
        NAMES.iter().all(|name| text(&at(&format!("spoilt-reports/{name}.prom"))).contains("myriad_drill_success"))
    );
    // Where it can be written for none, nothing is begun.
    let none = ["drill", "--repo", &place, "--history", &spoilt, "--name", "shard-a", "--name", "shard-c"];
    run(&none).refused(23, &["the history cannot be written", "shard-a"]);

    // A source that no shard has drilled does not pass.
    let from = address(source());
    run(&["backup", "--source", &from, "--repo", &place, "--name", "shard-d", "--database", "drill_shards"]).expect(0);
    let merged = merge(&[]).expect(64).json();
    assert_eq!(merged["verdict"], "could_not_run");
    assert_eq!(merged["missing"], serde_json::json!([{"name": "shard-d", "last": null}]));
    assert_eq!(merge(&["--name", "shard-a"]).expect(0).json()["verdict"], "proved");
}
