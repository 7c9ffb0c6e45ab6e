//! Request smuggling, case by case: what two parsers could read differently, and what they could
//! not although it looks odd.

use super::Framing::{Chunked, Length, None as Bodiless};
use super::Reject::{
    BareLineFeed, BodyTooLarge, ChunkEnd, ChunkExtension, ChunkSize, CodingInvalid,
    CodingOnOldVersion, CodingUnknown, HeaderName, HeaderValue, HostDiffers, HostInvalid,
    HostMissing, HostRepeated, LengthAndCoding, LengthInvalid, LengthRepeated, NotHttp,
    RequestLine, TargetBytes, Trailer, Version,
};
use super::{Framing, Reject, Verdict, read};

fn framing(bytes: &str) -> Result<Framing, Reject> {
    match read(bytes.as_bytes(), &[]) {
        Verdict::Request { framing, .. } => Ok(framing),
        Verdict::Refused(reject) => Err(reject),
        Verdict::Incomplete => panic!("{bytes:?} is not complete"),
    }
}

#[test]
fn framing_fields_have_one_reading_or_are_refused() {
    #[rustfmt::skip]
    let rows = [
        ("content-length: 5\r\n", Ok(Length(5))),
        ("content-length: 0\r\n", Ok(Bodiless)),
        ("content-length: 007\r\n", Ok(Length(7))),
        ("content-length: \t5 \r\n", Ok(Length(5))),
        ("content-length: 9999999999999999999\r\n", Ok(Length(9_999_999_999_999_999_999))),
        ("content-length: 18446744073709551616\r\n", Err(LengthInvalid)),
        ("content-length: 00000000000000000005\r\n", Err(LengthInvalid)),
        ("content-length:\r\n", Err(LengthInvalid)),
        ("content-length: +5\r\n", Err(LengthInvalid)),
        ("content-length: -5\r\n", Err(LengthInvalid)),
        ("content-length: 5 5\r\n", Err(LengthInvalid)),
        ("content-length: 5,5\r\n", Err(LengthInvalid)),
        ("content-length: 0x5\r\n", Err(LengthInvalid)),
        ("content-length: 5.0\r\n", Err(LengthInvalid)),
        ("content-length: 5e0\r\n", Err(LengthInvalid)),
        ("content-length: \u{665}\r\n", Err(LengthInvalid)),
        ("content-length: 5\r\ncontent-length: 5\r\n", Err(LengthRepeated)),
        ("content-length: 5\r\nContent-Length: 6\r\n", Err(LengthRepeated)),
        ("content-length: 5\r\ntransfer-encoding: chunked\r\n", Err(LengthAndCoding)),
        ("transfer-encoding: chunked\r\ncontent-length: 0\r\n", Err(LengthAndCoding)),
        ("transfer-encoding: identity\r\ncontent-length: 5\r\n", Err(LengthAndCoding)),
        ("transfer-encoding: chunked\r\n", Ok(Chunked)),
        ("Transfer-Encoding: CHUNKED \r\n", Ok(Chunked)),
        ("transfer-encoding: chunked, chunked\r\n", Err(CodingUnknown)),
        ("transfer-encoding: gzip, chunked\r\n", Err(CodingUnknown)),
        ("transfer-encoding: chunked, identity\r\n", Err(CodingUnknown)),
        ("transfer-encoding: chunked;q=1\r\n", Err(CodingUnknown)),
        ("transfer-encoding: \"chunked\"\r\n", Err(CodingUnknown)),
        ("transfer-encoding: chunked,\r\n", Err(CodingUnknown)),
        ("transfer-encoding: xchunked\r\n", Err(CodingUnknown)),
        ("transfer-encoding:\r\n", Err(CodingInvalid)),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", Err(CodingInvalid)),
        ("transfer-encoding: \x0bchunked\r\n", Err(HeaderValue)),
        ("transfer-encoding : chunked\r\n", Err(HeaderName)),
        ("transfer-encoding\t: chunked\r\n", Err(HeaderName)),
        (" transfer-encoding: chunked\r\n", Err(HeaderName)),
        ("x: y\r\n transfer-encoding: chunked\r\n", Err(HeaderName)),
        ("x: y\r\n\tfolded\r\n", Err(HeaderName)),
        ("x: y\rtransfer-encoding: chunked\r\n", Err(HeaderValue)),
        ("x: y\ntransfer-encoding: chunked\r\n", Err(BareLineFeed)),
        ("x: y\0\r\n", Err(HeaderValue)),
        ("x\0: y\r\n", Err(HeaderName)),
        ("x: \x7f\r\n", Err(HeaderValue)),
        (": y\r\n", Err(HeaderName)),
        ("no colon\r\n", Err(HeaderName)),
        ("transfer_encoding: chunked\r\n", Ok(Bodiless)),
        ("x: transfer-encoding: chunked\r\n", Ok(Bodiless)),
    ];
    for (lines, expected) in rows {
        let bytes = format!("POST / HTTP/1.1\r\nhost: x\r\n{lines}\r\n");
        assert_eq!(framing(&bytes), expected, "{bytes:?}");
    }
}

