//! A machine whose other end does what no kernel does: floods of SYNs and resets, ten thousand connections at once,
//! segments of an earlier time. It speaks raw frames over the machine's card.

mod frame;
mod misfits;
mod peer;

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use frame::{ACK, End, FIN, RST, SYN, Segment};
use peer::{GUEST, Peer};

use super::bad_link::{Running, boot};
use super::programs::Program;
use super::report::{Failure, Report};
use super::tap::Verdict;

/// The name these cases go by.
pub const NAME: &str = "raw_peer";

/// No case takes longer, on any machine.
const PATIENCE: Duration = Duration::from_secs(1500);
/// Memory may be so much less after many connections than before, in KiB.
const SLACK: u64 = 4096;

/// A case: its name, the program's part, and what the other end does.
type Case = (&'static str, &'static str, fn(&mut Peer) -> Result<()>);

const CASES: [Case; 8] = [
    ("clients_are_served_in_a_flood_of_syns", "@hold", flood),
    ("resets_by_the_thousand_end_nothing", "@hold", resets),
    ("ten_thousand_connections_at_once", "@hold", many),
    ("an_end_is_remembered", "@hold", remembered),
    (
        "what_is_of_an_earlier_time_does_not_count",
        "@hold",
        earlier,
    ),
    (
        "what_does_not_fit_is_answered_as_linux_does",
        "@hold",
        misfits::answers,
    ),
    (
        "challenges_are_not_answered_too_often",
        "@hold",
        misfits::limit,
    ),
    ("ports_and_buffers_run_out", "@exhaust", exhausted),
];

/// The cases' names.
pub fn names() -> Vec<String> {
    CASES.iter().map(|(name, ..)| (*name).to_owned()).collect()
}

/// Runs them.
pub fn run(
    kernel: &Path,
    program: &Program,
    wanted: &[String],
    again: &str,
    report: &mut Report,
) -> Result<()> {
    for (name, part, act) in CASES {
        if !wanted.iter().any(|its| its == name) {
            continue;
        }
        let folder = tempfile::tempdir()?;
        let mut peer = Peer::lay(folder.path(), PATIENCE)?;
        let link = |name: &str| folder.path().join(name).display().to_string();
        let link = format!("{}:{}:1", link("card0"), link("plug0"));
        let words = [part.into()];
        let machine: Running = boot(kernel, &program.host, &words, &link, folder.path(), 0)?;
        let done = peer.meet().and_then(|()| act(&mut peer));
        drop(machine);
        match done {
            Ok(()) => report.tally.count(Verdict::Passed),
            Err(error) => {
                report.tally.count(Verdict::Failed);
                let said = std::fs::read(folder.path().join("said0"))?;
                let said = String::from_utf8_lossy(&said);
                report.failures.push(Failure {
                    name: format!("{NAME}/{name}"),
                    output: format!("{error:#}\n{said}"),
                    kernel_log: String::new(),
                    command: format!("{again} --filter {NAME}/{name}"),
                });
            }
        }
    }
    Ok(())
}

fn end(host: u8, port: u16) -> End {
    (Ipv4Addr::new(10, 9, 0, host), port)
}

/// A number nobody else has.
fn mixed(number: u32) -> u32 {
    number.wrapping_mul(0x9e37_79b9)
}

