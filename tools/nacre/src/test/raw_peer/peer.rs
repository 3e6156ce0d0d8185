//! The other end: a handful of TCP that does what it is told, right or wrong, with as many connections as are wanted.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::frame::{ACK, Arp, End, FIN, Mac, RST, SYN, Segment};

/// The machine that is tried, and its port.
pub const GUEST: End = (Ipv4Addr::new(10, 9, 0, 1), 5001);
const OWN: Mac = [0x52, 0x54, 0, 0, 0, 2];
/// What was not answered goes again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// A connection as this end sees it.
#[derive(Debug)]
pub struct Talk {
    /// The next number to send, and the next wanted.
    pub next: u32,
    pub wanted: u32,
    pub open: bool,
    pub ended: bool,
    pub reset: bool,
    /// Bytes that came.
    pub got: Vec<u8>,
    /// The time to tell, if any, and the last segment that came.
    pub stamp: Option<u32>,
    pub last: Option<Segment>,
    /// Segments that came with nothing in them.
    pub bare: u32,
    waits: Option<(Segment, Instant)>,
}

impl Talk {
    /// Whether all that was sent is answered.
    pub fn is_answered(&self) -> bool {
        self.waits.is_none()
    }
}

/// See the module's page.
pub struct Peer {
    socket: UnixDatagram,
    card: PathBuf,
    guest: Option<Mac>,
    talks: HashMap<End, Talk>,
    end: Instant,
    looked: Instant,
    served: bool,
    /// Connections are taken, and ended when the other end ends them, without being remembered.
    pub mirror: bool,
}

