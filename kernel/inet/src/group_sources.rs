//! The senders that members of groups named, an interface at a time, and `/proc/net/mcfilter` and `mcfilter6`.

use crate::link::by_index;
use core::fmt::{Result, Write as _};
use core::net::IpAddr;
use fs::proc::Text;
use sync::{SortedMap, SpinLock, rank};

/// How many members hear this sender alone, and how many do not hear it.
type Tally = [u32; 2];
type Map = SortedMap<(u32, IpAddr, IpAddr), Tally>;

static NAMED: SpinLock<Map, { rank::LEAF }> = SpinLock::new(SortedMap::new());

/// A member names senders of a group, or (`more` is not) names them no more.
pub fn tally(device: u32, group: IpAddr, only: bool, senders: &[IpAddr], more: bool) {
    let mut named = NAMED.lock();
    for sender in senders {
        let key = (device, group, *sender);
        let of = named.get_or_insert_with(key, Tally::default);
        let [heard, unheard] = of;
        let one = if only { heard } else { unheard };
        *one = if more {
            *one + 1
        } else {
            one.saturating_sub(1)
        };
        if *of == Tally::default() {
            named.remove(&key);
        }
    }
}

fn rows(out: &mut Text, v4: bool) -> Result {
    let all: alloc::vec::Vec<_> = NAMED.lock().iter().map(|(key, of)| (*key, *of)).collect();
    for ((device, group, sender), [heard, unheard]) in all {
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
    Ok(())
}

/// `/proc/net/mcfilter`
pub(super) fn mcfilter(out: &mut Text) -> Result {
    out.write_str("Idx Device        MCA        SRC    INC    EXC\n")?;
    rows(out, true)
}

/// `/proc/net/mcfilter6`
pub(super) fn mcfilter6(out: &mut Text) -> Result {
    out.write_str(
        "Idx Device                Multicast Address                   Source Address    INC    EXC\n",
    )?;
    rows(out, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_names_any_more_is_forgotten() {
        let (group, sender) = (IpAddr::from([239, 1, 2, 3]), IpAddr::from([10, 0, 0, 1]));
        let key = (99, group, sender);
        tally(99, group, true, &[sender], true);
        tally(99, group, false, &[sender], true);
        assert_eq!(NAMED.lock().get(&key), Some(&[1, 1]));
        tally(99, group, true, &[sender], false);
        tally(99, group, false, &[sender], false);
        assert_eq!(NAMED.lock().get(&key), None);
    }
}
