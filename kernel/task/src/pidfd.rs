//! Descriptors that stand for a process or a thread (`man 2 pidfd_open`).

use alloc::sync::Arc;

use abi::Result;
use abi::fcntl::OFlags;
use sync::{Events, Pollee};
use vfs::{Abilities, FileOps, OpenFile, anon_file};

use crate::process::Process;
use crate::thread::{Thread, try_current};
use crate::tree::Life;

struct PidFd {
    process: Arc<Process>,
    /// The one thread, under `PIDFD_THREAD`.
    thread: Option<Arc<Thread>>,
}

impl PidFd {
    /// Not before a wait finds it: whoever is told of an end may go and ask for it.
    fn life(&self) -> Life {
        match &self.thread {
            Some(thread) if !thread.is_leader() => {
                if thread.has_ended() {
                    Life::Gone
                } else {
                    Life::Alive
                }
            }
            Some(thread) if thread.has_ended() => self.process.life().max(Life::Zombie),
            Some(_) => Life::Alive,
            None => self.process.life(),
        }
    }
}

impl FileOps for PidFd {
    fn abilities(&self) -> Abilities {
        Abilities::ANY_PLACE | Abilities::WRITE_AT
    }

    fn ready(&self, _: &OpenFile) -> Events {
        match self.life() {
            Life::Alive => Events::empty(),
            Life::Zombie => Events::READABLE,
            Life::Gone => Events::READABLE | Events::HUP,
        }
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(match &self.thread {
            Some(_) => &self.process.thread_events,
            None => &self.process.exit_events,
        })
    }

    fn show_info(&self, _: &OpenFile, out: &mut dyn core::fmt::Write) -> core::fmt::Result {
        let pid = if self.life() == Life::Gone {
            -1
        } else {
            i64::from(self.process.pid())
        };
        writeln!(out, "Pid:\t{pid}\nNSpid:\t{pid}")
    }
}

fn make(fd: PidFd, nonblocking: bool) -> Result<Arc<OpenFile>> {
    let mut flags = OFlags::RDWR;
    flags.set(OFlags::NONBLOCK, nonblocking);
    let cred = try_current().ok_or(abi::Errno::ESRCH)?.cred();
    Ok(anon_file("[pidfd]", Arc::new(fd), flags, cred))
}

/// A descriptor of a process.
///
/// # Errors
/// `ESRCH` in a kernel thread.
pub fn open(process: &Arc<Process>, nonblocking: bool) -> Result<Arc<OpenFile>> {
    let process = process.clone();
    make(
        PidFd {
            process,
            thread: None,
        },
        nonblocking,
    )
}

/// A descriptor of a single thread.
///
/// # Errors
/// `ESRCH` in a kernel thread.
pub fn open_thread(thread: &Arc<Thread>, nonblocking: bool) -> Result<Arc<OpenFile>> {
    let fd = PidFd {
        process: thread.process().clone(),
        thread: Some(thread.clone()),
    };
    make(fd, nonblocking)
}

/// The one thread a pidfd stands for; `None` where it stands for a process.
pub fn thread_of(file: &OpenFile) -> Option<Arc<Thread>> {
    file.ops_as::<PidFd>()?.thread.clone()
}

/// The process behind a pidfd; `None` for another kind of file.
pub fn process_of(file: &OpenFile) -> Option<Arc<Process>> {
    file.ops_as::<PidFd>().map(|fd| fd.process.clone())
}
