//! Where mappings go: the layout of a new program, and the search for a free range.

use hal::{PAGE_SIZE, USER_END};

use super::Inner;
use super::vma::VmaFlags;

/// Lowest address a program may map (`vm.mmap_min_addr` on arm64 Debian).
pub const MMAP_MIN: usize = 0x1000;
/// Kept free below a stack (`stack_guard_gap`, 256 pages).
pub(crate) const STACK_GUARD: usize = 256 * PAGE_SIZE;
/// Bits of randomness of the mapping area, in pages.
const MMAP_RANDOM_BITS: u32 = 18;
/// Mask of the stack's randomness, in pages.
const STACK_RANDOM: usize = 0x3ffff;

/// Where the parts of a program lie: for placement, `/proc/pid/stat` and `[heap]`, `[stack]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Layout {
    /// Mappings are placed below this.
    pub mmap_base: usize,
    /// Program text.
    pub code: (usize, usize),
    /// Initialised and zeroed data.
    pub data: (usize, usize),
    /// Start of the heap.
    pub brk: usize,
    /// First stack pointer.
    pub stack: usize,
    /// Argument strings.
    pub args: (usize, usize),
    /// Environment strings.
    pub env: (usize, usize),
    /// The kernel's page of code; 0 when there is none.
    pub vdso: usize,
}

impl Layout {
    /// The top of the stack for a new program, from a random number.
    #[must_use]
    pub fn stack_top(random: u64) -> usize {
        USER_END - ((random as usize & STACK_RANDOM) * PAGE_SIZE)
    }

    /// Where the mapping area ends (grows down from), given the stack limit and a random number;
    /// 0 as `random` and a fixed stack make it the same each time.
    #[must_use]
    pub fn mmap_base(stack_limit: u64, random: u64) -> usize {
        const GAP_MIN: usize = 128 << 20;
        const GAP_MAX: usize = USER_END / 6 * 5;
        let pad = STACK_RANDOM * PAGE_SIZE + STACK_GUARD;
        let gap = usize::try_from(stack_limit)
            .unwrap_or(usize::MAX)
            .saturating_add(pad);
        let random = random as usize & ((1 << MMAP_RANDOM_BITS) - 1);
        (USER_END - gap.clamp(GAP_MIN, GAP_MAX) - random * PAGE_SIZE) & !(PAGE_SIZE - 1)
    }
}

impl Inner {
    /// Whether `[start, start + len)` is free, the guard below a stack above it included.
    pub(super) fn is_free(&self, start: usize, len: usize) -> bool {
        match self.tree.at_or_above(start) {
            None => true,
            Some(v) => start + len <= v.start.saturating_sub(guard(v.flags)),
        }
    }

    /// A free range of `len` bytes, looked for downwards from the mapping base, else upwards from
    /// a third of the address space as Linux's bottom-up fall-back does.
    pub(super) fn find_free(&mut self, len: usize) -> Option<usize> {
        let base = if self.layout.mmap_base == 0 {
            USER_END
        } else {
            self.layout.mmap_base
        };
        if self.cursor == 0 || self.cursor > base || len <= self.passed {
            (self.cursor, self.passed) = (base, 0);
        }
        let found = self.search_down(self.cursor, len).or_else(|| {
            self.passed = 0;
            self.search_down(base, len)
        });
        if let Some(at) = found {
            self.cursor = at;
            return Some(at);
        }
        self.search_up((USER_END / 3) & !(PAGE_SIZE - 1), len)
    }

    fn search_down(&mut self, from: usize, len: usize) -> Option<usize> {
        // The ceiling is the start of the VMA above, less the guard of a stack.
        let mut ceiling = from;
        if let Some(v) = self.tree.at_or_above(from - 1) {
            ceiling = ceiling.min(v.start.saturating_sub(guard(v.flags)));
        }
        loop {
            let below = self.tree.below(ceiling.max(1));
            let floor = below.map_or(MMAP_MIN, |v| v.end.max(MMAP_MIN));
            let room = ceiling.saturating_sub(floor);
            if room >= len && ceiling >= len {
                return Some(ceiling - len);
            }
            self.passed = self.passed.max(room);
            let v = below?;
            ceiling = v.start.saturating_sub(guard(v.flags));
            // A VMA that reaches over the ceiling of a guard: go on below it.
            while let Some(over) = self.tree.find(ceiling.saturating_sub(1)) {
                if over.end <= ceiling || over.start >= ceiling {
                    break;
                }
                ceiling = over.start.saturating_sub(guard(over.flags));
            }
            if ceiling <= MMAP_MIN {
                return None;
            }
        }
    }

    fn search_up(&self, from: usize, len: usize) -> Option<usize> {
        let mut at = from;
        loop {
            if at.checked_add(len)? > USER_END {
                return None;
            }
            match self.tree.at_or_above(at) {
                Some(v) if at + len > v.start.saturating_sub(guard(v.flags)) => at = v.end,
                _ => return Some(at),
            }
        }
    }

    /// A range became free: the next search looks there again.
    pub(super) fn freed(&mut self, end: usize) {
        if self.cursor != 0 && end > self.cursor {
            let top = self.tree.at_or_above(end).map_or(end, |v| v.start);
            self.cursor = if top >= self.layout.mmap_base {
                0
            } else {
                top.max(end)
            };
        }
    }
}

fn guard(flags: VmaFlags) -> usize {
    if flags.contains(VmaFlags::GROWSDOWN) {
        STACK_GUARD
    } else {
        0
    }
}
