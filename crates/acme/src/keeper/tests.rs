//! What becomes of a certificate that was got, and of one that was not.

use std::path::Path;

use harness::Folder;
use rcgen::{CertificateParams, KeyPair};
use store::RealDisk;

use super::*;
use crate::schedule::Cause;
use crate::settings::Challenge;

const DAY: i64 = 86_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn keeper(folder: &Path, now: fn() -> Timestamp) -> Keeper {
    let certificates = Certificates::awaiting(Vec::new(), &["a.test".to_owned()]).unwrap();
    let settings = Settings {
        directory: "https://authority.test/".parse().unwrap(),
        ca: None,
        contact: Vec::new(),
        challenge: Challenge::TlsAlpn01,
    };
    let disk = Arc::new(RealDisk::new(folder.to_owned()));
    let home = EnvironmentStore::on("local".parse().unwrap(), folder.to_owned(), disk);
    let world = World { now, roll: || u32::MAX };
    Keeper::new(settings, home, Arc::new(certificates), world).unwrap()
}

/// A certificate of 90 days from the beginning of 1970, behind its key.
fn pem() -> String {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(1970, 1, 1);
    params.not_after = rcgen::date_time_ymd(1970, 4, 1);
    format!("{}{}", key.serialize_pem(), params.self_signed(&key).unwrap().pem())
}

fn take(keeper: &Keeper, pem: &str) -> Result<Life, Failure> {
    let name = keeper.work.states()[0].name.clone();
    keeper.work.take(0, &name, pem)
}

#[test]
fn what_was_got_is_kept_and_shown_by_the_next_one_too() {
    let folder = Folder::new().unwrap();
    let first = keeper(folder.path(), || at(59 * DAY));
    let life = take(&first, &pem()).unwrap();
    assert_eq!((life.begins, life.ends, life.renewal()), (at(0), at(90 * DAY), at(60 * DAY)));
    // Long over, and all there is.
    let next = keeper(folder.path(), || at(900 * DAY));
    assert_eq!(next.states()()[0].life, Some(life));
}

#[test]
fn a_certificate_that_would_be_renewed_at_once_is_a_failure() {
    let folder = Folder::new().unwrap();
    let keeper = keeper(folder.path(), || at(60 * DAY));
    let failure = take(&keeper, &pem()).unwrap_err();
    assert!(failure.fault.message.contains("to be renewed at once"), "{}", failure.fault);
    assert_eq!(failure.cause, Cause::Refused, "so that the authority is not asked without end");
    assert_eq!(keeper.states()()[0].life, None);
}

#[test]
fn one_that_cannot_be_kept_is_shown_and_no_other_is_asked_for() {
    let folder = Folder::new().unwrap();
    let keeper = keeper(folder.path(), || at(DAY));
    std::fs::write(folder.path().join("acme"), "no folder").unwrap();
    let failure = take(&keeper, &pem()).unwrap_err();
    keeper.work.note(0, failure);
    let state = keeper.states()().remove(0);
    assert!(state.failed.as_ref().unwrap().fault.message.contains("acme"), "{state:?}");
    let again = state.failed.map(|failed| failed.again);
    assert_eq!(due(state.life, again), at(60 * DAY), "it is renewed when it is due");
}

#[test]
fn a_renewal_that_fails_leaves_what_there_is() {
    let folder = Folder::new().unwrap();
    let keeper = keeper(folder.path(), || at(DAY));
    let life = take(&keeper, &pem()).unwrap();
    for (times, minutes) in [(1, 5), (2, 10), (3, 20)] {
        keeper.work.note(0, Failure::nonsense("it is drunk"));
        let state = keeper.states()().remove(0);
        let failed = state.failed.unwrap();
        assert_eq!((state.life, failed.times), (Some(life), times));
        assert_eq!(failed.again, at(DAY + minutes * 60));
    }
    assert!(take(&keeper, "drunk").is_err());
    assert_eq!(keeper.states()()[0].life, Some(life));
}
