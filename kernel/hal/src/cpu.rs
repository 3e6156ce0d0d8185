//! Processors by number, sets of them, and one value per processor.
//!
//! Nothing here sleeps; every function is a handful of instructions.

use core::fmt;
use core::mem::ManuallyDrop;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::{head, machine};

/// The most processors the kernel runs on.
pub const MAX_CPUS: usize = 8;

/// A processor by its logical number; 0 is the one that booted. Always below [`MAX_CPUS`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CpuId(u8);

impl CpuId {
    /// The processor that booted.
    pub const BOOT: CpuId = CpuId(0);

    /// The processor numbered `index`, if there may be such a one.
    pub const fn new(index: usize) -> Option<CpuId> {
        if index < MAX_CPUS {
            Some(CpuId(index as u8))
        } else {
            None
        }
    }

    /// The number, below [`MAX_CPUS`].
    pub const fn index(self) -> usize {
        self.0 as usize % MAX_CPUS
    }

    /// The set of this processor alone.
    pub const fn mask(self) -> CpuMask {
        CpuMask(1 << self.index())
    }
}

impl fmt::Debug for CpuId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cpu{}", self.0)
    }
}

impl fmt::Display for CpuId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The processor this code runs on. Without a guard that keeps the thread here the answer may be old
/// by the time it is used. Cost: two loads.
#[inline]
pub fn current() -> CpuId {
    head().cpu()
}

static ONLINE: AtomicCpuMask = AtomicCpuMask::new(CpuMask::EMPTY);

/// The processors that run the kernel now.
#[inline]
pub fn online() -> CpuMask {
    ONLINE.load()
}

/// What each processor calls itself.
static MODELS: [AtomicU32; MAX_CPUS] = [const { AtomicU32::new(0) }; MAX_CPUS];

/// Counts `cpu`, which runs this, among the running ones.
pub(crate) fn set_online(cpu: CpuId) {
    MODELS[cpu.index()].store(machine::model(), Ordering::Relaxed);
    ONLINE.insert(cpu);
}

/// MIDR_EL1 of a processor: who made it, and which it is; 0 of one that never ran.
#[must_use]
pub fn model(cpu: CpuId) -> u32 {
    MODELS[cpu.index()].load(Ordering::Relaxed)
}

/// AT_HWCAP: the instructions programs may use here (`asm/hwcap.h`). A few register reads.
pub fn hwcap() -> u64 {
    machine::hwcap()
}

/// AT_HWCAP2.
pub fn hwcap2() -> u64 {
    machine::hwcap2()
}

/// A set of processors.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CpuMask(u64);

impl CpuMask {
    /// No processor.
    pub const EMPTY: CpuMask = CpuMask(0);
    /// Every processor there could be.
    pub const ALL: CpuMask = CpuMask((1 << MAX_CPUS) - 1);

    /// The set whose bits are `bits`; bits past [`MAX_CPUS`] are dropped.
    pub const fn from_bits(bits: u64) -> CpuMask {
        CpuMask(bits & Self::ALL.0)
    }

    /// The set as bits, bit n for processor n.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether `cpu` is in it.
    pub const fn contains(self, cpu: CpuId) -> bool {
        self.0 & cpu.mask().0 != 0
    }

    /// Adds `cpu`.
    pub const fn insert(&mut self, cpu: CpuId) {
        self.0 |= cpu.mask().0;
    }

    /// Takes `cpu` out.
    pub const fn remove(&mut self, cpu: CpuId) {
        self.0 &= !cpu.mask().0;
    }

    /// The same set without `cpu`.
    #[must_use]
    pub const fn without(self, cpu: CpuId) -> CpuMask {
        CpuMask(self.0 & !cpu.mask().0)
    }

    /// What both sets have.
    #[must_use]
    pub const fn and(self, other: CpuMask) -> CpuMask {
        CpuMask(self.0 & other.0)
    }

    /// What either set has.
    #[must_use]
    pub const fn or(self, other: CpuMask) -> CpuMask {
        CpuMask(self.0 | other.0)
    }

    /// Whether nobody is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many are in it.
    pub const fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The lowest one.
    pub fn first(self) -> Option<CpuId> {
        CpuId::new(self.0.trailing_zeros() as usize)
    }

    /// Its members from the lowest.
    pub fn iter(self) -> impl Iterator<Item = CpuId> {
        let mut rest = self;
        core::iter::from_fn(move || {
            let cpu = rest.first()?;
            rest.remove(cpu);
            Some(cpu)
        })
    }
}

impl FromIterator<CpuId> for CpuMask {
    fn from_iter<I: IntoIterator<Item = CpuId>>(cpus: I) -> CpuMask {
        cpus.into_iter()
            .fold(CpuMask::EMPTY, |set, cpu| set.or(cpu.mask()))
    }
}

