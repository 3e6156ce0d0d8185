//! What every IP socket has.

use super::address::Family;
use super::ip_options::{IpFlags, IpOptions};
use super::ports::Claim;
use crate::options::{Flags, Options};
use core::net::IpAddr;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use sync::Pollee;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// See the module's page.
#[derive(Debug)]
pub struct Core {
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

impl Core {
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
