//! The guard against restoring onto the wrong server: what it finds on a server, how it grades it, and which restores it
//! lets through.

use crate::support::server;
use myriad::error::Exit;
use myriad::guard::{Finding, FindingKind, GoOn, Inspection, Intent, inspect, refusal};
use myriad::schema::QualifiedName;
use myriad::server::facts::{self, ServerFacts};
use myriad::server::rights::Rights;
use myriad::server::{ConnectOptions, Session};

/// What the guard's first look gives.
async fn look(options: &ConnectOptions, intent: &Intent) -> Inspection {
    let mut session = Session::connect(options).await.unwrap();
    let facts: ServerFacts = facts::read(&mut session).await.unwrap();
    let rights = Rights::read(&mut session).await.unwrap();
    let inspection = inspect(&mut session, intent, &facts, &rights).await.unwrap();
    session.close().await;
    inspection
}

async fn names_found(options: &ConnectOptions, intent: &Intent) -> Vec<Finding> {
    let mut findings = look(options, intent).await.findings;
    findings.retain(|finding| finding.kind == FindingKind::NamesInTheWay);
    findings
}

#[tokio::test(flavor = "multi_thread")]
async fn names_in_the_way() {
    let target = server::target();
    let mut root = server::connect(target).await;
    root.execute("CREATE DATABASE guard_names").await.unwrap();
    let mut intent = Intent::default();
    for i in 0..25 {
        root.execute(format!("CREATE TABLE guard_names.t{i:02} (a INT)")).await.unwrap();
        intent.names.push(QualifiedName::new("guard_names", format!("t{i:02}")));
    }
    root.execute("CREATE VIEW guard_names.v AS SELECT 1").await.unwrap();
    root.execute("CREATE TABLE guard_names.`it's \\` (a INT)").await.unwrap();
    intent.names.push(QualifiedName::new("guard_names", "absent"));
    intent.names.push(QualifiedName::new("guard_absent", "t00"));
    let found = names_found(&target.connect_options(), &intent).await;
    let [Finding { message, .. }] = &found[..] else { panic!("{found:?}") };
    assert!(message.contains("guard_names.t19 and 5 more") && !message.contains("absent"), "{message}");
    let error = refusal(&found, |_| false, GoOn { command_line: "myriad restore", identity: "u" }).unwrap();
    assert_eq!(error.exit(), Exit::TargetNotEmpty);
    assert!(error.hints().iter().any(|hint| hint.ends_with("myriad restore --drop-existing")), "{:?}", error.hints());

    // What an earlier try of the same restore made is not in the way.
    intent.own = intent.names.iter().cloned().collect();
    assert_eq!(names_found(&target.connect_options(), &intent).await, []);
    for name in ["v", "it's \\"] {
        let one = Intent { names: vec![QualifiedName::new("guard_names", name)], ..Intent::default() };
        assert_eq!(names_found(&target.connect_options(), &one).await.len(), 1, "{name}");
    }
    root.execute("DROP DATABASE guard_names").await.unwrap();
}
