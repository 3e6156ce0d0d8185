//! `/dev/random` and `/dev/urandom` (`man 4 random`): ioctls. `struct rand_pool_info` is two `int`s, the bits of
//! entropy and the bytes of the buffer, and the buffer behind them.

#![allow(missing_docs, reason = "names of random(4)")]

pub const RNDGETENTCNT: u32 = 0x8004_5200;
pub const RNDADDTOENTCNT: u32 = 0x4004_5201;
pub const RNDADDENTROPY: u32 = 0x4008_5203;
pub const RNDZAPENTCNT: u32 = 0x5204;
pub const RNDCLEARPOOL: u32 = 0x5206;
pub const RNDRESEEDCRNG: u32 = 0x5207;

/// Bits of entropy a full pool has (`/proc/sys/kernel/random/poolsize`).
pub const POOL_BITS: i32 = 256;
