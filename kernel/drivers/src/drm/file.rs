//! A client of a card: an open file with its buffers and events.

use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicU32};
use mm::MemObject;
use mm::io::IoDst;
use sync::SortedMap;
use sync::{Events, Pollee, SpinLock, rank};
use vfs::{Caller, FileOps, MmapRequest, OpenFile};

use super::buffer::Buffer;
use super::card::Card;
use super::event::EventQueue;
use super::ioctl;

/// A client.
pub struct DrmFile {
    pub(super) card: Arc<Card>,
    pub(super) id: u64,
    pub(super) events: Arc<EventQueue>,
    /// Buffers by handle.
    handles: SpinLock<SortedMap<u32, Arc<Buffer>>, { rank::LEAF }>,
    /// It knows atomic mode setting.
    pub(super) atomic: AtomicBool,
    /// It sets the hot spots of cursors that are planes.
    pub(super) hot_spots: AtomicBool,
    /// It knows planes of all kinds.
    pub(super) universal_planes: AtomicBool,
    /// The process that was master through it last; 0: none was.
    pub(super) was_master: AtomicU32,
    /// `SET_VERSION` was called: the card has a name.
    pub(super) named: AtomicBool,
}

impl DrmFile {
    /// Opens a card for a process.
    pub(super) fn open(card: &Arc<Card>, pid: u32) -> Arc<Self> {
        let id = card.enter();
        Arc::new(Self {
            card: card.clone(),
            id,
            events: Arc::default(),
            handles: SpinLock::new(SortedMap::new()),
            atomic: AtomicBool::new(false),
            hot_spots: AtomicBool::new(false),
            universal_planes: AtomicBool::new(false),
            was_master: AtomicU32::new(if card.is_master(id) { pid } else { 0 }),
            named: AtomicBool::new(false),
        })
    }

    /// The handle of a buffer, a new one unless it has one.
    pub(super) fn handle_of(&self, buffer: &Arc<Buffer>) -> u32 {
        let mut handles = self.handles.lock();
        if let Some((handle, _)) = handles.iter().find(|(_, one)| Arc::ptr_eq(one, buffer)) {
            return *handle;
        }
        let mut free = 1;
        for handle in handles.keys() {
            if *handle != free {
                break;
            }
            free += 1;
        }
        handles.insert(free, buffer.clone());
        free
    }

    /// The buffer of a handle.
    ///
    /// # Errors
    /// `ENOENT`
    pub(super) fn buffer(&self, handle: u32) -> Result<Arc<Buffer>> {
        self.handles
            .lock()
            .get(&handle)
            .cloned()
            .ok_or(Errno::ENOENT)
    }

    /// Lets a handle go.
    ///
    /// # Errors
    /// `EINVAL`: there is none.
    pub(super) fn close_handle(&self, handle: u32) -> Result<()> {
        let gone = self.handles.lock().remove(&handle);
        gone.map(drop).ok_or(Errno::EINVAL)
    }
}

impl FileOps for DrmFile {
    fn read(&self, _file: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        self.events.read(dst)
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        let mut events = Events::empty();
        events.set(Events::READABLE, self.events.is_ready());
        events
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(self.events.pollee())
    }

    fn seek(
        &self,
        _file: &OpenFile,
        pos: &mut u64,
        _offset: i64,
        _whence: vfs::Whence,
    ) -> Result<u64> {
        // Nothing has a place: it is not moved.
        Ok(*pos)
    }

    fn ioctl(&self, _file: &OpenFile, cmd: u32, arg: usize, caller: &dyn Caller) -> Result<usize> {
        ioctl::answer(self, cmd, arg, caller)
    }

    fn mmap(&self, _file: &OpenFile, request: &MmapRequest) -> Result<Arc<MemObject>> {
        let handles = self.handles.lock();
        let found = handles
            .values()
            .find(|buffer| buffer.map_offset() == request.offset)
            .cloned();
        drop(handles);
        let buffer = found.ok_or_else(|| {
            if Buffer::is_at(request.offset) {
                Errno::EACCES
            } else {
                Errno::EINVAL
            }
        })?;
        // Only what is shared is the picture's memory.
        if request.len as u64 > buffer.size() || !request.shared {
            return Err(Errno::EINVAL);
        }
        Ok(buffer.object().clone())
    }

    fn object_offset(&self, offset: u64) -> u64 {
        Buffer::within(offset)
    }
}

impl Drop for DrmFile {
    fn drop(&mut self) {
        self.card.client_gone(self.id);
    }
}
