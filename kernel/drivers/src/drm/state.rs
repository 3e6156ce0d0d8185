//! What a card is made of: displays with their pipes, framebuffers, blobs. Each has a number of its own.

use abi::drm::mode::DrmModeInfo;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use sync::Instant;
use sync::SortedMap;
use zerocopy::IntoBytes;

use super::buffer::{Buffer, Surface};
use super::console::Console;
use super::engine::Scanout;
use super::event::EventQueue;
use super::fence::Fence;
use super::modes;
use super::props;
use super::setting::Setting;

/// A framebuffer: how a buffer is to be seen.
pub struct Framebuffer {
    /// Its number.
    pub id: u32,
    /// The client that made it.
    pub owner: u64,
    /// It was made for a cursor set the old way: nobody names it.
    pub internal: bool,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Its pixel format.
    pub format: u32,
    /// Bytes from row to row.
    pub pitch: u32,
    /// Bytes before the first row.
    pub offset: u32,
    /// The memory.
    pub buffer: Arc<Buffer>,
    /// The device's picture, where it is more than a cursor.
    pub surface: Option<Surface>,
}

/// Who gets the event of a flip.
pub struct Notice {
    /// The client.
    pub client: u64,
    /// Its events.
    pub queue: Arc<EventQueue>,
    /// What it said to know the event by.
    pub user_data: u64,
}

impl Notice {
    /// The event will not come.
    pub fn forgo(&self) {
        self.queue.forgo();
    }
}

/// A flip on its way.
pub struct Flip {
    /// The device's word that it is done.
    pub fence: u64,
    /// Without that word it is over then.
    pub until: Instant,
    /// The event wanted.
    pub notice: Option<Notice>,
    /// The descriptor wanted.
    pub wanted: Option<Arc<Fence>>,
    /// What was shown before: its memory is the device's until the flip ends.
    pub before: Option<Arc<Framebuffer>>,
}

/// A display, its connector, encoder, pipe and planes.
pub struct Output {
    /// Its number with the device.
    pub index: u32,
    /// Object numbers.
    pub crtc: u32,
    /// Object number of the encoder.
    pub encoder: u32,
    /// Object number of the connector.
    pub connector: u32,
    /// Object number of the picture's plane.
    pub primary: u32,
    /// Object number of the cursor's plane.
    pub cursor: u32,
    /// What the device says of it.
    pub display: Scanout,
    /// Its modes.
    pub modes: Vec<DrmModeInfo>,
    /// Its size.
    pub millimetres: (u32, u32),
    /// Number of the blob with its EDID; 0 without.
    pub edid_blob: u32,
    /// What it is set to.
    pub now: Setting,
    /// The flip on its way.
    pub flip: Option<Flip>,
    /// Where a cursor set the old way is.
    pub cursor_place: (i32, i32),
    /// The device's picture of the cursor, made when first wanted.
    pub cursor_surface: Option<Surface>,
}

impl Output {
    /// Takes over what the device says of the display; whether that is new.
    pub fn refresh(&mut self, display: Scanout) -> bool {
        if self.display == display && self.modes.is_empty() != display.size.is_some() {
            return false;
        }
        (self.modes, self.millimetres) = modes::of_display(&display);
        self.display = display;
        true
    }

    fn uses_blob(&self, id: u32) -> bool {
        [self.edid_blob, self.now.mode_blob, self.now.primary.damage].contains(&id)
    }
}

/// Bytes a client or the card keeps under a number.
pub struct Blob {
    /// The client that made it; none: the card.
    pub owner: Option<u64>,
    /// The bytes.
    pub bytes: Arc<[u8]>,
}

/// Blobs and framebuffers a card has at most, and bytes of its blobs.
const MOST_OBJECTS: usize = 2048;
const MOST_BYTES: usize = 1 << 20;

/// Everything of a card that changes.
pub struct State {
    /// The displays.
    pub outputs: Vec<Output>,
    /// Framebuffers by number.
    pub framebuffers: SortedMap<u32, Arc<Framebuffer>>,
    /// Blobs by number.
    pub blobs: SortedMap<u32, Blob>,
    /// The picture of the frame buffer, once somebody wanted it.
    pub console: Option<Console>,
    /// Numbers below are the displays' and the properties'.
    first_free: u32,
}

impl State {
    /// A card with these displays, all dark.
    #[must_use]
    pub fn new(displays: Vec<Scanout>) -> Self {
        let outputs: Vec<Output> = (0..)
            .zip(displays)
            .map(|(index, display)| {
                let [primary, cursor, crtc, connector, encoder] = props::numbers(index);
                let mut output = Output {
                    index,
                    primary,
                    cursor,
                    crtc,
                    connector,
                    encoder,
                    display: Scanout::default(),
                    modes: Vec::new(),
                    millimetres: (0, 0),
                    edid_blob: 0,
                    now: Setting::default(),
                    flip: None,
                    cursor_place: (0, 0),
                    cursor_surface: None,
                };
                output.refresh(display);
                output
            })
            .collect();
        let [.., last] = props::numbers(outputs.len().saturating_sub(1) as u32);
        let mut state = Self {
            outputs,
            framebuffers: SortedMap::new(),
            blobs: SortedMap::new(),
            console: None,
            first_free: last + 1,
        };
        state.keep_edids();
        state
    }

