//! Drivers of virtio devices, over the queues `hal` makes safe.

pub mod console;
mod port;

use alloc::sync::Arc;
use hal::device::Devices;
use hal::virtio::Kind;

/// Finds the machine's virtio devices and starts the drivers there are. Call it once, when kernel
/// threads can be made.
pub fn start(devices: &Devices) {
    let mut consoles = 0;
    for device in hal::virtio::find(devices) {
        if device.kind() == Kind::Console {
            match console::start(device, consoles) {
                Ok(()) => consoles += 1,
                Err(error) => log::warn!("virtio console {consoles}: {error}"),
            }
        }
    }
}

/// A worker that a device's interrupt wakes.
pub(super) type Worker = Arc<sync::Task>;
