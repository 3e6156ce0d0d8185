//! What every IP socket has.

use super::ip_options::{IpFlags, IpOptions, SOL_IP, SOL_IPV6, ip, ipv6};
use super::ports::Claim;
use super::route;
use abi::{Errno, Result};
use core::net::IpAddr;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use net::address::Family;
use net::options::{Flags, Options};
use sync::Pollee;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// See the module's page.
#[derive(Debug)]
pub struct InetSock {
    /// The socket's number.
    pub id: u64,
    /// Its family.
    pub family: Family,
    /// Options of `SOL_SOCKET`.
    pub options: Options,
    /// Options of IP.
    pub ip: IpOptions,
    /// Who waits for it.
    pub pollee: Pollee,
    /// The inode of its file; 0 before it has one.
    pub ino: AtomicU64,
    /// Whose it is.
    pub uid: u32,
    /// The interface it is bound to (`SO_BINDTODEVICE`), or 0.
    pub device: AtomicU32,
    /// Times of arrival are told (`SO_TIMESTAMP` and its kin): the option's number, or 0.
    pub timestamp: AtomicU32,
}

impl InetSock {
    /// A new socket's.
    pub fn new(family: Family, options: Options, uid: u32) -> Self {
        Self {
            id: NEXT_ID.fetch_add(1, Relaxed),
            family,
            options,
            ip: IpOptions::default(),
            pollee: Pollee::new(),
            ino: AtomicU64::new(0),
            uid,
            device: AtomicU32::new(0),
            timestamp: AtomicU32::new(0),
        }
    }

    /// The interface it is bound to, or 0.
    pub fn device(&self) -> u32 {
        self.device.load(Relaxed)
    }

    /// The value of an option of IP; `number`: the own port, or a raw socket's protocol; `to`: whom it is connected to.
    ///
    /// # Errors
    /// `ENOPROTOOPT`: no such option. `ENOTCONN`: one of a way, when there is none.
    pub fn get_ip(&self, level: i32, name: i32, number: i32, to: Option<IpAddr>) -> Result<i32> {
        match (level, name) {
            (SOL_IP, ip::PROTOCOL) => Ok(number),
            (SOL_IP, ip::MTU) | (SOL_IPV6, ipv6::MTU) => {
                route::mtu(to.ok_or(Errno::ENOTCONN)?, self.device()).ok_or(Errno::ENOTCONN)
            }
            _ => self.ip.get(level, name),
        }
    }

    /// What the socket claims of a port at `addr`.
    pub fn claim(&self, addr: IpAddr) -> Claim {
        let flags = self.options.flags();
        Claim {
            id: self.id,
            addr,
            v6_only: self.ip.flags().contains(IpFlags::V6ONLY),
            device: self.device(),
            reuse_addr: flags.contains(Flags::REUSEADDR),
            reuse_port: flags.contains(Flags::REUSEPORT),
            uid: self.uid,
            listening: false,
            by_connect: false,
        }
    }
}
