//! Building and unpacking a bundle of some hundred MB, beside `mksquashfs` and `unsquashfs` with the
//! same compressor, level, block size and processors; rounds interleaved.
//!
//! All of it is in memory (`/dev/shm`): we flush to the disk what we wrote, they do not, and neither
//! disk is what is compared. Ours does more besides: it opens what it built as a stranger's, hashes
//! it, and looks for secrets in it. What the last costs is told on its own.

use std::path::Path;
use std::process::ExitCode;

use bundle::{Archive, Format};
use harness::Folder;

use crate::Bench;
use crate::figures::Report;
use crate::measured::Cost;
use crate::tree;

/// The first word for a process that is measured.
pub(crate) const WORK: &str = "work";
const ROUNDS: usize = 5;
const MEMORY: &str = "/dev/shm";

/// One thing that is measured, and the peer it stands beside.
struct Row {
    name: &'static str,
    peer: Option<usize>,
    words: Vec<String>,
    /// What it makes, which is removed before it is made again.
    makes: Option<String>,
    cost: Cost,
}

/// Wall and CPU time in seconds, peak memory and archive size in MB.
pub(crate) fn run(bench: &Bench) -> Result<(), String> {
    let folder = Folder::new_in(Path::new(MEMORY))?;
    let tree = folder.path().join("tree");
    println!("planting a tree");
    tree::plant(&tree)?;
    let columns = &[
        "wall s",
        "CPU s",
        "peak MB",
        "wall ratio",
        "CPU ratio",
        "peak ratio",
        "archive MB",
        "ratio",
    ];
    let mut report = Report::new("bundle", columns);
    let all = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    for processors in [1, all] {
        let mut rows = rows(folder.path(), processors)?;
        for _ in 0..ROUNDS {
            for row in &mut rows {
                clear(row.makes.as_deref())?;
                let words: Vec<&str> = row.words.iter().map(String::as_str).collect();
                row.cost.add(&format!("0-{}", processors - 1), &words, folder.path())?;
            }
        }
        tell(&mut report, &rows, processors);
    }
    report.finish(bench)
}

fn rows(folder: &Path, processors: usize) -> Result<Vec<Row>, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let own = own.to_str().ok_or("the benchmark's path is not UTF-8")?;
    let at = |name: &str| format!("{}/{name}", folder.display());
    let fill = |line: &str| -> Vec<String> {
        let word = |word: &str| match word {
            "OWN" => own.to_owned(),
            "TREE" | "OURS" | "THEIRS" | "UNPACKED-OURS" | "UNPACKED-THEIRS" => {
                at(&word.to_lowercase())
            }
            "PROCESSORS" => processors.to_string(),
            _ => word.to_owned(),
        };
        line.split(' ').map(word).collect()
    };
    let row = |name, peer, line: &str, makes: Option<&str>| Row {
        name,
        peer,
        words: fill(line),
        makes: makes.map(at),
        cost: Cost::new(),
    };
    Ok(vec![
        row(
            "mksquashfs",
            None,
            "mksquashfs TREE THEIRS -comp zstd -Xcompression-level 9 -b 131072 -processors PROCESSORS \
             -noappend -no-progress -quiet -no-xattrs -no-duplicates -all-root",
            Some("theirs"),
        ),
        row("build", Some(0), "OWN work build TREE OURS", Some("ours")),
        row("of it, the scan", Some(0), "OWN work scan OURS", None),
        row(
            "unsquashfs",
            None,
            "unsquashfs -processors PROCESSORS -no-progress -quiet -no-xattrs -d UNPACKED-THEIRS OURS",
            Some("unpacked-theirs"),
        ),
        row("unpack", Some(3), "OWN work unpack OURS UNPACKED-OURS", Some("unpacked-ours")),
    ])
}

fn clear(path: Option<&str>) -> Result<(), String> {
    let Some(path) = path.map(Path::new) else { return Ok(()) };
    let gone = match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(_) => Ok(()),
    };
    gone.map_err(|error| format!("`{}`: {error}", path.display()))
}

fn tell(report: &mut Report, rows: &[Row], processors: usize) {
    for row in rows {
        let mut figures = row.cost.medians().to_vec();
        let peer = row.peer.map(|peer| &rows[peer]);
        let ratios = |peer: &Row| -> Vec<f64> {
            row.cost.medians().iter().zip(peer.cost.medians()).map(|(o, t)| o / t).collect()
        };
        figures.extend(peer.map_or_else(|| vec![1.0; 3], ratios));
        if let Some(size) = row.size_mb() {
            figures.push(size);
            figures.push(peer.and_then(Row::size_mb).map_or(1.0, |theirs| size / theirs));
        }
        report.row(format!("{} ({processors} CPU)", row.name), figures);
    }
}

impl Row {
    /// MB of the archive that it made, if it made one.
    fn size_mb(&self) -> Option<f64> {
        let meta = std::fs::metadata(self.makes.as_ref()?).ok()?;
        meta.is_file().then(|| meta.len() as f64 / 1e6)
    }
}

/// What a measured process does: `build TREE OUT`, `scan FILE`, `unpack FILE FOLDER`.
pub(crate) fn work(words: &[String]) -> ExitCode {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["build", tree, out] => {
            bundle::build(Path::new(tree), Path::new(out), Format::Squashfs).map(drop)
        }
        ["scan", file] => bundle::scan(Path::new(file)).and_then(bundle::Scan::pass).map(drop),
        ["unpack", file, folder] => Archive::open(Path::new(file))
            .and_then(|archive| bundle::extract(&archive, Path::new(folder)))
            .map(drop),
        _ => return ExitCode::from(2),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}
