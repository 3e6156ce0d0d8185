//! Where traced calls go: the kernel's log, and the console at once.

use core::fmt::{Arguments, Write};

use hal::console::EarlyConsole;
use task::klog;

/// Below what a console shows: the line is written to it directly.
const DEBUG: u32 = 7;

/// Writes one line; its first word is what the host tool knows it by.
pub fn line(text: Arguments<'_>) {
    let text = alloc::format!("strace: {text}");
    if klog::console_level() as u32 <= DEBUG {
        // The console takes everything.
        let _ = writeln!(EarlyConsole, "{text}");
    }
    klog::append(DEBUG, text.as_bytes());
}
