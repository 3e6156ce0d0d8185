//! Randomness: ChaCha20, seeded by what the boot loader gave and stirred by whatever arrives later.

use alloc::vec::Vec;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sync::{IrqLock, Pollee, rank};

struct Pool {
    rng: ChaCha20Rng,
    /// Bytes of seed that came from somewhere an outsider cannot know.
    credited: usize,
}

static POOL: IrqLock<Option<Pool>, { rank::LEAF }> = IrqLock::new(None);

/// Told when the pool becomes ready (`getrandom` without `GRND_NONBLOCK` waits for it).
pub static READY: Pollee = Pollee::new();

/// Bytes of seed after which output is good.
const ENOUGH: usize = 32;

/// Stirs bytes in; `trusted` when an outsider cannot know them.
pub fn stir(bytes: &[u8], trusted: bool) {
    let mut pool = POOL.lock();
    let mut seed = [0u8; 32];
    let mut credited = 0;
    if let Some(pool) = &mut *pool {
        pool.rng.fill_bytes(&mut seed);
        credited = pool.credited;
    }
    // Absorb block by block: each block changes the key, the generator mixes it.
    let now = hal::time::now_ns().to_le_bytes();
    let mut blocks: Vec<&[u8]> = bytes.chunks(32).collect();
    blocks.push(&now);
    for block in blocks {
        for (place, byte) in seed.iter_mut().zip(block) {
            *place ^= byte;
        }
        ChaCha20Rng::from_seed(seed).fill_bytes(&mut seed);
    }
    *pool = Some(Pool {
        rng: ChaCha20Rng::from_seed(seed),
        credited,
    });
    drop(pool);
    if trusted {
        credit(bytes.len());
    }
}

/// Counts bytes stirred in before as such that an outsider cannot know.
pub fn credit(bytes: usize) {
    let mut pool = POOL.lock();
    let mut ready = false;
    if let Some(pool) = &mut *pool {
        let before = pool.credited;
        pool.credited = before.saturating_add(bytes);
        ready = before < ENOUGH && pool.credited >= ENOUGH;
    }
    drop(pool);
    if ready {
        READY.notify(sync::Events::READABLE);
    }
}

/// Whether enough seed has come.
pub fn is_ready() -> bool {
    POOL.lock()
        .as_ref()
        .is_some_and(|pool| pool.credited >= ENOUGH)
}

/// Fills a buffer, as well as can be done before the pool is ready.
pub fn fill(out: &mut [u8]) {
    if POOL.lock().is_none() {
        stir(&[], false);
    }
    for piece in out.chunks_mut(1024) {
        if let Some(pool) = &mut *POOL.lock() {
            pool.rng.fill_bytes(piece);
        }
    }
}

/// A random word.
pub fn word() -> u64 {
    u64::from_le_bytes(bytes())
}

/// Some random bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    fill(&mut out);
    out
}
