//! A link between two machines' cards: frames are datagrams of two Unix sockets each, and a thread a direction does
//! to them what links do, by a seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Bytes of the longest frame.
const FRAME: usize = 65_536;
/// A direction looks so often whether the link is cut.
const LOOK: Duration = Duration::from_millis(20);
/// The longest a frame is late.
const LATE: u64 = 8000;

/// What a link does to a hundred frames.
#[derive(Debug, Clone, Copy)]
pub struct Mood {
    /// Lost.
    pub drops: u64,
    /// Come twice.
    pub repeats: u64,
    /// Come late, and so after others.
    pub delays: u64,
    /// Have a bit turned.
    pub corrupts: u64,
}

impl Mood {
    /// Nothing.
    pub const GOOD: Self = Self {
        drops: 0,
        repeats: 0,
        delays: 0,
        corrupts: 0,
    };
}

/// A generator of numbers: xorshift.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.roll() % 100 < chance
    }
}

/// Frames that came and that went, each way.
#[derive(Debug, Default)]
struct Counts {
    came: AtomicU64,
    went: AtomicU64,
}

/// A link that lies.
#[derive(Debug)]
pub struct Wire {
    folder: PathBuf,
    cut: Arc<AtomicBool>,
    counts: [Arc<Counts>; 2],
    ways: Vec<JoinHandle<()>>,
}

impl Wire {
    /// Lays one whose sockets are in `folder`.
    pub fn lay(folder: &Path, mood: Mood, seed: u64) -> Result<Self> {
        let mut wire = Self {
            folder: folder.to_owned(),
            cut: Arc::default(),
            counts: Default::default(),
            ways: Vec::new(),
        };
        for (from, counts) in (0..).zip(wire.counts.clone()) {
            let path = wire.plug(from);
            let socket = UnixDatagram::bind(&path).with_context(|| path.display().to_string())?;
            socket.set_read_timeout(Some(LOOK))?;
            let way = Way {
                socket,
                to: wire.card(1 - from),
                mood,
                dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | (1 + from as u64)),
                late: BinaryHeap::new(),
                number: 0,
            };
            let cut = wire.cut.clone();
            let count = move |came: bool| {
                let count = if came { &counts.came } else { &counts.went };
                count.fetch_add(1, Relaxed);
            };
            let run = move || way.carry(&cut, &count);
            wire.ways.push(std::thread::spawn(run));
        }
        Ok(wire)
    }

    /// Where the link takes frames of a machine.
    fn plug(&self, machine: usize) -> PathBuf {
        self.folder.join(format!("plug{machine}"))
    }

    /// Where a machine takes frames.
    fn card(&self, machine: usize) -> PathBuf {
        self.folder.join(format!("card{machine}"))
    }

    /// What `nacre run --link` wants for a machine.
    pub fn link(&self, machine: usize) -> String {
        let (card, plug) = (self.card(machine), self.plug(machine));
        format!("{}:{}:{}", card.display(), plug.display(), machine + 1)
    }

    /// What went over it so far.
    pub fn tally(&self) -> String {
        let of = |way: &Counts| format!("{} of {}", way.went.load(Relaxed), way.came.load(Relaxed));
        let [there, back] = &self.counts;
        format!("frames there: {}, back: {}", of(there), of(back))
    }

    /// Cuts it.
    pub fn cut(&mut self) {
        self.cut.store(true, Relaxed);
        for way in self.ways.drain(..) {
            // A direction that panicked carries nothing: the transfer says so.
            let _ = way.join();
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut();
    }
}

/// One direction.
struct Way {
    socket: UnixDatagram,
    to: PathBuf,
    mood: Mood,
    dice: Dice,
    /// Frames that are late: when they go, in which order, and their bytes.
    late: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>>,
    number: u64,
}

impl Way {
    fn carry(mut self, cut: &AtomicBool, count: &impl Fn(bool)) {
        let mut bytes = vec![0; FRAME];
        while !cut.load(Relaxed) {
            let next = self.late.peek().map(|Reverse((at, ..))| *at);
            let wait = next.map_or(LOOK, |at| {
                at.saturating_duration_since(Instant::now())
                    .clamp(Duration::from_micros(100), LOOK)
            });
            if self.socket.set_read_timeout(Some(wait)).is_err() {
                return;
            }
            if let Ok(length) = self.socket.recv(&mut bytes) {
                count(true);
                self.take(bytes.iter().copied().take(length).collect(), count);
            }
            while let Some(Reverse((at, ..))) = self.late.peek()
                && *at <= Instant::now()
                && let Some(Reverse((_, _, frame))) = self.late.pop()
            {
                self.post(&frame, count);
            }
        }
    }

    fn take(&mut self, mut frame: Vec<u8>, count: &impl Fn(bool)) {
        if self.dice.percent(self.mood.drops) {
            return;
        }
        if self.dice.percent(self.mood.repeats) {
            self.post(&frame, count);
        }
        if self.dice.percent(self.mood.corrupts) && !frame.is_empty() {
            let place = self.dice.roll() as usize % frame.len();
            if let Some(byte) = frame.get_mut(place) {
                *byte ^= 1 << (self.dice.roll() % 8);
            }
        }
        if self.dice.percent(self.mood.delays) {
            let time = Duration::from_micros(self.dice.roll() % LATE);
            self.number += 1;
            self.late
                .push(Reverse((Instant::now() + time, self.number, frame)));
        } else {
            self.post(&frame, count);
        }
    }

    fn post(&self, frame: &[u8], count: &impl Fn(bool)) {
        // A machine that is not there yet, or no more, hears nothing.
        if self.socket.send_to(frame, &self.to).is_ok() {
            count(false);
        }
    }
}
