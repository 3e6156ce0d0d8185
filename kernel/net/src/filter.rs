//! Classic packet filters (`SO_ATTACH_FILTER`, `man 7 socket`): checked once, then run on each message.
//!
//! A program is a row of instructions that only jump forward, so it ends; every load is checked against the
//! message, and one past its end drops it. Pure: bytes in, a number out.

use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use sync::{SpinLock, rank};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Ancillary data a filter may load (`SO_BPF_EXTENSIONS`).
pub const EXTENSIONS: i32 = 64;

/// The longest program.
pub const LONGEST: usize = 4096;
/// Cells of scratch memory.
const CELLS: usize = 16;

/// `struct sock_filter`: one instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// Instructions to skip when a condition holds.
    pub yes: u8,
    /// And when it does not.
    pub no: u8,
    /// A number.
    pub k: u32,
}

/// Parts of a code.
mod class {
    pub const LD: u16 = 0x00;
    pub const LDX: u16 = 0x01;
    pub const ST: u16 = 0x02;
    pub const STX: u16 = 0x03;
    pub const ALU: u16 = 0x04;
    pub const JMP: u16 = 0x05;
    pub const RET: u16 = 0x06;
    pub const MISC: u16 = 0x07;
    pub const MASK: u16 = 0x07;
}

mod size {
    pub const W: u16 = 0x00;
    pub const H: u16 = 0x08;
    pub const B: u16 = 0x10;
}

mod mode {
    pub const IMM: u16 = 0x00;
    pub const ABS: u16 = 0x20;
    pub const IND: u16 = 0x40;
    pub const MEM: u16 = 0x60;
    pub const LEN: u16 = 0x80;
    pub const MSH: u16 = 0xa0;
}

/// The operand is X, not the number.
const BY_X: u16 = 0x08;

/// Where numbers begin that mean something beside the bytes (`SKF_AD_OFF`, `SKF_NET_OFF`, `SKF_LL_OFF`).
const BESIDE: u32 = 0xffff_f000;
const NETWORK: u32 = 0xfff0_0000;
const LINK: u32 = 0xffe0_0000;
/// Such offsets reach so far.
const REACH: u32 = 0x10_0000;

/// What a program may ask besides the bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside {
    /// The Ethernet type.
    pub protocol: u16,
    /// `PACKET_*`
    pub direction: u8,
    /// The interface's number.
    pub interface: u32,
    /// `ARPHRD_*`
    pub hardware: u16,
    /// The link-layer header in front of the bytes that count, if they begin behind it.
    pub link: usize,
}

/// A program that was checked.
#[derive(Debug)]
pub struct Filter {
    program: Vec<Instruction>,
}

impl Filter {
    /// Checks a program.
    ///
    /// # Errors
    /// `EINVAL`: empty, too long, an unknown instruction, a jump past the end, a division by nothing, a cell that
    /// does not exist or was never written, no return at the end.
    pub fn new(program: Vec<Instruction>) -> Result<Self> {
        if program.is_empty() || program.len() > LONGEST {
            return Err(Errno::EINVAL);
        }
        for (at, one) in program.iter().enumerate() {
            if !is_known(one) {
                return Err(Errno::EINVAL);
            }
            let left = program.len() - at - 1;
            if one.code & class::MASK == class::JMP {
                let far = if one.code == class::JMP {
                    one.k as usize
                } else {
                    usize::from(one.yes.max(one.no))
                };
                if far >= left {
                    return Err(Errno::EINVAL);
                }
            }
        }
        let ends = program
            .last()
            .is_some_and(|last| last.code & class::MASK == class::RET);
        if !ends || reads_unwritten(&program) {
            return Err(Errno::EINVAL);
        }
        Ok(Self { program })
    }

    /// Runs the program: how many bytes of the message to keep, 0 to drop it. `bytes` has the whole frame; what counts
    /// begins at `beside.link`.
    #[must_use]
    pub fn run(&self, bytes: &[u8], beside: &Beside) -> u32 {
        // What cannot be loaded ends the program with 0.
        self.execute(bytes, beside).unwrap_or(0)
    }

