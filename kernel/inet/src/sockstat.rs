//! `/proc/net/sockstat` and `/proc/net/sockstat6`.

use super::dgram::{LITE, RAW, UDP};
use super::output::fragments;
use super::tcp::machine::memory;
use super::tcp::remote::orphans;
use super::tcp::table;
use alloc::format;
use alloc::vec::Vec;
use net::address::Family;
use net::socket::Socket;

/// The text for one family.
#[must_use]
pub fn report(family: Family) -> Vec<u8> {
    let (live, rests) = table::all();
    let listeners = table::LISTENERS.everyone();
    let of = |number: u16| number == family.number();
    let tcp = live.iter().filter(|socket| of(socket.family())).count()
        + listeners
            .iter()
            .filter(|socket| of(socket.family()))
            .count();
    let udp = UDP
        .everyone()
        .iter()
        .filter(|socket| of(socket.family()))
        .count();
    let lite = LITE
        .everyone()
        .iter()
        .filter(|socket| of(socket.family()))
        .count();
    let raw = RAW
        .everyone()
        .iter()
        .filter(|socket| of(socket.family()))
        .count();
    let (pieces, memory_of_pieces) = fragments::held(family == Family::V4);
    let text = match family {
        Family::V4 => format!(
            "sockets: used {}\nTCP: inuse {tcp} orphan {} tw {} alloc {} mem {}\nUDP: inuse {udp} mem 0\nUDPLITE: inuse {lite}\nRAW: inuse {raw}\nFRAG: inuse {pieces} memory {memory_of_pieces}\n",
            tcp + udp + lite + raw,
            orphans(),
            rests.len(),
            live.len() + listeners.len(),
            memory::used(),
        ),
        Family::V6 => format!(
            "TCP6: inuse {tcp}\nUDP6: inuse {udp}\nUDPLITE6: inuse {lite}\nRAW6: inuse {raw}\nFRAG6: inuse {pieces} memory {memory_of_pieces}\n"
        ),
    };
    text.into_bytes()
}
