//! All that is configured, as one value. Pure: what changes is noted down and told by whoever puts the value in
//! place.

use super::address::Address;
use super::conf6::{Conf6, Setting};
use super::derived::{derived, same_place};
use super::device::NetDevice;
use super::events::Change;
use super::flags::{Ifa, Iff, SETTABLE, scope, table_id};
use super::interface::{Interface, NAME_SIZE};
use super::port::Port;
use super::route::Route;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use sync::Instant;

/// The largest packet on the loopback.
const LOOPBACK_MTU: u32 = 65_536;

/// Interfaces, addresses, routes.
#[derive(Clone, Debug, Default)]
pub struct Table {
    interfaces: Vec<Arc<Interface>>,
    /// In the order a lookup asks.
    pub(super) routes: Vec<Arc<Route>>,
    pub(super) changes: Vec<Change>,
}

impl Table {
    /// Nothing but a loopback that is down.
    #[must_use]
    pub fn new() -> Self {
        let mut table = Self::default();
        let port = Port::new(1, None);
        table.interfaces.push(Arc::new(Interface {
            index: 1,
            name: Arc::from("lo"),
            set: Iff::LOOPBACK,
            mtu: LOOPBACK_MTU,
            queue_len: 1000,
            mac: [0; 6],
            addresses: Vec::new(),
            port,
            conf6: Conf6::of_new(LOOPBACK_MTU),
        }));
        table
    }

    /// All interfaces, by number.
    #[must_use]
    pub fn interfaces(&self) -> &[Arc<Interface>] {
        &self.interfaces
    }

    /// All routes, in the order a lookup asks.
    #[must_use]
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// The interface with a number.
    #[must_use]
    pub fn by_index(&self, index: u32) -> Option<&Arc<Interface>> {
        self.interfaces.iter().find(|one| one.index == index)
    }

