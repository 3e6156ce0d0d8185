//! Ancillary data of sendmsg.
#![no_main]

use libfuzzer_sys::fuzz_target;
use net::control::{HEADER, Message, messages};

fuzz_target!(|bytes: &[u8]| {
    let mut told = 0;
    let mut wrong = false;
    for message in messages(bytes) {
        assert!(!wrong, "a message behind a wrong one");
        match message {
            Ok(Message::Rights(fds)) => told += HEADER + 4 * fds.len(),
            Ok(Message::Credentials(_)) => told += HEADER,
            Ok(Message::Other { data, .. }) => told += HEADER + data.len(),
            Err(_) => wrong = true,
        }
    }
    assert!(told <= bytes.len(), "more than was given");
});
