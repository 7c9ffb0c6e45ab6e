//! Which names are names of files on Windows, and not of devices, streams or other files.

/// Names that are devices in every folder, whatever comes behind a dot
/// (<https://learn.microsoft.com/windows/win32/fileio/naming-a-file>).
const DEVICES: &[&str] = &["aux", "con", "conin$", "conout$", "nul", "prn"];
/// Those that have a number.
const PORTS: &[&str] = &["com", "lpt"];

/// Whether a part of a path that an archive may hold names that very file on Windows.
pub(super) fn usable(part: &str) -> bool {
    let base = part.split('.').next().unwrap_or(part).trim_end_matches(' ').to_lowercase();
    let mut port = base.chars();
    let number = port.next_back();
    let is_port = number.is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c))
        && PORTS.contains(&port.as_str());
    !(part.contains(['<', '>', ':', '"', '|', '?', '*'])
        || part.ends_with(['.', ' '])
        || DEVICES.contains(&base.as_str())
        || is_port)
}

#[cfg(test)]
mod tests {
    use super::usable;

    #[test]
    fn what_windows_reads_as_something_else_is_no_name() {
        for name in ["a", "bundle.yaml", ".env", "a b", "console", "com", "com10", "nul-1", "aux1"]
        {
            assert!(usable(name), "{name}");
        }
        let devices = ["CON", "nul.txt", "aux .c", "com1", "LPT9.log", "com¹", "conin$"];
        for name in devices.into_iter().chain(["a:b", "C:", "a.", "a ", "a?", "*", "a|b", "\"q\""])
        {
            assert!(!usable(name), "{name}");
        }
    }
}
