//! `SIOCETHTOOL`: the driver's name and the carrier.

use super::{admin, plain, read};
use crate::link;
use abi::{Errno, Result};
use hal::UserAddr;
use hal::ucopy::{UserPtr, UserSlice};
use vfs::Caller;

const GET_DRIVER: u32 = 0x3;
const GET_LINK: u32 = 0xa;
/// Asked by programs without privilege.
const GET_SETTINGS: u32 = 0x1;

/// Bytes of `struct ethtool_drvinfo`, and where its texts stand.
const DRIVER_SIZE: usize = 196;
const DRIVER_AT: usize = 4;
const VERSION_AT: usize = 36;
const BUS_AT: usize = 100;
const TEXT: usize = 32;

/// Does what `ifr_data` asks.
pub fn control(arg: UserAddr, caller: &dyn Caller) -> Result<()> {
    let (request, name) = read(arg)?;
    let data = request
        .data
        .first_chunk()
        .map_or(0, |b| u64::from_ne_bytes(*b)) as usize;
    let command = UserPtr::<u32>::new(data.into()).read()?;
    let interface = link::by_name(plain(&name)).ok_or(Errno::ENODEV)?;
    match command {
        GET_DRIVER => {
            let Some(card) = interface.device() else {
                return Err(Errno::EOPNOTSUPP);
            };
            let mut info = [0; DRIVER_SIZE];
            let mut put = |at: usize, text: &str| {
                if let Some(room) = info.get_mut(at..at + TEXT - 1) {
                    for (to, from) in room.iter_mut().zip(text.bytes()) {
                        *to = from;
                    }
                }
            };
            put(
                0,
                core::str::from_utf8(&command.to_ne_bytes()).unwrap_or_default(),
            );
            put(DRIVER_AT, card.driver());
            put(VERSION_AT, "1.0.0");
            let bus = card.place().and_then(|place| place.rsplit('/').nth(1));
            put(BUS_AT, bus.unwrap_or_default());
            UserSlice::new(data.into(), DRIVER_SIZE).write(&info)
        }
        GET_LINK => {
            let up = interface.is_up() && interface.port.has_carrier();
            UserPtr::<[u32; 2]>::new(data.into()).write(&[command, u32::from(up)])
        }
        GET_SETTINGS => Err(Errno::EOPNOTSUPP),
        _ => {
            admin(caller)?;
            Err(Errno::EOPNOTSUPP)
        }
    }
}
