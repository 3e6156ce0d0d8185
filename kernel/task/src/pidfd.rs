//! Descriptors that stand for a process or a thread (`man 2 pidfd_open`).

use alloc::sync::Arc;

use abi::Result;
use abi::fcntl::OFlags;
use sync::{Events, Pollee};
use vfs::{Abilities, FileOps, OpenFile, anon_file};

use crate::process::Process;
use crate::thread::{Thread, try_current};

struct PidFd {
    process: Arc<Process>,
    /// The one thread, under `PIDFD_THREAD`.
    thread: Option<Arc<Thread>>,
}

impl PidFd {
    fn has_ended(&self) -> bool {
        match &self.thread {
            Some(thread) => thread.has_ended(),
            None => self.process.is_ending(),
        }
    }
}

impl FileOps for PidFd {
    fn abilities(&self) -> Abilities {
        Abilities::ANY_PLACE | Abilities::WRITE_AT
    }

    fn ready(&self, _: &OpenFile) -> Events {
        if self.has_ended() {
            Events::READABLE
        } else {
            Events::empty()
        }
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(match &self.thread {
            Some(_) => &self.process.thread_events,
            None => &self.process.exit_events,
        })
    }

    fn show_info(&self, _: &OpenFile, out: &mut dyn core::fmt::Write) -> core::fmt::Result {
        let gone = self.has_ended() && crate::tree::lock().node(self.process.pid()).is_none();
        let pid = if gone {
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

/// The process behind a pidfd; `None` for another kind of file.
pub fn process_of(file: &OpenFile) -> Option<Arc<Process>> {
    file.ops_as::<PidFd>().map(|fd| fd.process.clone())
}
