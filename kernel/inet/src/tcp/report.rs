//! `/proc/net/tcp` and `/proc/net/tcp6`.

use super::TcpSocket;
use super::link::Shut;
use super::machine::Clock;
use super::state::State;
use super::table::{self, LISTENERS};
use crate::report::{Seen, header, place};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::sync::atomic::Ordering::Relaxed;
use net::address::{Endpoint, Family};
use sync::Instant;

/// The text for one family.
#[must_use]
pub fn report(family: Family) -> Vec<u8> {
    let mut text = header(
        family,
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
    );
    let mut number = 0;
    for socket in LISTENERS.everyone() {
        row(&mut text, family, &socket, &mut number);
    }
    let (live, rests) = table::all();
    for socket in &live {
        row(&mut text, family, socket, &mut number);
    }
    for (pair, state) in super::half::all() {
        let v6 = pair.local().addr.is_ipv6();
        if (family == Family::V6) != v6 {
            continue;
        }
        let mut line = String::new();
        // Writing to memory does not fail.
        let _ = write!(
            line,
            "{number:4}: {} {} {:02X} 00000000:00000000 01:00000064 00000000     0        0 0 1 0000000000000000",
            place(family, &pair.local()),
            place(family, &pair.remote()),
            state as u8,
        );
        push(&mut text, family, &line);
        number += 1;
    }
    for (pair, rest) in rests {
        if (family == Family::V6) != rest.v6 {
            continue;
        }
        let mut line = String::new();
        let left = rest.left_ticks();
        // Writing to memory does not fail.
        let _ = write!(
            line,
            "{number:4}: {} {} {:02X} 00000000:00000000 03:{left:08X} 00000000     0        0 0 3 0000000000000000",
            place(family, &pair.local()),
            place(family, &pair.remote()),
            rest.state as u8,
        );
        push(&mut text, family, &line);
        number += 1;
    }
    text
}

/// Connections that bytes may go over (`CurrEstab`).
#[must_use]
pub fn established() -> usize {
    let is = |socket: &&Arc<TcpSocket>| {
        matches!(
            socket.link.lock().state,
            State::Established | State::CloseWait
        )
    };
    table::all().0.iter().filter(is).count()
}

/// All sockets, half-made connections and what is left of those that ended, for `ss` and its kin.
#[must_use]
pub fn all() -> Vec<Seen> {
    let mut all: Vec<Seen> = LISTENERS.everyone().iter().map(|one| seen(one)).collect();
    let (live, rests) = table::all();
    all.extend(live.iter().map(|one| seen(one)));
    all.retain(|seen| seen.state != State::Closed as u8);
    let bare = |pair: &table::Pair, state: State, v6: bool| Seen {
        family: if v6 { Family::V6 } else { Family::V4 },
        state: state as u8,
        local: pair.local(),
        remote: pair.remote(),
        ..Seen::default()
    };
    for (pair, state) in super::half::all() {
        all.push(bare(&pair, state, pair.local().addr.is_ipv6()));
    }
    for (pair, rest) in rests {
        let ms = rest.left_ticks() * 10;
        all.push(Seen {
            // The timer of TIME_WAIT.
            timer: 3,
            expires: u32::try_from(ms).unwrap_or(u32::MAX),
            ..bare(&pair, rest.state, rest.v6)
        });
    }
    all
}

fn seen(socket: &TcpSocket) -> Seen {
    let state = socket.link.lock().state;
    let figures = figures(socket, state, 0);
    let link = socket.link.lock();
    let (state, local, remote) = (link.state, link.local, link.remote);
    let queue = link
        .listener
        .as_ref()
        .map(|listener| (listener.queue.len() as u32, listener.backlog));
    let shut =
        u8::from(link.shut.contains(Shut::RECEIVE)) | u8::from(link.shut.contains(Shut::SEND)) << 1;
    drop(link);
    let (waiting, unsent) = queue.unwrap_or((figures.waiting as u32, figures.unanswered as u32));
    Seen {
        family: socket.core.family,
        state: state as u8,
        local,
        remote: if state == State::Listen {
            Endpoint::none(socket.core.family)
        } else {
            remote
        },
        device: socket.core.device(),
        id: socket.core.id,
        waiting,
        unsent,
        uid: socket.core.uid,
        ino: socket.core.ino.load(Relaxed),
        shut,
        tos: socket.core.ip.tos(),
        info: Some(socket.info()),
        ..Seen::default()
    }
}

fn push(text: &mut Vec<u8>, family: Family, line: &str) {
    text.extend_from_slice(line.as_bytes());
    if family == Family::V4 {
        let pad = 149usize.saturating_sub(line.len());
        text.resize(text.len() + pad, b' ');
    }
    text.push(b'\n');
}

/// What a row tells of a connection besides its ends.
struct Figures {
    waiting: usize,
    unanswered: usize,
    clock: Clock,
    rest: String,
}

fn figures(socket: &TcpSocket, state: State, queued: usize) -> Figures {
    let mut figures = Figures {
        waiting: queued,
        unanswered: 0,
        clock: Clock::default(),
        rest: String::from("100 0 0 10 0"),
    };
    if state == State::Listen {
        return figures;
    }
    let guard = socket.wire.lock();
    if let Some(wire) = guard.as_ref() {
        let now = Instant::now();
        let machine = &wire.machine;
        let measures = machine.measures(now);
        let threshold = match measures.snd_ssthresh {
            0x7fff_ffff => -1,
            segments => i64::from(segments),
        };
        figures.waiting = machine.waiting();
        figures.unanswered = machine.unanswered();
        figures.clock = machine.clock(now);
        let rto = measures.rto.as_millis() / 10;
        figures.rest = format!("{rto} 4 0 {} {threshold}", measures.snd_cwnd);
    } else {
        drop(guard);
        figures.waiting = socket.seen();
        figures.rest = String::from("20 4 30 10 -1");
    }
    figures
}

fn row(text: &mut Vec<u8>, family: Family, socket: &TcpSocket, number: &mut usize) {
    if socket.core.family != family {
        return;
    }
    let link = socket.link.lock();
    let (state, local, remote) = (link.state, link.local, link.remote);
    let queued = link
        .listener
        .as_ref()
        .map_or(0, |listener| listener.queue.len());
    drop(link);
    if state == State::Closed {
        return;
    }
    let Figures {
        waiting,
        unanswered,
        clock,
        rest,
    } = figures(socket, state, queued);
    let remote = if state == State::Listen {
        Endpoint::none(family)
    } else {
        remote
    };
    let mut line = String::new();
    let references = if state == State::Listen { 1 } else { 2 };
    // Writing to memory does not fail.
    let _ = write!(
        line,
        "{number:4}: {} {} {:02X} {unanswered:08X}:{waiting:08X} {:02X}:{:08X} {:08X} {:5} {:8} {} {references} {:016x} {rest}",
        place(family, &local),
        place(family, &remote),
        state as u8,
        clock.kind,
        clock.left.as_millis() / 10,
        clock.retransmits,
        socket.core.uid,
        clock.probes,
        socket.core.ino.load(Relaxed),
        socket.core.id,
    );
    push(text, family, &line);
    *number += 1;
}