impl fmt::Debug for CpuMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpuMask({:#x})", self.0)
    }
}

/// A set of processors that many change at once. All operations are sequentially consistent: the
/// translation shootdown and the idle search both need store-then-load order.
#[derive(Debug, Default)]
pub struct AtomicCpuMask(AtomicU64);

impl AtomicCpuMask {
    /// Starts as `mask`.
    pub const fn new(mask: CpuMask) -> AtomicCpuMask {
        AtomicCpuMask(AtomicU64::new(mask.0))
    }

    /// The set now.
    #[inline]
    pub fn load(&self) -> CpuMask {
        CpuMask(self.0.load(Ordering::SeqCst))
    }

    /// Replaces the set.
    pub fn store(&self, mask: CpuMask) {
        self.0.store(mask.0, Ordering::SeqCst);
    }

    /// Adds `cpu`; whether it was in before.
    pub fn insert(&self, cpu: CpuId) -> bool {
        self.0.fetch_or(cpu.mask().0, Ordering::SeqCst) & cpu.mask().0 != 0
    }

    /// Takes `cpu` out; whether it was in before.
    pub fn remove(&self, cpu: CpuId) -> bool {
        self.0.fetch_and(!cpu.mask().0, Ordering::SeqCst) & cpu.mask().0 != 0
    }
}

/// A proof that the thread stays on its processor: an interrupt or preemption guard.
pub trait Pinned: sealed::Sealed {}

pub(crate) mod sealed {
    /// Only hal's guards pin.
    pub trait Sealed {}
}

#[repr(align(64))]
#[derive(Debug, Default)]
struct Line<T>(T);

/// One value for each processor, each on cache lines of its own.
#[derive(Debug)]
pub struct PerCpu<T> {
    slots: [Line<T>; MAX_CPUS],
}

impl<T> PerCpu<T> {
    /// One value a processor from an array in the order of their numbers; `const`, for statics.
    pub const fn from_array(values: [T; MAX_CPUS]) -> PerCpu<T> {
        let values = ManuallyDrop::new(values);
        let from = (&raw const values).cast::<T>();
        // SAFETY: each value is moved out once, and the array is never dropped.
        let slots = unsafe {
            [
                Line(from.read()),
                Line(from.add(1).read()),
                Line(from.add(2).read()),
                Line(from.add(3).read()),
                Line(from.add(4).read()),
                Line(from.add(5).read()),
                Line(from.add(6).read()),
                Line(from.add(7).read()),
            ]
        };
        PerCpu { slots }
    }

    /// One value a processor, made by `make`.
    pub fn new(mut make: impl FnMut(CpuId) -> T) -> PerCpu<T> {
        PerCpu {
            slots: core::array::from_fn(|index| Line(make(CpuId(index as u8)))),
        }
    }

    /// The value of `cpu`.
    #[inline]
    pub fn on(&self, cpu: CpuId) -> &T {
        // In range by `CpuId`; the remainder lets the compiler see it.
        &self.slots[cpu.index()].0
    }

    /// The value of this processor, for as long as the guard keeps the thread on it.
    #[inline]
    pub fn get<'a>(&'a self, _pin: &'a impl Pinned) -> &'a T {
        self.on(current())
    }

    /// The value of the processor the thread is on at this moment; it may move on.
    #[inline]
    pub fn here(&self) -> &T {
        self.on(current())
    }

    /// All of them, with their processors.
    pub fn iter(&self) -> impl Iterator<Item = (CpuId, &T)> {
        self.slots
            .iter()
            .enumerate()
            .map(|(index, line)| (CpuId(index as u8), &line.0))
    }
}

impl<T: Default> Default for PerCpu<T> {
    fn default() -> PerCpu<T> {
        PerCpu::new(|_| T::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_counts_and_walks_its_members() {
        let set: CpuMask = [0, 3, 7].into_iter().filter_map(CpuId::new).collect();
        assert_eq!(set.count(), 3);
        assert_eq!(set.iter().map(CpuId::index).collect::<Vec<_>>(), [0, 3, 7]);
        assert!(CpuId::new(MAX_CPUS).is_none());
        assert_eq!(CpuMask::from_bits(u64::MAX), CpuMask::ALL);
    }

    #[test]
    fn an_atomic_mask_tells_what_was_there() {
        let set = AtomicCpuMask::default();
        assert!(!set.insert(CpuId::BOOT));
        assert!(set.insert(CpuId::BOOT));
        assert!(set.remove(CpuId::BOOT));
        assert!(set.load().is_empty());
    }
}
