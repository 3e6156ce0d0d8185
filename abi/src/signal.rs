//! Signals: numbers, flags, and what the kernel lays on the program's stack
//! (`man 7 signal`, `man 2 sigaction`, asm-generic and arm64 `asm/sigcontext.h`).

use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Number of signals; valid numbers are 1 to `NSIG` inclusive.
pub const NSIG: i32 = 64;
/// First real-time signal.
pub const SIGRTMIN: i32 = 32;

macro_rules! signals {
    ($($name:ident = $value:literal;)*) => {
        $(#[doc = stringify!($name)] pub const $name: i32 = $value;)*

        /// The name of a standard signal.
        #[must_use]
        pub const fn name(number: i32) -> Option<&'static str> {
            match number {
                $($value => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

signals! {
    SIGHUP = 1; SIGINT = 2; SIGQUIT = 3; SIGILL = 4; SIGTRAP = 5; SIGABRT = 6; SIGBUS = 7;
    SIGFPE = 8; SIGKILL = 9; SIGUSR1 = 10; SIGSEGV = 11; SIGUSR2 = 12; SIGPIPE = 13; SIGALRM = 14;
    SIGTERM = 15; SIGSTKFLT = 16; SIGCHLD = 17; SIGCONT = 18; SIGSTOP = 19; SIGTSTP = 20;
    SIGTTIN = 21; SIGTTOU = 22; SIGURG = 23; SIGXCPU = 24; SIGXFSZ = 25; SIGVTALRM = 26;
    SIGPROF = 27; SIGWINCH = 28; SIGIO = 29; SIGPWR = 30; SIGSYS = 31;
}

/// A set of signals as programs pass it: bit `n - 1` is signal `n`.
#[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub struct SigSet(pub u64);

impl SigSet {
    /// No signal.
    pub const EMPTY: Self = Self(0);
    /// Every signal.
    pub const FULL: Self = Self(u64::MAX);
    /// `SIGKILL` and `SIGSTOP`, which cannot be blocked, caught or ignored.
    pub const UNBLOCKABLE: Self = Self::of(SIGKILL).with(SIGSTOP);
    /// The signals that stop a process by default.
    pub const STOP: Self = Self::of(SIGSTOP).with(SIGTSTP).with(SIGTTIN).with(SIGTTOU);
    /// The signals that are ignored by default.
    pub const IGNORED: Self = Self::of(SIGCONT).with(SIGCHLD).with(SIGWINCH).with(SIGURG);
    /// The signals a faulting instruction raises; delivered before others.
    pub const SYNCHRONOUS: Self = Self::of(SIGSEGV)
        .with(SIGBUS)
        .with(SIGILL)
        .with(SIGTRAP)
        .with(SIGFPE)
        .with(SIGSYS);

    /// The set of one signal; empty for a number that is none.
    #[must_use]
    pub const fn of(signal: i32) -> Self {
        if signal >= 1 && signal <= NSIG {
            Self(1 << (signal - 1))
        } else {
            Self(0)
        }
    }

    /// The set with one more signal.
    #[must_use]
    pub const fn with(self, signal: i32) -> Self {
        Self(self.0 | Self::of(signal).0)
    }

    /// The set without a signal.
    #[must_use]
    pub const fn without(self, signal: i32) -> Self {
        Self(self.0 & !Self::of(signal).0)
    }

    /// Whether the signal is in the set.
    #[must_use]
    pub const fn has(self, signal: i32) -> bool {
        self.0 & Self::of(signal).0 != 0
    }

    /// Signals in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Signals in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Signals here and not there.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether no signal is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The lowest signal of the set.
    #[must_use]
    pub const fn first(self) -> Option<i32> {
        if self.0 == 0 {
            None
        } else {
            Some(self.0.trailing_zeros() as i32 + 1)
        }
    }
}

/// `SIG_DFL`.
pub const SIG_DFL: u64 = 0;
/// `SIG_IGN`.
pub const SIG_IGN: u64 = 1;

/// `how` of `rt_sigprocmask`: add to the mask.
pub const SIG_BLOCK: i32 = 0;
/// `how` of `rt_sigprocmask`: take from the mask.
pub const SIG_UNBLOCK: i32 = 1;
/// `how` of `rt_sigprocmask`: replace the mask.
pub const SIG_SETMASK: i32 = 2;

bitflags! {
    /// `sa_flags`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct SaFlags: u64 {
        /// No `SIGCHLD` for children that stop.
        const NOCLDSTOP = 1;
        /// Children leave no zombie.
        const NOCLDWAIT = 2;
        /// The handler takes three arguments; arm64 passes them always.
        const SIGINFO = 4;
        /// The handler sees tagged fault addresses.
        const EXPOSE_TAGBITS = 0x800;
        /// A restorer is given; arm64 honours it.
        const RESTORER = 0x0400_0000;
        /// Run on the alternate stack.
        const ONSTACK = 0x0800_0000;
        /// Restart interrupted calls.
        const RESTART = 0x1000_0000;
        /// Do not block the signal in its handler.
        const NODEFER = 0x4000_0000;
        /// Back to the default on entry.
        const RESETHAND = 0x8000_0000;
    }
}

/// `struct sigaction` of `rt_sigaction`.
#[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SigAction {
    /// `SIG_DFL`, `SIG_IGN` or the handler's address.
    pub handler: u64,
    /// [`SaFlags`] bits.
    pub flags: u64,
    /// Return address of the handler under `SA_RESTORER`.
    pub restorer: u64,
    /// Signals blocked while the handler runs.
    pub mask: SigSet,
}
const _: () = assert!(size_of::<SigAction>() == 32);

/// `SS_ONSTACK`.
pub const SS_ONSTACK: i32 = 1;
/// `SS_DISABLE`.
pub const SS_DISABLE: i32 = 2;
/// `SS_AUTODISARM`.
pub const SS_AUTODISARM: i32 = 1 << 31;
/// Least size of an alternate stack on arm64.
pub const MINSIGSTKSZ: u64 = 5120;

/// `stack_t`.
#[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SigStack {
    /// Lowest address.
    pub sp: u64,
    /// `SS_*`.
    pub flags: i32,
    /// Padding.
    pub pad: u32,
    /// Bytes.
    pub size: u64,
}
const _: () = assert!(size_of::<SigStack>() == 24);

/// `si_code`: sent by `kill`.
pub const SI_USER: i32 = 0;
/// `si_code`: sent by the kernel.
pub const SI_KERNEL: i32 = 0x80;
/// `si_code`: sent by `sigqueue`.
pub const SI_QUEUE: i32 = -1;
/// `si_code`: a POSIX timer expired.
pub const SI_TIMER: i32 = -2;
/// `si_code`: a message queue changed.
pub const SI_MESGQ: i32 = -3;
/// `si_code`: queued SIGIO.
pub const SI_SIGIO: i32 = -5;
/// `si_code`: sent by `tkill` or `tgkill`.
pub const SI_TKILL: i32 = -6;
/// `si_code` of SIGIO: something to read.
pub const POLL_IN: i32 = 1;
/// `si_code` of SIGIO: room to write.
pub const POLL_OUT: i32 = 2;
/// `si_code` of SIGIO: something else happened.
pub const POLL_MSG: i32 = 3;
/// `si_code` of SIGIO: an error.
pub const POLL_ERR: i32 = 4;
/// `si_code` of SIGIO: urgent data.
pub const POLL_PRI: i32 = 5;
/// `si_code` of SIGIO: hung up.
pub const POLL_HUP: i32 = 6;
/// `si_code` of SIGILL: illegal opcode.
pub const ILL_ILLOPC: i32 = 1;
/// `si_code` of SIGFPE: floating point, reason unknown.
pub const FPE_FLTUNK: i32 = 14;
/// `si_code` of SIGSEGV: nothing mapped.
pub const SEGV_MAPERR: i32 = 1;
/// `si_code` of SIGSEGV: not permitted.
pub const SEGV_ACCERR: i32 = 2;
/// `si_code` of SIGBUS: misaligned.
pub const BUS_ADRALN: i32 = 1;
/// `si_code` of SIGBUS: beyond the object.
pub const BUS_ADRERR: i32 = 2;
/// `si_code` of SIGTRAP: breakpoint.
pub const TRAP_BRKPT: i32 = 1;
/// `si_code` of SIGTRAP: single step.
pub const TRAP_TRACE: i32 = 2;
/// `si_code` of SIGTRAP: hardware breakpoint or watchpoint.
pub const TRAP_HWBKPT: i32 = 4;
/// `si_code` of SIGCHLD: exited.
pub const CLD_EXITED: i32 = 1;
/// `si_code` of SIGCHLD: killed.
pub const CLD_KILLED: i32 = 2;
/// `si_code` of SIGCHLD: killed, core dumped.
pub const CLD_DUMPED: i32 = 3;
/// `si_code` of SIGCHLD: a traced child trapped.
pub const CLD_TRAPPED: i32 = 4;
/// `si_code` of SIGCHLD: stopped.
pub const CLD_STOPPED: i32 = 5;
/// `si_code` of SIGCHLD: continued.
pub const CLD_CONTINUED: i32 = 6;

/// `siginfo_t`: the head and a union of 112 bytes, read as plain words by kind.
#[derive(Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RawSigInfo {
    /// `si_signo`.
    pub signo: i32,
    /// `si_errno`.
    pub errno: i32,
    /// `si_code`.
    pub code: i32,
    /// Padding.
    pub pad: i32,
    /// The union.
    pub fields: [u64; 14],
}
const _: () = assert!(size_of::<RawSigInfo>() == 128);

/// `struct signalfd_siginfo`.
#[derive(Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Default)]
#[repr(C)]
pub struct SignalfdSigInfo {
    /// Signal number.
    pub signo: u32,
    /// Error number.
    pub errno: i32,
    /// `si_code`.
    pub code: i32,
    /// Sender.
    pub pid: u32,
    /// Sender's user.
    pub uid: u32,
    /// Descriptor of SIGIO.
    pub fd: i32,
    /// Timer identity.
    pub tid: u32,
    /// Band of SIGIO.
    pub band: u32,
    /// Overruns of a timer.
    pub overrun: u32,
    /// Trap number.
    pub trapno: u32,
    /// Exit status or signal of SIGCHLD.
    pub status: i32,
    /// Value of `sigqueue` as an int.
    pub int: i32,
    /// Value of `sigqueue` as a pointer.
    pub ptr: u64,
    /// User time of SIGCHLD, ticks.
    pub utime: u64,
    /// System time of SIGCHLD, ticks.
    pub stime: u64,
    /// Address of a fault.
    pub addr: u64,
    /// Least significant bit of the fault's address.
    pub addr_lsb: u16,
    /// Padding.
    pub pad2: u16,
    /// System call of SIGSYS.
    pub syscall: i32,
    /// Its address.
    pub call_addr: u64,
    /// Its architecture.
    pub arch: u32,
    /// Padding.
    pub pad: [u8; 28],
}
const _: () = assert!(size_of::<SignalfdSigInfo>() == 128);

/// `SFD_NONBLOCK`, `O_NONBLOCK`.
pub const SFD_NONBLOCK: u32 = 0o4000;
/// `SFD_CLOEXEC`, `O_CLOEXEC`.
pub const SFD_CLOEXEC: u32 = 0o2_000_000;

/// `magic` of the FPSIMD record.
pub const FPSIMD_MAGIC: u32 = 0x4650_8001;
/// `magic` of the ESR record.
pub const ESR_MAGIC: u32 = 0x4553_5201;
/// `magic` of the record that says where more records are.
pub const EXTRA_MAGIC: u32 = 0x4558_5401;

/// `struct fpsimd_context`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FpsimdContext {
    /// [`FPSIMD_MAGIC`].
    pub magic: u32,
    /// 528.
    pub size: u32,
    /// Status register.
    pub fpsr: u32,
    /// Control register.
    pub fpcr: u32,
    /// `v0` to `v31`.
    pub vregs: [u128; 32],
}
const _: () = assert!(size_of::<FpsimdContext>() == 528);

