//! What is compressed ahead is what the writer asks for, and what is not changes nothing.

use std::fs;
use std::path::PathBuf;

use backhand::compression::{CompressionOptions, Zstd};
use backhand::{FilesystemWriter, NodeHeader};

use super::*;
use crate::build::{walk, write};
use crate::limits::Limits;
use crate::tests::fixture::{Folder, pseudo_random};

/// What the writer asked for, compressed as always.
#[derive(Default)]
struct Recorder(Mutex<Vec<Vec<u8>>>);

impl CompressionAction for Recorder {
    type Error = BackhandError;
    type Compressor = Compressor;
    type FilesystemCompressor = FilesystemCompressor;
    type SuperBlock = SuperBlock;

    fn compress(
        &self,
        bytes: &[u8],
        how: FilesystemCompressor,
        block_size: u32,
    ) -> Result<Vec<u8>, BackhandError> {
        self.0.lock().unwrap().push(bytes.to_vec());
        DefaultCompressor.compress(bytes, how, block_size)
    }

    fn decompress(&self, _: &[u8], _: &mut Vec<u8>, _: Compressor) -> Result<(), BackhandError> {
        unreachable!("it only writes")
    }
}

fn how() -> FilesystemCompressor {
    let options = CompressionOptions::Zstd(Zstd { compression_level: 1 });
    FilesystemCompressor::new(Compressor::Zstd, Some(options)).unwrap()
}

/// Files of every length that matters, by their names in the order in which they are written.
fn sample() -> (Folder, Vec<PathBuf>) {
    let folder = Folder::small();
    let lens =
        [0, 1, 60_000, 60_000, 60_000, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 5 * BLOCK - 7];
    for (i, len) in lens.into_iter().enumerate() {
        folder.write(&format!("site/{i:02}"), pseudo_random(len, i as u64 + 1));
    }
    let hole = [pseudo_random(BLOCK, 99), vec![0; 2 * BLOCK], pseudo_random(9, 98)].concat();
    folder.write("site/90-hole", hole);
    folder.write("site/91-zeros", vec![0; 2 * BLOCK + 5]);
    let mut files: Vec<_> =
        fs::read_dir(folder.at("site")).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    (folder, files)
}

#[test]
fn the_writer_asks_for_these_blocks_in_this_order() {
    let (_folder, files) = sample();
    let recorder: &'static Recorder = Box::leak(Box::default());
    let mut image = FilesystemWriter::default();
    image.set_compressor(how());
    image.set_kind(Kind::new_v4(recorder));
    image.set_no_duplicate_files(false);
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        image.push_file(File::open(file).unwrap(), name, NodeHeader::default()).unwrap();
    }
    image.write(io::Cursor::new(Vec::new())).unwrap();
    let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let mut guessed = Vec::new();
    blocks(&paths, |block| {
        guessed.push(block);
        true
    })
    .unwrap();
    assert!(guessed.len() > 15, "{}", guessed.len());
    let asked = recorder.0.lock().unwrap();
    let lens = |blocks: &[Vec<u8>]| blocks.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lens(&asked[..guessed.len()]), lens(&guessed));
    assert!(asked.starts_with(&guessed));
}

#[test]
fn any_number_of_threads_writes_the_same_image() {
    let (folder, _) = sample();
    let items = walk::gather(folder.path(), &folder.at("out"), &Limits::default()).unwrap().items;
    let written = |threads| {
        let out = Folder::empty();
        let mut file =
            File::options().create_new(true).read(true).write(true).open(out.at("o")).unwrap();
        write::squashfs(&items, &mut file, threads).unwrap();
        fs::read(out.at("o")).unwrap()
    };
    let alone = written(1);
    for threads in [2, 3, 8] {
        assert!(written(threads) == alone, "{threads}");
    }
}

/// A block of bytes that are not asked for is kept back, and what is asked for is compressed.
#[test]
fn a_wrong_guess_changes_nothing_and_ends() {
    let (_folder, files) = sample();
    let ahead: &'static Ahead = Box::leak(Box::default());
    let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    std::thread::scope(|scope| {
        let _started = ahead.start(scope, 2, paths, how());
        for bytes in [vec![5; 1_000], vec![6; BLOCK]] {
            let alone = DefaultCompressor.compress(&bytes, how(), DEFAULT_BLOCK_SIZE).unwrap();
            assert!(ahead.take(&bytes).is_none());
            assert_eq!(ahead.compress(&bytes, how(), DEFAULT_BLOCK_SIZE).unwrap(), alone);
        }
        let first = [0, 1, 2, 3].map(|i| fs::read(&files[i]).unwrap()).concat();
        assert!(first.len() < BLOCK, "they go together");
        assert!(ahead.take(&first).is_some(), "what was guessed is still there");
    });
    assert!(ahead.take(&[]).is_none(), "nothing is left when it has ended");
}
