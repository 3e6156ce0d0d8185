//! Terminals over wires of other kinds, and the choice of the console.

use super::*;
use crate::tty::console;
use abi::termios::Termios2;
use core::sync::atomic::AtomicUsize;
use sync::Instant;

/// A wire that takes so many bytes and keeps them.
struct Slow {
    room: AtomicUsize,
    sent: StdMutex<Vec<u8>>,
}

impl Line for Slow {
    fn room(&self) -> usize {
        self.room.load(Ordering::Relaxed)
    }
    fn send(&self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room());
        self.room.fetch_sub(count, Ordering::Relaxed);
        self.sent.lock().unwrap().extend(&bytes[..count]);
        count
    }
    fn unsent(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
    fn discard(&self) {
        self.sent.lock().unwrap().clear();
    }
}

fn slow(room: usize) -> (Arc<Slow>, Arc<Tty>) {
    let line = Arc::new(Slow {
        room: AtomicUsize::new(room),
        sent: StdMutex::new(Vec::new()),
    });
    let tty = Tty::new("slow".into(), 1, line.clone(), Termios2::STANDARD);
    (line, tty)
}

#[test]
fn output_goes_as_far_as_there_is_room() {
    let (line, tty) = slow(5);
    let file = opened(TtyFile::open(&tty, None, false).unwrap());
    // A newline takes two places, and is never cut.
    assert_eq!(write(&file, b"abcd\nef"), Ok(4));
    assert_eq!(write(&file, b"\nef"), Err(Errno::EAGAIN));
    assert!(tty.ready().contains(Events::OUT), "one place is left");
    line.room.store(100, Ordering::Relaxed);
    tty.output_room();
    assert_eq!(write(&file, b"\nef"), Ok(3));
    assert_eq!(*line.sent.lock().unwrap(), b"abcd\r\nef");
    tty.flush_output();
    assert!(line.sent.lock().unwrap().is_empty());
}

#[test]
fn stopped_output_waits() {
    let (line, tty) = slow(100);
    let file = opened(TtyFile::open(&tty, None, false).unwrap());
    assert_eq!(tty.receive(b"\x13"), 1);
    assert_eq!(write(&file, b"x"), Err(Errno::EAGAIN));
    assert!(!tty.ready().contains(Events::OUT));
    assert_eq!(tty.receive(b"\x11"), 1);
    assert_eq!(write(&file, b"x"), Ok(1));
    assert_eq!(*line.sent.lock().unwrap(), b"x");
}

#[test]
fn what_the_discipline_cannot_hold_waits_in_front_of_it() {
    let (_line, tty) = slow(1 << 20);
    let mut raw = Termios2::STANDARD;
    raw.lflag = LocalFlags::empty();
    raw.iflag = abi::termios::InputFlags::empty();
    tty.set_termios(raw);
    let typed: Vec<u8> = (0..=255).cycle().take(50_000).collect();
    let taken = tty.receive(&typed);
    assert!((8192..typed.len()).contains(&taken));
    assert_eq!(tty.receive_room(), 0);
    let mut got = Vec::new();
    let mut sink = |bytes: &[u8]| {
        got.extend_from_slice(bytes);
        bytes.len()
    };
    while tty.read(777, 1, &mut sink) != ReadOutcome::Empty {}
    assert!(got == typed[..taken]);
    assert!(tty.receive_room() > 0);
}

#[test]
fn minimum_and_time_shape_a_read() {
    let (_line, tty) = slow(100);
    let file = opened(TtyFile::open(&tty, None, false).unwrap());
    let set = |least: u8, tenths: u8| {
        let mut raw = Termios2::STANDARD;
        raw.lflag = LocalFlags::empty();
        raw.cc[abi::termios::cc::VMIN] = least;
        raw.cc[abi::termios::cc::VTIME] = tenths;
        tty.set_termios(raw);
    };
    let began = Instant::now();
    set(0, 0);
    assert_eq!(read(&file, 10).unwrap(), b"");
    set(0, 2);
    assert_eq!(read(&file, 10), Err(Errno::EAGAIN));
    let deadline = file.ops().read_deadline(&file, began);
    let tenths = core::time::Duration::from_millis(200);
    assert_eq!(deadline, Some(began.saturating_add(tenths)));
    // Between bytes: only the first one starts the clock.
    set(3, 2);
    assert_eq!(file.ops().read_deadline(&file, began), None);
    file.change_flags(OFlags::empty(), OFlags::NONBLOCK);
    tty.receive(b"ab");
    assert_eq!(read(&file, 10), Err(Errno::EAGAIN));
    assert!(file.ops().read_deadline(&file, began).is_some());
    let mut rest = [0; 10];
    let done = file.ops().read_rest(&file, &mut IoDst::kernel(&mut rest));
    assert_eq!(&rest[..done], b"ab");
    tty.receive(b"cde");
    assert_eq!(read(&file, 10).unwrap(), b"cde");
    // Without patience what is there is enough.
    file.change_flags(OFlags::NONBLOCK, OFlags::empty());
    tty.receive(b"f");
    assert_eq!(read(&file, 10).unwrap(), b"f");
}

#[test]
fn the_last_console_named_is_the_one() {
    let named = |name: &str| {
        let (line, _) = slow(10);
        Tty::new(name.into(), 9, line, Termios2::STANDARD)
    };
    let names = ["hvc0".into(), "ttyAMA0,115200".into(), "tty0".into()];
    console::want(&names);
    let is = |name| console::console().is_some_and(|tty| tty.name() == name);
    console::offer(&named("ttyS9"));
    assert!(console::console().is_none());
    console::offer(&named("hvc0"));
    assert!(is("hvc0"));
    console::offer(&named("ttyAMA0"));
    assert!(is("ttyAMA0"));
    console::offer(&named("hvc0"));
    assert!(is("ttyAMA0"));
}
