//! Every way in which a signature can be wrong has its own reason.

use deploy_spec::{Kind, Timestamp};

use super::*;

/// The private key of RFC 8410 §10.3, whose public key is in its §10.1.
const PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";

fn bytes(envelope: &Envelope) -> Vec<u8> {
    serde_json::to_vec(envelope).unwrap()
}

/// These keys, one of which must have signed, at a moment of no importance.
fn trust(keys: &[TrustedKey]) -> Trust<'_> {
    Trust { keys, threshold: 1, revoked: &[], now: Timestamp::UNIX_EPOCH }
}

fn reason(envelope: &[u8], digest: &Digest, trusted: &[TrustedKey]) -> String {
    reason_of(envelope, digest, trust(trusted))
}

fn reason_of(envelope: &[u8], digest: &Digest, trust: Trust<'_>) -> String {
    let fault = verify(envelope, digest, trust).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    assert!(fault.hint.is_some());
    fault.details["reason"].as_str().unwrap().to_owned()
}

#[test]
fn the_pre_authentication_encoding_is_the_one_of_the_specification() {
    // The test vector of the DSSE protocol.
    assert_eq!(
        pae("http://example.com/HelloWorld", b"hello world"),
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
}

#[test]
fn keys_are_those_of_the_rfc_and_come_back_from_pem() {
    let key = SigningKey::from_pkcs8_pem(PEM).unwrap();
    let hex: String = key.public_key().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, PUBLIC);
    let made = SigningKey::create().unwrap();
    let again = SigningKey::from_pkcs8_pem(&made.to_pkcs8_pem().unwrap()).unwrap();
    assert_eq!(again.public_key(), made.public_key());
    assert_ne!(made.public_key(), SigningKey::create().unwrap().public_key());
    assert_eq!(made.key_id(), Digest::of(&made.public_key()).hex());
    assert_eq!(SigningKey::from_pkcs8_pem("junk").unwrap_err().kind, Kind::InvalidInput);
    assert!(!format!("{key:?}").contains("1O5y"), "no private bytes in a debug print");
}

#[test]
fn what_is_signed_is_an_in_toto_statement_about_the_digest() {
    let key = SigningKey::from_pkcs8_pem(PEM).unwrap();
    let digest = Digest::of(b"bundle");
    let envelope = sign(&key, "fast2flow-1.0.0", &digest).unwrap();
    let payload: serde_json::Value =
        serde_json::from_slice(&STANDARD.decode(&envelope.payload).unwrap()).unwrap();
    assert_eq!(
        payload,
        serde_json::json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "fast2flow-1.0.0", "digest": {"sha256": digest.hex()}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {},
        })
    );
    let wire = serde_json::to_value(&envelope).unwrap();
    assert_eq!(wire["payloadType"], "application/vnd.in-toto+json");
    assert_eq!(wire["signatures"][0]["keyid"], key.key_id());
    let signed = verify(&bytes(&envelope), &digest, trust(&[key.trusted()])).unwrap();
    assert_eq!(signed.key_id, key.key_id());
    assert_eq!(
        envelope,
        sign(&key, "fast2flow-1.0.0", &digest).unwrap(),
        "ed25519 is deterministic"
    );
}

#[test]
fn each_way_to_be_wrong_has_its_reason() {
    let (key, other) = (SigningKey::create().unwrap(), SigningKey::create().unwrap());
    let digest = Digest::of(b"bundle");
    let trusted = [other.trusted(), key.trusted()];
    let good = sign(&key, "b", &digest).unwrap();
    let with = |change: &dyn Fn(&mut Envelope)| {
        let mut envelope = good.clone();
        change(&mut envelope);
        reason(&bytes(&envelope), &digest, &trusted)
    };
    assert_eq!(with(&|e| e.signatures.clear()), "no-signature");
    assert_eq!(reason(b" \n", &digest, &trusted), "no-signature");
    assert_eq!(reason(&bytes(&good), &digest, &[other.trusted()]), "unknown-key");
    assert_eq!(reason(&bytes(&good), &digest, &[]), "unknown-key");
    assert_eq!(reason(&bytes(&good), &Digest::of(b"other"), &trusted), "wrong-subject");
    let other_payload = sign(&key, "b", &Digest::of(b"other")).unwrap().payload;
    assert_eq!(with(&|e| e.payload = other_payload.clone()), "tampered-payload");
    assert_eq!(with(&|e| e.payload = "%".into()), "tampered-payload");
    assert_eq!(with(&|e| e.payload_type = "text/plain".into()), "tampered-payload");
    assert_eq!(reason(b"{", &digest, &trusted), "tampered-payload");
    assert_eq!(reason(&[b' ', b'x'].repeat(1 << 20), &digest, &trusted), "tampered-payload");
    // The right payload with a signature of another key, of something else, or of no length.
    let other_sig = sign(&other, "b", &digest).unwrap().signatures[0].sig.clone();
    let old_sig = sign(&key, "b", &Digest::of(b"other")).unwrap().signatures[0].sig.clone();
    for sig in [other_sig, old_sig, String::new(), "%".into(), STANDARD.encode([0; 64])] {
        assert_eq!(with(&|e| e.signatures[0].sig = sig.clone()), "bad-signature");
    }
    // A key may not vouch under the name of another.
    assert_eq!(with(&|e| e.signatures[0].keyid = other.key_id()), "bad-signature");
    let liar = TrustedKey { key_id: key.key_id(), ..other.trusted() };
    let fault = verify(&bytes(&good), &digest, trust(&[liar])).unwrap_err();
    assert_eq!(fault.kind, Kind::InvalidInput);
}

