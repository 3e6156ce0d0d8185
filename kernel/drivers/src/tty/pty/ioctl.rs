//! The ioctls of a master (`man 2 ioctl_tty`): its own, and those that mean the slave.

use abi::fcntl::OFlags;
use abi::termios::{Termios2, cc, ioctl::*};
use abi::{Errno, Result};
use core::sync::atomic::Ordering;
use sync::{Capability, Events};
use vfs::{Caller, OpenFile, OpenRequest};

use super::Master;
use crate::tty::ioctl::{clamp, give, shared, user};
use crate::tty::signal;

pub(super) fn master(
    master: &Master,
    file: &OpenFile,
    cmd: u32,
    arg: usize,
    caller: &dyn Caller,
) -> Result<usize> {
    let (pty, slave) = (&master.pty, &master.slave);
    match cmd {
        TIOCGPTN => return give(arg, &pty.name.index()),
        TIOCSPTLCK => {
            pty.set_locked(user::<i32>(arg).read()? != 0);
        }
        TIOCGPTLCK => return give(arg, &i32::from(pty.locked.load(Ordering::Relaxed))),
        TIOCPKT => {
            pty.set_packet(user::<i32>(arg).read()? != 0);
        }
        TIOCGPKT => {
            let on = pty.state.lock().packet;
            return give(arg, &i32::from(on));
        }
        TIOCGPTPEER => return open_peer(master, file, arg, caller),
        TIOCSIG => {
            let number = u32::try_from(arg).map_err(|_| Errno::EINVAL)?;
            if ![signal::SIGINT, signal::SIGQUIT, signal::SIGTSTP].contains(&number) {
                return Err(Errno::EINVAL);
            }
            slave.signal_foreground(number)?;
        }
        FIONREAD => {
            let unread = pty.state.lock().output.len();
            return give(arg, &clamp(unread));
        }
        TIOCOUTQ => return give(arg, &0i32),
        TCFLSH => match arg {
            TCIFLUSH => flush_unread(master),
            TCOFLUSH => slave.flush_input(),
            TCIOFLUSH => {
                flush_unread(master);
                slave.flush_input();
            }
            _ => return Err(Errno::EINVAL),
        },
        TCXONC => match arg {
            TCOOFF => master.stopped.store(true, Ordering::Relaxed),
            TCOON => {
                master.stopped.store(false, Ordering::Relaxed);
                pty.tell(Events::WRITABLE);
            }
            TCIOFF => type_key(master, cc::VSTOP),
            TCION => type_key(master, cc::VSTART),
            _ => return Err(Errno::EINVAL),
        },
        // A pty knows no break, and what is written has arrived.
        TCSBRK | TCSBRKP | TIOCSBRK | TIOCCBRK => {}
        // Only slaves are controlling terminals.
        TIOCSCTTY => {
            slave.acquire(caller, arg == 1, file.readable())?;
        }
        TIOCNOTTY => return Err(Errno::ENOTTY),
        TIOCGETD => return give(arg, &0i32),
        TIOCSETD => {
            if user::<i32>(arg).read()? != 0 {
                return Err(Errno::EINVAL);
            }
        }
        TIOCVHANGUP => {
            if !caller.cred().has(Capability::SYS_ADMIN) {
                return Err(Errno::EPERM);
            }
            return Err(Errno::EINVAL);
        }
        _ => return shared(slave, true, cmd, arg, caller),
    }
    Ok(0)
}

/// Drops what the master has not read.
fn flush_unread(master: &Master) {
    master.pty.state.lock().output.clear();
    master.slave.output_room();
}

/// Sends the slave a key of the master's own settings, which nothing ever changes.
fn type_key(master: &Master, index: usize) {
    if let Some(byte) = Termios2::STANDARD.cc.get(index) {
        master.slave.receive(&[*byte]);
    }
}

/// TIOCGPTPEER: opens the slave, whatever stands at its name for the caller. Its rights are not asked for again: who
/// has the master has the slave.
fn open_peer(master: &Master, file: &OpenFile, arg: usize, caller: &dyn Caller) -> Result<usize> {
    let flags = OFlags::from_bits_retain(u32::try_from(arg).map_err(|_| Errno::EINVAL)?);
    let path = master.pty.name.peer(file)?;
    let request = OpenRequest {
        flags,
        cred: caller.cred(),
        caller: Some(caller),
        path: &path,
    };
    let ops = path.inode().clone().open(&request)?;
    let opened = OpenFile::new(ops, path, flags, caller.cred().clone(), false);
    caller.install(opened, flags.contains(OFlags::CLOEXEC))
}
