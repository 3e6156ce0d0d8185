//! Descriptors: numbers a process has for open files.
//!
//! A number is reserved first and gets its file when nothing can fail any more, so that a call that
//! makes several never shows half of them. Files are dropped outside the table's lock.

use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use sync::{SpinLock, rank};

use crate::file::OpenFile;

/// Most descriptors any process may have (`/proc/sys/fs/nr_open`).
pub static NR_OPEN: AtomicU32 = AtomicU32::new(1 << 20);

fn nr_open() -> usize {
    NR_OPEN.load(Ordering::Relaxed) as usize
}
const BITS: usize = 64;

/// A descriptor's number.
pub type Fd = i32;

#[derive(Default)]
struct Slots {
    files: Vec<Option<Arc<OpenFile>>>,
    /// A bit a number: open or reserved.
    taken: Vec<u64>,
    /// A bit a number: closed on `execve`.
    cloexec: Vec<u64>,
    /// No number below this is free.
    lowest: usize,
}

fn bit(map: &[u64], at: usize) -> bool {
    map.get(at / BITS)
        .is_some_and(|word| word >> (at % BITS) & 1 != 0)
}

fn set_bit(map: &mut [u64], at: usize, on: bool) {
    if let Some(word) = map.get_mut(at / BITS) {
        let mask = 1 << (at % BITS);
        if on { *word |= mask } else { *word &= !mask }
    }
}

impl Slots {
    /// The lowest free number at or above `from`.
    fn free(&self, from: usize) -> usize {
        let from = from.max(self.lowest);
        let mut word = from / BITS;
        let mut ignore = (1u64 << (from % BITS)) - 1;
        while let Some(bits) = self.taken.get(word) {
            let free = !(bits | ignore);
            if free != 0 {
                return word * BITS + free.trailing_zeros() as usize;
            }
            ignore = 0;
            word += 1;
        }
        from.max(word * BITS)
    }

    /// Makes room for number `at`.
    #[inline]
    fn grow(&mut self, at: usize) -> Result<()> {
        if at < self.files.len() {
            return Ok(());
        }
        self.enlarge(at)
    }

    #[cold]
    fn enlarge(&mut self, at: usize) -> Result<()> {
        let words = at / BITS + 1;
        let want = words * BITS;
        let more = want - self.files.len();
        self.files.try_reserve(more).map_err(|_| Errno::ENOMEM)?;
        let more_words = words.saturating_sub(self.taken.len());
        self.taken
            .try_reserve(more_words)
            .map_err(|_| Errno::ENOMEM)?;
        self.cloexec
            .try_reserve(more_words)
            .map_err(|_| Errno::ENOMEM)?;
        self.files.resize(want, None);
        self.taken.resize(words, 0);
        self.cloexec.resize(words, 0);
        Ok(())
    }

    fn take(&mut self, at: usize, cloexec: bool) {
        set_bit(&mut self.taken, at, true);
        set_bit(&mut self.cloexec, at, cloexec);
        if at == self.lowest {
            self.lowest = at + 1;
        }
    }

    fn release(&mut self, at: usize) {
        set_bit(&mut self.taken, at, false);
        set_bit(&mut self.cloexec, at, false);
        self.lowest = self.lowest.min(at);
    }

    fn remove(&mut self, at: usize) -> Option<Arc<OpenFile>> {
        let file = self.files.get_mut(at)?.take()?;
        self.release(at);
        Some(file)
    }

    #[inline]
    fn reserve(&mut self, from: usize, limit: usize, cloexec: bool) -> Result<usize> {
        let at = self.free(from);
        if at >= limit.min(nr_open()) {
            return Err(Errno::EMFILE);
        }
        self.grow(at)?;
        self.take(at, cloexec);
        Ok(at)
    }
}

