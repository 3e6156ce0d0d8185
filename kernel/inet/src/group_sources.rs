//! The senders that members of groups named, an interface at a time, and `/proc/net/mcfilter` and `mcfilter6`.

use crate::link::by_index;
use abi::{Errno, Result};
use alloc::collections::BTreeMap;
use arrayvec::ArrayVec;
use core::fmt::{self, Write as _};
use core::net::IpAddr;
use core::ops::Bound;
use fs::proc::Text;
use sync::{SpinLock, rank};

/// How many members hear this sender alone, and how many do not hear it.
type Tally = [u32; 2];
/// The device, the group and the sender.
type Key = (u32, IpAddr, IpAddr);
/// There may be many thousands, entered anywhere.
type Map = BTreeMap<Key, Tally>;

static NAMED: SpinLock<Map, { rank::LEAF }> = SpinLock::new(BTreeMap::new());

/// Senders named at a time, by all members of all groups.
const MOST: usize = 32_768;

/// Rows shown with the lock held.
const BATCH: usize = 32;

/// A member names senders of a group.
///
/// # Errors
/// `ENOBUFS` when there is no room for more, and none of them counts.
pub fn name(device: u32, group: IpAddr, only: bool, senders: &[IpAddr]) -> Result<()> {
    let mut named = NAMED.lock();
    for (count, sender) in senders.iter().enumerate() {
        let key = (device, group, *sender);
        if named.len() >= MOST && !named.contains_key(&key) {
            drop(named);
            forget(
                device,
                group,
                only,
                senders.get(..count).unwrap_or_default(),
            );
            return Err(Errno::ENOBUFS);
        }
        *side(named.entry(key).or_default(), only) += 1;
    }
    Ok(())
}

/// A member names these senders of a group no more.
pub fn forget(device: u32, group: IpAddr, only: bool, senders: &[IpAddr]) {
    let mut named = NAMED.lock();
    for sender in senders {
        let key = (device, group, *sender);
        if let Some(of) = named.get_mut(&key) {
            *side(of, only) = side(of, only).saturating_sub(1);
            if *of == Tally::default() {
                named.remove(&key);
            }
        }
    }
}

fn side([heard, unheard]: &mut Tally, only: bool) -> &mut u32 {
    if only { heard } else { unheard }
}

fn rows(out: &mut Text, v4: bool) -> fmt::Result {
    let mut from = Bound::Unbounded;
    loop {
        let batch: ArrayVec<(Key, Tally), BATCH> = {
            let named = NAMED.lock();
            let rest = named.range((from, Bound::Unbounded));
            rest.take(BATCH).map(|(key, of)| (*key, *of)).collect()
        };
        let Some((last, _)) = batch.last() else {
            return Ok(());
        };
        from = Bound::Excluded(*last);
        for ((device, group, sender), [heard, unheard]) in batch {
            let Some(on) = by_index(device).filter(|_| group.is_ipv4() == v4) else {
                continue;
            };
            write!(out, "{device:3} {:>6.6}", on.name)?;
            for address in [group, sender] {
                match address {
                    IpAddr::V4(address) => write!(out, " 0x{:08x}", address.to_bits())?,
                    IpAddr::V6(address) => write!(out, " {:032x}", address.to_bits())?,
                }
            }
            writeln!(out, " {heard:6} {unheard:6}")?;
        }
    }
}

/// `/proc/net/mcfilter`
pub(super) fn mcfilter(out: &mut Text) -> fmt::Result {
    out.write_str("Idx Device        MCA        SRC    INC    EXC\n")?;
    rows(out, true)
}

/// `/proc/net/mcfilter6`
pub(super) fn mcfilter6(out: &mut Text) -> fmt::Result {
    out.write_str(
        "Idx Device                Multicast Address                   Source Address    INC    EXC\n",
    )?;
    rows(out, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use core::net::Ipv6Addr;

    #[test]
    fn what_nobody_names_any_more_is_forgotten() {
        let (group, sender) = (IpAddr::from([239, 1, 2, 3]), IpAddr::from([10, 0, 0, 1]));
        let key = (99, group, sender);
        assert_eq!(name(99, group, true, &[sender]), Ok(()));
        assert_eq!(name(99, group, false, &[sender]), Ok(()));
        assert_eq!(NAMED.lock().get(&key), Some(&[1, 1]));
        forget(99, group, true, &[sender]);
        forget(99, group, false, &[sender]);
        assert_eq!(NAMED.lock().get(&key), None);
    }

    #[test]
    fn there_are_so_many_and_no_more() {
        let of = |group: u32, n: u32| -> Vec<IpAddr> {
            let sender =
                |i: u32| IpAddr::V6(Ipv6Addr::from_bits(u128::from(group) << 64 | u128::from(i)));
            (0..n).map(sender).collect()
        };
        let group = |n: u32| IpAddr::V6(Ipv6Addr::from_bits(0xff05 << 112 | u128::from(n)));
        let mut filled = 0;
        while name(98, group(filled), true, &of(filled, 64)).is_ok() {
            filled += 1;
        }
        assert!(filled as usize <= MOST / 64);
        let count = || NAMED.lock().keys().filter(|key| key.0 == 98).count();
        // What did not fit has left nothing.
        assert_eq!(count(), filled as usize * 64);
        for n in 0..filled {
            forget(98, group(n), true, &of(n, 64));
        }
        assert_eq!(count(), 0);
    }
}
