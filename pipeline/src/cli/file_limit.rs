//! The limit of open files of this process: each connection is one.

/// Raises the limit as far as the system lets this process, so that a thousand connections at once fit.
#[cfg(unix)]
pub(super) fn raise() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let wanted = hard.min(FILES_MAX);
        if soft < wanted { setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) } else { Ok(()) }
    });
    if let Err(error) = raised {
        // The hub works with the limit that there is.
        tracing::debug!(error = &error as &dyn std::error::Error, "the limit of open files can't be raised");
    }
}

/// The system has no such limit.
#[cfg(not(unix))]
pub(super) fn raise() {}

/// The number of files that this process may open; none if the system has no limit.
#[cfg(unix)]
pub(super) fn allowed() -> Option<u64> {
    use nix::sys::resource::{Resource, getrlimit};
    getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft)
}

/// The system has no such limit.
#[cfg(not(unix))]
pub(super) fn allowed() -> Option<u64> {
    None
}

/// Open files at most: some systems state no limit and refuse a larger one.
#[cfg(unix)]
const FILES_MAX: u64 = 65_536;
