//! What the binary itself knows, in `/proc`: version, command line, names.

use alloc::string::String;
use core::fmt::Write as _;

use fs::proc::{Text, setting, show};

use crate::syscall::sysinfo::{RELEASE, VERSION, names, set_domain, set_host};

/// Longest host or domain name.
const NAME_MAX: usize = 64;

/// Makes procfs mountable. Once, before the first process.
pub fn install(command_line: &str) {
    vfs::superblock::register(&fs::proc::ProcFsType);
    task::proc::install();
    show("version", |out: &mut Text| {
        writeln!(
            out,
            "Linux version {RELEASE} (nacre@rust) (rustc) {VERSION}"
        )
    });
    let line = String::from(command_line);
    show("cmdline", move |out: &mut Text| writeln!(out, "{line}"));
    setting::text("sys/kernel/ostype", |out| writeln!(out, "Linux"));
    setting::text("sys/kernel/osrelease", |out| writeln!(out, "{RELEASE}"));
    setting::text("sys/kernel/version", |out| writeln!(out, "{VERSION}"));
    setting::settable_text(
        "sys/kernel/hostname",
        NAME_MAX,
        || names().0,
        |name| {
            set_host(name);
            Ok(())
        },
    );
    setting::settable_text(
        "sys/kernel/domainname",
        NAME_MAX,
        || names().1,
        |name| {
            set_domain(name);
            Ok(())
        },
    );
}
