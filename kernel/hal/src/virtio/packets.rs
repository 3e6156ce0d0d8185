//! A virtqueue whose requests are one buffer each, without an allocation a request: for network cards.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::ManuallyDrop;

use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::SomeTransport;

use super::Unusable;
use super::dma::Dma;

/// What the device has under one token: the buffer, and how much of it was lent.
type Lent = Option<(Box<[u8]>, usize)>;

/// A queue of `SIZE` slots. As with [`super::Queue`], a queue that is dropped leaves its memory to the device.
pub struct PacketQueue<const SIZE: usize> {
    ring: ManuallyDrop<Box<VirtQueue<Dma, SIZE>>>,
    lent: ManuallyDrop<Vec<Lent>>,
    index: u16,
}

impl<const SIZE: usize> PacketQueue<SIZE> {
    #[inline(never)]
    pub(super) fn new(
        transport: &mut SomeTransport<'static>,
        index: u16,
    ) -> Result<Self, Unusable> {
        // Kilobytes by value: each adaptor between here and the heap would be another copy on the stack.
        let ring = match VirtQueue::new(transport, index, false, false) {
            Ok(ring) => Box::new(ring),
            Err(_) => return Err(Unusable),
        };
        Ok(Self {
            ring: ManuallyDrop::new(ring),
            lent: ManuallyDrop::new((0..SIZE).map(|_| None).collect()),
            index,
        })
    }

    /// Its number, for [`super::Device::notify`].
    #[must_use]
    pub fn index(&self) -> u16 {
        self.index
    }

    /// Free slots.
    #[must_use]
    pub fn free(&self) -> usize {
        self.ring.available_desc()
    }

    /// Whether the device wants to be told of what was lent.
    #[must_use]
    pub fn should_notify(&self) -> bool {
        self.ring.should_notify()
    }

    /// Asks the device to interrupt when it is done with a buffer, or not to.
    pub fn set_interrupts(&mut self, on: bool) {
        self.ring.set_dev_notify(on);
    }

    /// Whether the device is done with a buffer.
    #[must_use]
    pub fn can_take(&self) -> bool {
        self.ring.can_pop()
    }

    /// Lends the whole buffer for the device to write. Does not sleep.
    ///
    /// # Errors
    /// The buffer comes back: there is no room, or it is empty.
    pub fn lend_incoming(&mut self, mut buffer: Box<[u8]>) -> Result<(), Box<[u8]>> {
        if buffer.is_empty() {
            return Err(buffer);
        }
        let len = buffer.len();
        // SAFETY: the box moves into `lent` below and is not touched until `take` takes it out by the token the
        // device gave back, and stays if this queue goes.
        let token = unsafe { self.ring.add(&[], &mut [&mut buffer]) };
        self.keep(token.ok(), buffer, len)
    }

    /// Lends the first `len` bytes of a buffer for the device to read. Does not sleep.
    ///
    /// # Errors
    /// The buffer comes back: there is no room, it is shorter, or `len` is 0.
    pub fn lend_outgoing(&mut self, buffer: Box<[u8]>, len: usize) -> Result<(), Box<[u8]>> {
        let token = match buffer.get(..len).filter(|bytes| !bytes.is_empty()) {
            // SAFETY: as in `lend_incoming`.
            Some(bytes) => unsafe { self.ring.add(&[bytes], &mut []) }.ok(),
            None => None,
        };
        self.keep(token, buffer, len)
    }

    fn keep(&mut self, token: Option<u16>, buffer: Box<[u8]>, len: usize) -> Result<(), Box<[u8]>> {
        let slot = token.and_then(|token| self.lent.get_mut(usize::from(token)));
        match slot {
            Some(slot) => {
                *slot = Some((buffer, len));
                Ok(())
            }
            None => Err(buffer),
        }
    }

    /// Takes back a buffer the device has written, and how many bytes it wrote. Does not sleep.
    pub fn take_incoming(&mut self) -> Option<(Box<[u8]>, usize)> {
        let token = self.ring.peek_used()?;
        let (mut buffer, len) = self.lent.get_mut(usize::from(token))?.take()?;
        // SAFETY: this is the buffer `lend_incoming` lent under this token.
        let written = unsafe { self.ring.pop_used(token, &[], &mut [&mut buffer]) };
        Some((
            buffer,
            written.map_or(0, |written| written as usize).min(len),
        ))
    }

    /// Takes back a buffer the device has read. Does not sleep.
    pub fn take_outgoing(&mut self) -> Option<Box<[u8]>> {
        let token = self.ring.peek_used()?;
        let (buffer, len) = self.lent.get_mut(usize::from(token))?.take()?;
        if let Some(bytes) = buffer.get(..len) {
            // SAFETY: these are the bytes `lend_outgoing` lent under this token.
            let _ = unsafe { self.ring.pop_used(token, &[bytes], &mut []) };
        }
        Some(buffer)
    }
}
