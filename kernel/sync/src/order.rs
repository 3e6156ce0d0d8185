//! Sorting, once for all types: the kernel sorts seldom, and every instance of `core`'s sorts is eight kilobytes of code.

use alloc::vec::Vec;
use core::cmp::Ordering;

/// Sorts `items` by `key`; equals stay in their order. Allocates four bytes an item.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    let mut places = order(
        items.len(),
        &mut |a, b| match (items.get(a), items.get(b)) {
            (Some(a), Some(b)) => key(a).cmp(&key(b)),
            _ => Ordering::Equal,
        },
    );
    // Each place is taken by the item that belongs there, which leaves its own, round every circle.
    for start in 0..places.len() {
        let mut hole = start;
        while let Some(place) = places.get_mut(hole) {
            let from = core::mem::replace(place, hole as u32) as usize;
            if from == start || from == hole {
                break;
            }
            items.swap(hole, from);
            hole = from;
        }
    }
}

/// Sorts numbers and other small things.
pub fn sort<T: Ord + Copy>(items: &mut [T]) {
    sort_by_key(items, |item| *item);
}

/// Which of `count` things comes first, second and so on, by heap sort.
fn order(count: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<u32> {
    let mut heap: Vec<u32> = (0..count as u32).collect();
    let mut sift = |heap: &mut [u32], mut root: usize| {
        loop {
            let mut largest = root;
            for child in [2 * root + 1, 2 * root + 2] {
                let (Some(a), Some(b)) = (heap.get(largest), heap.get(child)) else {
                    break;
                };
                if compare(*a as usize, *b as usize).then(a.cmp(b)) == Ordering::Less {
                    largest = child;
                }
            }
            if largest == root {
                break;
            }
            heap.swap(root, largest);
            root = largest;
        }
    };
    for root in (0..count / 2).rev() {
        sift(&mut heap, root);
    }
    for end in (1..count).rev() {
        heap.swap(0, end);
        if let Some(rest) = heap.get_mut(..end) {
            sift(rest, 0);
        }
    }
    heap
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorts_as_the_library_does(mut items: Vec<(u8, u32)>) {
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            sort_by_key(&mut items, |item| item.0);
            prop_assert_eq!(&items, &expected);
            expected.sort();
            sort(&mut items);
            prop_assert_eq!(items, expected);
        }
    }
}
