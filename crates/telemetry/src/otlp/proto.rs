//! The wire format of protobuf (<https://protobuf.dev/programming-guides/encoding>), as far as the few
//! messages of OTLP need it.

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const BYTES: u64 = 2;
const FIXED_32: u64 = 5;

/// A message that is being written.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// `bool`, `enum`, `int64` and all others that are not negative.
    pub(super) fn number(&mut self, field: u64, value: u64) -> &mut Self {
        self.tag(field, VARINT);
        self.varint(value);
        self
    }

    pub(super) fn fixed64(&mut self, field: u64, value: u64) -> &mut Self {
        self.tag(field, FIXED_64);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(super) fn double(&mut self, field: u64, value: f64) -> &mut Self {
        self.fixed64(field, value.to_bits())
    }

    pub(super) fn fixed32(&mut self, field: u64, value: u32) -> &mut Self {
        self.tag(field, FIXED_32);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// `string`, `bytes`, and a message that is written already.
    pub(super) fn bytes(&mut self, field: u64, value: &[u8]) -> &mut Self {
        self.tag(field, BYTES);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// A message within this one.
    pub(super) fn message(&mut self, field: u64, write: impl FnOnce(&mut Self)) -> &mut Self {
        let mut within = Self::default();
        write(&mut within);
        self.bytes(field, &within.0)
    }

    /// All of a repeated field of numbers, packed.
    pub(super) fn packed(&mut self, field: u64, values: impl Iterator<Item = u64>) -> &mut Self {
        let bytes: Vec<u8> = values.flat_map(u64::to_le_bytes).collect();
        self.bytes(field, &bytes)
    }

    fn tag(&mut self, field: u64, wire: u64) {
        self.varint(field << 3 | wire);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }
}

/// What a field of a message that came in holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held<'m> {
    Number(u64),
    Bytes(&'m [u8]),
}

/// The last value of a field; none if there is none, or the message ends too early.
pub(super) fn find(mut message: &[u8], field: u64) -> Option<Held<'_>> {
    let mut found = None;
    while !message.is_empty() {
        let tag = take_varint(&mut message)?;
        let held = match tag & 7 {
            VARINT => Held::Number(take_varint(&mut message)?),
            FIXED_64 => Held::Bytes(take(&mut message, 8)?),
            FIXED_32 => Held::Bytes(take(&mut message, 4)?),
            BYTES => {
                let length = usize::try_from(take_varint(&mut message)?).ok()?;
                Held::Bytes(take(&mut message, length)?)
            }
            _ => return None,
        };
        if tag >> 3 == field {
            found = Some(held);
        }
    }
    found
}

fn take<'m>(message: &mut &'m [u8], length: usize) -> Option<&'m [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

fn take_varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for at in 0..10 {
        let byte = take(message, 1)?[0];
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_specification_are_written_and_read() {
        let mut message = Message::default();
        message.number(1, 150).bytes(2, b"testing").message(3, |within| {
            within.number(1, 150);
        });
        let bytes = message.into_bytes();
        let wanted = b"\x08\x96\x01\x12\x07testing\x1a\x03\x08\x96\x01";
        assert_eq!(bytes, wanted);
        assert_eq!(find(&bytes, 1), Some(Held::Number(150)));
        assert_eq!(find(&bytes, 2), Some(Held::Bytes(b"testing")));
        assert_eq!(find(&bytes, 4), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(field in 1_u64..1000, number: u64, text: Vec<u8>) {
            let mut message = Message::default();
            message.fixed64(1001, number).fixed32(1002, 7).double(1003, 0.5);
            message.number(field, number).bytes(field + 2000, &text);
            let bytes = message.into_bytes();
            prop_assert_eq!(find(&bytes, field), Some(Held::Number(number)));
            prop_assert_eq!(find(&bytes, field + 2000), Some(Held::Bytes(&text)));
        }

        #[test]
        fn no_bytes_of_a_collector_are_too_odd(bytes: Vec<u8>) {
            let _ = find(&bytes, 1);
        }
    }
}