/// A table of descriptors, shared by threads (`CLONE_FILES`).
pub struct FdTable {
    id: u64,
    /// Threads that have it.
    users: AtomicU32,
    slots: SpinLock<Slots, { rank::FD_TABLE }>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Default for FdTable {
    fn default() -> Self {
        Self::new()
    }
}

fn index(fd: Fd) -> Result<usize> {
    usize::try_from(fd).map_err(|_| Errno::EBADF)
}

impl FdTable {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            users: AtomicU32::new(0),
            slots: SpinLock::new(Slots::default()),
        }
    }

    /// A number no other table ever has: who holds POSIX locks.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// One more thread has it.
    pub fn enter(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
    }

    /// A thread has it no longer.
    pub fn leave(&self) {
        self.users.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether several threads have it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.users.load(Ordering::Relaxed) > 1
    }

    /// The file of a descriptor.
    ///
    /// # Errors
    /// `EBADF`.
    #[inline]
    pub fn get(&self, fd: Fd) -> Result<Arc<OpenFile>> {
        let slots = self.slots.lock();
        slots
            .files
            .get(fd as usize)
            .and_then(Option::as_ref)
            .cloned()
            .ok_or(Errno::EBADF)
    }

    /// Reserves the lowest free number at or above `from` and below `limit` (`RLIMIT_NOFILE`).
    ///
    /// # Errors
    /// `EMFILE`, `ENOMEM`.
    pub fn reserve(&self, from: usize, limit: usize, cloexec: bool) -> Result<Reservation<'_>> {
        let at = self.slots.lock().reserve(from, limit, cloexec)?;
        Ok(Reservation {
            table: self,
            at: Some(at),
        })
    }

    /// Gives `file` the lowest free number.
    ///
    /// # Errors
    /// `EMFILE`, `ENOMEM`.
    pub fn install(&self, file: Arc<OpenFile>, limit: usize, cloexec: bool) -> Result<Fd> {
        let mut slots = self.slots.lock();
        let at = match slots.reserve(0, limit, cloexec) {
            Ok(at) => at,
            Err(error) => {
                drop(slots);
                drop(file);
                return Err(error);
            }
        };
        if let Some(slot) = slots.files.get_mut(at) {
            *slot = Some(file);
        }
        Ok(at as Fd)
    }

    /// Gives `file` the number `fd` (`dup2`); answers what had it before, to be closed.
    ///
    /// # Errors
    /// `EBADF` at or above `limit`, `EBUSY` while another call has reserved the number, `ENOMEM`.
    pub fn replace(
        &self,
        fd: Fd,
        file: Arc<OpenFile>,
        limit: usize,
        cloexec: bool,
    ) -> Result<Option<Arc<OpenFile>>> {
        let at = index(fd)?;
        if at >= limit.min(nr_open()) {
            return Err(Errno::EBADF);
        }
        let mut slots = self.slots.lock();
        slots.grow(at)?;
        let taken = bit(&slots.taken, at);
        let open = slots.files.get(at).is_some_and(Option::is_some);
        if taken && !open {
            return Err(Errno::EBUSY);
        }
        slots.take(at, cloexec);
        Ok(slots.files.get_mut(at).and_then(|slot| slot.replace(file)))
    }

    /// Takes a descriptor out of the table; the caller closes the file ([`crate::close()`]).
    ///
    /// # Errors
    /// `EBADF`.
    pub fn remove(&self, fd: Fd) -> Result<Arc<OpenFile>> {
        let at = index(fd)?;
        self.slots.lock().remove(at).ok_or(Errno::EBADF)
    }

    /// Takes the first open descriptor in `first..=last` out.
    #[must_use]
    pub fn remove_in(&self, first: usize, last: usize) -> Option<(Fd, Arc<OpenFile>)> {
        let mut slots = self.slots.lock();
        let at = slots.next_open(first, last)?;
        slots.remove(at).map(|file| (at as Fd, file))
    }

    /// Marks the open descriptors in `first..=last` to be closed on `execve`.
    pub fn mark_cloexec(&self, first: usize, last: usize) {
        let mut slots = self.slots.lock();
        let mut from = first;
        while let Some(at) = slots.next_open(from, last) {
            set_bit(&mut slots.cloexec, at, true);
            from = at + 1;
        }
    }

    /// Whether the descriptor is closed on `execve`.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn cloexec(&self, fd: Fd) -> Result<bool> {
        let at = index(fd)?;
        let slots = self.slots.lock();
        if slots.files.get(at).is_none_or(Option::is_none) {
            return Err(Errno::EBADF);
        }
        Ok(bit(&slots.cloexec, at))
    }

    /// Sets whether the descriptor is closed on `execve`.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn set_cloexec(&self, fd: Fd, on: bool) -> Result<()> {
        let at = index(fd)?;
        let mut slots = self.slots.lock();
        if slots.files.get(at).is_none_or(Option::is_none) {
            return Err(Errno::EBADF);
        }
        set_bit(&mut slots.cloexec, at, on);
        Ok(())
    }

    /// The lowest open descriptor at or above `from`, with its file.
    #[must_use]
    pub fn next(&self, from: usize) -> Option<(Fd, Arc<OpenFile>)> {
        let slots = self.slots.lock();
        let at = slots.next_open(from, usize::MAX)?;
        let file = slots.files.get(at)?.clone()?;
        Some((at as Fd, file))
    }

    /// How many numbers the table has room for (`FDSize` in `/proc/<pid>/status`).
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slots.lock().files.len()
    }

    /// A copy for `fork`: every open file once more, reserved numbers free.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn fork(&self) -> Result<Self> {
        self.copy_below(usize::MAX)
    }

    /// A copy that leaves the numbers from `end` out (`close_range` with `CLOSE_RANGE_UNSHARE`).
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn copy_below(&self, end: usize) -> Result<Self> {
        let mut copy = Slots::default();
        loop {
            let want = self.capacity().min(end);
            if want > 0 {
                copy.grow(want - 1)?;
            }
            let slots = self.slots.lock();
            let used = slots.files.len().min(end);
            if used > copy.files.len() {
                continue;
            }
            for (at, (to, from)) in copy
                .files
                .iter_mut()
                .zip(&slots.files)
                .take(used)
                .enumerate()
            {
                if let Some(file) = from {
                    *to = Some(file.clone());
                    set_bit(&mut copy.taken, at, true);
                    set_bit(&mut copy.cloexec, at, bit(&slots.cloexec, at));
                }
            }
            break;
        }
        copy.lowest = copy.free(0);
        Ok(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            users: AtomicU32::new(0),
            slots: SpinLock::new(copy),
        })
    }

    /// Takes the descriptors out that are closed on `execve`, one by one; the caller closes them.
    #[must_use]
    pub fn remove_cloexec(&self) -> Option<Arc<OpenFile>> {
        let mut slots = self.slots.lock();
        let mut word = 0;
        while let Some(marks) = slots.cloexec.get(word).copied() {
            let mut left = marks;
            while left != 0 {
                let at = word * BITS + left.trailing_zeros() as usize;
                left &= left - 1;
                if let Some(file) = slots.remove(at) {
                    return Some(file);
                }
            }
            word += 1;
        }
        None
    }
}

