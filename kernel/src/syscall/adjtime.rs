//! The discipline of the wall clock (`man 2 adjtimex`). What is said of the clock is kept, and the clock can be stepped;
//! it is not slewed: what would make it run faster or slower is refused.

use abi::time::{
    ADJ_ESTERROR, ADJ_FREQUENCY, ADJ_MAXERROR, ADJ_MICRO, ADJ_NANO, ADJ_OFFSET,
    ADJ_OFFSET_SINGLESHOT, ADJ_OFFSET_SS_READ, ADJ_SETOFFSET, ADJ_STATUS, ADJ_TAI, ADJ_TICK,
    ADJ_TIMECONST, CLOCK_REALTIME, NSEC_PER_SEC, STA_DEL, STA_INS, STA_NANO, STA_PLL, STA_RONLY,
    STA_UNSYNC, TIME_ERROR, Timeval, Timex,
};
use abi::{Errno, Result};
use hal::ucopy::UserPtr;
use sync::{Capability, Instant, SpinLock, clock, rank};

use super::Cx;
use super::clock::Clock;

/// The greatest error Linux counts to, in microseconds.
const MOST_ERROR: i64 = 16_000_000;
/// 500 parts per million, 16 bits behind the point; by so much the error may have grown.
const TOLERANCE: i64 = 500 << 16;
/// The one length of a tick that does not change how fast the clock runs, and what could be asked for.
const TICK: i64 = 10_000;
const TICKS: core::ops::RangeInclusive<i64> = 9_000..=11_000;
const MOST_CONSTANT: i64 = 10;

/// What a program has said of the clock.
struct Discipline {
    status: i32,
    constant: i64,
    esterror: i64,
    /// The greatest error at a moment; it grows.
    maxerror: i64,
    since: Instant,
}

static DISCIPLINE: SpinLock<Discipline, { rank::LEAF }> = SpinLock::new(Discipline {
    status: STA_UNSYNC,
    constant: 2,
    esterror: MOST_ERROR,
    maxerror: MOST_ERROR,
    since: Instant::from_nanos(0),
});

impl Discipline {
    /// As after a step, when nothing that was said is true any more.
    fn clear(&mut self) {
        self.status |= STA_UNSYNC;
        self.esterror = MOST_ERROR;
        self.maxerror = MOST_ERROR;
    }

    /// Lets the error grow up to now.
    fn age(&mut self) {
        const GROWTH: u64 = 500;
        let now = Instant::now();
        let seconds = now.as_nanos().saturating_sub(self.since.as_nanos()) / NSEC_PER_SEC as u64;
        if seconds == 0 {
            return;
        }
        self.since = now;
        self.maxerror += (seconds.saturating_mul(GROWTH)).min(MOST_ERROR as u64) as i64;
        if self.maxerror > MOST_ERROR {
            self.maxerror = MOST_ERROR;
            self.status |= STA_UNSYNC;
        }
    }

    fn set(&mut self, state: &Timex) {
        let has = |bit| state.modes & bit != 0;
        if has(ADJ_STATUS) {
            if self.status & STA_PLL != 0 && state.status & STA_PLL == 0 {
                self.status = STA_UNSYNC;
            }
            self.status = self.status & STA_RONLY | state.status & !STA_RONLY;
        }
        if has(ADJ_NANO) {
            self.status |= STA_NANO;
        }
        if has(ADJ_MICRO) {
            self.status &= !STA_NANO;
        }
        if has(ADJ_MAXERROR) {
            self.maxerror = state.maxerror.clamp(0, MOST_ERROR);
            self.since = Instant::now();
        }
        if has(ADJ_ESTERROR) {
            self.esterror = state.esterror.clamp(0, MOST_ERROR);
        }
        if has(ADJ_TIMECONST) {
            let coarse = if self.status & STA_NANO == 0 { 4 } else { 0 };
            let constant = state.constant.clamp(0, MOST_CONSTANT) + coarse;
            self.constant = constant.clamp(0, MOST_CONSTANT);
        }
    }

