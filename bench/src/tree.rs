//! A folder of some hundred MB, the same on every run: what a bundle may hold.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

const MANIFEST: &str = "schema: greentic.bundle.v1
bundle_id: large
version: 1.0.0
packs:
  - {pack_id: site, kind: static, path: text, public_path: /}
";

/// Text of all sizes, many small files, what does not compress, and one big file that is some of
/// each: about 300 MB in about 21 000 files.
pub(crate) fn plant(root: &Path) -> Result<(), String> {
    let mut random = Random(1);
    let words = vocabulary(&mut random);
    write(root, "bundle.yaml", MANIFEST.as_bytes())?;
    for i in 0..1_000 {
        let len = 2_000 + random.below(200_000);
        write(root, &format!("text/{}/{i}.txt", i % 20), &prose(&words, len, &mut random))?;
    }
    for i in 0..20_000 {
        let len = 100 + random.below(2_000);
        write(root, &format!("small/{}/{i}.json", i % 100), &prose(&words, len, &mut random))?;
    }
    for i in 0..64 {
        write(root, &format!("images/{i}.jpg"), &noise(1 << 20, &mut random))?;
    }
    let mut big = Vec::new();
    for _ in 0..32 {
        big.extend(prose(&words, 3 << 20, &mut random));
        big.extend(noise(1 << 19, &mut random));
        big.extend(noise(1 << 11, &mut random).repeat(1 << 8));
    }
    write(root, "models/big.bin", &big)
}

fn write(root: &Path, path: &str, bytes: &[u8]) -> Result<(), String> {
    let path = root.join(path);
    let failed = |error: std::io::Error| format!("`{}`: {error}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    fs::File::create(&path).and_then(|mut file| file.write_all(bytes)).map_err(failed)
}

fn vocabulary(random: &mut Random) -> Vec<String> {
    let letter = |random: &mut Random| char::from(b"etaoinshrdlucmfwypvbgkqjxz"[random.skewed(26)]);
    let word = |_| (0..2 + random.below(8)).map(|_| letter(random)).collect();
    (0..4_000).map(word).collect()
}

/// Words as often as in a language (Zipf), in lines.
fn prose(words: &[String], len: usize, random: &mut Random) -> Vec<u8> {
    let mut text = String::with_capacity(len + 16);
    let mut line = 0;
    while text.len() < len {
        let word = &words[random.skewed(words.len())];
        let end = if line > 70 { '\n' } else { ' ' };
        line = if end == '\n' { 0 } else { line + word.len() + 1 };
        let _ = write!(text, "{word}{end}");
    }
    text.into_bytes()
}

fn noise(len: usize, random: &mut Random) -> Vec<u8> {
    (0..len / 8).flat_map(|_| random.next().to_le_bytes()).collect()
}

/// A seeded generator (splitmix64, Steele 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// Below `bound`, the small ones far more often: every halving of the range as likely as the
    /// half above it.
    fn skewed(&mut self, bound: usize) -> usize {
        let halvings = self.next() % u64::from(bound.ilog2() + 1);
        self.below((bound >> halvings).max(1))
    }
}
