//! `/proc/locks`, and the rows of it in a descriptor's information.

use abi::stat::{major, minor};
use core::fmt::{self, Write as _};
use vfs::lock::LockKind;
use vfs::lock_list::{self, Class, Row};

use super::text::Text;

pub(super) fn show(out: &mut Text) -> fmt::Result {
    let mut number = 0;
    lock_list::each(|device, ino, held, waiting| {
        // Who waits has the number of what he waits for.
        number += u32::from(!waiting);
        let mark = if waiting { "-> " } else { "" };
        // Text does not fail before its end.
        let _ = write!(out, "{number}: {mark}");
        row(out, held, (device, ino));
    })
    .map_err(|_| fmt::Error)
}

/// What Linux says of a lock on the inode with this device and number.
pub fn row(out: &mut Text, row: &Row, (device, ino): (u64, u64)) {
    let class = match row.class {
        Class::Whole => "FLOCK  ADVISORY ",
        Class::Record => "POSIX  ADVISORY ",
        Class::Open => "OFDLCK ADVISORY ",
        Class::Lease { breaking: false } => "LEASE  ACTIVE   ",
        Class::Lease { breaking: true } => "LEASE  BREAKING ",
    };
    let kind = match row.kind {
        Some(LockKind::Shared) => "READ",
        Some(LockKind::Exclusive) => "WRITE",
        None => "UNLCK",
    };
    // Text does not fail before its end.
    let _ = write!(
        out,
        "{class} {kind} {} {:02x}:{:02x}:{ino} {} ",
        row.pid,
        major(device),
        minor(device),
        row.start
    );
    let _ = match row.end {
        end if end >= i64::MAX as u64 => writeln!(out, "EOF"),
        end => writeln!(out, "{end}"),
    };
}
