//! Where a popup goes: a rectangle of its parent to stand at, a side, and what to do when it would leave the screen.

use crate::geometry::Rect;

/// A corner, an edge or the middle: -1, 0 or 1 a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Side {
    /// Left, middle, right.
    pub x: i32,
    /// Top, middle, bottom.
    pub y: i32,
}

/// What may be done to a popup that would leave the screen, a bit each.
pub mod adjust {
    /// Move it along.
    pub const SLIDE_X: u32 = 1;
    /// Move it along.
    pub const SLIDE_Y: u32 = 2;
    /// Put it on the other side.
    pub const FLIP_X: u32 = 4;
    /// Put it on the other side.
    pub const FLIP_Y: u32 = 8;
    /// Make it smaller.
    pub const RESIZE_X: u32 = 16;
    /// Make it smaller.
    pub const RESIZE_Y: u32 = 32;
}

/// The rules of one popup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Positioner {
    /// Its size.
    pub size: (i32, i32),
    /// What it stands at, in the parent's geometry.
    pub anchor_rect: Rect,
    /// Which point of that.
    pub anchor: Side,
    /// Into which direction it grows from there.
    pub gravity: Side,
    /// Moved by this in the end.
    pub offset: (i32, i32),
    /// What may be adjusted.
    pub adjustment: u32,
    /// Whether it is placed anew when its parent moves.
    pub reactive: bool,
}

/// One direction of it.
#[derive(Debug, Clone, Copy)]
struct Axis {
    size: i32,
    anchor_start: i32,
    anchor_size: i32,
    anchor: i32,
    gravity: i32,
    offset: i32,
}

impl Axis {
    fn place(self) -> i32 {
        let point = match self.anchor {
            -1 => self.anchor_start,
            1 => self.anchor_start.saturating_add(self.anchor_size),
            _ => self.anchor_start.saturating_add(self.anchor_size / 2),
        };
        let start = match self.gravity {
            -1 => point.saturating_sub(self.size),
            1 => point,
            _ => point.saturating_sub(self.size / 2),
        };
        start.saturating_add(self.offset)
    }

    fn flipped(self) -> Self {
        Self {
            anchor: -self.anchor,
            gravity: -self.gravity,
            offset: self.offset.saturating_neg(),
            ..self
        }
    }

    /// Where it starts and how long it is between two bounds.
    fn fit(self, bounds: (i32, i32), slide: bool, flip: bool, resize: bool) -> (i32, i32) {
        let (low, high) = bounds;
        let fits = |start: i32| start >= low && start.saturating_add(self.size) <= high;
        let start = self.place();
        if fits(start) {
            return (start, self.size);
        }
        if flip {
            let other = self.flipped().place();
            if fits(other) {
                return (other, self.size);
            }
        }
        if slide {
            // What does not fit at all keeps its beginning on the screen.
            let moved = start.min(high.saturating_sub(self.size)).max(low);
            return (moved, self.size);
        }
        if resize {
            let first = start.max(low);
            let last = start.saturating_add(self.size).min(high);
            if last > first {
                return (first, last.saturating_sub(first));
            }
        }
        (start, self.size)
    }
}

impl Positioner {
    /// Whether it says all it must.
    pub fn is_complete(&self) -> bool {
        self.size.0 > 0 && self.size.1 > 0 && !self.anchor_rect.is_empty()
    }

    /// The popup's place relative to the parent's geometry, given the screen seen from there.
    pub fn place(&self, screen: Rect) -> Rect {
        let may = |bit: u32| self.adjustment & bit != 0;
        let across = Axis {
            size: self.size.0,
            anchor_start: self.anchor_rect.x,
            anchor_size: self.anchor_rect.w,
            anchor: self.anchor.x,
            gravity: self.gravity.x,
            offset: self.offset.0,
        };
        let down = Axis {
            size: self.size.1,
            anchor_start: self.anchor_rect.y,
            anchor_size: self.anchor_rect.h,
            anchor: self.anchor.y,
            gravity: self.gravity.y,
            offset: self.offset.1,
        };
        let (x, w) = across.fit(
            (screen.x, screen.right()),
            may(adjust::SLIDE_X),
            may(adjust::FLIP_X),
            may(adjust::RESIZE_X),
        );
        let (y, h) = down.fit(
            (screen.y, screen.bottom()),
            may(adjust::SLIDE_Y),
            may(adjust::FLIP_Y),
            may(adjust::RESIZE_Y),
        );
        Rect::new(x, y, w, h)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A menu under a button at (10, 10), 20 by 5.
    fn menu() -> Positioner {
        Positioner {
            size: (50, 40),
            anchor_rect: Rect::new(10, 10, 20, 5),
            anchor: Side { x: -1, y: 1 },
            gravity: Side { x: 1, y: 1 },
            ..Positioner::default()
        }
    }

    #[test]
    fn a_menu_hangs_from_its_button() {
        assert_eq!(
            menu().place(Rect::new(0, 0, 200, 200)),
            Rect::new(10, 15, 50, 40)
        );
    }

    #[test]
    fn a_popup_without_sides_is_centred() {
        let popup = Positioner {
            anchor: Side::default(),
            gravity: Side::default(),
            size: (10, 3),
            ..menu()
        };
        assert_eq!(
            popup.place(Rect::new(0, 0, 200, 200)),
            Rect::new(15, 11, 10, 3)
        );
    }

    #[test]
    fn at_the_edge_it_flips_slides_or_shrinks() {
        let screen = Rect::new(-100, -100, 150, 130); // ends at (50, 30)
        let with = |adjustment| {
            Positioner {
                adjustment,
                ..menu()
            }
            .place(screen)
        };
        assert_eq!(with(0), Rect::new(10, 15, 50, 40));
        assert_eq!(with(adjust::FLIP_Y), Rect::new(10, -30, 50, 40));
        assert_eq!(
            with(adjust::SLIDE_X | adjust::SLIDE_Y),
            Rect::new(0, -10, 50, 40)
        );
        assert_eq!(
            with(adjust::RESIZE_X | adjust::RESIZE_Y),
            Rect::new(10, 15, 40, 15)
        );
    }
}
