//! Netlink messages and attributes: any bytes are read to an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use inet::netlink::message::{attributes, find, messages, number, text};

fuzz_target!(|bytes: &[u8]| {
    for (header, body) in messages(bytes) {
        assert!(header.len as usize <= bytes.len());
        for (kind, data) in attributes(body) {
            let _ = (number(data), text(data), find(body, kind));
            for (_, inner) in attributes(data) {
                let _ = number(inner);
            }
        }
    }
    let _ = inet::link::neighbour::told_by(bytes);
});
