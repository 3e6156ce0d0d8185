//! Interfaces, their addresses, routes and neighbours: what lies below and beside the IP sockets.
//!
//! What is configured is one immutable value, a [`Table`]; who reads takes the present one
//! ([`table()`]) and keeps a consistent view for as long as it likes. Who changes it clones it, changes
//! the copy and puts it in place, one at a time; then everybody who [subscribed](events) hears what
//! changed, outside all locks. Frames pass through [`Interface::transmit`](port::Port::transmit) and
//! [`receive`](port::Port::receive), where they are counted and shown to packet sockets.

pub mod address;
pub mod autoconf;
#[cfg(test)]
mod autoconf_tests;
pub mod boot;
mod boot_ask;
pub mod conf6;
mod derived;
pub mod device;
pub mod dhcp;
pub mod discovery;
pub mod events;
pub mod flags;
pub mod interface;
pub mod neighbour;
pub mod port;
pub mod prefix;
mod proc;
pub mod registry;
pub mod route;
pub mod route_edit;
pub mod router;
pub mod sysfs;
pub mod table;
pub mod tap;
#[cfg(test)]
mod tests;
pub mod worker;

pub use address::Address;
pub use device::NetDevice;
pub use interface::Interface;
pub use prefix::Prefix;
pub use registry::{
    by_index, by_name, change, install, interfaces, is_broadcast, is_local, source_address, table,
};
pub use route::{Route, Way};
pub use table::Table;

/// Shows the loopback and whatever comes, and starts the thread that moves frames; called once, before cards are found.
pub fn start() {
    proc::install();
    conf6::show_common();
    events::subscribe(sysfs::follow);
    events::subscribe(crate::netlink::route::follow);
    if let Err(error) = worker::start() {
        log::error!("no thread for frames: {error}");
    }
    for interface in interfaces() {
        conf6::show(&interface);
        if let Err(error) = sysfs::show(&interface) {
            log::warn!("/sys does not show {}: {error}", interface.name);
        }
    }
}
