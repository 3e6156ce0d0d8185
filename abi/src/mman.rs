//! Memory mapping: `man 2 mmap`, `mprotect`, `mremap`, `madvise`, `mlock`, `msync`, `memfd_create`,
//! `membarrier`. Values of AArch64 (the generic ones).

use bitflags::bitflags;

bitflags! {
    /// What a program may do with a mapping.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct ProtFlags: u32 {
        /// Readable.
        const READ = 0x1;
        /// Writable.
        const WRITE = 0x2;
        /// Executable.
        const EXEC = 0x4;
        /// For semaphores, which mean nothing to the hardware.
        const SEM = 0x8;
        /// Branch target identification guarded (needs the CPU's BTI).
        const BTI = 0x10;
        /// Memory tagging (needs the CPU's MTE).
        const MTE = 0x20;
        /// mprotect: extend down to the start of a mapping that grows down.
        const GROWSDOWN = 0x0100_0000;
        /// mprotect: extend up to the end of a mapping that grows up.
        const GROWSUP = 0x0200_0000;
    }
}

bitflags! {
    /// How mmap maps.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct MapFlags: u32 {
        /// Changes are everybody's.
        const SHARED = 0x01;
        /// Changes are the caller's own.
        const PRIVATE = 0x02;
        /// As `SHARED`, with unknown flags refused.
        const SHARED_VALIDATE = 0x03;
        /// Exactly there, replacing what is there.
        const FIXED = 0x10;
        /// No file: zeroes.
        const ANONYMOUS = 0x20;
        /// Grows down, like a stack.
        const GROWSDOWN = 0x0100;
        /// Ignored.
        const DENYWRITE = 0x0800;
        /// Ignored.
        const EXECUTABLE = 0x1000;
        /// Locked in memory.
        const LOCKED = 0x2000;
        /// Not counted against overcommitment.
        const NORESERVE = 0x4000;
        /// Brought in at once.
        const POPULATE = 0x8000;
        /// With `POPULATE`: only what is at hand.
        const NONBLOCK = 0x1_0000;
        /// A hint: this is a stack.
        const STACK = 0x2_0000;
        /// From huge pages.
        const HUGETLB = 0x4_0000;
        /// With `SHARED_VALIDATE`: page faults are synchronous (DAX).
        const SYNC = 0x8_0000;
        /// Exactly there, refused when something is there.
        const FIXED_NOREPLACE = 0x10_0000;
        /// Not cleared (only kernels without an MMU).
        const UNINITIALIZED = 0x400_0000;
    }
}

/// The bits of `flags` that choose between shared and private.
pub const MAP_TYPE: u32 = 0x0f;

bitflags! {
    /// How mremap moves.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct RemapFlags: u32 {
        /// It may move.
        const MAYMOVE = 1;
        /// To exactly the given place.
        const FIXED = 2;
        /// The old place stays mapped, empty.
        const DONTUNMAP = 4;
    }
}

bitflags! {
    /// How msync writes back.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct MsyncFlags: u32 {
        /// Soon.
        const ASYNC = 1;
        /// Other mappings see it.
        const INVALIDATE = 2;
        /// Now.
        const SYNC = 4;
    }
}

bitflags! {
    /// What mlockall locks.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct MlockallFlags: u32 {
        /// What is mapped now.
        const CURRENT = 1;
        /// What will be mapped.
        const FUTURE = 2;
        /// Pages as they are touched.
        const ONFAULT = 4;
    }
}

/// mlock2: lock pages as they are touched.
pub const MLOCK_ONFAULT: u32 = 1;

bitflags! {
    /// memfd_create.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct MemfdFlags: u32 {
        /// Close on exec.
        const CLOEXEC = 0x1;
        /// Seals may be added.
        const ALLOW_SEALING = 0x2;
        /// From huge pages.
        const HUGETLB = 0x4;
        /// Not executable, and sealed so.
        const NOEXEC_SEAL = 0x8;
        /// Executable.
        const EXEC = 0x10;
    }
}

