//! What is taken for an answer and what is not, however the bytes are split.

use bytes::Bytes;
use http::{HeaderValue, Method};
use proptest::prelude::*;

use super::{Framing, HeadView, ResponseHead, Scan, Violation, slots};

const LIMIT: usize = 512;

fn read(text: &[u8], method: &Method) -> Result<Option<ResponseHead>, Violation> {
    let Some(length) = Scan::default().advance(text, LIMIT)? else { return Ok(None) };
    let raw = Bytes::copy_from_slice(&text[..length]);
    let offered = HeaderValue::from_static("websocket");
    let offered = (method == Method::GET).then_some(&offered);
    ResponseHead::parse(&raw, method, offered).map(Some)
}

fn verdict(lines: &str, method: &Method) -> String {
    let text = format!("{}\r\n\r\n", lines.replace('\n', "\r\n"));
    match read(text.as_bytes(), method) {
        Ok(Some(head)) => {
            let stays = if head.keep_alive { "" } else { ", closes" };
            format!("{} {:?}{stays}", head.status.as_u16(), head.framing)
        }
        Ok(None) => "incomplete".into(),
        Err(violation) => format!("{violation:?}"),
    }
}

#[test]
fn what_an_answer_says_of_its_body_is_read_in_one_way_or_refused() {
    for (lines, expected) in [
        ("HTTP/1.1 200 OK\ncontent-length: 5", "200 Length(5)"),
        ("HTTP/1.1 200 OK\ncontent-length: 0", "200 None"),
        ("HTTP/1.1 200\ncontent-length: 5", "200 Length(5)"),
        ("HTTP/1.1 200 OK\ntransfer-encoding: chunked", "200 Chunked"),
        ("HTTP/1.1 200 OK\ntransfer-encoding: Chunked", "200 Chunked"),
        ("HTTP/1.1 200 OK\nx: y", "200 UntilClose, closes"),
        ("HTTP/1.0 200 OK\ncontent-length: 5", "200 Length(5), closes"),
        ("HTTP/1.0 200 OK\ncontent-length: 5\nconnection: keep-alive", "200 Length(5)"),
        ("HTTP/1.1 200 OK\ncontent-length: 5\nconnection: x, Close", "200 Length(5), closes"),
        ("HTTP/1.1 204 No Content\nx: y", "204 None"),
        ("HTTP/1.1 204 No Content\ncontent-length: 0", "204 None"),
        ("HTTP/1.1 304 Not Modified\ncontent-length: 5", "304 None"),
        ("HTTP/1.1 304 Not Modified\ntransfer-encoding: chunked", "304 None"),
        ("HTTP/1.1 100 Continue", "100 None"),
        ("HTTP/1.1 101 X\nupgrade: WebSocket\nconnection: Upgrade", "101 Tunnel"),
        // Two parsers could read these differently.
        ("HTTP/1.1 200 OK\ncontent-length: 5\ntransfer-encoding: chunked", "LengthAndCoding"),
        ("HTTP/1.1 304 X\ncontent-length: 5\ntransfer-encoding: chunked", "LengthAndCoding"),
        ("HTTP/1.1 200 OK\ncontent-length: 5\ncontent-length: 6", "Length"),
        ("HTTP/1.1 200 OK\ncontent-length: 5\ncontent-length: 5", "Length"),
        ("HTTP/1.1 200 OK\ncontent-length: 5, 5", "Length"),
        ("HTTP/1.1 200 OK\ncontent-length: +5", "Length"),
        ("HTTP/1.1 200 OK\ncontent-length: 0x5", "Length"),
        ("HTTP/1.1 200 OK\ncontent-length:", "Length"),
        ("HTTP/1.1 200 OK\ncontent-length: 99999999999999999999", "Length"),
        ("HTTP/1.1 200 OK\ntransfer-encoding: gzip, chunked", "Coding"),
        ("HTTP/1.1 200 OK\ntransfer-encoding: identity", "Coding"),
        ("HTTP/1.1 200 OK\ntransfer-encoding: chunked\ntransfer-encoding: chunked", "Coding"),
        ("HTTP/1.0 200 OK\ntransfer-encoding: chunked", "Coding"),
        ("HTTP/1.1 204 X\ncontent-length: 5", "BodyForbidden"),
        ("HTTP/1.1 204 X\ntransfer-encoding: chunked", "BodyForbidden"),
        ("HTTP/1.1 100 X\ncontent-length: 5", "BodyForbidden"),
        ("HTTP/1.1 101 X\nupgrade: h2c\nconnection: upgrade", "Upgrade"),
        ("HTTP/1.1 101 X\nupgrade: websocket", "Upgrade"),
        ("HTTP/1.1 200 OK\nx: y\n folded: z", "Header"),
        ("HTTP/1.1 200 OK\nx : y", "Header"),
        ("HTTP/1.1 200 OK\n: y", "Header"),
        ("HTTP/1.1 200 OK\nx: a\u{0}b", "Header"),
        ("HTTP/1.1 099 OK", "Status"),
        ("HTTP/1.1 600 OK", "Status"),
        ("HTTP/1.1 20 OK", "Status"),
        ("HTTP/2 200 OK", "StatusLine"),
        ("HTTP/1.2 200 OK", "StatusLine"),
        ("ICY 200 OK", "StatusLine"),
        ("\nHTTP/1.1 200 OK", "StatusLine"),
    ] {
        assert_eq!(verdict(lines, &Method::GET), expected, "{lines:?}");
    }
    for lines in ["HTTP/1.1 200 OK\ncontent-length: 5", "HTTP/1.1 200 OK\nx: y"] {
        assert_eq!(verdict(lines, &Method::HEAD), "200 None", "{lines:?}");
    }
    let unasked = "HTTP/1.1 101 X\nupgrade: websocket\nconnection: upgrade";
    assert_eq!(verdict(unasked, &Method::POST), "Upgrade");
}

