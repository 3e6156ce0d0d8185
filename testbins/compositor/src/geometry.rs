//! Rectangles, and regions made of them. Clients choose the numbers, so everything saturates.

/// A rectangle; empty when a side is not positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rect {
    /// Left edge.
    pub x: i32,
    /// Upper edge.
    pub y: i32,
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
}

impl Rect {
    /// From its corner and its sides.
    pub const fn new(x: i32, y: i32, w: i32, h: i32) -> Self {
        Self { x, y, w, h }
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(self) -> bool {
        self.w <= 0 || self.h <= 0
    }

    /// One past the right edge.
    pub const fn right(self) -> i32 {
        self.x.saturating_add(self.w)
    }

    /// One past the lower edge.
    pub const fn bottom(self) -> i32 {
        self.y.saturating_add(self.h)
    }

    /// Moved.
    pub const fn shifted(self, dx: i32, dy: i32) -> Self {
        Self::new(
            self.x.saturating_add(dx),
            self.y.saturating_add(dy),
            self.w,
            self.h,
        )
    }

    /// What both cover; empty if that is nothing.
    pub fn intersect(self, other: Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let w = self.right().min(other.right()).saturating_sub(x).max(0);
        let h = self.bottom().min(other.bottom()).saturating_sub(y).max(0);
        Self::new(x, y, w, h)
    }

    /// The smallest that covers both.
    pub fn union(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let right = self.right().max(other.right());
        let bottom = self.bottom().max(other.bottom());
        Self::new(x, y, right.saturating_sub(x), bottom.saturating_sub(y))
    }

    /// Whether a point is in it.
    pub fn contains(self, x: f64, y: f64) -> bool {
        x >= f64::from(self.x)
            && y >= f64::from(self.y)
            && x < f64::from(self.right())
            && y < f64::from(self.bottom())
    }

    /// Whether all of another is in it.
    pub fn covers(self, other: Self) -> bool {
        other.is_empty()
            || (self.x <= other.x
                && self.y <= other.y
                && self.right() >= other.right()
                && self.bottom() >= other.bottom())
    }
}

/// Beyond this many, damage is kept as the rectangle around it all.
const MOST_RECTS: usize = 12;

/// What has to be painted again: a few rectangles, which may overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage {
    rects: Vec<Rect>,
}

impl Damage {
    /// Adds a rectangle.
    pub fn add(&mut self, rect: Rect) {
        if rect.is_empty() || self.rects.iter().any(|its| its.covers(rect)) {
            return;
        }
        self.rects.retain(|its| !rect.covers(*its));
        self.rects.push(rect);
        if self.rects.len() > MOST_RECTS {
            let all = self.rects.iter().fold(Rect::default(), |a, b| a.union(*b));
            self.rects = vec![all];
        }
    }

    /// Adds all of another.
    pub fn add_all(&mut self, other: &Self) {
        other.rects.iter().for_each(|rect| self.add(*rect));
    }

    /// Whether nothing is to be painted.
    pub fn is_empty(&self) -> bool {
        self.rects.is_empty()
    }

    /// The rectangles.
    pub fn rects(&self) -> &[Rect] {
        &self.rects
    }

    /// Gives them away.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

/// A client's region: what it added and subtracted, in turn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Region {
    steps: Vec<(bool, Rect)>,
}

/// A client that builds a region of more steps loses the oldest.
const MOST_STEPS: usize = 1024;

impl Region {
    /// Adds a rectangle.
    pub fn add(&mut self, rect: Rect) {
        self.step(true, rect);
    }

    /// Takes one out.
    pub fn subtract(&mut self, rect: Rect) {
        self.step(false, rect);
    }

    fn step(&mut self, adds: bool, rect: Rect) {
        if !rect.is_empty() {
            if self.steps.len() >= MOST_STEPS {
                self.steps.remove(0);
            }
            self.steps.push((adds, rect));
        }
    }

    /// Whether a point is in it: the last step that says something about it counts.
    pub fn contains(&self, x: f64, y: f64) -> bool {
        self.steps
            .iter()
            .rev()
            .find(|(_, rect)| rect.contains(x, y))
            .is_some_and(|(adds, _)| *adds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_meet_and_join() {
        let a = Rect::new(0, 0, 10, 10);
        let b = Rect::new(5, 6, 10, 10);
        assert_eq!(a.intersect(b), Rect::new(5, 6, 5, 4));
        assert_eq!(a.union(b), Rect::new(0, 0, 15, 16));
        assert!(a.intersect(Rect::new(10, 0, 3, 3)).is_empty());
        assert_eq!(a.union(Rect::default()), a);
        assert!(a.contains(9.99, 0.0) && !a.contains(10.0, 0.0));
    }

    #[test]
    fn numbers_of_a_hostile_client_saturate() {
        let far = Rect::new(i32::MAX - 1, i32::MIN, i32::MAX, i32::MAX);
        assert_eq!(far.right(), i32::MAX);
        assert!(
            far.shifted(i32::MAX, i32::MIN)
                .intersect(Rect::new(0, 0, 5, 5))
                .is_empty()
        );
        let _ = far.union(Rect::new(i32::MIN, 0, 1, 1));
    }

    #[test]
    fn damage_keeps_what_is_not_covered() {
        let mut damage = Damage::default();
        damage.add(Rect::new(0, 0, 5, 5));
        damage.add(Rect::new(1, 1, 2, 2));
        assert_eq!(damage.rects().len(), 1);
        damage.add(Rect::new(0, 0, 50, 50));
        assert_eq!(damage.rects(), [Rect::new(0, 0, 50, 50)]);
    }

    #[test]
    fn much_damage_becomes_one_rectangle() {
        let mut damage = Damage::default();
        for i in 0..100 {
            damage.add(Rect::new(i * 10, 0, 5, 5));
        }
        assert!(damage.rects().len() <= MOST_RECTS);
        let all = damage.take();
        assert!(damage.is_empty());
        for i in 0..100 {
            let wanted = Rect::new(i * 10, 0, 5, 5);
            assert!(all.rects().iter().any(|rect| rect.covers(wanted)));
        }
    }

    #[test]
    fn a_region_is_its_steps_in_turn() {
        let mut region = Region::default();
        assert!(!region.contains(1.0, 1.0));
        region.add(Rect::new(0, 0, 10, 10));
        region.subtract(Rect::new(2, 2, 4, 4));
        region.add(Rect::new(3, 3, 1, 1));
        assert!(region.contains(1.0, 1.0) && region.contains(3.5, 3.5));
        assert!(!region.contains(2.5, 2.5) && !region.contains(20.0, 0.0));
    }
}
