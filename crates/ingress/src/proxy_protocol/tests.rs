//! Headers as proxies send them, and what only looks like one.

use super::{Malformed, Progress, Proxied, SIGNATURE, read};

fn from(source: &str, destination: &str) -> Result<Progress, Malformed> {
    let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
    Ok(Progress::Whole(Some(Proxied { source, destination })))
}

/// A header of version 2.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, rest].concat()
}

const IPV4: &[u8] = &[192, 0, 2, 1, 198, 51, 100, 2, 0x1f, 0x90, 1, 0xbb];

#[test]
fn lines_are_read_or_refused() {
    let nothing = Ok(Progress::Whole(None));
    for (line, expected) in [
        ("TCP4 192.0.2.1 198.51.100.2 8080 443", from("192.0.2.1:8080", "198.51.100.2:443")),
        ("TCP4 0.0.0.0 255.255.255.255 0 65535", from("0.0.0.0:0", "255.255.255.255:65535")),
        ("TCP6 2001:db8::1 ::1 1 2", from("[2001:db8::1]:1", "[::1]:2")),
        ("UNKNOWN", nothing),
        ("UNKNOWN ffff:f...f:ffff 65535 65535", nothing),
        ("UNKNOWNS", Err(Malformed)),
        ("TCP4 192.0.2.1 198.51.100.2 8080", Err(Malformed)),
        ("TCP4 192.0.2.1 198.51.100.2 8080 443 1", Err(Malformed)),
        ("TCP4 192.0.2.1  198.51.100.2 8080 443", Err(Malformed)),
        ("TCP4 192.0.2.1 198.51.100.2 8080 443 ", Err(Malformed)),
        ("TCP4 192.0.2.01 198.51.100.2 8080 443", Err(Malformed)),
        ("TCP4 192.0.2.1 198.51.100.2 +8080 443", Err(Malformed)),
        ("TCP4 192.0.2.1 198.51.100.2 08080 443", Err(Malformed)),
        ("TCP4 192.0.2.1 198.51.100.2 65536 443", Err(Malformed)),
        ("TCP4 192.0.2.1 198.51.100.2  443", Err(Malformed)),
        ("TCP4 ::1 ::1 8080 443", Err(Malformed)),
        ("TCP6 192.0.2.1 198.51.100.2 8080 443", Err(Malformed)),
        ("TCP6 ::1%eth0 ::1 8080 443", Err(Malformed)),
        ("tcp4 192.0.2.1 198.51.100.2 8080 443", Err(Malformed)),
        ("UDP4 192.0.2.1 198.51.100.2 8080 443", Err(Malformed)),
        ("TCP4 192.0.2.1\r198.51.100.2 8080 443", Err(Malformed)),
    ] {
        assert_eq!(read(format!("PROXY {line}\r\n").as_bytes()), expected, "{line}");
    }
    for whole in [
        "GET / HTTP/1.1\r\n\r\n",
        "PROXY  UNKNOWN\r\n",
        "proxy UNKNOWN\r\n\r\n",
        "PROXY UNKNOWN\n\n",
    ] {
        assert_eq!(read(whole.as_bytes()), Err(Malformed), "{whole}");
    }
    let long = |n: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(n - 16));
    assert_eq!(read(long(107).as_bytes()), nothing);
    assert_eq!(read(&long(108).as_bytes()[..106]), Err(Malformed));
}

#[test]
fn binary_headers_are_read_or_refused() {
    let nothing = Ok(Progress::Whole(None));
    let ipv6 =
        [&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 15], &[1, 0, 1, 0, 2]]
            .concat();
    let with = |fields: &[u8]| [IPV4, fields].concat();
    for (what, bytes, expected) in [
        ("IPv4", binary(0x21, 0x11, IPV4), from("192.0.2.1:8080", "198.51.100.2:443")),
        ("IPv6", binary(0x21, 0x21, &ipv6), from("[2001:db8::1]:1", "[::1]:2")),
        (
            "a field",
            binary(0x21, 0x11, &with(&[4, 0, 2, 9, 9])),
            from("192.0.2.1:8080", "198.51.100.2:443"),
        ),
        ("half a field", binary(0x21, 0x11, &with(&[4, 0, 2, 9])), Err(Malformed)),
        ("less of a field", binary(0x21, 0x11, &with(&[4, 0])), Err(Malformed)),
        ("half an address", binary(0x21, 0x11, &IPV4[..11]), Err(Malformed)),
        ("half an IPv6 address", binary(0x21, 0x21, IPV4), Err(Malformed)),
        ("a check", binary(0x20, 0x00, &[]), nothing),
        ("a check with an address", binary(0x20, 0x11, IPV4), nothing),
        ("an unknown family", binary(0x21, 0x00, &[]), nothing),
        ("a Unix socket", binary(0x21, 0x31, &[0; 216]), nothing),
        ("half a Unix socket", binary(0x21, 0x31, &[0; 215]), Err(Malformed)),
        ("datagrams", binary(0x21, 0x12, IPV4), Err(Malformed)),
        ("another command", binary(0x22, 0x11, IPV4), Err(Malformed)),
        ("another version", binary(0x11, 0x11, IPV4), Err(Malformed)),
        ("another family", binary(0x21, 0x41, IPV4), Err(Malformed)),
        ("too much", binary(0x21, 0x00, &[0; 4097]), Err(Malformed)),
    ] {
        assert_eq!(read(&bytes), expected, "{what}");
    }
}

#[test]
fn who_reads_what_is_missing_never_reads_behind_the_header() {
    for header in [
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n".to_vec(),
        b"PROXY TCP6 2001:db8:1111:2222:3333:4444:5555:6666 ::1 65535 65535\r\n".to_vec(),
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN x\r\n".to_vec(),
        binary(0x21, 0x11, IPV4),
        binary(0x20, 0x00, &[]),
        binary(0x21, 0x31, &[0; 216]),
    ] {
        // What is behind must not be asked for.
        let followed = [&header[..], &[b'\n'; 256]].concat();
        let mut at = 0;
        while let Ok(Progress::More(more)) = read(&followed[..at]) {
            assert!(more > 0);
            at += more;
        }
        assert_eq!(at, header.len(), "{}", String::from_utf8_lossy(&header));
        assert!(matches!(read(&header), Ok(Progress::Whole(_))));
    }
}
