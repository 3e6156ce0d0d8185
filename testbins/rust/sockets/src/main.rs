//! The Sockets API of Linux as programs in Rust meet it: each promise of the checklist's section E is a case or several,
//! whose names begin with its number. Sockets come from `std::net`, socket2 and tokio, TLS from rustls; none of them
//! knows on which kernel it runs.
// proves B3 B5 D9 D12 E1 E2 E3 E4 E5 E6 E7 E8 E9 E10 E11 E12 E13 E14 E16 E17 E18 E19 E20 E21

#![forbid(unsafe_code)]

mod calls;
mod data;
mod datagrams;
mod dns;
mod ends;
mod names;
mod standard;
mod surroundings;
mod tls;
mod web;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread::JoinHandle;

use trials::{Outcome, cases, expect, expect_eq};

/// What a thread gave, or that it panicked.
fn joined<T>(handle: JoinHandle<io::Result<T>>) -> io::Result<T> {
    handle
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
}

/// A listener on the loopback and a free port.
fn listener() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Two connected ends: who connected, who accepted.
fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let (listener, address) = listener()?;
    let client = TcpStream::connect(address)?;
    Ok((client, listener.accept()?.0))
}

fn main() -> ExitCode {
    let all = [
        calls::CASES,
        ends::CASES,
        datagrams::CASES,
        names::CASES,
        data::CASES,
        tls::CASES,
        surroundings::CASES,
        web::CASES,
        standard::CASES,
    ];
    trials::run(&all, calls::role)
}
