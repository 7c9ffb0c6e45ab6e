//! The logs of a data plane, kept for those who come later: a bounded number of files in `run/log`
//! for each, one JSON document a line, the newest last.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write};
use std::path::{Path, PathBuf};

use deploy_spec::{Fault, Timestamp};
use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Where the newest lines are, in the environment's folder.
const NEWEST: &str = "run/log/data-plane.jsonl";
/// Where the newest lines of the access log are.
const NEWEST_ACCESS: &str = "run/log/access.jsonl";
/// How large a file grows before the next one begins, in bytes.
const FILE_MAX: usize = 16 << 20;
/// How many older files are kept.
const OLDER_KEPT: usize = 3;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub timestamp: Timestamp,
    /// `ERROR`, `WARN`, `INFO` or `DEBUG`; empty for a line of the access log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub level: String,
    /// What happened, or what a workload printed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The revision that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The pack that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// The log files of one environment.
#[derive(Debug, Clone)]
pub struct LogFiles {
    newest: PathBuf,
    /// What it means that there is none, and what makes one.
    missing: (&'static str, &'static str),
}

impl LogFiles {
    /// Those of the environment in this folder.
    #[must_use]
    pub fn of(environment_folder: &Path) -> Self {
        let hint = "gtc start keeps what it logs, and what workloads print";
        let missing = ("no data plane ever ran here", hint);
        Self { newest: environment_folder.join(NEWEST), missing }
    }

    /// Those of its access log.
    #[must_use]
    pub fn of_access(environment_folder: &Path) -> Self {
        let missing = ("no access log was ever kept here", "gtc start --access-log file");
        Self { newest: environment_folder.join(NEWEST_ACCESS), missing }
    }

    /// The file with the newest lines.
    #[must_use]
    pub fn newest(&self) -> &Path {
        &self.newest
    }

    /// Where lines go; old files make room for new ones.
    ///
    /// # Errors
    /// `unavailable` when the folder or the file cannot be made.
    pub fn writer(&self) -> Result<impl Write + Send + 'static, Fault> {
        let failed = |error: io::Error| {
            Fault::unavailable(format!("`{}` cannot be written: {error}", self.newest.display()))
        };
        let folder = self.newest.parent().unwrap_or(Path::new("."));
        host_fs::private_folder().recursive(true).create(folder).map_err(failed)?;
        let mut options = host_fs::private();
        options.read(true).create(true).append(true);
        let newest = options.open(&self.newest).map_err(failed)?;
        end_line(&newest).map_err(failed)?;
        let older = AppendCount::new(OLDER_KEPT);
        let limit = ContentLimit::BytesSurpassed(FILE_MAX);
        Ok(FileRotate::new(&self.newest, older, limit, Compression::None, Some(options)))
    }

    /// A reader that has read nothing yet.
    ///
    /// # Errors
    /// `not-found` when nothing was ever logged; `unavailable` when it cannot be read.
    pub fn read(&self) -> Result<LogReader, Fault> {
        let current = File::open(&self.newest).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Fault::not_found(self.missing.0).hint(self.missing.1),
            _ => Fault::unavailable(format!("`{}` cannot be read: {error}", self.newest.display())),
        })?;
        Ok(LogReader { files: self.clone(), current: BufReader::new(current), half: Vec::new() })
    }

    /// Calls `told` whenever a line may have come.
    ///
    /// # Errors
    /// `unavailable` when the folder cannot be watched.
    pub fn watch(
        &self,
        told: impl Fn() + Send + 'static,
    ) -> Result<notify::RecommendedWatcher, Fault> {
        crate::follow::watch_folder_of(&self.newest, told)
    }

    fn older(&self, back: usize) -> PathBuf {
        PathBuf::from(format!("{}.{back}", self.newest.display()))
    }
}

/// Reads the lines there are, then those that come.
pub struct LogReader {
    files: LogFiles,
    current: BufReader<File>,
    /// A line whose end was not written yet.
    half: Vec<u8>,
}

impl LogReader {
    /// The last lines of which `keep` is true, oldest first, `most` at most. What was not written
    /// by a data plane is passed over.
    ///
    /// # Errors
    /// `unavailable` when a file cannot be read.
    pub fn last(
        &mut self,
        most: usize,
        mut keep: impl FnMut(&LogLine) -> bool,
    ) -> Result<Vec<LogLine>, Fault> {
        let mut found = Vec::new();
        let mut newest = Vec::new();
        while let Some(line) = self.next_line()? {
            newest.push(line);
        }
        found.extend(newest.into_iter().rev().filter(&mut keep).take(most));
        for back in 1..=OLDER_KEPT {
            if found.len() >= most {
                break;
            }
            let text = match fs::read(self.files.older(back)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                read => read.map_err(|error| self.failed(&error))?,
            };
            let lines = text.split(|byte| *byte == b'\n').rev().filter_map(parse);
            let missing = most - found.len();
            found.extend(lines.filter(&mut keep).take(missing));
        }
        found.reverse();
        Ok(found)
    }

