//! Drivers of virtio devices, over the queues `hal` makes safe: consoles with their ports, displays, input devices,
//! network cards, entropy.

mod checksum;
mod console;
mod control;
mod gpu;
mod hvc;
mod input;
#[cfg(test)]
mod lies;
mod net;
mod port;
mod rng;

use alloc::sync::Arc;
use core::time::Duration;
use hal::device::Devices;
use hal::virtio::{Fault, Kind, Wrong};
use rng::Rng;
use sync::{Events, Instant, Once, Pollee};

pub use console::Console;
pub use port::PortFile;

/// How long the host's entropy is good for.
const RESEED: Duration = Duration::from_secs(300);

/// Finds the machine's virtio devices and starts the drivers there are; `entropy` is given random bytes of the host's
/// as they come. Call it once, when kernel threads can be made.
pub fn start(devices: &Devices, entropy: fn(&[u8])) {
    console::register();
    hal::virtio::on_fault(complain);
    for device in hal::virtio::find(devices) {
        if !apart(move || start_one(device, entropy)) {
            log::warn!("a virtio device does not work");
        }
    }
}

/// Says what a device did that none may. It comes once for each queue.
fn complain(fault: Fault) {
    let (kind, line) = (fault.kind, fault.line.number);
    match fault.what {
        Wrong::NotLent { queue, id } => log::warn!(
            "virtio: the {kind:?} device of interrupt {line} gave back {id} of queue {queue}, which it does not have: the queue is used no more"
        ),
        Wrong::NeedsReset => {
            log::warn!("virtio: the {kind:?} device of interrupt {line} works no more");
        }
    }
}

/// Runs `run` on a thread, and so a stack, of its own, and waits for its answer: queues are large before they stand
/// in the heap.
fn apart(run: impl FnOnce() -> bool + Send + 'static) -> bool {
    let answer = Arc::new((Pollee::new(), Once::new()));
    let given = answer.clone();
    let thread = move || {
        let _ = given.1.set(run());
        given.0.notify(Events::READABLE);
    };
    if sync::spawn_kernel("virtio", thread).is_err() {
        return false;
    }
    let (told, value) = &*answer;
    sync::wait_until(&[(told, Events::READABLE)], None, || value.get().copied()).unwrap_or(false)
}

/// Starts a device's driver; each has its frames to itself.
#[inline(never)]
fn start_one(device: hal::virtio::Device, entropy: fn(&[u8])) -> bool {
    match device.kind() {
        Kind::Console => console::start(device).is_ok(),
        Kind::Network => net::start(device).is_ok(),
        Kind::Entropy => start_rng(device, entropy).is_some(),
        Kind::Input => input::start(device).is_ok(),
        Kind::Gpu => gpu::start(device).is_ok(),
        // Drivers of the others come with the subsystems they serve.
        _ => true,
    }
}

#[inline(never)]
fn start_rng(device: hal::virtio::Device, entropy: fn(&[u8])) -> Option<()> {
    let rng = Rng::start(device)?;
    let feed = move || {
        loop {
            let mut bytes = [0; 64];
            let got = rng.fill(&mut bytes);
            entropy(bytes.get(..got).unwrap_or(&[]));
            sync::sleep_until(Instant::after(RESEED));
        }
    };
    sync::spawn_kernel("hwrng", feed).ok()?;
    Some(())
}
