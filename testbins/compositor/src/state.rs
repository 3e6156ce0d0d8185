//! What the compositor knows, and the order in which it shows it.

use std::collections::BTreeMap;
use std::io::Write;

use wayland_protocols::wp::presentation_time::server::wp_presentation_feedback::WpPresentationFeedback;
use wayland_server::protocol::wl_callback::WlCallback;
use wayland_server::protocol::wl_output::WlOutput;
use wayland_server::{DisplayHandle, Resource};

use crate::data::Data;
use crate::geometry::{Damage, Rect};
use crate::role::Role;
use crate::seat::Seat;
use crate::surface::Surface;

/// A surface's name here; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u64);

/// What the next frame owes to clients when it is on the screen.
#[derive(Debug, Default)]
pub struct Owed {
    /// Frame callbacks.
    pub callbacks: Vec<WlCallback>,
    /// Presentation feedback.
    pub feedback: Vec<WpPresentationFeedback>,
}

impl Owed {
    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.callbacks.is_empty() && self.feedback.is_empty()
    }

    /// Adds all of another.
    pub fn append(&mut self, mut other: Self) {
        self.callbacks.append(&mut other.callbacks);
        self.feedback.append(&mut other.feedback);
    }
}

/// Everything.
#[derive(Debug)]
pub struct State {
    /// The way to clients.
    pub display: DisplayHandle,
    /// All surfaces.
    pub surfaces: BTreeMap<Key, Surface>,
    /// Windows on the screen, the lowest first.
    pub stack: Vec<Key>,
    /// Popups on the screen, the oldest first.
    pub popups: Vec<Key>,
    /// Where input goes.
    pub seat: Seat,
    /// Clipboard and drag and drop.
    pub data: Data,
    /// The screen, as clients have bound it.
    pub outputs: Vec<WlOutput>,
    /// The screen's size.
    pub screen: Rect,
    /// The screen's refresh rate in thousandths of a hertz.
    pub refresh: i32,
    /// What has to be painted again.
    pub damage: Damage,
    /// For whom the next frame is waited for.
    pub owed: Owed,
    /// Whether frame callbacks are kept back, so that first frames stay on the screen.
    pub hold_frames: bool,
    /// Whether what happens is said on standard output.
    pub report: bool,
    /// Whether to go on.
    pub running: bool,
    next_key: u64,
    serial: u32,
    placed: i32,
}

impl State {
    /// One without clients.
    pub fn new(display: DisplayHandle, screen: Rect, refresh: i32) -> Self {
        let mut damage = Damage::default();
        damage.add(screen);
        Self {
            display,
            surfaces: BTreeMap::new(),
            stack: Vec::new(),
            popups: Vec::new(),
            seat: Seat::new(screen),
            data: Data::default(),
            outputs: Vec::new(),
            screen,
            refresh,
            damage,
            owed: Owed::default(),
            hold_frames: false,
            report: false,
            running: true,
            next_key: 0,
            serial: 0,
            placed: 0,
        }
    }

    /// A new surface's name.
    pub fn new_key(&mut self) -> Key {
        self.next_key += 1;
        Key(self.next_key)
    }

