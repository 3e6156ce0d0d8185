//! Options of `SOL_SOCKET` that IP sockets have besides those of all families.

use super::inet_sock::InetSock;
use abi::socket::so;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;
use vfs::Caller;
use zerocopy::{FromBytes, IntoBytes};

/// `SO_BINDTOIFINDEX`
const BINDTOIFINDEX: i32 = 62;
/// `SO_TIMESTAMP_NEW`
const TIMESTAMP_NEW: i32 = 63;
/// `SO_TIMESTAMPNS_NEW`
const TIMESTAMPNS_NEW: i32 = 64;
/// Bytes of an interface's name, its NUL included.
const IFNAMSIZ: usize = 16;

impl InetSock {
    /// Sets such an option; `None` for one that is not here.
    pub fn set_own(&self, name: i32, bytes: &[u8], caller: &dyn Caller) -> Option<Result<()>> {
        let int = || {
            i32::read_from_prefix(bytes)
                .map(|(value, _)| value)
                .map_err(|_| Errno::EINVAL)
        };
        Some(match name {
            so::BINDTODEVICE => self.bind_to_name(bytes, caller),
            BINDTOIFINDEX => int().and_then(|index| self.bind_to_index(index, caller)),
            so::TIMESTAMP | so::TIMESTAMPNS | TIMESTAMP_NEW | TIMESTAMPNS_NEW => int().map(|on| {
                self.timestamp
                    .store(if on != 0 { name as u32 } else { 0 }, Relaxed);
            }),
            // Nothing to Linux, either.
            so::BSDCOMPAT => int().map(drop),
            _ => return None,
        })
    }

    fn bind_to_name(&self, bytes: &[u8], _caller: &dyn Caller) -> Result<()> {
        let bytes = bytes.get(..bytes.len().min(IFNAMSIZ - 1)).unwrap_or(bytes);
        let end = bytes
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(bytes.len());
        let name = bytes.get(..end).unwrap_or(bytes);
        let index = if name.is_empty() {
            0
        } else {
            super::route::index_of(name).ok_or(Errno::ENODEV)?
        };
        self.bind_to(index, _caller)
    }

    fn bind_to_index(&self, index: i32, caller: &dyn Caller) -> Result<()> {
        let index = u32::try_from(index).map_err(|_| Errno::EINVAL)?;
        if index != 0 && super::route::name_of(index).is_none() {
            return Err(Errno::ENODEV);
        }
        self.bind_to(index, caller)
    }

    /// Who is bound already needs a privilege to change it.
    fn bind_to(&self, index: u32, caller: &dyn Caller) -> Result<()> {
        if self.device() != 0 && !caller.cred().has(sync::Capability::NET_RAW) {
            return Err(Errno::EPERM);
        }
        self.device.store(index, Relaxed);
        Ok(())
    }

    /// The value of such an option.
    pub fn get_own(&self, name: i32) -> Option<Result<Vec<u8>>> {
        let told = match name {
            so::BINDTODEVICE => {
                let mut bytes = super::route::name_of(self.device()).unwrap_or_default();
                if !bytes.is_empty() {
                    bytes.push(0);
                }
                bytes
            }
            BINDTOIFINDEX => self.device().as_bytes().to_vec(),
            so::TIMESTAMP | so::TIMESTAMPNS | TIMESTAMP_NEW | TIMESTAMPNS_NEW => {
                let on = self.timestamp.load(Relaxed) == name as u32;
                i32::from(on).as_bytes().to_vec()
            }
            // No card tells which of its queues a packet came by.
            so::BSDCOMPAT | so::INCOMING_NAPI_ID => 0i32.as_bytes().to_vec(),
            so::BPF_EXTENSIONS => net::filter::EXTENSIONS.as_bytes().to_vec(),
            so::NETNS_COOKIE => net::socket::NAMESPACE.as_bytes().to_vec(),
            _ => return None,
        };
        Some(Ok(told))
    }
}