    /// The lowest free number, as Linux gives them out.
    #[must_use]
    pub fn free_id(&self) -> u32 {
        let mut id = self.first_free;
        while self.framebuffers.contains_key(&id) || self.blobs.contains_key(&id) {
            id += 1;
        }
        id
    }

    /// Whether one more object may be made, a blob of so many bytes: compositors have dozens, and all of it is the
    /// kernel's memory.
    ///
    /// # Errors
    /// `ENOMEM`: it may not.
    pub fn room_for(&self, bytes: usize) -> Result<()> {
        let kept: usize = self.blobs.values().map(|blob| blob.bytes.len()).sum();
        if self.blobs.len() + self.framebuffers.len() >= MOST_OBJECTS || kept + bytes > MOST_BYTES {
            return Err(Errno::ENOMEM);
        }
        Ok(())
    }

    /// Puts the displays' EDIDs where programs find them.
    pub fn keep_edids(&mut self) {
        for at in 0..self.outputs.len() {
            let Some((old, bytes)) = self
                .outputs
                .get(at)
                .map(|output| (output.edid_blob, output.display.edid.clone()))
            else {
                continue;
            };
            self.blobs.remove(&old);
            let fresh = if bytes.is_empty() {
                0
            } else {
                let id = self.free_id();
                let bytes = bytes.into();
                self.blobs.insert(id, Blob { owner: None, bytes });
                id
            };
            if let Some(output) = self.outputs.get_mut(at) {
                output.edid_blob = fresh;
            }
        }
    }

    /// The place among the displays of the one whose pipe has this number.
    ///
    /// # Errors
    /// `ENOENT`
    pub fn crtc_at(&self, id: u32) -> Result<usize> {
        self.outputs
            .iter()
            .position(|output| output.crtc == id)
            .ok_or(Errno::ENOENT)
    }

    /// The display whose pipe has this number.
    ///
    /// # Errors
    /// `ENOENT`
    pub fn crtc(&self, id: u32) -> Result<&Output> {
        self.crtc_at(id)
            .and_then(|at| self.outputs.get(at).ok_or(Errno::ENOENT))
    }

    /// Keeps a mode under a number of the card's; the one `old` where it is that mode's already.
    #[must_use]
    pub fn keep_mode(&mut self, mode: &DrmModeInfo, old: u32) -> u32 {
        let is_it = |blob: &Blob| *blob.bytes == *mode.as_bytes();
        if self.blobs.get(&old).is_some_and(is_it) {
            return old;
        }
        let id = self.free_id();
        let bytes = mode.as_bytes().into();
        self.blobs.insert(id, Blob { owner: None, bytes });
        id
    }

    /// Forgets a blob that nobody owns or uses any more.
    pub fn release_blob(&mut self, id: u32) {
        let is_owned = |blob: &Blob| blob.owner.is_some();
        let used = self.outputs.iter().any(|output| output.uses_blob(id));
        if !used && !self.blobs.get(&id).is_some_and(is_owned) {
            self.blobs.remove(&id);
        }
    }

    /// A client's blobs go; those that are used stay as long as they are.
    pub fn disown_blobs(&mut self, client: u64) {
        let outputs = &self.outputs;
        self.blobs.retain(|id, blob| {
            if blob.owner != Some(client) {
                return true;
            }
            blob.owner = None;
            outputs.iter().any(|output| output.uses_blob(*id))
        });
    }

    /// Forgets a framebuffer that was made for a cursor, when no cursor has it any more.
    pub fn release_framebuffer(&mut self, fb: Option<&Arc<Framebuffer>>) {
        let Some(fb) = fb.filter(|fb| fb.internal) else {
            return;
        };
        let shows = |output: &Output| {
            let cursor = output.now.cursor.fb.as_ref();
            cursor.is_some_and(|its| Arc::ptr_eq(its, fb))
        };
        if !self.outputs.iter().any(shows) {
            self.framebuffers.remove(&fb.id);
        }
    }

    /// The display whose connector has this number.
    ///
    /// # Errors
    /// `ENOENT`
    pub fn connector(&self, id: u32) -> Result<&Output> {
        self.outputs
            .iter()
            .find(|output| output.connector == id)
            .ok_or(Errno::ENOENT)
    }

    /// A framebuffer.
    ///
    /// # Errors
    /// `ENOENT`
    pub fn framebuffer(&self, id: u32) -> Result<Arc<Framebuffer>> {
        self.framebuffers.get(&id).cloned().ok_or(Errno::ENOENT)
    }
}
