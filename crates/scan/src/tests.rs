//! The rule set as a whole: every rule finds its own, wherever a border falls, and innocent text
//! stays innocent.

use proptest::prelude::*;

use crate::rules::Rules;
use crate::samples::{self, Sample};
use crate::stream::OVERLAP;
use crate::{Finding, Stream};

fn scan(name: &str, bytes: &[u8]) -> Vec<Finding> {
    in_pieces(name, bytes, bytes.len().max(1))
}

fn in_pieces(name: &str, bytes: &[u8], piece: usize) -> Vec<Finding> {
    let mut stream = Stream::new(Rules::standard(), name);
    bytes.chunks(piece).for_each(|piece| stream.push(piece));
    stream.finish()
}

fn rules_of(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.rule.as_str()).collect()
}

/// Lower-case letters and spaces, which no rule looks at.
fn filler(len: usize) -> Vec<u8> {
    let line = b"the quick brown fox jumps over the lazy dog and runs along\n";
    line.iter().copied().cycle().take(len).collect()
}

#[test]
fn every_pattern_compiles_and_every_rule_has_a_keyword_in_lower_case_or_none() {
    let rules = Rules::standard();
    let mut ids: Vec<&str> = rules.rules.iter().map(|rule| rule.id.as_str()).collect();
    let count = ids.len();
    assert!(count > 120, "{count}");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for rule in &rules.rules {
        assert!(!rule.description.is_empty() && !rule.keywords.is_empty(), "{}", rule.id);
        let allowed = rule.allow.iter().flat_map(|allow| allow.regexes.iter().chain(&allow.paths));
        let patterns = [rule.regex()].into_iter().chain(allowed);
        for pattern in patterns {
            assert!(pattern.get().is_some(), "{}: {}", rule.id, pattern.text());
        }
        assert_eq!(rules.description(&rule.id), Some(rule.description.as_str()));
    }
    for allow in &rules.allow {
        assert!(allow.regexes.iter().chain(&allow.paths).all(|pattern| pattern.get().is_some()));
    }
    assert_eq!(rules.description("no-such-rule"), None);
}

#[test]
fn every_rule_finds_its_own_shape_and_tells_where_but_not_what() {
    for Sample { rule, name, bytes } in samples::all(Rules::standard()) {
        let mut text = filler(590);
        text.extend(&bytes);
        let found = scan(&name, &text);
        let finding = found.iter().find(|finding| finding.rule == rule).unwrap();
        assert_eq!(finding.path, name);
        assert!((590..590 + bytes.len() as u64).contains(&finding.offset), "{rule}: {finding:?}");
        assert!(finding.line.is_none_or(|line| line >= 11), "{rule}: {finding:?}");
        let shown = format!("{finding} {finding:?} {}", serde_json::to_string(finding).unwrap());
        // Its last letters: many a secret begins with the name of who issued it.
        let secret = &bytes[bytes.len() - 9..bytes.len() - 1];
        let tells = shown.as_bytes().windows(8).any(|window| window == secret);
        assert!(!tells, "{rule}: {shown}");
    }
}

#[test]
fn what_people_leave_behind_is_found() {
    // Put together here, so that this file holds none of them.
    let rows: &[(&str, &[&str], &str)] = &[
        ("aws", &["AKIA", "2E5A7F3B244C6726"], "aws-access-key-id"),
        ("slack", &["xoxb", "-263594206564-2343594206564-FGqddMF8t08v8N7Oq4i57vs1"], "slack-token"),
        ("stripe", &["key = sk_", "live_", "51HqxWvK2b9gT4yR8mN6pL3sD"], "stripe-secret-key"),
        ("code", &["let password", " = \"9fK2mX7qLw4ZtB8v\";"], "generic-assignment"),
        ("conf", &["api_key", ": 7d9f3a61c2b84e05a9d7f1c3"], "generic-assignment"),
        (
            "url",
            &["DB=postgres://app:", "k3Yv9-Qx71pT@db.internal/app"],
            "connection-string-password",
        ),
        ("netrc", &["machine api.host login me password ", "k3Yv9Qx71pTz"], "netrc-password"),
        (
            "pgp",
            &[
                "-----BEGIN PGP PRIVATE KEY",
                " BLOCK-----\n",
                "lQVYBF5vK2IBDADKqlZyQbEVrTgHtVnLq3mYz0QxXoYvUu1fFh2d8nX5cJkq4sWb\n",
                "-----END PGP PRIVATE KEY BLOCK-----",
            ],
            "private-key",
        ),
        (
            "azure",
            &[
                "AccountName=a;Account",
                "Key=",
                "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8SNA==",
            ],
            "azure-storage-key",
        ),
    ];
    for (name, parts, rule) in rows {
        let found = scan(name, parts.concat().as_bytes());
        assert!(rules_of(&found).contains(rule), "{name}: {found:?}");
    }
    let der = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20, 1, 2, 3];
    assert_eq!(rules_of(&scan("key", &der)), ["private-key-der"]);
}

