//! `/dev/kmsg`: the kernel's log as a file of records (Documentation/ABI/testing/dev-kmsg).

use alloc::sync::Arc;
use alloc::vec;
use core::time::Duration;

use abi::stat::makedev;
use abi::{Errno, Result};
use drivers::node::{self, Node};
use mm::{IoDst, IoSrc};
use sync::{Capability, Events, Instant, Pollee, SpinLock, rank};
use vfs::{CharDevice, FileOps, OpenFile, OpenRequest, Whence};

use crate::klog;

/// Most bytes one write may have.
const WRITE_MAX: usize = 1024;

/// Facility and level of what a program writes without saying which: user, warning.
const USER: u32 = 1;
const WARNING: u32 = 4;

/// What a program may write: as many records in such a time; the rest is dropped (`printk.devkmsg=ratelimit`).
const BURST: u32 = 10;
const INTERVAL: Duration = Duration::from_secs(5);

#[derive(Default)]
struct State {
    /// The record to be read next.
    next: u64,
    /// Begin of the present interval, and records written in it.
    began: Option<Instant>,
    written: u32,
}

/// An open `/dev/kmsg`.
struct LogFile {
    state: SpinLock<State, { rank::LEAF }>,
}

impl LogFile {
    fn may_write(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state.lock();
        if state
            .began
            .is_none_or(|began| now >= began.saturating_add(INTERVAL))
        {
            state.began = Some(now);
            state.written = 0;
        }
        state.written += 1;
        state.written <= BURST
    }
}

/// The prefix `<number>` of a line: facility and level, and the rest of the line.
fn priority(line: &[u8]) -> (u32, &[u8]) {
    let unmarked = (USER << 3 | WARNING, line);
    let end = line.iter().position(|byte| *byte == b'>');
    let Some((digits, rest)) = end.and_then(|end| Some((line.get(1..end)?, line.get(end + 1..)?)))
    else {
        return unmarked;
    };
    if !line.starts_with(b"<") || !digits.iter().all(u8::is_ascii_digit) {
        return unmarked;
    }
    let number = digits.iter().fold(0u32, |number, digit| {
        number
            .wrapping_mul(10)
            .wrapping_add(u32::from(digit - b'0'))
    });
    // A program cannot speak as the kernel (facility 0).
    let facility = match number >> 3 & 0xff {
        0 => USER,
        other => other,
    };
    (facility << 3 | number & 7, rest)
}

impl FileOps for LogFile {
    fn positioned(&self) -> bool {
        true
    }

    fn read(&self, _file: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        let wanted = self.state.lock().next;
        let Some(record) = klog::record_from(wanted) else {
            return Err(Errno::EAGAIN);
        };
        if record.sequence != wanted {
            // What stood here is overwritten: say so once and go on with the oldest there is.
            self.state.lock().next = record.sequence;
            return Err(Errno::EPIPE);
        }
        let text = klog::kmsg(&record);
        if text.len() > dst.remaining() {
            // Linux has passed the record by now.
            self.state.lock().next = record.sequence + 1;
            return Err(Errno::EINVAL);
        }
        let mut left = text.as_bytes();
        while !left.is_empty() {
            let done = dst.put(left);
            left = left.get(done..).unwrap_or(&[]);
            // No lock but the position's is held here, so the page may be brought in.
            if !left.is_empty() && !dst.fault_in() {
                return Err(Errno::EFAULT);
            }
        }
        self.state.lock().next = record.sequence + 1;
        Ok(text.len())
    }

    fn write(&self, _file: &OpenFile, src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        let len = src.remaining();
        if len > WRITE_MAX {
            return Err(Errno::EINVAL);
        }
        let mut bytes = vec![0; len];
        let mut got = 0;
        while got < len {
            got += src.take(bytes.get_mut(got..).unwrap_or_default());
            if got < len && !src.fault_in() {
                return Err(Errno::EFAULT);
            }
        }
        if self.may_write() {
            let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
            let (priority, text) = priority(text);
            klog::append(priority, text);
        }
        Ok(len)
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        let wanted = self.state.lock().next;
        match klog::record_from(wanted) {
            None => Events::empty(),
            Some(record) if record.sequence == wanted => Events::READABLE,
            Some(_) => Events::READABLE | Events::ERR | Events::PRI,
        }
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&klog::NEWS)
    }

    fn seek(&self, _file: &OpenFile, _pos: &mut u64, offset: i64, whence: Whence) -> Result<u64> {
        if offset != 0 {
            return Err(Errno::ESPIPE);
        }
        let next = match whence {
            Whence::Set => klog::record_from(0).map_or(0, |record| record.sequence),
            Whence::Data => klog::cleared_sequence(),
            Whence::End => klog::next_sequence(),
            Whence::Cur | Whence::Hole => return Err(Errno::EINVAL),
        };
        self.state.lock().next = next;
        Ok(0)
    }
}

/// `/dev/kmsg`.
struct Log;

impl CharDevice for Log {
    fn open(&self, _minor: u32, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        // Writing is the node's mode's matter alone.
        let cred = request.cred;
        if request.flags.reads()
            && klog::restricted()
            && !cred.has(Capability::SYSLOG)
            && !cred.has(Capability::SYS_ADMIN)
        {
            return Err(Errno::EPERM);
        }
        let next = klog::record_from(0).map_or(0, |record| record.sequence);
        Ok(Arc::new(LogFile {
            state: SpinLock::new(State {
                next,
                ..State::default()
            }),
        }))
    }
}

/// Major and minor number.
const NUMBER: (u32, u32) = (drivers::memory::MAJOR, 11);

/// Makes the device openable and shows it; called once at start-up.
pub fn register() {
    // At start-up nobody else has the number.
    let _ = vfs::register_chrdev(NUMBER.0, NUMBER.1, 1, "mem", Arc::new(Log));
    node::publish(Node::new("kmsg", makedev(NUMBER.0, NUMBER.1), 0o644, "mem"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_priority_off_a_line() {
        assert_eq!(priority(b"plain"), (12, &b"plain"[..]));
        assert_eq!(priority(b"<3>bad"), (USER << 3 | 3, &b"bad"[..]));
        assert_eq!(priority(b"<30>daemon"), (30, &b"daemon"[..]));
        assert_eq!(priority(b"<x>text"), (12, &b"<x>text"[..]));
        assert_eq!(priority(b"<3 text"), (12, &b"<3 text"[..]));
        assert_eq!(priority(b"<>text"), (USER << 3, &b"text"[..]));
    }
}
