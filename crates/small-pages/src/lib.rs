//! No transparent huge pages for the program that links this crate. The allocator asks for them, and
//! each of its first bytes then takes 2 MiB, which the kernel has to find, and clear.
//!
//! A program inherits that from whoever starts it, so what is started for others is started by
//! [`not_for`].
#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "nothing else runs before the allocator does")
)]

/// Runs `start`; the programs that it starts have the pages that the system gives to any.
pub fn not_for<T>(start: impl FnOnce() -> T) -> T {
    #[cfg(target_os = "linux")]
    {
        linux::not_for(start)
    }
    #[cfg(not(target_os = "linux"))]
    {
        start()
    }
}

/// What this program becomes, or starts from now on, has the pages that the system gives to any.
pub fn end() {
    #[cfg(target_os = "linux")]
    linux::set_disabled(false);
}

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::{Mutex, PoisonError};

    /// Who waits for a start; while anybody does, there may be a huge page here too.
    static STARTING: Mutex<()> = Mutex::new(());

    // Ahead of the constructors that have no number, which are the allocator's and the standard
    // library's.
    #[used]
    #[unsafe(link_section = ".init_array.00000")]
    static FIRST: extern "C" fn() = first;

    extern "C" fn first() {
        set_disabled(true);
    }

    pub(super) fn set_disabled(is_disabled: bool) {
        // A kernel without them has nothing to disable.
        let _ = nix::sys::prctl::set_thp_disable(is_disabled);
    }

    pub(super) fn not_for<T>(start: impl FnOnce() -> T) -> T {
        let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        set_disabled(false);
        let started = start();
        set_disabled(true);
        started
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::Command;

    /// Whether a program that this process starts has huge pages where the system gives them.
    fn has_huge_pages() -> bool {
        let status = Command::new("cat").arg("/proc/self/status").output().unwrap().stdout;
        let status = String::from_utf8(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("THP_enabled:"));
        line.unwrap().trim() == "1"
    }

    #[test]
    fn they_are_off_here_and_on_for_others() {
        assert!(nix::sys::prctl::get_thp_disable().unwrap());
        assert!(!has_huge_pages());
        assert!(super::not_for(has_huge_pages));
        assert!(!has_huge_pages());
        super::end();
        assert!(has_huge_pages());
    }
}
