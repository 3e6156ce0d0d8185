//! Page faults: bringing in what an access needs, or saying why not.

use abi::mman::ProtFlags;
use hal::mmu::WriteState;
use hal::{Access, Prot, UFrame, USER_END, UserAddr};
use sync::Once;

use super::place::STACK_GUARD;
use super::vma::{Content, Vma, VmaFlags};
use super::{AddressSpace, Counts, page_count};
use crate::object::{MemObject, PageError};

/// Why an address cannot be reached (`si_code` of SIGSEGV).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultCode {
    /// Nothing is mapped there.
    MapErr,
    /// The mapping forbids the access.
    AccErr,
}

/// Why a fault could not be resolved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultError {
    /// SIGSEGV.
    Segv(FaultCode),
    /// SIGBUS: past the end of the object, or its page cannot be had.
    Bus,
    /// No memory; the OOM killer was asked and found nothing to do.
    Oom,
}

/// How far one look got.
enum Step {
    Done,
    /// Somebody else changed the page meanwhile.
    Again,
    NoMemory,
}

/// Pages mapped around a fault on an object, if they are there anyway.
const AROUND: u64 = 16;

/// The page of zeroes that reads of untouched memory see.
fn zero_page() -> Option<&'static UFrame> {
    static ZERO: Once<UFrame> = Once::new();
    if ZERO.get().is_none() {
        // Who loses a race drops his page.
        let _ = ZERO.set(UFrame::alloc_zeroed()?);
    }
    ZERO.get()
}

pub(super) fn allows(prot: ProtFlags, access: Access) -> bool {
    match access {
        // The CPU lets what may be written or executed be read.
        Access::Read => prot.intersects(ProtFlags::READ | ProtFlags::WRITE | ProtFlags::EXEC),
        Access::Write => prot.contains(ProtFlags::WRITE),
        Access::Exec => prot.contains(ProtFlags::EXEC),
    }
}

impl AddressSpace {
    /// Makes `access` at `addr` possible. May sleep.
    ///
    /// # Errors
    /// What the program is to be told.
    pub fn fault(&self, addr: UserAddr, access: Access) -> Result<(), FaultError> {
        let at = addr.0;
        if at >= USER_END {
            return Err(FaultError::Segv(FaultCode::MapErr));
        }
        loop {
            let inner = self.inner.read();
            let Some(vma) = inner.tree.at_or_above(at) else {
                return Err(FaultError::Segv(FaultCode::MapErr));
            };
            if vma.start > at {
                if !vma.flags.contains(VmaFlags::GROWSDOWN) {
                    return Err(FaultError::Segv(FaultCode::MapErr));
                }
                drop(inner);
                self.grow_stack(at)?;
                continue;
            }
            if !allows(vma.prot, access) {
                return Err(FaultError::Segv(FaultCode::AccErr));
            }
            let step = self.bring_in(vma, addr.page_down(), access)?;
            match step {
                Step::Done => return Ok(()),
                Step::Again => (),
                Step::NoMemory => {
                    drop(inner);
                    if !crate::pressure::relieve() {
                        return Err(FaultError::Oom);
                    }
                }
            }
        }
    }

    fn bring_in(&self, vma: &Vma, page: UserAddr, access: Access) -> Result<Step, FaultError> {
        match &vma.content {
            Content::Anon => Ok(self.fault_anon(vma, page, access)),
            Content::Object(map) => {
                if access == Access::Write && !vma.is_shared() {
                    self.fault_copy(vma, map.object(), page)
                } else {
                    self.fault_object(vma, map.object(), page, access)
                }
            }
            Content::Special { frames, .. } => {
                let frame = usize::try_from(vma.page_of(page.0))
                    .ok()
                    .and_then(|i| frames.get(i));
                let Some(frame) = frame else {
                    return Err(FaultError::Bus);
                };
                Ok(self.enter(page, frame.clone(), vma.page_prot() - Prot::WRITE))
            }
        }
    }

    /// Maps a page where none is; one that is there lets the access happen already.
    fn enter(&self, page: UserAddr, frame: UFrame, prot: Prot) -> Step {
        match self.table.map_new(page, frame, prot) {
            Ok(None) => Step::Done,
            Ok(Some(_)) => {
                self.table.flush_page(page);
                Step::Done
            }
            Err(_) => Step::NoMemory,
        }
    }

    fn fault_anon(&self, vma: &Vma, page: UserAddr, access: Access) -> Step {
        let prot = vma.page_prot();
        if access != Access::Write {
            let Some(zero) = zero_page() else {
                return Step::NoMemory;
            };
            return self.enter(page, zero.clone(), prot);
        }
        match self.table.prepare_write(page, prot) {
            WriteState::Ready => Step::Done,
            WriteState::Absent => {
                let Some(frame) = UFrame::alloc_zeroed() else {
                    return Step::NoMemory;
                };
                match self.table.map_new(page, frame, prot | Prot::ANON) {
                    Ok(None) => Step::Done,
                    Ok(Some(_)) => Step::Again,
                    Err(_) => Step::NoMemory,
                }
            }
            WriteState::Copy(old) => self.copy_page(page, &old, prot),
        }
    }

