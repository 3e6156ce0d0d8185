//! B5: `std::net` and tokio over TCP and UDP as their users have them.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::{Outcome, cases, expect, expect_eq, joined, listener, pair};

cases![
    std_incoming_greets_fifty_threads,
    std_options_are_kept,
    std_timeouts_are_would_block,
    std_nonblocking_accept_would_block,
    std_clones_share_the_connection,
    std_udp_connects_peeks_and_sends,
    std_errors_have_their_kinds,
    tokio_serves_a_thousand_clients,
    tokio_splits_a_connection,
    tokio_udp_echoes,
    tokio_connect_is_refused,
    tokio_waits_no_longer_than_told,
];

const LIMIT: Duration = Duration::from_secs(25);

fn greet(stream: TcpStream) -> io::Result<()> {
    let mut name = String::new();
    let mut reader = BufReader::new(stream);
    reader.read_line(&mut name)?;
    write!(reader.get_mut(), "Hello, {}", name.trim_end())
}

fn std_incoming_greets_fifty_threads() -> Outcome {
    let (listener, address) = listener()?;
    let server = thread::spawn(move || listener.incoming().take(50).try_for_each(|s| greet(s?)));
    let clients: Vec<_> = (0..50)
        .map(|number| {
            thread::spawn(move || {
                let mut client = TcpStream::connect(address)?;
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

fn std_options_are_kept() -> Outcome {
    let (client, _server) = pair()?;
    expect!(!client.nodelay()?);
    client.set_nodelay(true)?;
    expect!(client.nodelay()?);
    client.set_ttl(42)?;
    expect_eq!(client.ttl()?, 42);
    expect_eq!(client.read_timeout()?, None);
    client.set_read_timeout(Some(Duration::from_millis(1500)))?;
    expect_eq!(client.read_timeout()?, Some(Duration::from_millis(1500)));
    expect_eq!(client.take_error()?.map(|error| error.kind()), None);
    Ok(())
}

fn std_timeouts_are_would_block() -> Outcome {
    let (mut client, _server) = pair()?;
    client.set_read_timeout(Some(Duration::from_millis(20)))?;
    let read = client.read(&mut [0; 4]).map_err(|error| error.kind());
    expect_eq!(read, Err(ErrorKind::WouldBlock));
    Ok(())
}

fn std_nonblocking_accept_would_block() -> Outcome {
    let (listener, address) = listener()?;
    listener.set_nonblocking(true)?;
    let nobody = listener.accept().map(|_| ()).map_err(|error| error.kind());
    expect_eq!(nobody, Err(ErrorKind::WouldBlock));
    let _client = TcpStream::connect(address)?;
    listener.accept()?;
    Ok(())
}

fn std_clones_share_the_connection() -> Outcome {
    let (client, mut server) = pair()?;
    let mut clone = client.try_clone()?;
    drop(client);
    clone.write_all(b"still here")?;
    let mut bytes = [0; 10];
    server.read_exact(&mut bytes)?;
    expect_eq!(&bytes, b"still here");
    Ok(())
}

fn std_udp_connects_peeks_and_sends() -> Outcome {
    let one = UdpSocket::bind("127.0.0.1:0")?;
    let other = UdpSocket::bind("127.0.0.1:0")?;
    one.connect(other.local_addr()?)?;
    expect_eq!(one.send(b"datagram")?, 8);
    let mut bytes = [0; 32];
    expect_eq!(other.peek_from(&mut bytes)?, (8, one.local_addr()?));
    expect_eq!(other.recv_from(&mut bytes)?, (8, one.local_addr()?));
    other.send_to(b"back", one.local_addr()?)?;
    expect_eq!(one.recv(&mut bytes)?, 4);
    let six = UdpSocket::bind("[::1]:0")?;
    six.send_to(b"to itself", six.local_addr()?)?;
    expect_eq!(six.recv_from(&mut bytes)?, (9, six.local_addr()?));
    Ok(())
}

fn std_errors_have_their_kinds() -> Outcome {
    let (held, address) = listener()?;
    let taken = TcpListener::bind(address).map(|_| ()).map_err(|e| e.kind());
    expect_eq!(taken, Err(ErrorKind::AddrInUse));
    drop(held);
    let refused = TcpStream::connect(address)
        .map(|_| ())
        .map_err(|e| e.kind());
    expect_eq!(refused, Err(ErrorKind::ConnectionRefused));
    let other = TcpListener::bind("192.0.2.1:0")
        .map(|_| ())
        .map_err(|e| e.kind());
    expect_eq!(other, Err(ErrorKind::AddrNotAvailable));
    Ok(())
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}

fn tokio_serves_a_thousand_clients() -> Outcome {
    runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut bytes = [0; 8];
                    while let Ok(len @ 1..) = stream.read(&mut bytes).await {
                        if stream
                            .write_all(bytes.get(..len).unwrap_or_default())
                            .await
                            .is_err()
                        {
                            break;
                        }
                    }
                });
            }
        });
        // As many at once as there are descriptors for both ends.
        for round in 0..4_u32 {
            let clients: Vec<_> = (round * 250..(round + 1) * 250)
                .map(|number| {
                    tokio::spawn(async move {
                        let mut stream = tokio::net::TcpStream::connect(address).await?;
                        stream.write_all(&number.to_le_bytes()).await?;
                        let mut back = [0; 4];
                        stream.read_exact(&mut back).await?;
                        io::Result::Ok(u32::from_le_bytes(back) == number)
                    })
                })
                .collect();
            for client in clients {
                expect!(timeout(LIMIT, client).await???);
            }
        }
        Ok(())
    })
}