#[test]
fn a_line_without_return_is_refused_wherever_it_is() {
    for text in [
        "HTTP/1.1 200 OK\ncontent-length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\n",
        "\n",
    ] {
        let read = read(text.as_bytes(), &Method::GET);
        assert_eq!(read.err(), Some(Violation::BareLineFeed), "{text:?}");
    }
}

#[test]
fn a_head_has_bounds() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(LIMIT));
    assert_eq!(read(long.as_bytes(), &Method::GET).err(), Some(Violation::HeadTooLarge));
    let endless = "a".repeat(LIMIT + 1);
    assert_eq!(read(endless.as_bytes(), &Method::GET).err(), Some(Violation::HeadTooLarge));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a:\r\n".repeat(257));
    let raw = Bytes::from(many);
    let parsed = ResponseHead::parse(&raw, &Method::GET, None);
    assert_eq!(parsed.err(), Some(Violation::TooManyHeaders));
}

#[test]
fn what_belongs_to_the_connection_goes_and_the_rest_stays() {
    let text = "HTTP/1.1 200 OK\r\nConnection: close, X-Private, Content-Length\r\nX-Private: 1\r\n\
        Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nTrailer: x\r\nUpgrade: h2c\r\n\
        Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Empty:\r\ncontent-length: 5\r\n\r\n";
    let head = read(text.as_bytes(), &Method::GET).unwrap().unwrap();
    let mut left: Vec<_> = head.headers.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
    left.sort_unstable();
    let expected =
        ["content-length=\"5\"", "set-cookie=\"a=1\"", "set-cookie=\"b=2\"", "x-empty=\"\""];
    assert_eq!(left, expected);
}

/// Heads that are nearly right, spoiled at one place.
fn spoiled() -> impl Strategy<Value = Vec<u8>> {
    let heads = prop::sample::select(vec![
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx: y\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\nserver: z\r\ncontent-length: 12\r\n\r\n",
        "HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    ]);
    let edit = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    (heads, prop::collection::vec(edit, 0..3)).prop_map(|(head, edits)| {
        let mut bytes = head.as_bytes().to_vec();
        for (index, byte, how) in edits {
            let at = index.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => bytes.insert(at, b'\n'),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn splitting_reads_changes_nothing(bytes in spoiled(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4)) {
        let whole = Scan::default().advance(&bytes, LIMIT);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let mut scan = Scan::default();
        let mut said = Ok(None);
        for end in ends {
            said = scan.advance(&bytes[..end], LIMIT);
            if said != Ok(None) {
                break;
            }
        }
        prop_assert_eq!(said, whole);
    }

    #[test]
    fn no_bytes_are_both_taken_and_ambiguous(bytes in spoiled()) {
        let Ok(Some(head)) = read(&bytes, &Method::GET) else { return Ok(()) };
        let end = Scan::default().advance(&bytes, LIMIT).unwrap().unwrap();
        let lower = bytes[..end].to_ascii_lowercase();
        let has = |name: &[u8]| lower.windows(name.len()).filter(|part| *part == name).count();
        let (lengths, codings) = (has(b"\ncontent-length:"), has(b"\ntransfer-encoding:"));
        prop_assert!(lengths + codings <= 1);
        prop_assert_eq!(head.framing == Framing::Chunked, codings == 1);
        let feeds = lower.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        for (at, _) in feeds {
            prop_assert!(at > 0 && lower[at - 1] == b'\r');
        }
    }

    /// Copied in runs, the lines are those that are seen one by one.
    #[test]
    fn lines_are_written_as_they_are_read(bytes in spoiled(), odd in 0..2_usize) {
        let Some(end) = Scan::default().advance(&bytes, LIMIT).unwrap_or_default() else {
            return Ok(());
        };
        let mut room = slots();
        let Ok(view) = HeadView::parse(&bytes[..end], &mut room, &Method::GET, None) else {
            return Ok(());
        };
        let is_kept = |name: &str| name.len() % 2 == odd;
        let mut written = b"HTTP/1.1 200 OK\r\n".to_vec();
        view.write_lines(&mut written, is_kept);
        written.extend_from_slice(b"\r\n");
        let mut room = [httparse::EMPTY_HEADER; 64];
        let mut again = httparse::Response::new(&mut room);
        prop_assert!(again.parse(&written).is_ok_and(|status| status.is_complete()));
        let again: Vec<_> = again.headers.iter().map(|line| (line.name, line.value)).collect();
        let seen: Vec<_> = view.headers().filter(|(name, _)| is_kept(name)).collect();
        prop_assert_eq!(again, seen);
    }

    #[test]
    fn any_bytes_at_all_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, &Method::GET);
    }
}
