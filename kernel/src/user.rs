//! A thread's life: run the program until it traps, serve the trap, deliver signals, again.

use alloc::sync::Arc;

use abi::Errno;
use abi::signal::{
    BUS_ADRALN, BUS_ADRERR, ILL_ILLOPC, SEGV_ACCERR, SEGV_MAPERR, SI_KERNEL, SIGBUS, SIGILL,
    SIGKILL, SIGSEGV, SIGTRAP, SaFlags, TRAP_BRKPT, TRAP_HWBKPT, TRAP_TRACE,
};
use hal::user::FaultKind;
use hal::{Access, Trap, UserAddr, UserContext};
use mm::{FaultCode, FaultError};
use task::Thread;
use task::signal::deliver::{Delivery, next};
use task::signal::frame::{self, FaultRecord};
use task::signal::{SigInfo, force, force_default};
use task::thread::flag;

use crate::syscall;
use crate::syscall::holdings::Holdings;

/// A call that wants to be made again.
pub struct Interrupted {
    /// One of the kernel's own restart codes.
    pub errno: Errno,
    /// The first argument, which the result has taken the place of.
    pub x0: u64,
}

/// Bytes of an `svc` instruction.
const SVC: u64 = 4;

/// Runs a thread from its first instruction to its end.
pub fn live(thread: Arc<Thread>, mut regs: UserContext) {
    let mut fault = FaultRecord::default();
    let mut failed = None;
    let mut holdings = Holdings::of(&thread);
    // Once it has ended a thread has nothing.
    while let Ok(held) = &holdings {
        let trap = if thread.flags() & (flag::TRACE | flag::TAGGED) != 0 {
            regs.run(|regs| syscall::dispatch_unusual(&thread, regs, held, &mut failed))
        } else {
            regs.run(|regs| syscall::dispatch(&thread, regs, held, &mut failed))
        };
        if hal::frame::is_short() {
            task::oom::make_room();
        }
        let interrupted = match trap {
            Trap::Interrupt => failed
                .take()
                .filter(|errno| errno.is_restart())
                .map(|errno| Interrupted {
                    errno,
                    x0: regs.x(0),
                }),
            trap => {
                if serve_fault(&thread, &regs, trap, &mut fault) {
                    continue;
                }
                None
            }
        };
        if !held.are_of(&thread) {
            holdings = Holdings::of(&thread);
        }
        const QUIET: u32 = flag::TRACE | flag::INIT | flag::TAGGED;
        let flags = thread.flags();
        if interrupted.is_none() && flags & !QUIET == 0 {
            continue;
        }
        if attend(&thread, &mut regs, fault, interrupted) {
            break;
        }
    }
    drop(holdings);
    task::exit::exit_thread(&thread);
}

/// Delivers what is pending. Answers whether the thread is to end.
#[cold]
fn attend(
    thread: &Arc<Thread>,
    regs: &mut UserContext,
    fault: FaultRecord,
    mut interrupted: Option<Interrupted>,
) -> bool {
    loop {
        let (info, action) = match next(thread) {
            Delivery::Exit => return true,
            Delivery::None => break,
            Delivery::Handler { info, action } => (info, action),
        };
        if let Some(call) = interrupted.take() {
            let restarts = SaFlags::from_bits_retain(action.flags).contains(SaFlags::RESTART);
            match call.errno {
                Errno::ERESTARTNOINTR => again(regs, &call),
                Errno::ERESTARTSYS if restarts => again(regs, &call),
                _ => regs.set_x(0, Errno::EINTR.to_register()),
            }
        }
        // The handler must not find itself inside a sequence.
        if thread.rseq().is_set() {
            task::rseq::resume(thread, regs);
        }
        let trampoline = || syscall::signal_trampoline(thread);
        if frame::push(thread, regs, &info, &action, fault, trampoline).is_err() {
            if info.signo == SIGSEGV {
                force_default(thread, SIGSEGV);
            } else {
                force(thread, SigInfo::kernel(SIGSEGV));
            }
        }
        if !thread.is_interrupted() {
            break;
        }
    }
    if let Some(call) = interrupted {
        again(regs, &call);
        if call.errno == Errno::ERESTART_RESTARTBLOCK {
            regs.set_x(8, abi::nr::RESTART_SYSCALL as u64);
        }
    }
    if thread.has(flag::RSEQ) {
        task::rseq::resume(thread, regs);
    }
    if thread.has(flag::RESTORE_MASK) {
        task::signal::restore_mask(thread, false);
    }
    false
}

