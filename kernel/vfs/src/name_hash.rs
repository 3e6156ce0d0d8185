//! The hash of names in the dentry cache: keyed, so that a program cannot choose names that collide.

use core::sync::atomic::{AtomicU64, Ordering};

static KEY: AtomicU64 = AtomicU64::new(0x9e37_79b9_7f4a_7c15);

/// Sets the key, once entropy is there and before any directory is cached.
pub fn set_key(key: u64) {
    KEY.store(key | 1, Ordering::Relaxed);
}

const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

/// The hash of a name.
#[must_use]
pub fn hash(name: &[u8]) -> u64 {
    let key = KEY.load(Ordering::Relaxed);
    let mut state = key ^ name.len() as u64;
    let (words, rest) = name.as_chunks::<8>();
    for word in words {
        state = fold(state ^ u64::from_le_bytes(*word), key);
    }
    let mut tail = 0;
    for byte in rest {
        tail = tail << 8 | u64::from(*byte);
    }
    fold(state ^ tail, key ^ 0xa076_1d64_78bd_642f)
}
