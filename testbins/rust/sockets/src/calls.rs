//! E1 to E6: connecting, listening, names of both ends, binds that are refused.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::thread;

use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::{Outcome, cases, expect, expect_eq, joined, listener, pair};

cases![
    e1_connect_by_address_by_name_and_by_port_in_both_families,
    e2_511_connects_before_any_accept,
    e3_listening_steps_over_ports_that_are_taken,
    e4_shutdown_of_a_server_ends_its_accept_loop,
    e5_names_of_both_ends_and_of_none,
    e6_binds_that_are_refused,
    e6_port_80_wants_the_privilege,
];

/// A number of nobody's.
const NOBODY: u32 = 65534;

/// Plays what a case starts this program again for.
pub fn role(name: &str, args: &[&str]) -> ExitCode {
    match (name, args) {
        ("@bind", [address]) => match TcpListener::bind(address) {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => {
                ExitCode::from(u8::try_from(error.raw_os_error().unwrap_or(255)).unwrap_or(u8::MAX))
            }
        },
        _ => ExitCode::from(255),
    }
}

fn errno<T>(result: io::Result<T>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

fn code(errno: Errno) -> Option<i32> {
    Some(errno.raw_os_error())
}

fn greet(listener: &TcpListener, to: impl Fn() -> io::Result<TcpStream>) -> io::Result<()> {
    let mut client = to()?;
    let (mut server, _) = listener.accept()?;
    client.write_all(b"hello")?;
    let mut bytes = [0; 5];
    server.read_exact(&mut bytes)?;
    if &bytes == b"hello" {
        Ok(())
    } else {
        Err(io::Error::other("other bytes came"))
    }
}

fn e1_connect_by_address_by_name_and_by_port_in_both_families() -> Outcome {
    let (four, address) = listener()?;
    greet(&four, || TcpStream::connect(address))?;
    greet(&four, || TcpStream::connect(("127.0.0.1", address.port())))?;
    greet(&four, || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, address.port()))
    })?;
    // Both addresses of the name are tried.
    greet(&four, || TcpStream::connect(("localhost", address.port())))?;
    let six = TcpListener::bind("[::1]:0")?;
    let address = six.local_addr()?;
    greet(&six, || TcpStream::connect(address))?;
    greet(&six, || {
        TcpStream::connect((Ipv6Addr::LOCALHOST, address.port()))
    })?;
    greet(&six, || TcpStream::connect(("localhost", address.port())))?;
    let both = TcpListener::bind("[::]:0")?;
    let port = both.local_addr()?.port();
    greet(&both, || TcpStream::connect((Ipv4Addr::LOCALHOST, port)))?;
    greet(&both, || TcpStream::connect((Ipv6Addr::LOCALHOST, port)))?;
    Ok(())
}

fn e2_511_connects_before_any_accept() -> Outcome {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))?;
    socket.listen(511)?;
    let address = socket.local_addr()?.as_socket().ok_or("no address")?;
    let clients: io::Result<Vec<_>> = (0..511).map(|_| TcpStream::connect(address)).collect();
    let clients = clients?;
    for client in &clients {
        let (_, from) = socket.accept()?;
        expect_eq!(from.as_socket(), client.local_addr().ok());
    }
    Ok(())
}

/// The first port from this one on that can be had.
fn listen_any(from: u16) -> io::Result<TcpListener> {
    for port in from..from.saturating_add(50) {
        match TcpListener::bind(("127.0.0.1", port)) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            other => return other,
        }
    }
    Err(ErrorKind::AddrInUse.into())
}

fn e3_listening_steps_over_ports_that_are_taken() -> Outcome {
    let first = listen_any(18000)?;
    let port = first.local_addr()?.port();
    let second = listen_any(port)?;
    let third = listen_any(port)?;
    expect!(second.local_addr()?.port() > port);
    expect!(third.local_addr()?.port() > second.local_addr()?.port());
    Ok(())
}

fn e4_shutdown_of_a_server_ends_its_accept_loop() -> Outcome {
    let (listener, address) = listener()?;
    let closer = Socket::from(listener.try_clone()?);
    let server = thread::spawn(move || {
        let mut served = 0;
        loop {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    served += 1;
                    stream.write_all(b"served")?;
                }
                Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(served),
                Err(error) => return Err(error),
            }
        }
    });
    for _ in 0..3 {
        let mut said = String::new();
        TcpStream::connect(address)?.read_to_string(&mut said)?;
        expect_eq!(said, "served");
    }
    closer.shutdown(Shutdown::Both)?;
    expect_eq!(joined(server)?, 3);
    expect_eq!(errno(TcpStream::connect(address)), code(Errno::CONNREFUSED));
    Ok(())
}

fn e5_names_of_both_ends_and_of_none() -> Outcome {
    let (client, server) = pair()?;
    expect_eq!(client.local_addr()?, server.peer_addr()?);
    expect_eq!(client.peer_addr()?, server.local_addr()?);
    let alone = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    expect_eq!(errno(alone.peer_addr()), code(Errno::NOTCONN));
    let nothing = alone.local_addr()?.as_socket().ok_or("no address")?;
    expect_eq!(nothing, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
    expect_eq!(errno(alone.shutdown(Shutdown::Both)), code(Errno::NOTCONN));
    Ok(())
}

fn e6_binds_that_are_refused() -> Outcome {
    let (_held, address) = listener()?;
    expect_eq!(errno(TcpListener::bind(address)), code(Errno::ADDRINUSE));
    expect_eq!(
        errno(TcpListener::bind("192.0.2.1:0")),
        code(Errno::ADDRNOTAVAIL)
    );
    expect_eq!(
        errno(TcpListener::bind("[2001:db8::1]:0")),
        code(Errno::ADDRNOTAVAIL)
    );
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let six = SockAddr::from(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)));
    expect_eq!(errno(socket.bind(&six)), code(Errno::AFNOSUPPORT));
    Ok(())
}

fn bind_as_nobody(address: &str) -> io::Result<Option<i32>> {
    let status = Command::new(std::env::current_exe()?)
        .args(["@bind", address])
        .uid(NOBODY)
        .gid(NOBODY)
        .status()?;
    Ok(status.code())
}

fn e6_port_80_wants_the_privilege() -> Outcome {
    expect_eq!(bind_as_nobody("127.0.0.1:80")?, code(Errno::ACCESS));
    expect_eq!(bind_as_nobody("127.0.0.1:18080")?, Some(0));
    TcpListener::bind("127.0.0.1:80")?;
    Ok(())
}
