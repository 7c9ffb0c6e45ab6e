//! Compressing ahead of the writer of SquashFS, on every processor.
//!
//! The writer asks for one block after the other, and waits. Which blocks it will ask for follows
//! from the files and their order, so they are compressed before. A block is handed out only for
//! exactly the bytes that it was made from; for any other, such as those of a file that was changed
//! meanwhile, the writer compresses as it always did. So the image is the same however many threads
//! there are, and when a guess is wrong.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;

use backhand::compression::{CompressionAction, Compressor, DefaultCompressor};
use backhand::kind::Kind;
use backhand::{BackhandError, DEFAULT_BLOCK_SIZE, FilesystemCompressor, SuperBlock};

const BLOCK: usize = DEFAULT_BLOCK_SIZE as usize;
/// Blocks for each thread that may be compressed and not yet written.
const DEPTH: usize = 8;

/// A block, and what will be its compressed form.
struct Pending {
    block: Arc<Vec<u8>>,
    packed: Receiver<Vec<u8>>,
}

/// A block for a thread to compress, and where it goes.
type Job = (Arc<Vec<u8>>, SyncSender<Vec<u8>>);

/// What is compressed and not yet asked for, in the order in which it will be.
struct Queue {
    pending: Receiver<Pending>,
    /// The first, when it was looked at and not what was asked for.
    first: Option<Pending>,
}

/// The compressor that the writer is given: it looks first at what was compressed ahead.
#[derive(Default)]
pub(super) struct Ahead(Mutex<Option<Queue>>);

/// That blocks are being compressed; dropped, nobody will ask for them any more.
pub(super) struct Started(&'static Ahead);

impl Drop for Started {
    fn drop(&mut self) {
        *self.0.queue() = None;
    }
}

impl Ahead {
    /// Begins with the files, in the order in which they will be written. The threads end when all
    /// is compressed, or when what this gives is dropped.
    pub(super) fn start<'s>(
        &'static self,
        scope: &'s Scope<'s, '_>,
        threads: usize,
        files: Vec<&'s Path>,
        how: FilesystemCompressor,
    ) -> Started {
        let (order, pending) = sync_channel(DEPTH * threads);
        let (work, jobs) = channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..threads {
            let jobs = Arc::clone(&jobs);
            scope.spawn(move || {
                let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                while let Ok((block, to)) = next() {
                    // What cannot be compressed here fails where it is written.
                    let Ok(packed) = DefaultCompressor.compress(&block, how, DEFAULT_BLOCK_SIZE)
                    else {
                        break;
                    };
                    let _ = to.send(packed);
                }
            });
        }
        scope.spawn(move || {
            // A file that cannot be read is told by who reads it to write it.
            let _ = blocks(&files, |block| hand_out(block, &order, &work));
        });
        *self.queue() = Some(Queue { pending, first: None });
        Started(self)
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Option<Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The compressed form of `bytes`, if they are what comes next.
    fn take(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut queue = self.queue();
        let queue = queue.as_mut()?;
        let first = queue.first.take().or_else(|| queue.pending.recv().ok())?;
        if *first.block == bytes {
            return first.packed.recv().ok();
        }
        queue.first = Some(first);
        None
    }
}

/// Puts a block in the order of the writer and before the threads; whether there still is a writer.
fn hand_out(block: Vec<u8>, order: &SyncSender<Pending>, work: &Sender<Job>) -> bool {
    let block = Arc::new(block);
    let (to, packed) = sync_channel(1);
    let pending = Pending { block: Arc::clone(&block), packed };
    order.send(pending).is_ok() && work.send((block, to)).is_ok()
}

/// Gives the blocks of these files as the writer makes them: whole ones and the end of a file that
/// has one, but for those of nothing but zeros, and small files put together.
fn blocks(files: &[&Path], mut give: impl FnMut(Vec<u8>) -> bool) -> io::Result<()> {
    let mut together = Vec::new();
    for path in files {
        let mut file = File::open(path)?;
        let mut block = next_block(&mut file)?;
        if block.len() < BLOCK {
            if together.len() + block.len() > BLOCK && !give(std::mem::take(&mut together)) {
                return Ok(());
            }
            together.append(&mut block);
        }
        while !block.is_empty() {
            let next = next_block(&mut file)?;
            if block.iter().any(|byte| *byte != 0) && !give(block) {
                return Ok(());
            }
            block = next;
        }
    }
    give(together);
    Ok(())
}

fn next_block(file: &mut File) -> io::Result<Vec<u8>> {
    let mut block = Vec::new();
    file.take(BLOCK as u64).read_to_end(&mut block)?;
    Ok(block)
}

impl CompressionAction for Ahead {
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
        match self.take(bytes) {
            Some(packed) => Ok(packed),
            None => DefaultCompressor.compress(bytes, how, block_size),
        }
    }

    fn decompress(
        &self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        compressor: Compressor,
    ) -> Result<(), BackhandError> {
        DefaultCompressor.decompress(bytes, out, compressor)
    }

    fn compression_options(
        &self,
        superblock: &mut SuperBlock,
        kind: &Kind,
        how: FilesystemCompressor,
    ) -> Result<Option<Vec<u8>>, BackhandError> {
        DefaultCompressor.compression_options(superblock, kind, how)
    }
}

#[cfg(test)]
mod tests;