    fn execute(&self, frame: &[u8], beside: &Beside) -> Option<u32> {
        let data = frame.get(beside.link..)?;
        let (mut a, mut x) = (0u32, 0u32);
        let mut cells = [0u32; CELLS];
        let mut at = 0usize;
        loop {
            let one = self.program.get(at)?;
            at += 1;
            let operand = if one.code & BY_X == 0 { one.k } else { x };
            match one.code & class::MASK {
                class::LD => {
                    a = match one.code & 0xe0 {
                        mode::IMM => one.k,
                        mode::ABS => load(frame, data, one.k, one.code, beside, x, a)?,
                        mode::IND => {
                            load(frame, data, x.wrapping_add(one.k), one.code, beside, x, a)?
                        }
                        mode::MEM => *cells.get(one.k as usize)?,
                        _ => data.len() as u32,
                    }
                }
                class::LDX => {
                    x = match one.code & 0xe0 {
                        mode::IMM => one.k,
                        mode::MEM => *cells.get(one.k as usize)?,
                        mode::LEN => data.len() as u32,
                        _ => u32::from(data.get(one.k as usize)? & 15) * 4,
                    }
                }
                class::ST => *cells.get_mut(one.k as usize)? = a,
                class::STX => *cells.get_mut(one.k as usize)? = x,
                class::ALU => a = compute(one.code & 0xf0, a, operand)?,
                class::JMP => {
                    let holds = match one.code & 0xf0 {
                        0x00 => {
                            at = at.checked_add(one.k as usize)?;
                            continue;
                        }
                        0x10 => a == operand,
                        0x20 => a > operand,
                        0x30 => a >= operand,
                        _ => a & operand != 0,
                    };
                    at += usize::from(if holds { one.yes } else { one.no });
                }
                class::RET => return Some(if one.code & 0x18 == 0x10 { a } else { one.k }),
                _ if one.code == class::MISC => x = a,
                _ => a = x,
            }
        }
    }
}

/// A division by an X of nothing ends the program.
fn compute(operation: u16, a: u32, by: u32) -> Option<u32> {
    Some(match operation {
        0x00 => a.wrapping_add(by),
        0x10 => a.wrapping_sub(by),
        0x20 => a.wrapping_mul(by),
        0x30 => a.checked_div(by)?,
        0x40 => a | by,
        0x50 => a & by,
        0x60 => a.checked_shl(by).unwrap_or(0),
        0x70 => a.checked_shr(by).unwrap_or(0),
        0x80 => a.wrapping_neg(),
        0x90 => a.checked_rem(by)?,
        _ => a ^ by,
    })
}

fn load(
    frame: &[u8],
    data: &[u8],
    offset: u32,
    code: u16,
    beside: &Beside,
    x: u32,
    a: u32,
) -> Option<u32> {
    if offset >= BESIDE && code & 0xe0 == mode::ABS {
        return Some(match offset - BESIDE {
            0 => beside.protocol.into(),
            4 => beside.direction.into(),
            8 => beside.interface,
            28 => beside.hardware.into(),
            36 => 0,
            40 => a ^ x,
            // No mark, queue, hash or tag.
            20 | 24 | 32 | 44 | 48 | 60 => 0,
            _ => return None,
        });
    }
    let (from, offset) = if offset >= NETWORK && offset < NETWORK.saturating_add(REACH) {
        (frame.get(14..)?, offset - NETWORK)
    } else if (LINK..NETWORK).contains(&offset) {
        (frame, offset - LINK)
    } else {
        (data, offset)
    };
    let at = offset as usize;
    let rest = from.get(at..)?;
    Some(match code & 0x18 {
        size::W => u32::from_be_bytes(*rest.first_chunk()?),
        size::H => u16::from_be_bytes(*rest.first_chunk()?).into(),
        _ => (*rest.first()?).into(),
    })
}

/// Whether Linux takes an instruction.
fn is_known(one: &Instruction) -> bool {
    let sized = |code: u16, of: u16| {
        [size::W, size::H, size::B]
            .iter()
            .any(|size| code == of | size)
    };
    let code = one.code;
    match code & class::MASK {
        class::LD => {
            let loads = sized(code, mode::ABS) || sized(code, mode::IND);
            if sized(code, mode::ABS) && one.k >= BESIDE {
                return matches!(
                    one.k - BESIDE,
                    0 | 4 | 8 | 20 | 24 | 28 | 32 | 36 | 40 | 44 | 48 | 60
                );
            }
            loads || code == mode::IMM || code == mode::LEN || code == mode::MEM && cell(one)
        }
        class::LDX => {
            let code = code & !class::MASK;
            code == mode::IMM
                || code == mode::LEN
                || code == mode::MEM && cell(one)
                || code == mode::MSH | size::B
        }
        class::ST | class::STX => code <= class::STX && cell(one),
        class::ALU => match (code & 0xf0, code & BY_X) {
            (0x30 | 0x90, 0) => one.k != 0,
            (0x60 | 0x70, 0) => one.k < 32,
            (0x80, by) => by == 0,
            (operation, _) => operation <= 0xa0 && code < 0x100,
        },
        class::JMP => match code & 0xf0 {
            0x00 => code == class::JMP,
            0x10..=0x40 => code < 0x100,
            _ => false,
        },
        class::RET => code == class::RET || code == class::RET | 0x10,
        _ => code == class::MISC || code == class::MISC | 0x80,
    }
}

