//! Device numbers of terminals.

use super::device::{self, TtyFile};
use abi::fcntl::OFlags;
use abi::stat::makedev;
use abi::{Errno, Result};
use alloc::format;
use alloc::sync::Arc;
use vfs::{CharDevice, FileOps, OpenRequest};

use crate::node::{self, Node};

/// Major number of `/dev/tty`, `/dev/console` and `/dev/ptmx` (Documentation/admin-guide/devices.txt).
pub const MAJOR_AUX: u32 = 5;
const MINOR_TTY: u32 = 0;
const MINOR_CONSOLE: u32 = 1;

/// Terminals with a major number of their own: the serial ports and the hypervisor's consoles.
const MAJORS: [(u32, &str); 2] = [(204, "ttyAMA"), (229, "hvc")];

/// `/dev/tty` and `/dev/console`.
struct Aux;

impl CharDevice for Aux {
    fn open(&self, minor: u32, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        Ok(match minor {
            MINOR_TTY => device::open_controlling(request.caller.ok_or(Errno::ENXIO)?)?,
            MINOR_CONSOLE => device::open_console(request.caller)?,
            _ => return Err(Errno::ENXIO),
        })
    }
}

/// Terminals by number.
struct Numbered {
    major: u32,
}

impl CharDevice for Numbered {
    fn open(&self, minor: u32, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        let tty = device::find(makedev(self.major, minor)).ok_or(Errno::ENXIO)?;
        Ok(TtyFile::open(&tty, request.caller, claims(request))?)
    }
}

/// Whether opening so may gain a controlling terminal.
pub(super) fn claims(request: &OpenRequest<'_>) -> bool {
    !request.flags.contains(OFlags::NOCTTY) && request.flags.reads()
}

/// Makes terminals openable and shows `/dev/tty` and `/dev/console`; called once at start-up.
pub fn register() {
    // At start-up nobody else has these numbers.
    let _ = vfs::register_chrdev(MAJOR_AUX, MINOR_TTY, 1, "/dev/tty", Arc::new(Aux));
    let _ = vfs::register_chrdev(MAJOR_AUX, MINOR_CONSOLE, 1, "/dev/console", Arc::new(Aux));
    for (major, name) in MAJORS {
        let _ = vfs::register_chrdev(major, 0, 256, name, Arc::new(Numbered { major }));
    }
    for (name, minor, mode) in [("tty", MINOR_TTY, 0o666), ("console", MINOR_CONSOLE, 0o600)] {
        node::publish(Node::new(name, makedev(MAJOR_AUX, minor), mode, "tty"));
    }
}

/// Shows which terminal the console is (`/sys/class/tty/console/active`).
pub(super) fn publish_console(active: &str) {
    let number = makedev(MAJOR_AUX, MINOR_CONSOLE);
    let mut node = Node::new("console", number, 0o600, "tty");
    node.attributes.push(("active", format!("{active}\n")));
    node::publish(node);
}
