//! What a display is set to: its pipe, its connector, its planes; and whether that can be.
//!
//! A setting is a value. Who changes modes makes a new one of the present one, has it checked, and hands it to
//! [`commit`](super::commit), which makes the device follow. The checks and their order are those of Linux's
//! `drm_atomic_check_only` and `drm_atomic_helper_check`.

use abi::drm::fourcc;
use abi::drm::mode::DrmModeInfo;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::rect::Rect;
use super::state::Framebuffer;

/// A pixel in the unit of sources.
pub const ONE: u32 = 1 << 16;

/// A plane: what it shows of which framebuffer, and where.
#[derive(Clone, Default)]
pub struct Plane {
    /// What it shows.
    pub fb: Option<Arc<Framebuffer>>,
    /// It belongs to the pipe.
    pub attached: bool,
    /// The part shown: left, top, width, height, in 65536ths of a pixel.
    pub source: [u32; 4],
    /// Its corner on the display.
    pub place: (i32, i32),
    /// Its size on the display.
    pub size: (u32, u32),
    /// Where the pointer points, within a cursor.
    pub hot: (i32, i32),
    /// Number of the blob with what changed of it; 0: everything.
    pub damage: u32,
    /// What changed of it.
    pub clips: Vec<Rect>,
}

impl Plane {
    /// A plane that shows `size` pixels of `fb` from `corner` on, at the display's corner.
    #[must_use]
    pub fn whole(fb: Arc<Framebuffer>, corner: (u32, u32), size: (u32, u32)) -> Self {
        let sub = |pixels: u32| pixels.saturating_mul(ONE);
        Self {
            fb: Some(fb),
            attached: true,
            source: [sub(corner.0), sub(corner.1), sub(size.0), sub(size.1)],
            size,
            ..Self::default()
        }
    }

    /// It shows nothing any more.
    pub fn clear(&mut self) {
        self.fb = None;
        self.attached = false;
    }

    /// Whether both show the same part of the same framebuffer.
    #[must_use]
    pub fn shows_as(&self, other: &Self) -> bool {
        let fbs = (self.fb.as_ref(), other.fb.as_ref());
        let same = match fbs {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        same && self.source == other.source
    }

    /// What can be said of it alone.
    fn check(&self, format: u32) -> Result<()> {
        if self.attached != self.fb.is_some() {
            return Err(Errno::EINVAL);
        }
        let Some(fb) = &self.fb else {
            return Ok(());
        };
        if fb.format != format {
            return Err(Errno::EINVAL);
        }
        let reaches =
            |at: i32, len: u32| i32::try_from(len).is_ok_and(|len| at.checked_add(len).is_some());
        if !reaches(self.place.0, self.size.0) || !reaches(self.place.1, self.size.1) {
            return Err(Errno::ERANGE);
        }
        self.check_source(fb)?;
        let bounds = Rect::sized(fb.width, fb.height);
        let valid = |clip: &Rect| !clip.is_empty() && clip.intersect(bounds) == *clip;
        if self.clips.iter().all(valid) {
            Ok(())
        } else {
            Err(Errno::EINVAL)
        }
    }

    /// Whether the source lies within a framebuffer.
    ///
    /// # Errors
    /// `ENOSPC`: it does not.
    pub fn check_source(&self, fb: &Framebuffer) -> Result<()> {
        let [x, y, width, height] = self.source;
        let fits = |side: u32, from: u32, len: u32| {
            let side = side.saturating_mul(ONE);
            side.checked_sub(len).is_some_and(|most| from <= most)
        };
        if fits(fb.width, x, width) && fits(fb.height, y, height) {
            Ok(())
        } else {
            Err(Errno::ENOSPC)
        }
    }

    /// What can be said of it on a display of this size; `None`: the pipe has no mode.
    fn check_place(&self, screen: Option<(u32, u32)>, must_cover: bool) -> Result<()> {
        if self.fb.is_none() {
            return Ok(());
        }
        let [_, _, width, height] = self.source;
        // Nothing here scales.
        let scaled = |source: u32, size: u32| size == 0 || size.checked_mul(ONE) != Some(source);
        if scaled(width, self.size.0) || scaled(height, self.size.1) {
            return Err(Errno::ERANGE);
        }
        let Some(screen) = screen else {
            return Ok(());
        };
        let covers = |at: i32, len: u32, side: u32| {
            at <= 0 && i64::from(at) + i64::from(len) >= i64::from(side)
        };
        let is_seen = |at: i32, len: u32, side: u32| {
            i64::from(at) < i64::from(side) && i64::from(at) + i64::from(len) > 0
        };
        let both = |test: &dyn Fn(i32, u32, u32) -> bool| {
            test(self.place.0, self.size.0, screen.0) && test(self.place.1, self.size.1, screen.1)
        };
        if must_cover && both(&is_seen) && !both(&covers) {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }
}

/// What a display is set to.
#[derive(Clone, Default)]
pub struct Setting {
    /// The mode; a pipe with one is enabled.
    pub mode: Option<DrmModeInfo>,
    /// Number of the blob with the mode.
    pub mode_blob: u32,
    /// The pipe is fed.
    pub active: bool,
    /// Kept for who asks; the device has no refresh to vary.
    pub variable_refresh: bool,
    /// The connector belongs to the pipe.
    pub attached: bool,
    /// The picture.
    pub primary: Plane,
    /// The cursor.
    pub cursor: Plane,
}

/// What of a display a change is about.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Touched {
    /// The pipe, or what belongs to it.
    pub crtc: bool,
    /// The picture's plane.
    pub primary: bool,
    /// The cursor's plane.
    pub cursor: bool,
}

impl Setting {
    /// The size of the mode.
    #[must_use]
    pub fn size(&self) -> Option<(u32, u32)> {
        self.mode
            .map(|mode| (u32::from(mode.hdisplay), u32::from(mode.vdisplay)))
    }

