//! `wl_surface`: what a client wants shown, gathered until it commits.

use wayland_protocols::wp::presentation_time::server::wp_presentation_feedback::WpPresentationFeedback;
use wayland_server::Resource;
use wayland_server::protocol::wl_buffer::WlBuffer;
use wayland_server::protocol::wl_callback::WlCallback;
use wayland_server::protocol::wl_shm;
use wayland_server::protocol::wl_surface::WlSurface;

use crate::canvas::{Image, Source, Turn};
use crate::geometry::{Damage, Rect, Region};
use crate::role::Role;
use crate::shm::Buffer;
use crate::state::{Key, Owed, State};

/// Everything a client said since its last commit.
#[derive(Debug, Default)]
pub struct Pending {
    /// A buffer, or none at all.
    pub buffer: Option<Option<WlBuffer>>,
    /// How far the new buffer's corner is from the old one's.
    pub offset: (i32, i32),
    /// Changed, in the surface's coordinates.
    pub damage: Damage,
    /// Changed, in the buffer's.
    pub buffer_damage: Damage,
    /// Who waits for the frame.
    pub callbacks: Vec<WlCallback>,
    /// Who wants to know when it was seen.
    pub feedback: Vec<WpPresentationFeedback>,
    /// Where input is wanted.
    pub input: Option<Option<Region>>,
    /// Buffer pixels a surface unit.
    pub scale: Option<i32>,
    /// How the buffer lies.
    pub turn: Option<Turn>,
    /// The part that is shown, in surface units.
    pub crop: Option<Option<(f64, f64, f64, f64)>>,
    /// The size it is shown at.
    pub destination: Option<Option<(i32, i32)>>,
    /// The order of subsurfaces: below, above.
    pub order: Option<(Vec<Key>, Vec<Key>)>,
}

impl Pending {
    /// Adds a later one; what that says goes.
    pub fn merge(&mut self, later: Self) {
        fn over<T>(old: &mut Option<T>, new: Option<T>) {
            if new.is_some() {
                *old = new;
            }
        }
        if later.buffer.is_some()
            && let Some(Some(old)) = &self.buffer
            && later.buffer.as_ref().and_then(Option::as_ref) != Some(old)
        {
            // Never shown: the client has it back.
            old.release();
        }
        over(&mut self.buffer, later.buffer);
        over(&mut self.input, later.input);
        over(&mut self.scale, later.scale);
        over(&mut self.turn, later.turn);
        over(&mut self.crop, later.crop);
        over(&mut self.destination, later.destination);
        over(&mut self.order, later.order);
        self.offset.0 = self.offset.0.saturating_add(later.offset.0);
        self.offset.1 = self.offset.1.saturating_add(later.offset.1);
        self.damage.add_all(&later.damage);
        self.buffer_damage.add_all(&later.buffer_damage);
        self.callbacks.extend(later.callbacks);
        for superseded in self.feedback.drain(..) {
            superseded.discarded();
        }
        self.feedback = later.feedback;
    }
}

/// A surface as it is shown.
#[derive(Debug)]
pub struct Surface {
    /// The object.
    pub resource: WlSurface,
    /// What the next commit brings.
    pub pending: Pending,
    /// What is on it; `None` if nothing is.
    pub image: Option<Image>,
    /// Buffer pixels a surface unit.
    pub scale: i32,
    /// How the buffer lies.
    pub turn: Turn,
    /// The part that is shown.
    pub crop: Option<(f64, f64, f64, f64)>,
    /// The size it is shown at.
    pub destination: Option<(i32, i32)>,
    /// Where it wants input; everywhere if it never said.
    pub input: Option<Region>,
    /// What it is for.
    pub role: Role,
    /// Subsurfaces under it, the lowest first.
    pub below: Vec<Key>,
    /// Subsurfaces over it.
    pub above: Vec<Key>,
    /// Whether its client knows the screen it is on.
    pub on_output: bool,
    /// Whether it has a viewport object.
    pub has_viewport: bool,
}

impl Surface {
    /// A new one.
    pub fn new(resource: WlSurface) -> Self {
        Self {
            resource,
            pending: Pending::default(),
            image: None,
            scale: 1,
            turn: Turn::Normal,
            crop: None,
            destination: None,
            input: None,
            role: Role::None,
            below: Vec::new(),
            above: Vec::new(),
            on_output: false,
            has_viewport: false,
        }
    }

