//! `ip=` of the kernel's command line (`nfsroot.rst`): an interface set up before the first program runs.

use super::events::Cause;
use super::flags::{Iff, scope};
use super::prefix::{Prefix, mask_len};
use super::route_edit::{How, by_hand};
use super::{Address, Interface, change, dhcp, interfaces};
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::net::Ipv4Addr;
use fs::proc::Text;
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
    /// Who knows names.
    pub names: Vec<Ipv4Addr>,
}

/// Reads `address:server:gateway:mask:host:device:method:names:names:…`, or a method alone.
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
    let mut wanted = Wanted {
        address,
        gateway: ip(next())?,
        mask: ip(next())?,
        host: next().map(String::from),
        device: next().map(String::from),
        method: next().map(String::from),
        names: Vec::new(),
    };
    for _ in 0..2 {
        wanted.names.extend(ip(next())?);
    }
    Ok(wanted)
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Got {
    /// The machine's address.
    pub address: Option<Ipv4Addr>,
    /// Its name, as a server gave it.
    pub host: Option<String>,
    /// Its domain.
    pub domain: Option<String>,
}

/// Sets the interface up, with an address that is asked for if there is none and the method is not `off`. Without an
/// address when nobody answered, or nothing is asked for.
///
/// # Errors
/// `ENODEV`: no such card. `EINVAL`: not a mask. `EOPNOTSUPP`: asking by a method that is not spoken here. Those of
/// addresses and routes.
pub fn apply(wanted: &Wanted) -> Result<Got> {
    if wanted.address.is_some() {
        let index = cards(wanted)?.first().ok_or(Errno::ENODEV)?.index;
        set_up(wanted, index)?;
        let names = wanted.names.clone();
        show(move |out| {
            out.write_str("#MANUAL\n")?;
            name_servers(&names, out)
        });
        return Ok(Got {
            address: wanted.address,
            ..Got::default()
        });
    }
    match wanted.method.as_deref() {
        Some("off" | "none") => return Ok(Got::default()),
        None | Some("on" | "any" | "both" | "dhcp") => {}
        Some(_) => return Err(Errno::EOPNOTSUPP),
    }
    let cards = cards(wanted)?;
    log::info!("IP-Config: Sending DHCP requests");
    let Some((interface, lease)) = super::boot_ask::ask(&cards)? else {
        return Ok(Got::default());
    };
    if let (Some(server), Some(address)) = (lease.server, lease.address) {
        log::info!("IP-Config: Got DHCP answer from {server}, my address is {address}");
    }
    let chosen = Wanted {
        address: lease.address,
        // What the word says goes before what a server does.
        gateway: wanted.gateway.or(lease.gateway),
        mask: wanted.mask.or(lease.mask),
        ..Wanted::default()
    };
    set_up(&chosen, interface.index)?;
    let got = Got {
        address: lease.address,
        host: lease.host,
        domain: lease.domain.clone(),
    };
    let mut names = wanted.names.clone();
    names.extend(lease.names);
    names.truncate(dhcp::SERVERS);
    show(move |out| {
        out.write_str("#PROTO: DHCP\n")?;
        if let Some(domain) = &lease.domain {
            writeln!(out, "domain {domain}")?;
        }
        name_servers(&names, out)?;
        match lease.boot {
            Some(boot) => writeln!(out, "bootserver {boot}"),
            None => Ok(()),
        }
    });
    Ok(got)
}

/// Shows what came of it in `/proc/net/pnp`, which can serve as `/etc/resolv.conf`.
fn show(text: impl Fn(&mut Text) -> core::fmt::Result + Send + Sync + 'static) {
    fs::proc::show("net/pnp", text);
}

fn name_servers(names: &[Ipv4Addr], out: &mut Text) -> core::fmt::Result {
    names
        .iter()
        .try_for_each(|one| writeln!(out, "nameserver {one}"))
}

/// The cards the word may mean: the one it names, or all.
fn cards(wanted: &Wanted) -> Result<Vec<Arc<Interface>>> {
    let mut all = interfaces();
    all.retain(|one| match &wanted.device {
        Some(name) => *one.name == **name,
        None => one.device().is_some(),
    });
    if all.is_empty() {
        return Err(Errno::ENODEV);
    }
    Ok(all)
}

fn set_up(wanted: &Wanted, index: u32) -> Result<()> {
    let address = wanted.address.ok_or(Errno::EINVAL)?;
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
        let interface = table.by_index(index).ok_or(Errno::ENODEV)?.clone();
        table.set_flags(1, Iff::UP, Iff::UP, now)?;
        table.set_flags(index, Iff::UP, Iff::UP, now)?;
        let mut own = Address::new(address.into(), len, &interface.name, now);
        own.broadcast = own.network().broadcast();
        table.add_address(index, own)?;
        if let Some(gateway) = wanted.gateway {
            let mut route = by_hand(Prefix::all(false));
            route.scope = scope::UNIVERSE;
            route.gateway = Some(gateway.into());
            table.add_route(route, How::CREATE)?;
        }
        Ok(())
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
        assert_eq!(wanted.names, [Ipv4Addr::new(10, 0, 2, 3)]);
        assert_eq!(parse("dhcp").unwrap().method.as_deref(), Some("dhcp"));
        assert_eq!(parse(":::::eth0:dhcp").unwrap().address, None);
        assert_eq!(parse("10.0.0.300::"), Err(Errno::EINVAL));
        assert_eq!(
            parse("192.168.1.7").unwrap().address,
            Some(Ipv4Addr::new(192, 168, 1, 7))
        );
    }
}
