//! User mode: a program's registers, entering it, and what brings it back.

use alloc::boxed::Box;

use crate::addr::UserAddr;
use crate::{head, machine};

/// What an access wants to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Load.
    Read,
    /// Store, or a cache or atomic operation that needs write permission.
    Write,
    /// Instruction fetch.
    Exec,
}

/// Why the machine refused an access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// Nothing is mapped there (address-size faults too).
    Translation,
    /// The page is mapped but has not been touched since its young bit was cleared.
    AccessFlag,
    /// The mapping forbids it.
    Permission,
    /// The address is not aligned as the instruction wants.
    Alignment,
    /// The memory system answered with an error.
    External,
    /// Anything else, by its fault status code.
    Other(u8),
}

/// Why a program came back to the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trap {
    /// A load, store or fetch that could not be done; the pc stands at the instruction.
    Fault {
        /// Where, tag bits removed.
        addr: UserAddr,
        /// What it wanted.
        access: Access,
        /// Why it was refused.
        kind: FaultKind,
        /// The syndrome, for the signal frame.
        esr: u32,
    },
    /// An instruction that does not exist here (SIGILL).
    Undefined {
        /// The syndrome.
        esr: u32,
    },
    /// `brk`, with its operand.
    Breakpoint(u16),
    /// One instruction was stepped.
    SingleStep,
    /// A hardware breakpoint or watchpoint at the address.
    Watchpoint(UserAddr),
    /// The pc was not a multiple of 4.
    PcAlignment(UserAddr),
    /// The stack pointer was not a multiple of 16 in an access.
    SpAlignment,
    /// An interrupt came and was served, [`kick`](crate::thread::Context::kick) was called, or a system call
    /// asked to [come back](UserContext::come_back).
    Interrupt,
}

/// A program's floating point and vector registers.
#[repr(C, align(16))]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FpState {
    /// v0 to v31.
    pub v: [u128; 32],
    /// Status.
    pub fpsr: u32,
    /// Control.
    pub fpcr: u32,
}

impl FpState {
    /// What a program starts with.
    pub const ZERO: FpState = FpState {
        v: [0; 32],
        fpsr: 0,
        fpcr: 0,
    };
}

impl Default for FpState {
    fn default() -> FpState {
        FpState::ZERO
    }
}

/// The general registers of a program, as the kernel's entry code saves them.
#[repr(C)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registers {
    /// x0 to x30.
    pub x: [u64; 31],
    /// The stack pointer.
    pub sp: u64,
    /// The program counter.
    pub pc: u64,
    /// Flags (NZCV) and the other bits of PSTATE a program may have.
    pub pstate: u64,
    /// The thread pointer, TPIDR_EL0. During a system call it is in its register.
    pub(crate) tls: u64,
    /// Where the kernel's stack stands while the program runs.
    pub(crate) kernel_sp: u64,
}

/// A program's processor state: general registers here, floating point with the thread that runs it.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct UserContext {
    regs: Registers,
    /// Loaded into the running thread at the next `run`.
    fp: Option<Box<FpState>>,
}

/// The PSTATE bits a program may set: NZCV, and SSBS, DIT where the processor has them.
const PSTATE_USER: u64 = 0xf000_0000;

impl UserContext {
    /// All registers 0, user mode.
    pub fn new() -> UserContext {
        UserContext {
            regs: Registers {
                x: [0; 31],
                sp: 0,
                pc: 0,
                pstate: 0,
                tls: 0,
                kernel_sp: 0,
            },
            fp: None,
        }
    }

    /// Register x`n`; 0 for n = 31 (xzr).
    #[inline(always)]
    pub fn x(&self, n: usize) -> u64 {
        self.regs.x.get(n).copied().unwrap_or(0)
    }

    /// Sets register x`n`; n = 31 and up is dropped (xzr).
    #[inline(always)]
    pub fn set_x(&mut self, n: usize, value: u64) {
        if let Some(x) = self.regs.x.get_mut(n) {
            *x = value;
        }
        if n >= PRESERVED {
            self.come_back();
        }
    }

    /// Sets x0 to x30.
    pub fn set_all(&mut self, x: &[u64; 31]) {
        self.regs.x = *x;
        self.come_back();
    }

    /// Makes [`run`](UserContext::run) of the running thread return after this system call, with
    /// [`Trap::Interrupt`].
    #[inline]
    pub fn come_back(&self) {
        head().ask_attention();
    }

    /// The stack pointer.
    #[inline(always)]
    pub fn sp(&self) -> u64 {
        self.regs.sp
    }

    /// Sets the stack pointer.
    pub fn set_sp(&mut self, sp: u64) {
        self.regs.sp = sp;
        self.come_back();
    }

    /// The program counter.
    #[inline(always)]
    pub fn pc(&self) -> u64 {
        self.regs.pc
    }

    /// Sets the program counter.
    pub fn set_pc(&mut self, pc: u64) {
        self.regs.pc = pc;
    }

    /// The flags and mode bits.
    pub fn pstate(&self) -> u64 {
        self.regs.pstate
    }

