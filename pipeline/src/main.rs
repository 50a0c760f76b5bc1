//! The binary: its allocator and its exit code, nothing else.

use std::process::ExitCode;

use libmimalloc_sys as sys;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keep_freed_pages();
    catchwater::cli::main()
}

/// Has the allocator keep freed pages for longer than a row group takes. After the ten milliseconds that it keeps them by
/// itself it asks for the same pages again, and the kernel clears them (measured: a tenth of all CPU time).
fn keep_freed_pages() {
    /// `mi_option_purge_delay`, which the crate does not name: the option before this one.
    const PURGE_DELAY: sys::mi_option_t = sys::mi_option_use_numa_nodes - 1;
    /// A second gains no more.
    const MILLISECONDS: std::ffi::c_long = 100;
    #[expect(unsafe_code, reason = "an option of the allocator, which is written in C")]
    // SAFETY: no other thread runs yet, and the option is one of the allocator's.
    unsafe {
        // Not where MIMALLOC_PURGE_DELAY says something else.
        sys::mi_option_set_default(PURGE_DELAY, MILLISECONDS);
    }
}
