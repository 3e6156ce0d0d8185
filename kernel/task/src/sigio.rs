//! SIGIO and its kin: signals to the owner of an open file that became ready (`O_ASYNC`).
//!
//! A file that signals has an observer on its list. It may be told anywhere, so it knows the owning
//! process or thread itself; a group is looked up, and signalled, by a kernel thread.

use abi::fcntl::F_OWNER_PGRP;
use abi::signal::{
    POLL_ERR, POLL_HUP, POLL_IN, POLL_MSG, POLL_OUT, POLL_PRI, SI_SIGIO, SIGBUS, SIGCHLD, SIGFPE,
    SIGILL, SIGIO, SIGSEGV, SIGSYS, SIGTRAP, SIGURG,
};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use sync::{
    Credentials, Events, IrqLock, Observer, Once, Pollee, Registration, rank, spawn_kernel,
    wait_until,
};
use vfs::owner::{Owner, Ownership};
use vfs::{Fd, OpenFile};

use crate::signal::many::{members, send_to_many};
use crate::signal::{Origin, SigInfo, send_to_process, send_to_thread};
use crate::{Process, Thread};

/// What the kernel says is readable with a message: `POLLIN`, `POLLRDNORM` and `POLLMSG`.
const MESSAGE_BAND: i64 = 0x441;

/// Signals the owner of one open file.
struct Signaller {
    ownership: Arc<Ownership>,
    fd: Fd,
    /// Of urgent bytes alone, by `SIGURG`.
    urgent: bool,
}

/// Begins to signal the owner of `file`; `fd` is what he is told. `None` where nothing ever becomes ready.
#[must_use]
pub fn watch(file: &OpenFile, fd: Fd) -> Option<Registration> {
    let pollee = file.ops().pollee()?;
    let mut events = Events::PRI;
    events.set(Events::READABLE, file.readable());
    events.set(Events::WRITABLE, file.writable());
    let ownership = file.ownership().clone();
    let signaller = Signaller {
        ownership,
        fd,
        urgent: false,
    };
    Some(pollee.register(Arc::new(signaller), events, false))
}

/// Begins to signal the owner of urgent bytes (`man 7 socket`, "Signals").
#[must_use]
pub fn watch_urgent(file: &OpenFile) -> Option<Registration> {
    let pollee = file.ops().pollee()?;
    let signaller = Signaller {
        ownership: file.ownership().clone(),
        fd: 0,
        urgent: true,
    };
    Some(pollee.register(Arc::new(signaller), Events::PRI, false))
}

impl Observer for Signaller {
    fn notify(&self, events: Events, _sync: bool) -> bool {
        let owner = self.ownership.get();
        // The end is told with all events there are, and is not urgent.
        if owner.id == 0 || self.urgent && events.contains(Events::HUP) {
            return false;
        }
        let info = if self.urgent {
            SigInfo::kernel(SIGURG)
        } else {
            info(owner.signal, events, self.fd)
        };
        send(owner, info)
    }
}

/// Sends to the owner, a group's later; whether there is anybody.
fn send(owner: Owner, info: SigInfo) -> bool {
    if owner.kind == F_OWNER_PGRP {
        later(owner, info);
        return true;
    }
    let Some(target) = owner.target.as_ref().and_then(alloc::sync::Weak::upgrade) else {
        return false;
    };
    match target.downcast::<Process>() {
        Ok(process) => to_process(&process, &owner, info),
        Err(target) => {
            if let Ok(thread) = target.downcast::<Thread>()
                && allowed(&owner, &thread.cred())
            {
                // From the kernel nothing is refused.
                let _ = send_to_thread(&thread, info, Origin::Kernel);
            }
        }
    }
    true
}

/// Tells the owner that something is asked of him, or happened in his directory.
pub fn tell(owner: &Owner, fd: Fd) {
    if owner.id == 0 {
        return;
    }
    let info = match owner.signal {
        0 => SigInfo::kernel(SIGIO),
        signal => SigInfo::poll(signal, code(signal, POLL_MSG), MESSAGE_BAND, fd),
    };
    send(owner.clone(), info);
}

fn to_process(process: &Process, owner: &Owner, info: SigInfo) {
    if let Some(thread) = process.any_thread()
        && allowed(owner, &thread.cred())
    {
        // From the kernel nothing is refused.
        let _ = send_to_process(process, info, Origin::Kernel);
    }
}

fn to_group(owner: &Owner, info: SigInfo) {
    let may = |process: &Process| match process.any_thread() {
        Some(thread) if allowed(owner, &thread.cred()) => Ok(()),
        _ => Err(abi::Errno::EPERM),
    };
    // From the kernel nothing else is refused.
    let _ = send_to_many(
        &|tree| members(tree, owner.id as u32),
        &may,
        info,
        Origin::Kernel,
    );
}

/// Whether who set the owner may signal him.
fn allowed(owner: &Owner, target: &Credentials) -> bool {
    owner.euid == 0
        || [owner.euid, owner.uid]
            .iter()
            .any(|id| *id == target.suid || *id == target.uid)
}

/// What the signal says: with `F_SETSIG`, what happened to which descriptor.
fn info(signal: i32, events: Events, fd: Fd) -> SigInfo {
    if signal == 0 {
        return SigInfo::kernel(SIGIO);
    }
    let (reason, band) = if events.intersects(Events::READABLE) {
        (POLL_IN, Events::READABLE)
    } else if events.intersects(Events::WRITABLE) {
        (POLL_OUT, Events::WRITABLE | Events::WRBAND)
    } else if events.contains(Events::HUP) {
        (POLL_HUP, Events::HUP | Events::ERR)
    } else if events.contains(Events::ERR) {
        (POLL_ERR, Events::ERR)
    } else {
        (POLL_PRI, Events::PRI | Events::RDBAND)
    };
    SigInfo::poll(signal, code(signal, reason), i64::from(band.bits()), fd)
}

/// Signals whose codes mean something else keep their meaning.
fn code(signal: i32, reason: i32) -> i32 {
    match signal {
        SIGILL | SIGFPE | SIGSEGV | SIGBUS | SIGTRAP | SIGCHLD | SIGSYS => SI_SIGIO,
        _ => reason,
    }
}

static GROUPS: IrqLock<VecDeque<(Owner, SigInfo)>, { rank::LEAF }> = IrqLock::new(VecDeque::new());
static WORK: Pollee = Pollee::new();
static WORKER: Once<()> = Once::new();

fn later(owner: Owner, info: SigInfo) {
    GROUPS.lock().push_back((owner, info));
    WORK.notify(Events::IN);
}

/// Makes ready for owners that are groups; the caller may sleep.
///
/// # Errors
/// `ENOMEM`.
pub fn start_for_groups() -> abi::Result<()> {
    if WORKER.set(()).is_err() {
        return Ok(());
    }
    spawn_kernel("sigio", || {
        loop {
            let next = wait_until(&[(&WORK, Events::IN)], None, || GROUPS.lock().pop_front());
            if let Some((owner, info)) = next {
                to_group(&owner, info);
            }
        }
    })?;
    Ok(())
}
