//! Properties: how a stream is split into reads changes nothing, and no bytes bring the codec down.

use proptest::prelude::*;
use proptest::sample::select;

use super::{Verdict, read};

/// Mostly one of the first, seldom one of the others.
fn mostly(
    sound: &[&'static str],
    unsound: &[&'static str],
) -> impl Strategy<Value = &'static str> + use<> {
    prop_oneof![9 => select(sound.to_vec()), 1 => select(unsound.to_vec())]
}

/// Fields that frame or route, sound and unsound.
fn field() -> impl Strategy<Value = &'static str> {
    mostly(
        &["Connection: close, te", "Expect: 100-continue", "TE: trailers", "x: \u{e9}", "x:"],
        &[
            "host:x:80",
            "host : x",
            "Content-Length: 3",
            "content-length: +3",
            "transfer-encoding: gzip, chunked",
            " folded",
            "a\rb: c",
        ],
    )
}

fn line_end() -> impl Strategy<Value = &'static str> {
    prop_oneof![200 => Just("\r\n"), 1 => Just("\n"), 1 => Just("\r"), 1 => Just("\r\r\n")]
}

fn head() -> impl Strategy<Value = String> {
    let blank = mostly(&["", "\r\n"], &["\n", "\r\n\r\n"]);
    let method = mostly(&["GET", "POST", "OPTIONS", "M-SEARCH"], &["CONNECT", "G(T"]);
    let target = mostly(
        &["/", "/a/../b?c=d", "http://x/y", "http://x:80", "/%7e?\"", "//"],
        &["*", "/%2f", "/#", "a"],
    );
    let version = mostly(&["HTTP/1.1"], &["HTTP/1.0", "HTTP/2.0"]);
    let host = mostly(&["Host: x\r\n", "HOST:x:80 \r\n"], &["", "host: [::1]\r\n"]);
    let framing = mostly(&["Transfer-Encoding: chunked\r\n"], &["", "Content-Length: 9\r\n"]);
    let fields = prop::collection::vec((field(), line_end()), 0..4);
    let line = (blank, method, target, version, line_end());
    (line, host, framing, fields, line_end()).prop_map(|(line, host, framing, fields, end)| {
        let (blank, method, target, version, line_end) = line;
        let fields: String = fields.into_iter().flat_map(|(field, end)| [field, end]).collect();
        format!("{blank}{method} {target} {version}{line_end}{host}{framing}{fields}{end}")
    })
}

fn chunks() -> impl Strategy<Value = String> {
    let extension = prop_oneof![
        6 => Just(String::new()),
        1 => Just(";a=\"b;c\"".to_owned()),
        1 => Just(" ;a".to_owned()),
        1 => (0_usize..300).prop_map(|n| format!(";{}", "e".repeat(n))),
    ];
    let chunk = ("[a-z]{1,40}", extension, line_end(), line_end()).prop_map(
        |(data, extension, first, second)| {
            format!("{:x}{extension}{first}{data}{second}", data.len())
        },
    );
    let trailers = prop_oneof![
        4 => Just("\r\n"),
        1 => Just("x-sum: 1\r\n\r\n"),
        1 => Just("host: y\r\n\r\n"),
        1 => Just("x: 1\n\r\n"),
        1 => Just(" x\r\n\r\n"),
    ];
    let size = select(vec!["0", "000", "00000000000000000", "ffffffffffffffff", "-0", "0x0", ""]);
    let last = prop_oneof![5 => Just("0"), 1 => size];
    (prop::collection::vec(chunk, 0..4), last, trailers)
        .prop_map(|(chunks, last, trailers)| format!("{}{last}\r\n{trailers}", chunks.concat()))
}

/// A change of one byte: where, what to, and whether it replaces, comes in, or goes.
fn mutation() -> impl Strategy<Value = (usize, u8, u8)> {
    let byte = prop_oneof![select(b"\0\r\n \t:;,?#/\\%@[]0aZ\x7f\x80\xff".to_vec()), any::<u8>()];
    (any::<usize>(), byte, 0_u8..3)
}

fn mutate(bytes: &mut Vec<u8>, (at, byte, how): (usize, u8, u8)) {
    let at = at % (bytes.len() + 1);
    match how {
        0 => bytes.insert(at, byte),
        1 if at < bytes.len() => bytes[at] = byte,
        _ if at < bytes.len() => drop(bytes.remove(at)),
        _ => {}
    }
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let mutations =
        prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(mutation(), 1..4)];
    (head(), chunks(), "(|GET / HTTP/1.1\r\n)", mutations).prop_map(
        |(head, body, behind, mutations)| {
            let mut bytes = [head, body, behind].concat().into_bytes();
            mutations.into_iter().for_each(|mutation| mutate(&mut bytes, mutation));
            bytes
        },
    )
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(any::<usize>(), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn reads_split_anywhere_say_the_same_as_one_read(bytes in stream(), cuts in cuts()) {
        let whole = read(&bytes, &[]);
        prop_assert_eq!(&read(&bytes, &cuts), &whole, "split at some places");
        let every: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(&read(&bytes, &every), &whole, "byte by byte");
    }

    #[test]
    fn a_longer_stream_never_takes_back_what_was_said(bytes in stream(), cut in any::<usize>()) {
        let before = read(&bytes[..cut % (bytes.len() + 1)], &[]);
        if let Verdict::Refused(reject) = before {
            prop_assert_eq!(read(&bytes, &[]), Verdict::Refused(reject));
        }
    }

    #[test]
    fn no_bytes_bring_the_codec_down(
        start in select(vec!["", "GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"]),
        bytes in prop::collection::vec(any::<u8>(), 0..2_000),
        cuts in cuts(),
    ) {
        let bytes = [start.as_bytes(), &bytes].concat();
        prop_assert_eq!(read(&bytes, &cuts), read(&bytes, &[]));
    }
}

#[test]
fn the_generator_makes_sound_and_unsound_streams() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut complete, mut refused) = (0, 0);
    for _ in 0..500 {
        match read(&stream().new_tree(&mut runner).unwrap().current(), &[]) {
            Verdict::Request { chunked: Some(chunked), .. } if chunked.done => complete += 1,
            Verdict::Refused(_) => refused += 1,
            _ => {}
        }
    }
    assert!(complete > 20 && refused > 100, "{complete} complete, {refused} refused");
}
