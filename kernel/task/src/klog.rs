//! The kernel's log: a ring of records behind `dmesg`, `syslog(2)` and `/dev/kmsg`
//! (`man 2 syslog`, Documentation/ABI/testing/dev-kmsg).

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use sync::{Events, IrqLock, Pollee, rank};

/// Bytes of text kept.
const CAPACITY: usize = 128 * 1024;
/// Longest record.
pub const RECORD_MAX: usize = 976;
/// Bytes counted for a record beyond its text.
const OVERHEAD: usize = 48;

/// One record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its number, from 0 on.
    pub sequence: u64,
    /// Nanoseconds since the machine started.
    pub time: u64,
    /// Facility and level: `facility << 3 | level`.
    pub priority: u32,
    /// The text, without line feed. Programs write what they like: it need not be UTF-8.
    pub text: Arc<[u8]>,
}

struct Ring {
    records: VecDeque<Record>,
    next: u64,
    bytes: usize,
    /// Where `syslog(SYSLOG_ACTION_READ)` has got to: record and byte within its text.
    read: (u64, usize),
    /// Where `SYSLOG_ACTION_CLEAR` was called last.
    cleared: u64,
}

static RING: IrqLock<Ring, { rank::LEAF }> = IrqLock::new(Ring {
    records: VecDeque::new(),
    next: 0,
    bytes: 0,
    read: (0, 0),
    cleared: 0,
});

/// Told of each new record.
pub static NEWS: Pollee = Pollee::new();

static CONSOLE_LEVEL: AtomicU8 = AtomicU8::new(7);

/// Whether only who has `CAP_SYSLOG` may read the log (`kernel.dmesg_restrict`), as on Debian.
static RESTRICTED: AtomicBool = AtomicBool::new(true);

/// What `/proc/sys/kernel/dmesg_restrict` says.
pub fn restricted() -> bool {
    RESTRICTED.load(Ordering::Relaxed)
}

/// Sets what [`restricted`] gives.
pub fn restrict(on: bool) {
    RESTRICTED.store(on, Ordering::Relaxed);
}

/// Records below this level (more urgent) reach the console.
pub fn console_level() -> u8 {
    CONSOLE_LEVEL.load(Ordering::Relaxed)
}

/// Sets which records reach the console.
pub fn set_console_level(level: u8) {
    CONSOLE_LEVEL.store(level, Ordering::Relaxed);
}

/// Adds a record. Callable anywhere.
pub fn append(priority: u32, text: &[u8]) {
    let end = text.iter().rposition(|byte| *byte != b'\n');
    let cut = end.map_or(0, |last| last + 1).min(RECORD_MAX);
    let text: Arc<[u8]> = text.get(..cut).unwrap_or(text).into();
    let time = hal::time::now_ns();
    let mut dropped = Vec::new();
    let mut ring = RING.lock();
    ring.bytes += text.len() + OVERHEAD;
    let sequence = ring.next;
    ring.next += 1;
    ring.records.push_back(Record {
        sequence,
        time,
        priority,
        text: text.clone(),
    });
    while ring.bytes > CAPACITY {
        let Some(old) = ring.records.pop_front() else {
            break;
        };
        ring.bytes -= old.text.len() + OVERHEAD;
        dropped.push(old);
    }
    drop(ring);
    drop(dropped);
    if ((priority & 7) as u8) < console_level() {
        let mut console = hal::console::EarlyConsole;
        // The console takes everything.
        let _ = writeln!(console, "{}{}", Stamp(time), String::from_utf8_lossy(&text));
    }
    NEWS.notify(Events::IN);
}

struct Stamp(u64);

impl core::fmt::Display for Stamp {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let us = self.0 / 1000;
        write!(f, "[{:5}.{:06}] ", us / 1_000_000, us % 1_000_000)
    }
}

/// The first record of a sequence number or later.
pub fn record_from(sequence: u64) -> Option<Record> {
    let ring = RING.lock();
    let first = ring.records.front()?.sequence;
    let at = usize::try_from(sequence.saturating_sub(first)).ok()?;
    ring.records.get(at).cloned()
}

/// The number the next record will have.
pub fn next_sequence() -> u64 {
    RING.lock().next
}

/// The number of the first record after the last clearing.
pub fn cleared_sequence() -> u64 {
    RING.lock().cleared
}

/// Nothing before now is shown by `SYSLOG_ACTION_READ_ALL` any more.
pub fn clear() {
    let mut ring = RING.lock();
    ring.cleared = ring.next;
}

/// Bytes of ring (`SYSLOG_ACTION_SIZE_BUFFER`).
pub fn capacity() -> usize {
    CAPACITY
}

