//! The master's file.

use abi::termios::ioctl::TIOCPKT_DATA;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering;
use mm::io::{IoDst, IoSrc};
use sync::{Events, Mutex, Pollee, rank};
use vfs::{Caller, FileOps, OpenFile};

use super::{Pty, ioctl};
use crate::tty::{Line, Tty};

/// Bytes moved between two looks at the queue.
const CHUNK: usize = 512;

/// An open master. It ends with its last descriptor, and hangs the slave up.
pub struct Master {
    pub(super) pty: Arc<Pty>,
    pub(super) slave: Arc<Tty>,
    /// One reader at a time: bytes leave the queue when the program has them.
    reading: Mutex<(), { rank::FILE }>,
    /// The master's own output is stopped (TCOOFF).
    pub(super) stopped: AtomicBool,
}

impl Master {
    pub(in crate::tty) fn new(pty: Arc<Pty>, slave: Arc<Tty>) -> Arc<Self> {
        Arc::new(Self {
            pty,
            slave,
            reading: Mutex::new(()),
            stopped: AtomicBool::new(false),
        })
    }

    /// Moves output to `dst`; how many bytes.
    fn drain(&self, dst: &mut IoDst<'_>) -> usize {
        let mut done = 0;
        let mut chunk = [0u8; CHUNK];
        while dst.remaining() > 0 {
            let wanted = dst.remaining().min(CHUNK);
            let got = self.pty.peek(chunk.get_mut(..wanted).unwrap_or_default());
            let put = dst.put(chunk.get(..got).unwrap_or(&[]));
            self.pty.consume(put);
            done += put;
            if put < got || got == 0 {
                break;
            }
        }
        if done > 0 {
            self.slave.output_room();
        }
        done
    }

    /// One read in packet mode: a status alone, or a mark of data and the data.
    fn read_packet(&self, dst: &mut IoDst<'_>) -> Result<usize> {
        let mark = dst.mark();
        loop {
            let reading = self.reading.lock();
            let mut state = self.pty.state.lock();
            let status = core::mem::take(&mut state.status);
            let empty = state.output.is_empty();
            let gone = state.slave_gone;
            drop(state);
            let first = match status {
                0 if empty && gone => return Err(Errno::EIO),
                0 if empty => return Err(Errno::EAGAIN),
                0 => TIOCPKT_DATA,
                status => status,
            };
            let mut done = dst.put(&[first]);
            if done == 1 && (status != 0 || dst.remaining() == 0) {
                return Ok(1);
            }
            if done == 1 {
                done += self.drain(dst);
            }
            if done > 1 {
                return Ok(done);
            }
            if status != 0 {
                self.pty.state.lock().status |= status;
            }
            drop(reading);
            // The mark must not be given again in the middle of the data: start over with the page there.
            if !dst.fault_in() {
                dst.rewind(mark);
                return Err(Errno::EFAULT);
            }
            dst.rewind(mark);
        }
    }
}

impl FileOps for Master {
    fn read(&self, _file: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        if dst.remaining() == 0 {
            return Ok(0);
        }
        if self.pty.state.lock().packet {
            return self.read_packet(dst);
        }
        let _reading = self.reading.lock();
        // Looked at first: what the slave put out before it left is still read.
        let gone = self.pty.state.lock().slave_gone;
        let done = self.drain(dst);
        if done > 0 || dst.faulted() {
            return Ok(done);
        }
        Err(if gone { Errno::EIO } else { Errno::EAGAIN })
    }

    fn write(&self, _file: &OpenFile, src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        let mut done = 0;
        let mut chunk = [0u8; CHUNK];
        while src.remaining() > 0 && !self.stopped.load(Ordering::Relaxed) {
            let mark = src.mark();
            let got = src.take(&mut chunk);
            let taken = self.slave.receive(chunk.get(..got).unwrap_or(&[]));
            done += taken;
            if taken < got {
                src.rewind(mark);
                src.take(chunk.get_mut(..taken).unwrap_or_default());
            }
            if taken < got || got == 0 {
                break;
            }
        }
        if done == 0 && !src.faulted() && src.remaining() > 0 {
            return Err(Errno::EAGAIN);
        }
        Ok(done)
    }

    fn writes_all(&self) -> bool {
        true
    }

    fn signals(&self) -> bool {
        true
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        let state = self.pty.state.lock();
        let mut events = Events::empty();
        if state.packet && state.status != 0 {
            events |= Events::READABLE | Events::PRI;
        }
        if !state.output.is_empty() {
            events |= Events::READABLE;
        }
        events.set(Events::HUP, state.slave_gone);
        drop(state);
        let writes = !self.stopped.load(Ordering::Relaxed) && self.slave.receive_room() > 0;
        events.set(Events::WRITABLE, writes);
        events
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&self.pty.pollee)
    }

    fn ioctl(&self, file: &OpenFile, cmd: u32, arg: usize, caller: &dyn Caller) -> Result<usize> {
        ioctl::master(self, file, cmd, arg, caller)
    }

    fn show_info(&self, _file: &OpenFile, out: &mut dyn fmt::Write) -> fmt::Result {
        writeln!(out, "tty-index:\t{}", self.pty.name.index())
    }

    fn release(&self, _file: &OpenFile) {
        self.pty.state.lock().master_gone = true;
        self.pty.name.hide();
        self.slave.hang_up();
        self.pty.settle();
    }
}
