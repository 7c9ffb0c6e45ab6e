//! Between those who wait by blocking and those who do not.

use std::io;
use std::path::Path;

use deploy_spec::Fault;

/// Runs one of this crate's futures to its end, for callers without a runtime. Not to be called
/// from within one.
///
/// # Errors
/// Those of the future; `unavailable` when the system gives no runtime.
pub fn run<T>(future: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Fault::unavailable(format!("a runtime cannot be started: {error}")))?;
    runtime.block_on(future)
}

/// Does work with a file where waiting for it holds nobody up.
///
/// # Errors
/// `unavailable` when it fails; the file is named.
pub(crate) async fn file<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Fault::internal(format!("work with a file ended: {error}")))?;
    done.map_err(|error| failed(path, &error))
}

/// The failure of work with a file.
pub(crate) fn failed(path: &Path, error: &io::Error) -> Fault {
    Fault::unavailable(format!("`{}`: {error}", path.display()))
}
