//! fork: a copy of a space that shares its pages until one side writes.

use abi::{Errno, Result};
use core::sync::atomic::Ordering;
use hal::UserAddr;

use super::vma::{Content, Vma, VmaFlags};
use super::{AddressSpace, Counts};

/// Shared mappings up to this size are copied page by page; in larger ones the child faults
/// its pages in, which cost it less than copying what it does not touch.
const COPY_MAPPED: usize = 4 << 20;

impl AddressSpace {
    /// A child's copy: private pages are shared until written, shared ones stay shared. May sleep.
    ///
    /// # Errors
    /// `ENOMEM`
    pub fn fork(&self) -> Result<AddressSpace> {
        let mut child = AddressSpace::new()?;
        child.set_limits(self.limits());
        child.inherit_habits(self);
        child
            .membarrier
            .store(self.membarrier.load(Ordering::SeqCst), Ordering::SeqCst);
        // A writer: no other thread maps or faults meanwhile.
        let inner = self.inner.write();
        {
            let theirs = child.inner.get_mut();
            theirs.layout = inner.layout;
            theirs.brk = inner.brk;
            theirs.cursor = inner.cursor;
            theirs.passed = inner.passed;
        }
        let mut gone = alloc::vec::Vec::new();
        for v in inner.tree.iter() {
            if v.flags.contains(VmaFlags::DONTFORK) {
                continue;
            }
            let copy = self.fork_vma(&child, v)?;
            let theirs = child.inner.get_mut();
            theirs.counts.add(Counts::of(&copy));
            theirs.tree.insert(copy, &mut gone);
        }
        let theirs = child.inner.get_mut();
        theirs.peak_total = theirs.counts.total;
        drop(inner);
        child.note_peak();
        drop(gone);
        Ok(child)
    }

    fn fork_vma(&self, child: &AddressSpace, v: &Vma) -> Result<Vma> {
        let pages = |cow| {
            self.table
                .fork_into(&child.table, UserAddr(v.start), UserAddr(v.end), cow)
                .map_err(|_| Errno::ENOMEM)
        };
        let content = match &v.content {
            Content::Anon => {
                if !v.flags.contains(VmaFlags::WIPEONFORK) {
                    pages(true)?;
                }
                Content::Anon
            }
            Content::Object(map) => {
                let theirs = map.again(&child.table, v.start, 0, v.pages() as u64)?;
                // A private mapping may hold pages of its own, which the child cannot fault in.
                let private = !v.is_shared();
                if private || v.len() <= COPY_MAPPED {
                    // Truncation sees a page in both spaces, or in neither.
                    map.hold(|| pages(private))?;
                }
                Content::Object(theirs)
            }
            Content::Special {
                frames,
                first,
                name,
            } => {
                pages(false)?;
                Content::Special {
                    frames: frames.clone(),
                    first: *first,
                    name,
                }
            }
        };
        Ok(Vma {
            start: v.start,
            end: v.end,
            prot: v.prot,
            flags: v.flags - VmaFlags::LOCKED - VmaFlags::LOCKONFAULT,
            content,
            name: v.name.clone(),
        })
    }
}
