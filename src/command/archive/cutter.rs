//! Raw bytes of a segment that is being filled: compressed as they come, in frames of bounded size, so that a transaction
//! of many GiB takes memory for its compressed bytes only. Bytes behind the last commit can be dropped again.

use crate::codec::frame::{FrameError, Sealer};
use crate::limits::{SEGMENT_FRAME_BYTES, ZSTD_LEVEL};
use bytes::Bytes;
use sha2::{Digest, Sha256};

/// A segment's bytes so far.
pub(super) struct Cutter {
    sealer: Sealer,
    frames: Vec<Bytes>,
    frames_committed: usize,
    /// Bytes behind the last frame.
    raw: Vec<u8>,
    raw_committed: usize,
    hash: Sha256,
    hash_committed: Sha256,
}

/// What is stored of a segment.
pub(super) struct Stored {
    /// Its frames, one behind the other.
    pub frames: Vec<Bytes>,
    /// SHA-256 of the frames.
    pub object: String,
    /// Bytes of the frames.
    pub object_bytes: u64,
    /// SHA-256 of the raw bytes.
    pub sha256: String,
}

impl Cutter {
    pub(super) fn new() -> Result<Cutter, FrameError> {
        Ok(Cutter {
            sealer: Sealer::new(ZSTD_LEVEL)?,
            frames: Vec::new(),
            frames_committed: 0,
            raw: Vec::new(),
            raw_committed: 0,
            hash: Sha256::new(),
            hash_committed: Sha256::new(),
        })
    }

    /// Adds bytes, which count once they are committed.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        self.hash.update(bytes);
        self.raw.extend_from_slice(bytes);
        while self.raw.len() >= SEGMENT_FRAME_BYTES {
            // A frame holds committed bytes or others, not both.
            let committed = self.raw_committed > 0;
            let end = if committed { self.raw_committed } else { self.raw.len() };
            self.seal(end)?;
            if committed {
                self.frames_committed = self.frames.len();
            }
        }
        Ok(())
    }

    /// All bytes added so far count.
    pub(super) fn commit(&mut self) {
        self.frames_committed = self.frames.len();
        self.raw_committed = self.raw.len();
        self.hash_committed = self.hash.clone();
    }

    /// The committed bytes as they are stored; others are dropped, and it is empty again.
    pub(super) fn finish(&mut self) -> Result<Stored, FrameError> {
        self.frames.truncate(self.frames_committed);
        if self.raw_committed > 0 {
            self.seal(self.raw_committed)?;
        }
        let mut object = Sha256::new();
        self.frames.iter().for_each(|frame| object.update(frame));
        let stored = Stored {
            object: hex::encode(object.finalize()),
            object_bytes: self.frames.iter().map(|frame| frame.len() as u64).sum(),
            sha256: hex::encode(std::mem::take(&mut self.hash_committed).finalize()),
            frames: std::mem::take(&mut self.frames),
        };
        self.raw.clear();
        self.hash = Sha256::new();
        (self.frames_committed, self.raw_committed) = (0, 0);
        Ok(stored)
    }

    fn seal(&mut self, end: usize) -> Result<(), FrameError> {
        self.frames.push(self.sealer.seal(&self.raw[..end], "a segment of a binary log")?.into());
        self.raw.drain(..end);
        self.raw_committed = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(stored: &Stored) -> Vec<u8> {
        let object: Vec<u8> = stored.frames.concat();
        assert_eq!(
            (object.len() as u64, hex::encode(Sha256::digest(&object))),
            (stored.object_bytes, stored.object.clone())
        );
        let raw = zstd::decode_all(&object[..]).unwrap();
        assert_eq!(hex::encode(Sha256::digest(&raw)), stored.sha256);
        raw
    }

    #[test]
    fn what_is_not_committed_is_dropped() {
        let sizes =
            [1, 100, SEGMENT_FRAME_BYTES - 1, SEGMENT_FRAME_BYTES, SEGMENT_FRAME_BYTES + 1, 3 * SEGMENT_FRAME_BYTES];
        for first in sizes {
            for second in sizes {
                for dropped in [0, 7, 2 * SEGMENT_FRAME_BYTES] {
                    let mut cutter = Cutter::new().unwrap();
                    for _ in 0..2 {
                        cutter.add(&vec![1; first]).unwrap();
                        cutter.commit();
                        cutter.add(&vec![2; second / 2]).unwrap();
                        cutter.add(&vec![3; second - second / 2]).unwrap();
                        cutter.commit();
                        cutter.add(&vec![4; dropped]).unwrap();
                        let expected = [vec![1; first], vec![2; second / 2], vec![3; second - second / 2]].concat();
                        assert!(raw(&cutter.finish().unwrap()) == expected, "{first} {second} {dropped}");
                    }
                }
            }
        }
    }
}
