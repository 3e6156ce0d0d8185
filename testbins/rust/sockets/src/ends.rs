//! E9, E13, E19 and parts of E14: how connections end, and what is seen before they do.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use std::{fs, process, thread};

use rustix::io::ioctl_fionread;
use socket2::{Domain, SockAddr, SockRef, Socket, TcpKeepalive, Type};

use crate::{Outcome, cases, expect, expect_eq, joined, pair};

cases![
    e9_a_local_server_writes_after_the_client_is_done,
    e13_peek_and_fionread_leave_the_bytes,
    e13_half_close_and_closing_twice,
    e14_connect_gives_up_in_time,
    e14_keepalive_is_kept,
    e14_a_socket_is_bound_to_a_device,
    e19_a_reset_is_told_to_the_reader,
];

fn e9_a_local_server_writes_after_the_client_is_done() -> Outcome {
    let path = format!("/tmp/sockets-{}", process::id());
    let listener = UnixListener::bind(&path)?;
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let mut all = String::new();
        stream.read_to_string(&mut all)?;
        write!(stream, "{} bytes", all.len())
    });
    let mut client = UnixStream::connect(&path)?;
    client.write_all(b"a question")?;
    client.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    expect_eq!(answer, "10 bytes");
    joined(server)?;
    fs::remove_file(&path)?;
    Ok(())
}

fn e13_peek_and_fionread_leave_the_bytes() -> Outcome {
    let (mut client, mut server) = pair()?;
    client.write_all(b"twelve bytes")?;
    let mut bytes = [0; 32];
    expect_eq!(server.peek(&mut bytes)?, 12);
    expect_eq!(ioctl_fionread(&server)?, 12);
    let mut six = [0; 6];
    server.read_exact(&mut six)?;
    expect_eq!(&six, b"twelve");
    expect_eq!(ioctl_fionread(&server)?, 6);
    Ok(())
}

fn e13_half_close_and_closing_twice() -> Outcome {
    let (mut client, mut server) = pair()?;
    client.write_all(b"last words")?;
    client.shutdown(Shutdown::Write)?;
    client.shutdown(Shutdown::Write)?;
    let mut said = String::new();
    server.read_to_string(&mut said)?;
    expect!(said == "last words");
    server.write_all(b"answer")?;
    drop(server);
    said.clear();
    client.read_to_string(&mut said)?;
    expect_eq!(said, "answer");
    let again = client
        .shutdown(Shutdown::Both)
        .map_err(|error| error.kind());
    expect!(matches!(again, Ok(()) | Err(ErrorKind::NotConnected)));
    Ok(())
}

fn e14_connect_gives_up_in_time() -> Outcome {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))?;
    socket.listen(0)?;
    let address = socket.local_addr()?.as_socket().ok_or("no address")?;
    // A queue for none holds one.
    let _first = TcpStream::connect(address)?;
    let second = TcpStream::connect_timeout(&address, Duration::from_millis(200));
    expect_eq!(
        second.map_err(|error| error.kind()).err(),
        Some(ErrorKind::TimedOut)
    );
    Ok(())
}

fn e14_keepalive_is_kept() -> Outcome {
    let (client, _server) = pair()?;
    let socket = SockRef::from(&client);
    expect!(!socket.keepalive()?);
    let times = TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(5))
        .with_retries(3);
    socket.set_tcp_keepalive(&times)?;
    expect!(socket.keepalive()?);
    expect_eq!(socket.tcp_keepalive_time()?, Duration::from_secs(30));
    expect_eq!(socket.tcp_keepalive_interval()?, Duration::from_secs(5));
    expect_eq!(socket.tcp_keepalive_retries()?, 3);
    Ok(())
}

fn e14_a_socket_is_bound_to_a_device() -> Outcome {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind_device(Some(b"lo"))?;
    expect_eq!(socket.device()?, Some(b"lo".to_vec()));
    let none = socket.bind_device(Some(b"none-such")).err();
    expect_eq!(
        none.and_then(|error| error.raw_os_error()),
        Some(rustix::io::Errno::NODEV.raw_os_error())
    );
    let (_listener, address) = crate::listener()?;
    socket.connect(&SockAddr::from(address))?;
    Ok(())
}

fn e19_a_reset_is_told_to_the_reader() -> Outcome {
    let (client, mut server) = pair()?;
    SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
    drop(client);
    let mut bytes = [0; 8];
    let told = server.read(&mut bytes).map_err(|error| error.kind());
    expect_eq!(told, Err(ErrorKind::ConnectionReset));
    // Told once; then it is the end.
    expect_eq!(server.read(&mut bytes)?, 0);
    let written = server.write(b"x").map_err(|error| error.kind());
    expect_eq!(written, Err(ErrorKind::BrokenPipe));
    Ok(())
}
