//! The guard against restoring onto the wrong server, on a real source with a real replica.

use crate::support::{replication, server};
use myriad::error::Exit;
use myriad::guard::{Finding, FindingKind, Intent, inspect, refusal};
use myriad::sandbox::{Sandbox, SandboxOptions};
use myriad::schema::QualifiedName;
use myriad::server::facts::ServerFacts;
use myriad::server::{ConnectOptions, Session};

async fn findings(options: &ConnectOptions, intent: &Intent) -> Vec<Finding> {
    let mut session = Session::connect(options).await.unwrap();
    let findings = inspect(&mut session, intent).await.unwrap();
    session.close().await;
    findings
}

fn kinds(findings: &[Finding]) -> Vec<FindingKind> {
    findings.iter().map(|finding| finding.kind).collect()
}

async fn facts(sandbox: &Sandbox) -> ServerFacts {
    myriad::server::facts::read(&mut server::connect(sandbox).await).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_and_its_replica() {
    let source = server::own(SandboxOptions { tcp: true, ..server::options() });
    let replica = server::own(server::options());
    let (of_source, of_replica) = (facts(&source).await, facts(&replica).await);
    let long_gone = ServerFacts { server_uuid: Some("a-server-long-gone".into()), ..ServerFacts::default() };
    let intent = Intent { sources: vec![of_source, long_gone], ..Intent::default() };
    let mut root = server::connect(&source).await;
    assert_eq!(kinds(&findings(&source.connect_options(), &intent).await), [FindingKind::IsSource]);
    assert_eq!(findings(&source.connect_options(), &Intent::default()).await, []);

    replication::attach(&replica, &source);
    let found = findings(&source.connect_options(), &intent).await;
    assert_eq!(kinds(&found), [FindingKind::IsSource, FindingKind::HasReplicas]);
    // A replica is a fit target as far as the guard looks, and the same backup's source after a failover is not.
    assert_eq!(findings(&replica.connect_options(), &intent).await, []);
    let failed_over = Intent { sources: vec![of_replica], ..Intent::default() };
    assert_eq!(kinds(&findings(&replica.connect_options(), &failed_over).await), [FindingKind::IsSource]);

    // Without the right to list replicas their sessions still show.
    root.execute("CREATE USER looker").await.unwrap();
    root.execute("GRANT PROCESS ON *.* TO looker").await.unwrap();
    let looker = ConnectOptions { user: "looker".into(), ..source.connect_options() };
    let found = findings(&looker, &Intent::default()).await;
    assert_eq!(kinds(&found), [FindingKind::HasReplicas]);
    assert!(found[0].message.contains("a session from"), "{}", found[0].message);

    // Every refusal names its own override, and one override leaves the other refusal standing.
    let found = findings(&source.connect_options(), &intent).await;
    let error = refusal(&found, |_| false).unwrap();
    assert_eq!(error.exit(), Exit::TargetIsSource);
    assert!(error.hints().iter().any(|hint| hint.contains("--allow-source --allow-replicas")), "{:?}", error.hints());
    let error = refusal(&found, |kind| kind == FindingKind::IsSource).unwrap();
    assert_eq!(error.exit(), Exit::TargetHasReplicas);
    assert!(error.hints().iter().any(|hint| hint.contains("--allow-replicas") && !hint.contains("--allow-source")));
    assert!(refusal(&found, |_| true).is_none());
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
    let found = findings(&target.connect_options(), &intent).await;
    assert_eq!(kinds(&found), [FindingKind::NamesInTheWay]);
    let message = &found[0].message;
    assert!(message.contains("guard_names.t19 and 5 more") && !message.contains("absent"), "{message}");
    let error = refusal(&found, |_| false).unwrap();
    assert_eq!(error.exit(), Exit::TargetNotEmpty);
    assert!(error.hints().iter().any(|hint| hint.contains("--drop-existing")), "{:?}", error.hints());

    // What an earlier try of the same restore made is not in the way.
    intent.own = intent.names.iter().cloned().collect();
    assert_eq!(findings(&target.connect_options(), &intent).await, []);
    for name in ["v", "it's \\"] {
        let one = Intent { names: vec![QualifiedName::new("guard_names", name)], ..Intent::default() };
        assert_eq!(kinds(&findings(&target.connect_options(), &one).await), [FindingKind::NamesInTheWay], "{name}");
    }
    root.execute("DROP DATABASE guard_names").await.unwrap();
}
