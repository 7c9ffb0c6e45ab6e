//! What the texts of a description take and refuse.

use super::*;

fn refused<T: FromStr<Err = String>>(texts: &[&str]) {
    for text in texts {
        assert!(text.parse::<T>().is_err(), "{text}");
    }
}

#[test]
fn paths_are_absolute_and_mean_nothing_else_in_a_unit() {
    for good in ["/a", "/var/lib/greentic/hello", "/srv/A-b_c.d+e@f"] {
        assert!(good.parse::<MachinePath>().is_ok(), "{good}");
    }
    let long = format!("/{}", "a".repeat(PATH_MAX));
    refused::<MachinePath>(&[
        "", "/", "a", "./a", "../a", "/a/", "/a//b", "/a/../b", "/a/.", "/a b", "/a%i", "/a:b",
        "/a$b", "/a\"b", "/a\\b", "/a\nb", "/é", "~/a", &long,
    ]);
}

#[test]
fn a_path_is_within_another_by_whole_parts() {
    let path = |text: &str| text.parse::<MachinePath>().unwrap();
    assert!(path("/a/b").is_within(&path("/a")) && path("/a").is_within(&path("/a")));
    assert!(!path("/ab").is_within(&path("/a")) && !path("/a").is_within(&path("/a/b")));
    assert_eq!(path("/a/b").parent(), Some(path("/a")));
    assert_eq!(path("/a").parent(), None);
}

#[test]
fn accounts_are_what_useradd_takes_and_never_root() {
    for good in ["greentic", "_apt", "a-1_b", &"a".repeat(32)] {
        assert!(good.parse::<AccountName>().is_ok(), "{good}");
    }
    refused::<AccountName>(&[
        "",
        "root",
        "0",
        "0a",
        "-a",
        "A",
        "a b",
        "a.b",
        "a$",
        "é",
        &"a".repeat(33),
    ]);
}

#[test]
fn the_admin_endpoint_binds_to_one_address_only() {
    assert_eq!("127.0.0.1:8433".parse(), Ok(AdminBind(8433)));
    for (bad, says) in [
        ("0.0.0.0:8433", "not 0.0.0.0"),
        ("[::1]:8433", "not ::1"),
        ("[::ffff:127.0.0.1]:8433", "binds to 127.0.0.1"),
        ("127.0.0.2:8433", "not 127.0.0.2"),
        ("localhost:8433", "no flag"),
        ("192.168.1.1:8433", "no flag"),
        ("127.0.0.1:0", "port 0"),
        ("127.0.0.1:65536", "no address"),
        ("127.0.0.1", "no address"),
        (":8433", "no address"),
        ("admin.example:8433", "not looked up"),
    ] {
        let why = bad.parse::<AdminBind>().unwrap_err();
        assert!(why.contains(says), "{bad}: {why}");
    }
}

#[test]
fn health_paths_are_paths_only() {
    for good in ["/", "/readyz", "/a/b-c_d.e~f", "/a:b@c[d]"] {
        assert!(good.parse::<HttpPath>().is_ok(), "{good}");
    }
    refused::<HttpPath>(&["", "a", "/a?b", "/a#b", "/a b", "/a\n", "/é", "/%n", "http://x/"]);
}
