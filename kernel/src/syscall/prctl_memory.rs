//! The options of `prctl(2)` that are about the caller's memory.

use abi::{Errno, Result};
use hal::UserAddr;
use mm::{AddressSpace, Habits, Layout, MMAP_MIN};
use sync::Capability;

use super::Cx;

const REFUSE_EXEC_GAIN: u64 = 1;
const NO_INHERIT: u64 = 2;

/// `PR_SET_MDWE`: what was asked for once cannot be taken back.
pub fn set_mdwe(cx: &Cx<'_>, bits: u64, rest: u64) -> Result<usize> {
    if rest != 0
        || bits & !(REFUSE_EXEC_GAIN | NO_INHERIT) != 0
        || bits & NO_INHERIT != 0 && bits & REFUSE_EXEC_GAIN == 0
    {
        return Err(Errno::EINVAL);
    }
    let mm = cx.mm()?;
    let present = mdwe(&mm);
    if present != 0 && present != bits {
        return Err(Errno::EPERM);
    }
    let mut habits = mm.habits();
    habits.set(Habits::NO_EXEC_GAIN, bits & REFUSE_EXEC_GAIN != 0);
    habits.set(Habits::NO_INHERIT, bits & NO_INHERIT != 0);
    mm.set_habits(habits);
    Ok(0)
}

/// `PR_GET_MDWE`.
pub fn get_mdwe(cx: &Cx<'_>, rest: u64) -> Result<usize> {
    if rest != 0 {
        return Err(Errno::EINVAL);
    }
    Ok(mdwe(&*cx.mm()?) as usize)
}

fn mdwe(mm: &AddressSpace) -> u64 {
    let habits = mm.habits();
    let bit = |habit, bit| if habits.contains(habit) { bit } else { 0 };
    bit(Habits::NO_EXEC_GAIN, REFUSE_EXEC_GAIN) | bit(Habits::NO_INHERIT, NO_INHERIT)
}

/// `PR_SET_THP_DISABLE`: there are no huge pages to go without.
pub fn set_no_huge(cx: &Cx<'_>, on: bool, rest: u64) -> Result<usize> {
    if rest != 0 {
        return Err(Errno::EINVAL);
    }
    let mm = cx.mm()?;
    let mut habits = mm.habits();
    habits.set(Habits::NO_HUGE, on);
    mm.set_habits(habits);
    Ok(0)
}

/// `PR_GET_THP_DISABLE`.
pub fn no_huge(cx: &Cx<'_>, rest: u64) -> Result<usize> {
    if rest != 0 {
        return Err(Errno::EINVAL);
    }
    Ok(usize::from(cx.mm()?.habits().contains(Habits::NO_HUGE)))
}

/// `PR_SET_MM`: where `/proc` says that the parts of the program lie. The auxiliary vector, the file of the
/// program and all at once cannot be set.
pub fn set_place(cx: &Cx<'_>, what: u64, to: u64, rest: u64) -> Result<usize> {
    const START_CODE: u64 = 1;
    const END_CODE: u64 = 2;
    const START_DATA: u64 = 3;
    const END_DATA: u64 = 4;
    const START_STACK: u64 = 5;
    const START_BRK: u64 = 6;
    const BRK: u64 = 7;
    const ARG_START: u64 = 8;
    const ARG_END: u64 = 9;
    const ENV_START: u64 = 10;
    const ENV_END: u64 = 11;
    if rest != 0 {
        return Err(Errno::EINVAL);
    }
    if !cx.holdings.cred.has(Capability::SYS_RESOURCE) {
        return Err(Errno::EPERM);
    }
    let at = to as usize;
    if at < MMAP_MIN || !UserAddr(at).in_user_range(1) {
        return Err(Errno::EINVAL);
    }
    let of_stack = matches!(
        what,
        START_STACK | ARG_START | ARG_END | ENV_START | ENV_END
    );
    let mm = cx.mm()?;
    let mapped = mm.view_from(at, false).is_some();
    mm.change_layout(|layout: &mut Layout, brk: &mut usize| {
        *match what {
            START_CODE => &mut layout.code.0,
            END_CODE => &mut layout.code.1,
            START_DATA => &mut layout.data.0,
            END_DATA => &mut layout.data.1,
            START_STACK => &mut layout.stack,
            START_BRK => &mut layout.brk,
            BRK => brk,
            ARG_START => &mut layout.args.0,
            ARG_END => &mut layout.args.1,
            ENV_START => &mut layout.env.0,
            ENV_END => &mut layout.env.1,
            _ => return Err(Errno::EINVAL),
        } = at;
        let ordered = layout.code.0 < layout.code.1
            && layout.data.0 <= layout.data.1
            && layout.brk <= *brk
            && layout.args.0 <= layout.args.1
            && layout.env.0 <= layout.env.1;
        if !ordered {
            return Err(Errno::EINVAL);
        }
        if of_stack && !mapped {
            return Err(Errno::EFAULT);
        }
        Ok(())
    })?;
    Ok(0)
}