/// `struct esr_context`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct EsrContext {
    /// [`ESR_MAGIC`].
    pub magic: u32,
    /// 16.
    pub size: u32,
    /// The syndrome.
    pub esr: u64,
}
const _: () = assert!(size_of::<EsrContext>() == 16);

/// Bytes of `__reserved` in `struct sigcontext`.
pub const RESERVED: usize = 4096;

/// `struct sigcontext` up to `__reserved`, which starts 16-aligned behind it.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SigContext {
    /// Where the fault was.
    pub fault_address: u64,
    /// `x0` to `x30`.
    pub regs: [u64; 31],
    /// Stack pointer.
    pub sp: u64,
    /// Program counter.
    pub pc: u64,
    /// Processor state.
    pub pstate: u64,
    /// `__reserved` is aligned to 16.
    pub pad: u64,
}
const _: () = assert!(size_of::<SigContext>() == 288);

/// `struct ucontext` up to `uc_mcontext.__reserved`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct UContext {
    /// `uc_flags`.
    pub flags: u64,
    /// `uc_link`.
    pub link: u64,
    /// Alternate stack.
    pub stack: SigStack,
    /// Mask to restore.
    pub mask: SigSet,
    /// `__unused`: room for a mask of 1024 bits.
    pub unused: [u8; 120],
    /// `uc_mcontext` is aligned to 16.
    pub pad: u64,
    /// Registers.
    pub mcontext: SigContext,
}
const _: () = assert!(size_of::<UContext>() == 176 + 288);
const _: () = assert!(core::mem::offset_of!(UContext, mcontext) == 176);

/// `struct rt_sigframe` up to `__reserved`: what a handler's stack starts with.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RtSigFrame {
    /// Second argument of the handler points here.
    pub info: RawSigInfo,
    /// Third argument of the handler points here.
    pub uc: UContext,
}
const _: () = assert!(size_of::<RtSigFrame>() == 128 + 464);
/// `sizeof(struct rt_sigframe)`.
pub const RT_SIGFRAME_SIZE: usize = size_of::<RtSigFrame>() + RESERVED;
