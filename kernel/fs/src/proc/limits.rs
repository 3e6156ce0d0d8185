//! Limits of files and memory: `/proc/sys/fs` and `/proc/sys/vm`. What is fixed here is shown and cannot
//! be set.

use abi::Errno;
use core::fmt::Write as _;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
use vfs::{epoll, inotify, lease, mount, perm, pipe};

use super::setting;

/// Least and most that `fs.nr_open` may be, as on Linux.
const NR_OPEN_LEAST: i64 = 64;
const NR_OPEN_MOST: i64 = (1 << 31) - 64;

/// Shows a limit that counts things, and lets root set it.
pub fn counter(path: &'static str, value: &'static AtomicU32) {
    setting::settable(
        path,
        0..=i64::from(i32::MAX),
        || i64::from(value.load(Relaxed)),
        |new| {
            value.store(u32::try_from(new).map_err(|_| Errno::EINVAL)?, Relaxed);
            Ok(())
        },
    );
}

/// A rule that root may put on or off.
fn rule_of(path: &'static str, most: i64, rule: &'static AtomicU8) {
    setting::settable(
        path,
        0..=most,
        || i64::from(rule.load(Relaxed)),
        |new| {
            rule.store(u8::try_from(new).map_err(|_| Errno::EINVAL)?, Relaxed);
            Ok(())
        },
    );
}

pub(super) fn register() {
    // The number of open files is limited by memory alone.
    setting::number("sys/fs/file-max", || i64::MAX);
    setting::text("sys/fs/file-nr", |out| {
        writeln!(out, "{}\t0\t{}", vfs::open_files(), i64::MAX)
    });
    setting::settable(
        "sys/fs/nr_open",
        NR_OPEN_LEAST..=NR_OPEN_MOST,
        || i64::from(vfs::NR_OPEN.load(Relaxed)),
        |new| {
            vfs::NR_OPEN.store(u32::try_from(new).map_err(|_| Errno::EINVAL)?, Relaxed);
            Ok(())
        },
    );
    setting::settable(
        "sys/fs/pipe-max-size",
        0..=1 << 31,
        || pipe::max_size() as i64,
        |bytes| pipe::set_max_size(usize::try_from(bytes).map_err(|_| Errno::EINVAL)?),
    );
    counter("sys/fs/pipe-user-pages-soft", &pipe::SOFT_PAGES);
    counter("sys/fs/pipe-user-pages-hard", &pipe::HARD_PAGES);
    setting::settable(
        "sys/fs/epoll/max_user_watches",
        0..=i64::MAX,
        || i64::try_from(epoll::max_user_watches()).unwrap_or(i64::MAX),
        |most| {
            epoll::set_max_user_watches(most.unsigned_abs());
            Ok(())
        },
    );
    setting::settable(
        "sys/fs/mount-max",
        1..=i64::from(i32::MAX),
        || i64::from(mount::MOUNT_MAX.load(Relaxed)),
        |most| {
            mount::MOUNT_MAX.store(u32::try_from(most).map_err(|_| Errno::EINVAL)?, Relaxed);
            Ok(())
        },
    );
    counter("sys/fs/leases-enable", &lease::ENABLED);
    counter("sys/fs/lease-break-time", &lease::BREAK_TIME);
    counter("sys/fs/inotify/max_queued_events", &inotify::MAX_QUEUED);
    counter("sys/fs/inotify/max_user_instances", &inotify::MAX_INSTANCES);
    counter("sys/fs/inotify/max_user_watches", &inotify::MAX_WATCHES);
    // There is one namespace of users: what it allows is what everybody may have.
    counter("sys/user/max_inotify_instances", &inotify::MAX_INSTANCES);
    counter("sys/user/max_inotify_watches", &inotify::MAX_WATCHES);
    for (path, most, rule) in [
        ("sys/fs/protected_hardlinks", 1, &perm::PROTECTED_HARDLINKS),
        ("sys/fs/protected_symlinks", 1, &perm::PROTECTED_SYMLINKS),
        ("sys/fs/protected_fifos", 2, &perm::PROTECTED_FIFOS),
        ("sys/fs/protected_regular", 2, &perm::PROTECTED_REGULAR),
    ] {
        rule_of(path, most, rule);
    }
    // 0: what can never be there is refused, all else promised; 1: all is promised. Promises are not counted (2).
    setting::settable(
        "sys/vm/overcommit_memory",
        0..=1,
        || i64::from(mm::ALL_IS_PROMISED.load(Relaxed)),
        |rule| {
            mm::ALL_IS_PROMISED.store(rule != 0, Relaxed);
            Ok(())
        },
    );
    counter("sys/vm/max_map_count", &mm::MAX_MAP_COUNT);
    setting::number("sys/vm/mmap_min_addr", || mm::MMAP_MIN as i64);
}
