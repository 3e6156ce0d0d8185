//! Function names for backtraces.
//!
//! The host tool fills the room the linker script keeps (`tools/nacre/src/symbols.rs`). All numbers are little endian:
//!
//! - 32 bits: how many functions there are; an image the tool did not make has none.
//! - 256 pairs of bytes: what a byte of a name stands for. A pair that begins with 0 stands for the byte itself, every
//!   other for its two bytes, one after the other, which may stand for pairs again.
//! - A function each, by rising address: its distance from the one before (the first: from the image's start) in units of
//!   four bytes, seven bits a byte, lowest first, the top bit set on all but the last; then 16 bits, its name's number.
//! - The names in alphabetical order, each a byte that says how many characters of the name before it stay, a byte of
//!   length and as many bytes: the rest.
//!
//! Reading it is a walk from its beginning: a backtrace is rare, and room is not.

use core::fmt::{self, Write as _};
use core::slice;

use super::kmap;

unsafe extern "C" {
    static __ksyms_start: u8;
    static __ksyms_end: u8;
}

/// An image with every check on has more functions, and nobody counts its bytes: where this stands, the linker script
/// keeps more room.
// SAFETY: nothing else has this name.
#[cfg(debug_assertions)]
#[used]
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "a name for the linker")]
static ksyms_room_is_large: u8 = 0;

/// Where the functions begin: behind the count and the pairs.
const FUNCTIONS: usize = 4 + 512;

/// Pairs that stand in pairs: the tool makes none deeper, and no table can make the stack deeper.
const DEEPEST: u32 = 12;

/// Characters of the longest name.
const LONGEST: usize = 80;

/// A function's name.
pub(super) struct Name {
    text: [u8; LONGEST],
    length: usize,
}

/// The function that holds `pc`, and how far into it.
pub(super) fn find(pc: usize) -> Option<(Name, usize)> {
    let start = &raw const __ksyms_start;
    let length = (&raw const __ksyms_end).addr().checked_sub(start.addr())?;
    // SAFETY: the linker script's own room in the image's constants; nobody writes there.
    let table = unsafe { slice::from_raw_parts(start, length) };
    lookup(table, pc.checked_sub(kmap::image_bounds().0)?)
}

fn lookup(table: &[u8], offset: usize) -> Option<(Name, usize)> {
    let count = u32::from_le_bytes(*table.first_chunk()?);
    let mut rest = table.get(FUNCTIONS..)?;
    let mut address = 0;
    let mut found = None;
    for _ in 0..count {
        let mut shift = 2;
        loop {
            let (byte, behind) = rest.split_first()?;
            rest = behind;
            address += usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (number, behind) = rest.split_first_chunk()?;
        rest = behind;
        if address <= offset {
            found = Some((u16::from_le_bytes(*number), offset - address));
        }
    }
    let (number, into) = found?;
    let mut name = Name {
        text: [0; LONGEST],
        length: 0,
    };
    for _ in 0..=number {
        let ([kept, length], behind) = rest.split_first_chunk()?;
        name.length = usize::from(*kept).min(name.length);
        let stored = behind.get(..usize::from(*length))?;
        for byte in stored {
            name.expand(table, *byte, 0);
        }
        rest = behind.get(stored.len()..)?;
    }
    Some((name, into))
}

impl Name {
    fn expand(&mut self, table: &[u8], byte: u8, deep: u32) {
        let at = 4 + 2 * usize::from(byte);
        match table.get(at..at + 2) {
            Some(&[first, second]) if first != 0 && deep < DEEPEST => {
                self.expand(table, first, deep + 1);
                self.expand(table, second, deep + 1);
            }
            _ => {
                if let Some(place) = self.text.get_mut(self.length) {
                    *place = byte;
                    self.length += 1;
                }
            }
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.iter().take(self.length);
        text.map(|byte| char::from(*byte))
            .try_for_each(|character| f.write_char(character))
    }
}
