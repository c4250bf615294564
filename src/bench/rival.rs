//! What every contestant can do. A rival only says which programs to run; `measure` runs them, the same way
//! for all, and the contest checks what they brought.

use super::error::BenchError;
use super::measure::Step;

/// A way of backing up and restoring that is measured against the others.
pub trait Rival: Send {
    /// Its name in the tables.
    fn name(&self) -> &str;

    /// Makes room for a new first dump: what earlier ones left is removed.
    fn prepare(&mut self) -> Result<(), BenchError>;

    /// The program that dumps all schemas of the contest.
    fn dump(&self) -> Step;

    /// Bytes that its dumps take on disk now.
    fn stored_bytes(&self) -> Result<u64, BenchError>;

    /// True where a second dump builds on the first: it is then made too, and what it adds is told.
    fn remembers(&self) -> bool;

    /// The ways it can load, by name.
    fn ways(&self) -> &'static [&'static str];

    /// The program that loads the dump in one of its ways.
    fn load(&self, way: usize) -> Step;
}
