//! The kernel command line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use task::cmdline::CommandLine;

fuzz_target!(|line: &str| {
    let _ = CommandLine::parse(line);
});