    /// The interface with a name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Arc<Interface>> {
        self.interfaces.iter().find(|one| &*one.name == name)
    }

    /// What changed since the last time.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        core::mem::take(&mut self.changes)
    }

    /// Puts a card up as `eth0`, `eth1` and so on; its number.
    pub fn add_card(&mut self, card: Arc<dyn NetDevice>) -> u32 {
        let index = self.interfaces.last().map_or(1, |last| last.index + 1);
        let name = (0..=self.interfaces.len())
            .map(|number| alloc::format!("eth{number}"))
            .find(|name| self.by_name(name).is_none())
            .unwrap_or_default();
        let interface = Arc::new(Interface {
            index,
            name: Arc::from(name),
            set: Iff::BROADCAST | Iff::MULTICAST,
            mtu: card.mtu(),
            queue_len: card.queue_len(),
            mac: card.mac(),
            addresses: Vec::new(),
            conf6: Conf6::of_new(card.mtu()),
            port: Port::new(index, Some(card)),
        });
        self.interfaces.push(interface.clone());
        self.changes.push(Change::Link(interface, u32::MAX));
        index
    }

    /// Changes an interface by a closure; the new one.
    pub(super) fn edit<T>(
        &mut self,
        index: u32,
        with: impl FnOnce(&mut Interface) -> T,
    ) -> Result<T> {
        let slot = self.interfaces.iter_mut().find(|one| one.index == index);
        let slot = slot.ok_or(Errno::ENODEV)?;
        let mut new = (**slot).clone();
        let result = with(&mut new);
        *slot = Arc::new(new);
        Ok(result)
    }

    fn note_link(&mut self, index: u32, changed: Iff) {
        if let Some(interface) = self.by_index(index).cloned() {
            self.changes.push(Change::Link(interface, changed.bits()));
        }
    }

    /// Sets those `flags` of an interface that `mask` names, of those a program may set.
    ///
    /// # Errors
    /// `ENODEV`: no such interface.
    pub fn set_flags(&mut self, index: u32, flags: Iff, mask: Iff, now: Instant) -> Result<()> {
        let mask = mask & (SETTABLE | Iff::UP);
        let before = self.by_index(index).ok_or(Errno::ENODEV)?.flags();
        self.edit(index, |interface| {
            interface.set = (interface.set - mask) | (flags & mask);
        })?;
        let interface = self.by_index(index).ok_or(Errno::ENODEV)?.clone();
        interface.port.set_up(interface.is_up());
        let changed = before.symmetric_difference(interface.flags());
        if !changed.is_empty() {
            self.note_link(index, changed);
        }
        if changed.contains(Iff::UP) {
            if interface.is_up() {
                self.came_up(&interface, now);
            } else {
                self.went_down(&interface);
            }
        }
        Ok(())
    }

    fn came_up(&mut self, interface: &Arc<Interface>, now: Instant) {
        let index = interface.index;
        for address in interface.addresses.clone() {
            self.add_derived(interface, &address);
        }
        if interface.is_loopback() && interface.first_v4().is_none() {
            let own = Address::new(Ipv4Addr::LOCALHOST.into(), 8, &interface.name, now);
            // It had none, so this is no other's.
            let _ = self.add_address(index, own);
        }
        self.begin_v6(interface, now);
    }

    /// IPv6 addresses go; IPv4 ones stay local, and all else that leads there goes.
    fn went_down(&mut self, interface: &Arc<Interface>) {
        let index = interface.index;
        self.end_v6(interface);
        self.routes
            .retain(|route| route.interface != index || route.scope == scope::HOST);
    }

    /// Renames an interface.
    ///
    /// # Errors
    /// `ENODEV`, `EEXIST`; `EINVAL`: not a name.
    pub fn rename(&mut self, index: u32, name: &str) -> Result<()> {
        let old = self.by_index(index).ok_or(Errno::ENODEV)?;
        if !is_name(name) {
            return Err(Errno::EINVAL);
        }
        if &*old.name == name {
            return Ok(());
        }
        if self.by_name(name).is_some() {
            return Err(Errno::EEXIST);
        }
        self.edit(index, |interface| interface.name = Arc::from(name))?;
        self.note_link(index, Iff::empty());
        Ok(())
    }

    /// Sets the largest packet.
    ///
    /// # Errors
    /// `ENODEV`; `EINVAL`: less than an IPv4 packet, more than the card takes.
    pub fn set_mtu(&mut self, index: u32, mtu: u32) -> Result<()> {
        let most = match self.by_index(index).ok_or(Errno::ENODEV)?.device() {
            Some(card) => card.mtu().max(1500),
            None => i32::MAX as u32,
        };
        let least = if most == i32::MAX as u32 { 0 } else { 68 };
        if !(least..=most).contains(&mtu) {
            return Err(Errno::EINVAL);
        }
        self.edit(index, |interface| {
            interface.mtu = mtu;
            let own = i32::try_from(mtu).unwrap_or(i32::MAX);
            interface.conf6.put(Setting::Mtu, own);
        })?;
        self.note_link(index, Iff::empty());
        Ok(())
    }

    /// Sets how many packets may wait.
    ///
    /// # Errors
    /// `ENODEV`.
    pub fn set_queue_len(&mut self, index: u32, len: u32) -> Result<()> {
        self.edit(index, |interface| interface.queue_len = len)?;
        self.note_link(index, Iff::empty());
        Ok(())
    }

    /// Something of the card is different: its carrier.
    pub fn touch(&mut self, index: u32) {
        self.note_link(index, Iff::RUNNING | Iff::LOWER_UP);
    }

    /// Gives an interface an address, with the routes that come with it.
    ///
    /// # Errors
    /// `ENODEV`; `EEXIST`: it has it; `EINVAL`: another scope than the network's first address.
    pub fn add_address(&mut self, index: u32, mut address: Address) -> Result<()> {
        let interface = self.by_index(index).ok_or(Errno::ENODEV)?;
        let at = if address.local.is_ipv4() {
            place_v4(interface, &mut address)?
        } else {
            place_v6(interface, &mut address)?
        };
        self.edit(index, |interface| {
            interface.addresses.insert(at, address.clone());
        })?;
        // What may be another's is told of when that is known.
        if !address.flags.contains(Ifa::TENTATIVE) {
            self.changes
                .push(Change::AddressAdded(index, address.clone()));
        }
        let interface = self.by_index(index).ok_or(Errno::ENODEV)?.clone();
        self.add_derived(&interface, &address);
        Ok(())
    }

    /// Changes flags, lifetimes, metric of an address that is there.
    ///
    /// # Errors
    /// `ENODEV`, `EADDRNOTAVAIL`.
    pub fn update_address(&mut self, index: u32, new: &Address) -> Result<()> {
        self.edit(index, |interface| {
            let old = interface
                .addresses
                .iter_mut()
                .find(|old| old.local == new.local && old.prefix_len == new.prefix_len)
                .ok_or(Errno::EADDRNOTAVAIL)?;
            let kept = Ifa::SECONDARY | Ifa::TENTATIVE | Ifa::DADFAILED;
            old.flags = new.flags | old.flags & kept;
            old.lifetime.preferred = new.lifetime.preferred;
            old.lifetime.valid = new.lifetime.valid;
            old.lifetime.since = new.lifetime.since;
            old.origin = new.origin;
            Ok(old.clone())
        })?
        .map(|changed: Address| {
            if !changed.flags.contains(Ifa::TENTATIVE) {
                self.changes.push(Change::AddressAdded(index, changed));
            }
        })
    }

    /// Takes an address away, and with the first address of a network the others of it.
    ///
    /// # Errors
    /// `ENODEV`; `EADDRNOTAVAIL`: it has no such address.
    pub fn remove_address(&mut self, index: u32, local: IpAddr, prefix_len: u8) -> Result<()> {
        let interface = self.by_index(index).ok_or(Errno::ENODEV)?;
        let found = interface
            .addresses
            .iter()
            .find(|own| own.local == local && own.prefix_len == prefix_len);
        let address = found.ok_or(Errno::EADDRNOTAVAIL)?.clone();
        if local.is_ipv4() && !address.is_secondary() {
            let network = address.network();
            let followers: Vec<Address> = interface
                .v4()
                .filter(|own| own.is_secondary() && own.network() == network)
                .cloned()
                .collect();
            for follower in &followers {
                self.take(index, follower)?;
            }
        }
        self.take(index, &address)
    }

    fn take(&mut self, index: u32, address: &Address) -> Result<()> {
        self.edit(index, |interface| {
            interface
                .addresses
                .retain(|own| own.local != address.local || own.prefix_len != address.prefix_len);
        })?;
        self.changes
            .push(Change::AddressRemoved(index, address.clone()));
        let interface = self.by_index(index).ok_or(Errno::ENODEV)?.clone();
        let mut needed = Vec::new();
        for own in &interface.addresses {
            needed.append(&mut derived(&interface, own));
        }
        for route in derived(&interface, address) {
            if !needed.iter().any(|other| same_place(other, &route)) {
                self.drop_routes(|other| same_place(other, &route));
            }
        }
        let local = address.local;
        let elsewhere = self.interfaces.iter().any(|one| one.has(local));
        if !elsewhere {
            self.drop_routes(|route| route.source == Some(local) && route.table != table_id::LOCAL);
        }
        Ok(())
    }

    pub(super) fn drop_routes(&mut self, which: impl Fn(&Route) -> bool) {
        let mut gone = Vec::new();
        self.routes.retain(|route| {
            let goes = which(route);
            if goes {
                gone.push(Change::RouteRemoved(route.clone()));
            }
            !goes
        });
        self.changes.append(&mut gone);
    }

    pub(super) fn add_derived(&mut self, interface: &Interface, address: &Address) {
        for route in derived(interface, address) {
            if !self.routes.iter().any(|other| same_place(other, &route)) {
                self.insert(route);
            }
        }
    }

    /// Puts a route in its place, behind those of the same order.
    pub fn insert(&mut self, route: Route) {
        let route = Arc::new(route);
        let order = route.order();
        let at = self.routes.partition_point(|other| other.order() <= order);
        self.routes.insert(at, route.clone());
        self.changes.push(Change::RouteAdded(route));
    }

    /// Puts a route in its place, before those of the same order.
    pub fn insert_before(&mut self, route: Route) {
        let route = Arc::new(route);
        let order = route.order();
        let at = self.routes.partition_point(|other| other.order() < order);
        self.routes.insert(at, route.clone());
        self.changes.push(Change::RouteAdded(route));
    }

    /// Puts a route in the place of another, which must be there.
    pub fn replace(&mut self, old: &Arc<Route>, new: Route) {
        let new = Arc::new(new);
        if let Some(slot) = self.routes.iter_mut().find(|one| Arc::ptr_eq(one, old)) {
            *slot = new.clone();
            self.changes.push(Change::RouteReplaced(new));
        }
    }

    /// Takes a route away, which must be there.
    pub fn take_route(&mut self, old: &Arc<Route>) {
        self.routes.retain(|one| !Arc::ptr_eq(one, old));
        self.changes.push(Change::RouteRemoved(old.clone()));
    }
}

