//! The VMAs of a space in the order of their addresses, never overlapping; neighbours that are
//! more of the same are one.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use abi::{Errno, Result};
use hal::PageTable;

use super::max_map_count;
use super::vma::{Content, Vma};

/// The VMAs by their end, so that one look finds the first that reaches past an address.
#[derive(Default)]
pub(crate) struct VmaTree {
    by_end: BTreeMap<usize, Vma>,
}

impl VmaTree {
    pub(crate) fn len(&self) -> usize {
        self.by_end.len()
    }

    /// The first VMA that ends past `addr`: the one that has it, or the next above.
    pub(crate) fn at_or_above(&self, addr: usize) -> Option<&Vma> {
        self.by_end
            .range(addr.saturating_add(1)..)
            .next()
            .map(|(_, v)| v)
    }

    /// The VMA that has `addr`.
    pub(crate) fn find(&self, addr: usize) -> Option<&Vma> {
        self.at_or_above(addr).filter(|v| v.start <= addr)
    }

    /// The VMA that has `addr`, to change what does not concern its place.
    pub(crate) fn find_mut(&mut self, addr: usize) -> Option<&mut Vma> {
        let (_, v) = self.by_end.range_mut(addr.saturating_add(1)..).next()?;
        (v.start <= addr).then_some(v)
    }

    /// The nearest VMA that ends at or below `addr`.
    pub(crate) fn below(&self, addr: usize) -> Option<&Vma> {
        self.by_end.range(..=addr).next_back().map(|(_, v)| v)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Vma> {
        self.by_end.values()
    }

    /// The VMAs that reach into `start..end`, in order.
    pub(crate) fn within(&self, start: usize, end: usize) -> impl Iterator<Item = &Vma> {
        self.by_end
            .range(start.saturating_add(1)..)
            .map(|(_, v)| v)
            .take_while(move |v| v.start < end)
    }

    /// Puts in `vma`, which overlaps nothing, joining it with its neighbours where they are the
    /// same. What is joined away goes to `gone`: it is dropped without locks.
    pub(crate) fn insert(&mut self, mut vma: Vma, gone: &mut Vec<Vma>) {
        let before = self
            .by_end
            .get(&vma.start)
            .is_some_and(|b| b.continues_in(&vma));
        if before && let Some(mut b) = self.by_end.remove(&vma.start) {
            b.set_end(vma.end);
            retire(core::mem::replace(&mut vma, b), gone);
        }
        let end = vma.end;
        if let Some((_, after)) = self.by_end.range_mut(end + 1..).next()
            && vma.continues_in(after)
        {
            after.set_start(vma.start);
            retire(vma, gone);
            return;
        }
        self.by_end.insert(end, vma);
    }

    /// Puts in `vma` as it is.
    fn put(&mut self, vma: Vma) {
        self.by_end.insert(vma.end, vma);
    }

    /// Makes `at` a border between VMAs.
    pub(crate) fn split(&mut self, table: &Arc<PageTable>, at: usize) -> Result<()> {
        let Some(v) = self.find_mut(at) else {
            return Ok(());
        };
        if v.start == at {
            return Ok(());
        }
        let upper = v.split_off(table, at)?;
        // The lower part still stands under the old end, where the upper part belongs.
        if let Some(lower) = self.by_end.insert(upper.end, upper) {
            self.put(lower);
        }
        Ok(())
    }

    /// Takes the range out; what was there, cut to it.
    ///
    /// # Errors
    /// `ENOMEM`; nothing was taken then.
    pub(crate) fn remove(
        &mut self,
        table: &Arc<PageTable>,
        start: usize,
        end: usize,
        gone: &mut Vec<Vma>,
    ) -> Result<()> {
        gone.try_reserve(self.within(start, end).count())
            .map_err(|_| Errno::ENOMEM)?;
        self.split(table, start)?;
        self.split(table, end)?;
        while let Some(key) = self
            .at_or_above(start)
            .filter(|v| v.start < end)
            .map(|v| v.end)
        {
            gone.extend(self.by_end.remove(&key));
        }
        Ok(())
    }

    /// Changes every VMA of the range by `f`, cutting at its borders and joining what becomes the
    /// same. `f` may change rights and flags, not places.
    ///
    /// # Errors
    /// `ENOMEM` (also for the cuts when there are as many VMAs as there may be); nothing was changed then.
    pub(crate) fn modify(
        &mut self,
        table: &Arc<PageTable>,
        start: usize,
        end: usize,
        gone: &mut Vec<Vma>,
        mut f: impl FnMut(&mut Vma),
    ) -> Result<()> {
        if self.modify_one(start, end, gone, &mut f) {
            return Ok(());
        }
        let is_cut = |at| self.find(at).is_some_and(|v| v.start < at);
        let cuts = usize::from(is_cut(start)) + usize::from(is_cut(end));
        if cuts > 0 && self.len() + cuts > max_map_count() {
            return Err(Errno::ENOMEM);
        }
        gone.try_reserve(self.within(start, end).count() + 2)
            .map_err(|_| Errno::ENOMEM)?;
        self.split(table, start)?;
        self.split(table, end)?;
        let mut at = start;
        while let Some(key) = self
            .at_or_above(at)
            .filter(|v| v.start < end)
            .map(|v| v.end)
        {
            let Some(v) = self.by_end.get_mut(&key) else {
                break;
            };
            f(v);
            at = key;
            self.join_below(key, gone);
        }
        // The border to what lies above the range.
        if let Some(above) = self
            .at_or_above(at)
            .filter(|v| v.start == at)
            .map(|v| v.end)
        {
            self.join_below(above, gone);
        }
        Ok(())
    }

    /// As [`VmaTree::modify`] if the range is one VMA from end to end: one look, no cuts.
    fn modify_one(
        &mut self,
        start: usize,
        end: usize,
        gone: &mut Vec<Vma>,
        f: &mut impl FnMut(&mut Vma),
    ) -> bool {
        let mut from_below = self.by_end.range_mut(start..).map(|(_, v)| v);
        let first = from_below.next();
        let (below, one) = match first {
            Some(v) if v.end == start => (Some(v), from_below.next()),
            first => (None, first),
        };
        let Some(v) = one.filter(|v| v.start == start && v.end == end) else {
            return false;
        };
        f(v);
        let joins_below = below.is_some_and(|b| b.continues_in(v));
        let joins_above = from_below
            .next()
            .filter(|above| above.start == end && v.continues_in(above))
            .map(|above| above.end);
        // Without memory for it neighbours stay apart, which nobody can tell but by /proc.
        if (joins_below || joins_above.is_some()) && gone.try_reserve(2).is_ok() {
            if joins_below {
                self.join_below(end, gone);
            }
            if let Some(above) = joins_above {
                self.join_below(above, gone);
            }
        }
        true
    }

    /// Joins the VMA that ends at `key` with its lower neighbour if they are the same.
    fn join_below(&mut self, key: usize, gone: &mut Vec<Vma>) {
        let Some(v) = self.by_end.get(&key) else {
            return;
        };
        let start = v.start;
        if self.by_end.get(&start).is_some_and(|b| b.continues_in(v))
            && let Some(b) = self.by_end.remove(&start)
            && let Some(v) = self.by_end.get_mut(&key)
        {
            v.set_start(b.start);
            retire(b, gone);
        }
    }

    /// Moves the start of the VMA that has `addr` to `start`.
    pub(crate) fn grow_down(&mut self, addr: usize, start: usize) {
        if let Some(v) = self.find_mut(addr) {
            v.set_start(start);
        }
    }

    /// Moves the end of the VMA that ends at `end` to `to`.
    pub(crate) fn grow_up(&mut self, end: usize, to: usize) {
        if let Some(mut v) = self.by_end.remove(&end) {
            v.set_end(to);
            self.put(v);
        }
    }

    /// Takes everything out.
    pub(crate) fn take_all(&mut self) -> BTreeMap<usize, Vma> {
        core::mem::take(&mut self.by_end)
    }
}

/// A VMA joined into another: its object forgets it at once, its file is dropped later.
fn retire(mut vma: Vma, gone: &mut Vec<Vma>) {
    vma.content = Content::Anon;
    gone.push(vma);
}

#[cfg(test)]
mod tests {
    use super::super::vma::VmaFlags;
    use super::*;
    use abi::mman::ProtFlags;
    use proptest::prelude::*;

