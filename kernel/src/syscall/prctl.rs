//! `prctl(2)`.

use abi::signal::NSIG;
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::UserAddr;
use hal::ucopy::{self, UserPtr};
use sync::{Capability, Credentials};
use task::cred;
use task::thread::flag;

use super::Cx;

const PR_SET_PDEATHSIG: i32 = 1;
const PR_GET_PDEATHSIG: i32 = 2;
const PR_GET_DUMPABLE: i32 = 3;
const PR_SET_DUMPABLE: i32 = 4;
const PR_GET_KEEPCAPS: i32 = 7;
const PR_SET_KEEPCAPS: i32 = 8;
const PR_GET_TIMING: i32 = 13;
const PR_SET_TIMING: i32 = 14;
const PR_SET_NAME: i32 = 15;
const PR_GET_NAME: i32 = 16;
const PR_CAPBSET_READ: i32 = 23;
const PR_CAPBSET_DROP: i32 = 24;
const PR_GET_SECUREBITS: i32 = 27;
const PR_SET_SECUREBITS: i32 = 28;
const PR_SET_TIMERSLACK: i32 = 29;
const PR_GET_TIMERSLACK: i32 = 30;
const PR_SET_CHILD_SUBREAPER: i32 = 36;
const PR_GET_CHILD_SUBREAPER: i32 = 37;
const PR_SET_NO_NEW_PRIVS: i32 = 38;
const PR_GET_NO_NEW_PRIVS: i32 = 39;
const PR_GET_TID_ADDRESS: i32 = 40;
const PR_CAP_AMBIENT: i32 = 47;
const PR_TASK_PERF_EVENTS_DISABLE: i32 = 31;
const PR_TASK_PERF_EVENTS_ENABLE: i32 = 32;
const PR_SET_TAGGED_ADDR_CTRL: i32 = 55;
const PR_GET_TAGGED_ADDR_CTRL: i32 = 56;

/// Of `PR_SET_TAGGED_ADDR_CTRL`; what else there is asks for a processor that checks tags.
const PR_TAGGED_ADDR_ENABLE: u64 = 1;

/// Timer slack of a fresh process, nanoseconds.
const DEFAULT_SLACK: u64 = 50_000;

/// `prctl(2)`. An option this kernel has not is `EINVAL`, as one Linux was built without.
pub fn prctl(
    cx: &mut Cx<'_>,
    option: i32,
    arg2: u64,
    arg3: u64,
    arg4: u64,
    arg5: u64,
) -> Result<usize> {
    let rest_is_zero = (arg3 | arg4 | arg5) == 0;
    let none = arg2 == 0 && rest_is_zero;
    let process = cx.process();
    let out = UserPtr::<i32>::new(UserAddr(arg2 as usize));
    match option {
        PR_SET_PDEATHSIG => {
            if arg2 > NSIG as u64 {
                return Err(Errno::EINVAL);
            }
            cx.thread.set_parent_death_signal(arg2 as i32);
        }
        PR_GET_PDEATHSIG => out.write(&cx.thread.parent_death_signal())?,
        PR_GET_DUMPABLE => return Ok(usize::from(process.dumpable())),
        PR_SET_DUMPABLE => match arg2 {
            0 | 1 => process.set_dumpable(arg2 as u8),
            _ => return Err(Errno::EINVAL),
        },
        PR_SET_NAME => return set_name(cx, UserAddr(arg2 as usize)),
        PR_GET_NAME => {
            let name = cx.thread.name();
            ucopy::copy_out(UserAddr(arg2 as usize), name.padded()).map_err(|_| Errno::EFAULT)?;
        }
        // PR_TIMING_STATISTICAL is the only one there ever was.
        PR_GET_TIMING => return Ok(0),
        PR_SET_TIMING if arg2 == 0 => {}
        PR_SET_TIMERSLACK => {
            let slack = if arg2 as i64 <= 0 {
                DEFAULT_SLACK
            } else {
                arg2
            };
            cx.thread.set_timer_slack(slack);
        }
        PR_GET_TIMERSLACK => return Ok(cx.thread.timer_slack() as usize),
        PR_SET_CHILD_SUBREAPER => process.set_subreaper(arg2 != 0),
        PR_GET_CHILD_SUBREAPER => out.write(&i32::from(process.is_subreaper()))?,
        PR_SET_NO_NEW_PRIVS => {
            if arg2 != 1 || !rest_is_zero {
                return Err(Errno::EINVAL);
            }
            change(cx, |cred| cred.no_new_privs = true);
        }
        PR_GET_NO_NEW_PRIVS => {
            if !none {
                return Err(Errno::EINVAL);
            }
            return Ok(usize::from(cx.cred().no_new_privs));
        }
        PR_GET_TID_ADDRESS => {
            let word = cx.thread.clear_child_tid().0 as u64;
            UserPtr::<u64>::new(UserAddr(arg2 as usize)).write(&word)?;
        }
        // Of the counters of performance a thread has opened: there are none.
        PR_TASK_PERF_EVENTS_DISABLE | PR_TASK_PERF_EVENTS_ENABLE => {}
        PR_SET_TAGGED_ADDR_CTRL => {
            if arg2 & !PR_TAGGED_ADDR_ENABLE != 0 || !rest_is_zero {
                return Err(Errno::EINVAL);
            }
            if arg2 == 0 {
                cx.thread.lower(flag::TAGGED);
            } else {
                cx.thread.raise(flag::TAGGED);
            }
            // The loop of the thread's calls looks at it when it begins.
            cx.regs.come_back();
        }
        PR_GET_TAGGED_ADDR_CTRL => {
            if !none {
                return Err(Errno::EINVAL);
            }
            return Ok(usize::from(cx.thread.has(flag::TAGGED)));
        }
        _ => return rights(cx, option, arg2, arg3, arg4 | arg5),
    }
    Ok(0)
}

