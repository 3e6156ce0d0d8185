//! `ip=` of the kernel's command line (`nfsroot.rst`): an interface set up before the first program runs.

use super::events::Cause;
use super::flags::{Iff, scope};
use super::prefix::{Prefix, mask_len};
use super::route_edit::{How, by_hand};
use super::{Address, change};
use abi::{Errno, Result};
use alloc::string::String;
use core::net::Ipv4Addr;
use sync::Instant;

/// What the word says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The machine's address.
    pub address: Option<Ipv4Addr>,
    /// The way to everything else.
    pub gateway: Option<Ipv4Addr>,
    /// The network's mask.
    pub mask: Option<Ipv4Addr>,
    /// The machine's name.
    pub host: Option<String>,
    /// The interface; the first card if none is named.
    pub device: Option<String>,
    /// `off`, or a protocol to ask by.
    pub method: Option<String>,
}

/// Reads `address:server:gateway:mask:host:device:method:…`, or a method alone.
///
/// # Errors
/// `EINVAL`: what should be an address is none.
pub fn parse(word: &str) -> Result<Wanted> {
    if !word.contains(':') && word.parse::<Ipv4Addr>().is_err() {
        return Ok(Wanted {
            method: Some(word.into()),
            ..Wanted::default()
        });
    }
    let mut fields = word
        .split(':')
        .map(|field| Some(field).filter(|field| !field.is_empty()));
    let mut next = || fields.next().flatten();
    let ip = |field: Option<&str>| match field {
        None | Some("any" | "dhcp") => Ok(None),
        Some(field) => field.parse().map(Some).map_err(|_| Errno::EINVAL),
    };
    let address = ip(next())?;
    next();
    Ok(Wanted {
        address,
        gateway: ip(next())?,
        mask: ip(next())?,
        host: next().map(String::from),
        device: next().map(String::from),
        method: next().map(String::from),
    })
}

/// Sets the interface up. `None` when the word asks for nothing, or for what is not done here: asking by DHCP, which
/// is udhcpc's.
///
/// # Errors
/// `ENODEV`: no such card. `EINVAL`: not a mask. Those of addresses and routes.
pub fn apply(wanted: &Wanted) -> Result<Option<Ipv4Addr>> {
    let Some(address) = wanted.address else {
        return Ok(None);
    };
    let len = match wanted.mask {
        Some(mask) => mask_len(mask).ok_or(Errno::EINVAL)?,
        None => match address.octets() {
            [0..=127, ..] => 8,
            [128..=191, ..] => 16,
            _ => 24,
        },
    };
    let now = Instant::now();
    change(Cause::default(), |table| {
        let found = table.interfaces().iter().find(|one| match &wanted.device {
            Some(name) => *one.name == **name,
            None => one.device().is_some(),
        });
        let interface = found.ok_or(Errno::ENODEV)?.clone();
        table.set_flags(1, Iff::UP, Iff::UP, now)?;
        table.set_flags(interface.index, Iff::UP, Iff::UP, now)?;
        let mut own = Address::new(address.into(), len, &interface.name, now);
        own.broadcast = own.network().broadcast();
        table.add_address(interface.index, own)?;
        if let Some(gateway) = wanted.gateway {
            let mut route = by_hand(Prefix::all(false));
            route.scope = scope::UNIVERSE;
            route.gateway = Some(gateway.into());
            table.add_route(route, How::CREATE)?;
        }
        Ok(Some(address))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_read_as_linux_reads_it() {
        let wanted = parse("10.0.2.15::10.0.2.2:255.255.255.0:nacre:eth0:off:10.0.2.3").unwrap();
        assert_eq!(wanted.address, Some(Ipv4Addr::new(10, 0, 2, 15)));
        assert_eq!(wanted.gateway, Some(Ipv4Addr::new(10, 0, 2, 2)));
        assert_eq!(wanted.host.as_deref(), Some("nacre"));
        assert_eq!(wanted.device.as_deref(), Some("eth0"));
        assert_eq!(wanted.method.as_deref(), Some("off"));
        assert_eq!(parse("dhcp").unwrap().method.as_deref(), Some("dhcp"));
        assert_eq!(parse(":::::eth0:dhcp").unwrap().address, None);
        assert_eq!(parse("10.0.0.300::"), Err(Errno::EINVAL));
        assert_eq!(
            parse("192.168.1.7").unwrap().address,
            Some(Ipv4Addr::new(192, 168, 1, 7))
        );
    }
}