/// Whether a name may be an interface's.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() < NAME_SIZE
        && name != "."
        && name != ".."
        && !name
            .bytes()
            .any(|byte| byte == b'/' || byte == b':' || byte.is_ascii_whitespace())
}

/// Where a new IPv4 address goes: first addresses of networks by falling scope, then the others.
fn place_v4(interface: &Interface, address: &mut Address) -> Result<usize> {
    address.flags -= Ifa::SECONDARY;
    let mut at = 0;
    for (index, own) in interface.addresses.iter().enumerate() {
        if own.local.is_ipv6() {
            break;
        }
        if own.prefix_len == address.prefix_len && own.network().contains(address.peer) {
            if own.local == address.local {
                return Err(Errno::EEXIST);
            }
            if own.scope != address.scope {
                return Err(Errno::EINVAL);
            }
            address.flags |= Ifa::SECONDARY;
        }
        if !own.is_secondary() && address.scope <= own.scope {
            at = index + 1;
        }
    }
    if address.is_secondary() {
        at = interface.v4().count();
    }
    Ok(at)
}

/// IPv6 addresses stand behind those of IPv4, the widest scope first, a new one before its equals.
fn place_v6(interface: &Interface, address: &mut Address) -> Result<usize> {
    if interface.conf6.is(Setting::DisableIpv6) && !interface.is_loopback() {
        return Err(Errno::EACCES);
    }
    if interface.has(address.local) {
        return Err(Errno::EEXIST);
    }
    let alone = interface.set.intersects(Iff::LOOPBACK | Iff::NOARP);
    if !alone && !address.flags.contains(Ifa::NODAD) && interface.conf6.looks_for_duplicates() {
        address.flags |= Ifa::TENTATIVE;
    }
    let before = interface
        .addresses
        .iter()
        .take_while(|own| own.local.is_ipv4() || own.scope < address.scope);
    Ok(before.count())
}
