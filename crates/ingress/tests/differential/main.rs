//! The same bytes to this server and to others that read HTTP/1.1: whatever we take, nobody may read
//! differently. We may refuse what they take.
#![expect(clippy::unwrap_used, reason = "what fails here is the test")]

mod bytes;
mod ours;
mod peers;

use bytes::{CASES, made};
use ours::Ours;
use peers::{Peer, Seen, all};

/// How many streams of requests are made up, besides those of the table.
const MADE: u64 = 1_000;

/// What is to be said about a difference, if it is one that matters: a peer that answers more
/// requests than we do, or another one.
fn difference(ours: &Seen, theirs: &Seen) -> Option<String> {
    for (i, their) in theirs.iter().enumerate() {
        match (ours.get(i), their) {
            // What comes behind a refusal of ours goes to nobody.
            (Some(None), _) => return None,
            (_, None) => {}
            (Some(our), their) if our == their || is_given_a_host(our, their) => {}
            (our, their) => {
                return Some(format!("request {i} is {our:?} here and {their:?} there"));
            }
        }
    }
    None
}

/// Whether a request is the same but for a host: HTTP/1.0 may name none, and some servers then pass
/// on one of theirs.
fn is_given_a_host(our: &Option<String>, their: &Option<String>) -> bool {
    let (Some(our), Some(their)) = (our, their) else { return false };
    let names_one = our.split(' ').count() > 2;
    !names_one && their.strip_prefix(our).is_some_and(|rest| rest.starts_with(' '))
}

fn compare(ours: &Ours, peers: &mut [Box<dyn Peer>], what: &str, bytes: &[u8]) -> Seen {
    let seen = ours.see(bytes);
    for peer in peers {
        let theirs = peer.see(bytes);
        if let Some(difference) = difference(&seen, &theirs) {
            let text = String::from_utf8_lossy(bytes);
            panic!("{what}, {}: {difference}\n{text:?}\n{seen:?}\n{theirs:?}", peer.name());
        }
    }
    seen
}

#[test]
fn nobody_reads_differently_what_we_take() {
    let ours = Ours::start();
    let mut peers = all();
    for (what, bytes, taken) in CASES {
        let seen = compare(&ours, &mut peers, what, bytes);
        assert_eq!(seen.iter().flatten().count(), *taken, "{what}: {seen:?}");
    }
    let mut taken = 0;
    for seed in 0..MADE {
        let bytes = made(seed);
        let seen = compare(&ours, &mut peers, &format!("made up by {seed}"), &bytes);
        taken += seen.iter().flatten().count();
    }
    // Else what is made up would test nothing but refusals.
    assert!(taken as u64 > MADE / 4, "{taken} requests were taken");
}

/// The comparison itself can fail: a peer that sees one request more, or another one, is noticed.
#[test]
fn a_difference_is_noticed() {
    let seen = |targets: &[&str]| -> Seen {
        targets.iter().map(|it| (*it != "refused").then(|| (*it).to_owned())).collect()
    };
    assert!(difference(&seen(&["a"]), &seen(&["a", "b"])).is_some());
    assert!(difference(&seen(&["a", "b"]), &seen(&["a", "c"])).is_some());
    assert!(difference(&seen(&["a", "b"]), &seen(&["refused", "c"])).is_some());
    assert!(difference(&seen(&["a", "refused"]), &seen(&["a", "b"])).is_none());
    assert!(difference(&seen(&["a", "b"]), &seen(&["refused", "b"])).is_none());
    assert!(difference(&seen(&["a", "b"]), &seen(&["a"])).is_none());
    assert!(difference(&seen(&["GET /a"]), &seen(&["GET /a x"])).is_none());
    assert!(difference(&seen(&["GET /a x"]), &seen(&["GET /a y"])).is_some());
    assert!(difference(&seen(&["GET /a"]), &seen(&["GET /ab x"])).is_some());
}
