//! Kernel stacks and the switch between them.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicU32, Ordering};

use super::{fp, irq, kmap, local, user};
use crate::addr::{PAGE_SHIFT, PAGE_SIZE};
use crate::frame::FrameRun;
use crate::head::Head;
use crate::lock::RawLock;
use crate::thread::{OutOfMemory, STACK_SIZE, finish_switch};

/// What stands between two stack tops: a guard as large as the stack, then the stack.
const SLOT: usize = 2 * STACK_SIZE;
const PAGES: usize = STACK_SIZE / PAGE_SIZE;
/// Stacks kept mapped for the next thread.
const KEPT: usize = 16;
/// Words `switch_stacks` saves.
const SAVED: usize = 12;

unsafe extern "C" {
    /// Saves the callee's registers, stores the stack pointer at `save`, goes on at `sp`; `prev` comes
    /// out on the other side.
    fn switch_stacks(save: *mut usize, sp: usize, prev: *const ()) -> *const ();
    fn thread_start();
}

/// Stacks nobody uses: mapped ones, and slots whose pages were given back.
struct Free {
    mapped: [u32; KEPT],
    mapped_count: usize,
    /// Slots without pages; grows by doubling, outside any allocation path that matters.
    empty: alloc::vec::Vec<u32>,
}

static FREE: RawLock<Free> = RawLock::new(Free {
    mapped: [0; KEPT],
    mapped_count: 0,
    empty: alloc::vec::Vec::new(),
});
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A mapped kernel stack.
pub(crate) struct KernelStack {
    slot: u32,
    sp: usize,
}

fn top_of(slot: u32) -> usize {
    kmap::STACK_BASE + (slot as usize + 1) * SLOT
}

fn take_slot() -> Result<(u32, bool), OutOfMemory> {
    let mut free = FREE.lock();
    if free.mapped_count > 0 {
        free.mapped_count -= 1;
        return Ok((free.mapped[free.mapped_count], true));
    }
    if let Some(slot) = free.empty.pop() {
        return Ok((slot, false));
    }
    let slot = NEXT.fetch_add(1, Ordering::Relaxed);
    // Room to give it back later, so that ending a thread needs no memory.
    if free.empty.try_reserve(slot as usize + 1).is_err() {
        NEXT.fetch_sub(1, Ordering::Relaxed);
        return Err(OutOfMemory);
    }
    Ok((slot, false))
}

fn give_slot(slot: u32) {
    FREE.lock().empty.push(slot);
}

fn map_slot(slot: u32) -> Result<(), OutOfMemory> {
    let bottom = top_of(slot) - STACK_SIZE;
    for index in 0..PAGES {
        let at = bottom + index * PAGE_SIZE;
        let mapped = FrameRun::alloc_dirty(1).is_some_and(|frame| {
            let phys = frame.phys().0;
            // SAFETY: the slot is ours; tables come zeroed and are never freed.
            let done =
                unsafe { kmap::map(at, phys, PAGE_SIZE as u64, kmap::RAM, &mut kmap::pool_table) };
            if done.is_ok() {
                frame.into_raw();
            }
            done.is_ok()
        });
        if !mapped {
            unmap_pages(bottom, index);
            return Err(OutOfMemory);
        }
    }
    kmap::publish();
    Ok(())
}

fn unmap_pages(bottom: usize, count: usize) {
    // SAFETY: mapped page by page by `map_slot`, with frames given up there; nobody runs on them.
    unsafe {
        kmap::unmap(bottom, count, |phys| {
            drop(FrameRun::from_raw((phys >> PAGE_SHIFT) as u32, 1))
        });
    }
}

/// A stack without an entry, for the first flow of a processor.
pub(super) fn bare_stack() -> Result<KernelStack, OutOfMemory> {
    let (slot, mapped) = take_slot()?;
    if !mapped && let Err(error) = map_slot(slot) {
        give_slot(slot);
        return Err(error);
    }
    Ok(KernelStack {
        slot,
        sp: top_of(slot),
    })
}

impl KernelStack {
    /// A stack on which the first switch runs `entry`.
    pub(crate) fn new(entry: Box<dyn FnOnce() + Send>) -> Result<KernelStack, OutOfMemory> {
        let mut stack = bare_stack()?;
        let sp = stack.sp - SAVED * size_of::<usize>();
        let entry = Box::into_raw(entry);
        // SAFETY: the stack is mapped and ours. Two words carry the entry; the layout is that of
        // `switch_stacks`: x29, x30, x19, x20 and so on.
        unsafe {
            let words = sp as *mut usize;
            words.write_bytes(0, SAVED);
            words.add(1).write(thread_start as *const () as usize);
            words
                .add(2)
                .cast::<*mut (dyn FnOnce() + Send)>()
                .write(entry);
        }
        stack.sp = sp;
        Ok(stack)
    }

    pub(crate) fn initial_sp(&self) -> usize {
        self.sp
    }

    /// The end of the stack, where an empty one begins.
    pub(super) fn top(&self) -> usize {
        top_of(self.slot)
    }
}

impl Drop for KernelStack {
    fn drop(&mut self) {
        {
            let mut free = FREE.lock();
            let count = free.mapped_count;
            if count < KEPT {
                free.mapped[count] = self.slot;
                free.mapped_count += 1;
                return;
            }
        }
        unmap_pages(top_of(self.slot) - STACK_SIZE, PAGES);
        give_slot(self.slot);
    }
}

/// Switches from the running thread to `next`; returns when somebody switches back. Interrupts are off.
#[inline]
pub(crate) fn switch(prev: &Head, next: &Head) {
    fp::leave(prev);
    fp::arrive(next);
    prev.user_pointers.set(user::pointers());
    user::set_pointers(next.user_pointers.get());
    // SAFETY: `next` is off its processor (`running` was taken), its saved stack pointer is valid, and
    // the reference in its `me` keeps both alive.
    let prev = unsafe {
        local::set_head(next);
        &*switch_stacks(
            prev.sp.as_ptr(),
            next.sp.get(),
            core::ptr::from_ref(prev).cast(),
        )
        .cast::<Head>()
    };
    finish_switch(prev);
}

/// A thread's first words: gives up the one before, then runs the entry with interrupts on.
pub(super) extern "C" fn thread_main(prev: *const Head, data: *mut (), vtable: *const ()) -> ! {
    // SAFETY: the head of the thread that switched here, kept alive by its `me` until this takes it.
    finish_switch(unsafe { &*prev });
    irq::irq_enable();
    let entry: *mut (dyn FnOnce() + Send) =
        // SAFETY: the two words `KernelStack::new` took apart.
        unsafe { core::mem::transmute::<(*mut (), *const ()), *mut (dyn FnOnce() + Send)>((data, vtable)) };
    // SAFETY: made by `Box::into_raw` there; this runs once.
    unsafe { Box::from_raw(entry)() };
    panic!("a thread returned from its entry")
}