    /// The buffer's size in surface units, before a viewport.
    fn natural_size(&self) -> (i32, i32) {
        let Some(image) = &self.image else {
            return (0, 0);
        };
        let scale = self.scale.max(1);
        let (w, h) = (image.width / scale, image.height / scale);
        if self.turn.swaps() { (h, w) } else { (w, h) }
    }

    /// Its size.
    pub fn size(&self) -> (i32, i32) {
        if self.image.is_none() {
            return (0, 0);
        }
        match (self.destination, self.crop) {
            (Some(size), _) => size,
            (None, Some((_, _, w, h))) => (w as i32, h as i32),
            (None, None) => self.natural_size(),
        }
    }

    /// The part of its picture that is shown.
    pub fn source(&self) -> Source {
        let (w, h) = self.natural_size();
        match self.crop {
            Some((x, y, cw, ch)) if w > 0 && h > 0 => {
                let (w, h) = (f64::from(w), f64::from(h));
                Source {
                    x: x / w,
                    y: y / h,
                    w: cw / w,
                    h: ch / h,
                }
            }
            _ => Source::ALL,
        }
    }

    /// Where a rectangle of the buffer is on the surface, at least.
    fn place_on_surface(&self, rect: Rect) -> Rect {
        if self.turn != Turn::Normal || self.crop.is_some() || self.destination.is_some() {
            let (w, h) = self.size();
            return Rect::new(0, 0, w, h);
        }
        let scale = self.scale.max(1);
        let (x, y) = (rect.x.div_euclid(scale), rect.y.div_euclid(scale));
        let end = |at: i32| at.saturating_add(scale.saturating_sub(1)).div_euclid(scale);
        let (right, bottom) = (end(rect.right()), end(rect.bottom()));
        Rect::new(x, y, right.saturating_sub(x), bottom.saturating_sub(y))
    }

    /// Which rows of the buffer a commit may have changed.
    fn changed_rows(&self, pending: &Pending, height: i32) -> (i32, i32) {
        let plain = self.turn == Turn::Normal && self.crop.is_none() && self.destination.is_none();
        if !plain && !pending.damage.is_empty() {
            return (0, height);
        }
        let scale = self.scale.max(1);
        let own = pending.damage.rects().iter().map(|rect| {
            (
                rect.y.saturating_mul(scale),
                rect.bottom().saturating_mul(scale),
            )
        });
        let buffer = pending
            .buffer_damage
            .rects()
            .iter()
            .map(|rect| (rect.y, rect.bottom()));
        own.chain(buffer).fold((height, 0), |(from, to), (y, end)| {
            (from.min(y.max(0)), to.max(end.min(height)))
        })
    }
}

impl State {
    /// A client commits a surface.
    pub fn commit(&mut self, key: Key) {
        let Some(surface) = self.surfaces.get_mut(&key) else {
            return;
        };
        let pending = std::mem::take(&mut surface.pending);
        if self.is_sync(key, 64)
            && let Some(Role::Sub(sub)) =
                self.surfaces.get_mut(&key).map(|surface| &mut surface.role)
        {
            match &mut sub.cached {
                Some(cached) => cached.merge(pending),
                None => sub.cached = Some(pending),
            }
            return;
        }
        self.apply(key, pending);
    }

    /// Whether a subsurface's commits wait for its parent's.
    fn is_sync(&self, key: Key, depth: u32) -> bool {
        match (
            self.surfaces.get(&key).map(|surface| &surface.role),
            depth.checked_sub(1),
        ) {
            (Some(Role::Sub(sub)), Some(depth)) => {
                sub.sync || sub.parent.is_some_and(|parent| self.is_sync(parent, depth))
            }
            _ => false,
        }
    }

