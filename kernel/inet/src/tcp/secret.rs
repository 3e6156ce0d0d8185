//! What nobody guesses of a connection: where its numbers and times begin (RFC 6528; RFC 7323, 7.1), from a keyed
//! hash of its ends, so that they differ from each other's and yet go on from those of the same ends before.

use super::machine::sequence::Seq;
use crate::random_u32;
use core::net::IpAddr;
use core::sync::atomic::Ordering::Relaxed;
use net::address::{Endpoint, mapped};
use net::settings::TCP_TIMESTAMPS;
use sync::{Instant, Once};

/// The key: made when it is first needed.
static KEY: Once<[u64; 2]> = Once::new();

fn key() -> [u64; 2] {
    let random = || u64::from(random_u32()) << 32 | u64::from(random_u32());
    *KEY.get_or_init(|| [random(), random()])
}

/// SipHash-2-4 of whole words; the last has the length in bytes on top, as the function wants it.
fn sip([k0, k1]: [u64; 2], words: &[u64]) -> u64 {
    let mut v = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    for word in words {
        v[3] ^= word;
        rounds(&mut v, 2);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    rounds(&mut v, 4);
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

#[inline(never)]
fn rounds([v0, v1, v2, v3]: &mut [u64; 4], count: usize) {
    for _ in 0..count {
        *v0 = v0.wrapping_add(*v1);
        *v2 = v2.wrapping_add(*v3);
        *v1 = v1.rotate_left(13) ^ *v0;
        *v3 = v3.rotate_left(16) ^ *v2;
        *v0 = v0.rotate_left(32).wrapping_add(*v3);
        *v2 = v2.wrapping_add(*v1);
        *v1 = v1.rotate_left(17) ^ *v2;
        *v3 = v3.rotate_left(21) ^ *v0;
        *v2 = v2.rotate_left(32);
    }
}

fn hash(from: IpAddr, to: IpAddr, ports: (u16, u16)) -> u64 {
    let [from, to] = [from, to].map(|addr| mapped(addr).to_bits());
    let ports = u64::from(ports.0) << 16 | u64::from(ports.1);
    let high = |addr: u128| (addr >> 64) as u64;
    let words = [
        high(from),
        from as u64,
        high(to),
        to as u64,
        ports | 36 << 56,
    ];
    sip(key(), &words)
}

/// The number of a SYN from `from` to `to`: a clock that goes on every 64 nanoseconds, from where only who knows the
/// key can tell.
#[must_use]
pub fn first_number(from: &Endpoint, to: &Endpoint) -> Seq {
    let start = hash(from.addr, to.addr, (from.port, to.port)) as u32;
    let clock = (Instant::now().as_nanos() >> 6) as u32;
    Seq(start.wrapping_add(clock) as i32)
}

/// What is added to the times told between two addresses; `None`: none are.
#[must_use]
pub fn stamps_wanted(from: IpAddr, to: IpAddr) -> Option<u32> {
    match TCP_TIMESTAMPS.load(Relaxed) {
        0 => None,
        2 => Some(0),
        _ => Some(stamp_offset(from, to)),
    }
}

/// The same between two ends whatever their ports are: an address is one clock.
fn stamp_offset(from: IpAddr, to: IpAddr) -> u32 {
    (hash(from, to, (0, 0)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_paper() {
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let words = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        assert_eq!(sip(key, &words), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn the_same_ends_go_on_and_others_begin_elsewhere() {
        let end = |port| Endpoint::new(IpAddr::from([10, 0, 2, 15]), port);
        let one = first_number(&end(1), &end(2));
        let again = first_number(&end(1), &end(2));
        let on = again.0.wrapping_sub(one.0);
        assert!((0..1 << 28).contains(&on), "{on}");
        let other = first_number(&end(2), &end(1));
        assert!(other.0.wrapping_sub(one.0).unsigned_abs() > 1 << 20);
        let [here, there] = [1, 2].map(|last| IpAddr::from([10, 0, 0, last]));
        assert_eq!(stamp_offset(here, there), stamp_offset(here, there));
        assert_ne!(stamp_offset(here, there), stamp_offset(there, here));
    }
}