fn cell(one: &Instruction) -> bool {
    (one.k as usize) < CELLS
}

/// Whether some way through the program reads a cell nothing was written to.
fn reads_unwritten(program: &[Instruction]) -> bool {
    // Cells written on every way to an instruction.
    let mut known = alloc::vec![u16::MAX; program.len()];
    let mut written = 0u16;
    for (at, one) in program.iter().enumerate() {
        written &= known.get(at).copied().unwrap_or(0);
        let bit = 1u16.checked_shl(one.k).unwrap_or(0);
        let mut arrives = |far: usize, written: u16| {
            if let Some(there) = known.get_mut(at + 1 + far) {
                *there &= written;
            }
        };
        match one.code & class::MASK {
            class::ST | class::STX => written |= bit,
            class::LD | class::LDX if one.code & 0xe0 == mode::MEM && written & bit == 0 => {
                return true;
            }
            class::JMP if one.code == class::JMP => {
                arrives(one.k as usize, written);
                written = u16::MAX;
            }
            class::JMP => {
                arrives(one.yes.into(), written);
                arrives(one.no.into(), written);
                written = u16::MAX;
            }
            _ => {}
        }
    }
    false
}

/// A socket's filter.
pub struct Slot {
    held: SpinLock<Held, { rank::SOCKET + 2 }>,
}

#[derive(Default)]
struct Held {
    filter: Option<Arc<Filter>>,
    locked: bool,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            held: SpinLock::new(Held::default()),
        }
    }
}

impl Slot {
    /// The filter, if there is one.
    #[must_use]
    pub fn get(&self) -> Option<Arc<Filter>> {
        self.held.lock().filter.clone()
    }

    /// Puts a filter in, or takes it out.
    ///
    /// # Errors
    /// `EPERM`: it was locked. `ENOENT`: there is none to take out.
    pub fn set(&self, new: Option<Filter>) -> Result<()> {
        let new = new.map(Arc::new);
        let mut held = self.held.lock();
        if held.locked {
            return Err(Errno::EPERM);
        }
        if new.is_none() && held.filter.is_none() {
            return Err(Errno::ENOENT);
        }
        let old = core::mem::replace(&mut held.filter, new);
        drop(held);
        drop(old);
        Ok(())
    }

    /// Keeps the filter as it is, for good.
    ///
    /// # Errors
    /// `EPERM`: it is locked and `on` is false.
    pub fn lock(&self, on: bool) -> Result<()> {
        let mut held = self.held.lock();
        if held.locked && !on {
            return Err(Errno::EPERM);
        }
        held.locked = on;
        Ok(())
    }

    /// Whether it is locked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.held.lock().locked
    }

    /// The options of `SOL_SOCKET` about filters; `None` for others.
    pub fn set_option(&self, name: i32, value: &[u8]) -> Option<Result<()>> {
        use abi::socket::so;
        let int = || {
            value
                .first_chunk()
                .map(|b| i32::from_ne_bytes(*b))
                .ok_or(Errno::EINVAL)
        };
        match name {
            so::ATTACH_FILTER => Some(read(value).and_then(|filter| self.set(Some(filter)))),
            so::DETACH_FILTER => Some(self.set(None)),
            so::LOCK_FILTER => Some(int().and_then(|on| self.lock(on != 0))),
            _ => None,
        }
    }
}

/// Reads a program that a `struct sock_fprog` points at.
fn read(value: &[u8]) -> Result<Filter> {
    if value.len() != 16 {
        return Err(Errno::EINVAL);
    }
    let count = value.first_chunk().map_or(0, |b| u16::from_ne_bytes(*b));
    let address = value.get(8..).and_then(|rest| rest.first_chunk());
    let address = u64::from_ne_bytes(*address.ok_or(Errno::EINVAL)?);
    let count = usize::from(count);
    if count == 0 || count > LONGEST {
        return Err(Errno::EINVAL);
    }
    let len = count * size_of::<Instruction>();
    let bytes = hal::ucopy::UserSlice::new((address as usize).into(), len).read_vec()?;
    let mut program = Vec::new();
    program
        .try_reserve_exact(count)
        .map_err(|_| Errno::ENOMEM)?;
    program.extend(
        bytes
            .chunks_exact(size_of::<Instruction>())
            .filter_map(|one| Instruction::read_from_bytes(one).ok()),
    );
    Filter::new(program)
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
