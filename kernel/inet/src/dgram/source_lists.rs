//! Whole lists of senders at once: `IP_MSFILTER` and `MCAST_MSFILTER` (RFC 3678).

use super::DatagramSocket;
use super::groups::Request;
use super::sources::{STORAGE, Sources, most};
use crate::ip_options::{SOL_IP, ip};
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use net::address::{Endpoint, Family};
use zerocopy::{FromBytes, IntoBytes};

/// Bytes of `struct ip_msfilter` before its list, and of `struct group_filter`.
const SMALL: usize = 16;
const LARGE: usize = 144;

/// `MCAST_EXCLUDE`, `MCAST_INCLUDE`
const ALL_BUT: u32 = 0;
const ONLY: u32 = 1;

/// What such a value says before its list.
struct Head {
    request: Request,
    /// The socket's interface is found as for other requests, not by this number alone.
    small: bool,
    mode: u32,
    count: usize,
}

impl Head {
    /// `struct ip_msfilter` or `struct group_filter`; `wrong`: the error for a group of another family.
    fn read(level: i32, name: i32, value: &[u8], wrong: Errno) -> Result<Self> {
        let word = |at: usize| -> Result<u32> {
            let bytes = value.get(at..).and_then(|rest| rest.first_chunk());
            Ok(u32::from_ne_bytes(*bytes.ok_or(Errno::EINVAL)?))
        };
        if name == ip::MSFILTER {
            let v4 = |word: u32| Ipv4Addr::from(word.to_ne_bytes());
            return Ok(Self {
                request: Request {
                    addr: IpAddr::V4(v4(word(0)?)),
                    own: Some(v4(word(4)?)),
                    device: 0,
                },
                small: true,
                mode: word(8)?,
                count: word(12)? as usize,
            });
        }
        let group = value.get(8..8 + STORAGE).ok_or(Errno::EINVAL)?;
        let (mode, count) = (word(8 + STORAGE)?, word(12 + STORAGE)? as usize);
        Ok(Self {
            request: Request {
                addr: Endpoint::parse(family(level), group)
                    .map_err(|_| wrong)?
                    .addr,
                own: None,
                device: word(0)?,
            },
            small: false,
            mode,
            count,
        })
    }

    fn size(&self) -> usize {
        if self.small { SMALL } else { LARGE }
    }

    fn row(&self) -> usize {
        if self.small { 4 } else { STORAGE }
    }
}

fn family(level: i32) -> Family {
    if level == SOL_IP {
        Family::V4
    } else {
        Family::V6
    }
}

impl DatagramSocket {
    /// Takes the list of senders a program gives for a group it is in.
    pub(super) fn set_source_list(&self, level: i32, name: i32, value: &[u8]) -> Result<()> {
        let least = if name == ip::MSFILTER { SMALL } else { LARGE };
        if value.len() < least {
            return Err(Errno::EINVAL);
        }
        let head = match Head::read(level, name, value, Errno::EADDRNOTAVAIL) {
            Ok(head) => head,
            // How many there are is looked at before what they are.
            Err(error) => {
                check_count(level, name, value)?;
                return Err(error);
            }
        };
        check_count(level, name, value)?;
        let mut named = Vec::new();
        let rows = value.get(head.size()..).unwrap_or_default();
        for row in rows.chunks_exact(head.row()).take(head.count) {
            named.push(if head.small {
                let bytes = row.first_chunk::<4>().ok_or(Errno::EINVAL)?;
                IpAddr::V4(Ipv4Addr::from(*bytes))
            } else {
                let end = Endpoint::parse(family(level), row);
                end.map_err(|_| Errno::EADDRNOTAVAIL)?.addr
            });
        }
        let group = head.request.addr;
        if !group.is_multicast() || head.mode > ONLY {
            return Err(Errno::EINVAL);
        }
        let device = Self::find_device(&head.request)?;
        if head.mode == ONLY && named.is_empty() {
            // To hear nobody is to leave.
            return self.leave(Request {
                device,
                ..head.request
            });
        }
        let mut link = self.link.lock();
        let own = link.groups.iter_mut().find(|own| own.is(group, device));
        let own = own.ok_or(Errno::EINVAL)?;
        let new = Sources::listed(head.mode == ONLY, named);
        own.exchange(new)
    }

    /// The list of a group, as much of it as there is room for.
    pub(super) fn source_list(&self, level: i32, name: i32, given: &[u8]) -> Result<Vec<u8>> {
        let least = if name == ip::MSFILTER { SMALL } else { LARGE };
        let start = given.get(..least).ok_or(Errno::EINVAL)?;
        let wrong = if level == SOL_IP {
            Errno::EINVAL
        } else {
            Errno::EADDRNOTAVAIL
        };
        let head = Head::read(level, name, start, wrong)?;
        let group = head.request.addr;
        if !group.is_multicast() {
            return Err(Errno::EINVAL);
        }
        let device = if head.small || level != SOL_IP {
            Self::find_device(&head.request)?
        } else {
            head.request.device
        };
        let (only, named) = {
            let link = self.link.lock();
            let own = link.groups.iter().find(|own| own.is(group, device));
            own.ok_or(Errno::EADDRNOTAVAIL)?.sources.list()
        };
        let mode = if only { ONLY } else { ALL_BUT };
        let mut told = start.to_vec();
        let words = [mode, named.len() as u32];
        let at = if head.small { 8 } else { 8 + STORAGE };
        if let Some(place) = told.get_mut(at..at + 8) {
            place.copy_from_slice(words.as_bytes());
        }
        for sender in named.iter().take(head.count) {
            match sender {
                IpAddr::V4(sender) if head.small => told.extend_from_slice(&sender.octets()),
                sender => {
                    let end = Endpoint::new(*sender, 0).to_bytes(family(level));
                    told.extend_from_slice(&end);
                    told.resize(told.len() + STORAGE.saturating_sub(end.len()), 0);
                }
            }
        }
        Ok(told)
    }
}

/// How many senders a list has, against what is allowed and what is there.
fn check_count(level: i32, name: i32, value: &[u8]) -> Result<()> {
    let (at, size, row) = if name == ip::MSFILTER {
        (12, SMALL, 4)
    } else {
        (12 + STORAGE, LARGE, STORAGE)
    };
    let rest = value.get(at..).ok_or(Errno::EINVAL)?;
    let count = u32::read_from_prefix(rest).map_err(|_| Errno::EINVAL)?.0 as usize;
    if count > most(level == SOL_IP) {
        return Err(Errno::ENOBUFS);
    }
    if value.len() < size + count * row {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_as_long_as_they_say_and_allowed() {
        let mut value = alloc::vec![0; SMALL + 4];
        for (count, result) in [
            (1, Ok(())),
            (2, Err(Errno::EINVAL)),
            (11, Err(Errno::ENOBUFS)),
            (u8::MAX, Err(Errno::ENOBUFS)),
        ] {
            value[12] = count;
            assert_eq!(check_count(SOL_IP, ip::MSFILTER, &value), result);
        }
    }
}
