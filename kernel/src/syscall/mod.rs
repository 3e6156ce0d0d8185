//! System calls: the table, the context a handler gets, and the handlers, a family a file.

pub mod args;
pub mod table;
pub mod trace;

mod access;
mod adjtime;
mod attr;
mod cachestat;
mod clock;
mod copy;
mod cred;
mod cwd;
mod descriptor;
#[cfg(not(target_os = "none"))]
pub mod docs;
mod epoll;
mod eventfd;
mod exec;
mod exit_wait;
mod fcntl;
mod file_flags;
mod file_ioctl;
mod flock;
mod foreign;
mod futex;
mod futex2;
mod getdents;
mod handle;
pub mod holdings;
mod inotify;
mod ioctl;
mod ioprio;
mod iovec;
mod kcmp;
mod lease;
mod memory;
mod mount;
mod mount_tree;
mod names;
mod namespace;
mod open;
mod pages;
mod path;
mod policy;
mod poll;
mod prctl;
mod prctl_memory;
mod priority;
mod process;
mod read_write;
mod ready;
mod record_lock;
mod rlimit;
mod sched;
mod select;
mod sigio;
mod sigmask;
mod signal;
mod signalfd;
mod size;
mod sleep;
mod socket;
mod splice;
mod stat;
mod statfs;
mod statmount;
pub mod sysinfo;
pub mod terminal;
mod timeout;
mod timer;
mod timerfd;
mod transfer;
mod writeback;
mod xattr;

use alloc::sync::Arc;

use abi::{Errno, Result};
use hal::UserContext;
use mm::AddressSpace;
use sync::{Credentials, Resource};
use task::caller::Calling;
use task::thread::flag;
use task::{Process, Thread};
use vfs::{FdTable, OpenFile};

use self::holdings::Holdings;
use self::trace::Line;

/// What a handler works with.
pub struct Cx<'a> {
    /// The calling thread.
    pub thread: &'a Arc<Thread>,
    /// Its registers; `x0` is overwritten by the handler's result.
    pub regs: &'a mut UserContext,
    /// What it had when the call began.
    pub holdings: &'a Holdings,
    /// The errno of the call, once it has failed.
    pub failed: &'a mut Option<Errno>,
}

impl<'a> Cx<'a> {
    /// The calling thread as files and sockets see it.
    #[inline]
    pub fn caller(&self) -> Calling<'a> {
        let Holdings { cred, fs, .. } = self.holdings;
        Calling::new(self.thread, cred, fs)
    }

    /// Notes that the call fails; answers what x0 becomes. A call that may have to be made again leaves x0 as it was,
    /// and has the thread look at its signals first.
    #[cold]
    pub fn fail(&mut self, errno: Errno) -> u64 {
        *self.failed = Some(errno);
        if errno.is_restart() {
            self.regs.come_back();
            return self.regs.x(0);
        }
        let number = self.regs.x(8) as u32 as usize;
        self.process().counts.count_error(number, errno);
        errno.to_register()
    }

    /// The calling process.
    #[inline]
    pub fn process(&self) -> &Arc<Process> {
        self.thread.process()
    }

    /// The caller's descriptors.
    ///
    /// # Errors
    /// None while the thread lives.
    #[inline]
    pub fn files(&self) -> Result<Arc<FdTable>> {
        self.thread.files()
    }

    /// The open file of a descriptor.
    ///
    /// # Errors
    /// `EBADF`.
    #[inline]
    pub fn file(&self, fd: args::Fd) -> Result<Arc<OpenFile>> {
        self.holdings.files.get(fd.0)
    }

    /// The open file of a descriptor that is more than a place (`O_PATH`).
    ///
    /// # Errors
    /// `EBADF`.
    #[inline]
    pub fn usable_file(&self, fd: args::Fd) -> Result<Arc<OpenFile>> {
        let file = self.file(fd)?;
        if file.is_path_only() {
            return Err(Errno::EBADF);
        }
        Ok(file)
    }

    /// `RLIMIT_NOFILE`.
    pub fn descriptor_limit(&self) -> usize {
        let limit = self.process().limits().soft(Resource::OpenFiles);
        usize::try_from(limit).unwrap_or(usize::MAX)
    }

    /// The caller's memory.
    ///
    /// # Errors
    /// None while the thread lives.
    #[inline]
    pub fn mm(&self) -> Result<Arc<AddressSpace>> {
        self.thread.mm()
    }

    /// The caller's rights.
    #[inline]
    pub fn cred(&self) -> Arc<Credentials> {
        self.thread.cred()
    }
}

