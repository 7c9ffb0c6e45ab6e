//! The bounds on what an archive may claim and hold, in one place.

/// Bounds that an archive must keep, checked before any of its files is read.
///
/// The defaults are what every verb uses; tests make them smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files, directories and links together: 100 000.
    pub entries: usize,
    /// Bytes of all files together once expanded: 4 GiB.
    pub expanded_bytes: u64,
    /// Expanded bytes per byte of archive: 200 …
    pub ratio: u64,
    /// … which only counts above this many expanded bytes: 64 MiB.
    pub ratio_floor_bytes: u64,
    /// Bytes of one part of a path: 255 (`NAME_MAX` of Linux).
    pub part_bytes: usize,
    /// Bytes of a whole path: 4 096 (`PATH_MAX` of Linux).
    pub path_bytes: usize,
    /// Parts of a path: 64.
    pub depth: usize,
    /// Bytes of what a symbolic link points at: 1 024.
    pub target_bytes: usize,
    /// Symbolic links followed for one path: 40, as Linux does.
    pub link_hops: usize,
    /// Bytes of the archive's own tables (inodes, directories, central directory): 64 MiB.
    pub table_bytes: u64,
    /// Bytes of `bundle.yaml`: 1 MiB.
    pub manifest_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 100_000,
            expanded_bytes: 4 << 30,
            ratio: 200,
            ratio_floor_bytes: 64 << 20,
            part_bytes: 255,
            path_bytes: 4096,
            depth: 64,
            target_bytes: 1024,
            link_hops: 40,
            table_bytes: 64 << 20,
            manifest_bytes: 1 << 20,
        }
    }
}
