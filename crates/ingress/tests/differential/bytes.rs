//! Bytes that parsers are known to disagree about, and made-up ones in their manner.

/// What it is, the bytes, and how many requests we take of them.
pub(crate) const CASES: &[(&str, &[u8], usize)] = &[
    ("one request", b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n", 1),
    ("two requests", b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", 2),
    (
        "a length",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        2,
    ),
    (
        "chunks",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        2,
    ),
    (
        "CL.TE",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        0,
    ),
    (
        "TE.CL",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGET /b HTTP/1.1\r\n\r\n0\r\n\r\n",
        0,
    ),
    (
        "TE.TE, a blank in front of the colon",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        0,
    ),
    (
        "TE.TE, twice",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        0,
    ),
    (
        "TE.TE, a list",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        0,
    ),
    (
        "TE.TE, a vertical tab",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\nContent-Length: 3\r\n\r\nabc",
        0,
    ),
    (
        "TE.TE, folded",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 3\r\n\r\nabc",
        0,
    ),
    (
        "two lengths that differ",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 0\r\n\r\nabc",
        0,
    ),
    (
        "two lengths in one line",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc",
        0,
    ),
    ("a length with a sign", b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", 0),
    ("a length in hex", b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc", 0),
    ("a length with a gap", b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1 1\r\n\r\nabc", 0),
    ("an empty length", b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\nabc", 0),
    (
        "a length that overflows",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551619\r\n\r\nabc",
        0,
    ),
    ("bare line feeds", b"GET /a HTTP/1.1\nHost: x\n\nGET /b HTTP/1.1\nHost: x\n\n", 0),
    ("one bare line feed", b"GET /a HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", 0),
    ("a bare CR in a value", b"GET /a HTTP/1.1\r\nHost: x\r\nX: y\rContent-Length: 3\r\n\r\n", 0),
    ("NUL in a value", b"GET /a HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", 0),
    ("a folded line", b"GET /a HTTP/1.1\r\nHost: x\r\nX: y\r\n z\r\n\r\n", 0),
    ("a line that begins with a blank", b"GET /a HTTP/1.1\r\n Host: x\r\n\r\n", 0),
    ("a line without a colon", b"GET /a HTTP/1.1\r\nHost: x\r\nX\r\n\r\n", 0),
    ("an empty name", b"GET /a HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", 0),
    ("no host", b"GET /a HTTP/1.1\r\n\r\n", 0),
    ("two hosts", b"GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 0),
    ("a host that is a list", b"GET /a HTTP/1.1\r\nHost: x, y\r\n\r\n", 0),
    ("a host with a path", b"GET /a HTTP/1.1\r\nHost: x/y\r\n\r\n", 0),
    ("a host with a user", b"GET /a HTTP/1.1\r\nHost: u@x\r\n\r\n", 0),
    ("another host in the target", b"GET http://y/a HTTP/1.1\r\nHost: x\r\n\r\n", 0),
    ("chunks on HTTP/1.0", b"POST /a HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0),
    (
        "a chunk size with a sign",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n",
        0,
    ),
    (
        "a chunk size with 0x",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
        0,
    ),
    (
        "a chunk size that overflows",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n",
        0,
    ),
    (
        "a chunk extension over a line feed",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;\nabc\r\n0\r\n\r\n",
        0,
    ),
    (
        "chunk data that runs on",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        0,
    ),
    (
        "a chunk that ends with a line feed",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
        0,
    ),
    ("two blanks in the first line", b"GET  /a HTTP/1.1\r\nHost: x\r\n\r\n", 0),
    ("a tab in the first line", b"GET\t/a HTTP/1.1\r\nHost: x\r\n\r\n", 0),
    ("no version", b"GET /a\r\n\r\n", 0),
    ("another version", b"GET /a HTTP/1.2\r\nHost: x\r\n\r\n", 0),
    ("a blank behind the version", b"GET /a HTTP/1.1 \r\nHost: x\r\n\r\n", 0),
    ("a fragment", b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 0),
    ("a backslash", b"GET /a\\b HTTP/1.1\r\nHost: x\r\n\r\n", 0),
    ("an encoded slash", b"GET /a%2fb HTTP/1.1\r\nHost: x\r\n\r\n", 0),
    ("an encoded NUL", b"GET /a%00 HTTP/1.1\r\nHost: x\r\n\r\n", 0),
    ("half an escape", b"GET /a%4 HTTP/1.1\r\nHost: x\r\n\r\n", 0),
    ("something else", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 0),
];

const FIRST: &[&str] = &[
    "GET /a HTTP/1.1\r\n",
    "GET /a HTTP/1.1\r\n",
    "POST /b?c=d HTTP/1.1\r\n",
    "POST /b HTTP/1.1\r\n",
    "PUT /b HTTP/1.1\r\n",
    "get /a HTTP/1.1\r\n",
    "GET /a HTTP/1.0\r\n",
    "GET /a HTTP/1.1\n",
    "GET  /a HTTP/1.1\r\n",
    "OPTIONS * HTTP/1.1\r\n",
];

const LINES: &[&str] = &[
    "X: y\r\n",
    "X: y\r\n",
    "Accept: */*\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 0\r\n",
    // With the two longest bodies, another request lies inside for who reads the other way.
    "Content-Length: 33\r\n",
    "Content-Length: 4\r\n",
    "content-length:3\r\n",
    "Content-Length: 03\r\n",
    "Content-Length:\t3 \r\n",
    "Content-Length: 3;\r\n",
    "Content-Length : 3\r\n",
    "Content_Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: Chunked\r\n",
    "transfer-encoding:chunked\r\n",
    "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: \"chunked\"\r\n",
    "Transfer_Encoding: chunked\r\n",
    "Transfer-Encoding: chunked;q=1\r\n",
    "Connection: close\r\n",
    "Connection: content-length\r\n",
    "Connection: transfer-encoding, keep-alive\r\n",
    "Host: x\r\n",
    "Host: y\r\n",
    "Expect: 100-continue\r\n",
    "X: a\r\n b\r\n",
    "X: \u{e9}\r\n",
    "X: y\n",
    "X y\r\n",
    "\tX: y\r\n",
];

const BODIES: &[&str] = &[
    "",
    "",
    "abc",
    "3\r\nabc\r\n0\r\n\r\n",
    "3\r\nabc\r\n0\r\n\r\n",
    "3;x=y\r\nabc\r\n0\r\n\r\n",
    "03\r\nabc\r\n00\r\n\r\n",
    "3 \r\nabc\r\n0\r\n\r\n",
    "3\r\nabc\r\n0\r\nX: y\r\n\r\n",
    "3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n",
    "3\nabc\n0\n\n",
    "0\r\n\r\n",
    "\r\n",
    "0\r\n\r\nGET /s HTTP/1.1\r\nHost: x\r\n\r\n",
    "0\r\n\r\nGET /s HTTP/1.1\r\nHost: x\r\n\r\n",
    "1c\r\nGET /s HTTP/1.1\r\nHost: x\r\n\r\n\r\n0\r\n\r\n",
];

/// One to three requests, put together out of pieces.
pub(crate) fn made(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    let mut below = |n: usize| {
        // SplitMix64 (Steele, Lea, Flood 2014): the same bytes for the same seed, everywhere.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap_or(0)
    };
    let mut text = String::new();
    for _ in 0..=below(3) {
        text.push_str(FIRST[below(FIRST.len())]);
        if below(12) > 0 {
            text.push_str("Host: x\r\n");
        }
        for _ in 0..below(3) {
            text.push_str(LINES[below(LINES.len())]);
        }
        text.push_str("\r\n");
        text.push_str(BODIES[below(BODIES.len())]);
    }
    text.into_bytes()
}
