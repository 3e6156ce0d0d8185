//! E16: more bytes than any buffer holds.

use std::io::{ErrorKind, Read, Write};
use std::thread;

use socket2::SockRef;

use crate::{Outcome, cases, expect, expect_eq, joined, pair};

cases![
    e16_ten_megabytes_to_a_slow_reader_arrive_whole,
    e16_a_writer_that_does_not_wait_is_told_to_come_back,
];

const AMOUNT: usize = 10 << 20;

/// Bytes that never repeat at the distance of a buffer.
fn byte(at: usize) -> u8 {
    let at = at as u64;
    (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

fn e16_ten_megabytes_to_a_slow_reader_arrive_whole() -> Outcome {
    let (mut client, mut server) = pair()?;
    SockRef::from(&client).set_send_buffer_size(16384)?;
    let writer = thread::spawn(move || {
        let all: Vec<u8> = (0..AMOUNT).map(byte).collect();
        client.write_all(&all)
    });
    let mut piece = vec![0; 3001];
    let mut at = 0;
    loop {
        let len = server.read(&mut piece)?;
        if len == 0 {
            break;
        }
        for got in piece.iter().take(len) {
            if *got != byte(at) {
                return Err(format!("byte {at} is another").into());
            }
            at += 1;
        }
        if at % 64 == 0 {
            thread::yield_now();
        }
    }
    expect_eq!(at, AMOUNT);
    joined(writer)?;
    Ok(())
}

fn e16_a_writer_that_does_not_wait_is_told_to_come_back() -> Outcome {
    let (mut client, mut server) = pair()?;
    client.set_nonblocking(true)?;
    let piece = [7; 4096];
    let mut sent = 0;
    loop {
        match client.write(&piece) {
            Ok(len) => sent += len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error.into()),
        }
    }
    expect!(sent >= 4096);
    drop(client);
    let mut all = Vec::new();
    server.read_to_end(&mut all)?;
    expect_eq!(all.len(), sent);
    Ok(())
}
