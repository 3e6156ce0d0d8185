//! The text of `/proc/net/packet`.

use super::PacketSocket;
use alloc::string::String;
use core::fmt::Write as _;

/// A row a socket.
#[must_use]
pub fn report() -> String {
    let mut out = String::from("sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
    for socket in PacketSocket::all() {
        let row = socket.figures();
        // A string takes everything.
        let _ = writeln!(
            out,
            "{:016x} {:<6} {:<4} {:04x}   {:<5} {} {:<6} {:<6} {:<6}",
            0,
            3,
            row.kind,
            row.protocol,
            row.interface,
            u8::from(row.running),
            row.waiting,
            row.owner,
            row.ino
        );
    }
    out
}
