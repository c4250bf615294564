//! Packets on a stream: four bytes of header (length, sequence number), then the payload; payloads of
//! 16 MiB - 1 and more come in several packets and are joined. A payload is handed out as a slice of the read
//! buffer wherever it fits there. Also the little reader of fields that payloads are made of. (MySQL Internals,
//! "Protocol Basics".) Does not know what a payload means.

use super::stream::Stream;
use crate::limits;
use std::io::{self, Read, Write};
use std::ops::Range;

/// A packet of this length is continued by the next one.
pub(super) const PACKET_BYTES_MAX: usize = 0xFF_FF_FF;
/// Longest payload taken: the greatest `max_allowed_packet` that a server can have.
pub(super) const PAYLOAD_BYTES_MAX: usize = 1 << 30;
const HEADER_BYTES: usize = 4;
/// A buffer of joined packets above this is given back once its payload has been used.
const JOINED_BYTES_KEPT: usize = 4 << 20;

/// Where a payload lies until the next read.
#[derive(Clone, Debug)]
pub(super) enum Payload {
    /// In the read buffer.
    Buffered(Range<usize>),
    /// Too large for it: in the buffer of joined packets.
    Joined,
}

/// A stream with its read buffer and the sequence numbers of the current exchange.
pub(super) struct Packets {
    pub(super) stream: Stream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    joined: Vec<u8>,
    sequence: u8,
}

impl Packets {
    pub(super) fn new(stream: Stream) -> Packets {
        let buffer = vec![0; limits::READ_BUFFER_BYTES];
        Packets { stream, buffer, start: 0, end: 0, joined: Vec::new(), sequence: 0 }
    }

    /// Reads one payload; it stays in place until the next read.
    #[inline]
    pub(super) fn read(&mut self) -> io::Result<Payload> {
        let held = self.end - self.start;
        if held >= HEADER_BYTES {
            let payload_bytes = self.payload_bytes();
            if payload_bytes < PACKET_BYTES_MAX && held >= HEADER_BYTES + payload_bytes {
                return self.take_buffered(payload_bytes);
            }
        }
        self.read_more()
    }

    /// The bytes of the payload read last.
    #[inline]
    pub(super) fn bytes(&self, payload: &Payload) -> &[u8] {
        match payload {
            Payload::Buffered(range) => &self.buffer[range.clone()],
            Payload::Joined => &self.joined,
        }
    }

    /// Reads one payload and returns its bytes.
    pub(super) fn read_bytes(&mut self) -> io::Result<&[u8]> {
        let payload = self.read()?;
        Ok(self.bytes(&payload))
    }

    /// Sends one payload as the next packet of the exchange.
    pub(super) fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        self.send_parts(&[payload])
    }

    /// Begins an exchange: a command byte and its argument.
    pub(super) fn send_command(&mut self, command: u8, argument: &[u8]) -> io::Result<()> {
        self.sequence = 0;
        self.send_parts(&[&[command], argument])
    }

    /// The stream for the switch to TLS. The server is silent until then, so nothing can be buffered.
    pub(super) fn map_stream<E>(self, map: impl FnOnce(Stream) -> Result<Stream, E>) -> Result<Packets, E> {
        Ok(Packets { stream: map(self.stream)?, ..self })
    }

    fn payload_bytes(&self) -> usize {
        let header = &self.buffer[self.start..self.start + HEADER_BYTES];
        usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16
    }

    #[inline]
    fn take_buffered(&mut self, payload_bytes: usize) -> io::Result<Payload> {
        if self.joined.capacity() > JOINED_BYTES_KEPT {
            self.joined = Vec::new();
        }
        let from = self.start + HEADER_BYTES;
        // An error may come out of turn, such as the word that the server has closed an idle session.
        if self.buffer[self.start + 3] != self.sequence && self.buffer.get(from) != Some(&0xFF) {
            return Err(out_of_order());
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.start = from + payload_bytes;
        Ok(Payload::Buffered(from..self.start))
    }

    #[cold]
    fn read_more(&mut self) -> io::Result<Payload> {
        self.fill(HEADER_BYTES)?;
        let payload_bytes = self.payload_bytes();
        if payload_bytes < PACKET_BYTES_MAX && HEADER_BYTES + payload_bytes <= self.buffer.len() {
            self.fill(HEADER_BYTES + payload_bytes)?;
            return self.take_buffered(payload_bytes);
        }
        self.read_joined()
    }

    fn read_joined(&mut self) -> io::Result<Payload> {
        if self.joined.capacity() > JOINED_BYTES_KEPT {
            self.joined = Vec::new();
        }
        self.joined.clear();
        loop {
            self.fill(HEADER_BYTES)?;
            let payload_bytes = self.payload_bytes();
            if self.buffer[self.start + 3] != self.sequence {
                return Err(out_of_order());
            }
            self.sequence = self.sequence.wrapping_add(1);
            self.start += HEADER_BYTES;
            if self.joined.len() + payload_bytes > PAYLOAD_BYTES_MAX {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a row of more than 1 GiB"));
            }
            let held = payload_bytes.min(self.end - self.start);
            self.joined.extend_from_slice(&self.buffer[self.start..self.start + held]);
            self.start += held;
            let missing = payload_bytes - held;
            // Straight into place: a row of many MiB is not copied through the read buffer.
            self.joined.reserve(missing);
            if (&mut self.stream).take(missing as u64).read_to_end(&mut self.joined)? < missing {
                return Err(closed());
            }
            if payload_bytes < PACKET_BYTES_MAX {
                return Ok(Payload::Joined);
            }
        }
    }

    /// Reads until `wanted` bytes lie in the buffer.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.start + wanted > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < wanted {
            match self.stream.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Err(closed()),
                Ok(bytes) => self.end += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn send_parts(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let payload = parts.concat();
        let mut framed = Vec::with_capacity(payload.len() + HEADER_BYTES * (1 + payload.len() / PACKET_BYTES_MAX));
        let mut rest = payload.as_slice();
        loop {
            let (packet, after) = rest.split_at(rest.len().min(PACKET_BYTES_MAX));
            framed.extend_from_slice(&(packet.len() as u32).to_le_bytes()[..3]);
            framed.push(self.sequence);
            framed.extend_from_slice(packet);
            self.sequence = self.sequence.wrapping_add(1);
            rest = after;
            // A packet of the greatest length is always followed by one more, be it empty.
            if packet.len() < PACKET_BYTES_MAX {
                break;
            }
        }
        self.stream.write_all(&framed)?;
        self.stream.flush()
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")
}

fn out_of_order() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a packet out of order")
}

