//! `/proc/sysrq-trigger`: what root may have done to the whole machine by writing a letter
//! (Documentation/admin-guide/sysrq.rst).

use abi::signal::{SIGKILL, SIGTERM};
use abi::{Errno, Result};
use fs::proc::{Content, Text};
use task::signal::many::send_to_many;
use task::signal::{Origin, SigInfo};
use vfs::OpenFile;

/// Makes the file appear. Once, at start-up.
pub fn install() {
    fs::proc::register("sysrq-trigger", 0o200, Trigger);
}

struct Trigger;

impl Content for Trigger {
    fn show(&self, _out: &mut Text) -> Result<()> {
        Err(Errno::EIO)
    }

    /// Does what the first letter says; after an underscore, what each does.
    fn write(&self, bytes: &[u8], _at: u64, _open: &OpenFile) -> Result<usize> {
        let (letters, most) = match bytes.split_first() {
            Some((b'_', rest)) => (rest, rest.len()),
            _ => (bytes, 1),
        };
        for letter in letters.iter().take(most) {
            act(*letter);
        }
        Ok(bytes.len())
    }
}

#[allow(clippy::panic, reason = "who writes a c asks for it")]
fn act(letter: u8) {
    match letter {
        b'b' => {
            log::warn!("sysrq: Resetting");
            hal::power::reset()
        }
        b'c' => panic!("sysrq triggered crash"),
        b'e' => signal_all("Terminate All Tasks", SIGTERM),
        b'i' => signal_all("Kill All Tasks", SIGKILL),
        b'o' => {
            log::warn!("sysrq: Power Off");
            hal::power::off()
        }
        // What is written is where it stays.
        b's' => log::warn!("sysrq: Emergency Sync"),
        _ => log::warn!(
            "sysrq: HELP : reboot(b) crash(c) terminate-all-tasks(e) kill-all-tasks(i) poweroff(o) sync(s)"
        ),
    }
}

/// Sends a signal to every process but the first.
fn signal_all(what: &str, signo: i32) {
    log::warn!("sysrq: {what}");
    let all = |tree: &task::tree::Tree| {
        let nodes = tree.processes().map(|node| &node.process);
        nodes.filter(|process| process.pid() > 1).cloned().collect()
    };
    let _ = send_to_many(&all, &|_| Ok(()), SigInfo::kernel(signo), Origin::Kernel);
}