#[test]
fn one_good_signature_among_others_is_enough_and_a_statement_must_be_about_a_bundle() {
    let (key, other) = (SigningKey::create().unwrap(), SigningKey::create().unwrap());
    let digest = Digest::of(b"bundle");
    let mut envelope = sign(&other, "b", &digest).unwrap();
    envelope.signatures.extend(sign(&key, "b", &digest).unwrap().signatures);
    assert_eq!(
        verify(&bytes(&envelope), &digest, trust(&[key.trusted()])).unwrap().key_id,
        key.key_id()
    );

    let payload = format!(
        r#"{{"_type":"{STATEMENT_TYPE}","subject":[{{"name":"b","digest":{{"sha256":"{}"}}}}],
            "predicateType":"https://slsa.dev/provenance/v1"}}"#,
        digest.hex()
    );
    let sig = STANDARD.encode(key.sign(&pae(PAYLOAD_TYPE, payload.as_bytes())));
    let envelope = Envelope {
        payload_type: PAYLOAD_TYPE.into(),
        payload: STANDARD.encode(payload),
        signatures: vec![EnvelopeSignature { keyid: key.key_id(), sig }],
    };
    assert_eq!(reason(&bytes(&envelope), &digest, &[key.trusted()]), "wrong-subject");
}

#[test]
fn a_key_counts_in_its_time_only_and_a_revoked_one_never() {
    let key = SigningKey::create().unwrap();
    let digest = Digest::of(b"bundle");
    let envelope = bytes(&sign(&key, "x", &digest).unwrap());
    let at = |second| Timestamp::from_second(second).unwrap();
    let windowed =
        TrustedKey { not_before: Some(at(10)), not_after: Some(at(20)), ..key.trusted() };
    let revoked = TrustedKey { revoked_at: Some(at(15)), ..key.trusted() };
    let asked = |key: &TrustedKey, now| {
        let keys = std::slice::from_ref(key);
        let trust = Trust { now: at(now), ..trust(keys) };
        match verify(&envelope, &digest, trust) {
            Ok(_) => "good".to_owned(),
            Err(fault) => fault.details["reason"].as_str().unwrap().to_owned(),
        }
    };
    let told: Vec<String> = [9, 10, 19, 20].iter().map(|now| asked(&windowed, *now)).collect();
    assert_eq!(told, ["not-yet-valid-key", "good", "good", "expired-key"]);
    assert_eq!(asked(&revoked, 0), "revoked-key");
    let keys = [key.trusted()];
    let gone = [digest.clone()];
    let trust = Trust { revoked: &gone, ..trust(&keys) };
    assert_eq!(reason_of(&envelope, &digest, trust), "revoked-bundle");
}

#[test]
fn as_many_keys_as_must_have_signed_and_one_key_counts_once() {
    let keys = [0; 3].map(|_| SigningKey::create().unwrap());
    let trusted = keys.each_ref().map(SigningKey::trusted);
    let digest = Digest::of(b"bundle");
    let one = sign(&keys[0], "x", &digest).unwrap();
    let mut twice = one.clone();
    twice.signatures.push(one.signatures[0].clone());
    let two = countersign(&keys[1], &bytes(&one), "x", &digest).unwrap();
    assert_eq!(two.signatures.len(), 2);
    let again = countersign(&keys[1], &bytes(&two), "x", &digest).unwrap();
    assert_eq!(again.signatures.len(), 2, "who signs again does not sign twice");
    let needs_two = |keys| Trust { threshold: 2, ..trust(keys) };
    assert_eq!(reason_of(&bytes(&one), &digest, needs_two(&trusted)), "too-few-signatures");
    assert_eq!(reason_of(&bytes(&twice), &digest, needs_two(&trusted)), "too-few-signatures");
    verify(&bytes(&two), &digest, needs_two(&trusted)).unwrap();
    assert_eq!(reason_of(&bytes(&two), &digest, needs_two(&trusted[1..])), "too-few-signatures");
    let other = Digest::of(b"another");
    assert!(countersign(&keys[1], &bytes(&one), "x", &other).is_err());
}

#[test]
fn public_keys_come_back_from_pem() {
    let key = SigningKey::create().unwrap();
    let pem = key.public_key_to_pem().unwrap();
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----"));
    assert_eq!(public_key_from_pem(&pem).unwrap(), key.trusted());
    assert!(public_key_from_pem(&key.to_pkcs8_pem().unwrap()).is_err());
}
