//! What a card is made of: displays with their pipes, framebuffers, blobs. Each has a number of its own.

use abi::drm::mode::DrmModeInfo;
use abi::{Errno, Result};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use sync::Instant;

use super::buffer::Surface;
use super::console::Console;
use super::engine::Scanout;
use super::event::EventQueue;
use super::modes;
use super::props::Props;
use super::rect::Rect;
use super::vblank::Vblank;

/// A framebuffer: how a buffer is to be seen.
pub struct Framebuffer {
    /// Its number.
    pub id: u32,
    /// The client that made it.
    pub owner: u64,
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
    /// The device's picture.
    pub surface: Surface,
}

/// Who gets the event of a flip or a blank.
pub struct Notice {
    /// The client.
    pub client: u64,
    /// Its events.
    pub queue: Arc<EventQueue>,
    /// What it said to know the event by.
    pub user_data: u64,
    /// `DRM_EVENT_*`.
    pub kind: u32,
}

/// A flip on its way.
pub struct Flip {
    /// The device's word that it is done.
    pub fence: u64,
    /// No blank before this one ends it.
    pub from: u64,
    /// The event wanted.
    pub notice: Option<Notice>,
    /// What was shown before: its memory is the device's until the flip ends.
    #[allow(dead_code, reason = "held, not read")]
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
    /// The mode, while the pipe is on.
    pub mode: Option<DrmModeInfo>,
    /// Whether the display is fed: DPMS.
    pub on: bool,
    /// What is shown.
    pub fb: Option<Arc<Framebuffer>>,
    /// The corner of what is shown within the framebuffer.
    pub corner: (u32, u32),
    /// The count of its blanks.
    pub vblank: Vblank,
    /// The flip on its way.
    pub flip: Option<Flip>,
    /// Who waits for which blank.
    pub waiting: Vec<(u64, Notice)>,
    /// Where the cursor is, and its picture.
    pub cursor_place: (i32, i32),
    /// The picture of the cursor, made when first wanted.
    pub cursor_surface: Option<Surface>,
    /// Whether the cursor shows.
    pub cursor_on: bool,
}

impl Output {
    /// The part of the framebuffer that is shown.
    #[must_use]
    pub fn shown(&self) -> Rect {
        let (width, height) = self.mode.map_or((0, 0), |mode| {
            (u32::from(mode.hdisplay), u32::from(mode.vdisplay))
        });
        let (x, y) = self.corner;
        Rect::new(x, y, x.saturating_add(width), y.saturating_add(height))
    }

    /// Whether somebody waits for a blank.
    #[must_use]
    pub fn wants_blank(&self) -> bool {
        self.flip.is_some() || !self.waiting.is_empty()
    }

    /// Takes over what the device says of the display; whether that is new.
    pub fn refresh(&mut self, display: Scanout) -> bool {
        if self.display == display && self.modes.is_empty() != display.size.is_some() {
            return false;
        }
        (self.modes, self.millimetres) = modes::of_display(&display);
        self.display = display;
        true
    }
}

/// Bytes a client or the card keeps under a number.
pub struct Blob {
    /// The client that made it; none: the card.
    pub owner: Option<u64>,
    /// The bytes.
    pub bytes: Arc<[u8]>,
}

/// Everything of a card that changes.
pub struct State {
    /// The displays.
    pub outputs: Vec<Output>,
    /// Framebuffers by number.
    pub framebuffers: BTreeMap<u32, Arc<Framebuffer>>,
    /// Blobs by number.
    pub blobs: BTreeMap<u32, Blob>,
    /// The picture of the frame buffer, once somebody wanted it.
    pub console: Option<Console>,
    /// The properties there are.
    pub props: Props,
    /// Numbers below are the displays' and the properties'.
    first_free: u32,
}

impl State {
    /// A card with these displays, all dark.
    #[must_use]
    pub fn new(displays: Vec<Scanout>) -> Self {
        let mut next = 1;
        let mut id = || {
            let id = next;
            next += 1;
            id
        };
        let props = Props::new(&mut id);
        let outputs = (0..)
            .zip(displays)
            .map(|(index, display)| {
                let mut output = Output {
                    index,
                    primary: id(),
                    cursor: id(),
                    crtc: id(),
                    connector: id(),
                    encoder: id(),
                    display: Scanout::default(),
                    modes: Vec::new(),
                    millimetres: (0, 0),
                    edid_blob: 0,
                    mode: None,
                    on: false,
                    fb: None,
                    corner: (0, 0),
                    vblank: Vblank::new(
                        Instant::now(),
                        modes::period_ns(&DrmModeInfo::default()),
                        0,
                    ),
                    flip: None,
                    waiting: Vec::new(),
                    cursor_place: (0, 0),
                    cursor_surface: None,
                    cursor_on: false,
                };
                output.refresh(display);
                output
            })
            .collect();
        let mut state = Self {
            outputs,
            framebuffers: BTreeMap::new(),
            blobs: BTreeMap::new(),
            console: None,
            props,
            first_free: next,
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

    /// The display whose pipe has this number.
    ///
    /// # Errors
    /// `ENOENT`
    pub fn crtc(&mut self, id: u32) -> Result<&mut Output> {
        self.outputs
            .iter_mut()
            .find(|output| output.crtc == id)
            .ok_or(Errno::ENOENT)
    }

    /// The display whose connector has this number.
    ///
    /// # Errors
    /// `ENOENT`
    pub fn connector(&mut self, id: u32) -> Result<&mut Output> {
        self.outputs
            .iter_mut()
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
