//! A virtqueue whose requests are one buffer each, without an allocation a request: for network cards.

use alloc::boxed::Box;

use super::ring::{Ring, Show};

/// A buffer, and how much of it was lent.
pub(super) type Lent = (Box<[u8]>, usize);

/// A queue of `SIZE` slots. As with [`super::Queue`], a queue that is dropped leaves its memory to the device, and one
/// whose device has lost count takes nothing and gives nothing.
pub struct PacketQueue<const SIZE: usize>(pub(super) Ring<Lent, SIZE>);

fn incoming((buffer, _): &mut Lent, show: &mut Show<'_>) {
    show(&[], &mut [buffer]);
}

fn outgoing((buffer, len): &mut Lent, show: &mut Show<'_>) {
    if let Some(bytes) = buffer.get(..*len) {
        show(&[bytes], &mut []);
    }
}

impl<const SIZE: usize> PacketQueue<SIZE> {
    /// Its number, for [`super::Device::notify`].
    #[must_use]
    pub fn index(&self) -> u16 {
        self.0.index()
    }

    /// Whether the device has lost count.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.0.is_broken()
    }

    /// Free slots.
    #[must_use]
    pub fn free(&self) -> usize {
        self.0.free()
    }

    /// Whether the device wants to be told of what was lent.
    #[must_use]
    pub fn should_notify(&self) -> bool {
        self.0.should_notify()
    }

    /// Asks the device to interrupt when it is done with a buffer, or not to.
    pub fn set_interrupts(&mut self, on: bool) {
        self.0.set_interrupts(on);
    }

    /// Whether the device is done with a buffer.
    #[must_use]
    pub fn can_take(&self) -> bool {
        self.0.can_take()
    }

    /// Lends the whole buffer for the device to write. Does not sleep.
    ///
    /// # Errors
    /// The buffer comes back: there is no room, it is empty, or the queue is broken.
    pub fn lend_incoming(&mut self, buffer: Box<[u8]>) -> Result<(), Box<[u8]>> {
        if buffer.is_empty() {
            return Err(buffer);
        }
        let len = buffer.len();
        // SAFETY: the box is the owner's.
        unsafe { self.0.lend((buffer, len), incoming) }.map_err(|(buffer, _)| buffer)
    }

    /// Lends the first `len` bytes of a buffer for the device to read. Does not sleep.
    ///
    /// # Errors
    /// The buffer comes back: there is no room, it is shorter, `len` is 0, or the queue is broken.
    pub fn lend_outgoing(&mut self, buffer: Box<[u8]>, len: usize) -> Result<(), Box<[u8]>> {
        if len == 0 || buffer.len() < len {
            return Err(buffer);
        }
        // SAFETY: the box is the owner's.
        unsafe { self.0.lend((buffer, len), outgoing) }.map_err(|(buffer, _)| buffer)
    }

    /// Takes back a buffer the device has written, and how many bytes it wrote. Does not sleep.
    pub fn take_incoming(&mut self) -> Option<(Box<[u8]>, usize)> {
        // SAFETY: as it was lent.
        let ((buffer, len), written) = unsafe { self.0.take(incoming) }?;
        Some((buffer, written.min(len)))
    }

    /// Takes back a buffer the device has read. Does not sleep.
    pub fn take_outgoing(&mut self) -> Option<Box<[u8]>> {
        // SAFETY: as it was lent.
        let ((buffer, _), _) = unsafe { self.0.take(outgoing) }?;
        Some(buffer)
    }
}
