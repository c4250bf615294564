//! Sealing a chunk's bytes into a zstd frame under their content id, and opening a frame again with every
//! check that the format asks for (docs/format.md sections 3 and 4.4).

use super::ROW_TEXT_VERSION;
use crate::error::{Exit, Explain};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// BLAKE3-256 of a chunk's or part's uncompressed bytes: names the content, whatever compressed it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId(pub [u8; 32]);

/// SHA-256 of an object's stored bytes: the object's name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub [u8; 32]);

macro_rules! hex_id {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let mut bytes = [0; 32];
                hex::decode_to_slice(&text, &mut bytes).map_err(serde::de::Error::custom)?;
                Ok($name(bytes))
            }
        }
    };
}
hex_id!(ContentId);
hex_id!(ObjectId);

/// The content id of a chunk: row text, typed list (empty where there is none), row text version.
/// For parts of definitions and chunk lists the list is empty and the version 0.
pub fn content_id(text: &[u8], typed_list: &[u8], version: u32) -> ContentId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(text);
    hasher.update(typed_list);
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(&(typed_list.len() as u64).to_le_bytes());
    hasher.update(&version.to_le_bytes());
    ContentId(*hasher.finalize().as_bytes())
}

/// Stands in the content ids of parts where those of chunks have the version of their row text.
pub const PART_VERSION: u32 = 0;

/// Why a frame was not opened. The caller adds which object and chunk it is.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// zstd does not take the bytes.
    #[error("{what} is damaged: it is no whole zstd frame ({why})")]
    Frame {
        /// The chunk or part, and the object it stands in.
        what: String,
        /// zstd's words.
        why: String,
    },
    /// The unpacked size is not the recorded one.
    #[error("{what} is damaged: it holds {found} bytes instead of {expected}")]
    Size {
        /// The chunk or part, and the object it stands in.
        what: String,
        /// Bytes that the manifest promises.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// The content id differs.
    #[error("{what} is damaged: its content is not what was stored")]
    Content {
        /// The chunk or part, and the object it stands in.
        what: String,
    },
    /// The row text has another number of rows than the record.
    #[error("{what} is damaged: it holds {found} rows instead of {expected}")]
    Rows {
        /// The chunk, and the object it stands in.
        what: String,
        /// Rows that the record promises.
        expected: u64,
        /// Rows found.
        found: u64,
    },
    /// zstd could not compress.
    #[error("cannot compress {what}: {why}")]
    Compress {
        /// The chunk or part.
        what: String,
        /// zstd's words.
        why: String,
    },
}

impl Explain for FrameError {
    fn exit(&self) -> Exit {
        match self {
            FrameError::Compress { .. } => Exit::Failure,
            _ => Exit::RepositoryDamaged,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            FrameError::Compress { .. } => None,
            _ => Some(
                "run `myriad verify --repo …` to see all that is damaged; another backup may hold the same rows".into(),
            ),
        }
    }
}

/// A buffer for compressed bytes above this is given away with its frame.
const SCRATCH_BYTES_KEPT: usize = 36 << 20;

/// Compresses frames with one reused zstd context.
pub struct Sealer {
    compressor: zstd::bulk::Compressor<'static>,
    scratch: Vec<u8>,
}

impl Sealer {
    /// A sealer for one thread.
    pub fn new(level: i32) -> Result<Sealer, FrameError> {
        let compressor = zstd::bulk::Compressor::new(level)
            .map_err(|e| FrameError::Compress { what: "anything".into(), why: e.to_string() })?;
        Ok(Sealer { compressor, scratch: Vec::new() })
    }

    /// One frame of `bytes`, with its content size declared.
    pub fn seal(&mut self, bytes: &[u8], what: &str) -> Result<Vec<u8>, FrameError> {
        // Compressed into a reused buffer and copied out: the frame that is kept is no larger than its bytes. A buffer for
        // a very large frame is not kept; it becomes the frame.
        self.scratch.clear();
        self.scratch.reserve(zstd::zstd_safe::compress_bound(bytes.len()));
        self.compressor
            .compress_to_buffer(bytes, &mut self.scratch)
            .map_err(|e| FrameError::Compress { what: what.to_owned(), why: e.to_string() })?;
        if self.scratch.capacity() > SCRATCH_BYTES_KEPT {
            let mut frame = std::mem::take(&mut self.scratch);
            frame.shrink_to_fit();
            return Ok(frame);
        }
        Ok(self.scratch.to_vec())
    }
}

/// The bytes of a frame that holds `bytes` at most, however badly they compress. Longer records are not believed.
pub fn frame_bytes_max(bytes: u64) -> u64 {
    // ZSTD_COMPRESSBOUND is bytes + bytes / 256 and 64 bytes more at most; twice that is left to other writers.
    bytes.saturating_add(bytes / 128).saturating_add(128)
}

/// Opens the frame of a part: unpacked, of the recorded size, of the recorded content.
///
/// `bytes` is the recorded size and bounds what is allocated; `what` names part and object in errors.
pub fn open(frame: &[u8], bytes: u64, content: ContentId, what: &str) -> Result<Vec<u8>, FrameError> {
    let text = unpack(frame, bytes, what)?;
    if content_id(&text, &[], PART_VERSION) != content {
        return Err(FrameError::Content { what: what.to_owned() });
    }
    Ok(text)
}