/// Where the handlers of a thread's memory return to without a restorer.
pub fn signal_trampoline(thread: &Thread) -> u64 {
    thread.mm().map_or(0, |mm| task::vdso::trampoline(&mm))
}

/// Serves one call.
#[inline(always)]
pub fn dispatch(
    thread: &Arc<Thread>,
    regs: &mut UserContext,
    holdings: &Holdings,
    failed: &mut Option<Errno>,
) {
    let number = regs.x(8) as u32 as usize;
    let mut cx = Cx {
        thread,
        regs,
        holdings,
        failed,
    };
    let handler = match table::handler(number) {
        Some(handler) => {
            thread.process().counts.count(number);
            handler
        }
        None => table::unknown,
    };
    let value = handler(&mut cx);
    cx.regs.set_x(0, value);
}

/// Serves a call of a thread whose calls are traced, or that may tag addresses.
#[cold]
#[inline(never)]
pub fn dispatch_unusual(
    thread: &Arc<Thread>,
    regs: &mut UserContext,
    holdings: &Holdings,
    failed: &mut Option<Errno>,
) {
    *failed = None;
    let number = regs.x(8) as u32 as usize;
    let given = regs.arguments();
    // Where memory is to be must be said without a tag.
    if thread.has(flag::TAGGED) && number != abi::nr::BRK {
        let addresses = table::entry(number).addresses;
        for (n, raw) in given.iter().enumerate() {
            if addresses & 1 << n != 0 {
                regs.set_x(n, hal::addr::untagged(*raw as usize) as u64);
            }
        }
    }
    let served = regs.arguments();
    if thread.has(flag::TRACE) {
        dispatch_traced(thread, regs, holdings, failed);
    } else {
        dispatch(thread, regs, holdings, failed);
    }
    // x0 is the result, unless the call is to be made again.
    let first = usize::from(!failed.is_some_and(Errno::is_restart));
    // The program finds its registers as they were, but where a handler has set others.
    for (n, (raw, seen)) in given.into_iter().zip(served).enumerate().skip(first) {
        if raw != seen && regs.x(n) == seen {
            regs.set_x(n, raw);
        }
    }
}

/// As [`dispatch`], with a line of text before or after.
fn dispatch_traced(
    thread: &Arc<Thread>,
    regs: &mut UserContext,
    holdings: &Holdings,
    failed: &mut Option<Errno>,
) {
    let number = regs.x(8) as u32 as usize;
    let line = Line::of(table::entry(number), number, &regs.arguments());
    let (tid, name) = (thread.tid(), thread.name());
    let emit = |text: &str| {
        let name = core::str::from_utf8(name.as_bytes()).unwrap_or("?");
        crate::tracer::line(format_args!("[{tid} {name}] {text}"));
    };
    let ends = matches!(
        number,
        abi::nr::EXIT | abi::nr::EXIT_GROUP | abi::nr::RT_SIGRETURN
    );
    if ends {
        emit(&line.unfinished());
        return dispatch(thread, regs, holdings, failed);
    }
    dispatch(thread, regs, holdings, failed);
    let result = match *failed {
        Some(errno) => Err(errno),
        None => Ok(regs.x(0) as usize),
    };
    emit(&line.finish(&result));
}
