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
                src.rewind(start);
            }
            result
        };
        // Most have room at once.
        let attempt = match send() {
            Err(Errno::EAGAIN) if !nonblock => {
                Wait::to_send(&**socket, nonblock).run(thread, &**socket, send)
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
        if error == Errno::EPIPE && socket.signals_pipe() && !out.flags.contains(MsgFlags::NOSIGNAL)
        {
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
) -> Result<Received> {
    // Errors that wait are there or not.
    let nonblock = nonblock || flags.contains(MsgFlags::ERRQUEUE);
    let wait = Wait::to_receive(&**socket, nonblock);
    let wanted = dst.remaining();
    let least = if !socket.is_stream() || flags.contains(MsgFlags::OOB) {
        0
    } else if flags.contains(MsgFlags::WAITALL) {
        wanted
    } else {
        socket.options().receive_low().min(wanted)
    };
    let mut whole: Option<Received> = None;
    loop {
        let start = dst.mark();
        let mut last = false;
        // What came stays here while the answer passes through the wait.
        let attempt = wait.run(thread, &**socket, || {
            let received = socket.receive(dst, flags, nonblock)?;
            last = received.last;
            match &mut whole {
                None => whole = Some(received),
                Some(whole) => whole.append(received),
            }
            Ok(())
        });
        let enough = match attempt {
            Ok(()) => {
                let bytes = whole.as_ref().map_or(0, |whole| whole.bytes);
                let more = dst.faulted() && dst.fault_in();
                last || dst.remaining() == 0
                    || flags.contains(MsgFlags::PEEK)
                    || bytes >= least && !more
            }
            Err(Errno::EFAULT) if dst.faulted() => {
                let came = dst.fault_in();
                if came && (whole.is_none() || socket.is_stream()) {
                    if !socket.is_stream() {
                        dst.rewind(start);
                    }
                    continue;
                }
                return whole.ok_or(Errno::EFAULT);
            }
            Err(error) => return whole.ok_or(error),
        };
        if enough {
            return Ok(whole.unwrap_or_else(Received::end));
        }
    }
}
