//! Made-up secrets, drawn from the patterns of the rules: none was ever issued, none stands in the
//! source, and all are the same on every run.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::check::{Check, base62, bech32_encode, hex};
use crate::rule::Rule;
use crate::rules::Rules;
use crate::stream::Stream;

/// Draws until a rule has its sample; entropy and placeholders turn some down.
const DRAWS: u64 = 400;
/// Bytes more than the least that a repetition draws, at most.
const MORE: u64 = 6;

/// A file with one made-up secret.
#[derive(Debug)]
pub struct Sample {
    /// The rule that must find it.
    pub rule: String,
    /// What the file is called.
    pub name: String,
    /// What the file holds.
    pub bytes: Vec<u8>,
}

/// One sample for each rule; the same every time.
///
/// # Panics
/// When a rule takes nothing of its own shape for a secret.
#[must_use]
pub fn all(rules: &Rules) -> Vec<Sample> {
    rules.rules.iter().map(|rule| sample(rules, rule)).collect()
}

fn sample(rules: &Rules, rule: &Rule) -> Sample {
    let hir = parse(rule.regex().text());
    let ending = rule.only_in.first().map_or(".txt", String::as_str);
    let name = format!("{}{ending}", rule.id);
    for seed in 1..DRAWS {
        let mut random = Random(seed);
        let mut bytes = b"\n".to_vec();
        draw(&hir, &mut random, &mut bytes);
        if let Some(check) = rule.check {
            bytes = mended(check, &rule.id, bytes);
        }
        bytes.push(b'\n');
        let lower = String::from_utf8_lossy(&bytes).to_lowercase();
        if !rule.keywords.iter().any(|keyword| lower.contains(keyword)) {
            // Some vendors are only named nearby.
            bytes = [b"\n# ", rule.keywords[0].as_bytes(), &bytes].concat();
        }
        let mut stream = Stream::new(rules, &name);
        stream.push(&bytes);
        if stream.finish().iter().any(|finding| finding.rule == rule.id) {
            return Sample { rule: rule.id.clone(), name, bytes };
        }
    }
    panic!("{} finds nothing of its own shape", rule.id);
}

fn parse(pattern: &str) -> Hir {
    let mut parser = ParserBuilder::new().unicode(false).utf8(false).build();
    parser.parse(pattern).expect("a rule's pattern")
}

fn draw(hir: &Hir, random: &mut Random, out: &mut Vec<u8>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.extend_from_slice(&literal.0),
        HirKind::Class(class) => out.push(one_of(class, random)),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX) - repetition.min;
            let count = repetition.min + random.below(u64::from(most).min(MORE) + 1) as u32;
            (0..count).for_each(|_| draw(&repetition.sub, random, out));
        }
        HirKind::Capture(capture) => draw(&capture.sub, random, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| draw(part, random, out)),
        HirKind::Alternation(ways) => {
            draw(&ways[random.below(ways.len() as u64) as usize], random, out);
        }
    }
}

fn one_of(class: &Class, random: &mut Random) -> u8 {
    let any = |c: &u8| match class {
        Class::Bytes(class) => class.iter().any(|range| (range.start()..=range.end()).contains(c)),
        Class::Unicode(class) => {
            class.iter().any(|range| (range.start()..=range.end()).contains(&char::from(*c)))
        }
    };
    // What can be read, where the class lets it: a secret among control characters is a rare one.
    let mut choice: Vec<u8> = (b'!'..=b'~').filter(any).collect();
    if choice.is_empty() {
        choice = (0..=u8::MAX).filter(any).collect();
    }
    choice[random.below(choice.len() as u64) as usize]
}

/// What was drawn, or something in its place, as the rule's check wants it.
fn mended(check: Check, rule: &str, mut drawn: Vec<u8>) -> Vec<u8> {
    let text = match check {
        Check::Crc32Base62 => {
            let random = drawn.iter().position(|byte| *byte == b'_').unwrap_or(0) + 1;
            let sum = drawn.len() - 6;
            let digits = base62(crc32fast::hash(&drawn[random..sum]));
            drawn[sum..].copy_from_slice(&digits);
            return drawn;
        }
        Check::Crc32Hex => {
            let sum = drawn.len() - 8;
            let digits = hex(crc32fast::hash(&drawn[1..sum - 1]));
            drawn[sum..].copy_from_slice(digits.as_bytes());
            return drawn;
        }
        Check::Bech32 => {
            let digits: Vec<u32> = (0..52).map(|i| i * 7 % 32).collect();
            bech32_encode("age-secret-key-", &digits).to_uppercase()
        }
        Check::DiscordId => {
            let id = STANDARD.encode("846571023957164823");
            format!("bot {id}.Gx7-pQ.{}", part("nine and twenty letters ~ &&"))
        }
        Check::JsonWebToken => {
            let head = part(r#"{"alg":"HS256","typ":"JWT"}"#);
            let body = part(r#"{"sub":"2718281828","name":"someone"}"#);
            format!("{head}.{body}.{}", part("0918273645 a signature ~"))
        }
        Check::UserAndPassword => {
            let both = STANDARD.encode("robot:a-made-up-password");
            if rule == "docker-registry-auth" {
                format!("\"auth\": \"{both}\"")
            } else {
                format!("Authorization: Basic {both}")
            }
        }
        Check::Armour => armour(),
        Check::ArmourBase64 => STANDARD.encode(armour()),
    };
    format!("\n{text}").into_bytes()
}

fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn armour() -> String {
    let body: Vec<u8> = (0..141_u8).map(|i| i.wrapping_mul(89)).collect();
    let body = STANDARD.encode(body);
    let lines: Vec<&str> = (0..3).map(|i| &body[i * 62..i * 62 + 62]).collect();
    let kind = "PRIVATE KEY-----";
    format!("-----BEGIN {kind}\n{}\n-----END {kind}", lines.join("\n"))
}

/// A seeded generator (xorshift64*, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % bound
    }
}
