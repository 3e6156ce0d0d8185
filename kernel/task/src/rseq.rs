//! Restartable sequences (`man 2 rseq`): a thread's own word tells it which processor it is on, and a sequence it was
//! interrupted in starts over.
//!
//! A thread that registered one looks at it before it returns to its program whenever it was switched to, and before
//! it enters a signal handler.

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use abi::signal::SIGSEGV;
use abi::{Errno, Result};
use hal::ucopy::{self, UserPtr};
use hal::{USER_END, UserAddr, UserContext};

use crate::signal::force_default;
use crate::thread::{Thread, flag};

/// Bytes of the first `struct rseq`, and its alignment.
const ORIGINAL: u32 = 32;
/// Bytes of the fields there are now (`AT_RSEQ_FEATURE_SIZE`).
pub const FIELDS: u32 = 28;
/// What a longer one is aligned to (`AT_RSEQ_ALIGN`).
pub const ALIGN: u32 = 32;
/// Where `rseq_cs` is in it, and what follows the fields for processors.
const CS_AT: usize = 8;
const NODE_AT: usize = 20;
/// `cpu_id` of a thread that has unregistered.
const UNINITIALIZED: u32 = u32::MAX;

/// What a thread has registered; address 0 is nothing.
#[derive(Default)]
pub struct Registration {
    addr: AtomicUsize,
    len: AtomicU32,
    signature: AtomicU32,
}

impl Registration {
    /// Whether there is one.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.addr.load(Ordering::Relaxed) != 0
    }

    fn addr(&self) -> UserAddr {
        UserAddr(self.addr.load(Ordering::Relaxed))
    }

    fn set(&self, addr: UserAddr, len: u32, signature: u32) {
        self.addr.store(addr.0, Ordering::Relaxed);
        self.len.store(len, Ordering::Relaxed);
        self.signature.store(signature, Ordering::Relaxed);
    }

    /// There is none: exec, or a thread that shares its maker's memory.
    pub fn clear(&self) {
        self.set(UserAddr(0), 0, 0);
    }

    /// A forked child's copy has its parent's.
    pub fn inherit(&self, parent: &Self) {
        let (len, signature) = (&parent.len, &parent.signature);
        self.set(
            parent.addr(),
            len.load(Ordering::Relaxed),
            signature.load(Ordering::Relaxed),
        );
    }

    /// Whether these are the registered ones.
    fn judge(&self, addr: UserAddr, len: u32, signature: u32) -> Result<()> {
        if self.addr() != addr || self.len.load(Ordering::Relaxed) != len {
            return Err(Errno::EINVAL);
        }
        if self.signature.load(Ordering::Relaxed) != signature {
            return Err(Errno::EPERM);
        }
        Ok(())
    }
}

/// Registers `struct rseq` of the calling thread.
///
/// # Errors
/// `EBUSY` when these are registered already; `EINVAL` for others then, and for a size or alignment that cannot be;
/// `EPERM` for another signature; `EFAULT`.
pub fn register(thread: &Thread, addr: UserAddr, len: u32, signature: u32) -> Result<()> {
    let mine = thread.rseq();
    if mine.is_set() {
        mine.judge(addr, len, signature)?;
        return Err(Errno::EBUSY);
    }
    // Longer ones have no other alignment today.
    if len < ORIGINAL || !addr.0.is_multiple_of(ALIGN as usize) {
        return Err(Errno::EINVAL);
    }
    if !addr.may_transfer(len as usize) {
        return Err(Errno::EFAULT);
    }
    // What stood there before is no sequence of this registration's.
    UserPtr::<u64>::new(UserAddr(addr.0 + CS_AT)).write(&0)?;
    mine.set(addr, len, signature);
    thread.look_at_rseq();
    Ok(())
}

/// Takes the registration back.
///
/// # Errors
/// `EINVAL` when it is another or none, `EPERM` for another signature, `EFAULT`.
pub fn unregister(thread: &Thread, addr: UserAddr, len: u32, signature: u32) -> Result<()> {
    let mine = thread.rseq();
    if !mine.is_set() {
        return Err(Errno::EINVAL);
    }
    mine.judge(addr, len, signature)?;
    tell(addr, 0, UNINITIALIZED, 0)?;
    mine.clear();
    Ok(())
}

/// Restarts a sequence the program was interrupted in, and tells it its processor.
pub fn resume(thread: &Thread, regs: &mut UserContext) {
    thread.lower(flag::RSEQ);
    let addr = thread.rseq().addr();
    if addr.is_null() {
        return;
    }
    let here = hal::cpu::current().index() as u32;
    // A processor's number is a number nobody else in this memory has at the same time.
    let done = restart(thread, addr, regs).and_then(|()| tell(addr, here, here, here));
    if done.is_err() {
        force_default(thread, SIGSEGV);
    }
}

fn tell(addr: UserAddr, start: u32, cpu: u32, concurrency: u32) -> Result<()> {
    let bad = |_| Errno::EFAULT;
    let node = UserAddr(addr.0 + NODE_AT);
    UserPtr::<[u32; 2]>::new(addr).write(&[start, cpu])?;
    ucopy::copy_out(node, &[0; 4]).map_err(bad)?;
    let concurrency_id = UserAddr(node.0 + 4);
    ucopy::copy_out(concurrency_id, &concurrency.to_le_bytes()).map_err(bad)
}

fn restart(thread: &Thread, addr: UserAddr, regs: &mut UserContext) -> Result<()> {
    let pointer = UserPtr::<u64>::new(UserAddr(addr.0 + CS_AT));
    let descriptor = pointer.read()?;
    if descriptor == 0 {
        return Ok(());
    }
    // Version and flags, first instruction, length, where to go on.
    let at = UserAddr(descriptor as usize);
    let [head, start, length, abort] = UserPtr::<[u64; 4]>::new(at).read()?;
    let (version, flags) = (head as u32, (head >> 32) as u32);
    let end = start.checked_add(length).ok_or(Errno::EINVAL)?;
    let limit = USER_END as u64;
    let in_range = start < limit && end < limit && abort < limit && abort >= 4;
    if version > 0 || !in_range || abort.wrapping_sub(start) < length {
        return Err(Errno::EINVAL);
    }
    let before = UserPtr::<u32>::new(UserAddr(abort as usize - 4)).read()?;
    if before != thread.rseq().signature.load(Ordering::Relaxed) {
        return Err(Errno::EINVAL);
    }
    let inside = regs.pc().wrapping_sub(start) < length;
    // Flags once said what not to restart for; Linux takes none any more.
    if inside && flags != 0 {
        return Err(Errno::EINVAL);
    }
    pointer.write(&0)?;
    if inside {
        regs.set_pc(abort);
    }
    Ok(())
}
