//! `prctl(2)`.

use abi::signal::NSIG;
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::UserAddr;
use hal::ucopy::{self, UserPtr, UserSlice};
use sync::{Capability, Credentials};
use task::cred;
use task::thread::{MEMORY_FAILURE_DEFAULT, flag};

use super::{Cx, prctl_memory};
use zerocopy::IntoBytes;

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
const PR_GET_AUXV: i32 = 0x4155_5856;
const PR_TASK_PERF_EVENTS_DISABLE: i32 = 31;
const PR_TASK_PERF_EVENTS_ENABLE: i32 = 32;
const PR_GET_TSC: i32 = 25;
const PR_SET_TSC: i32 = 26;
const PR_MCE_KILL: i32 = 33;
const PR_MCE_KILL_GET: i32 = 34;
const PR_SET_MM: i32 = 35;
const PR_SET_THP_DISABLE: i32 = 41;
const PR_GET_THP_DISABLE: i32 = 42;
const PR_GET_SPECULATION_CTRL: i32 = 52;
const PR_SET_SPECULATION_CTRL: i32 = 53;
const PR_SET_IO_FLUSHER: i32 = 57;
const PR_GET_IO_FLUSHER: i32 = 58;
const PR_SET_MDWE: i32 = 65;
const PR_GET_MDWE: i32 = 66;
const PR_SET_TAGGED_ADDR_CTRL: i32 = 55;
const PR_GET_TAGGED_ADDR_CTRL: i32 = 56;

/// Of `PR_SET_TAGGED_ADDR_CTRL`; what else there is asks for a processor that checks tags.
const PR_TAGGED_ADDR_ENABLE: u64 = 1;

/// The counter of time can be read.
const PR_TSC_ENABLE: i32 = 1;

/// Bytes Linux keeps of an auxiliary vector on arm64 (`sizeof(mm->saved_auxv)`).
const AUXV: usize = 50 * 8;
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
            let slack = if arg2 == 0 { DEFAULT_SLACK } else { arg2 };
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
        PR_GET_AUXV => {
            if arg4 != 0 || arg5 != 0 {
                return Err(Errno::EINVAL);
            }
            let mut words = [0u64; AUXV / 8];
            let auxv = process.program().auxv;
            words
                .iter_mut()
                .zip(&*auxv)
                .for_each(|(to, from)| *to = *from);
            let wanted = usize::try_from(arg3).map_or(AUXV, |size| size.min(AUXV));
            let bytes = words.as_bytes().get(..wanted).unwrap_or_default();
            UserSlice::new(UserAddr(arg2 as usize), wanted).write(bytes)?;
            return Ok(AUXV);
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
        PR_SET_MM => return prctl_memory::set_place(cx, arg2, arg3, arg4 | arg5),
        PR_SET_THP_DISABLE => {
            return prctl_memory::set_no_huge(cx, arg2 != 0, arg3 | arg4 | arg5);
        }
        PR_GET_THP_DISABLE => return prctl_memory::no_huge(cx, arg2 | arg3 | arg4 | arg5),
        PR_SET_MDWE => return prctl_memory::set_mdwe(cx, arg2, arg3 | arg4 | arg5),
        PR_GET_MDWE => return prctl_memory::get_mdwe(cx, arg2 | arg3 | arg4 | arg5),
        PR_GET_TSC => out.write(&PR_TSC_ENABLE)?,
        // The counter cannot be taken from one program alone.
        PR_SET_TSC if arg2 == PR_TSC_ENABLE as u64 => {}
        PR_MCE_KILL if arg4 | arg5 == 0 => set_memory_failure(cx, arg2, arg3)?,
        PR_MCE_KILL_GET if none => return Ok(usize::from(cx.thread.memory_failure())),
        PR_GET_SPECULATION_CTRL if rest_is_zero => return speculation(arg2),
        PR_SET_SPECULATION_CTRL if arg4 | arg5 == 0 => return set_speculation(arg2, arg3),
        PR_SET_IO_FLUSHER | PR_GET_IO_FLUSHER => {
            return io_flusher(cx, option == PR_SET_IO_FLUSHER, arg2, rest_is_zero);
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

/// `PR_MCE_KILL`: when a program is to be told of memory that failed. None is ever found to have.
fn set_memory_failure(cx: &Cx<'_>, action: u64, policy: u64) -> Result<()> {
    const CLEAR: u64 = 0;
    const SET: u64 = 1;
    match (action, policy) {
        (CLEAR, 0) => cx.thread.set_memory_failure(MEMORY_FAILURE_DEFAULT),
        (SET, 0..=2) => cx.thread.set_memory_failure(policy as u8),
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}

/// `PR_SPEC_STORE_BYPASS`, the one thing that can be asked about.
const STORE_BYPASS: u64 = 0;
/// `PR_SPEC_ENABLE`: the processor speculates, and no program can have it otherwise.
const SPECULATES: u64 = 2;

fn speculation(what: u64) -> Result<usize> {
    if what == STORE_BYPASS {
        Ok(SPECULATES as usize)
    } else {
        Err(Errno::ENODEV)
    }
}

fn set_speculation(what: u64, how: u64) -> Result<usize> {
    const DISABLES: [u64; 3] = [4, 8, 16];
    match how {
        _ if what != STORE_BYPASS => Err(Errno::ENODEV),
        SPECULATES => Ok(0),
        _ if DISABLES.contains(&how) => Err(Errno::EPERM),
        _ => Err(Errno::ERANGE),
    }
}

/// `PR_SET_IO_FLUSHER`: who writes back for others never waits for that; nothing here does.
fn io_flusher(cx: &Cx<'_>, set: bool, value: u64, rest_is_zero: bool) -> Result<usize> {
    if !cx.holdings.cred.has(Capability::SYS_RESOURCE) {
        return Err(Errno::EPERM);
    }
    match (set, value) {
        _ if !rest_is_zero => Err(Errno::EINVAL),
        (true, 1) => {
            cx.thread.raise(flag::IO_FLUSHER);
            Ok(0)
        }
        (true, 0) => {
            cx.thread.lower(flag::IO_FLUSHER);
            Ok(0)
        }
        (false, 0) => Ok(usize::from(cx.thread.has(flag::IO_FLUSHER))),
        _ => Err(Errno::EINVAL),
    }
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
