//! virtio-rng: entropy from the host (virtio 1.2, 5.4).

use alloc::sync::Arc;
use hal::virtio::{Chain, Device, Features, Queue};
use sync::{Events, IrqLock, Mutex, Pollee, rank};

/// Most bytes asked for at once.
const MOST: usize = 256;

/// A source of entropy.
pub struct Rng {
    device: IrqLock<Device, { rank::LEAF }>,
    queue: Mutex<Queue<4>, { rank::DEVICE }>,
    done: Pollee,
}

impl Rng {
    /// Sets the device up. `None` when it does not work.
    #[must_use]
    pub fn start(mut device: Device) -> Option<Arc<Self>> {
        device.negotiate(Features::empty()).ok()?;
        let queue = device.queue(0).ok()?;
        device.start();
        let line = device.line();
        let rng = Arc::new(Self {
            device: IrqLock::new(device),
            queue: Mutex::new(queue),
            done: Pollee::new(),
        });
        let handler = rng.clone();
        let interrupt = move || {
            if handler.device.lock().acknowledge().any() {
                handler.done.notify(Events::READABLE);
            }
        };
        hal::irq::register(line, "virtio-rng", Arc::new(interrupt)).ok()?;
        hal::irq::enable(line);
        Some(rng)
    }

    /// Fills the start of `bytes`; how many came. Sleeps until the host answers, a second at most.
    pub fn fill(&self, bytes: &mut [u8]) -> usize {
        let len = bytes.len().min(MOST);
        if len == 0 {
            return 0;
        }
        let mut queue = self.queue.lock();
        // An answer that came too late last time.
        while queue.complete().is_some() {}
        let Ok(notify) = queue.submit(Chain::room(len)) else {
            return 0;
        };
        if notify {
            self.device.lock().notify(0);
        }
        let deadline = sync::Instant::after(core::time::Duration::from_secs(1));
        let answer = sync::wait_until(&[(&self.done, Events::READABLE)], Some(deadline), || {
            let answer = queue.complete();
            (answer.is_some() || queue.is_broken()).then_some(answer)
        });
        let Some((chain, written)) = answer.flatten() else {
            return 0;
        };
        let given = chain
            .incoming
            .first()
            .and_then(|buffer| buffer.get(..written))
            .unwrap_or(&[]);
        for (to, from) in bytes.iter_mut().zip(given) {
            *to = *from;
        }
        given.len().min(bytes.len())
    }
}

#[cfg(test)]
mod tests;