/// Reads the fields of a payload one after another; none where the payload is too short.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        if count > self.0.len() {
            return None;
        }
        let (field, rest) = self.0.split_at(count);
        self.0 = rest;
        Some(field)
    }

    pub(super) fn number(&mut self, width: usize) -> Option<u64> {
        Some(self.bytes(width)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.number(2).map(|number| number as u16)
    }

    /// A length-encoded number: one byte up to 250, else 252, 253 or 254 and two, three or eight bytes.
    pub(super) fn lenenc(&mut self) -> Option<u64> {
        match self.number(1)? {
            small @ 0..=250 => Some(small),
            252 => self.number(2),
            253 => self.number(3),
            254 => self.number(8),
            _ => None,
        }
    }

    /// A string after its length-encoded length.
    pub(super) fn lenenc_bytes(&mut self) -> Option<&'a [u8]> {
        let bytes = self.lenenc()?;
        self.bytes(usize::try_from(bytes).ok()?)
    }

    /// A value of a text row: outer none where the payload is broken, inner none for NULL.
    pub(super) fn text_value(&mut self) -> Option<Option<&'a [u8]>> {
        if self.0.first() == Some(&0xFB) {
            self.0 = &self.0[1..];
            return Some(None);
        }
        self.lenenc_bytes().map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    /// What one end sends, read at the other end.
    fn exchange(payloads: Vec<Vec<u8>>) {
        let (here, there) = UnixStream::pair().unwrap();
        let sent = payloads.clone();
        let sender = std::thread::spawn(move || {
            let mut packets = Packets::new(Stream::Unix(there));
            for payload in &sent {
                packets.send(payload).unwrap();
            }
        });
        let mut packets = Packets::new(Stream::Unix(here));
        for payload in &payloads {
            assert!(packets.read_bytes().unwrap() == payload, "payload of {} bytes", payload.len());
        }
        sender.join().unwrap();
        assert_eq!(packets.read().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn payloads_of_every_size_come_through() {
        let sizes = [0, 1, 250, 251, 65_535, 262_139, 262_140, 262_141, 1 << 20];
        exchange(sizes.iter().chain(&sizes).map(|size| vec![7; *size]).collect());
        let edge = PACKET_BYTES_MAX;
        exchange([edge - 1, 3, edge, 4, edge + 1, 2 * edge, 5].iter().map(|size| vec![9; *size]).collect());
        exchange((0..40_000).map(|i| vec![i as u8; i % 300]).collect());
    }

    #[test]
    fn a_large_buffer_is_given_back() {
        let (here, there) = UnixStream::pair().unwrap();
        let sender = std::thread::spawn(move || {
            let mut packets = Packets::new(Stream::Unix(there));
            packets.send(&vec![1; 20 << 20]).unwrap();
            packets.send(&[2]).unwrap();
        });
        let mut packets = Packets::new(Stream::Unix(here));
        packets.read().unwrap();
        assert!(packets.joined.capacity() >= 20 << 20);
        packets.read().unwrap();
        assert_eq!(packets.joined.capacity(), 0);
        sender.join().unwrap();
    }

    #[test]
    fn a_packet_out_of_order_is_refused() {
        let (here, mut there) = UnixStream::pair().unwrap();
        there.write_all(&[1, 0, 0, 5, b'x']).unwrap();
        let mut packets = Packets::new(Stream::Unix(here));
        assert_eq!(packets.read().unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn fields_end_where_the_payload_ends() {
        let mut fields = Fields(&[250, 252, 1, 2, 253, 1, 2, 3, 254, 8, 7, 6, 5, 4, 3, 2, 1, 251]);
        assert_eq!(fields.lenenc(), Some(250));
        assert_eq!(fields.lenenc(), Some(0x0201));
        assert_eq!(fields.lenenc(), Some(0x030201));
        assert_eq!(fields.lenenc(), Some(0x0102030405060708));
        assert_eq!(fields.text_value(), Some(None));
        assert_eq!(fields.text_value(), None);
        assert_eq!(Fields(&[3, 1, 2]).lenenc_bytes(), None);
        assert_eq!(Fields(&[254, 255, 255, 255, 255, 255, 255, 255, 255, 0]).lenenc_bytes(), None);
    }
}