#[test]
fn heads_have_one_reading_or_are_refused() {
    #[rustfmt::skip]
    let rows = [
        ("\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n", Ok(Bodiless)),
        ("POST / HTTP/1.0\r\n\r\n", Ok(Bodiless)),
        ("POST / HTTP/1.0\r\ncontent-length: 1\r\n\r\n", Ok(Length(1))),
        ("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n", Err(CodingOnOldVersion)),
        ("POST / HTTP/1.0\r\ntransfer-encoding: identity\r\n\r\n", Err(CodingOnOldVersion)),
        ("GET / HTTP/1.1\r\n\r\n", Err(HostMissing)),
        ("GET http://x/ HTTP/1.1\r\n\r\n", Err(HostMissing)),
        ("GET http://x/ HTTP/1.1\r\nhost: x\r\n\r\n", Ok(Bodiless)),
        ("GET http://x:80/ HTTP/1.1\r\nhost: X\r\n\r\n", Ok(Bodiless)),
        ("GET https://x/ HTTP/1.1\r\nhost: x:443\r\n\r\n", Ok(Bodiless)),
        ("GET http://x/ HTTP/1.1\r\nhost: y\r\n\r\n", Err(HostDiffers)),
        ("GET http://x/ HTTP/1.1\r\nhost: x:443\r\n\r\n", Err(HostDiffers)),
        ("GET http:///a HTTP/1.1\r\nhost: x\r\n\r\n", Err(HostInvalid)),
        ("GET / HTTP/1.1\r\nhost: x\r\nHOST: x\r\n\r\n", Err(HostRepeated)),
        ("GET / HTTP/1.1\r\nhost:\r\n\r\n", Err(HostInvalid)),
        ("GET / HTTP/1.1\r\nhost: x, y\r\n\r\n", Err(HostInvalid)),
        ("GET / HTTP/1.1\r\nhost: x@y\r\n\r\n", Err(HostInvalid)),
        ("GET / HTTP/1.1\r\nhost: x/y\r\n\r\n", Err(HostInvalid)),
        ("GET / HTTP/1.1\r\nhost: x:\r\n\r\n", Err(HostInvalid)),
        ("GET / HTTP/1.1\r\nhost: x:65536\r\n\r\n", Err(HostInvalid)),
        ("GET / HTTP/1.1\r\nhost: x:+1\r\n\r\n", Err(HostInvalid)),
        ("GET / HTTP/1.1\r\nhost: x..y\r\n\r\n", Err(HostInvalid)),
        ("GET / HTTP/1.1\r\nhost: .\r\n\r\n", Err(HostInvalid)),
        ("GET / HTTP/1.1\r\nhost: [::1]x\r\n\r\n", Err(HostInvalid)),
        ("GET / HTTP/1.1\r\nhost: [::1\r\n\r\n", Err(HostInvalid)),
        ("GET / HTTP/1.1\r\nhost: \u{e9}\r\n\r\n", Err(HostInvalid)),
        ("GET / HTTP/1.1\r\nhost: x\0\r\n\r\n", Err(HeaderValue)),
        ("GET / HTTP/1.1\r\n host: x\r\n\r\n", Err(HeaderName)),
        (" GET / HTTP/1.1\r\nhost: x\r\n\r\n", Err(NotHttp)),
        ("\0GET / HTTP/1.1\r\nhost: x\r\n\r\n", Err(NotHttp)),
        ("\rGET / HTTP/1.1\r\nhost: x\r\n\r\n", Err(RequestLine)),
        ("GET  / HTTP/1.1\r\nhost: x\r\n\r\n", Err(RequestLine)),
        ("GET\t/ HTTP/1.1\r\nhost: x\r\n\r\n", Err(RequestLine)),
        ("GET /a b HTTP/1.1\r\nhost: x\r\n\r\n", Err(RequestLine)),
        ("GET / HTTP/1.1 \r\nhost: x\r\n\r\n", Err(RequestLine)),
        ("GET / http/1.1\r\nhost: x\r\n\r\n", Err(RequestLine)),
        ("GET /\r\nhost: x\r\n\r\n", Err(RequestLine)),
        ("GET /\0 HTTP/1.1\r\nhost: x\r\n\r\n", Err(TargetBytes)),
        ("GET /\u{e9} HTTP/1.1\r\nhost: x\r\n\r\n", Err(TargetBytes)),
        ("GET / HTTP/1.2\r\nhost: x\r\n\r\n", Err(Version)),
        ("GET / HTTP/1.1\n\r\nhost: x\r\n\r\n", Err(BareLineFeed)),
        ("GET / HTTP/1.1\r\nhost: x\n\r\n", Err(BareLineFeed)),
        ("GET / HTTP/1.1\r\nhost: x\r\n\n", Err(BareLineFeed)),
        ("GET / HTTP/1.1\r\nhost: x\r\r\n\r\n", Err(HeaderValue)),
    ];
    for (bytes, expected) in rows {
        assert_eq!(framing(bytes), expected, "{bytes:?}");
    }
}