fn set_name(cx: &Cx<'_>, at: UserAddr) -> Result<usize> {
    /// Bytes of a name without its NUL.
    const LENGTH: usize = 15;
    let mut name = [0u8; LENGTH + 1];
    let length = match ucopy::read_cstr(at, &mut name) {
        Ok(length) => length.min(LENGTH),
        Err(_) => return Err(Errno::EFAULT),
    };
    cx.thread.set_name(name.get(..length).unwrap_or(&[]));
    Ok(0)
}

fn change(cx: &Cx<'_>, edit: impl FnOnce(&mut Credentials)) {
    let mut new = (*cx.cred()).clone();
    edit(&mut new);
    cx.thread.set_cred(Arc::new(new));
}

/// The options that are about capabilities.
fn rights(cx: &Cx<'_>, option: i32, arg2: u64, arg3: u64, rest: u64) -> Result<usize> {
    let old = cx.cred();
    match option {
        PR_GET_KEEPCAPS => Ok(usize::from(old.securebits & cred::SECBIT_KEEP_CAPS != 0)),
        PR_SET_KEEPCAPS => {
            if arg2 > 1 {
                return Err(Errno::EINVAL);
            }
            if old.securebits & (cred::SECBIT_KEEP_CAPS << 1) != 0 {
                return Err(Errno::EPERM);
            }
            change(cx, |new| {
                if arg2 == 1 {
                    new.securebits |= cred::SECBIT_KEEP_CAPS;
                } else {
                    new.securebits &= !cred::SECBIT_KEEP_CAPS;
                }
            });
            Ok(0)
        }
        PR_CAPBSET_READ => {
            let capability = Capability::from_number(arg2).ok_or(Errno::EINVAL)?;
            Ok(usize::from(old.bounding.contains(capability)))
        }
        PR_CAPBSET_DROP => {
            if !old.has(Capability::SETPCAP) {
                return Err(Errno::EPERM);
            }
            let capability = Capability::from_number(arg2).ok_or(Errno::EINVAL)?;
            change(cx, |cred| {
                cred.bounding = cred.bounding.without(capability);
            });
            Ok(0)
        }
        PR_GET_SECUREBITS => Ok(old.securebits as usize),
        PR_SET_SECUREBITS => set_securebits(cx, &old, arg2),
        PR_CAP_AMBIENT => ambient(cx, &old, arg2, arg3, rest),
        _ => Err(Errno::EINVAL),
    }
}

fn set_securebits(cx: &Cx<'_>, old: &Credentials, wanted: u64) -> Result<usize> {
    let bits = wanted as u32;
    let locked = (old.securebits & cred::SECBIT_LOCKS) >> 1;
    let allowed = wanted <= u64::from(cred::SECBITS)
        && (old.securebits ^ bits) & locked == 0
        && old.securebits & cred::SECBIT_LOCKS & !bits == 0
        && old.has(Capability::SETPCAP);
    if !allowed {
        return Err(Errno::EPERM);
    }
    change(cx, |cred| cred.securebits = bits);
    Ok(0)
}

fn ambient(cx: &Cx<'_>, old: &Credentials, action: u64, number: u64, rest: u64) -> Result<usize> {
    const IS_SET: u64 = 1;
    const RAISE: u64 = 2;
    const LOWER: u64 = 3;
    const CLEAR_ALL: u64 = 4;
    if rest != 0 || (action == CLEAR_ALL && number != 0) {
        return Err(Errno::EINVAL);
    }
    if action == CLEAR_ALL {
        change(cx, |cred| cred.ambient = sync::CapSet::EMPTY);
        return Ok(0);
    }
    let capability = Capability::from_number(number).ok_or(Errno::EINVAL)?;
    match action {
        IS_SET => Ok(usize::from(old.ambient.contains(capability))),
        RAISE => {
            let may = old.permitted.contains(capability)
                && old.inheritable.contains(capability)
                && old.securebits & cred::SECBIT_NO_CAP_AMBIENT_RAISE == 0;
            if !may {
                return Err(Errno::EPERM);
            }
            change(cx, |cred| cred.ambient = cred.ambient.with(capability));
            Ok(0)
        }
        LOWER => {
            change(cx, |cred| cred.ambient = cred.ambient.without(capability));
            Ok(0)
        }
        _ => Err(Errno::EINVAL),
    }
}
