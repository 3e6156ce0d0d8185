//! The heap: brk(2).

use alloc::vec::Vec;

use abi::mman::ProtFlags;
use hal::UserAddr;

use super::vma::{Content, Vma, VmaFlags};
use super::{AddressSpace, Counts, Layout};

impl AddressSpace {
    /// Sets where a new program's parts lie; the heap is empty.
    pub fn set_layout(&self, layout: Layout) {
        let mut inner = self.inner.write();
        inner.layout = layout;
        inner.brk = layout.brk;
        inner.cursor = 0;
    }

    /// Where the program's parts lie.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.inner.read().layout
    }

    /// Changes where the parts are said to lie and where the heap ends; nothing when `change` fails.
    ///
    /// # Errors
    /// Those of `change`.
    pub fn change_layout(
        &self,
        change: impl FnOnce(&mut Layout, &mut usize) -> abi::Result<()>,
    ) -> abi::Result<()> {
        let mut inner = self.inner.write();
        let (mut layout, mut brk) = (inner.layout, inner.brk);
        change(&mut layout, &mut brk)?;
        (inner.layout, inner.brk) = (layout, brk);
        Ok(())
    }

    /// Moves the end of the heap to `to`; returns where it is now, which is where it was when `to`
    /// cannot be (too low, limits, something in the way). May sleep.
    pub fn brk(&self, to: UserAddr) -> UserAddr {
        let mut gone = Vec::new();
        let mut inner = self.inner.write();
        let now = inner.brk;
        let start = inner.layout.brk;
        if to.0 < start || !to.in_user_range(hal::PAGE_SIZE) {
            return UserAddr(now);
        }
        let data = inner.layout.data;
        let limits = self.limits();
        let used = (to.0 - start) as u64 + data.1.saturating_sub(data.0) as u64;
        if used > limits.data {
            return UserAddr(now);
        }
        let (Some(old_end), Some(new_end)) = (hal::addr::page_up(now), hal::addr::page_up(to.0))
        else {
            return UserAddr(now);
        };
        if new_end < old_end {
            if self
                .unmap_locked(&mut inner, new_end, old_end, &mut gone)
                .is_err()
            {
                return UserAddr(now);
            }
        } else if new_end > old_end {
            let flags = VmaFlags::MAYREAD | VmaFlags::MAYWRITE | VmaFlags::MAYEXEC | inner.future;
            let vma = Vma {
                start: old_end,
                end: new_end,
                prot: ProtFlags::READ | ProtFlags::WRITE,
                flags,
                content: Content::Anon,
                name: None,
            };
            let counts = Counts::of(&vma);
            let locked = flags.contains(VmaFlags::LOCKED)
                && inner.counts.locked + counts.total > super::page_count(limits.locked);
            if locked
                || !inner.is_free(old_end, new_end - old_end)
                || counts.total > hal::frame::total()
                || self.may_grow(&inner, counts, 0).is_err()
            {
                return UserAddr(now);
            }
            inner.enter(vma, &mut gone);
        }
        inner.brk = to.0;
        let locked = inner.future.contains(VmaFlags::LOCKED);
        drop(inner);
        drop(gone);
        if locked && new_end > old_end {
            let _ = self.populate(old_end, new_end, true);
        }
        to
    }
}
