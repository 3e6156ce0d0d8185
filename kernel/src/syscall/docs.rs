//! `docs/syscalls.md`, written from the table.

use alloc::string::String;
use core::fmt::Write;

use super::table::TABLE;

/// The page.
pub fn page() -> String {
    let mut out = String::from(
        "# System calls\n\nGenerated from the table in `kernel/src/syscall/table.rs`; a number that is \
         not listed returns `ENOSYS`.\n\n| number | call | parameters | handler |\n|---|---|---|---|\n",
    );
    let mut count = 0;
    for (number, entry) in TABLE.iter().enumerate() {
        if entry.name.is_empty() {
            continue;
        }
        count += 1;
        let params = entry.params.join(", ").replace('|', "\\|");
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| {number} | `{}` | `{params}` | `{}.rs` |",
            entry.name, entry.family
        );
    }
    let _ = writeln!(out, "\n{count} calls.");
    out
}
