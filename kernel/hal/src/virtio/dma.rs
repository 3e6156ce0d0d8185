//! Memory that devices work on. All of it lies in the linear map, so an address differs from the
//! machine's by a constant, and DMA is coherent.

use core::ptr::NonNull;

use virtio_drivers::{BufferDirection, Hal};

use crate::PAGE_SIZE;
use crate::addr::LINEAR_BASE;
use crate::frame::FrameRun;

/// The machine's address of one in the linear map. (The host's devices know the host's addresses.)
fn machine_address(at: *mut u8) -> u64 {
    (at as usize).wrapping_sub(LINEAR_BASE) as u64
}

/// The operations the virtio crate asks for.
pub(super) struct Dma;

// SAFETY: memory given out is page-aligned, zeroed, exclusively the caller's until given back, and its
// machine address is the one returned.
unsafe impl Hal for Dma {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (u64, NonNull<u8>) {
        let Some(run) = FrameRun::alloc(pages) else {
            return (0, NonNull::dangling());
        };
        let machine = machine_address(run.as_ptr());
        let at = NonNull::new(run.as_ptr()).unwrap_or(NonNull::dangling());
        // Comes back through `dma_dealloc`.
        core::mem::forget(run);
        (machine, at)
    }

    unsafe fn dma_dealloc(_machine: u64, at: NonNull<u8>, pages: usize) -> i32 {
        // SAFETY: the caller gives back what `dma_alloc` gave out.
        drop(unsafe { FrameRun::from_raw(crate::frame::frame_of(at.as_ptr()), pages as u32) });
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
        machine_address(buffer.cast::<u8>().as_ptr())
    }

    unsafe fn unshare(_machine: u64, _buffer: NonNull<[u8]>, _direction: BufferDirection) {}
}

const _: () = assert!(PAGE_SIZE == virtio_drivers::PAGE_SIZE);
