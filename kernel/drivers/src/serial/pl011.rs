//! The PL011 as the wire of a terminal (ARM DDI 0183).
//!
//! The interrupt handler moves bytes between the chip's queues and two rings; a kernel thread feeds the terminal. When
//! the terminal takes no more, the receive interrupt stays off and the chip's own queue holds the sender back, so nothing
//! is lost on the way in; on the way out a byte leaves the ring only for the chip.

use crate::node::{self, Node};
use crate::tty::ldisc::Received;
use crate::tty::{self, Line, Tty};
use abi::Result;
use abi::stat::makedev;
use abi::termios::ioctl::{TIOCM_CAR, TIOCM_CTS, TIOCM_DSR, TIOCM_DTR, TIOCM_RTS};
use abi::termios::{ControlFlags, Termios2};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use hal::device::{Registers, SimpleDevice};
use sync::{Events, IrqLock, Pollee, rank};

const DATA: usize = 0x00;
const FLAGS: usize = 0x18;
const LINE_CONTROL: usize = 0x2c;
const CONTROL: usize = 0x30;
const LEVELS: usize = 0x34;
const MASK: usize = 0x38;
const CLEAR: usize = 0x44;

const CTS: u32 = 1 << 0;
const DSR: u32 = 1 << 1;
const DCD: u32 = 1 << 2;
const RX_EMPTY: u32 = 1 << 4;
const TX_FULL: u32 = 1 << 5;

const INT_RX: u32 = 1 << 4;
const INT_TX: u32 = 1 << 5;
const INT_RX_IDLE: u32 = 1 << 6;
const INT_ALL: u32 = 0x7ff;

/// Transmitter, receiver and the chip on; both outputs to a modem raised.
const ENABLED: u32 = 1 | 1 << 8 | 1 << 9 | DTR | RTS;
const DTR: u32 = 1 << 10;
const RTS: u32 = 1 << 11;

const SEND_BREAK: u32 = 1;

const DAMAGED: u32 = 0x3 << 8;
const BREAK: u32 = 1 << 10;

/// Bytes each ring holds.
const RING: usize = 4096;

/// Major number of `ttyAMA`, and its first minor (Documentation/admin-guide/devices.txt).
const MAJOR: u32 = 204;
const FIRST_MINOR: u32 = 64;

struct Rings {
    received: VecDeque<u16>,
    sending: VecDeque<u8>,
    mask: u32,
    /// Sending had to wait and may go on.
    made_room: bool,
}

/// A PL011 port.
struct Port {
    registers: Registers,
    rings: IrqLock<Rings, { rank::DEVICE }>,
    work: Pollee,
}

impl Port {
    fn set_mask(&self, rings: &mut Rings, on: u32, off: u32) {
        let mask = (rings.mask | on) & !off;
        if mask != rings.mask {
            rings.mask = mask;
            self.registers.write(MASK, mask);
        }
    }

    fn interrupt(&self) {
        let mut rings = self.rings.lock();
        self.registers.write(CLEAR, INT_RX | INT_TX | INT_RX_IDLE);
        while rings.received.len() < RING && self.registers.read(FLAGS) & RX_EMPTY == 0 {
            let word = self.registers.read(DATA) & 0xfff;
            rings.received.push_back(word as u16);
        }
        if rings.received.len() >= RING {
            self.set_mask(&mut rings, 0, INT_RX | INT_RX_IDLE);
        }
        self.transmit(&mut rings);
        let work = !rings.received.is_empty() || rings.made_room;
        drop(rings);
        if work {
            self.work.notify(Events::READABLE);
        }
    }

    fn transmit(&self, rings: &mut Rings) {
        while !rings.sending.is_empty() && self.registers.read(FLAGS) & TX_FULL == 0 {
            if let Some(byte) = rings.sending.pop_front() {
                self.registers.write(DATA, u32::from(byte));
                rings.made_room = true;
            }
        }
        if rings.sending.is_empty() {
            self.set_mask(rings, 0, INT_TX);
        } else {
            self.set_mask(rings, INT_TX, 0);
        }
    }

    /// The kernel thread: feeds the terminal, and wakes who waits for room.
    fn serve(&self, tty: &Tty) {
        let mut batch: Vec<u16> = Vec::new();
        loop {
            let room = tty.receive_room();
            let made_room = sync::wait_until(&[(&self.work, Events::READABLE)], None, || {
                let room = if room == 0 { tty.receive_room() } else { room };
                let mut rings = self.rings.lock();
                let made_room = core::mem::take(&mut rings.made_room);
                let count = rings.received.len().min(room);
                batch.extend(rings.received.drain(..count));
                self.set_mask(&mut rings, INT_RX | INT_RX_IDLE, 0);
                drop(rings);
                (made_room || count > 0).then_some(made_room)
            });
            feed(tty, &batch);
            batch.clear();
            if made_room == Some(true) {
                tty.output_room();
            }
        }
    }
}

