//! The frame a handler finds on its stack and `rt_sigreturn` takes back, bit for bit as arm64 Linux
//! lays it: siginfo, ucontext, the FPSIMD record, after a fault its syndrome, an end record; above
//! them the frame record that lets unwinders pass.

use abi::signal::{
    ESR_MAGIC, EsrContext, FPSIMD_MAGIC, FpsimdContext, RESERVED, RT_SIGFRAME_SIZE, RtSigFrame,
    SS_AUTODISARM, SaFlags, SigAction, SigContext, SigSet, SigStack, UContext,
};
use hal::user::FpState;
use hal::{UserAddr, UserContext, ucopy};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use super::{SigInfo, altstack};
use crate::thread::{Thread, flag};

/// The start of an FPSIMD record, before its vector registers.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct FpsimdHead {
    record: Record,
    fpsr: u32,
    fpcr: u32,
}
const _: () = assert!(size_of::<FpsimdHead>() == core::mem::offset_of!(FpsimdContext, vregs));

/// Header of a record in `__reserved`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Record {
    magic: u32,
    size: u32,
}

/// Bits of PSTATE that would not be a 64-bit program's: mode, and the interrupt masks.
const NOT_USER: u64 = 0x3df;

/// The address and syndrome of the last fault, for the frame.
#[derive(Clone, Copy, Default)]
pub struct FaultRecord {
    /// Where.
    pub address: u64,
    /// The syndrome; 0 when the last trap was no fault.
    pub esr: u64,
}

/// The frame could not be written or read: the program's stack is bad.
#[derive(Debug, PartialEq, Eq)]
pub struct BadFrame;

/// Writes the frame of a handler and points the registers at it. `trampoline` is the vDSO's return
/// code.
///
/// # Errors
/// [`BadFrame`] when the stack cannot be written; nothing else has changed then.
pub fn push(
    thread: &Thread,
    regs: &mut UserContext,
    info: &SigInfo,
    action: &SigAction,
    fault: FaultRecord,
    trampoline: impl FnOnce() -> u64,
) -> Result<(), BadFrame> {
    let flags = SaFlags::from_bits_retain(action.flags);
    let signals = thread.signals().lock();
    let stack = signals.altstack;
    let mask = signals.saved_mask.unwrap_or(thread.mask());
    drop(signals);

    let top = if flags.contains(SaFlags::ONSTACK) {
        altstack::choose(&stack, regs.sp())
    } else {
        regs.sp()
    };
    let record = top.wrapping_sub(16) & !15;
    let frame = record.wrapping_sub(RT_SIGFRAME_SIZE as u64);
    let write =
        |at: u64, bytes: &[u8]| ucopy::copy_out(UserAddr(at as usize), bytes).map_err(|_| BadFrame);
    write(frame, head(regs, info, fault, stack, mask).as_bytes())?;
    let records = frame.wrapping_add(size_of::<RtSigFrame>() as u64);
    write_records(records, regs, fault, write)?;
    write(record, [regs.x(29), regs.x(30)].as_bytes())?;

    regs.set_x(0, info.signo as u64);
    if flags.contains(SaFlags::SIGINFO) {
        regs.set_x(1, frame);
        regs.set_x(2, frame + core::mem::offset_of!(RtSigFrame, uc) as u64);
    }
    regs.set_x(29, record);
    regs.set_x(
        30,
        if flags.contains(SaFlags::RESTORER) {
            action.restorer
        } else {
            trampoline()
        },
    );
    regs.set_sp(frame);
    regs.set_pc(action.handler);
    entered(thread, info.signo, action, stack);
    Ok(())
}

fn head(
    regs: &UserContext,
    info: &SigInfo,
    fault: FaultRecord,
    stack: SigStack,
    mask: SigSet,
) -> RtSigFrame {
    let all = regs.registers();
    RtSigFrame {
        info: info.to_raw(),
        uc: UContext {
            flags: 0,
            link: 0,
            stack,
            mask,
            unused: [0; 120],
            pad: 0,
            mcontext: SigContext {
                fault_address: fault.address,
                regs: all.x,
                sp: all.sp,
                pc: all.pc,
                pstate: all.pstate,
                pad: 0,
            },
        },
    }
}

