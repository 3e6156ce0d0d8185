//! Terminal ioctls (`man 2 ioctl_tty`).

use super::{Tty, device::TtyFile, modes, signal};
use abi::termios::{ControlFlags, Termio, Termios, Termios2, WinSize, cc, ioctl::*};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use hal::{UserAddr, UserPtr};
use sync::Capability;
use vfs::Caller;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// What comes before the settings change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Now,
    Drained,
    DrainedAndFlushed,
}

/// Whether a command first waits until all output is on its way: it is `EAGAIN` until then.
#[must_use]
pub fn waits_for_output(cmd: u32) -> bool {
    matches!(
        cmd,
        TCSBRK | TCSBRKP | TCSETSW | TCSETSF | TCSETSW2 | TCSETSF2 | TCSETAW | TCSETAF
    )
}

pub(super) fn user<T>(arg: usize) -> UserPtr<T> {
    UserPtr::new(UserAddr(arg))
}

pub(super) fn give<T: IntoBytes + Immutable>(arg: usize, value: &T) -> Result<usize> {
    user::<T>(arg).write(value)?;
    Ok(0)
}

/// The ioctls that a pty's master shares with its slave. `tty` is the terminal meant (for a master the slave's),
/// `through` the one the descriptor stands for.
pub(super) fn shared(
    tty: &Arc<Tty>,
    master: bool,
    cmd: u32,
    arg: usize,
    caller: &dyn Caller,
) -> Result<usize> {
    match cmd {
        TCGETS => give(arg, &tty.termios().narrow()),
        TCGETS2 => give(arg, &tty.termios()),
        TCGETA => give(arg, &modes::to_termio(&tty.termios())),
        TCSETS => set_plain(tty, caller, arg, When::Now),
        TCSETSW => set_plain(tty, caller, arg, When::Drained),
        TCSETSF => set_plain(tty, caller, arg, When::DrainedAndFlushed),
        TCSETS2 => set_full(tty, caller, arg, When::Now),
        TCSETSW2 => set_full(tty, caller, arg, When::Drained),
        TCSETSF2 => set_full(tty, caller, arg, When::DrainedAndFlushed),
        TCSETA => set_short(tty, caller, arg, When::Now),
        TCSETAW => set_short(tty, caller, arg, When::Drained),
        TCSETAF => set_short(tty, caller, arg, When::DrainedAndFlushed),
        TIOCGSOFTCAR => give(
            arg,
            &i32::from(tty.termios().cflag.contains(ControlFlags::CLOCAL)),
        ),
        TIOCSSOFTCAR => {
            let on = user::<i32>(arg).read()? != 0;
            let mut new = tty.termios();
            new.cflag.set(ControlFlags::CLOCAL, on);
            tty.set_termios(new);
            Ok(0)
        }
        TIOCGWINSZ => give(arg, &tty.window()),
        TIOCSWINSZ => {
            tty.set_window(user::<WinSize>(arg).read()?);
            Ok(0)
        }
        TIOCGPGRP => {
            if !master && !tty.controls(caller) {
                return Err(Errno::ENOTTY);
            }
            give(arg, &tty.foreground())
        }
        TIOCSPGRP => {
            tty.check_foreground(caller, signal::SIGTTOU)
                .map_err(|e| if e == Errno::EIO { Errno::ENOTTY } else { e })?;
            tty.set_foreground(caller, user::<i32>(arg).read()?)?;
            Ok(0)
        }
        TIOCGSID => {
            let session = tty.session();
            if session == 0 || !master && !tty.controls(caller) {
                return Err(Errno::ENOTTY);
            }
            give(arg, &session)
        }
        TIOCGDEV => give(arg, &(tty.device() as u32)),
        _ => Err(Errno::ENOTTY),
    }
}

