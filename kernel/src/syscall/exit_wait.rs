//! Ending and waiting: exit, exit_group, wait4, waitid.

use abi::clone::{
    P_ALL, P_PGID, P_PID, P_PIDFD, Rusage, WALL, WCLONE, WCONTINUED, WEXITED, WNOHANG, WNOTHREAD,
    WNOWAIT, WUNTRACED,
};
use abi::signal::{RawSigInfo, SIGCHLD};
use abi::{Errno, Result};
use hal::UserAddr;
use hal::ucopy::UserPtr;
use sync::Events;
use task::signal::SigInfo;
use task::usage::Usage;
use task::wait::{WaitOptions, wait};
use task::wait_child::{Request, Waited, Which, look};

use super::Cx;
use super::args::{Flags, PidArg};

/// `exit(2)`: this thread alone.
pub fn exit(cx: &mut Cx<'_>, status: i32) -> Result<usize> {
    cx.thread.request_exit((status & 0xff) << 8);
    Ok(0)
}

/// `exit_group(2)`: the whole process.
pub fn exit_group(cx: &mut Cx<'_>, status: i32) -> Result<usize> {
    task::signal::end_process(cx.process(), (status & 0xff) << 8);
    cx.thread.kick();
    Ok(0)
}

/// `struct rusage` of sums.
pub fn rusage(usage: &Usage) -> Rusage {
    let time = |ns: u64| {
        let us = ns / 1000;
        [(us / 1_000_000) as i64, (us % 1_000_000) as i64]
    };
    Rusage {
        utime: time(usage.user_ns),
        stime: time(usage.system_ns),
        maxrss: usage.max_rss as i64,
        minflt: usage.minor_faults as i64,
        majflt: usage.major_faults as i64,
        nvcsw: usage.voluntary as i64,
        nivcsw: usage.involuntary as i64,
        ..Rusage::default()
    }
}

/// Waits as asked; `None` when `WNOHANG` found nothing.
fn wait_for(cx: &Cx<'_>, request: &Request, hang: bool) -> Result<Option<Waited>> {
    if !hang {
        return match look(cx.thread, request) {
            Err(Errno::EAGAIN) => Ok(None),
            result => result.map(Some),
        };
    }
    let on = [(&cx.process().child_events, Events::IN)];
    let waited = wait(cx.thread, &WaitOptions::default(), &on, || {
        look(cx.thread, request)
    });
    match waited {
        // The SIGCHLD that ended the wait may be that of the child: what it left counts first.
        Err(Errno::ERESTARTSYS) => match look(cx.thread, request) {
            Err(Errno::EAGAIN) => Err(Errno::ERESTARTSYS),
            result => result.map(Some),
        },
        result => result.map(Some),
    }
}

/// `wait4(2)`.
pub fn wait4(
    cx: &mut Cx<'_>,
    pid: PidArg,
    status: UserPtr<i32>,
    options: Flags,
    usage: UserPtr<Rusage>,
) -> Result<usize> {
    let options = options.0;
    if options & !(WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD | WCLONE | WALL) != 0 {
        return Err(Errno::EINVAL);
    }
    let which = match pid.0 {
        i32::MIN => return Err(Errno::ESRCH),
        -1 => Which::Any,
        0 => Which::Group(cx.process().group()),
        group @ ..-1 => Which::Group(group.unsigned_abs()),
        pid => Which::Pid(pid as u32),
    };
    let request = Request {
        which,
        exited: true,
        stopped: options & WUNTRACED != 0,
        continued: options & WCONTINUED != 0,
        keep: false,
        clones: options & WCLONE != 0,
        all: options & WALL != 0,
        own_only: options & WNOTHREAD != 0,
    };
    let Some(waited) = wait_for(cx, &request, options & WNOHANG == 0)? else {
        return Ok(0);
    };
    if !status.is_null() {
        status.write(&waited.status)?;
    }
    if !usage.is_null() {
        usage.write(&rusage(&waited.usage))?;
    }
    Ok(waited.pid as usize)
}

/// `waitid(2)`.
pub fn waitid(
    cx: &mut Cx<'_>,
    kind: i32,
    id: PidArg,
    info: UserPtr<RawSigInfo>,
    options: Flags,
    usage: UserPtr<Rusage>,
) -> Result<usize> {
    let waited = wait_for_id(cx, kind, id, options.0);
    if let Ok(Some(waited)) = &waited
        && !usage.is_null()
    {
        usage.write(&rusage(&waited.usage))?;
    }
    // Of nobody, too, and whatever the error is.
    if !info.is_null() {
        write_info(info, waited.as_ref().ok().and_then(Option::as_ref))?;
    }
    waited.map(|_| 0)
}

fn wait_for_id(cx: &mut Cx<'_>, kind: i32, id: PidArg, options: u32) -> Result<Option<Waited>> {
    let known = WNOHANG | WNOWAIT | WEXITED | WUNTRACED | WCONTINUED | WNOTHREAD | WCLONE | WALL;
    if options & !known != 0 || options & (WEXITED | WUNTRACED | WCONTINUED) == 0 {
        return Err(Errno::EINVAL);
    }
    let mut hang = options & WNOHANG == 0;
    let mut nonblocking = false;
    let which = match kind {
        P_ALL => Which::Any,
        P_PID if id.0 > 0 => Which::Pid(id.0 as u32),
        P_PGID if id.0 == 0 => Which::Group(cx.process().group()),
        P_PGID if id.0 > 0 => Which::Group(id.0 as u32),
        P_PIDFD if id.0 >= 0 => {
            let file = cx.file(super::args::Fd(id.0))?;
            let process = task::pidfd::process_of(&file).ok_or(Errno::EBADF)?;
            if file.nonblocking() {
                nonblocking = hang;
                hang = false;
            }
            Which::Process(process)
        }
        _ => return Err(Errno::EINVAL),
    };
    let request = Request {
        which,
        exited: options & WEXITED != 0,
        stopped: options & WUNTRACED != 0,
        continued: options & WCONTINUED != 0,
        keep: options & WNOWAIT != 0,
        clones: options & WCLONE != 0,
        all: options & WALL != 0,
        own_only: options & WNOTHREAD != 0,
    };
    let waited = wait_for(cx, &request, hang)?;
    if waited.is_none() && nonblocking {
        return Err(Errno::EAGAIN);
    }
    Ok(waited)
}

/// Linux writes six fields and leaves the rest of the siginfo as it was.
fn write_info(info: UserPtr<RawSigInfo>, waited: Option<&Waited>) -> Result<()> {
    let raw = match waited {
        Some(waited) => SigInfo::child(
            SIGCHLD,
            waited.code,
            waited.pid as i32,
            waited.uid,
            waited.value,
            0,
            0,
        ),
        None => SigInfo::default(),
    };
    let base: UserAddr = info.addr();
    let head = [raw.signo, raw.errno, raw.code];
    for (n, word) in head.iter().enumerate() {
        UserPtr::<i32>::new(base.wrapping_add(n * 4)).write(word)?;
    }
    let [ids, status, ..] = raw.fields;
    UserPtr::<u64>::new(base.wrapping_add(16)).write(&ids)?;
    UserPtr::<i32>::new(base.wrapping_add(24)).write(&(status as i32))
}
