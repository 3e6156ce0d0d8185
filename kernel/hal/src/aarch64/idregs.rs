//! What programs learn about the processor: AT_HWCAP, and the identification registers they may read
//! (Linux's HWCAP_CPUID: `mrs` from user mode traps here).

use core::arch::asm;

use crate::addr::UserAddr;
use crate::user::Registers;

macro_rules! read {
    ($register:literal) => {{
        let value: u64;
        // SAFETY: identification registers read without effect at EL1.
        unsafe { asm!(concat!("mrs {0}, ", $register), out(reg) value, options(nomem, nostack, preserves_flags)) };
        value
    }};
}

/// A field of an identification register.
fn field(register: u64, shift: u32) -> u64 {
    (register >> shift) & 0xf
}

/// Fields of ID_AA64ISAR0 that are plain user instructions, by shift: AES, SHA1, SHA2, CRC32, atomics,
/// RDM, SHA3, SM3, SM4, DP, FHM, TS.
const ISAR0_SHOWN: &[u32] = &[4, 8, 12, 16, 20, 28, 32, 36, 40, 44, 48, 52];
/// The same of ID_AA64ISAR1: DPB, JSCVT, FCMA, LRCPC, FRINTTS, SB.
const ISAR1_SHOWN: &[u32] = &[0, 12, 16, 20, 32, 36];

fn shown(register: u64, fields: &[u32]) -> u64 {
    fields
        .iter()
        .fold(0, |mask, &shift| mask | (register & (0xf << shift)))
}

/// ID_AA64PFR0 as programs see it: EL0 and EL1 64-bit only, floating point and vectors as they are.
fn pfr0() -> u64 {
    let real = read!("id_aa64pfr0_el1");
    (real & (0xff << 16)) | (real & (0xf << 48)) | 0x11
}

/// MIDR_EL1: who made this processor, and which it is.
pub(crate) fn model() -> u32 {
    read!("midr_el1") as u32
}

/// AT_HWCAP: what a program may use here (`asm/hwcap.h`).
pub(crate) fn hwcap() -> u64 {
    let isar0 = read!("id_aa64isar0_el1");
    let isar1 = read!("id_aa64isar1_el1");
    let pfr0 = read!("id_aa64pfr0_el1");
    let mut caps = 1 << 11; // CPUID: emulated below
    let mut add = |bit: u32, have: bool| caps |= u64::from(have) << bit;
    let (fp, simd) = (field(pfr0, 16), field(pfr0, 20));
    add(0, fp != 0xf);
    add(1, simd != 0xf);
    add(9, fp == 1);
    add(10, simd == 1);
    add(24, field(pfr0, 48) != 0);
    add(3, field(isar0, 4) >= 1);
    add(4, field(isar0, 4) >= 2);
    add(5, field(isar0, 8) >= 1);
    add(6, field(isar0, 12) >= 1);
    add(21, field(isar0, 12) >= 2);
    add(7, field(isar0, 16) >= 1);
    add(8, field(isar0, 20) >= 2);
    add(12, field(isar0, 28) >= 1);
    add(17, field(isar0, 32) >= 1);
    add(18, field(isar0, 36) >= 1);
    add(19, field(isar0, 40) >= 1);
    add(20, field(isar0, 44) >= 1);
    add(23, field(isar0, 48) >= 1);
    add(27, field(isar0, 52) >= 1);
    add(16, field(isar1, 0) >= 1);
    add(13, field(isar1, 12) >= 1);
    add(14, field(isar1, 16) >= 1);
    add(15, field(isar1, 20) >= 1);
    add(26, field(isar1, 20) >= 2);
    add(29, field(isar1, 36) >= 1);
    // USCAT: unaligned atomics within 16 bytes.
    add(25, field(read!("id_aa64mmfr2_el1"), 32) >= 1);
    caps
}

/// AT_HWCAP2.
pub(crate) fn hwcap2() -> u64 {
    let isar0 = read!("id_aa64isar0_el1");
    let isar1 = read!("id_aa64isar1_el1");
    let mut caps = 0;
    let mut add = |bit: u32, have: bool| caps |= u64::from(have) << bit;
    add(0, field(isar1, 0) >= 2); // DCPODP
    add(7, field(isar0, 52) >= 2); // FLAGM2
    add(8, field(isar1, 32) >= 1); // FRINT
    caps
}

/// An `mrs` of EL0 as either way of trapping tells it.
struct Read {
    op1: u64,
    crn: u64,
    crm: u64,
    op2: u64,
    target: usize,
}

/// A trapped system register read (processors with FEAT_IDST say so in the syndrome).
pub(super) fn emulate_trapped(regs: &mut Registers, esr: u64) -> bool {
    let iss = esr & 0x1ff_ffff;
    // Op0 3, and a read.
    iss >> 20 & 3 == 3
        && iss & 1 == 1
        && emulate(
            regs,
            &Read {
                op1: iss >> 14 & 7,
                crn: iss >> 10 & 0xf,
                crm: iss >> 1 & 0xf,
                op2: iss >> 17 & 7,
                target: (iss >> 5 & 0x1f) as usize,
            },
        )
}

/// An undefined instruction: most processors say no more about an `mrs` that EL0 may not do.
/// Interrupts are on; may sleep.
pub(super) fn emulate_undefined(regs: &mut Registers) -> bool {
    let mut bytes = [0; 4];
    if crate::ucopy::copy_in(&mut bytes, UserAddr(regs.pc as usize)).is_err() {
        return false;
    }
    let word = u64::from(u32::from_le_bytes(bytes));
    word >> 19 == 0xd538_0000 >> 19
        && emulate(
            regs,
            &Read {
                op1: word >> 16 & 7,
                crn: word >> 12 & 0xf,
                crm: word >> 8 & 0xf,
                op2: word >> 5 & 7,
                target: (word & 0x1f) as usize,
            },
        )
}

/// Serves a read of the identification space (Op1 0, CRn 0, CRm 0 or 4 to 7); `false` when it was
/// something else.
fn emulate(regs: &mut Registers, read: &Read) -> bool {
    if (read.op1, read.crn) != (0, 0) {
        return false;
    }
    let value = match (read.crm, read.op2) {
        (0, 0) => read!("midr_el1"),
        (0, 5) => 1 << 31, // MPIDR without its numbers
        (0, 6) => 0,
        (4, 0) => pfr0(),
        (5, 0) => 6, // ID_AA64DFR0: an 8.0 debug architecture with nothing in it
        (6, 0) => shown(read!("id_aa64isar0_el1"), ISAR0_SHOWN),
        (6, 1) => shown(read!("id_aa64isar1_el1"), ISAR1_SHOWN),
        (7, 2) => shown(read!("id_aa64mmfr2_el1"), &[32]),
        (4..=7, _) => 0,
        _ => return false,
    };
    if let Some(x) = regs.x.get_mut(read.target) {
        *x = value;
    }
    regs.pc += 4;
    true
}
