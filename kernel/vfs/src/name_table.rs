//! A table of names: open addressing, one probe after the other. The whole hash is kept, so that a look at
//! a name that is not there rarely touches another one.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::name_hash::{hash, same};

/// The smallest number of slots.
const FEW: usize = 4;

struct Slot<T> {
    hash: u64,
    name: Arc<[u8]>,
    value: T,
}

/// Values by name.
pub struct NameTable<T> {
    /// A power of two, or none; never all taken.
    slots: Vec<Option<Slot<T>>>,
    used: usize,
}

impl<T> Default for NameTable<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            used: 0,
        }
    }
}

impl<T> NameTable<T> {
    /// How many names there are.
    pub const fn len(&self) -> usize {
        self.used
    }

    /// All bits of a slot's number.
    const fn mask(&self) -> usize {
        self.slots.len().wrapping_sub(1)
    }

    #[inline]
    fn position(&self, hash: u64, name: &[u8]) -> Option<usize> {
        let mut at = hash as usize & self.mask();
        while let Some(Some(slot)) = self.slots.get(at) {
            if slot.hash == hash && same(&slot.name, name) {
                return Some(at);
            }
            at = (at + 1) & self.mask();
        }
        None
    }

    /// The value of a name whose hash is `hash`.
    #[inline]
    pub fn get(&self, hash: u64, name: &[u8]) -> Option<&T> {
        let at = self.position(hash, name)?;
        self.slots.get(at)?.as_ref().map(|slot| &slot.value)
    }

    /// Gives a name its value; answers the old one.
    pub fn insert(&mut self, name: Arc<[u8]>, value: T) -> Option<T> {
        let hash = hash(&name);
        if let Some(at) = self.position(hash, &name)
            && let Some(Some(slot)) = self.slots.get_mut(at)
        {
            return Some(core::mem::replace(&mut slot.value, value));
        }
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            self.resize((self.slots.len() * 2).max(FEW));
        }
        self.put(Slot { hash, name, value });
        None
    }

    /// Puts what is not there into the next free slot; there is one.
    fn put(&mut self, slot: Slot<T>) {
        let mask = self.mask();
        let mut at = slot.hash as usize & mask;
        while let Some(Some(_)) = self.slots.get(at) {
            at = (at + 1) & mask;
        }
        if let Some(free) = self.slots.get_mut(at) {
            *free = Some(slot);
            self.used += 1;
        }
    }

    fn resize(&mut self, slots: usize) {
        let mut new = Vec::with_capacity(slots);
        new.resize_with(slots, || None);
        let old = core::mem::replace(&mut self.slots, new);
        self.used = 0;
        for slot in old.into_iter().flatten() {
            self.put(slot);
        }
    }

    /// Takes a name out; answers its value, with the name for the caller to drop.
    pub fn remove(&mut self, name: &[u8]) -> Option<(Arc<[u8]>, T)> {
        let at = self.position(hash(name), name)?;
        let removed = self.slots.get_mut(at)?.take()?;
        self.used -= 1;
        self.close_gap(at);
        Some((removed.name, removed.value))
    }

    /// Moves those back that stand behind a free slot for want of it.
    fn close_gap(&mut self, mut gap: usize) {
        let mask = self.mask();
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let Some(Some(slot)) = self.slots.get(at) else {
                return;
            };
            let home = slot.hash as usize & mask;
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(gap) & mask {
                self.slots.swap(at, gap);
                gap = at;
            }
        }
    }

    /// Takes out every name whose value is `unwanted`; answers them.
    pub fn extract(&mut self, unwanted: impl Fn(&T) -> bool) -> Vec<(Arc<[u8]>, T)> {
        let slots = self.slots.len();
        let mut out = Vec::new();
        let old = core::mem::take(self);
        let keep = |slot: &Slot<T>| !unwanted(&slot.value);
        let (kept, gone): (Vec<_>, Vec<_>) = old.slots.into_iter().flatten().partition(keep);
        out.extend(gone.into_iter().map(|slot| (slot.name, slot.value)));
        self.resize(slots);
        for slot in kept {
            self.put(slot);
        }
        out
    }

    /// All values.
    pub fn into_values(self) -> impl Iterator<Item = T> {
        self.slots.into_iter().flatten().map(|slot| slot.value)
    }
}

#[cfg(test)]
mod tests {
    use super::NameTable;
    use crate::name_hash::hash;
    use alloc::collections::BTreeMap;
    use alloc::sync::Arc;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn behaves_like_a_map(steps in proptest::collection::vec((0..4u8, "[ab]{1,5}", any::<u8>()), 0..300)) {
            let mut table = NameTable::default();
            let mut map = BTreeMap::new();
            for (step, name, value) in steps {
                let bytes = name.as_bytes();
                match step {
                    0 | 1 => {
                        let old = table.insert(Arc::from(bytes), value);
                        prop_assert_eq!(old, map.insert(bytes.to_vec(), value));
                    }
                    2 => {
                        let old = table.remove(bytes).map(|(_, value)| value);
                        prop_assert_eq!(old, map.remove(bytes));
                    }
                    _ => {
                        let gone = table.extract(|other| *other == value);
                        prop_assert!(gone.iter().all(|(_, other)| *other == value));
                        map.retain(|_, other| *other != value);
                    }
                }
                prop_assert_eq!(table.len(), map.len());
                for (name, value) in &map {
                    prop_assert_eq!(table.get(hash(name), name), Some(value));
                }
            }
            let mut left: Vec<u8> = table.into_values().collect();
            let mut wanted: Vec<u8> = map.into_values().collect();
            left.sort_unstable();
            wanted.sort_unstable();
            prop_assert_eq!(left, wanted);
        }
    }
}
