//! Memory that devices work on. All of it lies in the linear map, so an address differs from the
//! machine's by a constant, and DMA is coherent.

use core::ptr::NonNull;

use virtio_drivers::{BufferDirection, Hal};

use crate::frame::FrameRun;
use crate::{PAGE_SHIFT, PAGE_SIZE};

/// The operations the virtio crate asks for.
pub(super) struct Dma;

// SAFETY: memory given out is page-aligned, zeroed, exclusively the caller's until given back, and its
// machine address is the one returned.
unsafe impl Hal for Dma {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (u64, NonNull<u8>) {
        let Some(run) = FrameRun::alloc(pages) else {
            return (0, NonNull::dangling());
        };
        let machine = run.phys().0;
        let at = NonNull::new(run.as_ptr()).unwrap_or(NonNull::dangling());
        // Comes back through `dma_dealloc`.
        core::mem::forget(run);
        (machine, at)
    }

    unsafe fn dma_dealloc(machine: u64, _at: NonNull<u8>, pages: usize) -> i32 {
        // SAFETY: the caller gives back what `dma_alloc` gave out.
        drop(unsafe { FrameRun::from_raw((machine >> PAGE_SHIFT) as u32, pages as u32) });
        0
    }

    unsafe fn mmio_phys_to_virt(machine: u64, size: usize) -> NonNull<u8> {
        let range = crate::device::DeviceRange {
            base: machine,
            size: size as u64,
        };
        super::map(range).unwrap_or(NonNull::dangling())
    }

    unsafe fn share(buffer: NonNull<[u8]>, _direction: BufferDirection) -> u64 {
        // The heap lies in the linear map.
        (buffer.cast::<u8>().as_ptr() as usize).wrapping_sub(crate::addr::LINEAR_BASE) as u64
    }

    unsafe fn unshare(_machine: u64, _buffer: NonNull<[u8]>, _direction: BufferDirection) {}
}

const _: () = assert!(PAGE_SIZE == virtio_drivers::PAGE_SIZE);
