//! Segments that do not fit their connection (RFC 5961): which are answered, which end it, and how often.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::frame::{ACK, End, RST, SYN, Segment};
use super::peer::Peer;
use super::{connect, echo, end};

/// Between two answers to such segments (`net.ipv4.tcp_invalid_ratelimit`).
const INTERVAL: Duration = Duration::from_millis(500);

/// What is wrong with a segment, and the bare answers to it.
type Misfit = (&'static str, u32, fn(&mut Segment));

const MISFITS: [Misfit; 12] = [
    ("a reset in the window", 1, |one| {
        one.flags = RST;
        one.seq = one.seq.wrapping_add(100);
    }),
    ("a reset beyond it", 0, |one| {
        one.flags = RST;
        one.seq = one.seq.wrapping_add(200_000);
    }),
    ("a reset just before it", 0, |one| {
        one.flags = RST;
        one.seq = one.seq.wrapping_sub(1);
    }),
    ("a SYN in the window", 1, |one| {
        one.flags = SYN;
        one.seq = one.seq.wrapping_add(100);
    }),
    ("a SYN beyond it", 1, |one| {
        one.flags = SYN;
        one.seq = one.seq.wrapping_add(200_000);
    }),
    ("a SYN before it", 1, |one| {
        one.flags = SYN;
        one.seq = one.seq.wrapping_sub(1000);
    }),
    ("bytes that answer what was not sent", 0, |one| {
        one.body = b"z".to_vec();
        one.ack = one.ack.wrapping_add(1000);
    }),
    ("bytes that answer what was never on its way", 1, |one| {
        one.body = b"z".to_vec();
        one.ack = one.ack.wrapping_sub(100_000);
    }),
    ("an answer beyond the window", 1, |one| {
        one.seq = one.seq.wrapping_add(200_000);
    }),
    ("bytes before it", 1, |one| {
        one.body = b"z".to_vec();
        one.seq = one.seq.wrapping_sub(1);
    }),
    ("bytes that answer nothing", 0, |one| {
        one.body = b"z".to_vec();
        one.flags = 0;
    }),
    ("a question whether it is there", 1, |one| {
        one.seq = one.seq.wrapping_sub(1);
    }),
];

/// Bare answers to what `post` sends; `other` is a connection by whose answer all others are here.
fn answers_to(
    peer: &mut Peer,
    own: End,
    other: End,
    post: impl FnOnce(&mut Peer) -> Result<()>,
) -> Result<u32> {
    peer.talk_mut(own)?.bare = 0;
    post(peer)?;
    echo(peer, other)?;
    Ok(peer.talk(own)?.bare)
}

/// Each on a connection of its own, which lives on.
pub fn answers(peer: &mut Peer) -> Result<()> {
    let other = end(2, 1999);
    connect(peer, other, None)?;
    let mut wrong = String::new();
    for (port, (what, expected, change)) in (2000..).zip(MISFITS) {
        let own = end(2, port);
        connect(peer, own, None)?;
        echo(peer, own)?;
        let got = answers_to(peer, own, other, |peer| {
            let mut segment = peer.segment(own, ACK, b"")?;
            change(&mut segment);
            peer.post(&segment)
        })?;
        if got != expected {
            wrong.push_str(&format!("{what}: {got} answers instead of {expected}; "));
        }
        echo(peer, own)?;
    }
    ensure!(wrong.is_empty(), "{wrong}");
    Ok(())
}

/// Many on one connection are answered now and then.
pub fn limit(peer: &mut Peer) -> Result<()> {
    let other = end(2, 1999);
    connect(peer, other, None)?;
    for (port, flags) in [(2000, RST), (2001, SYN), (2002, ACK)] {
        let own = end(2, port);
        connect(peer, own, None)?;
        echo(peer, own)?;
        let start = Instant::now();
        let got = answers_to(peer, own, other, |peer| {
            for number in 0..200 {
                let mut segment = peer.segment(own, flags, b"")?;
                let away = if flags == ACK { 200_000 } else { 100 };
                segment.seq = segment.seq.wrapping_add(away + number);
                peer.post(&segment)?;
            }
            Ok(())
        })?;
        let most = 1 + start.elapsed().as_millis() / INTERVAL.as_millis();
        ensure!(
            got >= 1 && u128::from(got) <= most,
            "{got} answers with the flags {flags:#x}, {most} at most"
        );
        echo(peer, own)?;
    }
    Ok(())
}