impl Peer {
    /// Takes frames in `folder`, and is done by `patience`.
    pub fn lay(folder: &Path, patience: Duration) -> Result<Self> {
        let path = folder.join("plug0");
        let socket = UnixDatagram::bind(&path).with_context(|| path.display().to_string())?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            card: folder.join("card0"),
            guest: None,
            talks: HashMap::new(),
            end: Instant::now() + patience,
            looked: Instant::now(),
            served: false,
            mirror: false,
        })
    }

    /// Whether the server was there ever: it comes a moment after the machine's card.
    pub fn is_served(&self) -> bool {
        self.served
    }

    /// Fails when the time is over.
    pub fn check(&self, what: &str) -> Result<()> {
        if Instant::now() > self.end {
            bail!("the time is over, waiting for {what}");
        }
        Ok(())
    }

    /// What the machine has said.
    pub fn said(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.card.with_file_name("said0"))?)
    }

    fn send(&mut self, frame: &[u8]) -> Result<()> {
        loop {
            match self.socket.send_to(frame, &self.card) {
                // Before the machine is there it hears nothing.
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => {
                    if self.guest.is_some() {
                        return Err(error).context("the card is gone");
                    }
                    return Ok(());
                }
                Err(_) => {
                    self.check("room for a frame")?;
                    self.drain()?;
                    std::thread::sleep(Duration::from_micros(100));
                }
                Ok(_) => return Ok(()),
            }
        }
    }

    /// Sends a segment as it is.
    pub fn post(&mut self, segment: &Segment) -> Result<()> {
        let guest = self.guest.context("whose card?")?;
        self.send(&segment.frame(OWN, guest))
    }

    /// Takes what came.
    pub fn drain(&mut self) -> Result<()> {
        let mut bytes = vec![0; 65_536];
        while let Ok(length) = self.socket.recv(&mut bytes) {
            let frame = bytes.get(..length).unwrap_or_default();
            if let Some(arp) = Arp::parse(frame) {
                self.take_arp(&arp)?;
            } else if let Some(segment) = Segment::parse(frame) {
                self.take(segment)?;
            }
        }
        Ok(())
    }

    fn take_arp(&mut self, arp: &Arp) -> Result<()> {
        if arp.from == GUEST.0 {
            self.guest = Some(arp.mac);
        }
        if arp.asks && arp.to != GUEST.0 {
            // Every other address is here.
            let answer = Arp {
                asks: false,
                mac: OWN,
                from: arp.to,
                to: arp.from,
            };
            self.send(&answer.frame(Some(arp.mac), arp.mac))?;
        }
        Ok(())
    }

    fn take(&mut self, segment: Segment) -> Result<()> {
        let Some(talk) = self.talks.get_mut(&segment.to) else {
            return self.reflect(&segment);
        };
        if segment.flags & RST != 0 {
            talk.reset = true;
            talk.waits = None;
            return Ok(());
        }
        if segment.flags & ACK != 0
            && let Some((sent, _)) = &talk.waits
            && segment.ack == sent.seq.wrapping_add(sent.span())
        {
            talk.waits = None;
        }
        let span = segment.span();
        if segment.flags & SYN != 0 {
            talk.wanted = segment.seq.wrapping_add(1);
            talk.open = true;
            self.served = true;
        } else if segment.seq == talk.wanted {
            talk.got.extend(&segment.body);
            talk.wanted = talk.wanted.wrapping_add(span);
            talk.ended |= segment.flags & FIN != 0;
        }
        talk.bare += u32::from(span == 0);
        let end = segment.to;
        talk.last = Some(segment);
        if span > 0 {
            let answer = self.segment(end, ACK, b"")?;
            self.post(&answer)?;
        }
        Ok(())
    }

    /// What the other end of a connection says that knows only what the segment tells.
    fn reflect(&mut self, segment: &Segment) -> Result<()> {
        let ends = segment.flags & (SYN | FIN);
        if !self.mirror || ends == 0 || segment.flags & RST != 0 {
            return Ok(());
        }
        self.post(&Segment {
            from: segment.to,
            to: segment.from,
            seq: segment.ack,
            ack: segment.seq.wrapping_add(segment.span()),
            flags: ends | ACK,
            stamp: None,
            body: Vec::new(),
        })
    }

    /// The next segment of a connection; it does not count as sent.
    pub fn segment(&self, own: End, flags: u8, body: &[u8]) -> Result<Segment> {
        let talk = self.talk(own)?;
        let echo = talk.last.as_ref().and_then(|last| last.stamp);
        Ok(Segment {
            from: own,
            to: GUEST,
            seq: talk.next,
            ack: talk.wanted,
            flags,
            stamp: talk
                .stamp
                .map(|stamp| (stamp, echo.map_or(0, |(value, _)| value))),
            body: body.to_vec(),
        })
    }

    /// Sends the next segment, and again until it is answered.
    pub fn say(&mut self, own: End, flags: u8, body: &[u8]) -> Result<()> {
        let segment = self.segment(own, flags, body)?;
        self.post(&segment)?;
        let talk = self.talk_mut(own)?;
        talk.next = talk.next.wrapping_add(segment.span());
        talk.waits = Some((segment, Instant::now()));
        Ok(())
    }

    /// Asks for a connection that begins with `first`.
    pub fn ask(&mut self, own: End, first: u32, stamp: Option<u32>) -> Result<()> {
        let talk = Talk {
            next: first,
            wanted: 0,
            open: false,
            ended: false,
            reset: false,
            got: Vec::new(),
            stamp,
            last: None,
            bare: 0,
            waits: None,
        };
        self.talks.insert(own, talk);
        self.say(own, SYN, b"")
    }

    /// A connection.
    pub fn talk(&self, own: End) -> Result<&Talk> {
        self.talks.get(&own).context("no such connection")
    }

    /// The same, to be changed.
    pub fn talk_mut(&mut self, own: End) -> Result<&mut Talk> {
        self.talks.get_mut(&own).context("no such connection")
    }

    /// Knows a connection no more.
    pub fn forget(&mut self, own: End) {
        self.talks.remove(&own);
    }

    /// Waits until it is so; what was not answered goes again meanwhile.
    pub fn wait(&mut self, what: &str, done: impl Fn(&Self) -> bool) -> Result<()> {
        loop {
            self.drain()?;
            if done(self) {
                return Ok(());
            }
            self.check(what)?;
            let mut ready = [PollFd::new(&self.socket, PollFlags::IN)];
            let while_for = Timespec {
                tv_sec: 0,
                tv_nsec: 50_000_000,
            };
            // Interrupted or not, it looks.
            let _ = poll(&mut ready, Some(&while_for));
            self.again()?;
        }
    }

    fn again(&mut self) -> Result<()> {
        let now = Instant::now();
        if now - self.looked < AGAIN / 4 {
            return Ok(());
        }
        self.looked = now;
        let mut due = Vec::new();
        for talk in self.talks.values_mut() {
            if let Some((segment, at)) = &mut talk.waits
                && now - *at >= AGAIN
            {
                *at = now;
                due.push(segment.clone());
            }
        }
        due.iter().try_for_each(|segment| self.post(segment))
    }

    /// Finds the machine's card.
    pub fn meet(&mut self) -> Result<()> {
        while self.guest.is_none() {
            self.check("the machine")?;
            let question = Arp {
                asks: true,
                mac: OWN,
                from: Ipv4Addr::new(10, 9, 0, 2),
                to: GUEST.0,
            };
            self.send(&question.frame(None, [0; 6]))?;
            std::thread::sleep(Duration::from_millis(20));
            self.drain()?;
        }
        Ok(())
    }
}