    /// The next line, if it is there already.
    ///
    /// # Errors
    /// `unavailable` when the file cannot be read.
    pub fn next_line(&mut self) -> Result<Option<LogLine>, Fault> {
        loop {
            let read = self.current.read_until(b'\n', &mut self.half);
            if read.map_err(|error| self.failed(&error))? == 0 {
                // Nothing more: of this file for ever, if another one has taken its name.
                if !self.turn_over() {
                    return Ok(None);
                }
            } else if self.half.ends_with(b"\n") {
                let line = parse(&self.half);
                self.half.clear();
                if line.is_some() {
                    return Ok(line);
                }
            }
        }
    }

    /// Goes on with the file that has taken the place of this one, if there is one.
    fn turn_over(&mut self) -> bool {
        let Ok(next) = File::open(self.files.newest()) else { return false };
        if host_fs::is_same(&next, self.current.get_ref()).unwrap_or(true) {
            return false;
        }
        self.current = BufReader::new(next);
        self.half.clear();
        true
    }

    fn failed(&self, error: &io::Error) -> Fault {
        Fault::unavailable(format!("`{}` cannot be read: {error}", self.files.newest().display()))
    }
}

/// Ends the last line, should a crash or a full disk have left half of one.
fn end_line(mut file: &File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 {
        host_fs::read_exact_at(file, &mut last, length - 1)?;
    }
    if last == [b'\n'] { Ok(()) } else { file.write_all(b"\n") }
}

fn parse(line: &[u8]) -> Option<LogLine> {
    serde_json::from_slice(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str) -> String {
        format!(
            "{{\"timestamp\":\"2026-11-21T17:00:00Z\",\"level\":\"INFO\",\"message\":\"{message}\"}}\n"
        )
    }

    fn messages(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| line.message.as_str()).collect()
    }

    #[test]
    fn the_last_lines_come_out_of_all_files_and_those_that_follow_after_them() {
        let folder = tempfile::tempdir().unwrap();
        let files = LogFiles::of(folder.path());
        assert_eq!(files.read().err().unwrap().kind, deploy_spec::Kind::NotFound);
        let mut writer = files.writer().unwrap();
        writer.write_all(line("a").as_bytes()).unwrap();
        writer.write_all(b"not ours\n").unwrap();
        writer.write_all(line("b").as_bytes()).unwrap();
        fs::rename(files.newest(), files.older(1)).unwrap();
        let mut writer = files.writer().unwrap();
        writer.write_all((line("c") + &line("d")).as_bytes()).unwrap();
        let mut reader = files.read().unwrap();
        let last = reader.last(3, |line| line.message != "c").unwrap();
        assert_eq!(messages(&last), ["a", "b", "d"]);
        assert_eq!(messages(&files.read().unwrap().last(1, |_| true).unwrap()), ["d"]);

        assert_eq!(reader.next_line().unwrap(), None);
        let (half, rest) = ("{\"timestamp\":\"2026-11-21T17:00:00Z\",", "\"level\":\"INFO\"}\n");
        writer.write_all(half.as_bytes()).unwrap();
        assert_eq!(reader.next_line().unwrap(), None, "the line is not whole yet");
        writer.write_all(rest.as_bytes()).unwrap();
        assert_eq!(reader.next_line().unwrap().unwrap().level, "INFO");
        writer.write_all(line("e").as_bytes()).unwrap();
        fs::rename(files.newest(), files.older(1)).unwrap();
        let mut writer = files.writer().unwrap();
        writer.write_all(line("f").as_bytes()).unwrap();
        assert_eq!(reader.next_line().unwrap().unwrap().message, "e");
        assert_eq!(reader.next_line().unwrap().unwrap().message, "f");
        assert_eq!(reader.next_line().unwrap(), None);
    }

    #[test]
    fn half_a_line_of_a_crash_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let files = LogFiles::of_access(folder.path());
        for text in [line("a"), line("b")[..20].to_owned(), line("c"), line("d")] {
            files.writer().unwrap().write_all(text.as_bytes()).unwrap();
        }
        let last = files.read().unwrap().last(9, |_| true).unwrap();
        assert_eq!(messages(&last), ["a", "c", "d"]);
    }

    #[test]
    fn old_files_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let files = LogFiles::of(folder.path());
        let mut writer = files.writer().unwrap();
        let long = line(&"x".repeat(1 << 20));
        for _ in 0..80 {
            writer.write_all(long.as_bytes()).unwrap();
        }
        let kept = fs::read_dir(files.newest().parent().unwrap()).unwrap();
        let sizes: Vec<u64> = kept.map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
        assert_eq!(sizes.len(), 1 + OLDER_KEPT);
        let most = (FILE_MAX + (2 << 20)) as u64;
        assert!(sizes.iter().all(|size| *size < most), "{sizes:?}");
        assert_eq!(
            files.newest().metadata().map(|meta| host_fs::mode(&meta).unwrap() & 0o777).unwrap(),
            0o600
        );
    }
}
