//! Moving bytes and messages, waiting where the call may wait.

use abi::signal::SIGPIPE;
use abi::socket::MsgFlags;
use abi::{Errno, Result};
use alloc::sync::Arc;
use mm::io::{IoDst, IoSrc};
use net::socket::{Outgoing, Received, Socket};
use task::Thread;
use task::signal::{Origin, SigInfo, send_to_thread};

use super::blocking::Wait;

/// Sends everything a stream is given, or one message; how many bytes went.
pub fn send(
    thread: &Arc<Thread>,
    socket: &Arc<dyn Socket>,
    src: &mut IoSrc<'_>,
    out: &mut Outgoing<'_>,
    nonblock: bool,
) -> Result<usize> {
    let mut sent = 0;
    loop {
        let start = src.mark();
        let mut send = || {
            let result = socket.clone().send(src, out);
            if result.is_err() && !src.faulted() {
                out.waited |= result == Err(Errno::EAGAIN);
                src.rewind(start);
            }
            result
        };
        // Most have room at once.
        let attempt = match send() {
            Err(Errno::EAGAIN) if !nonblock => {
                Wait::to_send(&**socket, nonblock).run(thread, &**socket, true, send)
            }
            done => done,
        };
        let error = match attempt {
            Ok(bytes) => {
                sent += bytes;
                if src.remaining() == 0 || bytes == 0 {
                    return Ok(sent);
                }
                if !src.faulted() || src.fault_in() {
                    continue;
                }
                return Ok(sent);
            }
            Err(Errno::EFAULT) if src.faulted() && src.fault_in() => {
                if !socket.is_stream() {
                    src.rewind(start);
                }
                continue;
            }
            Err(error) => error,
        };
        if sent > 0 {
            return Ok(sent);
        }
        let signals = socket.signals_pipe(out.waited) && !out.flags.contains(MsgFlags::NOSIGNAL);
        if error == Errno::EPIPE && signals {
            // A signal of the kernel's is never refused.
            let _ = send_to_thread(
                thread,
                SigInfo::user(SIGPIPE, thread.process().pid() as i32, thread.cred().uid),
                Origin::Kernel,
            );
        }
        return Err(error);
    }
}

/// Receives as `flags` ask: once, or with `MSG_WAITALL` until all is there.
pub fn receive(
    thread: &Arc<Thread>,
    socket: &Arc<dyn Socket>,
    dst: &mut IoDst<'_>,
    flags: MsgFlags,
    nonblock: bool,
    into: &mut Received,
) -> Result<()> {
    // Errors that wait are there or not.
    let nonblock = nonblock || flags.contains(MsgFlags::ERRQUEUE);
    let wait = Wait::to_receive(&**socket, nonblock);
    let wanted = dst.remaining();
    let peek = flags.contains(MsgFlags::PEEK);
    let mut came = false;
    loop {
        let start = dst.mark();
        let attempt = wait.run(thread, &**socket, socket.seems_idle(), || {
            socket.receive(dst, flags, nonblock, into)
        });
        // Pages that were missing are there now.
        let again = dst.faulted() && dst.fault_in();
        match attempt {
            Ok(()) if peek && again => {
                // Looked at once more from the beginning, wherever that is.
                socket.options().move_peek_offset(into.bytes, false);
                dst.rewind(start);
                *into = Received::default();
            }
            Ok(()) => {
                came = true;
                let enough = || into.bytes >= least(&**socket, flags, wanted) && !again;
                if into.last || dst.remaining() == 0 || peek || enough() {
                    return Ok(());
                }
            }
            Err(Errno::EFAULT) if again && (!came || socket.is_stream()) => {
                if !socket.is_stream() {
                    dst.rewind(start);
                }
            }
            Err(_) if came => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// How many bytes a call waits for.
fn least(socket: &dyn Socket, flags: MsgFlags, wanted: usize) -> usize {
    if !socket.is_stream() || flags.contains(MsgFlags::OOB) {
        0
    } else if flags.contains(MsgFlags::WAITALL) {
        wanted
    } else {
        socket.options().receive_low().min(wanted)
    }
}