/// The FPSIMD record, the syndrome if there is one, the end.
fn write_records(
    at: u64,
    regs: &UserContext,
    fault: FaultRecord,
    write: impl Fn(u64, &[u8]) -> Result<(), BadFrame>,
) -> Result<(), BadFrame> {
    regs.with_fpsimd(|fp| {
        let head = FpsimdHead {
            record: Record {
                magic: FPSIMD_MAGIC,
                size: size_of::<FpsimdContext>() as u32,
            },
            fpsr: fp.fpsr,
            fpcr: fp.fpcr,
        };
        write(at, head.as_bytes())?;
        write(
            at.wrapping_add(size_of::<FpsimdHead>() as u64),
            fp.v.as_bytes(),
        )
    })?;
    let tail = at.wrapping_add(size_of::<FpsimdContext>() as u64);
    if fault.esr == 0 {
        return write(tail, [0u64; 2].as_bytes());
    }
    let magic = u64::from(ESR_MAGIC) | (size_of::<EsrContext>() as u64) << 32;
    write(tail, [magic, fault.esr, 0, 0].as_bytes())
}

/// The handler is on: its mask is in force, a temporary mask has been put in the frame, a stack that
/// disarms itself is gone.
fn entered(thread: &Thread, signo: i32, action: &SigAction, stack: SigStack) {
    let mut blocked = thread.mask().union(action.mask);
    if !SaFlags::from_bits_retain(action.flags).contains(SaFlags::NODEFER) {
        blocked = blocked.with(signo);
    }
    let mut signals = thread.signals().lock();
    if signals.saved_mask.take().is_some() {
        thread.lower(flag::RESTORE_MASK);
    }
    if stack.flags & SS_AUTODISARM != 0 {
        signals.altstack = SigStack {
            flags: abi::signal::SS_DISABLE,
            ..SigStack::default()
        };
    }
    drop(signals);
    super::set_mask(thread, blocked);
}

/// Takes back the frame at the stack pointer: registers, mask, alternate stack.
///
/// # Errors
/// [`BadFrame`] when it cannot be read or no program could be in its state; the caller then sends
/// `SIGSEGV` for the stack pointer.
pub fn pop(thread: &Thread, regs: &mut UserContext) -> Result<(), BadFrame> {
    let sp = regs.sp();
    if sp & 15 != 0 {
        return Err(BadFrame);
    }
    let mut context = UContext::new_zeroed();
    let at = UserAddr(sp as usize);
    // Nobody asks what the handler left of the siginfo.
    let context_at = at.wrapping_add(core::mem::offset_of!(RtSigFrame, uc));
    ucopy::copy_in(context.as_mut_bytes(), context_at).map_err(|_| BadFrame)?;
    super::set_mask(thread, context.mask);

    let saved = &context.mcontext;
    regs.set_all(&saved.regs);
    regs.set_sp(saved.sp);
    regs.set_pc(saved.pc);
    regs.set_pstate(saved.pstate);
    if saved.pstate & NOT_USER != 0 {
        return Err(BadFrame);
    }
    let records = at.wrapping_add(size_of::<RtSigFrame>());
    let mut fp = FpState {
        v: [0; 32],
        fpsr: 0,
        fpcr: 0,
    };
    find_fpsimd(records, &mut fp)?;
    let blank = || fp.fpsr == 0 && fp.fpcr == 0 && fp.v.iter().all(|v| *v == 0);
    if regs.uses_fpsimd() || !blank() {
        regs.load_fpsimd(&fp);
    }
    // Linux takes the stack back and does not mind if it cannot.
    let _ = altstack::exchange(thread, Some(&context.stack), regs.sp());
    Ok(())
}

/// Walks the records to their end and fills `fp`; there must be one FPSIMD record.
fn find_fpsimd(base: UserAddr, fp: &mut FpState) -> Result<(), BadFrame> {
    let mut found = false;
    let mut offset = 0usize;
    loop {
        // Sizes are multiples of 16: there is room for a header, with what may stand behind it, or for nothing.
        let left = RESERVED - offset;
        if left < size_of::<FpsimdHead>() {
            return Err(BadFrame);
        }
        let at = base.wrapping_add(offset);
        let mut head = FpsimdHead::new_zeroed();
        ucopy::copy_in(head.as_mut_bytes(), at).map_err(|_| BadFrame)?;
        let size = head.record.size as usize;
        match head.record.magic {
            0 if size == 0 => return if found { Ok(()) } else { Err(BadFrame) },
            FPSIMD_MAGIC if !found && size == size_of::<FpsimdContext>() => {
                found = true;
                (fp.fpsr, fp.fpcr) = (head.fpsr, head.fpcr);
                let at = at.wrapping_add(size_of::<FpsimdHead>());
                ucopy::copy_in(fp.v.as_mut_bytes(), at).map_err(|_| BadFrame)?;
            }
            ESR_MAGIC => {}
            _ => return Err(BadFrame),
        }
        if size < size_of::<Record>() || size > left || !size.is_multiple_of(16) {
            return Err(BadFrame);
        }
        offset += size;
    }
}
