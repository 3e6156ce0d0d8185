//! Clocks, timers and their structures (`man 2 clock_gettime`, `timer_create`, `timerfd_create`).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Nanoseconds in a second.
pub const NSEC_PER_SEC: i64 = 1_000_000_000;
/// Ticks of `clock_t` a second (`sysconf(_SC_CLK_TCK)`).
pub const USER_HZ: u64 = 100;

/// Wall clock.
pub const CLOCK_REALTIME: i32 = 0;
/// Since the machine started.
pub const CLOCK_MONOTONIC: i32 = 1;
/// Processor time of the process.
pub const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;
/// Processor time of the thread.
pub const CLOCK_THREAD_CPUTIME_ID: i32 = 3;
/// Monotonic, never slewed.
pub const CLOCK_MONOTONIC_RAW: i32 = 4;
/// Wall clock to the tick.
pub const CLOCK_REALTIME_COARSE: i32 = 5;
/// Monotonic to the tick.
pub const CLOCK_MONOTONIC_COARSE: i32 = 6;
/// Monotonic, counting suspension.
pub const CLOCK_BOOTTIME: i32 = 7;
/// Wall clock that wakes from suspension.
pub const CLOCK_REALTIME_ALARM: i32 = 8;
/// Boottime that wakes from suspension.
pub const CLOCK_BOOTTIME_ALARM: i32 = 9;
/// International atomic time.
pub const CLOCK_TAI: i32 = 11;

/// In a processor-time clock's number: the thread's, not the process's.
pub const CPUCLOCK_PERTHREAD: i32 = 4;
/// In a processor-time clock's number: the kind.
pub const CPUCLOCK_KIND: i32 = 3;
/// Kind: user and system time.
pub const CPUCLOCK_PROF: i32 = 0;
/// Kind: user time.
pub const CPUCLOCK_VIRT: i32 = 1;
/// Kind: what the scheduler counts.
pub const CPUCLOCK_SCHED: i32 = 2;

/// The time is a moment, not a span.
pub const TIMER_ABSTIME: i32 = 1;

/// `ITIMER_REAL`: wall time, SIGALRM.
pub const ITIMER_REAL: i32 = 0;
/// `ITIMER_VIRTUAL`: the program's own processor time, SIGVTALRM.
pub const ITIMER_VIRTUAL: i32 = 1;
/// `ITIMER_PROF`: all its processor time, SIGPROF.
pub const ITIMER_PROF: i32 = 2;

/// The timer sends a signal to the process.
pub const SIGEV_SIGNAL: i32 = 0;
/// The timer tells nobody.
pub const SIGEV_NONE: i32 = 1;
/// The C library starts a thread; for the kernel a signal.
pub const SIGEV_THREAD: i32 = 2;
/// The signal goes to one thread.
pub const SIGEV_THREAD_ID: i32 = 4;

/// `timerfd_settime`: the time is a moment.
pub const TFD_TIMER_ABSTIME: i32 = 1;
/// `timerfd_settime`: reads fail with ECANCELED when the wall clock is set.
pub const TFD_TIMER_CANCEL_ON_SET: i32 = 2;
/// `timerfd_create`: nonblocking.
pub const TFD_NONBLOCK: i32 = 0o4000;
/// `timerfd_create`: close on exec.
pub const TFD_CLOEXEC: i32 = 0o2000000;

/// `struct timespec`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Timespec {
    /// Seconds.
    pub sec: i64,
    /// Nanoseconds, below 1 000 000 000 when valid.
    pub nsec: i64,
}

/// `struct timeval`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Timeval {
    /// Seconds.
    pub sec: i64,
    /// Microseconds, below 1 000 000 when valid.
    pub usec: i64,
}

/// `struct timezone`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Timezone {
    /// Minutes west of Greenwich.
    pub minutes_west: i32,
    /// Kind of summer time; unused.
    pub dst: i32,
}

/// `struct itimerspec`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Itimerspec {
    /// Between two expirations; zero for one shot.
    pub interval: Timespec,
    /// Until the first; zero disarms.
    pub value: Timespec,
}

/// `struct itimerval`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Itimerval {
    /// Between two expirations; zero for one shot.
    pub interval: Timeval,
    /// Until the first; zero disarms.
    pub value: Timeval,
}

/// `struct sigevent` as far as the kernel reads it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Sigevent {
    /// The program's value.
    pub value: u64,
    /// The signal.
    pub signo: i32,
    /// `SIGEV_*`.
    pub notify: i32,
    /// The thread for `SIGEV_THREAD_ID`.
    pub tid: i32,
    /// The rest of the union.
    pub rest: [u32; 11],
}