#[test]
fn short_passwords_are_found_in_configuration_files_and_only_there() {
    let found = |name: &str, text: &str| {
        rules_of(&scan(name, text.as_bytes())).contains(&"config-file-password")
    };
    // Put together here, so that this file holds none of them.
    let short = ["hunter", "2"].concat();
    let rows = [
        ("app.env", format!("DB_USER=app\nDB_PASSWORD={short}\n")),
        ("app.env", format!("export PGPASSWORD=\"{short}\"")),
        ("my.ini", format!("[mysqld]\r\npassword = {short}\r\nport = 3306\r\n")),
        ("application.properties", format!("spring.datasource.password={short}")),
        ("values.yaml", format!("db:\n  user: app\n  password: {short}  # of the old one\n")),
        ("compose.YML", format!("environment:\n  - POSTGRES_PASSWORD={short}\n")),
        ("etc/smb.conf", format!("  smtp.pass: '{short}'")),
        ("a.zip!etc/app.cfg", format!("redis_pwd={short}")),
    ];
    for (name, text) in &rows {
        assert!(found(name, text), "{name}: {text}");
        assert!(!found("readme.md", text), "a text may speak of it: {text}");
    }
    for text in [
        "password: ${DB_PASSWORD1}",
        "password: {{ .Values.password2 }}",
        "password: secret://local/db1",
        "password_file: /run/secrets/db1",
        "password: /run/secrets/db1",
        "passwordLength: min12",
        "password: changeme1",
        "password: password123",
        "password=DB_PASSWORD_1",
        "password_hash=sha256",
        "hash.pwd=bcrypt12",
        "password: varchar255",
        "password: required",
        "password=12345678",
        "password=config.db.password1",
        "# password: the one of step 2",
        "password: ask for it on 1st use",
        "pass: 10of10",
    ] {
        assert!(!found("app.yaml", text), "{text}");
    }
}

/// A letter of a checksum or of an encoding that is another one: no issuer has given that out.
#[test]
fn a_token_with_a_wrong_checksum_is_none() {
    for id in ["github-token", "npm-token", "grafana-service-account", "private-key-age"] {
        let all = samples::all(Rules::standard());
        let mut sample = all.into_iter().find(|sample| sample.rule == id).unwrap();
        let last = sample.bytes.len() - 2;
        sample.bytes[last] = match sample.bytes[last] {
            b'0' => b'2',
            _ => b'0',
        };
        assert!(!rules_of(&scan("file.txt", &sample.bytes)).contains(&id), "{id}");
    }
}

/// One character too few: nearly a secret is none.
#[test]
fn a_token_of_the_wrong_length_is_none() {
    let rows = [
        ["AKIA", "2E5A7F3B244C672"],
        ["dop_v1", "_3f7a9c1e5b8d2f604a7c9e1b3d5f70829a4c6e8b0d1f3a5c7e9b2d4f6a8c0e1"],
        ["SG.aB3dE6gH9jK2mN5pQ8sT1v", ".short"],
        ["xapp", "-1-A0B1C2D3E4F-1234509876543-3f7a9c1e5b8d2f60"],
    ];
    for row in rows {
        assert_eq!(rules_of(&scan("file.txt", row.concat().as_bytes())), Vec::<&str>::new());
    }
}

#[test]
fn what_only_looks_like_a_secret_is_let_through() {
    let rows: &[&str] = &[
        "password = \"${PASSWORD}\"",
        "password: {{ .Values.password }}",
        "api_key = \"your-api-key-here\"",
        "token = os.environ[\"TOKEN\"]",
        "secret_key_base = <%= ENV[\"SECRET\"] %>",
        "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
        "postgres://user:password@localhost/db",
        "postgres://user:${PASSWORD}@localhost/db",
        "https://example.com:8080/a@b",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "\"integrity\": \"sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==\"",
        "id: 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUb2\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----",
        "ghp_000000000000000000000000000000000000",
        "src=\"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk\"",
        "primary_key = \"customer_id_2\"",
        "pub const KEY_MAX: nl80211_key_attributes = nl80211_key_attributes::LAST;",
        "sec-websocket-key: 6D69KGBOr4Re+Nj6zx9aQA==",
        "\"auth\": \"bm90aGluZw==\"",
    ];
    for text in rows {
        assert_eq!(rules_of(&scan("file.txt", text.as_bytes())), Vec::<&str>::new(), "{text}");
    }
}

#[test]
fn what_guesses_stays_out_of_binary_files_and_what_knows_does_not() {
    let guess = ["password", " = \"9fK2mX7qLw4ZtB8v\";\n"].concat();
    let known = ["AKIA", "2E5A7F3B244C6726\n"].concat();
    let binary = [b"\0asm", guess.as_bytes(), b"\0", known.as_bytes()].concat();
    let found = scan("a.wasm", &binary);
    assert_eq!(rules_of(&found), ["aws-access-key-id"]);
    assert_eq!((found[0].line, found[0].offset), (None, 5 + guess.len() as u64));
}

#[test]
fn lines_are_counted_across_windows() {
    let mut text = filler(700_000);
    text.extend(["\nAKIA", "2E5A7F3B244C6726"].concat().bytes());
    let found = scan("long.txt", &text);
    let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
    assert_eq!(found.iter().map(|f| f.line).collect::<Vec<_>>(), [Some(lines + 1)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the pieces and wherever a window ends, what is found is the same.
    #[test]
    fn a_secret_across_a_border_is_found_once(
        at in 150_000_usize..400_000, near in 0_usize..200, piece in 1_usize..90_000, pick in 0_usize..10_000,
    ) {
        let samples = samples::all(Rules::standard());
        let sample = &samples[pick % samples.len()];
        let border = (256 << 10) - OVERLAP;
        for at in [at, border - near.min(sample.bytes.len()), (256 << 10) - near] {
            let mut text = filler(at);
            text.extend(&sample.bytes);
            let tail = filler(300_000);
            text.extend(&tail);
            let whole = scan(&sample.name, &sample.bytes);
            let found = in_pieces(&sample.name, &text, piece);
            prop_assert_eq!(rules_of(&found), rules_of(&whole), "{}", sample.rule);
            for (found, alone) in found.iter().zip(&whole) {
                prop_assert_eq!(found.offset, alone.offset + at as u64);
                prop_assert!(found.is_same_secret(alone));
            }
        }
    }
}
