//! Ctrl-C and SIGTERM: the first asks the workers to stop at their next safe point, the second ends the
//! program at once. Nothing half-done is visible either way: a backup exists only with its manifest.

use crate::error::Exit;
use crate::progress::Stop;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What is said at the first signal.
const FIRST: &str = "stopping at the next safe point; once more ends the program at once";

/// Watches for the rest of the program's life. `say` prints a line for a person.
pub fn watch(stop: Stop, say: impl Fn(&str) + Send + 'static) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        either(&mut interrupt, &mut terminate).await;
        stop.stop();
        say(FIRST);
        either(&mut interrupt, &mut terminate).await;
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    Ok(())
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
