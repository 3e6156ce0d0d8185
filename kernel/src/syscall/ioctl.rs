//! `ioctl(2)`: what every file knows, then the file's own.

use abi::fcntl::{FIOASYNC, FIOCLEX, FIONBIO, FIONCLEX, FIONREAD, FIOQSIZE, OFlags};
use abi::socket::{FIOGETOWN, FIOSETOWN, SIOCGPGRP, SIOCSPGRP, SIOCUNIXFILE};
use abi::termios::ioctl::{TCSBRK, TCSBRKP};
use abi::{Errno, Result};
use drivers::tty::waits_for_output;
use hal::UserAddr;
use hal::ucopy::UserPtr;
use net::unix::UnixSocket;
use sync::Events;
use task::wait::{Restart, WaitOptions, wait};
use vfs::{FileType, OpenFile};

use super::Cx;
use super::args::Fd;
use super::{file_ioctl, sigio};

/// `ioctl(2)`
pub fn ioctl(cx: &mut Cx<'_>, fd: Fd, command: u32, arg: UserAddr) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    match command {
        FIOCLEX => cx.holdings.files.set_cloexec(fd.0, true)?,
        FIONCLEX => cx.holdings.files.set_cloexec(fd.0, false)?,
        FIONBIO => switch(&file, OFlags::NONBLOCK, arg)?,
        FIOASYNC => {
            let on = UserPtr::<i32>::new(arg).read()? != 0;
            if on != file.flags().contains(OFlags::ASYNC) {
                sigio::switch(cx, &file, fd, on)?;
            }
        }
        FIOSETOWN | SIOCSPGRP if net::file::socket_of(&file).is_some() => {
            return sigio::set_signed(cx, &file, UserPtr::<i32>::new(arg).read()?);
        }
        FIOGETOWN | SIOCGPGRP if net::file::socket_of(&file).is_some() => {
            UserPtr::new(arg).write(&sigio::signed(&file))?;
        }
        SIOCUNIXFILE => {
            if let Some(socket) = UnixSocket::of_file(&file) {
                return super::socket::open_place(cx, &socket);
            }
            return Err(Errno::ENOTTY);
        }
        FIOQSIZE => match file.inode().attr().file_type() {
            FileType::Regular if !file.inode().attr().is_regular() => return Err(Errno::ENOTTY),
            FileType::Regular | FileType::Directory | FileType::Symlink => {
                let size = file.inode().metadata().size as i64;
                UserPtr::new(arg).write(&size)?;
            }
            _ => return Err(Errno::ENOTTY),
        },
        FIONREAD if file.inode().attr().is_regular() => {
            // A position may be any number where it is an address.
            let size = file.inode().metadata().size;
            let left = size.wrapping_sub(file.position_seen());
            UserPtr::new(arg).write(&(left as i32))?;
        }
        _ => {
            if let Some(result) = file_ioctl::ioctl(cx, &file, command, arg) {
                return result;
            }
            let caller = cx.caller();
            let attempt = || file.ops().ioctl(&file, command, arg.0, &caller);
            let output = file.ops().pollee().filter(|_| waits_for_output(command));
            let Some(pollee) = output else {
                return attempt();
            };
            // Even a file that does not wait otherwise waits for its output.
            let restart = match command {
                TCSBRK | TCSBRKP => Restart::Never,
                _ => Restart::Sys,
            };
            let options = WaitOptions {
                restart,
                ..WaitOptions::default()
            };
            return wait(cx.thread, &options, &[(pollee, Events::WRITABLE)], attempt);
        }
    }
    Ok(0)
}

/// Sets or clears a flag as the program's word says.
fn switch(file: &OpenFile, flag: OFlags, arg: UserAddr) -> Result<()> {
    if UserPtr::<i32>::new(arg).read()? == 0 {
        file.change_flags(OFlags::empty(), flag);
    } else {
        file.change_flags(flag, OFlags::empty());
    }
    Ok(())
}