fn tokio_splits_a_connection() -> Outcome {
    runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("[::1]:0").await?;
        let address = listener.local_addr()?;
        let client = tokio::spawn(tokio::net::TcpStream::connect(address));
        let (mut server, _) = listener.accept().await?;
        let (mut reading, mut writing) = client.await??.into_split();
        let echo = tokio::spawn(async move {
            let mut all = Vec::new();
            server.read_to_end(&mut all).await?;
            server.write_all(&all).await
        });
        let sent: Vec<u8> = (0..1_000_000_u32).map(|at| at.to_le_bytes()[1]).collect();
        writing.write_all(&sent).await?;
        writing.shutdown().await?;
        let mut back = Vec::new();
        timeout(LIMIT, reading.read_to_end(&mut back)).await??;
        echo.await??;
        expect!(back == sent);
        Ok(())
    })
}

fn tokio_udp_echoes() -> Outcome {
    runtime()?.block_on(async {
        let server = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
        let address = server.local_addr()?;
        tokio::spawn(async move {
            let mut bytes = [0; 64];
            while let Ok((len, from)) = server.recv_from(&mut bytes).await {
                let _ = server
                    .send_to(bytes.get(..len).unwrap_or_default(), from)
                    .await;
            }
        });
        let client = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
        client.connect(address).await?;
        for _ in 0..100 {
            client.send(b"echo").await?;
            let mut bytes = [0; 16];
            expect_eq!(timeout(LIMIT, client.recv(&mut bytes)).await??, 4);
        }
        Ok(())
    })
}

fn tokio_connect_is_refused() -> Outcome {
    let (held, address) = listener()?;
    drop(held);
    runtime()?.block_on(async {
        let refused = tokio::net::TcpStream::connect(address).await.map(|_| ());
        expect_eq!(
            refused.map_err(|error| error.kind()),
            Err(ErrorKind::ConnectionRefused)
        );
        Ok(())
    })
}

fn tokio_waits_no_longer_than_told() -> Outcome {
    let (client, _server) = pair()?;
    client.set_nonblocking(true)?;
    runtime()?.block_on(async {
        let mut client = tokio::net::TcpStream::from_std(client)?;
        let late = timeout(Duration::from_millis(20), client.read_u8()).await;
        expect!(late.is_err());
        Ok(())
    })
}