/// Puts the program back before its call.
fn again(regs: &mut UserContext, call: &Interrupted) {
    regs.set_x(0, call.x0);
    regs.set_pc(regs.pc().wrapping_sub(SVC));
}

/// Serves a fault; `false` when a signal came of it.
fn serve_fault(
    thread: &Arc<Thread>,
    regs: &UserContext,
    trap: Trap,
    record: &mut FaultRecord,
) -> bool {
    let pc = regs.pc();
    let (signo, code, address, esr) = match trap {
        Trap::Fault {
            addr,
            access,
            kind,
            esr,
        } => match judge(thread, addr, access, kind) {
            None => return true,
            Some((signo, code)) => (signo, code, addr.0 as u64, u64::from(esr)),
        },
        Trap::Undefined { .. } => (SIGILL, ILL_ILLOPC, pc, 0),
        Trap::Breakpoint(_) => (SIGTRAP, TRAP_BRKPT, pc, 0),
        Trap::SingleStep => (SIGTRAP, TRAP_TRACE, pc, 0),
        Trap::Watchpoint(at) => (SIGTRAP, TRAP_HWBKPT, at.0 as u64, 0),
        Trap::PcAlignment(at) => (SIGBUS, BUS_ADRALN, at.0 as u64, 0),
        Trap::SpAlignment => (SIGBUS, BUS_ADRALN, regs.sp(), 0),
        Trap::Interrupt => return true,
    };
    *record = FaultRecord { address, esr };
    force(thread, SigInfo::fault(signo, code, address));
    false
}

/// Resolves a data or instruction fault, or names the signal.
fn judge(
    thread: &Arc<Thread>,
    addr: UserAddr,
    access: Access,
    kind: FaultKind,
) -> Option<(i32, i32)> {
    match kind {
        FaultKind::Translation | FaultKind::Permission | FaultKind::AccessFlag => {}
        FaultKind::Alignment => return Some((SIGBUS, BUS_ADRALN)),
        FaultKind::External | FaultKind::Other(_) => return Some((SIGBUS, BUS_ADRERR)),
    }
    let Ok(mm) = thread.mm() else {
        return Some((SIGSEGV, SEGV_MAPERR));
    };
    thread.count_fault(false);
    match mm.fault(addr, access) {
        Ok(()) => None,
        Err(FaultError::Segv(FaultCode::MapErr)) => Some((SIGSEGV, SEGV_MAPERR)),
        Err(FaultError::Segv(FaultCode::AccErr)) => Some((SIGSEGV, SEGV_ACCERR)),
        Err(FaultError::Bus) => Some((SIGBUS, BUS_ADRERR)),
        // The OOM killer was asked and has nobody else: this one goes.
        Err(FaultError::Oom) => Some((SIGKILL, SI_KERNEL)),
    }
}

/// hal's hook: a copy between kernel and program faulted. Resolves it or answers `false`.
#[cfg(target_os = "none")]
pub fn page_fault(addr: UserAddr, access: Access) -> bool {
    let Some(thread) = task::try_current() else {
        return false;
    };
    let Ok(mm) = thread.mm() else {
        return false;
    };
    thread.count_fault(false);
    mm.fault(addr, access).is_ok()
}

/// Load averages of 1, 5 and 15 minutes, in 65536ths.
pub fn load_average() -> [u64; 3] {
    #[cfg(target_os = "none")]
    {
        task::sched::load_average()
    }
    #[cfg(not(target_os = "none"))]
    [0; 3]
}