    fn fill(&self, state: &mut Timex) {
        let now = clock::realtime_ns();
        let (sec, nsec) = (now / NSEC_PER_SEC as u64, now % NSEC_PER_SEC as u64);
        let fine = self.status & STA_NANO != 0;
        *state = Timex {
            modes: state.modes,
            maxerror: self.maxerror,
            esterror: self.esterror,
            status: self.status,
            constant: self.constant,
            precision: 1,
            tolerance: TOLERANCE,
            time: Timeval {
                sec: sec as i64,
                usec: if fine { nsec } else { nsec / 1000 } as i64,
            },
            tick: TICK,
            ..Timex::default()
        };
    }
}

/// The clock was set: what was said of it holds no more.
pub fn clock_was_set() {
    DISCIPLINE.lock().clear();
}

/// `adjtimex(2)`: answers the clock's state.
pub fn adjtimex(cx: &mut Cx<'_>, timex: UserPtr<Timex>) -> Result<usize> {
    let mut state = timex.read()?;
    let answer = adjust(cx, &mut state)?;
    timex.write(&state)?;
    Ok(answer)
}

/// `clock_adjtime(2)`.
pub fn clock_adjtime(cx: &mut Cx<'_>, clock: i32, timex: UserPtr<Timex>) -> Result<usize> {
    let mut state = timex.read()?;
    if clock != CLOCK_REALTIME {
        // Of clocks of processor time Linux does not look whose.
        if clock >= 0 || Clock::is_of_descriptor(clock) {
            Clock::find(cx.thread, clock, false)?;
        }
        return Err(Errno::EOPNOTSUPP);
    }
    let answer = adjust(cx, &mut state)?;
    timex.write(&state)?;
    Ok(answer)
}

/// Refuses what cannot be, what the caller may not, and what would change how fast the clock runs.
fn judge(cx: &Cx<'_>, state: &Timex) -> Result<()> {
    /// `adjtime(3)`'s own way, and the bit of it without which it asks for nothing.
    const SINGLESHOT: u32 = ADJ_OFFSET_SINGLESHOT & !ADJ_OFFSET;
    let modes = state.modes;
    let has = |bit| modes & bit != 0;
    if has(SINGLESHOT) && !has(ADJ_OFFSET) {
        return Err(Errno::EINVAL);
    }
    let reads = modes == 0 || has(SINGLESHOT) && has(ADJ_OFFSET_SS_READ & !ADJ_OFFSET_SINGLESHOT);
    if !reads && !cx.cred().has(Capability::SYS_TIME) {
        return Err(Errno::EPERM);
    }
    if has(SINGLESHOT) {
        let slews = !reads && state.offset != 0;
        return if slews {
            Err(Errno::EOPNOTSUPP)
        } else {
            Ok(())
        };
    }
    if has(ADJ_TICK) && !TICKS.contains(&state.tick) {
        return Err(Errno::EINVAL);
    }
    if has(ADJ_FREQUENCY) && state.freq.unsigned_abs() > i64::MAX as u64 / 1_000_000_000 {
        return Err(Errno::EINVAL);
    }
    let slews = has(ADJ_TICK) && state.tick != TICK
        || has(ADJ_FREQUENCY) && state.freq != 0
        || has(ADJ_OFFSET) && state.offset != 0;
    // Nor is there a leap second, or an atomic time that differs.
    let differs = has(ADJ_STATUS) && state.status & (STA_INS | STA_DEL) != 0
        || has(ADJ_TAI) && state.constant != 0;
    if slews || differs {
        return Err(Errno::EOPNOTSUPP);
    }
    Ok(())
}

fn adjust(cx: &Cx<'_>, state: &mut Timex) -> Result<usize> {
    judge(cx, state)?;
    let single = state.modes & ADJ_OFFSET_SINGLESHOT & !ADJ_OFFSET != 0;
    if !single && state.modes & ADJ_SETOFFSET != 0 {
        step(state.time, state.modes & ADJ_NANO != 0)?;
        clock_was_set();
    }
    let mut discipline = DISCIPLINE.lock();
    discipline.age();
    if !single {
        discipline.set(state);
    }
    discipline.fill(state);
    Ok(if discipline.status & STA_UNSYNC != 0 {
        TIME_ERROR as usize
    } else {
        0
    })
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
