//! Rectangles of pixels, and what is worth sending of many.

use alloc::vec::Vec;

/// A rectangle, its right and lower edges outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in drm_mode.h")]
pub struct Rect {
    pub x1: u32,
    pub y1: u32,
    pub x2: u32,
    pub y2: u32,
}

/// More rectangles than these are sent as one around them.
const MOST: usize = 8;

impl Rect {
    /// From its edges.
    #[must_use]
    pub const fn new(x1: u32, y1: u32, x2: u32, y2: u32) -> Self {
        Self { x1, y1, x2, y2 }
    }

    /// The rectangle of a size, from the corner.
    #[must_use]
    pub const fn sized(width: u32, height: u32) -> Self {
        Self::new(0, 0, width, height)
    }

    /// Pixels across.
    #[must_use]
    pub const fn width(self) -> u32 {
        self.x2.saturating_sub(self.x1)
    }

    /// Pixels down.
    #[must_use]
    pub const fn height(self) -> u32 {
        self.y2.saturating_sub(self.y1)
    }

    /// Pixels in it.
    #[must_use]
    pub const fn area(self) -> u64 {
        self.width() as u64 * self.height() as u64
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.area() == 0
    }

    /// What both have.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self::new(
            self.x1.max(other.x1),
            self.y1.max(other.y1),
            self.x2.min(other.x2),
            self.y2.min(other.y2),
        )
    }

    /// The smallest around both; an empty one does not count.
    #[must_use]
    pub fn around(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        Self::new(
            self.x1.min(other.x1),
            self.y1.min(other.y1),
            self.x2.max(other.x2),
            self.y2.max(other.y2),
        )
    }
}

/// What to send for damage to `clips` within `bounds`: each rectangle, or one around them all where that is hardly
/// more. Every damaged pixel within the bounds is in one of the answers.
#[must_use]
pub fn damage(clips: &[Rect], bounds: Rect) -> Vec<Rect> {
    let inside: Vec<Rect> = clips
        .iter()
        .map(|clip| clip.intersect(bounds))
        .filter(|clip| !clip.is_empty())
        .collect();
    let whole = inside
        .iter()
        .fold(Rect::default(), |all, one| all.around(*one));
    let apart: u64 = inside.iter().map(|one| one.area()).sum();
    // A rectangle of its own costs two commands: worth it from a quarter saved.
    if inside.len() <= MOST && apart <= whole.area() / 4 * 3 {
        return inside;
    }
    if whole.is_empty() {
        Vec::new()
    } else {
        alloc::vec![whole]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn far_corners_stay_apart_and_neighbours_join() {
        let bounds = Rect::sized(100, 100);
        let corners = [Rect::new(0, 0, 10, 10), Rect::new(90, 90, 100, 100)];
        assert_eq!(damage(&corners, bounds), corners);
        let beside = [Rect::new(0, 0, 10, 10), Rect::new(10, 0, 20, 10)];
        assert_eq!(damage(&beside, bounds), [Rect::new(0, 0, 20, 10)]);
        assert_eq!(
            damage(&[Rect::new(95, 95, 300, 97)], bounds),
            [Rect::new(95, 95, 100, 97)]
        );
        assert_eq!(damage(&[Rect::new(100, 0, 110, 10)], bounds), []);
        assert_eq!(damage(&[Rect::new(9, 9, 3, 30)], bounds), []);
    }

    fn any_rect() -> impl Strategy<Value = Rect> {
        (0_u32..40, 0_u32..40, 0_u32..50, 0_u32..50)
            .prop_map(|(x1, y1, x2, y2)| Rect::new(x1, y1, x2, y2))
    }

    proptest! {
        #[test]
        fn damage_covers_what_was_damaged_and_stays_inside(clips in proptest::collection::vec(any_rect(), 0..12)) {
            let bounds = Rect::sized(32, 24);
            let sent = damage(&clips, bounds);
            let hit = |all: &[Rect], x: u32, y: u32| {
                all.iter().any(|r| x >= r.x1 && x < r.x2 && y >= r.y1 && y < r.y2)
            };
            for y in 0..60 {
                for x in 0..60 {
                    let inside = x < 32 && y < 24;
                    if inside && hit(&clips, x, y) {
                        prop_assert!(hit(&sent, x, y));
                    }
                    if !inside {
                        prop_assert!(!hit(&sent, x, y));
                    }
                }
            }
        }
    }
}