    /// Makes a commit true, and then those of subsurfaces that waited for it.
    pub fn apply(&mut self, key: Key, mut pending: Pending) {
        let before = self.place(key);
        let had_image = self
            .surfaces
            .get(&key)
            .is_some_and(|surface| surface.image.is_some());
        let mut changed = Damage::default();
        let Some(surface) = self.surfaces.get_mut(&key) else {
            return;
        };
        let was = (surface.size(), surface.scale, surface.turn, surface.crop);
        surface.scale = pending.scale.take().unwrap_or(surface.scale);
        surface.turn = pending.turn.take().unwrap_or(surface.turn);
        surface.crop = pending.crop.take().unwrap_or(surface.crop);
        surface.destination = pending.destination.take().unwrap_or(surface.destination);
        if let Some(input) = pending.input.take() {
            surface.input = input;
        }
        let mut reordered = false;
        if let Some((below, above)) = pending.order.take() {
            (surface.below, surface.above) = (below, above);
            reordered = true;
        }
        match pending.buffer.take() {
            Some(Some(buffer)) => {
                if !surface.take_buffer(&buffer, &pending) {
                    buffer.post_error(wl_shm::Error::InvalidFd, "error accessing SHM buffer");
                    return;
                }
                buffer.release();
            }
            Some(None) => surface.image = None,
            None => {}
        }
        for rect in pending.damage.rects() {
            changed.add(*rect);
        }
        for rect in pending.buffer_damage.rects() {
            changed.add(surface.place_on_surface(*rect));
        }
        if let Role::Cursor(tip) = &mut surface.role {
            tip.0 = tip.0.saturating_sub(pending.offset.0);
            tip.1 = tip.1.saturating_sub(pending.offset.1);
        }
        let redo = reordered || was != (surface.size(), surface.scale, surface.turn, surface.crop);
        let owed = Owed {
            callbacks: std::mem::take(&mut pending.callbacks),
            feedback: std::mem::take(&mut pending.feedback),
        };
        self.owed.append(owed);
        if had_image
            && self
                .surfaces
                .get(&key)
                .is_some_and(|surface| surface.image.is_none())
        {
            if let Some(before) = before {
                self.damage(before);
            }
            self.unmap(key);
        }
        self.commit_role(key);
        self.apply_children(key);
        self.damage_changed(key, before, &changed, redo);
    }

    fn damage_changed(&mut self, key: Key, before: Option<Rect>, changed: &Damage, redo: bool) {
        if self.seat.cursor_key() == Some(key) || self.data.icon == Some(key) {
            self.damage_cursor();
            return;
        }
        let Some(place) = self.place(key) else {
            return;
        };
        if redo || before != Some(place) {
            if let Some(before) = before {
                self.damage(before);
            }
            self.damage_window(key);
            self.damage(place);
        } else {
            for rect in changed.rects() {
                self.damage(rect.shifted(place.x, place.y).intersect(place));
            }
        }
    }

    /// What waited for this surface's commit.
    fn apply_children(&mut self, key: Key) {
        let Some(surface) = self.surfaces.get(&key) else {
            return;
        };
        let children: Vec<Key> = surface
            .below
            .iter()
            .chain(&surface.above)
            .copied()
            .collect();
        for child in children {
            let before = self.place(child);
            let Some(Role::Sub(sub)) = self.surfaces.get_mut(&child).map(|its| &mut its.role)
            else {
                continue;
            };
            let cached = sub.cached.take();
            if let Some((x, y)) = sub.next.take() {
                (sub.x, sub.y) = (x, y);
                let after = self.place(child);
                [before, after]
                    .into_iter()
                    .flatten()
                    .for_each(|rect| self.damage(rect));
            }
            if let Some(cached) = cached {
                self.apply(child, cached);
            }
        }
    }
}

impl Surface {
    /// Copies what changed out of the client's memory. False if that cannot be read.
    fn take_buffer(&mut self, resource: &WlBuffer, pending: &Pending) -> bool {
        let Some(buffer) = resource.data::<Buffer>() else {
            return false;
        };
        let (from, to) = self.changed_rows(pending, buffer.height);
        let image = self.image.get_or_insert_default();
        buffer.read(image, from, to).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_commit_adds_its_damage_and_replaces_the_rest() {
        let mut first = Pending {
            scale: Some(2),
            turn: Some(Turn::By90),
            offset: (1, 2),
            ..Pending::default()
        };
        first.damage.add(Rect::new(0, 0, 1, 1));
        let mut second = Pending {
            scale: Some(3),
            offset: (3, 3),
            ..Pending::default()
        };
        second.damage.add(Rect::new(5, 5, 1, 1));
        first.merge(second);
        assert_eq!(
            (first.scale, first.turn, first.offset),
            (Some(3), Some(Turn::By90), (4, 5))
        );
        assert_eq!(first.damage.rects().len(), 2);
    }
}
