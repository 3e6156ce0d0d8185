//! A binary heap whose members know their place, so that any of them can be taken out in O(log n).

use alloc::vec::Vec;

/// Smallest key first. Each call that moves members tells them where they are now through `moved`.
pub(super) struct Heap<T> {
    items: Vec<(u64, T)>,
}

impl<T> Heap<T> {
    pub(super) const fn new() -> Self {
        Self { items: Vec::new() }
    }

    #[inline]
    pub(super) fn first_key(&self) -> Option<u64> {
        self.items.first().map(|item| item.0)
    }

    /// Adds `item`; whether it is the first now. Takes memory when there have never been so many.
    pub(super) fn push(&mut self, key: u64, item: T, moved: impl Fn(&T, usize)) -> bool {
        let index = self.items.len();
        self.items.push((key, item));
        self.rise(index, &moved) == 0
    }

    /// Takes out the member at `index`.
    pub(super) fn remove(&mut self, index: usize, moved: impl Fn(&T, usize)) -> Option<T> {
        if index >= self.items.len() {
            return None;
        }
        let (_, item) = self.items.swap_remove(index);
        if index < self.items.len() && self.rise(index, &moved) == index {
            self.sink(index, &moved);
        }
        Some(item)
    }

    fn key(&self, index: usize) -> Option<u64> {
        self.items.get(index).map(|item| item.0)
    }

    fn tell(&self, index: usize, moved: &impl Fn(&T, usize)) {
        if let Some((_, item)) = self.items.get(index) {
            moved(item, index);
        }
    }

    fn rise(&mut self, mut index: usize, moved: &impl Fn(&T, usize)) -> usize {
        while index > 0 {
            let parent = (index - 1) / 2;
            if self.key(parent) <= self.key(index) {
                break;
            }
            self.items.swap(parent, index);
            self.tell(index, moved);
            index = parent;
        }
        self.tell(index, moved);
        index
    }

    fn sink(&mut self, mut index: usize, moved: &impl Fn(&T, usize)) {
        loop {
            let left = index * 2 + 1;
            let Some(left_key) = self.key(left) else {
                break;
            };
            let (child, key) = match self.key(left + 1) {
                Some(right) if right < left_key => (left + 1, right),
                _ => (left, left_key),
            };
            if self.key(index) <= Some(key) {
                break;
            }
            self.items.swap(index, child);
            self.tell(index, moved);
            index = child;
        }
        self.tell(index, moved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;
    use proptest::prelude::*;

    struct Member {
        key: u64,
        place: Cell<usize>,
    }

    proptest! {
        #[test]
        fn members_know_their_place_and_leave_in_order(
            keys in prop::collection::vec(0u64..50, 1..80),
            leaves in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        ) {
            let moved = |member: &std::rc::Rc<Member>, index: usize| member.place.set(index);
            let mut heap = Heap::new();
            let mut members: Vec<_> = keys
                .iter()
                .map(|&key| std::rc::Rc::new(Member { key, place: Cell::new(usize::MAX) }))
                .collect();
            for member in &members {
                heap.push(member.key, member.clone(), moved);
            }
            for leave in leaves {
                if members.is_empty() {
                    break;
                }
                let member = members.swap_remove(leave.index(members.len()));
                let taken = heap.remove(member.place.get(), moved);
                prop_assert!(taken.is_some_and(|taken| std::rc::Rc::ptr_eq(&taken, &member)));
            }
            let mut left: Vec<_> = members.iter().map(|member| member.key).collect();
            left.sort_unstable();
            let mut seen = Vec::new();
            while let Some(first) = heap.first_key() {
                let taken = heap.remove(0, moved);
                prop_assert!(taken.is_some_and(|taken| taken.key == first));
                seen.push(first);
            }
            prop_assert_eq!(left, seen);
        }
    }
}