/// Opens a chunk: its row text and, where `typed_bytes` says that there is one, the typed list, whose frame follows the
/// row text's directly (docs/format.md section 4.3).
pub fn open_chunk(
    frames: &[u8],
    bytes: u64,
    typed_bytes: Option<u64>,
    content: ContentId,
    what: &str,
) -> Result<(Vec<u8>, Vec<u8>), FrameError> {
    let damaged = |why: &str| FrameError::Frame { what: what.to_owned(), why: why.into() };
    let (text, typed) = match typed_bytes {
        None => (frames, None),
        Some(typed_bytes) => {
            let end = zstd::zstd_safe::find_frame_compressed_size(frames).map_err(|_| damaged("it is cut short"))?;
            let (text, typed) = frames.split_at_checked(end).ok_or_else(|| damaged("it is cut short"))?;
            (text, Some((typed, typed_bytes)))
        }
    };
    let text = unpack(text, bytes, what)?;
    let typed_list = typed.map_or(Ok(Vec::new()), |(frame, bytes)| unpack(frame, bytes, what))?;
    if content_id(&text, &typed_list, ROW_TEXT_VERSION) != content {
        return Err(FrameError::Content { what: what.to_owned() });
    }
    Ok((text, typed_list))
}

fn unpack(frame: &[u8], bytes: u64, what: &str) -> Result<Vec<u8>, FrameError> {
    let damaged = |why: String| FrameError::Frame { what: what.to_owned(), why };
    let declared = zstd::zstd_safe::get_frame_content_size(frame).map_err(|_| damaged("bad header".into()))?;
    if declared != Some(bytes) {
        return Err(FrameError::Size { what: what.to_owned(), expected: bytes, found: declared.unwrap_or_default() });
    }
    let whole = zstd::zstd_safe::find_frame_compressed_size(frame).map_err(|_| damaged("it is cut short".into()))?;
    if whole != frame.len() {
        return Err(damaged("bytes follow it".into()));
    }
    let capacity = usize::try_from(bytes).map_err(|_| damaged("too large for this machine".into()))?;
    // A damaged size may ask for more than there is.
    let mut text = Vec::new();
    text.try_reserve_exact(capacity).map_err(|_| damaged("too large for this machine".into()))?;
    zstd::bulk::Decompressor::new()
        .and_then(|mut decompressor| decompressor.decompress_to_buffer(frame, &mut text))
        .map_err(|e| damaged(e.to_string()))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seal(bytes: &[u8]) -> Vec<u8> {
        Sealer::new(1).unwrap().seal(bytes, "test").unwrap()
    }

    /// Frames of a chunk, with a typed list where it has one, and what opens them.
    fn chunk(text: &[u8], typed_list: &[u8]) -> (Vec<u8>, Option<u64>, ContentId) {
        let mut frames = seal(text);
        let has_list = !typed_list.is_empty();
        if has_list {
            frames.extend(seal(typed_list));
        }
        (frames, has_list.then_some(typed_list.len() as u64), content_id(text, typed_list, ROW_TEXT_VERSION))
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(bytes in prop::collection::vec(any::<u8>(), 0..5000), list in prop::collection::vec(any::<u8>(), 0..100)) {
            let (frames, typed, id) = chunk(&bytes, &list);
            prop_assert_eq!(open_chunk(&frames, bytes.len() as u64, typed, id, "test").unwrap(), (bytes.clone(), list));
            let id = content_id(&bytes, &[], PART_VERSION);
            prop_assert_eq!(open(&seal(&bytes), bytes.len() as u64, id, "test").unwrap(), bytes);
        }

        #[test]
        fn no_flipped_bit_passes(bytes in prop::collection::vec(any::<u8>(), 1..2000), list in prop::collection::vec(any::<u8>(), 0..100), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let (mut frames, typed, id) = chunk(&bytes, &list);
            let at = at.index(frames.len());
            frames[at] ^= 1 << bit;
            // A flip may leave the content as it was (unused header bits); it must never give other bytes.
            if let Ok(opened) = open_chunk(&frames, bytes.len() as u64, typed, id, "test") {
                prop_assert_eq!(opened, (bytes, list));
            }
        }

        #[test]
        fn no_truncation_passes(bytes in prop::collection::vec(any::<u8>(), 1..2000), list in prop::collection::vec(any::<u8>(), 0..100), cut in any::<prop::sample::Index>()) {
            let (frames, typed, id) = chunk(&bytes, &list);
            let cut = &frames[..cut.index(frames.len())];
            prop_assert!(open_chunk(cut, bytes.len() as u64, typed, id, "test").is_err());
        }
    }

    #[test]
    fn a_size_beyond_all_memory_is_an_error() {
        // The header of a frame that declares 2^60 bytes, and one empty last block.
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xe0];
        frame.extend_from_slice(&(1u64 << 60).to_le_bytes());
        frame.extend_from_slice(&[1, 0, 0]);
        let error = open(&frame, 1 << 60, ContentId([0; 32]), "test").unwrap_err();
        assert!(matches!(error, FrameError::Frame { .. }), "{error}");
    }

    #[test]
    fn content_ids_tell_text_from_list_and_version() {
        let ids = [
            content_id(b"ab", b"", 1),
            content_id(b"a", b"b", 1),
            content_id(b"", b"ab", 1),
            content_id(b"ab", b"", 2),
        ];
        for (i, a) in ids.iter().enumerate() {
            assert!(ids[i + 1..].iter().all(|b| a != b));
        }
    }
}
