//! Function names for backtraces.
//!
//! The host tool fills the room the linker script keeps (`tools/nacre/src/symbols.rs`): a count, then as many pairs of a
//! function's distance from the image's start and its name's place in the table, by rising address, then the names, each
//! ended by a zero byte. All numbers are 32 bits, little endian. An image the tool did not make has a count of 0.

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

/// The function that holds `pc`, and how far into it.
pub(super) fn find(pc: usize) -> Option<(&'static str, usize)> {
    let start = &raw const __ksyms_start;
    let length = (&raw const __ksyms_end).addr().checked_sub(start.addr())?;
    // SAFETY: the linker script's own room in the image's constants; nobody writes there.
    let table = unsafe { slice::from_raw_parts(start, length) };
    lookup(table, pc.checked_sub(kmap::image_bounds().0)?)
}

fn lookup(table: &'static [u8], offset: usize) -> Option<(&'static str, usize)> {
    let word = |at: usize| {
        let bytes = table.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*bytes) as usize)
    };
    let count = word(0)?;
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if word(4 + middle * 8)? <= offset {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let at = 4 + low.checked_sub(1)? * 8;
    let name = table.get(word(at + 4)?..)?;
    let length = name.iter().position(|byte| *byte == 0)?;
    let name = core::str::from_utf8(name.get(..length)?).ok()?;
    Some((name, offset - word(at)?))
}
