//! Device numbers of ptys.

use abi::stat::makedev;
use abi::{Errno, Result};
use alloc::format;
use alloc::sync::{Arc, Weak};
use vfs::{CharDevice, FileOps, OpenRequest};

use super::names::{self, PtyNames};
use super::{Master, Pty};
use crate::node::{self, Node};
use crate::tty::chardev::{MAJOR_AUX, claims};
use crate::tty::{Tty, TtyFile};

const MINOR_PTMX: u32 = 2;

/// Major number of slaves, and how many numbers there are.
const MAJOR_SLAVE: u32 = 136;
const SLAVES: u32 = 1 << 20;

/// `/dev/ptmx`: each opening makes a pair.
struct Multiplexer;

impl CharDevice for Multiplexer {
    fn open(&self, _minor: u32, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        let names = names::names().ok_or(Errno::ENODEV)?;
        let name = names.allot(request)?;
        let index = name.index();
        let device = makedev(MAJOR_SLAVE, index);
        let pty = Pty::new(name.clone())?;
        let tty = Tty::new(format!("pts/{index}"), device, pty.clone(), Pty::termios());
        let slave = Arc::new(Slave {
            tty: Arc::downgrade(&tty),
        });
        name.show(device, slave, request.cred)?;
        Ok(Master::new(pty, tty))
    }
}

/// A slave behind its name. The name does not keep it: master and open files do.
struct Slave {
    tty: Weak<Tty>,
}

impl CharDevice for Slave {
    fn open(&self, _minor: u32, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        let tty = self.tty.upgrade().ok_or(Errno::EIO)?;
        Ok(TtyFile::open(&tty, request.caller, claims(request))?)
    }
}

/// A node of a slave that devpts did not make: Linux knows slaves by their names there only.
struct Stray;

impl CharDevice for Stray {
    fn open(&self, _minor: u32, _request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        Err(Errno::EIO)
    }
}

/// Makes ptys openable and shows `/dev/ptmx`; called once at start-up.
pub fn register(namer: &'static dyn PtyNames) {
    names::install(namer);
    // At start-up nobody else has these numbers.
    let _ = vfs::register_chrdev(MAJOR_AUX, MINOR_PTMX, 1, "/dev/ptmx", Arc::new(Multiplexer));
    let _ = vfs::register_chrdev(MAJOR_SLAVE, 0, SLAVES, "pts", Arc::new(Stray));
    let number = makedev(MAJOR_AUX, MINOR_PTMX);
    node::publish(Node::new("ptmx", number, 0o666, "tty"));
}