#[test]
fn chunks_have_one_reading_or_are_refused() {
    #[rustfmt::skip]
    let rows = [
        ("0\r\n\r\n", Ok(("", 0))),
        ("3\r\nabc\r\n0\r\n\r\nGET /", Ok(("abc", 5))),
        ("00000003\r\nabc\r\n000\r\n\r\n", Ok(("abc", 0))),
        ("A\r\n0123456789\r\n0\r\n\r\n", Ok(("0123456789", 0))),
        ("3;a=\"b\"\r\nabc\r\n0;c\r\n\r\n", Ok(("abc", 0))),
        ("0\r\nx-sum: 1\r\n\r\nrest", Ok(("", 4))),
        ("\r\n", Err(ChunkSize)),
        (" 3\r\nabc", Err(ChunkSize)),
        ("3 \r\nabc", Err(ChunkSize)),
        ("3 ;a\r\nabc", Err(ChunkSize)),
        ("+3\r\nabc", Err(ChunkSize)),
        ("-3\r\nabc", Err(ChunkSize)),
        ("0x3\r\nabc", Err(ChunkSize)),
        ("3_0\r\nabc", Err(ChunkSize)),
        ("3\nabc", Err(ChunkSize)),
        ("3\rabc", Err(ChunkSize)),
        (";a\r\n", Err(ChunkSize)),
        ("00000000000000003\r\nabc", Err(ChunkSize)),
        ("10000000000000003\r\nabc", Err(ChunkSize)),
        ("ffffffffffffffff\r\nabc", Err(BodyTooLarge)),
        ("200\r\n", Ok(("", 0))),
        ("201\r\n", Err(BodyTooLarge)),
        ("3;a\nabc", Err(ChunkExtension)),
        ("3;a\0\r\nabc", Err(ChunkExtension)),
        ("3;\u{e9}\r\nabc", Err(ChunkExtension)),
        ("3;a\r\r\nabc", Err(ChunkSize)),
        ("3\r\nabcd\r\n", Err(ChunkEnd)),
        ("3\r\nabc\n0\r\n", Err(ChunkEnd)),
        ("3\r\nabc\r0\r\n", Err(ChunkEnd)),
        ("3\r\nabc0\r\n\r\n", Err(ChunkEnd)),
        ("0\r\n\n", Err(Trailer)),
        ("0\r\n\r0", Err(Trailer)),
        ("0\r\nx: 1\n\r\n", Err(Trailer)),
        ("0\r\n x: 1\r\n\r\n", Err(Trailer)),
        ("0\r\nx : 1\r\n\r\n", Err(Trailer)),
        ("0\r\ncontent-length: 1\r\n\r\n", Err(Trailer)),
        ("0\r\nTransfer-Encoding: chunked\r\n\r\n", Err(Trailer)),
    ];
    for (body, expected) in rows {
        assert_eq!(chunked(body), expected.map(|(data, behind)| (data.into(), behind)), "{body:?}");
    }
}

/// The data, and how much lies behind the body.
fn chunked(body: &str) -> Result<(String, usize), Reject> {
    let head = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    match read([head, body].concat().as_bytes(), &[]) {
        Verdict::Request { chunked: Some(chunked), .. } => {
            Ok((String::from_utf8_lossy(&chunked.data).into_owned(), chunked.behind))
        }
        Verdict::Refused(reject) => Err(reject),
        other => panic!("{body:?}: {other:?}"),
    }
}

#[test]
fn chunk_extensions_are_bounded_line_by_line_and_all_together() {
    let line = |extension: usize| format!("1;{}\r\na\r\n", "e".repeat(extension));
    // The digit and the semicolon count too.
    assert_eq!(chunked(&line(super::super::MAX_CHUNK_LINE_BYTES - 2)), Ok(("a".into(), 0)));
    assert_eq!(chunked(&line(super::super::MAX_CHUNK_LINE_BYTES - 1)), Err(ChunkExtension));
    let lines = super::super::MAX_CHUNK_OVERHEAD_BYTES / 101;
    assert_eq!(chunked(&line(100).repeat(lines)), Ok(("a".repeat(lines), 0)));
    assert_eq!(chunked(&line(100).repeat(lines + 1)), Err(ChunkExtension));
}
