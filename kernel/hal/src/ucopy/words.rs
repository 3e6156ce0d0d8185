//! Words of the program as futexes need them: atomic, and `None` where a copy would say EFAULT.
//!
//! The address must be a multiple of 4; a misaligned one is answered like an unreachable one, so
//! callers check alignment first where Linux says EINVAL.

use super::{Faults, machine};
use crate::addr::UserAddr;

fn checked(at: UserAddr) -> Option<UserAddr> {
    (at.0.is_multiple_of(4) && at.in_user_range(4)).then_some(at)
}

/// Reads a word (acquire). May sleep.
#[must_use]
pub fn load_u32(at: UserAddr) -> Option<u32> {
    machine::load(checked(at)?, Faults::Resolve)
}

/// Reads a word (acquire) if its page is there. Never sleeps.
#[must_use]
pub fn load_u32_nofault(at: UserAddr) -> Option<u32> {
    machine::load(checked(at)?, Faults::Stop)
}

/// Writes a word (release). May sleep.
#[must_use]
pub fn store_u32(at: UserAddr, value: u32) -> Option<()> {
    machine::store(checked(at)?, value, Faults::Resolve)
}

/// Writes a word (release) if its page is there. Never sleeps.
#[must_use]
pub fn store_u32_nofault(at: UserAddr, value: u32) -> Option<()> {
    machine::store(checked(at)?, value, Faults::Stop)
}

/// Puts `new` where `old` stands; returns what stood there. May sleep.
#[must_use]
pub fn cmpxchg_u32(at: UserAddr, old: u32, new: u32) -> Option<u32> {
    machine::cmpxchg(checked(at)?, old, new, Faults::Resolve)
}

/// As [`cmpxchg_u32`] if the page is there. Never sleeps.
#[must_use]
pub fn cmpxchg_u32_nofault(at: UserAddr, old: u32, new: u32) -> Option<u32> {
    machine::cmpxchg(checked(at)?, old, new, Faults::Stop)
}