impl Drop for FdTable {
    /// The last thread that had the table is gone: its locks on the files go with it.
    fn drop(&mut self) {
        let files = core::mem::take(&mut self.slots.get_mut().files);
        for file in files.into_iter().flatten() {
            crate::close(self, file);
        }
    }
}

impl Slots {
    fn next_open(&self, from: usize, last: usize) -> Option<usize> {
        let open = self
            .files
            .iter()
            .enumerate()
            .skip(from)
            .find(|(_, file)| file.is_some());
        open.map(|(at, _)| at).filter(|at| *at <= last)
    }
}

/// A number that waits for its file; it is free again when this is dropped.
#[must_use = "dropping a reservation frees the number"]
pub struct Reservation<'a> {
    table: &'a FdTable,
    at: Option<usize>,
}

impl Reservation<'_> {
    /// The number.
    #[must_use]
    pub fn fd(&self) -> Fd {
        self.at.unwrap_or(0) as Fd
    }

    /// Gives the number its file.
    pub fn install(mut self, file: Arc<OpenFile>) -> Fd {
        let fd = self.fd();
        if let Some(at) = self.at.take()
            && let Some(slot) = self.table.slots.lock().files.get_mut(at)
        {
            *slot = Some(file);
        }
        fd
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if let Some(at) = self.at {
            self.table.slots.lock().release(at);
        }
    }
}
