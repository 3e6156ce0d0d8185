//! Names as words: where one ends, whether two are one, and the hash of the dentry cache, which is keyed,
//! so that a program cannot choose names that collide.

use core::sync::atomic::{AtomicU64, Ordering};
use hal::unaligned::{load_u32, load_u64};

static KEY: AtomicU64 = AtomicU64::new(0x9e37_79b9_7f4a_7c15);

/// Sets the key, once entropy is there and before any directory is cached.
pub fn set_key(key: u64) {
    KEY.store(key | 1, Ordering::Relaxed);
}

#[inline(always)]
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Up to eight bytes as a number, another one for each name of the same length.
#[inline(always)]
fn short_word(name: &[u8]) -> u64 {
    if let (Some(head), Some(tail)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        return u64::from(load_u32(head)) << 32 | u64::from(load_u32(tail));
    }
    // One to three bytes: the first, the middle one and the last.
    let (Some(first), Some(last)) = (name.first(), name.last()) else {
        return 0;
    };
    let middle = name.get(name.len() / 2).unwrap_or(last);
    u64::from(*first) << 16 | u64::from(*middle) << 8 | u64::from(*last)
}

/// The hash of a name.
#[must_use]
#[inline]
pub fn hash(name: &[u8]) -> u64 {
    let key = KEY.load(Ordering::Relaxed);
    let mut state = key ^ name.len() as u64;
    let word = match name.last_chunk::<8>() {
        None => short_word(name),
        Some(tail) => {
            let mut rest = name;
            while rest.len() > 8
                && let Some((word, more)) = rest.split_first_chunk::<8>()
            {
                state = fold(state ^ load_u64(word), key);
                rest = more;
            }
            load_u64(tail)
        }
    };
    fold(state ^ word, key ^ 0xa076_1d64_78bd_642f)
}

/// Whether two names are one.
#[must_use]
#[inline]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (Some(tail), Some(other)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) else {
        return short_word(a) == short_word(b);
    };
    if load_u64(tail) != load_u64(other) {
        return false;
    }
    let (mut a, mut b) = (a, b);
    while a.len() > 8
        && let (Some((word, more)), Some((other, rest))) =
            (a.split_first_chunk::<8>(), b.split_first_chunk::<8>())
    {
        if load_u64(word) != load_u64(other) {
            return false;
        }
        (a, b) = (more, rest);
    }
    true
}

/// How many bytes of `path` come before its first slash.
#[must_use]
#[inline]
pub fn length(path: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const SLASHES: u64 = u64::from_ne_bytes([b'/'; 8]);
    let mut rest = path;
    while let Some((word, more)) = rest.split_first_chunk::<8>() {
        let word = load_u64(word) ^ SLASHES;
        // The lowest byte that is zero now was a slash.
        let slashes = word.wrapping_sub(ONES) & !word & ONES << 7;
        if slashes != 0 {
            return path.len() - rest.len() + (slashes.trailing_zeros() / 8) as usize;
        }
        rest = more;
    }
    let before = path.len() - rest.len();
    before + rest.iter().take_while(|byte| **byte != b'/').count()
}

#[cfg(test)]
mod tests {
    use super::{hash, length, same};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_ends_at_its_first_slash(path in "[ab/\u{7f}\u{2e}\u{30}]{0,40}") {
            let bytes = path.as_bytes();
            let plain = bytes.iter().position(|byte| *byte == b'/').unwrap_or(bytes.len());
            prop_assert_eq!(length(bytes), plain);
        }

        #[test]
        fn equal_names_are_the_same_and_hash_alike(a in "[ab]{0,20}", b in "[ab]{0,20}") {
            prop_assert_eq!(same(a.as_bytes(), b.as_bytes()), a == b);
            // 64 bits: other names practically never have the same hash.
            prop_assert_eq!(hash(a.as_bytes()) == hash(b.as_bytes()), a == b);
        }
    }
}
