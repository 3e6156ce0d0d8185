//! Start-up: what the boot loader told, and the macro that names the kernel's first function.

use alloc::string::String;
use alloc::vec::Vec;

use crate::device::Devices;

/// What the machine and its boot loader say at start.
#[derive(Debug)]
pub struct BootInfo {
    /// The kernel command line (`/chosen/bootargs`).
    pub command_line: String,
    /// The device tree blob itself, a copy.
    pub device_tree: Vec<u8>,
    /// Ranges of RAM: first physical address and length in bytes.
    pub memory: Vec<(u64, u64)>,
    /// The initial ramdisk, if one was given.
    #[cfg(target_os = "none")]
    pub initrd: Option<crate::frame::Reserved>,
    /// Random bytes the boot loader gave (`rng-seed`, `kaslr-seed`); may be empty.
    pub seed: Vec<u8>,
    /// How many processors the device tree has, up to [`MAX_CPUS`](crate::MAX_CPUS).
    pub cpus: usize,
    /// The devices.
    pub devices: Devices,
}

/// Names the kernel's first function: a safe `fn(BootInfo) -> !`, called once on the boot processor
/// with interrupts off, memory and the heap working.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[cfg(target_os = "none")]
        const _: () = {
            #[unsafe(export_name = "nacre_kernel_main")]
            fn __nacre_kernel_main(info: $crate::boot::BootInfo) -> ! {
                let main: fn($crate::boot::BootInfo) -> ! = $main;
                main(info)
            }
        };
    };
}
