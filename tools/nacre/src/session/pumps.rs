//! The threads that read what comes from a guest.

use std::io::{ErrorKind, Read};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Child;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use channel::{Frames, Reply};

/// QEMU joins its sockets before it starts the machine; more than this it never takes.
const JOIN_LIMIT: Duration = Duration::from_secs(300);

/// Which way bytes came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The program's terminal.
    Terminal,
}

/// Something that happened in a guest.
#[derive(Debug)]
pub enum Event {
    /// The agent said something.
    Reply(Reply),
    /// The program said something.
    Bytes(Stream, Vec<u8>),
    /// The control port was closed: the machine is gone.
    Gone,
    /// The user wants out.
    Quit,
}

/// Takes QEMU's connection on each listener.
pub fn accept(listeners: &[UnixListener; 4], qemu: &mut Child) -> Result<[UnixStream; 4]> {
    let until = Instant::now() + JOIN_LIMIT;
    let [control, stdin, stdout, stderr] = listeners;
    let mut one = |listener: &UnixListener| -> Result<UnixStream> {
        listener.set_nonblocking(true)?;
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false)?;
                    return Ok(stream);
                }
                Err(error) if error.kind() != ErrorKind::WouldBlock => {
                    return Err(error).context("a port's socket");
                }
                Err(_) => {}
            }
            if let Some(status) = qemu.try_wait()? {
                bail!("QEMU ended at once ({status})");
            }
            if Instant::now() > until {
                bail!("QEMU does not open its ports");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    Ok([one(control)?, one(stdin)?, one(stdout)?, one(stderr)?])
}

/// Reads frames until the port closes.
pub fn read_control(mut control: UnixStream, events: SyncSender<Event>) {
    std::thread::spawn(move || {
        let mut frames = Frames::default();
        let mut space = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = control.read(&mut space) {
            frames.push(space.get(..count).unwrap_or_default());
            loop {
                match frames
                    .next_frame()
                    .and_then(|frame| frame.map(|body| Reply::decode(&body)).transpose())
                {
                    Ok(None) => break,
                    Ok(Some(reply)) => {
                        if events.send(Event::Reply(reply)).is_err() {
                            return;
                        }
                    }
                    // The agent talks nonsense: there is nothing more to hear.
                    Err(_) => {
                        let _ = events.send(Event::Gone);
                        return;
                    }
                }
            }
        }
        let _ = events.send(Event::Gone);
    });
}

/// Reads bytes until the port closes.
pub fn read_stream(mut port: UnixStream, stream: Stream, events: SyncSender<Event>) {
    std::thread::spawn(move || {
        let mut space = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = port.read(&mut space) {
            let bytes = space.get(..count).unwrap_or_default().to_vec();
            if events.send(Event::Bytes(stream, bytes)).is_err() {
                return;
            }
        }
    });
}