fn connect(peer: &mut Peer, own: End, stamp: Option<u32>) -> Result<()> {
    loop {
        peer.ask(own, mixed(u32::from(own.1)), stamp)?;
        // An answer that is no connection may come first: of one that was.
        peer.wait("a connection", |peer| {
            peer.talk(own).is_ok_and(|talk| {
                talk.open && talk.is_answered() || talk.reset && !peer.is_served()
            })
        })?;
        if peer.is_served() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends bytes and waits for what the server says to them.
fn exchange(peer: &mut Peer, own: End, bytes: &[u8], done: fn(&[u8]) -> bool) -> Result<Vec<u8>> {
    peer.talk_mut(own)?.got.clear();
    peer.say(own, ACK, bytes)?;
    peer.wait("an answer", |peer| {
        peer.talk(own)
            .is_ok_and(|talk| talk.reset || done(&talk.got))
    })?;
    ensure!(!peer.talk(own)?.reset, "{own:?} was reset");
    Ok(peer.talk(own)?.got.clone())
}

fn echo(peer: &mut Peer, own: End) -> Result<()> {
    let got = exchange(peer, own, b"x", |got| !got.is_empty())?;
    ensure!(got == b"x", "{got:?} came back");
    Ok(())
}

/// Ends a connection from here.
fn finish(peer: &mut Peer, own: End) -> Result<()> {
    peer.say(own, FIN | ACK, b"")?;
    peer.wait("the other end", |peer| {
        peer.talk(own)
            .is_ok_and(|talk| talk.reset || talk.ended && talk.is_answered())
    })?;
    peer.forget(own);
    Ok(())
}

/// Connections the server holds, and free memory in KiB.
fn state(peer: &mut Peer, own: End) -> Result<(u64, u64)> {
    let got = exchange(peer, own, b"m", |got| got.ends_with(b"\n"))?;
    let text = String::from_utf8_lossy(&got).into_owned();
    let mut numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
    numbers
        .next()
        .zip(numbers.next())
        .with_context(|| text.clone())
}

/// Waits until the server holds `open` connections; free memory then.
fn settled(peer: &mut Peer, own: End, open: u64, least: u64) -> Result<u64> {
    loop {
        let (held, free) = state(peer, own)?;
        if held == open && free >= least {
            return Ok(free);
        }
        peer.check(&format!(
            "{open} of {held} connections, {least} of {free} KiB"
        ))?;
    }
}

fn flood(peer: &mut Peer) -> Result<()> {
    for number in 0..10_000_u32 {
        let syn = Segment {
            from: end(10 + (number % 200) as u8, 1024 + (number / 200) as u16),
            to: GUEST,
            seq: mixed(number),
            ack: 0,
            flags: SYN,
            stamp: None,
            body: Vec::new(),
        };
        peer.post(&syn)?;
        peer.drain()?;
        if number % 1000 == 500 {
            let own = end(2, 2000 + (number / 1000) as u16);
            connect(peer, own, None)?;
            echo(peer, own)?;
            finish(peer, own)?;
        }
    }
    connect(peer, end(2, 1999), None)?;
    echo(peer, end(2, 1999))?;
    settled(peer, end(2, 1999), 1, 0)?;
    Ok(())
}

fn resets(peer: &mut Peer) -> Result<()> {
    let own = end(2, 1999);
    connect(peer, own, None)?;
    let stands = peer.segment(own, RST, b"")?;
    for number in 0..100_000_u32 {
        let mut reset = stands.clone();
        if number % 4 == 0 {
            // Of the connection, but not of its place (RFC 5961).
            reset.seq = stands.seq.wrapping_add(1 + mixed(number) % 50_000);
        } else {
            reset.from = end(3 + (number % 200) as u8, (number % 60_000) as u16 + 1);
            reset.seq = mixed(number);
            reset.flags = if number % 4 == 1 { RST | ACK } else { RST };
        }
        peer.post(&reset)?;
        if number % 16 == 0 {
            peer.drain()?;
        }
    }
    echo(peer, own)?;
    let other = end(2, 2000);
    connect(peer, other, None)?;
    echo(peer, other)?;
    // In its place it counts.
    let last = peer.segment(own, RST, b"")?;
    peer.post(&last)?;
    settled(peer, other, 1, 0)?;
    Ok(())
}

/// Opens connections, a few hundred at a time, or ends them.
fn all(peer: &mut Peer, count: u16, opens: bool) -> Result<()> {
    let owns: Vec<End> = (0..count).map(|port| end(2, 3000 + port)).collect();
    for some in owns.chunks(200) {
        for own in some {
            if opens {
                peer.ask(*own, mixed(u32::from(own.1)), None)?;
            } else {
                peer.say(*own, FIN | ACK, b"")?;
            }
            peer.drain()?;
        }
        peer.wait("some connections", |peer| {
            some.iter().all(|own| {
                peer.talk(*own).is_ok_and(|talk| {
                    talk.is_answered() && if opens { talk.open } else { talk.ended }
                })
            })
        })?;
    }
    if !opens {
        owns.iter().for_each(|own| peer.forget(*own));
    }
    Ok(())
}

fn many(peer: &mut Peer) -> Result<()> {
    let own = end(2, 1999);
    connect(peer, own, None)?;
    all(peer, 500, true)?;
    settled(peer, own, 501, 0)?;
    all(peer, 500, false)?;
    let free = settled(peer, own, 1, 0)?;
    all(peer, 10_000, true)?;
    settled(peer, own, 10_001, 0)?;
    // Each is one of its own still.
    for port in (0..10_000).step_by(97) {
        echo(peer, end(2, 3000 + port))?;
    }
    all(peer, 10_000, false)?;
    settled(peer, own, 1, free.saturating_sub(SLACK))?;
    Ok(())
}

/// The machine asks for connections until it has no port left.
fn exhausted(peer: &mut Peer) -> Result<()> {
    peer.mirror = true;
    peer.wait("the machine", |peer| {
        peer.said()
            .is_ok_and(|said| said.contains("WHOLE") || said.contains("not ok"))
    })?;
    let said = peer.said()?;
    ensure!(said.contains("WHOLE"), "{said}");
    Ok(())
}

fn remembered(peer: &mut Peer) -> Result<()> {
    let own = end(2, 1999);
    connect(peer, own, None)?;
    // The server ends it, and remembers.
    peer.say(own, ACK, b"c")?;
    peer.wait("the end", |peer| {
        peer.talk(own).is_ok_and(|talk| talk.ended)
    })?;
    peer.say(own, FIN | ACK, b"")?;
    peer.wait("the last answer", |peer| {
        peer.talk(own).is_ok_and(peer::Talk::is_answered)
    })?;
    let (next, wanted) = {
        let talk = peer.talk_mut(own)?;
        talk.last = None;
        (talk.next, talk.wanted)
    };
    // A SYN from before the end is answered by what is remembered.
    let mut syn = peer.segment(own, SYN, b"")?;
    syn.seq = next.wrapping_sub(1000);
    peer.post(&syn)?;
    peer.wait("an answer to an old SYN", |peer| {
        peer.talk(own).is_ok_and(|talk| talk.last.is_some())
    })?;
    let last = peer.talk(own)?.last.clone().context("nothing")?;
    ensure!(
        (last.flags, last.seq, last.ack) == (ACK, wanted, next),
        "not as it was: {last:?}, after {wanted} and {next}"
    );
    // One beyond begins a new connection, whose numbers are beyond too.
    peer.ask(own, next.wrapping_add(7), None)?;
    peer.wait("a new connection", |peer| {
        peer.talk(own)
            .is_ok_and(|talk| talk.open && talk.is_answered())
    })?;
    let ahead = peer.talk(own)?.wanted.wrapping_sub(wanted);
    ensure!(ahead < 1 << 31, "the new one begins {ahead} on");
    echo(peer, own)
}

fn earlier(peer: &mut Peer) -> Result<()> {
    let own = end(2, 1999);
    connect(peer, own, Some(1000))?;
    let told = peer.talk(own)?.last.as_ref().and_then(|last| last.stamp);
    ensure!(
        told.is_some_and(|(_, echo)| echo == 1000),
        "{told:?} is told"
    );
    peer.talk_mut(own)?.stamp = Some(2000);
    echo(peer, own)?;
    // From before: answered, not taken.
    let mut old = peer.segment(own, ACK, b"o")?;
    old.stamp = Some((1500, 0));
    peer.talk_mut(own)?.got.clear();
    peer.talk_mut(own)?.last = None;
    peer.post(&old)?;
    peer.wait("an answer", |peer| {
        // What it sent before may come once more.
        let last = peer.talk(own).ok().and_then(|talk| talk.last.as_ref());
        last.is_some_and(|last| last.body.is_empty())
    })?;
    let last = peer.talk(own)?.last.clone().context("nothing")?;
    ensure!(last.ack == old.seq, "{last:?}");
    ensure!(last.stamp.is_some_and(|(_, echo)| echo == 2000), "{last:?}");
    peer.talk_mut(own)?.stamp = Some(2001);
    let got = exchange(peer, own, b"n", |got| !got.is_empty())?;
    ensure!(got == b"n", "{got:?} came back");
    // A reset counts whatever its time is.
    let mut reset = peer.segment(own, RST, b"")?;
    reset.stamp = Some((1, 0));
    peer.post(&reset)?;
    let other = end(2, 2000);
    connect(peer, other, None)?;
    settled(peer, other, 1, 0)?;
    Ok(())
}
