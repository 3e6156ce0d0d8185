//! `std::os::unix::net`, and tokio over it, as their users have them.
// proves A1 A3.2 A3.3 A6 A11

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;
use std::{env, fs, process};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

use crate::{Outcome, cases, expect, expect_eq};

cases![
    unix_pair_talks,
    unix_listener_greets_by_name,
    unix_listener_has_a_file_and_an_address,
    unix_incoming_serves_fifty_threads,
    unix_clone_shares_the_connection,
    unix_half_close_ends_the_reading,
    unix_timeouts_are_would_block,
    unix_nonblocking_accept_would_block,
    unix_peer_gone_is_a_broken_pipe,
    unix_datagrams_by_path,
    unix_datagrams_by_abstract_name,
    unix_abstract_listener_accepts,
    unix_errors_have_their_kinds,
    tokio_pair_talks,
    tokio_datagrams_talk,
    tokio_serves_a_thousand_clients,
];

/// A path of this case's own; the file goes with the value.
struct Place(String);

impl Place {
    fn new() -> Self {
        Self(format!("/tmp/rust-unix-{}", process::id()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = fs::remove_file(&self.0);
    }
}

fn joined<T>(handle: thread::JoinHandle<io::Result<T>>) -> io::Result<T> {
    handle
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
}

fn unix_pair_talks() -> Outcome {
    let (mut a, mut b) = UnixStream::pair()?;
    a.write_all(b"ping")?;
    let mut bytes = [0; 4];
    b.read_exact(&mut bytes)?;
    expect_eq!(&bytes, b"ping");
    expect!(a.local_addr()?.is_unnamed());
    expect!(a.peer_addr()?.is_unnamed());
    Ok(())
}

fn greet(stream: UnixStream) -> io::Result<()> {
    let mut name = String::new();
    let mut reader = BufReader::new(stream);
    reader.read_line(&mut name)?;
    write!(reader.get_mut(), "Hello, {}", name.trim_end())
}

fn unix_listener_greets_by_name() -> Outcome {
    let place = Place::new();
    let listener = UnixListener::bind(&place.0)?;
    let server = thread::spawn(move || greet(listener.accept()?.0));
    let mut client = UnixStream::connect(&place.0)?;
    client.write_all(b"Ada\n")?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    expect_eq!(answer, "Hello, Ada");
    joined(server)?;
    Ok(())
}

fn unix_listener_has_a_file_and_an_address() -> Outcome {
    let place = Place::new();
    let listener = UnixListener::bind(&place.0)?;
    expect!(fs::metadata(&place.0)?.file_type().is_socket());
    expect_eq!(listener.local_addr()?.as_pathname(), Some(place.0.as_ref()));
    let client = UnixStream::connect(&place.0)?;
    expect_eq!(client.peer_addr()?.as_pathname(), Some(place.0.as_ref()));
    let (_, from) = listener.accept()?;
    expect!(from.is_unnamed());
    expect_eq!(listener.take_error()?.map(|error| error.kind()), None);
    Ok(())
}

fn unix_incoming_serves_fifty_threads() -> Outcome {
    let place = Place::new();
    let listener = UnixListener::bind(&place.0)?;
    let server = thread::spawn(move || listener.incoming().take(50).try_for_each(|s| greet(s?)));
    let clients: Vec<_> = (0..50)
        .map(|number| {
            let path = place.0.clone();
            thread::spawn(move || {
                let mut client = UnixStream::connect(path)?;
                writeln!(client, "guest {number}")?;
                let mut answer = String::new();
                client.read_to_string(&mut answer)?;
                Ok(answer == format!("Hello, guest {number}"))
            })
        })
        .collect();
    for client in clients {
        expect!(joined(client)?);
    }
    joined(server)?;
    Ok(())
}

fn unix_clone_shares_the_connection() -> Outcome {
    let (a, mut b) = UnixStream::pair()?;
    let mut again = a.try_clone()?;
    drop(a);
    again.write_all(b"still here")?;
    drop(again);
    let mut text = String::new();
    b.read_to_string(&mut text)?;
    expect_eq!(text, "still here");
    Ok(())
}

fn unix_half_close_ends_the_reading() -> Outcome {
    let (mut a, mut b) = UnixStream::pair()?;
    a.write_all(b"last words")?;
    a.shutdown(Shutdown::Write)?;
    let mut text = String::new();
    b.read_to_string(&mut text)?;
    expect_eq!(text, "last words");
    b.write_all(b"heard")?;
    let mut bytes = [0; 5];
    a.read_exact(&mut bytes)?;
    expect_eq!(&bytes, b"heard");
    Ok(())
}

fn unix_timeouts_are_would_block() -> Outcome {
    let (mut a, _b) = UnixStream::pair()?;
    let limit = Some(Duration::from_millis(20));
    a.set_read_timeout(limit)?;
    expect_eq!(a.read_timeout()?, limit);
    let error = a.read(&mut [0]).err().map(|error| error.kind());
    expect_eq!(error, Some(ErrorKind::WouldBlock));
    Ok(())
}

fn unix_nonblocking_accept_would_block() -> Outcome {
    let place = Place::new();
    let listener = UnixListener::bind(&place.0)?;
    listener.set_nonblocking(true)?;
    let error = listener.accept().err().map(|error| error.kind());
    expect_eq!(error, Some(ErrorKind::WouldBlock));
    Ok(())
}

fn unix_peer_gone_is_a_broken_pipe() -> Outcome {
    let (mut a, b) = UnixStream::pair()?;
    drop(b);
    let error = a.write_all(b"anybody?").err().map(|error| error.kind());
    expect_eq!(error, Some(ErrorKind::BrokenPipe));
    Ok(())
}

fn unix_datagrams_by_path() -> Outcome {
    let place = Place::new();
    let server = UnixDatagram::bind(&place.0)?;
    let client = UnixDatagram::unbound()?;
    client.connect(&place.0)?;
    client.send(b"one")?;
    client.send(b"three")?;
    let mut bytes = [0; 16];
    let (count, from) = server.recv_from(&mut bytes)?;
    expect_eq!(count, 3);
    expect!(from.is_unnamed());
    expect_eq!(server.recv(&mut bytes)?, 5);
    Ok(())
}

fn unix_datagrams_by_abstract_name() -> Outcome {
    let name = format!("rust-{}", process::id());
    let address = SocketAddr::from_abstract_name(&name)?;
    let server = UnixDatagram::bind_addr(&address)?;
    let client = UnixDatagram::unbound()?;
    client.send_to_addr(b"x", &address)?;
    expect_eq!(server.recv(&mut [0; 4])?, 1);
    expect_eq!(
        server.local_addr()?.as_abstract_name(),
        Some(name.as_bytes())
    );
    Ok(())
}

fn unix_abstract_listener_accepts() -> Outcome {
    let name = format!("rust-listener-{}", process::id());
    let address = SocketAddr::from_abstract_name(name)?;
    let listener = UnixListener::bind_addr(&address)?;
    let server = thread::spawn(move || greet(listener.accept()?.0));
    let mut client = UnixStream::connect_addr(&address)?;
    client.write_all(b"Eve\n")?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    expect_eq!(answer, "Hello, Eve");
    joined(server)?;
    Ok(())
}

fn unix_errors_have_their_kinds() -> Outcome {
    let place = Place::new();
    let kind = |result: io::Result<UnixStream>| result.err().map(|error| error.kind());
    expect_eq!(
        kind(UnixStream::connect(&place.0)),
        Some(ErrorKind::NotFound)
    );
    let listener = UnixListener::bind(&place.0)?;
    let taken = UnixListener::bind(&place.0).err().map(|error| error.kind());
    expect_eq!(taken, Some(ErrorKind::AddrInUse));
    drop(listener);
    expect_eq!(
        kind(UnixStream::connect(&place.0)),
        Some(ErrorKind::ConnectionRefused)
    );
    Ok(())
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
}

fn tokio_pair_talks() -> Outcome {
    let answer = runtime()?.block_on(async {
        let (mut a, mut b) = tokio::net::UnixStream::pair()?;
        let echo = tokio::spawn(async move {
            let mut bytes = vec![0; 100_000];
            b.read_exact(&mut bytes).await?;
            b.write_all(&bytes).await
        });
        let sent: Vec<u8> = (0..100_000u32).map(|number| number as u8).collect();
        a.write_all(&sent).await?;
        let mut back = vec![0; sent.len()];
        a.read_exact(&mut back).await?;
        echo.await??;
        io::Result::Ok(back == sent)
    })?;
    expect!(answer);
    Ok(())
}

fn tokio_datagrams_talk() -> Outcome {
    let count = runtime()?.block_on(async {
        let (a, b) = tokio::net::UnixDatagram::pair()?;
        let sender = tokio::spawn(async move {
            for number in 0..1000u32 {
                a.send(&number.to_ne_bytes()).await?;
            }
            io::Result::Ok(())
        });
        let mut bytes = [0; 4];
        let mut right = 0u32;
        for number in 0..1000u32 {
            let count = b.recv(&mut bytes).await?;
            right += u32::from(count == 4 && u32::from_ne_bytes(bytes) == number);
        }
        sender.await??;
        io::Result::Ok(right)
    })?;
    expect_eq!(count, 1000);
    Ok(())
}

/// Each process has a table of 1,024 descriptors: the clients come from two others.
const CLIENTS: usize = 1000;
const CROWDS: usize = 2;

fn tokio_serves_a_thousand_clients() -> Outcome {
    let place = Place::new();
    let path = place.0.clone();
    let served = runtime()?.block_on(async move {
        let listener = tokio::net::UnixListener::bind(&path)?;
        let program = env::current_exe()?;
        let crowd = || Command::new(&program).args(["@crowd", &path]).spawn();
        let mut crowds = (0..CROWDS)
            .map(|_| crowd())
            .collect::<io::Result<Vec<_>>>()?;
        let mut tasks = Vec::new();
        for _ in 0..CLIENTS {
            let (mut stream, _) = listener.accept().await?;
            tasks.push(tokio::spawn(async move {
                let mut bytes = [0; 64];
                let count = stream.read(&mut bytes).await?;
                stream
                    .write_all(bytes.get(..count).unwrap_or_default())
                    .await?;
                // Stays until the client goes.
                stream.read(&mut bytes).await
            }));
        }
        let mut served = 0;
        for task in tasks {
            served += usize::from(task.await?? == 0);
        }
        for crowd in &mut crowds {
            served -= usize::from(!crowd.wait()?.success());
        }
        io::Result::Ok(served)
    })?;
    expect_eq!(served, CLIENTS);
    Ok(())
}

/// Half of the clients: all connected before the first says a word.
pub fn crowd(path: &str) -> ExitCode {
    let all = || -> io::Result<bool> {
        runtime()?.block_on(async {
            let mut clients = Vec::new();
            while clients.len() < CLIENTS / CROWDS {
                match tokio::net::UnixStream::connect(path).await {
                    Ok(client) => clients.push(client),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    Err(error) => return Err(error),
                }
            }
            let mut right = true;
            for (number, client) in clients.iter_mut().enumerate() {
                client.write_all(format!("{number}").as_bytes()).await?;
            }
            for (number, client) in clients.iter_mut().enumerate() {
                let mut bytes = [0; 64];
                let count = client.read(&mut bytes).await?;
                right &= bytes.get(..count) == Some(format!("{number}").as_bytes());
            }
            Ok(right)
        })
    };
    match all() {
        Ok(true) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
