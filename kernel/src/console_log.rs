//! The kernel's messages on a console that is no serial port.
//!
//! The serial port gets them from the log itself, polled, from the first instruction on. A console behind a virtio
//! device gets them from a thread that follows the log, beginning with what was said before it came.

use core::time::Duration;

use drivers::tty::{Tty, console};
use sync::{Events, Instant};
use task::klog;

/// How long a console may take no more before a message is dropped.
const PATIENCE: Duration = Duration::from_secs(1);

/// Starts the thread, if the command line names such a console.
pub fn start(consoles: &[alloc::string::String]) {
    if !consoles.iter().any(|name| name.starts_with("hvc")) {
        return;
    }
    if sync::spawn_kernel("klogd", follow).is_err() {
        log::warn!("no memory to print messages on the console");
    }
}

fn follow() {
    let mut next = 0;
    loop {
        let record = sync::wait_until(&[(&klog::NEWS, Events::IN)], None, || {
            klog::record_from(next)
        });
        let Some(record) = record else { continue };
        let shown = ((record.priority & 7) as u8) < klog::console_level();
        if shown {
            console::await_console(PATIENCE);
            if let Some(tty) = console::console()
                && tty.name().starts_with("hvc")
            {
                print(&tty, klog::console_line(&record).as_bytes());
            }
        }
        next = record.sequence + 1;
    }
}

fn print(tty: &Tty, line: &[u8]) {
    let mut rest = line;
    sync::wait_until(
        &[(tty.pollee(), Events::WRITABLE)],
        Some(Instant::after(PATIENCE)),
        || {
            let done = tty.write(rest);
            rest = rest.get(done..).unwrap_or_default();
            rest.is_empty().then_some(())
        },
    );
}