    /// The part of the framebuffer that is shown; empty while nothing is.
    #[must_use]
    pub fn shown(&self) -> Rect {
        let (Some((width, height)), Some(_), true) = (self.size(), &self.primary.fb, self.active)
        else {
            return Rect::default();
        };
        let [x, y, ..] = self.primary.source.map(|sub| sub / ONE);
        let hidden = |at: i32| at.min(0).unsigned_abs();
        let (x, y) = (
            x.saturating_add(hidden(self.primary.place.0)),
            y.saturating_add(hidden(self.primary.place.1)),
        );
        let covered = |at: i32, len: u32| i64::from(at) + i64::from(len) > 0;
        if self.primary.place.0 > 0
            || self.primary.place.1 > 0
            || !covered(self.primary.place.0, self.primary.size.0)
            || !covered(self.primary.place.1, self.primary.size.1)
        {
            // Wholly outside of the display.
            return Rect::default();
        }
        Rect::new(x, y, x.saturating_add(width), y.saturating_add(height))
    }

    /// Turns the pipe off and its picture with it, as legacy mode setting does; a cursor stays.
    pub fn turn_off(&mut self) {
        self.mode = None;
        self.mode_blob = 0;
        self.active = false;
        self.attached = false;
        self.primary.clear();
    }

    /// Whether going from `old` to this one sets a mode.
    #[must_use]
    pub fn needs_modeset(&self, old: &Self) -> bool {
        self.mode != old.mode || self.active != old.active || self.attached != old.attached
    }

    /// Whether a display can go from `old` to this.
    ///
    /// # Errors
    /// `EINVAL`, `ERANGE` and `ENOSPC` as Linux has them.
    pub fn check(
        &self,
        old: &Self,
        touched: Touched,
        may_set_mode: bool,
        event: bool,
    ) -> Result<()> {
        if touched.primary {
            self.primary.check(fourcc::XRGB8888)?;
        }
        if touched.cursor {
            self.cursor.check(fourcc::ARGB8888)?;
        }
        if self.active && self.mode.is_none() || event && !self.active && !old.active {
            return Err(Errno::EINVAL);
        }
        if let Some(mode) = &self.mode {
            super::modes::check(mode)?;
        }
        if self.attached != self.mode.is_some() {
            return Err(Errno::EINVAL);
        }
        let modeset = self.needs_modeset(old);
        if touched.primary || modeset {
            self.primary.check_place(self.size(), true)?;
        }
        if touched.cursor || modeset {
            self.cursor.check_place(self.size(), false)?;
        }
        if modeset && !may_set_mode {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }
}
