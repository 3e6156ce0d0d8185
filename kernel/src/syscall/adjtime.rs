//! The discipline of the wall clock (`man 2 adjtimex`): there is none. It can be read, and the clock can be
//! stepped; what would slew it is refused.

use abi::time::{
    ADJ_NANO, ADJ_OFFSET_SINGLESHOT, ADJ_OFFSET_SS_READ, ADJ_SETOFFSET, CLOCK_REALTIME,
    NSEC_PER_SEC, STA_UNSYNC, TIME_ERROR, Timeval, Timex,
};
use abi::{Errno, Result};
use hal::ucopy::UserPtr;
use sync::{Capability, clock};

use super::Cx;
use super::clock::Clock;

/// `adjtimex(2)`: answers the clock's state.
pub fn adjtimex(cx: &mut Cx<'_>, timex: UserPtr<Timex>) -> Result<usize> {
    let mut state = timex.read()?;
    adjust(cx, &mut state)?;
    timex.write(&state)?;
    Ok(TIME_ERROR as usize)
}

/// `clock_adjtime(2)`.
pub fn clock_adjtime(cx: &mut Cx<'_>, clock: i32, timex: UserPtr<Timex>) -> Result<usize> {
    let mut state = timex.read()?;
    Clock::find(cx.thread, clock, false)?;
    if clock != CLOCK_REALTIME {
        return Err(Errno::EOPNOTSUPP);
    }
    adjust(cx, &mut state)?;
    timex.write(&state)?;
    Ok(TIME_ERROR as usize)
}

fn adjust(cx: &Cx<'_>, state: &mut Timex) -> Result<()> {
    let may = cx.cred().has(Capability::SYS_TIME);
    match state.modes {
        // Of the two calls in one, adjtime(3) reads what is left without any right.
        0 | ADJ_OFFSET_SS_READ => {}
        _ if !may => return Err(Errno::EPERM),
        ADJ_OFFSET_SINGLESHOT => return Err(Errno::EOPNOTSUPP),
        modes if modes & !(ADJ_SETOFFSET | ADJ_NANO) == 0 => {
            if modes & ADJ_SETOFFSET != 0 {
                step(state.time, modes & ADJ_NANO != 0)?;
            }
        }
        _ => return Err(Errno::EOPNOTSUPP),
    }
    fill(state);
    Ok(())
}

/// Steps the clock by a span whose second part is nanoseconds if `fine`, and never negative.
fn step(by: Timeval, fine: bool) -> Result<()> {
    let unit = if fine { 1 } else { 1000 };
    if !(0..NSEC_PER_SEC / unit).contains(&by.usec) {
        return Err(Errno::EINVAL);
    }
    let ns = by
        .sec
        .checked_mul(NSEC_PER_SEC)
        .and_then(|ns| ns.checked_add(by.usec * unit))
        .ok_or(Errno::EINVAL)?;
    let to = clock::realtime_ns()
        .checked_add_signed(ns)
        .ok_or(Errno::EINVAL)?;
    clock::set_realtime(to)
}

/// What Linux says of a clock nobody has disciplined.
fn fill(state: &mut Timex) {
    /// The greatest error Linux counts to, in microseconds.
    const MOST_ERROR: i64 = 16_000_000;
    /// 500 parts per million, 16 bits behind the point.
    const TOLERANCE: i64 = 500 << 16;
    let fine = state.modes & ADJ_NANO != 0;
    let now = clock::realtime_ns();
    let (sec, nsec) = (now / NSEC_PER_SEC as u64, now % NSEC_PER_SEC as u64);
    *state = Timex {
        modes: state.modes,
        maxerror: MOST_ERROR,
        esterror: MOST_ERROR,
        status: STA_UNSYNC,
        constant: 2,
        precision: 1,
        tolerance: TOLERANCE,
        time: Timeval {
            sec: sec as i64,
            usec: if fine { nsec } else { nsec / 1000 } as i64,
        },
        tick: 10_000,
        ..Timex::default()
    };
}