    /// Replaces `old`, which others hold too, by a copy of our own.
    fn copy_page(&self, page: UserAddr, old: &UFrame, prot: Prot) -> Step {
        let copy = if zero_page() == Some(old) {
            UFrame::alloc_zeroed()
        } else {
            old.alloc_copy()
        };
        let Some(copy) = copy else {
            return Step::NoMemory;
        };
        match self.table.replace(page, old, copy, prot | Prot::ANON) {
            None => Step::Done,
            Some(_) => Step::Again,
        }
    }

    /// A write to a private mapping of an object.
    fn fault_copy(
        &self,
        vma: &Vma,
        object: &MemObject,
        page: UserAddr,
    ) -> Result<Step, FaultError> {
        let prot = vma.page_prot();
        match self.table.prepare_write(page, prot) {
            WriteState::Ready => Ok(Step::Done),
            WriteState::Copy(old) => Ok(self.copy_page(page, &old, prot)),
            WriteState::Absent => {
                let step = object.with_page(vma.page_of(page.0), Access::Read, |frame, _| {
                    let Some(copy) = frame.alloc_copy() else {
                        return Step::NoMemory;
                    };
                    match self.table.map_new(page, copy, prot | Prot::ANON) {
                        Ok(None) => Step::Done,
                        Ok(Some(_)) => Step::Again,
                        Err(_) => Step::NoMemory,
                    }
                });
                page_step(step)
            }
        }
    }

    /// A read of an object's page, or any access to a shared one.
    fn fault_object(
        &self,
        vma: &Vma,
        object: &MemObject,
        page: UserAddr,
        access: Access,
    ) -> Result<Step, FaultError> {
        let prot = vma.page_prot();
        let index = vma.page_of(page.0);
        // A page mapped writable may change without another fault.
        let may_write = vma.is_shared() && vma.prot.contains(ProtFlags::WRITE);
        let exec = vma.prot.contains(ProtFlags::EXEC);
        let intent = match access {
            _ if may_write => Access::Write,
            _ if exec => Access::Exec,
            a => a,
        };
        let step = object.with_page(index, intent, |frame, near| {
            match self.table.map_new(page, frame.clone(), prot) {
                Err(_) => return Step::NoMemory,
                Ok(None) => (),
                Ok(Some(_)) if access == Access::Write => {
                    // There, but not writable: mapped before mprotect or fork said so.
                    return match self.table.prepare_write(page, prot) {
                        WriteState::Ready => Step::Done,
                        WriteState::Absent | WriteState::Copy(_) => Step::Again,
                    };
                }
                Ok(Some(_)) => {
                    self.table.flush_page(page);
                    return Step::Done;
                }
            }
            if access != Access::Write && (!may_write || object.is_memory_only()) {
                self.map_around(vma, page, index, |i| near.page(i, exec).cloned());
            }
            Step::Done
        });
        page_step(step)
    }

    /// Maps what is there of the pages around a fault.
    fn map_around(
        &self,
        vma: &Vma,
        page: UserAddr,
        index: u64,
        near: impl Fn(u64) -> Option<UFrame>,
    ) {
        let first_page = vma.page_of(vma.start);
        let first = (index & !(AROUND - 1)).max(first_page);
        let last = (index | (AROUND - 1)).min(first_page + vma.pages() as u64 - 1);
        let prot = vma.page_prot();
        let start = UserAddr(page.0 - (((index - first) as usize) << hal::PAGE_SHIFT));
        self.table
            .map_absent(start, (last - first + 1) as usize, prot, |n| {
                near(first + n as u64)
            });
    }

    /// Takes a stack down to `at`, which lies below it.
    fn grow_stack(&self, at: usize) -> Result<(), FaultError> {
        let segv = FaultError::Segv(FaultCode::MapErr);
        let mut inner = self.inner.write();
        let Some(v) = inner.tree.at_or_above(at) else {
            return Err(segv);
        };
        if v.start <= at {
            return Ok(());
        }
        let (start, end, flags) = (v.start, v.end, v.flags);
        let to = at & !(hal::PAGE_SIZE - 1);
        let limits = self.limits();
        let more = (start - to) >> hal::PAGE_SHIFT;
        if !flags.contains(VmaFlags::GROWSDOWN)
            || (end - to) as u64 > limits.stack
            || to < STACK_GUARD
            || inner.counts.total + more > page_count(limits.address_space)
        {
            return Err(segv);
        }
        if flags.contains(VmaFlags::LOCKED)
            && inner.counts.locked + more > page_count(limits.locked)
        {
            return Err(segv);
        }
        // Another mapping close below would be run into unnoticed.
        if let Some(below) = inner.tree.below(start)
            && !below.flags.contains(VmaFlags::GROWSDOWN)
            && !below.prot.is_empty()
            && to < below.end.saturating_add(STACK_GUARD)
        {
            return Err(segv);
        }
        if inner.tree.below(start).is_some_and(|b| b.end > to) {
            return Err(segv);
        }
        inner.tree.grow_down(start, to);
        inner.counts.add(Counts {
            total: more,
            stack: more,
            locked: if flags.contains(VmaFlags::LOCKED) {
                more
            } else {
                0
            },
            ..Counts::default()
        });
        inner.peak_total = inner.peak_total.max(inner.counts.total);
        Ok(())
    }
}

fn page_step(step: Result<Step, PageError>) -> Result<Step, FaultError> {
    match step {
        Ok(step) => Ok(step),
        Err(PageError::NoMemory) => Ok(Step::NoMemory),
        Err(PageError::PastEnd | PageError::NoSpace | PageError::Io(_)) => Err(FaultError::Bus),
    }
}