/// Hands received words over, plain bytes in as long runs as there are.
fn feed(tty: &Tty, words: &[u16]) {
    let bytes: Vec<u8> = words.iter().map(|word| *word as u8).collect();
    let mut from = 0;
    for (at, word) in words.iter().enumerate() {
        let word = u32::from(*word);
        if word & (DAMAGED | BREAK) == 0 {
            continue;
        }
        tty.receive(bytes.get(from..at).unwrap_or(&[]));
        from = at + 1;
        tty.receive_event(if word & BREAK != 0 {
            Received::Break
        } else {
            Received::Damaged(word as u8)
        });
    }
    tty.receive(bytes.get(from..).unwrap_or(&[]));
}

impl Line for Port {
    fn room(&self) -> usize {
        RING.saturating_sub(self.rings.lock().sending.len())
    }

    fn send(&self, bytes: &[u8]) -> usize {
        let mut rings = self.rings.lock();
        let count = bytes.len().min(RING.saturating_sub(rings.sending.len()));
        rings.sending.extend(bytes.iter().take(count));
        self.transmit(&mut rings);
        if rings.sending.is_empty() {
            rings.made_room = false;
        }
        count
    }

    fn unsent(&self) -> usize {
        self.rings.lock().sending.len()
    }

    fn discard(&self) {
        self.rings.lock().sending.clear();
    }

    fn input_room(&self) {
        self.work.notify(Events::READABLE);
    }

    fn adjust(&self, termios: &mut Termios2) {
        termios.cflag.remove(ControlFlags::CMSPAR);
    }

    fn modem(&self) -> Result<u32> {
        let inputs = self.registers.read(FLAGS);
        let outputs = self.registers.read(CONTROL);
        let lines = [
            (inputs & CTS, TIOCM_CTS),
            (inputs & DSR, TIOCM_DSR),
            (inputs & DCD, TIOCM_CAR),
            (outputs & DTR, TIOCM_DTR),
            (outputs & RTS, TIOCM_RTS),
        ];
        let raised = lines.iter().filter(|(bit, _)| *bit != 0);
        Ok(raised.map(|(_, line)| line).sum())
    }

    fn set_modem(&self, raise: u32, lower: u32) -> Result<()> {
        // The lock keeps two changes apart.
        let _rings = self.rings.lock();
        let mut control = self.registers.read(CONTROL);
        for (line, bit) in [(TIOCM_DTR, DTR), (TIOCM_RTS, RTS)] {
            if raise & line != 0 {
                control |= bit;
            }
            if lower & line != 0 {
                control &= !bit;
            }
        }
        self.registers.write(CONTROL, control);
        Ok(())
    }

    fn set_break(&self, on: bool) {
        let _rings = self.rings.lock();
        let control = self.registers.read(LINE_CONTROL);
        let new = if on {
            control | SEND_BREAK
        } else {
            control & !SEND_BREAK
        };
        self.registers.write(LINE_CONTROL, new);
    }
}

/// Starts port number `index`. `None` when its registers or its line cannot be had.
#[must_use]
#[inline(never)]
pub fn start(index: u32, device: &SimpleDevice) -> Option<Arc<Tty>> {
    let registers = Registers::map(device.registers)?;
    registers.write(MASK, 0);
    registers.write(CLEAR, INT_ALL);
    // Interrupt as soon as there is anything (an eighth full; the idle interrupt takes the rest).
    registers.write(LEVELS, 0);
    registers.write(CONTROL, ENABLED);
    let rings = Rings {
        received: VecDeque::with_capacity(RING),
        sending: VecDeque::with_capacity(RING),
        mask: 0,
        made_room: false,
    };
    let port = Arc::new(Port {
        registers,
        rings: IrqLock::new(rings),
        work: Pollee::new(),
    });
    let number = makedev(MAJOR, FIRST_MINOR + index);
    let mut termios = Termios2::STANDARD;
    termios.cflag.insert(ControlFlags::CLOCAL);
    let tty = Tty::new(format!("ttyAMA{index}"), number, port.clone(), termios);
    let handler = port.clone();
    hal::irq::register(
        device.irq,
        "uart-pl011",
        Arc::new(move || handler.interrupt()),
    )
    .ok()?;
    let served = tty.clone();
    let thread = port.clone();
    sync::spawn_kernel(tty.name(), move || thread.serve(&served)).ok()?;
    port.set_mask(&mut port.rings.lock(), INT_RX | INT_RX_IDLE, 0);
    hal::irq::enable(device.irq);
    tty::install(&tty);
    node::publish(Node::new(tty.name(), number, 0o600, "tty"));
    Some(tty)
}