    /// Sets the flags; bits a program may not have are dropped.
    pub fn set_pstate(&mut self, pstate: u64) {
        self.regs.pstate = (self.regs.pstate & SINGLE_STEP) | (pstate & PSTATE_USER);
    }

    /// Whether `pstate` is one a program may have: user mode, 64-bit, no masks (Linux's
    /// `valid_user_regs`).
    pub fn pstate_is_valid(pstate: u64) -> bool {
        pstate & !(PSTATE_USER | SINGLE_STEP) == 0
    }

    /// The thread pointer, TPIDR_EL0, when `run` came back last.
    pub fn tls(&self) -> u64 {
        self.regs.tls
    }

    /// Sets the thread pointer of a program that has not run yet.
    pub fn set_tls(&mut self, tls: u64) {
        self.regs.tls = tls;
    }

    /// All of the general registers.
    pub fn registers(&self) -> &Registers {
        &self.regs
    }

    /// The arguments of a system call, x0 to x5.
    #[inline(always)]
    pub fn arguments(&self) -> [u64; 6] {
        let [a, b, c, d, e, f, ..] = self.regs.x;
        [a, b, c, d, e, f]
    }

    /// Runs the program until it traps. Its system calls go to `serve`: number in x8, arguments in x0 to x5, the
    /// result in x0; the pc stands behind the instruction. The running thread's signals are looked at first: if
    /// [`kick`](crate::thread::Context::kick) was called since the last return, also during a system call, comes
    /// back at once with [`Trap::Interrupt`]. A reschedule that is due happens here. May sleep (it is
    /// preemptible); no guard may be held. Call with interrupts on; they are on at return.
    #[inline]
    pub fn run<F: FnMut(&mut UserContext)>(&mut self, mut serve: F) -> Trap {
        unsafe extern "C" fn on_call<F: FnMut(&mut UserContext)>(
            serve: *mut (),
            regs: *mut Registers,
        ) {
            // SAFETY: the two pointers given to `run_user` below, by nobody used during a call; the registers
            // are the first field of their context.
            unsafe { (*serve.cast::<F>())(&mut *regs.cast::<UserContext>()) }
        }
        if self.fp.is_some() {
            self.load_fp();
        }
        let regs = core::ptr::from_mut(self).cast::<Registers>();
        let serve = core::ptr::from_mut(&mut serve).cast::<()>();
        // SAFETY: both are borrowed exclusively until this returns.
        unsafe { machine::run_user(regs, on_call::<F>, serve) }
    }

    #[cold]
    fn load_fp(&mut self) {
        if let Some(fp) = self.fp.take() {
            machine::fp_load(&fp);
        }
    }

    /// The floating point state: of the running thread, unless this context holds one not loaded yet.
    pub fn fpsimd(&self) -> FpState {
        match &self.fp {
            Some(fp) => (**fp).clone(),
            None => machine::fp_read(),
        }
    }

    /// Calls `f` with the floating point state, as [`fpsimd`](UserContext::fpsimd) has it. `f` may sleep.
    pub fn with_fpsimd<R>(&self, f: impl FnOnce(&FpState) -> R) -> R {
        match &self.fp {
            Some(fp) => f(fp),
            None => machine::fp_with(f),
        }
    }

    /// Sets the floating point state, from the next `run` on.
    pub fn set_fpsimd(&mut self, state: FpState) {
        match &mut self.fp {
            Some(fp) => **fp = state,
            None => self.fp = Some(Box::new(state)),
        }
        self.come_back();
    }

    /// Gives the running thread a floating point state at once; the context must be its own.
    pub fn load_fpsimd(&mut self, state: &FpState) {
        self.fp = None;
        machine::fp_load(state);
    }

    /// Whether the program has used floating point since exec; if not its state is all zeros.
    pub fn uses_fpsimd(&self) -> bool {
        self.fp.is_some() || head().fp_used.get()
    }

    /// A fresh program in the running thread (exec): all registers 0, floating point unused.
    pub fn reset(&mut self) {
        *self = UserContext::new();
        machine::set_thread_pointer(0);
        machine::fp_forget();
        self.come_back();
    }

    /// A copy for a child of the running thread, made in a system call: same registers and floating point state.
    #[must_use]
    pub fn fork(&self) -> UserContext {
        let fp = self.uses_fpsimd().then(|| Box::new(self.fpsimd()));
        let mut regs = self.regs.clone();
        let [_, tls] = machine::pointers();
        regs.tls = tls;
        UserContext { regs, fp }
    }

    /// Makes the next `run` come back after one instruction with [`Trap::SingleStep`].
    pub fn set_single_step(&mut self, on: bool) {
        if on {
            self.regs.pstate |= SINGLE_STEP;
        } else {
            self.regs.pstate &= !SINGLE_STEP;
        }
        machine::single_step(on);
    }
}

/// The first register that a system call leaves alone, so that the way back need not load it.
const PRESERVED: usize = 19;

/// PSTATE.SS as saved in SPSR.
pub(crate) const SINGLE_STEP: u64 = 1 << 21;

impl Default for UserContext {
    fn default() -> UserContext {
        UserContext::new()
    }
}
