//! The text of `/proc/net/netlink`.

use super::table;
use alloc::string::String;
use core::fmt::Write as _;
use net::socket::Socket as _;

/// A row a socket.
#[must_use]
pub fn report() -> String {
    let mut out = String::from(
        "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n",
    );
    for socket in table::all() {
        let (drops, waiting, ino) = socket.figures();
        // A string takes everything.
        let _ = writeln!(
            out,
            "{:016x} {:<3} {:<10} {:08x} {:<8} {:<8} {:<5} {:<8} {:<8} {:<8}",
            0,
            socket.protocol(),
            socket.port(),
            socket.group_bits() as u32,
            waiting,
            0,
            0,
            2,
            drops,
            ino
        );
    }
    out
}
