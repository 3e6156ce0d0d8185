//! The picture of `/dev/fb0`: made when first wanted, shown while no program sets modes.

use abi::drm::fourcc;
use abi::drm::mode::DrmModeInfo;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use core::time::Duration;
use sync::Instant;

use super::buffer::{Buffer, PIXEL, Surface};
use super::card::Card;
use super::commit::{Told, tell};
use super::rect::Rect;
use super::setting::Plane;
use super::state::{Framebuffer, Output, State};

/// Between two looks at a mapped picture.
pub(super) const INTERVAL: Duration = Duration::from_millis(50);

/// The console's picture and the mode it is for.
pub struct Console {
    /// The picture.
    pub picture: Arc<Framebuffer>,
    /// The mode.
    pub mode: DrmModeInfo,
}

fn is_shown(output: &Output, picture: &Arc<Framebuffer>) -> bool {
    let fb = output.now.primary.fb.as_ref();
    output.now.active && fb.is_some_and(|fb| Arc::ptr_eq(fb, picture))
}

impl Card {
    /// The console's picture, and the mode of its display.
    ///
    /// # Errors
    /// `ENODEV` without a display, `ENOMEM`, `EIO`.
    pub(crate) fn console(&self) -> Result<(Arc<Framebuffer>, DrmModeInfo)> {
        let mut told = Told::new();
        let mode = {
            let state = self.state();
            if let Some(console) = &state.console {
                return Ok((console.picture.clone(), console.mode));
            }
            let output = state.outputs.first().ok_or(Errno::ENODEV)?;
            *output.modes.first().ok_or(Errno::ENODEV)?
        };
        let (width, height) = (u32::from(mode.hdisplay), u32::from(mode.vdisplay));
        let pitch = width * PIXEL;
        let buffer = Buffer::new(u64::from(pitch) * u64::from(height))?;
        let surface = Surface::new(&self.engine, &buffer, (pitch, 0), height, false)?;
        let mut state = self.state();
        if state.console.is_none() {
            let picture = Framebuffer {
                id: state.free_id(),
                owner: 0,
                internal: true,
                width,
                height,
                format: fourcc::XRGB8888,
                pitch,
                offset: 0,
                buffer,
                surface: Some(surface),
            };
            let picture = Arc::new(picture);
            state.framebuffers.insert(picture.id, picture.clone());
            state.console = Some(Console { picture, mode });
            self.restore_console(&mut state, &mut told);
        }
        let console = state.console.as_ref().ok_or(Errno::ENODEV)?;
        let found = (console.picture.clone(), console.mode);
        drop(state);
        tell(told);
        Ok(found)
    }

    /// The size of the console's picture; `None` without a display.
    pub(crate) fn console_size(&self) -> Option<(u32, u32)> {
        let state = self.state();
        let mode = state.outputs.first()?.modes.first()?;
        Some((mode.hdisplay.into(), mode.vdisplay.into()))
    }

    /// Shows the console's picture where nothing else is shown and nobody is master.
    pub(super) fn restore_console(&self, state: &mut State, told: &mut Told) {
        if self.has_master() {
            return;
        }
        let Some((picture, mode)) = state
            .console
            .as_ref()
            .map(|console| (console.picture.clone(), console.mode))
        else {
            return;
        };
        let Some(output) = state.outputs.first() else {
            return;
        };
        if output.now.primary.fb.is_some() {
            return;
        }
        let mut new = output.now.clone();
        let size = (picture.width, picture.height);
        new.primary = Plane::whole(picture, (0, 0), size);
        new.mode_blob = state.keep_mode(&mode, new.mode_blob);
        new.mode = Some(mode);
        new.active = true;
        new.attached = true;
        // Nobody hears of a device that does not answer.
        let _ = self.set(state, 0, new, told);
    }

    /// Shows what was drawn into a part of the console's picture.
    pub(crate) fn update_console(&self, picture: &Arc<Framebuffer>, part: Rect) {
        let state = self.state();
        for output in state
            .outputs
            .iter()
            .filter(|output| is_shown(output, picture))
        {
            let part = part.intersect(output.now.shown());
            if let Some(surface) = &picture.surface
                && !part.is_empty()
            {
                // Nobody hears of a device that does not answer.
                let sent = self.engine.submit(&surface.update(&[part]));
                let _ = sent.and_then(|fence| self.engine.wait(fence));
            }
        }
    }

    /// The console's picture is mapped: the card's thread looks at it from now on.
    pub(crate) fn watch_console(&self) {
        self.console_mapped.store(true, Ordering::Release);
        self.wake();
    }

    /// Shows a mapped picture; when to look again.
    pub(super) fn look_at_console(&self) -> Option<Instant> {
        if !self.console_mapped.load(Ordering::Acquire) {
            return None;
        }
        let picture = self.state().console.as_ref()?.picture.clone();
        self.update_console(&picture, Rect::sized(picture.width, picture.height));
        // The buffer itself holds one.
        if Arc::strong_count(picture.buffer.object()) <= 1 {
            self.console_mapped.store(false, Ordering::Release);
            // A mapping made meanwhile counts.
            if Arc::strong_count(picture.buffer.object()) <= 1 {
                return None;
            }
            self.console_mapped.store(true, Ordering::Release);
        }
        Some(Instant::after(INTERVAL))
    }

    /// Darkens the console's display, or lights it.
    ///
    /// # Errors
    /// `EBUSY`: a program sets modes.
    pub(crate) fn blank_console(&self, dark: bool) -> Result<()> {
        let mut state = self.state();
        let picture = state
            .console
            .as_ref()
            .map(|console| console.picture.clone());
        let now = &state.outputs.first().ok_or(Errno::ENODEV)?.now;
        let own = now
            .primary
            .fb
            .as_ref()
            .zip(picture)
            .is_some_and(|(fb, picture)| Arc::ptr_eq(fb, &picture));
        if !own {
            return Err(Errno::EBUSY);
        }
        if now.active != dark {
            return Ok(());
        }
        let mut new = now.clone();
        new.active = !dark;
        let mut told = Told::new();
        let done = self.set(&mut state, 0, new, &mut told);
        drop(state);
        tell(told);
        done
    }
}