bitflags! {
    /// What a memfd refuses from now on (`F_ADD_SEALS`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Seals: u32 {
        /// More seals.
        const SEAL = 0x01;
        /// To shrink.
        const SHRINK = 0x02;
        /// To grow.
        const GROW = 0x04;
        /// To be written.
        const WRITE = 0x08;
        /// New writable mappings, and write().
        const FUTURE_WRITE = 0x10;
        /// To change the execute bits.
        const EXEC = 0x20;
    }
}

/// Advice of madvise(2).
pub mod advice {
    /// No special treatment.
    pub const MADV_NORMAL: i32 = 0;
    /// Expect random references.
    pub const MADV_RANDOM: i32 = 1;
    /// Expect sequential references.
    pub const MADV_SEQUENTIAL: i32 = 2;
    /// Will need these pages.
    pub const MADV_WILLNEED: i32 = 3;
    /// Drop these pages.
    pub const MADV_DONTNEED: i32 = 4;
    /// Free private pages when memory is short.
    pub const MADV_FREE: i32 = 8;
    /// Punch a hole into the file.
    pub const MADV_REMOVE: i32 = 9;
    /// Not inherited by fork.
    pub const MADV_DONTFORK: i32 = 10;
    /// Inherited by fork.
    pub const MADV_DOFORK: i32 = 11;
    /// Let pages be merged (KSM).
    pub const MADV_MERGEABLE: i32 = 12;
    /// Keep pages apart.
    pub const MADV_UNMERGEABLE: i32 = 13;
    /// Worth huge pages.
    pub const MADV_HUGEPAGE: i32 = 14;
    /// Not worth huge pages.
    pub const MADV_NOHUGEPAGE: i32 = 15;
    /// Left out of core dumps.
    pub const MADV_DONTDUMP: i32 = 16;
    /// In core dumps.
    pub const MADV_DODUMP: i32 = 17;
    /// Zeroes in the child after fork.
    pub const MADV_WIPEONFORK: i32 = 18;
    /// Undo `MADV_WIPEONFORK`.
    pub const MADV_KEEPONFORK: i32 = 19;
    /// Deactivate these pages.
    pub const MADV_COLD: i32 = 20;
    /// Reclaim these pages.
    pub const MADV_PAGEOUT: i32 = 21;
    /// Bring pages in for reading.
    pub const MADV_POPULATE_READ: i32 = 22;
    /// Bring pages in for writing.
    pub const MADV_POPULATE_WRITE: i32 = 23;
    /// As `MADV_DONTNEED`, also locked pages.
    pub const MADV_DONTNEED_LOCKED: i32 = 24;
    /// Collapse into huge pages.
    pub const MADV_COLLAPSE: i32 = 25;
    /// Poison a page.
    pub const MADV_HWPOISON: i32 = 100;
    /// Take a page offline.
    pub const MADV_SOFT_OFFLINE: i32 = 101;
}

/// Commands of membarrier(2).
pub mod membarrier {
    /// Which commands there are.
    pub const MEMBARRIER_CMD_QUERY: i32 = 0;
    /// All running threads.
    pub const MEMBARRIER_CMD_GLOBAL: i32 = 1;
    /// All threads of registered processes.
    pub const MEMBARRIER_CMD_GLOBAL_EXPEDITED: i32 = 1 << 1;
    /// Register for the above.
    pub const MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED: i32 = 1 << 2;
    /// Threads of this process.
    pub const MEMBARRIER_CMD_PRIVATE_EXPEDITED: i32 = 1 << 3;
    /// Register for the above.
    pub const MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED: i32 = 1 << 4;
    /// As above, instructions synchronised too.
    pub const MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE: i32 = 1 << 5;
    /// Register for the above.
    pub const MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE: i32 = 1 << 6;
    /// As above, restartable sequences broken off too.
    pub const MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ: i32 = 1 << 7;
    /// Register for the above.
    pub const MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ: i32 = 1 << 8;
    /// Flag: on one processor only.
    pub const MEMBARRIER_CMD_FLAG_CPU: u32 = 1;
    /// What is registered.
    pub const MEMBARRIER_CMD_GET_REGISTRATIONS: i32 = 1 << 9;
}