    /// The number of an event that a client may refer to.
    pub fn serial(&mut self) -> u32 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }

    /// Milliseconds of the monotonic clock, as events carry them.
    pub fn now(&self) -> u32 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        (now.tv_sec.cast_unsigned() as u32)
            .wrapping_mul(1000)
            .wrapping_add(now.tv_nsec as u32 / 1_000_000)
    }

    /// Says what happened, where that is wanted.
    pub fn tell(&self, what: impl FnOnce() -> String) {
        if self.report {
            // Who listened may be gone; that is no reason to end.
            let _ = writeln!(std::io::stdout(), "{}", what());
        }
    }

    /// Where a surface's upper left corner is on the screen; `None` for one that is not shown.
    pub fn origin(&self, key: Key) -> Option<(i32, i32)> {
        // A chain longer than this is no surface tree that a person made.
        self.origin_within(key, 64)
    }

    fn origin_within(&self, key: Key, depth: u32) -> Option<(i32, i32)> {
        let depth = depth.checked_sub(1)?;
        match &self.surfaces.get(&key)?.role {
            Role::Toplevel(top) => {
                let geometry = self.window_geometry(key);
                Some((
                    top.x.saturating_sub(geometry.x),
                    top.y.saturating_sub(geometry.y),
                ))
            }
            Role::Popup(popup) => {
                let (x, y) = self.origin_within(popup.parent?, depth)?;
                let parent = self.window_geometry(popup.parent?);
                let own = self.window_geometry(key);
                let place = |at: i32, parent: i32, offset: i32, own: i32| {
                    at.saturating_add(parent)
                        .saturating_add(offset)
                        .saturating_sub(own)
                };
                Some((
                    place(x, parent.x, popup.place.x, own.x),
                    place(y, parent.y, popup.place.y, own.y),
                ))
            }
            Role::Sub(sub) => {
                let (x, y) = self.origin_within(sub.parent?, depth)?;
                Some((x.saturating_add(sub.x), y.saturating_add(sub.y)))
            }
            Role::Cursor(_) | Role::Icon | Role::None => None,
        }
    }

    /// The part of a window or popup that counts as it, without shadows; in the surface's own coordinates.
    pub fn window_geometry(&self, key: Key) -> Rect {
        let Some(surface) = self.surfaces.get(&key) else {
            return Rect::default();
        };
        let (w, h) = surface.size();
        let stated = match &surface.role {
            Role::Toplevel(top) => top.shell.geometry,
            Role::Popup(popup) => popup.shell.geometry,
            _ => None,
        };
        stated.unwrap_or(Rect::new(0, 0, w, h))
    }

    /// Where a surface is on the screen.
    pub fn place(&self, key: Key) -> Option<Rect> {
        let (x, y) = self.origin(key)?;
        let (w, h) = self.surfaces.get(&key)?.size();
        Some(Rect::new(x, y, w, h))
    }

    /// Everything shown, the lowest first, with its place.
    pub fn scene(&self) -> Vec<(Key, Rect)> {
        let mut scene = Vec::new();
        for window in &self.stack {
            self.add_tree(*window, &mut scene, 64);
            for popup in &self.popups {
                if self.window_of(*popup) == Some(*window) {
                    self.add_tree(*popup, &mut scene, 64);
                }
            }
        }
        scene
    }

    fn add_tree(&self, key: Key, scene: &mut Vec<(Key, Rect)>, depth: u32) {
        let (Some(surface), Some(depth)) = (self.surfaces.get(&key), depth.checked_sub(1)) else {
            return;
        };
        if surface.image.is_none() {
            return;
        }
        for child in &surface.below {
            self.add_tree(*child, scene, depth);
        }
        if let Some(place) = self.place(key) {
            scene.push((key, place));
        }
        for child in &surface.above {
            self.add_tree(*child, scene, depth);
        }
    }

    /// The window that a surface belongs to, through popups and subsurfaces.
    pub fn window_of(&self, key: Key) -> Option<Key> {
        let mut key = key;
        for _ in 0..64 {
            key = match &self.surfaces.get(&key)?.role {
                Role::Toplevel(_) => return Some(key),
                Role::Popup(popup) => popup.parent?,
                Role::Sub(sub) => sub.parent?,
                Role::Cursor(_) | Role::Icon | Role::None => return None,
            };
        }
        None
    }

    /// The topmost surface at a point that wants input there, and the point in its coordinates.
    pub fn surface_at(&self, x: f64, y: f64) -> Option<(Key, f64, f64)> {
        self.scene().into_iter().rev().find_map(|(key, place)| {
            let (sx, sy) = (x - f64::from(place.x), y - f64::from(place.y));
            let surface = self.surfaces.get(&key)?;
            let wanted = place.contains(x, y)
                && surface
                    .input
                    .as_ref()
                    .is_none_or(|input| input.contains(sx, sy));
            wanted.then_some((key, sx, sy))
        })
    }

    /// Has a surface and what hangs on it painted again, where it is now.
    pub fn damage_window(&mut self, key: Key) {
        let all: Vec<Rect> = self
            .scene()
            .into_iter()
            .filter(|(its, _)| *its == key || self.window_of(*its) == Some(key))
            .map(|(_, place)| place)
            .collect();
        all.into_iter().for_each(|rect| self.damage(rect));
    }

    /// Has a part of the screen painted again.
    pub fn damage(&mut self, rect: Rect) {
        self.damage.add(rect.intersect(self.screen));
    }

    /// Where the next window goes: the middle first, then each a bit further to the lower right.
    pub fn next_place(&mut self, w: i32, h: i32) -> (i32, i32) {
        let step = self.placed.rem_euclid(8).saturating_mul(32);
        self.placed = self.placed.wrapping_add(1);
        let middle = |screen: i32, size: i32| (screen.saturating_sub(size) / 2).max(0);
        (
            middle(self.screen.w, w).saturating_add(step),
            middle(self.screen.h, h).saturating_add(step),
        )
    }

    /// Puts a window on top of all others.
    pub fn raise(&mut self, key: Key) {
        if self.stack.last() == Some(&key) {
            return;
        }
        if let Some(at) = self.stack.iter().position(|its| *its == key) {
            self.stack.remove(at);
            self.stack.push(key);
            self.damage_window(key);
        }
    }

    /// Takes a surface off the screen: whatever refers to it, refers to it no more.
    pub fn hide(&mut self, key: Key) {
        self.damage_window(key);
        if let Some(place) = self.place(key) {
            self.damage(place);
        }
        let orphans: Vec<Key> = self
            .popups
            .iter()
            .copied()
            .filter(|popup| *popup != key && self.is_under(*popup, key))
            .collect();
        for popup in orphans.into_iter().rev() {
            self.dismiss(popup);
        }
        let was_window = self.stack.contains(&key);
        self.stack.retain(|its| *its != key);
        self.popups.retain(|its| *its != key);
        self.forget_focus(key);
        if was_window {
            self.tell(|| format!("gone {}", key.0));
            let next = self.stack.last().copied();
            if self.seat.keyboard_focus.is_none() {
                self.focus_keyboard(next);
            }
        }
    }

    fn is_under(&self, popup: Key, ancestor: Key) -> bool {
        let mut key = popup;
        for _ in 0..64 {
            key = match self.surfaces.get(&key).map(|surface| &surface.role) {
                Some(Role::Popup(its)) => match its.parent {
                    Some(parent) => parent,
                    None => return false,
                },
                Some(Role::Sub(its)) => match its.parent {
                    Some(parent) => parent,
                    None => return false,
                },
                _ => return false,
            };
            if key == ancestor {
                return true;
            }
        }
        false
    }

    /// Tells a surface's client on which screen it is.
    pub fn enter_output(&mut self, key: Key) {
        if let Some(surface) = self.surfaces.get_mut(&key)
            && !surface.on_output
        {
            surface.on_output = true;
            let surface = &surface.resource;
            for output in &self.outputs {
                if output.id().same_client_as(&surface.id()) {
                    surface.enter(output);
                }
            }
        }
    }
}
