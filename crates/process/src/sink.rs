//! Who hears what a program prints.

/// Which of its two outputs a program printed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Who is told what a program prints.
pub trait Sink: Send + Sync + 'static {
    /// One line, without its end, of at most 4 KiB, with what is not UTF-8 and all control
    /// characters replaced: they could forge lines or paint the reader's terminal.
    fn line(&self, output: Output, line: &str);
}
