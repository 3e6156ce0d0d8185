//! One mapping: a range of addresses with the same rights, flags and backing.

use alloc::sync::Arc;

use abi::mman::ProtFlags;
use bitflags::bitflags;
use hal::{PAGE_SHIFT, PageTable, Prot, UFrame};

use crate::object::{MemObject, ObjectMap};

bitflags! {
    /// What a mapping is, besides its rights.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct VmaFlags: u32 {
        /// Changes are everybody's.
        const SHARED = 1;
        /// mprotect may grant reading.
        const MAYREAD = 1 << 1;
        /// mprotect may grant writing.
        const MAYWRITE = 1 << 2;
        /// mprotect may grant execution.
        const MAYEXEC = 1 << 3;
        /// Grows down when touched below its start.
        const GROWSDOWN = 1 << 4;
        /// Locked in memory.
        const LOCKED = 1 << 5;
        /// Locked as its pages are touched.
        const LOCKONFAULT = 1 << 6;
        /// Not inherited by fork.
        const DONTFORK = 1 << 7;
        /// Empty in the child after fork.
        const WIPEONFORK = 1 << 8;
        /// Left out of core dumps.
        const DONTDUMP = 1 << 9;
        /// Not counted against overcommitment.
        const NORESERVE = 1 << 10;
        /// Advice: sequential references.
        const SEQUENTIAL = 1 << 11;
        /// Advice: random references.
        const RANDOM = 1 << 12;
        /// Advice: huge pages.
        const HUGEPAGE = 1 << 13;
        /// Advice: no huge pages.
        const NOHUGEPAGE = 1 << 14;
        /// Advice: mergeable.
        const MERGEABLE = 1 << 15;
        /// Pages of the kernel's own, never grown, moved in part or merged.
        const SPECIAL = 1 << 16;
        /// Stays as it is.
        const SEALED = 1 << 17;
    }
}

/// What names a mapping: the open file it came from.
pub trait MapName: Send + Sync {
    /// The path as `/proc/pid/maps` shows it.
    fn path(&self) -> alloc::vec::Vec<u8>;
    /// Device number (`makedev` form) and inode number.
    fn device_inode(&self) -> (u64, u64);
}

/// What a VMA shows.
pub(crate) enum Content {
    /// Private zeroes.
    Anon,
    /// Pages of an object.
    Object(ObjectMap),
    /// Pages of the kernel's own, named: `[vdso]`, `[vvar]`.
    Special {
        frames: Arc<[UFrame]>,
        first: usize,
        name: &'static str,
    },
}

/// One mapping.
pub(crate) struct Vma {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) prot: ProtFlags,
    pub(crate) flags: VmaFlags,
    pub(crate) content: Content,
    pub(crate) name: Option<Arc<dyn MapName>>,
}

impl Vma {
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn pages(&self) -> usize {
        self.len() >> PAGE_SHIFT
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.flags.contains(VmaFlags::SHARED)
    }

    pub(crate) fn is_anon(&self) -> bool {
        matches!(self.content, Content::Anon)
    }

    pub(crate) fn object(&self) -> Option<&Arc<MemObject>> {
        match &self.content {
            Content::Object(map) => Some(map.object()),
            _ => None,
        }
    }

    /// The page of the object that `addr` shows.
    pub(crate) fn page_of(&self, addr: usize) -> u64 {
        let n = ((addr - self.start) >> PAGE_SHIFT) as u64;
        match &self.content {
            Content::Object(map) => map.first() + n,
            Content::Anon => (addr >> PAGE_SHIFT) as u64,
            Content::Special { first, .. } => *first as u64 + n,
        }
    }

    /// Counts as data: private, writable, not a stack.
    pub(crate) fn is_data(&self) -> bool {
        self.prot.contains(ProtFlags::WRITE)
            && !self
                .flags
                .intersects(VmaFlags::SHARED | VmaFlags::GROWSDOWN)
    }

    /// The rights its pages are mapped with.
    pub(crate) fn page_prot(&self) -> Prot {
        page_prot(self.prot, self.is_shared())
    }

    /// Cuts the VMA at `at`, which lies inside: keeps the lower part, returns the upper.
    ///
    /// # Errors
    /// `ENOMEM`; the VMA is whole then.
    pub(crate) fn split_off(&mut self, table: &Arc<PageTable>, at: usize) -> abi::Result<Vma> {
        let skip = (at - self.start) >> PAGE_SHIFT;
        let content = match &mut self.content {
            Content::Anon => Content::Anon,
            Content::Object(map) => {
                let pages = ((self.end - at) >> PAGE_SHIFT) as u64;
                let upper = map.again(table, at, skip as u64, pages)?;
                map.resize(self.start, 0, skip as u64);
                Content::Object(upper)
            }
            Content::Special {
                frames,
                first,
                name,
            } => Content::Special {
                frames: frames.clone(),
                first: *first + skip,
                name,
            },
        };
        let upper = Vma {
            start: at,
            end: self.end,
            prot: self.prot,
            flags: self.flags,
            content,
            name: self.name.clone(),
        };
        self.end = at;
        Ok(upper)
    }

    /// Whether `next`, which starts where this ends, is more of the same.
    pub(crate) fn continues_in(&self, next: &Vma) -> bool {
        if self.end != next.start
            || self.prot != next.prot
            || self.flags != next.flags
            || self.flags.contains(VmaFlags::SPECIAL)
        {
            return false;
        }
        match (&self.content, &next.content) {
            (Content::Anon, Content::Anon) => true,
            (Content::Object(a), Content::Object(b)) => {
                Arc::ptr_eq(a.object(), b.object())
                    && a.first() + self.pages() as u64 == b.first()
                    && match (&self.name, &next.name) {
                        (None, None) => true,
                        (Some(x), Some(y)) => Arc::ptr_eq(x, y),
                        _ => false,
                    }
            }
            _ => false,
        }
    }

    /// Moves the start to `start`, taking in (or giving up) what the content shows there.
    pub(crate) fn set_start(&mut self, start: usize) {
        let skip = (start as i64 - self.start as i64) >> PAGE_SHIFT;
        self.start = start;
        let pages = self.pages() as u64;
        match &mut self.content {
            Content::Anon => (),
            Content::Object(map) => map.resize(start, skip, pages),
            Content::Special { first, .. } => *first = first.wrapping_add_signed(skip as isize),
        }
    }

    /// Moves the end to `end`.
    pub(crate) fn set_end(&mut self, end: usize) {
        self.end = end;
        let (start, pages) = (self.start, self.pages() as u64);
        if let Content::Object(map) = &mut self.content {
            map.resize(start, 0, pages);
        }
    }
}

/// A program's rights as those of a page.
pub(crate) fn page_prot(prot: ProtFlags, shared: bool) -> Prot {
    let mut p = Prot::empty();
    p.set(Prot::READ, prot.contains(ProtFlags::READ));
    p.set(Prot::WRITE, prot.contains(ProtFlags::WRITE));
    p.set(Prot::EXEC, prot.contains(ProtFlags::EXEC));
    p.set(Prot::PRIVATE, !shared);
    p
}
