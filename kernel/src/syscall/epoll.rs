//! epoll (`man 7 epoll`).

use abi::epoll::{
    EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLWAKEUP, EpollEvent,
};
use abi::signal::SigSet;
use abi::time::Timespec;
use abi::{Errno, Result};
use hal::addr::PAGE_SIZE;
use hal::ucopy::{UserPtr, copy_out_nofault, fault_in};
use hal::{Access, UserAddr};
use sync::{Capability, Events};
use task::wait::{Restart, WaitOptions, wait};
use vfs::epoll::{Collected, Epoll};
use zerocopy::IntoBytes;

use super::Cx;
use super::args::{Fd, Flags};
use super::sigmask;
use super::timeout::Timeout;

/// Most events one call may ask for.
const MOST_EVENTS: usize = i32::MAX as usize / size_of::<EpollEvent>();

/// `epoll_create1(2)`
pub fn epoll_create1(cx: &mut Cx<'_>, flags: Flags) -> Result<usize> {
    if flags.0 & !EPOLL_CLOEXEC != 0 {
        return Err(Errno::EINVAL);
    }
    let cloexec = flags.0 & EPOLL_CLOEXEC != 0;
    let file = Epoll::file(cx.cred());
    let fd = cx.files()?.install(file, cx.descriptor_limit(), cloexec)?;
    Ok(fd as usize)
}

/// `epoll_ctl(2)`
pub fn epoll_ctl(
    cx: &mut Cx<'_>,
    epfd: Fd,
    operation: i32,
    fd: Fd,
    event: UserPtr<EpollEvent>,
) -> Result<usize> {
    // Read before anything else is looked at, for an operation that does not exist too.
    let mut event = if operation == EPOLL_CTL_DEL {
        EpollEvent::default()
    } else {
        event.read()?
    };
    let outer = cx.usable_file(epfd)?;
    let file = cx.usable_file(fd)?;
    if file.ops().pollee().is_none() {
        return Err(Errno::EPERM);
    }
    if alloc::sync::Arc::ptr_eq(&outer, &file) {
        return Err(Errno::EINVAL);
    }
    if event.events & EPOLLWAKEUP != 0 && !cx.cred().has(Capability::BLOCK_SUSPEND) {
        event.events &= !EPOLLWAKEUP;
    }
    let epoll = outer.ops_as::<Epoll>().ok_or(Errno::EINVAL)?;
    match operation {
        EPOLL_CTL_ADD => epoll.add(&file, fd.0, &event)?,
        EPOLL_CTL_MOD => epoll.modify(&file, fd.0, &event)?,
        EPOLL_CTL_DEL => epoll.remove(&file, fd.0)?,
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}

/// `epoll_pwait(2)`
pub fn epoll_pwait(
    cx: &mut Cx<'_>,
    epfd: Fd,
    events: UserPtr<EpollEvent>,
    most: i32,
    millis: i32,
    mask: UserPtr<SigSet>,
    size: usize,
) -> Result<usize> {
    wait_masked(cx, epfd, events, most, Patience::Millis(millis), mask, size)
}

/// `epoll_pwait2(2)`
pub fn epoll_pwait2(
    cx: &mut Cx<'_>,
    epfd: Fd,
    events: UserPtr<EpollEvent>,
    most: i32,
    timeout: UserPtr<Timespec>,
    mask: UserPtr<SigSet>,
    size: usize,
) -> Result<usize> {
    let timeout = Timeout::read(timeout)?;
    wait_masked(
        cx,
        epfd,
        events,
        most,
        Patience::Timeout(timeout),
        mask,
        size,
    )
}

#[inline(always)]
fn wait_masked(
    cx: &Cx<'_>,
    epfd: Fd,
    events: UserPtr<EpollEvent>,
    most: i32,
    patience: Patience,
    mask: UserPtr<SigSet>,
    size: usize,
) -> Result<usize> {
    if mask.is_null() {
        return wait_events(cx, epfd, events.addr(), most, patience);
    }
    sigmask::begin(cx.thread, mask, size)?;
    let result = wait_events(cx, epfd, events.addr(), most, patience);
    sigmask::end(cx.thread, result == Err(Errno::EINTR));
    result
}

/// How long to wait; made a moment only if nothing is ready.
#[derive(Clone, Copy)]
enum Patience {
    Millis(i32),
    Timeout(Timeout),
}

fn wait_events(
    cx: &Cx<'_>,
    epfd: Fd,
    events: UserAddr,
    most: i32,
    patience: Patience,
) -> Result<usize> {
    let most = usize::try_from(most)
        .ok()
        .filter(|most| (1..=MOST_EVENTS).contains(most))
        .ok_or(Errno::EINVAL)?;
    if !events.in_user_range(most * size_of::<EpollEvent>()) {
        return Err(Errno::EFAULT);
    }
    let file = cx.usable_file(epfd)?;
    let epoll = file.ops().as_epoll().ok_or(Errno::EINVAL)?;
    match collect(epoll, events, most) {
        Err(Errno::EAGAIN) => sleep(cx, epoll, events, most, patience),
        answer => answer,
    }
}

#[inline(never)]
fn sleep(
    cx: &Cx<'_>,
    epoll: &Epoll,
    events: UserAddr,
    most: usize,
    patience: Patience,
) -> Result<usize> {
    let timeout = match patience {
        Patience::Millis(millis) => Timeout::from_millis(millis),
        Patience::Timeout(timeout) => timeout,
    };
    if timeout == Timeout::Now {
        return Ok(0);
    }
    let options = WaitOptions {
        deadline: timeout.deadline(),
        // Never made again (`man 7 signal`).
        restart: Restart::Never,
        exclusive: true,
        ..WaitOptions::default()
    };
    let on = [(epoll.waiters(), Events::READABLE)];
    match wait(cx.thread, &options, &on, || collect(epoll, events, most)) {
        Err(Errno::ETIMEDOUT) => Ok(0),
        answer => answer,
    }
}

/// Copies what is ready to the program, without faults: the instance is locked meanwhile.
fn collect(epoll: &Epoll, events: UserAddr, most: usize) -> Result<usize> {
    loop {
        let mut to = events;
        let collected = epoll.collect(most, |event| {
            let taken = copy_out_nofault(to, event.as_bytes()).is_ok();
            to = to.wrapping_add(size_of::<EpollEvent>());
            taken
        })?;
        match collected {
            Collected::Events(count) => return Ok(count),
            Collected::Fault => bring_in(events, most.min(epoll.ready_len()))?,
        }
    }
}

/// Brings in the pages of the first `count` events; only the first one's must be there.
#[cold]
fn bring_in(events: UserAddr, count: usize) -> Result<()> {
    let last = events.wrapping_add((count.max(1) * size_of::<EpollEvent>()) - 1);
    let first_end = events.wrapping_add(size_of::<EpollEvent>() - 1);
    if !fault_in(events, Access::Write) || !fault_in(first_end, Access::Write) {
        return Err(Errno::EFAULT);
    }
    let mut at = events;
    while at.0 < last.0 {
        at = at.wrapping_add(PAGE_SIZE);
        if !fault_in(at.min(last), Access::Write) {
            break;
        }
    }
    Ok(())
}
