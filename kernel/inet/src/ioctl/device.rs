//! Interfaces: index, flags, MTU, hardware address, queue, name.

use super::{admin, fill, int, plain, read, text};
use crate::link::events::Cause;
use crate::link::flags::Iff;
use crate::link::{self, Interface, Table};
use abi::net::{IfReq, sioc};
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::UserAddr;
use hal::ucopy::UserPtr;
use sync::Instant;
use vfs::Caller;

/// `SIOCGIFNAME`: the only one that asks by number.
pub fn name(arg: UserAddr) -> Result<()> {
    let user = UserPtr::<IfReq>::new(arg);
    let mut request = user.read()?;
    let index = u32::try_from(int(&request)).map_err(|_| Errno::ENODEV)?;
    let interface = link::by_index(index).ok_or(Errno::ENODEV)?;
    request.name = [0; 16];
    for (to, from) in request.name.iter_mut().zip(interface.name.bytes()) {
        *to = from;
    }
    user.write(&request)
}

/// The flags an ioctl tells: all that fit a short.
fn short_flags(interface: &Interface) -> u16 {
    interface.flags().bits() as u16
}

/// Those that ask or change by name.
pub fn control(command: u32, arg: UserAddr, caller: &dyn Caller) -> Result<()> {
    match command {
        sioc::GIFFLAGS
        | sioc::GIFMETRIC
        | sioc::GIFMTU
        | sioc::GIFHWADDR
        | sioc::GIFINDEX
        | sioc::GIFTXQLEN
        | sioc::GIFMAP => ask(command, arg),
        sioc::SIFFLAGS
        | sioc::SIFMETRIC
        | sioc::SIFMTU
        | sioc::SIFHWADDR
        | sioc::SIFHWBROADCAST
        | sioc::SIFTXQLEN
        | sioc::SIFMAP
        | sioc::SIFNAME
        | sioc::ADDMULTI
        | sioc::DELMULTI => change(command, arg, caller),
        // Linux knows these and does nothing with them.
        sioc::GIFMEM | sioc::GIFSLAVE => {
            let (_, name) = read(arg)?;
            link::by_name(plain(&name)).ok_or(Errno::ENODEV)?;
            Err(Errno::ENOTTY)
        }
        // No card has commands of its own.
        PRIVATE..=PRIVATE_LAST => {
            let (_, name) = read(arg)?;
            link::by_name(plain(&name)).ok_or(Errno::ENODEV)?;
            Err(Errno::EOPNOTSUPP)
        }
        _ => Err(Errno::ENOTTY),
    }
}

/// The first and last of `SIOCDEVPRIVATE`.
const PRIVATE: u32 = 0x89f0;
const PRIVATE_LAST: u32 = 0x89ff;

fn ask(command: u32, arg: UserAddr) -> Result<()> {
    let (mut request, name) = read(arg)?;
    let interface = link::by_name(plain(&name)).ok_or(Errno::ENODEV)?;
    match command {
        sioc::GIFFLAGS => put(&mut request, &short_flags(&interface).to_ne_bytes()),
        sioc::GIFMETRIC => put(&mut request, &0i32.to_ne_bytes()),
        sioc::GIFMTU => put(&mut request, &interface.mtu.to_ne_bytes()),
        sioc::GIFINDEX => put(&mut request, &interface.index.to_ne_bytes()),
        sioc::GIFTXQLEN => put(&mut request, &interface.queue_len.to_ne_bytes()),
        sioc::GIFHWADDR => {
            let [low, high] = interface.hardware().to_ne_bytes();
            let [a, b, c, d, e, f] = interface.mac;
            put(
                &mut request,
                &[low, high, a, b, c, d, e, f, 0, 0, 0, 0, 0, 0, 0, 0],
            );
        }
        // No memory, port or line of a card is told.
        _ => fill(&mut request, &[]),
    }
    UserPtr::new(arg).write(&request)
}

/// Puts bytes over the start of the data; what is behind stays.
fn put(request: &mut IfReq, bytes: &[u8]) {
    for (to, from) in request.data.iter_mut().zip(bytes) {
        *to = *from;
    }
}

fn change(command: u32, arg: UserAddr, caller: &dyn Caller) -> Result<()> {
    let (request, name) = read(arg)?;
    admin(caller)?;
    link::change(Cause::default(), |table| {
        let interface = table.by_name(plain(&name)).ok_or(Errno::ENODEV)?.clone();
        edit(table, &interface, command, &request)
    })
}

fn edit(
    table: &mut Table,
    interface: &Arc<Interface>,
    command: u32,
    request: &IfReq,
) -> Result<()> {
    let value = int(request);
    let index = interface.index;
    match command {
        sioc::SIFFLAGS => set_flags(table, index, request),
        sioc::SIFMETRIC => Err(Errno::EOPNOTSUPP),
        sioc::SIFMTU => table.set_mtu(index, u32::try_from(value).map_err(|_| Errno::EINVAL)?),
        sioc::SIFTXQLEN => {
            table.set_queue_len(index, u32::try_from(value).map_err(|_| Errno::EINVAL)?)
        }
        sioc::SIFNAME => {
            let new = text(request.data.first_chunk::<16>().ok_or(Errno::EINVAL)?);
            table.rename(index, &new)
        }
        // The card's address is its own.
        _ => Err(Errno::EOPNOTSUPP),
    }
}

/// Sets the flags a short holds; the others stay.
pub fn set_flags(table: &mut Table, index: u32, request: &IfReq) -> Result<()> {
    let short = request
        .data
        .first_chunk()
        .map_or(0, |b| u16::from_ne_bytes(*b));
    let flags = Iff::from_bits_retain(short.into());
    let mask = Iff::from_bits_retain(u16::MAX.into());
    table.set_flags(index, flags, mask, Instant::now())
}
