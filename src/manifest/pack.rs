//! Frames of many chunks become objects: a frame is taken at once and told its place when its object is full, since
//! the object's name is the hash of all its bytes. Full objects are hashed and stored by a thread of their own, with
//! one more waiting: frames in flight never exceed four objects, and a frame larger than that is in flight alone.

use super::condemned::Names as Condemned;
use super::error::ManifestError;
use super::model::Place;
use super::object;
use crate::codec::frame::ObjectId;
use crate::store::Store;
use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// Where a frame will be once its object has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    object: u64,
    offset: u64,
    length: u64,
}

/// An object that is being filled.
#[derive(Default)]
struct Filling {
    number: u64,
    frames: Vec<Bytes>,
    bytes: u64,
}

struct Full {
    number: u64,
    frames: Vec<Bytes>,
}

/// The names of the objects written, by their number.
type Names = BTreeMap<u64, ObjectId>;

/// Bytes of frames that are not stored yet.
#[derive(Default)]
struct InFlight {
    bytes: Mutex<u64>,
    stored: Condvar,
    /// Threads that wait for room.
    waiting: AtomicUsize,
}

/// Collects frames from many threads into objects.
pub struct PackWriter {
    filling: Mutex<Filling>,
    full: Option<Sender<Full>>,
    writer: Option<JoinHandle<Result<Names, ManifestError>>>,
    object_bytes: u64,
    in_flight: Arc<InFlight>,
}

impl PackWriter {
    /// A writer of objects of about `object_bytes` to `store`, under names that are not `condemned`. `runtime` drives the
    /// store's futures.
    pub fn new(
        store: Arc<dyn Store>,
        runtime: tokio::runtime::Handle,
        object_bytes: usize,
        condemned: Arc<Condemned>,
    ) -> PackWriter {
        let (full, objects) = bounded(1);
        let in_flight = Arc::new(InFlight::default());
        let stored = in_flight.clone();
        let writer = std::thread::spawn(move || {
            let names = write_objects(&*store, &runtime, &objects, &condemned, &stored);
            // No more is stored: whoever waits for room goes on and hears of it.
            drop(objects);
            stored.forget();
            names
        });
        PackWriter {
            filling: Mutex::default(),
            full: Some(full),
            writer: Some(writer),
            object_bytes: object_bytes as u64,
            in_flight,
        }
    }

    /// Takes a frame; waits while too many bytes are in flight. An error says that writing has failed; `finish` says why.
    pub fn add(&self, frame: Vec<u8>) -> Result<Slot, Failed> {
        self.room_for(frame.len() as u64)?;
        let mut filling = self.filling.lock().expect("no holder of the lock panics");
        let slot = Slot { object: filling.number, offset: filling.bytes, length: frame.len() as u64 };
        filling.bytes += frame.len() as u64;
        filling.frames.push(frame.into());
        if filling.bytes >= self.object_bytes || self.in_flight.waiting.load(Ordering::SeqCst) > 0 {
            // Sending under the lock keeps the bound: other workers wait here rather than fill another object.
            self.send(&mut filling)?;
        }
        Ok(slot)
    }

    /// Waits until a frame of so many bytes has room, or nothing else is in flight. What fills an object meanwhile is sent
    /// as it is, so that there is an end to the wait.
    fn room_for(&self, frame_bytes: u64) -> Result<(), Failed> {
        let bytes_max = 4 * self.object_bytes;
        let in_flight = &*self.in_flight;
        let crowded = |bytes: &mut u64| *bytes > 0 && *bytes + frame_bytes > bytes_max;
        let mut bytes = in_flight.bytes.lock().expect("no holder of the lock panics");
        if crowded(&mut bytes) {
            drop(bytes);
            in_flight.waiting.fetch_add(1, Ordering::SeqCst);
            let mut filling = self.filling.lock().expect("no holder of the lock panics");
            let sent = if filling.frames.is_empty() { Ok(()) } else { self.send(&mut filling) };
            drop(filling);
            let waiting = in_flight.bytes.lock().expect("no holder of the lock panics");
            bytes = in_flight.stored.wait_while(waiting, crowded).expect("no holder of the lock panics");
            in_flight.waiting.fetch_sub(1, Ordering::SeqCst);
            sent?;
        }
        *bytes += frame_bytes;
        Ok(())
    }

    /// Stores what is left, waits for all objects, and gives their names.
    pub fn finish(mut self) -> Result<Places, ManifestError> {
        let sent = {
            let mut filling = self.filling.lock().expect("no holder of the lock panics");
            if filling.frames.is_empty() { Ok(()) } else { self.send(&mut filling) }
        };
        drop(self.full.take());
        let writer = self.writer.take().expect("finish runs once");
        let names = writer.join().expect("the writer thread does not panic")?;
        // The writer ends early only with an error, which was returned just now.
        debug_assert!(sent.is_ok());
        Ok(Places(names))
    }

    fn send(&self, filling: &mut Filling) -> Result<(), Failed> {
        let number = filling.number;
        let frames = std::mem::take(&mut filling.frames);
        *filling = Filling { number: number + 1, ..Filling::default() };
        match &self.full {
            Some(full) => full.send(Full { number, frames }).map_err(|_| Failed),
            None => Err(Failed),
        }
    }
}

impl InFlight {
    fn stored(&self, bytes: u64) {
        let mut in_flight = self.bytes.lock().expect("no holder of the lock panics");
        *in_flight = in_flight.saturating_sub(bytes);
        self.stored.notify_all();
    }

    fn forget(&self) {
        self.stored(u64::MAX);
    }
}

/// Storing an object has failed; [`PackWriter::finish`] has the reason.
#[derive(Clone, Copy, Debug)]
pub struct Failed;

/// Turns slots into places once all objects are stored.
pub struct Places(Names);

impl Places {
    /// The place of a frame.
    pub fn place(&self, slot: Slot) -> Place {
        let object = self.0[&slot.object];
        Place { object, offset: slot.offset, length: slot.length }
    }

    /// How many objects were stored.
    pub fn objects(&self) -> usize {
        self.0.len()
    }
}

fn write_objects(
    store: &dyn Store,
    runtime: &tokio::runtime::Handle,
    objects: &Receiver<Full>,
    condemned: &Condemned,
    in_flight: &InFlight,
) -> Result<Names, ManifestError> {
    let mut names = Names::new();
    for Full { number, frames } in objects {
        let bytes = frames.iter().map(|frame| frame.len() as u64).sum();
        let object = runtime.block_on(object::put(store, frames, condemned))?;
        names.insert(number, object);
        in_flight.stored(bytes);
    }
    Ok(names)
}