/// The ioctls of a terminal's own descriptor.
pub(super) fn own(
    file: &TtyFile,
    readable: bool,
    cmd: u32,
    arg: usize,
    caller: &dyn Caller,
) -> Result<usize> {
    let tty = &file.tty;
    match cmd {
        TIOCSCTTY => tty.acquire(caller, arg == 1, readable)?,
        TIOCNOTTY => tty.release(caller)?,
        TIOCEXCL => tty.exclusive.store(true, Ordering::Relaxed),
        TIOCNXCL => tty.exclusive.store(false, Ordering::Relaxed),
        TIOCGEXCL => return give(arg, &i32::from(tty.exclusive.load(Ordering::Relaxed))),
        TCXONC => {
            tty.check_foreground(caller, signal::SIGTTOU)?;
            match arg {
                TCOOFF => tty.set_stopped(true),
                TCOON => tty.set_stopped(false),
                TCIOFF => send_character(tty, cc::VSTOP),
                TCION => send_character(tty, cc::VSTART),
                _ => return Err(Errno::EINVAL),
            }
        }
        TCFLSH => {
            tty.check_foreground(caller, signal::SIGTTOU)?;
            match arg {
                TCIFLUSH => tty.flush_input(),
                TCOFLUSH => tty.flush_output(),
                TCIOFLUSH => {
                    tty.flush_input();
                    tty.flush_output();
                }
                _ => return Err(Errno::EINVAL),
            }
        }
        TCSBRK | TCSBRKP => {
            tty.check_foreground(caller, signal::SIGTTOU)?;
            drained(tty)?;
            if cmd == TCSBRKP || arg == 0 {
                // The other end of an emulated wire sees that it was there, not how long.
                tty.line.set_break(true);
                tty.line.set_break(false);
            }
        }
        TIOCSBRK | TIOCCBRK => {
            tty.check_foreground(caller, signal::SIGTTOU)?;
            tty.line.set_break(cmd == TIOCSBRK);
        }
        TIOCMGET => return give(arg, &tty.line.modem()?),
        TIOCMBIS | TIOCMBIC | TIOCMSET => set_modem(tty, cmd, arg)?,
        TIOCOUTQ => return give(arg, &clamp(tty.line.unsent())),
        FIONREAD => return give(arg, &clamp(tty.state.lock().discipline.readable_bytes())),
        TIOCSTI => {
            // dev.tty.legacy_tiocsti is 0 where this kernel's model was built.
            let admin = caller.cred().has(Capability::SYS_ADMIN);
            if !admin {
                return Err(Errno::EIO);
            }
            let byte = user::<u8>(arg).read()?;
            tty.receive(&[byte]);
        }
        TIOCGETD => return give(arg, &0i32),
        TIOCSETD => {
            if user::<i32>(arg).read()? != 0 {
                return Err(Errno::EINVAL);
            }
        }
        // Every terminal knows it, to say that it is no master.
        TIOCGPTPEER => return Err(Errno::EIO),
        TIOCVHANGUP => {
            if !caller.cred().has(Capability::SYS_ADMIN) {
                return Err(Errno::EPERM);
            }
            tty.hang_up();
        }
        TIOCCONS => {
            // Redirecting the console's output is not supported; Linux refuses the unprivileged first.
            let admin = caller.cred().has(Capability::SYS_ADMIN);
            return Err(if admin { Errno::EINVAL } else { Errno::EPERM });
        }
        _ => return shared(tty, false, cmd, arg, caller),
    }
    Ok(0)
}

fn set_modem(tty: &Tty, cmd: u32, arg: usize) -> Result<()> {
    // A wire without modem lines says so before the argument is looked at.
    tty.line.modem()?;
    let value = user::<u32>(arg).read()?;
    match cmd {
        TIOCMBIS => tty.line.set_modem(value, 0),
        TIOCMBIC => tty.line.set_modem(0, value),
        _ => tty.line.set_modem(value, !value),
    }
}

pub(super) fn clamp(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn send_character(tty: &Tty, index: usize) {
    if let Some(byte @ 1..) = tty.termios().cc.get(index).copied() {
        tty.line.send(&[byte]);
    }
}

/// `EAGAIN` until all output is on its way.
fn drained(tty: &Tty) -> Result<()> {
    let state = tty.state.lock();
    if tty.line.unsent() == 0 && state.discipline.pending_echo().is_empty() {
        return Ok(());
    }
    Err(Errno::EAGAIN)
}

fn set_plain(tty: &Arc<Tty>, caller: &dyn Caller, arg: usize, when: When) -> Result<usize> {
    change(tty, caller, arg, when, |old, new: &Termios| old.widen(new))
}

fn set_short(tty: &Arc<Tty>, caller: &dyn Caller, arg: usize, when: When) -> Result<usize> {
    change(tty, caller, arg, when, |old, new: &Termio| {
        modes::with_termio(*old, new)
    })
}

fn set_full(tty: &Arc<Tty>, caller: &dyn Caller, arg: usize, when: When) -> Result<usize> {
    change(tty, caller, arg, when, |_, new: &Termios2| *new)
}

fn change<T: FromBytes + IntoBytes>(
    tty: &Arc<Tty>,
    caller: &dyn Caller,
    arg: usize,
    when: When,
    merge: impl Fn(&Termios2, &T) -> Termios2,
) -> Result<usize> {
    tty.check_foreground(caller, signal::SIGTTOU)?;
    let from = user::<T>(arg).read()?;
    if when != When::Now {
        drained(tty)?;
    }
    if when == When::DrainedAndFlushed {
        tty.flush_input();
    }
    let mut new = merge(&tty.termios(), &from);
    new.line = 0;
    modes::settle_speeds(&mut new);
    tty.set_termios(new);
    Ok(0)
}
