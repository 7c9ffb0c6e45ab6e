//! HTTP/2 by prior knowledge (RFC 9113 §3.3): every request gets the same answer.

use std::io::{self, Read, Write};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
/// `END_STREAM` of data, `ACK` of settings.
const LAST: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status: 200` (RFC 7541, appendix A).
const OK: &[u8] = &[0x88];

/// Until the connection ends.
pub fn serve(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface)?;
    assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    say(stream, SETTINGS, 0, 0, b"")?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize])?;
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        match (head[3], head[4] & LAST) {
            (SETTINGS, 0) => say(stream, SETTINGS, LAST, 0, b"")?,
            (HEADERS, _) => {
                say(stream, HEADERS, END_HEADERS, id, OK)?;
                say(stream, DATA, LAST, id, b"hello in HTTP/2\n")?;
            }
            _ => {}
        }
    }
}

fn say(stream: &mut impl Write, kind: u8, flags: u8, id: u32, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(id.to_be_bytes());
    frame.extend(payload);
    stream.write_all(&frame)
}
