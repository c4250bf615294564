//! Definitions are read from one server and made on another, and both say the same about them.

mod corpus;
mod server;

use myriad::server::Session;
use myriad::server::inspect::{self, Inspected};
use server::Server;

async fn fill(session: &mut Session) {
    let mut failed = Vec::new();
    session.execute("SET SESSION sql_mode='ALLOW_INVALID_DATES'").await.unwrap();
    for (charset, statement) in corpus::tables().into_iter().chain(corpus::objects()) {
        session.execute(format!("SET character_set_client={charset}")).await.unwrap();
        if let Err(error) = session.execute(statement).await {
            failed.push(error.to_string());
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

async fn inspect_all(session: &mut Session) -> Inspected {
    inspect::setup_reader(session).await.unwrap();
    inspect::inspect(session, &|_, _| true, true).await.unwrap()
}

#[tokio::test]
async fn smoke() {
    let source = Server::start(&[]);
    let mut session = source.session().await;
    fill(&mut session).await;
    let inspected = inspect_all(&mut session).await;
    for schema in &inspected.schemas {
        println!("{:?}", schema.create);
        for table in &schema.tables {
            println!("{:?}\n{}", table, table.create.lossy());
        }
        for object in &schema.objects {
            println!("{object:?}");
        }
    }
    for n in &inspected.not_taken {
        println!("{n}");
    }
}