const _: () = assert!(size_of::<Sigevent>() == 64);
const _: () = assert!(core::mem::offset_of!(Sigevent, tid) == 16);

/// `struct tms`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Tms {
    /// User time, `clock_t`.
    pub utime: i64,
    /// System time.
    pub stime: i64,
    /// User time of waited-for children.
    pub cutime: i64,
    /// System time of waited-for children.
    pub cstime: i64,
}

/// `struct timex` (`man 2 adjtimex`).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Timex {
    /// What to set: `ADJ_*`.
    pub modes: u32,
    /// Padding.
    pub pad0: u32,
    /// Offset left to correct.
    pub offset: i64,
    /// Frequency correction, parts per million with 16 bits behind the point.
    pub freq: i64,
    /// Greatest error, microseconds.
    pub maxerror: i64,
    /// Estimated error, microseconds.
    pub esterror: i64,
    /// `STA_*`.
    pub status: i32,
    /// Padding.
    pub pad1: u32,
    /// Time constant of the loop.
    pub constant: i64,
    /// Precision, microseconds.
    pub precision: i64,
    /// Tolerance, as `freq`.
    pub tolerance: i64,
    /// The time.
    pub time: Timeval,
    /// Microseconds between two ticks.
    pub tick: i64,
    /// Pulse-per-second figures: frequency.
    pub ppsfreq: i64,
    /// Jitter.
    pub jitter: i64,
    /// Interval.
    pub shift: i32,
    /// Padding.
    pub pad2: u32,
    /// Stability.
    pub stabil: i64,
    /// Jitter exceeded.
    pub jitcnt: i64,
    /// Calibrations.
    pub calcnt: i64,
    /// Errors.
    pub errcnt: i64,
    /// Stability exceeded.
    pub stbcnt: i64,
    /// International atomic time less UTC, seconds.
    pub tai: i32,
    /// Reserved.
    pub reserved: [u32; 11],
}

const _: () = assert!(size_of::<Timex>() == 208);
const _: () = assert!(core::mem::offset_of!(Timex, tick) == 88);
const _: () = assert!(core::mem::offset_of!(Timex, tai) == 160);

/// `adjtimex` state: the clock is not synchronised.
pub const TIME_ERROR: i32 = 5;
/// `adjtimex` status: not synchronised.
pub const STA_UNSYNC: i32 = 0x40;
/// `adjtimex` status: phase-locked loop.
pub const STA_PLL: i32 = 1;
/// `adjtimex` status: a leap second comes.
pub const STA_INS: i32 = 0x10;
/// `adjtimex` status: a second will be left out.
pub const STA_DEL: i32 = 0x20;
/// `adjtimex` status: times are in nanoseconds.
pub const STA_NANO: i32 = 0x2000;
/// `adjtimex` status: the bits that programs do not set.
pub const STA_RONLY: i32 = 0xff00;
/// `adjtimex`: offset.
pub const ADJ_OFFSET: u32 = 1;
/// `adjtimex`: frequency.
pub const ADJ_FREQUENCY: u32 = 2;
/// `adjtimex`: greatest error.
pub const ADJ_MAXERROR: u32 = 4;
/// `adjtimex`: estimated error.
pub const ADJ_ESTERROR: u32 = 8;
/// `adjtimex`: status.
pub const ADJ_STATUS: u32 = 0x10;
/// `adjtimex`: time constant.
pub const ADJ_TIMECONST: u32 = 0x20;
/// `adjtimex`: atomic time less UTC.
pub const ADJ_TAI: u32 = 0x80;
/// `adjtimex`: times are in microseconds.
pub const ADJ_MICRO: u32 = 0x1000;
/// `adjtimex`: length of a tick.
pub const ADJ_TICK: u32 = 0x4000;
/// `adjtimex`: step the clock by the time given.
pub const ADJ_SETOFFSET: u32 = 0x0100;
/// `adjtimex`: times are in nanoseconds.
pub const ADJ_NANO: u32 = 0x2000;
/// `adjtimex`: `adjtime(3)`'s old way, offset only.
pub const ADJ_OFFSET_SINGLESHOT: u32 = 0x8001;
/// `adjtimex`: read the offset `adjtime(3)` has left.
pub const ADJ_OFFSET_SS_READ: u32 = 0xa001;
