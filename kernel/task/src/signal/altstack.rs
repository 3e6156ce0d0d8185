//! The alternate signal stack (`man 2 sigaltstack`).

use abi::signal::{MINSIGSTKSZ, SS_AUTODISARM, SS_DISABLE, SS_ONSTACK, SigStack};
use abi::{Errno, Result};

use crate::thread::Thread;

/// Whether `sp` lies on the stack. A stack that disarms itself is never "on": its handler may leave
/// it for good.
fn is_on(stack: &SigStack, sp: u64) -> bool {
    stack.flags & SS_AUTODISARM == 0 && sp > stack.sp && sp - stack.sp <= stack.size
}

/// What a program asking at stack pointer `sp` is told.
fn describe(stack: &SigStack, sp: u64) -> SigStack {
    let state = if stack.size == 0 {
        SS_DISABLE
    } else if is_on(stack, sp) {
        SS_ONSTACK
    } else {
        0
    };
    SigStack {
        flags: state | (stack.flags & SS_AUTODISARM),
        ..*stack
    }
}

/// Answers the calling thread's stack and sets a new one, if any.
///
/// # Errors
/// `EPERM` while on the stack, `EINVAL` for unknown flags, `ENOMEM` when it is too small.
pub fn exchange(thread: &Thread, new: Option<&SigStack>, sp: u64) -> Result<SigStack> {
    let mut signals = thread.signals().lock();
    let old = describe(&signals.altstack, sp);
    if let Some(new) = new {
        signals.altstack = judge(&signals.altstack, new, sp)?;
    }
    Ok(old)
}

fn judge(now: &SigStack, new: &SigStack, sp: u64) -> Result<SigStack> {
    if now.size != 0 && is_on(now, sp) {
        return Err(Errno::EPERM);
    }
    let disable = match new.flags & !SS_AUTODISARM {
        SS_DISABLE => true,
        SS_ONSTACK | 0 => false,
        _ => return Err(Errno::EINVAL),
    };
    if disable {
        return Ok(SigStack {
            flags: new.flags,
            ..SigStack::default()
        });
    }
    if new.size < MINSIGSTKSZ {
        return Err(Errno::ENOMEM);
    }
    Ok(SigStack { pad: 0, ..*new })
}

/// Where a handler's frame starts: the top of the alternate stack if there is one and `sp` is not on
/// it already.
pub(super) fn choose(stack: &SigStack, sp: u64) -> u64 {
    if stack.size == 0 || is_on(stack, sp) {
        sp
    } else {
        stack.sp.wrapping_add(stack.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_flags_and_being_on_it() {
        let none = SigStack::default();
        let new = SigStack {
            sp: 0x1000,
            size: 8192,
            ..none
        };
        assert_eq!(judge(&none, &new, 0).unwrap().size, 8192);
        let small = SigStack { size: 5119, ..new };
        assert_eq!(judge(&none, &small, 0).err(), Some(Errno::ENOMEM));
        let odd = SigStack { flags: 4, ..new };
        assert_eq!(judge(&none, &odd, 0).err(), Some(Errno::EINVAL));
        assert_eq!(judge(&new, &none, 0x1800).err(), Some(Errno::EPERM));
        assert_eq!(choose(&new, 0x8000), 0x3000);
        assert_eq!(choose(&new, 0x1800), 0x1800);
        assert_eq!(describe(&none, 0).flags, SS_DISABLE);
    }
}