/// A record as `syslog(2)` shows it: `<6>[    1.234567] text`, a line for each line.
pub fn line(record: &Record) -> Vec<u8> {
    let head = alloc::format!("<{}>{}", record.priority, Stamp(record.time));
    let mut out = Vec::new();
    for text in record.text.split(|byte| *byte == b'\n') {
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(text);
        out.push(b'\n');
    }
    out
}

/// A record as a console shows it: `[    1.234567] text`.
pub fn console_line(record: &Record) -> String {
    let text = String::from_utf8_lossy(&record.text);
    alloc::format!("{}{text}\n", Stamp(record.time))
}

/// A record as `/dev/kmsg` shows it: `6,12,1234567,-;text`.
pub fn kmsg(record: &Record) -> String {
    let mut out = String::new();
    let us = record.time / 1000;
    let _ = write!(out, "{},{},{us},-;", record.priority, record.sequence);
    for byte in record.text.iter().copied() {
        match byte {
            b' '..=b'[' | b']'..=b'~' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "\\x{other:02x}");
            }
        }
    }
    out.push('\n');
    out
}

/// The text of the newest records that fit in `room` bytes, oldest first.
pub fn tail(room: usize) -> Vec<u8> {
    let ring = RING.lock();
    let cleared = ring.cleared;
    let records: Vec<Record> = ring
        .records
        .iter()
        .rev()
        .take_while(|record| record.sequence >= cleared)
        .cloned()
        .collect();
    drop(ring);
    let mut lines = Vec::new();
    let mut left = room;
    for record in &records {
        let text = line(record);
        let Some(rest) = left.checked_sub(text.len()) else {
            break;
        };
        left = rest;
        lines.push(text);
    }
    lines.reverse();
    lines.concat()
}

/// Takes up to `room` bytes for `SYSLOG_ACTION_READ`; empty when there is nothing new.
pub fn take(room: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let (sequence, offset) = RING.lock().read;
        let Some(record) = record_from(sequence) else {
            return out;
        };
        let offset = if record.sequence == sequence {
            offset
        } else {
            0
        };
        let text = line(&record);
        let rest = text.get(offset..).unwrap_or(&[]);
        let piece = rest.len().min(room - out.len());
        out.extend_from_slice(rest.get(..piece).unwrap_or(&[]));
        let done = piece == rest.len();
        RING.lock().read = if done {
            (record.sequence + 1, 0)
        } else {
            (record.sequence, offset + piece)
        };
        if !done || out.len() == room {
            return out;
        }
    }
}

/// Where `SYSLOG_ACTION_READ` has got to, to come back to by [`rewind`].
pub fn mark() -> (u64, usize) {
    RING.lock().read
}

/// What was taken since `mark` counts as not taken.
pub fn rewind(mark: (u64, usize)) {
    RING.lock().read = mark;
}

/// Bytes `SYSLOG_ACTION_READ` has not taken.
pub fn unread() -> usize {
    let ring = RING.lock();
    let (sequence, offset) = ring.read;
    let records: Vec<Record> = ring
        .records
        .iter()
        .filter(|record| record.sequence >= sequence)
        .cloned()
        .collect();
    drop(ring);
    let all: usize = records.iter().map(|record| line(record).len()).sum();
    all.saturating_sub(offset)
}

/// The `log` facade's way in.
struct Facade;

impl log::Log for Facade {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let level = match record.level() {
            log::Level::Error => 3,
            log::Level::Warn => 4,
            log::Level::Info => 6,
            log::Level::Debug | log::Level::Trace => 7,
        };
        append(level, alloc::format!("{}", record.args()).as_bytes());
    }

    fn flush(&self) {}
}

/// Sends the kernel's own messages here. Once.
pub fn install() {
    static FACADE: Facade = Facade;
    if log::set_logger(&FACADE).is_ok() {
        log::set_max_level(log::LevelFilter::Debug);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_in_order_and_whole() {
        set_console_level(0);
        append(6, b"first\n");
        append(4, b"second \x01\xff");
        let first = record_from(0).unwrap();
        assert_eq!(&*first.text, b"first");
        let second = record_from(first.sequence + 1).unwrap();
        assert!(kmsg(&second).ends_with(",-;second \\x01\\xff\n"));
        let taken = take(10);
        assert_eq!(taken.len(), 10);
        let rest = take(4096);
        let all = [taken, rest].concat();
        assert!(all.starts_with(b"<6>["));
        assert!(all.ends_with(b"second \x01\xff\n"));
        assert!(take(10).is_empty());
        assert_eq!(tail(4096), all);
        clear();
        assert!(tail(4096).is_empty());
    }
}
