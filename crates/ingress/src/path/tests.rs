//! What the one spelling of paths promises.

use proptest::prelude::*;

use super::normalise;

#[test]
fn paths_have_one_spelling() {
    for (path, spelled) in [
        ("", "/"),
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a//b", "/a/b"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/../../b", "/b"),
        ("/%61", "/a"),
        ("/%7euser", "/~user"),
        ("/a/%2e%2e/b", "/b"),
        ("/a%3fb", "/a%3Fb"),
    ] {
        assert_eq!(normalise(path).unwrap(), spelled, "{path}");
    }
}

#[test]
fn what_servers_read_differently_is_refused() {
    for path in ["/%2f", "/%2F", "/a%5Cb", "/%00", "/a\\b", "/%", "/%4", "/%zz"] {
        assert!(normalise(path).is_err(), "{path}");
    }
}

proptest! {
    #[test]
    fn normalising_twice_is_normalising_once(path in "/[a-c./%2eE5fF~]{0,24}") {
        if let Ok(once) = normalise(&path) {
            prop_assert!(once.starts_with('/') && !once.contains("//"), "{once}");
            prop_assert!(!once.split('/').any(|part| part == "." || part == ".."), "{once}");
            prop_assert_eq!(normalise(&once).unwrap(), once.clone());
        }
    }
}