    use crate::object::{MemObject, ObjectMap};

    const PAGES: usize = 40;
    const P: usize = 4096;

    /// What a page is: rights, flags, and the page of the object it shows.
    type Naive = Option<(u32, u32, Option<u64>)>;

    fn view(tree: &VmaTree) -> Vec<Naive> {
        let mut out = vec![None; PAGES];
        let mut last_end = 0;
        let mut last: Option<&Vma> = None;
        for v in tree.iter() {
            assert!(v.start >= last_end && v.start < v.end);
            if let Some(l) = last {
                assert!(!l.continues_in(v), "neighbours left apart");
            }
            let pages = out.iter_mut().enumerate();
            for (p, seen) in pages.take(v.end / P).skip(v.start / P) {
                let page = v.object().map(|_| v.page_of(p * P));
                *seen = Some((v.prot.bits(), v.flags.bits(), page));
            }
            last_end = v.end;
            last = Some(v);
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn vmas_say_what_a_table_of_pages_says(
            ops in prop::collection::vec((0u8..5, 0..PAGES, 1..12usize, 0u32..4, 0u64..3), 1..60),
        ) {
            let table = Arc::new(PageTable::new().unwrap());
            let object = MemObject::new_anon(1 << 30);
            let mut tree = VmaTree::default();
            let mut naive: Vec<Naive> = vec![None; PAGES];
            for (op, at, len, value, first) in ops {
                let end = (at + len).min(PAGES);
                let (s, e) = (at * P, end * P);
                let mut gone = Vec::new();
                match op {
                    0 | 1 => {
                        tree.remove(&table, s, e, &mut gone).unwrap();
                        let content = if op == 0 {
                            Content::Anon
                        } else {
                            let first = at as u64 + first;
                            Content::Object(ObjectMap::new(object.clone(), &table, s, first, (end - at) as u64, false).unwrap())
                        };
                        tree.insert(Vma {
                            start: s, end: e,
                            prot: ProtFlags::from_bits_retain(value),
                            flags: VmaFlags::empty(),
                            content, name: None,
                        }, &mut gone);
                        for (i, n) in naive.iter_mut().enumerate().take(end).skip(at) {
                            *n = Some((value, 0, (op == 1).then_some(i as u64 + first)));
                        }
                    }
                    2 => {
                        tree.remove(&table, s, e, &mut gone).unwrap();
                        naive[at..end].fill(None);
                    }
                    3 => {
                        tree.modify(&table, s, e, &mut gone, |v| v.prot = ProtFlags::from_bits_retain(value)).unwrap();
                        for (v, ..) in naive[at..end].iter_mut().flatten() {
                            *v = value;
                        }
                    }
                    _ => {
                        tree.modify(&table, s, e, &mut gone, |v| v.flags = VmaFlags::from_bits_retain(value)).unwrap();
                        for (_, f, _) in naive[at..end].iter_mut().flatten() {
                            *f = value;
                        }
                    }
                }
                drop(gone);
                prop_assert_eq!(&view(&tree), &naive);
                prop_assert_eq!(tree.find(s).is_some(), naive[at].is_some());
            }
        }
    }
}
