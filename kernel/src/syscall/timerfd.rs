//! Timers behind descriptors (`man 2 timerfd_create`).

use abi::time::{
    CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM, CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_REALTIME_ALARM,
    Itimerspec, TFD_CLOEXEC, TFD_NONBLOCK, TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::ucopy::UserPtr;
use sync::Capability;
use vfs::OpenFile;
use vfs::timerfd::{Setting, TimerFd};

use super::Cx;
use super::args::{Fd, Flags};
use super::clock::{nanoseconds, timespec};

/// Timers that would wake the machine from suspension are not for everybody.
fn judge_alarm(cx: &Cx<'_>, clock: i32) -> Result<()> {
    let alarm = clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;
    if alarm && !cx.cred().has(Capability::WAKE_ALARM) {
        return Err(Errno::EPERM);
    }
    Ok(())
}

/// `timerfd_create(2)`
pub fn timerfd_create(cx: &mut Cx<'_>, clock: i32, flags: i32) -> Result<usize> {
    if flags & !(TFD_CLOEXEC | TFD_NONBLOCK) != 0 {
        return Err(Errno::EINVAL);
    }
    match clock {
        CLOCK_MONOTONIC | CLOCK_REALTIME | CLOCK_REALTIME_ALARM | CLOCK_BOOTTIME
        | CLOCK_BOOTTIME_ALARM => {}
        _ => return Err(Errno::EINVAL),
    }
    judge_alarm(cx, clock)?;
    let file = TimerFd::file(clock, flags & TFD_NONBLOCK != 0, cx.cred());
    let cloexec = flags & TFD_CLOEXEC != 0;
    let fd = cx.files()?.install(file, cx.descriptor_limit(), cloexec)?;
    Ok(fd as usize)
}

fn timer_file(cx: &Cx<'_>, fd: Fd) -> Result<Arc<OpenFile>> {
    let file = cx.usable_file(fd)?;
    if file.ops_as::<TimerFd>().is_none() {
        return Err(Errno::EINVAL);
    }
    Ok(file)
}

fn for_program(setting: Setting) -> Itimerspec {
    Itimerspec {
        interval: timespec(setting.interval),
        value: timespec(setting.value),
    }
}

/// `timerfd_settime(2)`
pub fn timerfd_settime(
    cx: &mut Cx<'_>,
    fd: Fd,
    flags: Flags,
    new: UserPtr<Itimerspec>,
    old: UserPtr<Itimerspec>,
) -> Result<usize> {
    let new = new.read()?;
    let flags = flags.0 as i32;
    if flags & !(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET) != 0 {
        return Err(Errno::EINVAL);
    }
    let setting = Setting {
        value: nanoseconds(new.value)?,
        interval: nanoseconds(new.interval)?,
    };
    let file = timer_file(cx, fd)?;
    let timer = file.ops_as::<TimerFd>().ok_or(Errno::EINVAL)?;
    judge_alarm(cx, timer.clock())?;
    let before = timer.set(flags, setting)?;
    if !old.is_null() {
        old.write(&for_program(before))?;
    }
    Ok(0)
}

/// `timerfd_gettime(2)`
pub fn timerfd_gettime(cx: &mut Cx<'_>, fd: Fd, current: UserPtr<Itimerspec>) -> Result<usize> {
    let file = timer_file(cx, fd)?;
    let timer = file.ops_as::<TimerFd>().ok_or(Errno::EINVAL)?;
    current.write(&for_program(timer.get()))?;
    Ok(0)
}
