//! A virtqueue that owns the buffers it lends to the device.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::ManuallyDrop;

use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::SomeTransport;

use super::Unusable;
use super::dma::Dma;

/// Buffers of one request: those the device reads, then those it writes. None may be empty, and
/// there is at least one.
#[derive(Debug, Default)]
pub struct Chain {
    /// For the device to read.
    pub outgoing: Vec<Box<[u8]>>,
    /// For the device to write.
    pub incoming: Vec<Box<[u8]>>,
}

impl Chain {
    /// One buffer for the device to read.
    #[must_use]
    pub fn out(bytes: Box<[u8]>) -> Self {
        Self {
            outgoing: alloc::vec![bytes],
            incoming: Vec::new(),
        }
    }

    /// One buffer of `len` zeroed bytes for the device to write.
    #[must_use]
    pub fn room(len: usize) -> Self {
        Self {
            outgoing: Vec::new(),
            incoming: alloc::vec![alloc::vec![0; len].into()],
        }
    }
}

/// A queue of `SIZE` slots.
///
/// The device may write to the ring and to what it was lent for as long as it runs, so a queue that is
/// dropped leaves that memory to it.
pub struct Queue<const SIZE: usize> {
    ring: ManuallyDrop<Box<VirtQueue<Dma, SIZE>>>,
    /// What the device has, by token.
    lent: ManuallyDrop<Vec<Option<Chain>>>,
    index: u16,
}

impl<const SIZE: usize> Queue<SIZE> {
    /// Out of line: the ring is a kilobyte and more before it stands in the heap.
    #[inline(never)]
    pub(super) fn new(
        transport: &mut SomeTransport<'static>,
        index: u16,
    ) -> Result<Self, Unusable> {
        let ring = VirtQueue::new(transport, index, false, false).map_err(|_| Unusable)?;
        Ok(Self {
            ring: ManuallyDrop::new(Box::new(ring)),
            lent: ManuallyDrop::new((0..SIZE).map(|_| None).collect()),
            index,
        })
    }

    /// Its number, for [`super::Device::notify`].
    #[must_use]
    pub fn index(&self) -> u16 {
        self.index
    }

    /// Free descriptors.
    #[must_use]
    pub fn free(&self) -> usize {
        self.ring.available_desc()
    }

    /// Lends a chain to the device; whether the device wants to be told. O(buffers); does not sleep.
    ///
    /// # Errors
    /// The chain comes back: there is no room, or a buffer is empty.
    pub fn submit(&mut self, mut chain: Chain) -> Result<bool, Chain> {
        let empty = chain
            .outgoing
            .iter()
            .chain(&chain.incoming)
            .any(|buffer| buffer.is_empty());
        if empty {
            return Err(chain);
        }
        let token = {
            let outgoing: Vec<&[u8]> = chain.outgoing.iter().map(|buffer| &**buffer).collect();
            let mut incoming: Vec<&mut [u8]> = chain
                .incoming
                .iter_mut()
                .map(|buffer| &mut **buffer)
                .collect();
            // SAFETY: the boxes move into `lent` below and are not touched until `complete` takes
            // them out by the token the device gave back, and stay if this queue goes.
            unsafe { self.ring.add(&outgoing, &mut incoming) }
        };
        match token {
            Ok(token) => {
                if let Some(slot) = self.lent.get_mut(usize::from(token)) {
                    *slot = Some(chain);
                }
                Ok(self.ring.should_notify())
            }
            Err(_) => Err(chain),
        }
    }

    /// Takes back a chain the device is done with, and how many bytes it wrote. Does not sleep.
    pub fn complete(&mut self) -> Option<(Chain, usize)> {
        let token = self.ring.peek_used()?;
        let mut chain = self.lent.get_mut(usize::from(token))?.take()?;
        let written = {
            let outgoing: Vec<&[u8]> = chain.outgoing.iter().map(|buffer| &**buffer).collect();
            let mut incoming: Vec<&mut [u8]> = chain
                .incoming
                .iter_mut()
                .map(|buffer| &mut **buffer)
                .collect();
            // SAFETY: these are the buffers `submit` lent under this token.
            unsafe { self.ring.pop_used(token, &outgoing, &mut incoming) }
        };
        let room: usize = chain.incoming.iter().map(|buffer| buffer.len()).sum();
        Some((
            chain,
            written.map_or(0, |written| written as usize).min(room),
        ))
    }
}
