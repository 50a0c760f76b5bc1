//! The binary: its allocator and its exit code, nothing else.

use std::ffi::c_long;
use std::process::ExitCode;

use libmimalloc_sys as sys;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keep_freed_pages();
    catchwater::run_command_line()
}

/// `mi_option_purge_delay` of `mimalloc.h`, which `libmimalloc-sys` does not name.
const PURGE_DELAY: sys::mi_option_t = 15;

/// Milliseconds for which the allocator keeps freed pages. By default it keeps them for 10 ms and then asks for the
/// same pages again, which the kernel has to clear: a tenth of all CPU time. 100 ms is longer than a row group takes; a
/// second gains no more.
const PURGE_DELAY_MS: c_long = 100;

/// Sets the delay, unless the environment variable `MIMALLOC_PURGE_DELAY` sets another.
fn keep_freed_pages() {
    #[expect(unsafe_code, reason = "an option of the allocator, which is written in C")]
    // SAFETY: the number is an option's, and no other thread runs yet.
    unsafe {
        sys::mi_option_set_default(PURGE_DELAY, PURGE_DELAY_MS);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const VARIABLE: &str = "MIMALLOC_PURGE_DELAY";
    const VALUE: &str = "1234";

    /// Runs itself again with the variable set: mimalloc reads it when the process starts.
    #[test]
    fn purge_delay_is_the_option_of_its_variable() {
        if std::env::var(VARIABLE).is_ok_and(|value| value == VALUE) {
            keep_freed_pages();
            assert_eq!(purge_delay().to_string(), VALUE);
            return;
        }
        keep_freed_pages();
        assert_eq!(purge_delay(), PURGE_DELAY_MS);
        let with_variable = Command::new(std::env::current_exe().unwrap())
            .arg("purge_delay_is_the_option_of_its_variable")
            .env(VARIABLE, VALUE)
            .status();
        assert!(with_variable.unwrap().success());
    }

    fn purge_delay() -> c_long {
        #[expect(unsafe_code, reason = "an option of the allocator, which is written in C")]
        // SAFETY: the number is an option's.
        unsafe {
            sys::mi_option_get(PURGE_DELAY)
        }
    }
}
