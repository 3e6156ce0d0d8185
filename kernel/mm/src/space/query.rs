//! What a space can be asked: for `/proc`, futexes and rusage.

use core::sync::atomic::Ordering;

use abi::mman::ProtFlags;
use hal::{PAGE_MASK, PAGE_SHIFT, Prot, UserAddr};

use super::vma::{Content, Vma, VmaFlags};
use super::{AddressSpace, FaultCode, FaultError, Inner};

/// What identifies a futex: the same word of memory has the same key in every process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FutexKey {
    /// A word the program calls its own: its space's number and the address.
    Private(u64, usize),
    /// A word of private memory that the program calls shared: the same, but another queue, as on Linux.
    Anonymous(u64, usize),
    /// A word of an object: its number and the byte offset.
    Shared(u64, u64),
}

/// Sizes of a space, in pages unless said (`/proc/pid/status`, `statm`).
#[derive(Clone, Copy, Debug, Default)]
pub struct SpaceStats {
    /// Mapped (`VmSize`).
    pub total: usize,
    /// The most ever mapped (`VmPeak`).
    pub peak_total: usize,
    /// Locked (`VmLck`).
    pub locked: usize,
    /// Present (`VmRSS`).
    pub resident: usize,
    /// The most ever present (`VmHWM`).
    pub peak_resident: usize,
    /// Present and its own (`RssAnon`).
    pub anon: usize,
    /// Private writable (`VmData`).
    pub data: usize,
    /// Stack (`VmStk`).
    pub stack: usize,
    /// Text and libraries (`VmExe` + `VmLib`).
    pub exec: usize,
    /// Bytes of page tables (`VmPTE`).
    pub table_bytes: usize,
    /// VMAs.
    pub maps: usize,
}

/// A VMA as `/proc/pid/maps` and `smaps` show it.
#[derive(Clone, Debug, Default)]
pub struct VmaView {
    /// First address.
    pub start: usize,
    /// First address past it.
    pub end: usize,
    /// Rights.
    pub prot: ProtFlags,
    /// Properties.
    pub flags: VmaFlags,
    /// Byte offset in the object.
    pub offset: u64,
    /// Device and inode number; 0 without a file.
    pub device_inode: (u64, u64),
    /// Path, or a name in brackets; may be empty.
    pub name: alloc::vec::Vec<u8>,
    /// Pages present; counted only when asked for.
    pub resident: usize,
    /// Of those: held by this mapping alone.
    pub exclusive: usize,
    /// Of those: its own (anonymous).
    pub anon: usize,
    /// Bytes present, each page divided by how many map it (`Pss`).
    pub proportional: usize,
    /// The part of those bytes that is its own.
    pub proportional_anon: usize,
}

impl AddressSpace {
    /// The key of the futex word at `addr`. `shared` as the program said: private futexes never
    /// look at mappings. May sleep.
    ///
    /// # Errors
    /// As [`AddressSpace::fault`]: the word cannot be accessed so, or is private memory that nobody can
    /// write and so never changes.
    pub fn futex_key(
        &self,
        addr: UserAddr,
        shared: bool,
        access: hal::Access,
    ) -> Result<FutexKey, FaultError> {
        if !addr.in_user_range(4) {
            return Err(FaultError::Segv(FaultCode::MapErr));
        }
        if !shared {
            return Ok(FutexKey::Private(self.id, addr.0));
        }
        let inner = self.inner.read();
        let v = inner
            .tree
            .find(addr.0)
            .ok_or(FaultError::Segv(FaultCode::MapErr))?;
        let writable = v.prot.contains(ProtFlags::WRITE);
        match v.object() {
            // What a private mapping cannot write is the object's own.
            Some(object) if v.is_shared() || !writable => {
                if !super::fault::allows(v.prot, access) {
                    return Err(FaultError::Segv(FaultCode::AccErr));
                }
                let page = v.page_of(addr.0);
                Ok(FutexKey::Shared(
                    object.id(),
                    page << PAGE_SHIFT | (addr.0 & PAGE_MASK) as u64,
                ))
            }
            _ if writable => Ok(FutexKey::Anonymous(self.id, addr.0)),
            _ => Err(FaultError::Segv(FaultCode::AccErr)),
        }
    }

    /// Sizes. May sleep.
    #[must_use]
    pub fn stats(&self) -> SpaceStats {
        self.note_peak();
        let inner = self.inner.read();
        let c = inner.counts;
        SpaceStats {
            total: c.total,
            peak_total: inner.peak_total,
            locked: c.locked,
            resident: self.table.pages(),
            peak_resident: self.peak.load(Ordering::Relaxed),
            anon: self.table.anon_pages(),
            data: c.data,
            stack: c.stack,
            exec: c.exec,
            table_bytes: self.table.table_bytes(),
            maps: inner.tree.len(),
        }
    }

    /// Pages present now. For the OOM killer: does not sleep.
    #[must_use]
    pub fn resident_pages(&self) -> usize {
        self.table.pages()
    }

    /// The VMA that has `addr` or is the next above it; with `count` its pages are counted. To walk
    /// all: ask for 0, then for the last `end`. May sleep.
    #[must_use]
    pub fn view_from(&self, addr: usize, count: bool) -> Option<VmaView> {
        let inner = self.inner.read();
        let v = inner.tree.at_or_above(addr)?;
        let mut view = VmaView {
            start: v.start,
            end: v.end,
            prot: v.prot,
            flags: v.flags,
            offset: if v.object().is_some() {
                v.page_of(v.start) << PAGE_SHIFT
            } else {
                0
            },
            ..VmaView::default()
        };
        if count {
            self.table
                .each(UserAddr(v.start), UserAddr(v.end), |_, prot, holders| {
                    let anon = prot.contains(Prot::ANON);
                    view.resident += 1;
                    view.anon += usize::from(anon);
                    // An object's page has the object itself as a holder.
                    let maps = if anon {
                        holders
                    } else {
                        holders.saturating_sub(1)
                    };
                    view.exclusive += usize::from(maps <= 1);
                    let share = hal::PAGE_SIZE / (maps as usize).max(1);
                    view.proportional += share;
                    if anon {
                        view.proportional_anon += share;
                    }
                });
        }
        let name = v.name.clone();
        view.name = inner
            .bracket_name(v)
            .map_or_else(alloc::vec::Vec::new, |n| n.as_bytes().to_vec());
        drop(inner);
        if let Some(name) = name {
            view.device_inode = name.device_inode();
            view.name = name.path();
        }
        Some(view)
    }

    /// The VMAs' flags and rights at `addr`, if something is mapped there. May sleep.
    #[must_use]
    pub fn rights_at(&self, addr: UserAddr) -> Option<ProtFlags> {
        self.inner.read().tree.find(addr.0).map(|v| v.prot)
    }
}

impl Inner {
    fn bracket_name(&self, v: &Vma) -> Option<&'static str> {
        let l = &self.layout;
        match &v.content {
            Content::Special { name, .. } => Some(name),
            Content::Anon if v.start < self.brk && v.end > l.brk => Some("[heap]"),
            Content::Anon if v.start <= l.stack && l.stack < v.end => Some("[stack]"),
            Content::Object(_) if v.name.is_none() && v.is_shared() => Some("/dev/zero (deleted)"),
            _ => None,
        }
    }
}
