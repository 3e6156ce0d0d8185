//! Moving and resizing a window with the pointer.

use crate::geometry::Rect;
use crate::state::{Key, State};

/// The edges that follow the pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Edges {
    /// The upper one.
    pub top: bool,
    /// The lower one.
    pub bottom: bool,
    /// The left one.
    pub left: bool,
    /// The right one.
    pub right: bool,
}

impl Edges {
    /// As the protocol has them: 1 top, 2 bottom, 4 left, 8 right.
    pub fn from_bits(bits: u32) -> Self {
        Self {
            top: bits & 1 != 0,
            bottom: bits & 2 != 0,
            left: bits & 4 != 0,
            right: bits & 8 != 0,
        }
    }

    /// Those of the quarter of a window that a point is in.
    pub fn nearest(window: Rect, x: f64, y: f64) -> Self {
        let left = x < f64::from(window.x) + f64::from(window.w) / 2.0;
        let top = y < f64::from(window.y) + f64::from(window.h) / 2.0;
        Self {
            top,
            bottom: !top,
            left,
            right: !left,
        }
    }

    /// The size a window gets when the pointer went so far.
    pub fn resized(self, start: Rect, dx: i32, dy: i32) -> (i32, i32) {
        let one = |size: i32, minus: bool, plus: bool, delta: i32| {
            let delta = match (minus, plus) {
                (true, _) => delta.saturating_neg(),
                (_, true) => delta,
                _ => 0,
            };
            size.saturating_add(delta).max(1)
        };
        (
            one(start.w, self.left, self.right, dx),
            one(start.h, self.top, self.bottom, dy),
        )
    }
}

/// Keeps a size between bounds; 0 is no bound.
pub fn bounded(size: (i32, i32), min: (i32, i32), max: (i32, i32)) -> (i32, i32) {
    let one = |size: i32, min: i32, max: i32| {
        let size = size.max(min);
        if max > 0 {
            size.min(max.max(min))
        } else {
            size
        }
    };
    (one(size.0, min.0, max.0), one(size.1, min.1, max.1))
}

/// What the pointer does while a button is held.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Grab {
    /// Nothing special: events go to the surface that was pressed.
    #[default]
    None,
    /// Takes a window along.
    Move {
        /// Which one.
        window: Key,
        /// From the pointer to the window's corner.
        dx: i32,
        /// The same down.
        dy: i32,
    },
    /// Pulls at a window's edges.
    Resize {
        /// Which one.
        window: Key,
        /// Which edges.
        edges: Edges,
        /// Its geometry when it began.
        start: Rect,
        /// Where the pointer was then.
        from: (i32, i32),
    },
    /// Drags something along.
    Drag,
}

impl State {
    /// The held pointer takes a window along from now on.
    pub fn begin_move(&mut self, window: Key) {
        let (x, y) = self.seat.point();
        let Some(top) = self.toplevel(window) else {
            return;
        };
        let (dx, dy) = (top.x.saturating_sub(x), top.y.saturating_sub(y));
        if self.seat.buttons > 0 {
            self.seat.grab = Grab::Move { window, dx, dy };
            self.focus_pointer(None);
            self.tell(|| format!("moving {}", window.0));
        }
    }

    /// The held pointer pulls at a window's edges from now on.
    pub fn begin_resize(&mut self, window: Key, edges: Edges) {
        let geometry = self.window_geometry(window);
        let from = self.seat.point();
        if self.seat.buttons == 0 {
            return;
        }
        let Some(top) = self.toplevel(window) else {
            return;
        };
        let start = Rect::new(top.x, top.y, geometry.w, geometry.h);
        top.resizing = true;
        top.anchor = Some((edges, start));
        self.seat.grab = Grab::Resize {
            window,
            edges,
            start,
            from,
        };
        self.focus_pointer(None);
    }

    /// The pointer moved while it holds something. False if it does not.
    pub fn grab_motion(&mut self) -> bool {
        let (x, y) = self.seat.point();
        match self.seat.grab {
            Grab::None => false,
            Grab::Move { window, dx, dy } => {
                self.damage_window(window);
                if let Some(top) = self.toplevel(window) {
                    (top.x, top.y) = (x.saturating_add(dx), y.saturating_add(dy));
                }
                self.damage_window(window);
                true
            }
            Grab::Resize {
                window,
                edges,
                start,
                from,
            } => {
                let (dx, dy) = (x.saturating_sub(from.0), y.saturating_sub(from.1));
                if let Some(top) = self.toplevel(window) {
                    let size = bounded(edges.resized(start, dx, dy), top.min, top.max);
                    self.configure(window, Some(size));
                }
                true
            }
            Grab::Drag => {
                self.drag_motion();
                true
            }
        }
    }

    /// The last button was let go.
    pub fn end_grab(&mut self) {
        match std::mem::take(&mut self.seat.grab) {
            Grab::None | Grab::Move { .. } => {}
            Grab::Resize { window, .. } => {
                if let Some(top) = self.toplevel(window) {
                    top.resizing = false;
                    let size = self.wanted_size(window);
                    self.configure(window, Some(size));
                }
            }
            Grab::Drag => self.drop_drag(),
        }
        self.refresh_pointer();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_follow_the_pointer() {
        let start = Rect::new(10, 10, 100, 50);
        assert_eq!(Edges::from_bits(2 | 8).resized(start, 5, 6), (105, 56));
        assert_eq!(Edges::from_bits(1 | 4).resized(start, 5, 6), (95, 44));
        assert_eq!(Edges::from_bits(8).resized(start, -500, 6), (1, 50));
        assert_eq!(bounded((1, 500), (20, 0), (0, 100)), (20, 100));
    }

    #[test]
    fn the_nearest_corner_is_taken() {
        let window = Rect::new(0, 0, 100, 100);
        assert_eq!(Edges::nearest(window, 10.0, 90.0), Edges::from_bits(2 | 4));
        assert_eq!(Edges::nearest(window, 90.0, 10.0), Edges::from_bits(1 | 8));
    }
}
