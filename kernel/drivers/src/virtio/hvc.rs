//! A console port as the wire of a terminal: `/dev/hvc0`.

use super::port::Port;
use crate::node::{self, Node};
use crate::tty::{self, Line, Tty};
use abi::stat::makedev;
use abi::termios::Termios2;
use abi::{Errno, Result};
use alloc::format;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use sync::Events;

/// Major number of `hvc` (Documentation/admin-guide/devices.txt).
const MAJOR: u32 = 229;

static NEXT: AtomicU32 = AtomicU32::new(0);

struct PortLine {
    port: Arc<Port>,
}

impl Line for PortLine {
    fn room(&self) -> usize {
        if self.port.can_send() { 4096 } else { 0 }
    }

    fn send(&self, bytes: &[u8]) -> usize {
        let copy = |buffer: &mut [u8]| {
            buffer.copy_from_slice(bytes.get(..buffer.len()).unwrap_or(&[]));
            buffer.len()
        };
        self.port.send(bytes.len(), copy).unwrap_or(0)
    }

    fn unsent(&self) -> usize {
        self.port.in_flight()
    }

    fn input_room(&self) {
        self.port.pollee().notify(Events::READABLE);
    }

    fn modem(&self) -> Result<u32> {
        // Linux's hvc knows the ioctl, but no modem.
        Err(Errno::EINVAL)
    }
}

/// Makes a terminal of a console port, with a kernel thread that feeds it.
pub(super) fn attach(port: &Arc<Port>) -> Option<Arc<Tty>> {
    let index = NEXT.fetch_add(1, Ordering::Relaxed);
    let number = makedev(MAJOR, index);
    let line = Arc::new(PortLine { port: port.clone() });
    let tty = Tty::new(format!("hvc{index}"), number, line, Termios2::STANDARD);
    let (port, served) = (port.clone(), tty.clone());
    sync::spawn_kernel(tty.name(), move || serve(&port, &served)).ok()?;
    tty::install(&tty);
    node::publish(Node::new(tty.name(), number, 0o600, "tty"));
    Some(tty)
}

/// Most bytes handed over at a time.
const BATCH: usize = 1024;

fn serve(port: &Port, tty: &Tty) {
    let on = [(port.pollee(), Events::READABLE | Events::WRITABLE)];
    let mut in_flight = 0;
    loop {
        let mut batch = [0; BATCH];
        let mut got = 0;
        sync::wait_until(&on, None, || {
            // The terminal is fed without the port's lock, with what it is sure to take.
            let room = tty.receive_room().min(BATCH);
            let mut free = batch.get_mut(..room).unwrap_or_default();
            got = port.drain(&mut |bytes| {
                let count = bytes.len().min(free.len());
                let (now, later) = core::mem::take(&mut free).split_at_mut(count);
                now.copy_from_slice(bytes.get(..count).unwrap_or_default());
                free = later;
                count
            });
            let before = core::mem::replace(&mut in_flight, port.in_flight());
            (got > 0 || in_flight < before).then_some(())
        });
        tty.receive(batch.get(..got).unwrap_or_default());
        tty.output_room();
    }
}
