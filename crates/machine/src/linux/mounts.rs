//! What is mounted where, by the kernel itself (proc_pid_mountinfo(5)).

use std::fs;

/// Whether what one sees at `path` is a read-only SquashFS.
pub(super) fn is_mounted(path: &str) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    is_bundle(&mounts, path)
}

/// The last mount at a place is the one that is seen.
fn is_bundle(mounts: &str, path: &str) -> bool {
    let at = |line: &&str| line.split(' ').nth(4) == Some(path);
    let Some(line) = mounts.lines().rfind(at) else { return false };
    let Some((before, after)) = line.split_once(" - ") else { return false };
    let is_read_only = before
        .split(' ')
        .nth(5)
        .is_some_and(|options| options.split(',').any(|option| option == "ro"));
    is_read_only && matches!(after.split(' ').next(), Some("squashfs" | "fuse.squashfuse"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_read_only_squashfs_on_top_is_a_bundle() {
        let good = "61 1 7:0 / /srv/a ro,nosuid shared:1 - squashfs /dev/loop0 ro\n";
        let table = [
            (good.to_owned(), true),
            (String::new(), false),
            (good.replace("/srv/a", "/srv/b"), false),
            (good.replace(" ro,nosuid", " rw,nosuid"), false),
            (good.replace("squashfs", "fuse.squashfuse"), true),
            (good.replace("squashfs", "ext4"), false),
            (format!("{good}62 61 0:9 / /srv/a rw - tmpfs tmpfs rw\n"), false),
        ];
        for (mounts, wanted) in table {
            assert_eq!(is_bundle(&mounts, "/srv/a"), wanted, "{mounts}");
        }
    }
}
